//! Why keys were missed: the last thing that took each key's value away, for some of them.
//!
//! Knows keys by their hash alone, no values and no tiers.

use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Tick;

/// Keys remembered: the newest of each of as many places.
const PLACES: usize = 4_096;
const LOCKS: usize = 64;

/// Why a get found nothing to serve.
///
/// ```
/// # let users = larder::sync::Cache::<u64, &str>::builder("users").explain(true).build()?;
/// use larder::MissReason;
/// users.insert(7, "Ada")?;
/// users.invalidate(&7)?;
/// users.peek(&7);
/// users.peek(&8);
/// let why = |key| users.explain(&key).last_miss.map(|miss| miss.reason);
/// assert_eq!((why(7), why(8)), (Some(MissReason::Removed), Some(MissReason::NeverLoaded)));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissReason {
    /// Nothing is known of the key: it was never stored, or so long ago that it is forgotten.
    NeverLoaded,
    /// Its time was over.
    Expired,
    /// It had to make room for others.
    Evicted,
    /// It is heavier than the cache may be.
    TooHeavy,
    /// It was invalidated by its key.
    Removed,
    /// It was invalidated with others, or all were.
    Invalidated {
        /// By what: a tag, a prefix, a pattern, or all.
        by: String,
        /// How long before the miss.
        ago: Duration,
    },
    /// The last load was not stored, since the key was written or invalidated while it ran.
    Fenced,
    /// The last load said that there is none, and that is not remembered, or no longer.
    NoValue,
    /// The last load failed.
    LoadFailed,
    /// It is held, and there is no link to the shared store that would vouch for it.
    NoLink,
    /// What the tier under memory holds is damaged, or of no use to the value's type.
    Undecodable,
    /// The tier under memory has switched itself off.
    TierDown,
    /// The value held was made from another [lookup version](crate::Cache::get_or_load_at).
    OtherVersion,
}

/// The last get that found nothing.
///
/// ```
/// # let users = larder::sync::Cache::<u64, &str>::builder("users").explain(true).build()?;
/// users.peek(&7);
/// let miss = users.explain(&7).last_miss.expect("it was just missed");
/// println!("{:?}, {:?} ago", miss.reason, miss.ago);
/// # Ok::<_, larder::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Miss {
    /// Why it found nothing.
    pub reason: MissReason,
    /// How long ago that was.
    pub ago: Duration,
}

/// What happened to keys last, by their hash; about 400 KiB.
pub(crate) struct Memories(Box<[Mutex<Vec<Option<Memory>>>]>);

struct Memory {
    hash: u64,
    reason: MissReason,
    when: Tick,
    /// Whether a get has found it so since.
    was_missed: bool,
}

impl Memories {
    pub(crate) fn new() -> Self {
        let places = || (0..PLACES / LOCKS).map(|_| None).collect();
        Self((0..LOCKS).map(|_| Mutex::new(places())).collect())
    }

    /// Notes what took the value of a key away.
    pub(crate) fn lost(&self, hash: u64, reason: MissReason, now: Tick) {
        self.put(hash, now, |_| (reason, false));
    }

    /// Notes what came of a load. The get that it was made for had found nothing: this is why it, or
    /// the next one, goes without.
    pub(crate) fn came_to_nothing(&self, hash: u64, reason: MissReason, now: Tick) {
        self.put(hash, now, |known| {
            (reason, known.is_some_and(|known| known.was_missed))
        });
    }

    /// Notes that a get found nothing: for `reason`, or for what took the value away.
    pub(crate) fn missed(&self, hash: u64, reason: Option<MissReason>, now: Tick) {
        self.put(hash, now, |known| {
            let reason = reason.or_else(|| Some(known?.reason.clone()));
            (reason.unwrap_or(MissReason::NeverLoaded), true)
        });
    }

    /// The last get of a key that found nothing, if it is remembered.
    pub(crate) fn last_miss(&self, hash: u64, now: Tick) -> Option<Miss> {
        let (places, at) = self.place(hash);
        let places = places.lock();
        let known = places[at].as_ref()?;
        (known.hash == hash && known.was_missed).then(|| Miss {
            reason: known.reason.clone(),
            ago: now.since(known.when),
        })
    }

    /// Remembers of a key what `note` makes of what is known of it: a reason, and whether a get has
    /// found it so.
    fn put(&self, hash: u64, when: Tick, note: impl FnOnce(Option<&Memory>) -> (MissReason, bool)) {
        let (places, at) = self.place(hash);
        let mut places = places.lock();
        let (reason, was_missed) = note(places[at].as_ref().filter(|known| known.hash == hash));
        places[at] = Some(Memory {
            hash,
            reason,
            when,
            was_missed,
        });
    }

    fn place(&self, hash: u64) -> (&Mutex<Vec<Option<Memory>>>, usize) {
        let place = hash as usize % PLACES;
        (&self.0[place % LOCKS], place / LOCKS)
    }
}
