//! The newest loads of keys that every process samples alike, so that what several processes load can be
//! laid side by side.
//!
//! Keys are sampled in space as in SHARDS (see the parent module), but by a hash of their text that is the
//! same everywhere: of two samples the coarser is a part of the finer. The sample is made coarser where
//! [`LOADS_MAX`] would not last for some lives of the values, and finer again where few are left. Values
//! and other processes are not known here.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::clock::Tick;

/// The most loads that are remembered.
pub(crate) const LOADS_MAX: usize = 1_024;
/// A load that takes less is not noted: to ask another machine takes as long.
pub(crate) const TOOK_MIN: Duration = Duration::from_micros(100);
/// A load is forgotten after this.
const KEPT: Duration = Duration::from_hours(1);
/// For how many lives of a value its load should be remembered, and the bounds of that.
const LIVES: u32 = 4;
const SPAN_MIN: Duration = Duration::from_mins(1);
const SPAN_MAX: Duration = Duration::from_mins(15);
/// With fewer, after [`SPAN_MAX`], more keys are sampled.
const FEW: usize = LOADS_MAX / 4;
/// One key in 2 to the power of it is the coarsest sample.
const SHIFT_MAX: u32 = 40;

/// What a cache loaded lately of a sample of its keys, from
/// [`AnyCache::recent_loads`](crate::AnyCache::recent_loads).
///
/// The sample is chosen by a hash that is the same in every process: of two caches of one name, one with
/// [`one_in`](Self::one_in) 4 and one with 16, the keys sampled by the second are sampled by the first too.
///
/// ```
/// # use std::time::Duration;
/// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
/// use larder::AnyCache;
/// let slow = |_: &u64| {
///     std::thread::sleep(Duration::from_millis(1)); // the origin's work
///     Ok::<_, std::io::Error>("Ada")
/// };
/// users.get_or_load(&7, slow)?;
/// let recent = users.recent_loads();
/// assert_eq!((recent.one_in, recent.loads.len()), (1, 1));
/// assert!(recent.loads[0].took >= Duration::from_millis(1));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecentLoads {
    /// A number drawn when the cache was built: the same number is the same cache.
    pub instance: u64,
    /// One key in so many is sampled, a power of two; 0 where loads are not noted.
    pub one_in: u64,
    /// All loads of sampled keys in this time are here, but those that took less than 0.1 ms.
    pub over: Duration,
    /// The oldest first: 1,024 at most.
    pub loads: Vec<RecentLoad>,
}

/// A load of a sampled key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecentLoad {
    /// The hash of the key's text, and of the lookup version if there was one: the same in every process.
    pub key: u64,
    /// How long ago it ended.
    pub ago: Duration,
    /// How long it took.
    pub took: Duration,
    /// For how long what it brought is fresh; `None` for ever.
    pub life: Option<Duration>,
    /// Why it was made.
    pub cause: LoadCause,
}

/// Why a value was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadCause {
    /// The key had not been loaded here before, as far as is remembered.
    #[default]
    New,
    /// What was loaded before had expired.
    Expired,
    /// What was loaded before would have been fresh yet: it had made room for others, or was refreshed
    /// ahead.
    Early,
    /// What was loaded before had been invalidated.
    Invalidated,
}

impl LoadCause {
    /// `new`, `expired`, `early` or `invalidated`.
    ///
    /// ```
    /// assert_eq!(larder::recommend::LoadCause::Early.name(), "early");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Expired => "expired",
            Self::Early => "early",
            Self::Invalidated => "invalidated",
        }
    }
}

/// The hash by which all processes know a key, asked for at a lookup version or at none.
pub(crate) fn key_everywhere(text: &str, at: Option<u64>) -> u64 {
    let seed = at.map_or(0, |at| at.wrapping_mul(2).wrapping_add(1));
    xxhash_rust::xxh3::xxh3_64_with_seed(text.as_bytes(), seed)
}

/// A load that has ended.
pub(crate) struct Ended {
    /// By which all processes know the key.
    pub(crate) key: u64,
    /// By which this cache does.
    pub(crate) hash: u64,
    pub(crate) took: Duration,
    /// Until when what it brought is fresh.
    pub(crate) fresh_until: Tick,
}

pub(crate) struct Loads {
    instance: u64,
    shift: u32,
    /// All loads of sampled keys since then are in `rows`.
    since: Tick,
    /// The oldest first.
    rows: VecDeque<Row>,
    /// By this cache's hash.
    keys: HashMap<u64, Known, RandomState>,
}

struct Row {
    key: u64,
    hash: u64,
    at: Tick,
    took: Duration,
    fresh_until: Tick,
    cause: LoadCause,
}

/// A key that has rows.
struct Known {
    rows: u32,
    fresh_until: Tick,
    is_invalidated: bool,
}

