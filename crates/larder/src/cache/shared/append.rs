//! The task that appends what was sampled to the namespace's stream, a batch at a time.
//!
//! A batch that was not acknowledged is appended again as it is; what is sampled meanwhile waits as far as
//! it fits.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use super::super::Inner;
use super::Shared;
use super::samples::Ring;
use crate::audit::record::{Anchor, Batch};
use crate::key::CacheKey;
use crate::remote::RecordId;

/// A batch has what happened in this time.
const GATHERING: Duration = Duration::from_millis(250);
/// An instance that samples says so at least so often, and tries again so long after a failure.
const SILENCE: Duration = Duration::from_secs(5);

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Starts the task that appends samples, once.
    pub(super) fn append_samples(self: &Arc<Self>) {
        let (Some(shared), Ok(runtime)) = (&self.shared, self.runtime()) else {
            return;
        };
        let samples = &shared.samples;
        if samples.one_in == 0 || samples.has_task.swap(true, Ordering::AcqRel) {
            return;
        }
        let task = Appending {
            inner: Arc::downgrade(self),
            woken: samples.woken.clone(),
            anchor: None,
            unsent: None,
            told_lost: 0,
        };
        runtime.spawn(task.run());
        if samples.has_begun.load(Ordering::Relaxed) {
            samples.woken.notify_one();
        }
    }
}

/// The task that appends what was noted.
struct Appending<K: CacheKey, V> {
    inner: Weak<Inner<K, V>>,
    woken: Arc<Notify>,
    anchor: Option<Anchor>,
    /// A batch that nobody has acknowledged.
    unsent: Option<Unsent>,
    told_lost: u64,
}

struct Unsent {
    bytes: Vec<u8>,
    samples: u64,
    unwatched: Vec<Box<str>>,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Appending<K, V> {
    /// Until the cache is gone.
    async fn run(mut self) {
        self.woken.notified().await;
        loop {
            let Some(inner) = self.inner.upgrade() else {
                return;
            };
            let is_done = self.append(&inner).await;
            drop(inner);
            if is_done {
                let _ = tokio::time::timeout(SILENCE, self.woken.notified()).await;
                tokio::time::sleep(GATHERING).await;
            } else {
                tokio::time::sleep(SILENCE).await;
            }
        }
    }

    /// Appends a batch; whether it was acknowledged. The first has no samples: it sets the clock.
    async fn append(&mut self, inner: &Arc<Inner<K, V>>) -> bool {
        let Some(shared) = &inner.shared else {
            return true;
        };
        let unsent = match self.unsent.take() {
            Some(unsent) => unsent,
            None => self.batch(inner, shared),
        };
        let sent = inner.clock.now().as_millis();
        let appended = match shared.link() {
            Ok(link) => link.append(unsent.bytes.clone()).await,
            Err(down) => Err(down),
        };
        let Ok(RecordId { millis, number }) = appended else {
            self.unsent = Some(unsent);
            return false;
        };
        self.anchor = Some(Anchor {
            at: (millis, number),
            sent,
            answered: inner.clock.now().as_millis(),
        });
        let count = &shared.samples.appended;
        count.fetch_add(unsent.samples, Ordering::Relaxed);
        for key in unsent
            .unwatched
            .iter()
            .filter_map(|text| K::from_text(text))
        {
            inner.memory.watch(inner.memory.hash(&key), &key, true);
        }
        true
    }

    fn batch(&mut self, inner: &Inner<K, V>, shared: &Shared<V>) -> Unsent {
        let Ring { samples, unwatched } = if self.anchor.is_some() {
            std::mem::take(&mut *shared.samples.ring.lock())
        } else {
            // The next one follows soon.
            self.woken.notify_one();
            Ring::default()
        };
        let lost = shared.samples.lost.load(Ordering::Relaxed);
        let batch = Batch {
            instance: shared.samples.instance,
            process: std::process::id(),
            number: shared.samples.batches.fetch_add(1, Ordering::Relaxed) + 1,
            staleness: shared.sharing.staleness.as_millis() as u64,
            made: inner.clock.now().as_millis(),
            anchor: self.anchor,
            lost: lost - std::mem::replace(&mut self.told_lost, lost),
            samples,
        };
        Unsent {
            samples: batch.samples.len() as u64,
            bytes: batch.to_bytes(),
            unwatched,
        }
    }
}

/// If its runtime has ended, the next link starts another.
impl<K: CacheKey, V> Drop for Appending<K, V> {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.upgrade()
            && let Some(shared) = &inner.shared
        {
            shared.samples.has_task.store(false, Ordering::Release);
        }
    }
}
