//! Samples for the auditor: what gets of some keys returned, and what was stored and invalidated.
//!
//! All instances sample the same keys, chosen by a hash of namespace and text. A sampled entry in memory
//! is *watched*: a hit on it takes the longer way, is noted, and ends the watch until the next batch has
//! been sent; a hit on any other costs nothing more. What is noted waits in a ring, and a task of its own
//! appends it. Nobody waits for that, and what does not fit is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::super::Inner;
use super::Shared;
use super::put::new_token;
use crate::audit::record::{Invalidated, Read, Sample, Scope, Stored, Tier};
use crate::clock::Tick;
use crate::entry::Source;
use crate::key::{CacheKey, KeyRef};
use crate::notes::Note;
use crate::remote::SampleStats;
use crate::tier::LogItem;

/// Samples that wait, at most; and keys that are to be watched again.
const RING_MAX: usize = 256;
const UNWATCHED_MAX: usize = 1_024;
/// Keys with a longer text are not sampled.
const KEY_BYTES_MAX: usize = 256;
/// Tags of more bytes together are not told.
const TAGS_BYTES_MAX: usize = 512;

/// What an instance samples.
pub(crate) struct Samples {
    pub(super) one_in: u32,
    seed: u64,
    pub(super) instance: u64,
    pub(super) ring: Mutex<Ring>,
    /// Batches that were made.
    pub(super) batches: AtomicU64,
    /// A key was sampled: from then on invalidations of many are noted too.
    pub(super) has_begun: AtomicBool,
    pub(super) has_task: AtomicBool,
    pub(super) woken: Arc<Notify>,
    taken: AtomicU64,
    pub(super) appended: AtomicU64,
    pub(super) lost: AtomicU64,
}

/// What waits for the next batch.
#[derive(Default)]
pub(super) struct Ring {
    pub(super) samples: Vec<Sample>,
    /// Keys whose entries are watched again when it has been sent.
    pub(super) unwatched: Vec<Box<str>>,
}

/// A version on its way to the store.
pub(super) struct Version {
    pub(super) token: u64,
    /// Before its lease was asked for.
    pub(super) asked: Tick,
    /// When its value was there.
    pub(super) made: Tick,
    /// When it was known to stand, if it does.
    pub(super) acknowledged: Option<Tick>,
}

