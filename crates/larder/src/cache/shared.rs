//! A store that other processes share: what this process may trust of it, and what it owes it.
//!
//! ```text
//! get ──► memory, while the gate is open ──► [disk] ──► read ──► valid? ──► value
//!                                                  └ nothing: lease ─ load ─ fill ─ publish
//! pushed: this key, the log changed  ──► suspect from now on; compared by version when next asked for
//! vouched for: all was told          ──► the gate stays open
//! ended: the connection is lost      ──► the gate is closed, all that is held is suspect
//! ```
//! The protocol and its reasons stand in `docs/protocol.md`.

mod append;
mod entry;
mod figures;
mod hear;
mod land;
mod lease;
mod log;
mod outbox;
mod pace;
mod put;
mod read;
mod reclaim;
mod renew;
mod samples;
mod settings;
mod write;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use self::log::SharedLog;
use self::outbox::Outbox;
use self::pace::Pace;
use self::reclaim::Sweep;
use self::samples::Samples;
use super::below::Raised;
use super::load::Call;
use super::{Cache, Inner};
use crate::checks::{Check, Checks};
use crate::clock::{Clock, Tick};
use crate::entry::{Entry, Source};
use crate::error::{BuildError, Error};
use crate::flight::Began;
use crate::gate::{Gate, SUSPECT};
use crate::key::CacheKey;
use crate::log::Standing;
use crate::notes::Notes;
use crate::remote::{Down, Hearer, Link, Membership};
use crate::tier::Owed;
use crate::tier::codec::Typed;
use crate::tier::memory::Meta;
pub(crate) use hear::Ear;
pub(super) use lease::Lease;
pub use reclaim::{Reclaimed, Reclaiming};
pub(super) use renew::Renewing;
pub(super) use samples::Answer;
pub use settings::{CutOff, Sharing};

/// Keys of one of these wake together when one of them changes.
const WAKERS: usize = 64;
/// What the clock may be behind, where its ticks are in time.
const CLOCK_LAG: Duration = Duration::from_millis(10);

/// A cache's side of a link.
pub(crate) struct Shared<V> {
    link: OnceLock<Arc<dyn Link>>,
    gate: Gate,
    log: SharedLog,
    outbox: Mutex<Outbox>,
    is_replaying: AtomicBool,
    typed: Typed<V>,
    sharing: Sharing,
    schema: u64,
    checks: Checks,
    /// Those who wait for another process's load.
    woken: [Notify; WAKERS],
    counts: Counts,
    /// Reclaiming in the background: whether it runs, and whether there is more to do when it is through.
    sweep: Sweep,
    pace: Pace,
    samples: Samples,
    /// Milliseconds of the tick at which the link was lost the last time.
    cut_off_since: AtomicU64,
}

/// What became of reads and loads.
#[derive(Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    revalidated: AtomicU64,
    fills: AtomicU64,
    extended: AtomicU64,
    overtaken: AtomicU64,
    refused: AtomicU64,
    undecodable: AtomicU64,
    invalid: AtomicU64,
    leased: AtomicU64,
    short: AtomicU64,
    reclaimed: AtomicU64,
}

impl<V> Shared<V> {
    /// `owed`: what an earlier life of the cache has not sent.
    pub(crate) fn new(
        name: &str,
        sharing: Sharing,
        schema: u64,
        typed: Typed<V>,
        owed: Vec<Owed>,
        checks: Checks,
    ) -> Self {
        Self {
            samples: Samples::new(name, sharing.one_in),
            link: OnceLock::new(),
            gate: Gate::new(sharing.staleness),
            log: SharedLog::default(),
            outbox: Mutex::new(Outbox::recovered(owed)),
            is_replaying: AtomicBool::new(false),
            typed,
            sharing,
            schema,
            checks,
            woken: [const { Notify::const_new() }; WAKERS],
            counts: Counts::default(),
            sweep: Sweep::default(),
            pace: Pace::default(),
            cut_off_since: AtomicU64::new(0),
        }
    }

    fn link(&self) -> Result<&dyn Link, Down> {
        let link = self.link.get().map(|link| &**link);
        link.ok_or_else(|| Down("the cache is not built yet".into()))
    }

    /// The least number that an entry may be served with at first sight. To be asked before the look.
    #[inline]
    pub(super) fn horizon(&self, now: Tick, clock: &Clock) -> u64 {
        if self.gate.is_open_by(clock, now) || !self.checks.stands(Check::Gate) {
            self.gate.floor()
        } else {
            u64::MAX
        }
    }

    /// How long what was loaded may be used that nobody vouches for, from when its load began.
    fn kept_short(&self) -> Duration {
        self.sharing.staleness.saturating_sub(2 * CLOCK_LAG)
    }

    /// Whether an entry that is under the [horizon](Self::horizon) may be served, its log aside:
    /// one that is no other process's may, until its own early end.
    pub(super) fn may_serve(meta: &Meta, notes: &Notes, horizon: u64) -> bool {
        if meta.version == SUSPECT {
            return false;
        }
        meta.version >= horizon || notes.get(meta.note).is_none_or(|note| note.mark.is_none())
    }