impl Loads {
    pub(crate) fn new(instance: u64, now: Tick) -> Self {
        Self {
            instance,
            shift: 0,
            since: now,
            rows: VecDeque::new(),
            keys: HashMap::default(),
        }
    }

    /// One key in 2 to the power of it is sampled.
    pub(crate) const fn shift(&self) -> u32 {
        self.shift
    }

    /// Notes a load, if its key is sampled. O(1), or O([`LOADS_MAX`]) where the sample becomes coarser.
    pub(crate) fn note(&mut self, ended: &Ended, now: Tick) {
        let life = ended.fresh_until.since(now);
        let span = life.saturating_mul(LIVES).clamp(SPAN_MIN, SPAN_MAX);
        self.make_room(span, now);
        if !is_sampled(ended.key, self.shift) {
            return;
        }
        let known = self.keys.get(&ended.hash);
        let cause = match known {
            None => LoadCause::New,
            Some(known) if known.is_invalidated => LoadCause::Invalidated,
            Some(known) if now < known.fresh_until => LoadCause::Early,
            Some(_) => LoadCause::Expired,
        };
        let rows = known.map_or(0, |known| known.rows) + 1;
        let Ended {
            key,
            hash,
            took,
            fresh_until,
        } = *ended;
        let known = Known {
            rows,
            fresh_until,
            is_invalidated: false,
        };
        self.keys.insert(hash, known);
        self.rows.push_back(Row {
            key,
            hash,
            at: now,
            took,
            fresh_until,
            cause,
        });
    }

    /// What was loaded of the key of this hash is no longer true.
    pub(crate) fn invalidated(&mut self, hash: u64) {
        if let Some(known) = self.keys.get_mut(&hash) {
            known.is_invalidated = true;
        }
    }

    pub(crate) fn all_invalidated(&mut self) {
        self.keys
            .values_mut()
            .for_each(|known| known.is_invalidated = true);
    }

    /// Begins anew.
    pub(crate) fn forget(&mut self, now: Tick) {
        self.rows.clear();
        self.keys.clear();
        self.since = now;
    }

    /// Forgets what is old, and samples more keys where few loads are left. Amortized O(1).
    pub(crate) fn settle(&mut self, now: Tick) {
        while self
            .rows
            .front()
            .is_some_and(|row| now.since(row.at) > KEPT)
        {
            self.drop_oldest();
        }
        let is_settled = now.since(self.since) >= SPAN_MAX;
        if self.shift > 0 && is_settled && self.rows.len() < FEW {
            let times = LOADS_MAX / 2 / self.rows.len().max(1);
            self.shift -= times.ilog2().min(self.shift);
            // Of the keys that are sampled from now on, earlier loads are not known.
            self.forget(now);
        }
    }

    pub(crate) fn recent(&mut self, now: Tick) -> RecentLoads {
        self.settle(now);
        let load = |row: &Row| RecentLoad {
            key: row.key,
            ago: now.since(row.at),
            took: row.took,
            life: (row.fresh_until < Tick::NEVER).then(|| row.fresh_until.since(row.at)),
            cause: row.cause,
        };
        RecentLoads {
            instance: self.instance,
            one_in: 1 << self.shift,
            over: now.since(self.since).min(KEPT),
            loads: self.rows.iter().map(load).collect(),
        }
    }

    /// Makes room for a load that should be remembered for `span`: by forgetting the oldest if that was, else
    /// by sampling fewer keys.
    fn make_room(&mut self, span: Duration, now: Tick) {
        while self.rows.len() >= LOADS_MAX {
            let lasts = self.rows.front().map_or(span, |row| now.since(row.at));
            if lasts >= span || self.shift == SHIFT_MAX {
                self.drop_oldest();
            } else {
                self.shift += 1;
                self.coarsen();
            }
        }
    }

    fn coarsen(&mut self) {
        let (shift, keys) = (self.shift, &mut self.keys);
        self.rows.retain(|row| {
            let stays = is_sampled(row.key, shift);
            if !stays {
                forget_row(keys, row.hash);
            }
            stays
        });
    }

    fn drop_oldest(&mut self) {
        if let Some(row) = self.rows.pop_front() {
            forget_row(&mut self.keys, row.hash);
            self.since = self.since.max(row.at);
        }
    }
}

fn is_sampled(key: u64, shift: u32) -> bool {
    key & ((1 << shift) - 1) == 0
}

fn forget_row(keys: &mut HashMap<u64, Known, RandomState>, hash: u64) {
    if let Some(known) = keys.get_mut(&hash) {
        known.rows -= 1;
        if known.rows == 0 {
            keys.remove(&hash);
        }
    }
}

#[cfg(test)]
mod tests;
