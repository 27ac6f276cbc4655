//! Takes what is invalid out of the shared store, for its room.
//!
//! ```text
//! scan some headers ─► read what is new in the log ─► invalid by it? ─► taken out, if the header is the same still
//! ```
//! Whether an entry is invalid is asked of a log that is newer than the entry. So what is taken out was
//! unreachable before, for everyone; and an entry that was written again meanwhile has another header.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::super::together::TOGETHER_MAX;
use super::super::{Cache, Inner};
use super::Shared;
use super::entry::Judged;
use crate::error::Error;
use crate::key::CacheKey;
use crate::remote::Down;
use crate::tier::remote::open;

/// A step of the way counts for so many entries at least: the server looks at more than those of a
/// namespace.
const STEP_LEAST: u64 = 64;

/// How far a [`Reclaiming`] has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reclaimed {
    /// Entries looked at; what changes meanwhile may be seen twice.
    pub scanned: u64,
    /// Of these, the ones taken out.
    pub entries: u64,
    /// What they took at the server, in bytes, without their keys.
    pub bytes: u64,
}

/// A reclaiming on its way, from [`Cache::reclaim`]. Dropped, it stops; what it has taken out is gone.
pub struct Reclaiming {
    so_far: watch::Receiver<Reclaimed>,
    task: JoinHandle<Result<(), Error>>,
}

impl Reclaiming {
    /// How far it has come.
    pub fn so_far(&self) -> Reclaimed {
        *self.so_far.borrow()
    }