    /// Whether who asks now may wait for what began then.
    pub(super) fn may_join(&self, running: Began, now: Tick, clock: &Clock) -> bool {
        self.gate.is_open_by(clock, now) && running.stamp >= self.gate.floor()
            || now < running.when.after(self.kept_short())
            || !self.checks.stands(Check::Together)
    }

    /// Whether this epoch is the present one.
    pub(super) fn is_of(&self, epoch: Option<u64>) -> bool {
        epoch == Some(self.gate.epoch()) || !self.checks.stands(Check::Epoch)
    }

    fn waker(&self, hash: u64) -> &Notify {
        &self.woken[hash as usize % WAKERS]
    }

    fn count(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// Joins the shared store, if there is one.
    pub(crate) fn join(&self) -> Result<(), BuildError> {
        let Some(shared) = &self.inner.shared else {
            return Ok(());
        };
        // There has been no link so far: what is on disk may be served from now on for so long.
        let now = self.inner.clock.now();
        shared
            .cut_off_since
            .store(now.as_millis(), Ordering::Release);
        let ear: Arc<dyn Hearer> = Arc::new(Ear(Arc::downgrade(&self.inner)));
        let joined = shared.sharing.remote.join(Membership {
            namespace: self.inner.name.clone(),
            hearer: ear,
            staleness: shared.sharing.staleness,
            runtime: self.inner.runtime.clone(),
        });
        let link = joined.map_err(|reason| BuildError::Remote {
            name: self.inner.name.to_string(),
            reason,
        })?;
        let _ = shared.link.set(link);
        Ok(())
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// The least number that an entry in memory may be served with at first sight. To be asked before
    /// the look.
    #[inline]
    pub(super) fn horizon(&self, now: Tick) -> u64 {
        let log = self.log.horizon();
        match &self.shared {
            None => log,
            Some(shared) => log.max(shared.horizon(now, &self.clock)),
        }
    }

    /// Whether an entry's standing with the shared store lets it be served. `horizon` is the shared
    /// store's, asked before the look.
    pub(super) fn is_trusted(&self, meta: &Meta, horizon: u64) -> bool {
        self.shared.is_none() || Shared::<V>::may_serve(meta, &self.notes, horizon)
    }

    /// The shared store's part of [`horizon`](Self::horizon).
    pub(super) fn shared_horizon(&self, now: Tick) -> u64 {
        let shared = self.shared.as_ref();
        shared.map_or(0, |shared| shared.horizon(now, &self.clock))
    }

    /// Whether there is a shared store, and no link to it that would vouch for what memory holds.
    pub(super) fn is_cut_off(&self) -> bool {
        let shared = self.shared.as_ref();
        shared.is_some_and(|shared| !shared.gate.is_open(self.clock.exact()))
    }

    /// Whether what was read in an epoch of the shared store was read in the present one.
    pub(super) fn is_epochs(&self, raised: &Raised<V>) -> bool {
        match (&self.shared, raised.epoch) {
            (Some(shared), epoch @ Some(_)) => shared.is_of(epoch),
            _ => true,
        }
    }

    /// What a get that found nothing is answered while there is no link, if the settings say so.
    pub(super) async fn without_link(
        &self,
        key: &K,
        call: &Call,
    ) -> Result<Option<Entry<V>>, Error> {
        let Some(shared) = &self.shared else {
            return Ok(None);
        };
        if !self.is_cut_off() {
            return Ok(None);
        }
        let now = self.clock.now();
        match shared.sharing.cut_off {
            CutOff::Short => Ok(None),
            CutOff::Error => Err(Error::CutOff),
            CutOff::Stale(limit) => {
                let since = Tick::from_millis(shared.cut_off_since.load(Ordering::Acquire));
                if now >= since.after(limit) {
                    return Ok(None);
                }
                if let Some(entry) = self.held_without_link(key, call, now) {
                    return Ok(Some(entry));
                }
                Ok(self.on_disk_without_link(key, call, now).await)
            }
        }
    }

    /// What memory holds, whatever others have done to it since the link was lost.
    fn held_without_link(&self, key: &K, call: &Call, now: Tick) -> Option<Entry<V>> {
        let hit = self.memory.get(call.hash, key, now, |meta| {
            let note = self.notes.get(meta.note).unwrap_or_default();
            meta.version != SUSPECT
                && (call.at.is_none() || note.at == call.at)
                && self.standing(meta, key) != Standing::Invalid
        })?;
        let (entry, _) = self.entry_of(hit, now);
        Some(Entry {
            is_stale: true,
            ..entry
        })
    }

    /// The same of the disk.
    async fn on_disk_without_link(&self, key: &K, call: &Call, now: Tick) -> Option<Entry<V>> {
        let stored = self.held_below(key).await?;
        if call.at.is_some() && stored.lookup != call.at {
            return None;
        }
        Some(Entry {
            value: stored.value?,
            source: Source::Disk,
            age: now.since(stored.created),
            version: stored.version,
            is_stale: true,
            mark: stored.mark,
        })
    }

    /// Whether a get may join a flight, as far as the shared store is concerned.
    pub(super) fn may_join(&self, running: Began, now: Tick) -> bool {
        let shared = self.shared.as_ref();
        shared.is_none_or(|shared| shared.may_join(running, now, &self.clock))
    }
}