impl Samples {
    /// One key in `one_in`; none for 0.
    pub(super) fn new(namespace: &str, one_in: u32) -> Self {
        Self {
            one_in,
            seed: xxhash_rust::xxh3::xxh3_64(namespace.as_bytes()),
            instance: new_token(),
            ring: Mutex::default(),
            batches: AtomicU64::new(0),
            has_begun: AtomicBool::new(false),
            has_task: AtomicBool::new(false),
            woken: Arc::default(),
            taken: AtomicU64::new(0),
            appended: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// Whether the key of this text is one of those that all instances sample.
    pub(super) fn are_of(&self, text: &str) -> bool {
        if self.one_in == 0 || text.len() > KEY_BYTES_MAX {
            return false;
        }
        let hash = xxhash_rust::xxh3::xxh3_64_with_seed(text.as_bytes(), self.seed);
        (u128::from(hash) * u128::from(self.one_in)) >> u64::BITS == 0
    }

    fn note(&self, sample: Sample) {
        self.has_begun.store(true, Ordering::Relaxed);
        let mut ring = self.ring.lock();
        if let Sample::Read(read) = &sample
            && ring.unwatched.len() < UNWATCHED_MAX
            && read.tier == Tier::Memory
        {
            ring.unwatched.push(read.key.clone());
        }
        if ring.samples.len() == RING_MAX {
            drop(ring);
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        ring.samples.push(sample);
        let is_first = ring.samples.len() == 1;
        drop(ring);
        self.taken.fetch_add(1, Ordering::Relaxed);
        if is_first {
            self.woken.notify_one();
        }
    }

    pub(super) fn stats(&self) -> Option<SampleStats> {
        (self.one_in > 0).then(|| SampleStats {
            one_in: self.one_in,
            instance: self.instance,
            taken: self.taken.load(Ordering::Relaxed),
            appended: self.appended.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        })
    }
}

impl<V> Shared<V> {
    /// Notes an invalidation of a key that was acknowledged.
    pub(super) fn note_invalidated(&self, text: &str, began: Tick, acknowledged: Tick) {
        if self.samples.are_of(text) {
            let what = Scope::Key(text.into());
            self.samples.note(invalidated(what, began, acknowledged));
        }
    }

    /// Notes invalidations of many that were acknowledged, once there is a key to hold against them.
    pub(super) fn note_items(&self, items: &[LogItem], began: Tick, acknowledged: Tick) {
        if !self.samples.has_begun.load(Ordering::Relaxed) {
            return;
        }
        for what in items.iter().filter_map(scope) {
            self.samples.note(invalidated(what, began, acknowledged));
        }
    }

    /// Notes what became of a version.
    pub(super) fn note_stored(&self, text: &str, note: &Note, version: &Version) {
        if !self.samples.are_of(text) {
            return;
        }
        let bytes: usize = note.tags.iter().map(|tag| tag.len()).sum();
        self.samples.note(Sample::Stored(Stored {
            key: text.into(),
            version: version.token,
            tags: (bytes <= TAGS_BYTES_MAX).then(|| note.tags.to_vec()),
            asked: version.asked.as_millis(),
            made: version.made.as_millis(),
            acknowledged: version.acknowledged.map(Tick::as_millis),
        }));
    }
}

fn invalidated(what: Scope, began: Tick, acknowledged: Tick) -> Sample {
    Sample::Invalidated(Invalidated {
        what,
        began: began.as_millis(),
        acknowledged: acknowledged.as_millis(),
    })
}

/// `None` for what may still be served.
fn scope(item: &LogItem) -> Option<Scope> {
    Some(match item {
        LogItem::All => Scope::All,
        LogItem::Tag(tag) => Scope::Tag(tag.clone()),
        LogItem::SoftTag(_) => return None,
        LogItem::Prefix(prefix) => Scope::Prefix(prefix.clone()),
        LogItem::Glob(pattern) => Scope::Pattern(pattern.clone()),
        LogItem::AllOf(tags) => Scope::AllOf(tags.to_vec()),
    })
}

/// A get's answer, as far as it is of a version of the shared store.
#[derive(Clone, Copy)]
pub(in super::super) struct Answer {
    pub(in super::super) mark: Option<u64>,
    pub(in super::super) source: Source,
    pub(in super::super) is_stale: bool,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Whether looks at the key's entry are to be noted.
    pub(in super::super) fn is_sampled(&self, key: &K) -> bool {
        let shared = self.shared.as_ref();
        shared.is_some_and(|shared| {
            shared.samples.one_in > 0 && shared.samples.are_of(&key.to_text())
        })
    }

    /// Notes what a get that began at `began` is answered, if its key is sampled.
    #[inline]
    pub(in super::super) fn note_read<Q: KeyRef<K> + ?Sized>(
        &self,
        key: &Q,
        began: Tick,
        answer: Answer,
    ) {
        if let (Some(mark), Some(shared)) = (answer.mark, &self.shared) {
            self.note_read_of(shared, &key.to_key(), began, (mark, answer));
        }
    }

    #[cold]
    fn note_read_of(
        &self,
        shared: &Shared<V>,
        key: &K,
        began: Tick,
        (mark, answer): (u64, Answer),
    ) {
        let text = key.to_text();
        if !shared.samples.are_of(&text) {
            return;
        }
        if answer.source == Source::Memory {
            self.memory.watch(self.memory.hash(key), key, false);
        }
        shared.samples.note(Sample::Read(Read {
            key: text.into(),
            version: mark,
            tier: answer.source.into(),
            began: began.as_millis(),
            ended: self.clock.now().as_millis(),
            is_stale: answer.is_stale,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_instances_sample_the_same_keys_one_in_so_many() {
        let (one, other) = (Samples::new("users", 64), Samples::new("users", 64));
        let of = |samples: &Samples| -> Vec<u64> {
            (0..64_000)
                .filter(|key| samples.are_of(&key.to_string()))
                .collect()
        };
        assert_eq!(of(&one), of(&other));
        assert!((800..1_200).contains(&of(&one).len()), "{}", of(&one).len());
        assert_ne!(of(&one), of(&Samples::new("items", 64)));
        assert_eq!(of(&Samples::new("users", 1)).len(), 64_000);
        assert!(of(&Samples::new("users", 0)).is_empty());
        assert!(!Samples::new("users", 1).are_of(&"x".repeat(KEY_BYTES_MAX + 1)));
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let samples = Samples::new("users", 1);
        for _ in 0..RING_MAX + 5 {
            samples.note(invalidated(Scope::All, Tick::ZERO, Tick::ZERO));
        }
        let stats = samples.stats().unwrap();
        assert_eq!((stats.taken, stats.lost), (RING_MAX as u64, 5));
    }
}