    /// Whether it has ended.
    pub fn is_done(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits until it has seen all. Dropping the future stops it.
    ///
    /// # Errors
    /// [`Error::CutOff`] if the link is lost on the way, [`Error::Closed`] if the cache is gone,
    /// [`Error::Abandoned`] if the runtime is.
    pub async fn done(mut self) -> Result<Reclaimed, Error> {
        let ended = (&mut self.task).await;
        ended.unwrap_or(Err(Error::Abandoned))?;
        Ok(self.so_far())
    }
}

impl Drop for Reclaiming {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reclaiming in the background.
#[derive(Default)]
pub(super) struct Sweep {
    is_running: AtomicBool,
    /// Something was invalidated since it began.
    is_due: AtomicBool,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// Takes out of the shared store what invalidations have made invalid, for its room: nobody is
    /// served that any more, but it stays there until its time is over or the server needs the room.
    /// Goes once through all keys of the server, in the background, and looks at no more than
    /// `entries_per_second` (0 counts as 1) of this cache. Each entry that is taken out costs a message
    /// to every process. Without a shared store it has ended at once.
    ///
    /// # Errors
    /// [`Error::NoRuntime`] outside a tokio runtime, if the builder was given none.
    ///
    /// ```
    /// # async fn example(users: larder::Cache<u64, String>) -> Result<(), larder::Error> {
    /// users.invalidate_tag("team:7").await?;
    /// let reclaimed = users.reclaim(5_000)?.done().await?;
    /// println!("{} of {} entries, {} bytes", reclaimed.entries, reclaimed.scanned, reclaimed.bytes);
    /// # Ok(()) }
    /// ```
    pub fn reclaim(&self, entries_per_second: u32) -> Result<Reclaiming, Error> {
        let runtime = self.inner.runtime()?;
        let (told, so_far) = watch::channel(Reclaimed::default());
        let weak = Arc::downgrade(&self.inner);
        let task = runtime.spawn(async move {
            let mut cursor = 0;
            loop {
                let began = Instant::now();
                let Some(inner) = weak.upgrade() else {
                    return Err(Error::Closed);
                };
                let (next, step) = inner
                    .reclaim_some(cursor)
                    .await
                    .map_err(|_| Error::CutOff)?;
                drop(inner);
                told.send_modify(|so_far| {
                    so_far.scanned += step.scanned;
                    so_far.entries += step.entries;
                    so_far.bytes += step.bytes;
                });
                if next == 0 {
                    return Ok(());
                }
                cursor = next;
                tokio::time::sleep_until(began + step.takes(entries_per_second)).await;
            }
        });
        Ok(Reclaiming { so_far, task })
    }
}

impl Reclaimed {
    /// How long a step takes at this rate.
    fn takes(self, per_second: u32) -> Duration {
        let micros = self.scanned.max(STEP_LEAST) * 1_000_000 / u64::from(per_second.max(1));
        Duration::from_micros(micros)
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Looks at some entries, takes out those of no use, and says where to go on, 0 at the end.
    async fn reclaim_some(&self, cursor: u64) -> Result<(u64, Reclaimed), Down> {
        let mut step = Reclaimed::default();
        let Some(shared) = &self.shared else {
            return Ok((0, step));
        };
        let (link, epoch) = (shared.link()?, shared.gate.epoch());
        let (next, entries) = link.scan(cursor).await?;
        step.scanned = entries.len() as u64;
        self.catch_up(link).await?;
        if !shared.gate.is_open(self.clock.exact()) {
            return Err(Down("the link was lost".into()));
        }
        let is_useless = |(key, header): &&(String, Vec<u8>)| shared.is_useless(key, header);
        let useless: Vec<_> = entries.iter().filter(is_useless).collect();
        for some in useless.chunks(TOGETHER_MAX) {
            // What was judged in an epoch that is over may be another's by now.
            if !shared.is_of(Some(epoch)) {
                return Err(Down("the link was lost".into()));
            }
            let reclaiming = some.iter().map(|(key, header)| link.reclaim(key, header));
            for bytes in join_all(reclaiming).await {
                let bytes = bytes?;
                step.entries += u64::from(bytes > 0);
                step.bytes += bytes;
            }
        }
        let reclaimed = &shared.counts.reclaimed;
        reclaimed.fetch_add(step.entries, Ordering::Relaxed);
        Ok((next, step))
    }

    /// Reclaims in the background, if that is wanted: once for all that is invalidated in X.
    pub(super) fn reclaim_soon(self: &Arc<Self>, shared: &Shared<V>) {
        let Some(per_second) = shared.sharing.reclaims_per_second else {
            return;
        };
        shared.sweep.is_due.store(true, Ordering::Release);
        let Ok(runtime) = self.runtime() else { return };
        if shared.sweep.is_running.swap(true, Ordering::AcqRel) {
            return;
        }
        let (weak, wait) = (Arc::downgrade(self), shared.sharing.staleness);
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(wait).await;
                let Some(inner) = weak.upgrade() else { return };
                let Some(shared) = &inner.shared else { return };
                let sweep = &shared.sweep;
                if inner.log.is_closed() || !sweep.is_due.swap(false, Ordering::AcqRel) {
                    sweep.is_running.store(false, Ordering::Release);
                    // Due since the last look.
                    let is_over = inner.log.is_closed()
                        || !sweep.is_due.load(Ordering::Acquire)
                        || sweep.is_running.swap(true, Ordering::AcqRel);
                    if is_over {
                        return;
                    }
                    continue;
                }
                let cache = Cache { inner };
                let reclaiming = cache.reclaim(per_second);
                drop(cache);
                let Ok(reclaiming) = reclaiming else { return };
                if let Err(error) = reclaiming.done().await {
                    tracing::debug!(%error, "reclaiming begins anew");
                    if let Some(shared) = weak.upgrade().as_ref().and_then(|i| i.shared.as_ref()) {
                        shared.sweep.is_due.store(true, Ordering::Release);
                    }
                }
            }
        });
    }
}

impl<V> Shared<V> {
    /// Whether an entry with this header is served to nobody any more. What programs of other versions
    /// have stored is theirs.
    fn is_useless(&self, text: &str, header: &[u8]) -> bool {
        let Ok(opened) = open(text, header) else {
            return false;
        };
        opened.header.schema == self.schema
            && matches!(self.verdict(text, &opened.header), Judged::Useless)
    }
}
