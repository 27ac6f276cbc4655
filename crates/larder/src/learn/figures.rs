//! What was learned, as figures that anyone may read.

use std::time::Duration;

/// What a cache has learned from the gets of sampled keys, from [`AnyCache::learned`](crate::AnyCache::learned).
/// Sums are halved from time to time, so that they are of the last 65,536 or so sampled gets.
///
/// ```
/// # let users = larder::sync::Cache::<u64, &str>::builder("users").max_capacity(100).build()?;
/// use larder::AnyCache;
/// for key in [7, 8, 7] {
///     users.get_or_load(&key, |_| Ok::<_, std::io::Error>("Ada"))?;
/// }
/// let learned = users.learned().expect("unless the builder was told not to");
/// assert_eq!((learned.one_in, learned.gets, learned.misses), (1, 3.0, 2));
/// let twice = &learned.curve[3];
/// assert!(twice.capacity == 200 && (twice.hit_rate - 1.0 / 3.0).abs() < 1e-9);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Learned {
    /// One key in so many is sampled.
    pub one_in: u64,
    /// How many gets the other figures stand for: those of all keys while sampling went on, divided by
    /// [`one_in`](Self::one_in).
    pub gets: f64,
    /// Gets of sampled keys that found nothing.
    pub misses: u64,
    /// Events of sampled keys that were not looked at, since another thread was looking at one.
    pub lost: u64,
    /// Why they found nothing.
    pub causes: MissCauses,
    /// What reloads brought.
    pub reloads: Reloads,
    /// How many keys were asked for only once.
    pub repeats: Repeats,
    /// The same by what the keys begin with, for 64 prefixes at most.
    pub prefixes: Vec<KeyPrefix>,
    /// Hits by age: in the first tenth of the value's life, the second, …
    pub ages: [u64; 10],
    /// What other times to live would have made of the same gets.
    pub what_if: WhatIf,
    /// The hit rate at other capacities, the smallest first.
    pub curve: Vec<CurvePoint>,
}

impl Learned {
    /// Hits for each get that was looked at, from 0 to 1; `None` before the first.
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// # use larder::AnyCache;
    /// users.insert(7, "Ada")?;
    /// assert_eq!(users.learned().unwrap().hit_rate(), None);
    /// users.peek(&7);
    /// assert_eq!(users.learned().unwrap().hit_rate(), Some(1.0));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn hit_rate(&self) -> Option<f64> {
        (self.gets > 0.0).then(|| (1.0 - self.misses as f64 / self.gets).clamp(0.0, 1.0))
    }
}

/// Misses of sampled keys, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissCauses {
    /// Nothing was known of the key: it is new, or it was forgotten, since a thousand others had come.
    pub unknown: u64,
    /// It was asked for before, and not looked at for a while.
    pub unclear: u64,
    /// Its time was over.
    pub expired: u64,
    /// It had to make room for others.
    pub evicted: u64,
    /// It was invalidated.
    pub invalidated: u64,
    /// A load had said that it has no value.
    pub absent: u64,
}

/// Loads of sampled keys that had a value before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloads {
    /// The value was the same: not modified, of the same entity tag, or of the same bytes where a tier
    /// under memory needs them.
    pub unchanged: u64,
    /// It was another.
    pub changed: u64,
    /// Nothing tells.
    pub unknown: u64,
}

/// Keys that a thousand other sampled keys have come after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repeats {
    /// How many.
    pub keys: u64,
    /// Those that were asked for once, or never.
    pub once: u64,
}

/// Keys that begin alike, up to their first `:` or `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyPrefix {
    /// What they begin with.
    pub prefix: String,
    /// How many of them were asked for once.
    pub repeats: Repeats,
}

/// Misses that the same gets would have had less or more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WhatIf {
    /// Less, had all values lived twice as long.
    pub longer: i64,
    /// More, had they lived half as long.
    pub shorter: i64,
    /// Less, had values been refreshed once four fifths of their life were over.
    pub ahead: i64,
    /// Less, had it been remembered for 30 s that a key has no value.
    pub negative: i64,
}

/// What the same gets would have hit in a cache of another capacity: a miniature simulation
/// (Waldspurger and others, "Cache modeling and optimization using miniature simulations", ATC 2017) of
/// the cache's own engine.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CurvePoint {
    /// The capacity for one of the cache's own.
    pub scale: f64,
    /// The capacity.
    pub capacity: u64,
    /// From 0 to 1.
    pub hit_rate: f64,
}

/// What a cache tells of its keys, from [`AnyCache::key_figures`](crate::AnyCache::key_figures).
///
/// ```
/// # let users = larder::sync::Cache::<String, u64>::builder("users").build()?;
/// use larder::AnyCache;
/// for key in ["user:7", "user:7", "user:8", "page:1"] {
///     users.get_or_load(key, |_| Ok::<_, std::io::Error>(7))?;
/// }
/// let keys = users.key_figures();
/// assert_eq!((&*keys.hottest[0].key, keys.hottest[0].share), ("user:7", 0.5));
/// assert_eq!((&*keys.prefixes[0].0, keys.prefixes[0].1), ("user:", 2));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct KeyFigures {
    /// One get in so many was counted for the hottest keys.
    pub one_in: u64,
    /// The time that they were counted in; what is older than a minute weighs less.
    pub over: Duration,
    /// The keys that are asked for most, the hottest first: 50 at most.
    pub hottest: Vec<HotKey>,
    /// The heaviest entries in memory and what they weigh: 50 at most.
    pub largest: Vec<(String, u32)>,
    /// The keys whose last load took longest, of the last quarter of an hour: 50 at most.
    pub slowest: Vec<(String, Duration)>,
    /// What keys in memory begin with, with their number and weight, the heaviest first: 50 at most.
    pub prefixes: Vec<(String, u64, u64)>,
    /// Entries in memory by how long they are fresh yet: up to so long, the last for those that are
    /// longer or for ever.
    pub remaining: Vec<(Option<Duration>, u64)>,
    /// Entries that were looked at for these: 100,000 at most.
    pub scanned: u64,
    /// What they weigh together.
    pub scanned_weight: u64,
    /// Whether these are all.
    pub is_complete: bool,
}

/// A key that is asked for often.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct HotKey {
    /// The key's text.
    pub key: String,
    /// How often.
    pub gets_per_second: f64,
    /// Of all gets, from 0 to 1.
    pub share: f64,
    /// At most so much of `gets_per_second` is other keys'.
    pub error: f64,
}

impl MissCauses {
    pub(super) fn halve(&mut self) {
        let Self {
            unknown,
            unclear,
            expired,
            evicted,
            invalidated,
            absent,
        } = self;
        for count in [unknown, unclear, expired, evicted, invalidated, absent] {
            *count /= 2;
        }
    }
}

impl Reloads {
    pub(super) fn halve(&mut self) {
        for count in [&mut self.unchanged, &mut self.changed, &mut self.unknown] {
            *count /= 2;
        }
    }
}

impl Repeats {
    pub(super) fn halve(&mut self) {
        self.keys /= 2;
        self.once /= 2;
    }

    pub(super) fn count(&mut self, is_once: bool) {
        self.keys += 1;
        self.once += u64::from(is_once);
    }
}

impl WhatIf {
    pub(super) fn halve(&mut self) {
        let Self {
            longer,
            shorter,
            ahead,
            negative,
        } = self;
        for count in [longer, shorter, ahead, negative] {
            *count /= 2;
        }
    }
}
