//! What a cache does, counted and timed. Exactly one outcome for each get.
//!
//! Knows no keys and no values. Counting a hit is a store to the thread's own slot; one hit in
//! [`HIT_SAMPLE`] is timed, everything slower always.

use std::cell::Cell;
use std::time::Duration;

use larder_metrics::{Timing, TimingSnapshot};
use parking_lot::Mutex;

use crate::clock::{Clock, Tick};
use crate::remote::RemoteStats;
use crate::removal::Evictions;
use crate::tally::Tally;
use crate::tier_stats::TierStats;

/// One hit in this many is timed.
pub(crate) const HIT_SAMPLE: u32 = 64;

/// What is counted.
#[derive(Clone, Copy)]
#[repr(usize)]
pub(crate) enum Event {
    Hit,
    Miss,
    Coalesced,
    StaleServed,
    NegativeHit,
    NotModified,
    Load,
    LoadError,
    LoadPanic,
    Fenced,
    Timeout,
    Overload,
    Insert,
    Invalidation,
    AppliedHere,
    Clear,
}

const EVENTS: usize = Event::Clear as usize + 1;

/// The recorder of one cache.
pub(crate) struct Recorder {
    tally: Tally<EVENTS>,
    baseline: Mutex<Baseline>,
    hit: Timing,
    miss: Timing,
    load: Timing,
    clock: Clock,
}

/// What had been counted when the figures were last reset.
struct Baseline {
    counts: [u64; EVENTS],
    evictions: Evictions,
    latencies: [Option<TimingSnapshot>; 3],
    since: Tick,
}

impl Recorder {
    pub(crate) fn new(clock: Clock) -> Self {
        let baseline = Baseline {
            counts: [0; EVENTS],
            evictions: Evictions::default(),
            latencies: [None, None, None],
            since: clock.now(),
        };
        Self {
            tally: Tally::new(),
            baseline: Mutex::new(baseline),
            hit: Timing::new(),
            miss: Timing::new(),
            load: Timing::new(),
            clock,
        }
    }

    #[inline]
    pub(crate) fn count(&self, event: Event) {
        self.tally.add(event as usize, 1);
    }

    /// Gets so far, whatever was reset.
    pub(crate) fn gets(&self) -> u64 {
        self.tally.sum(Event::Hit as usize) + self.tally.sum(Event::Miss as usize)
    }

    /// When a look-up starts, for one in [`HIT_SAMPLE`].
    #[inline]
    pub(crate) fn sample() -> Option<quanta::Instant> {
        Self::is_sample().then(quanta::Instant::now)
    }

    /// Whether this look-up is the one in [`HIT_SAMPLE`].
    #[inline]
    pub(crate) fn is_sample() -> bool {
        // By chance, so that caches that are read in turn are sampled alike. (The generator is that of
        // Numerical Recipes, 7.1; its high bits are the good ones.)
        thread_local!(static STATE: Cell<u32> = const { Cell::new(0) });
        let state = STATE
            .get()
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        STATE.set(state);
        state >> (u32::BITS - HIT_SAMPLE.ilog2()) == 0
    }

    #[cold]
    pub(crate) fn sampled(&self, started: quanta::Instant) {
        self.hit.record(started.elapsed());
    }

    pub(crate) fn missed(&self, took: Duration) {
        self.miss.record(took);
    }

    pub(crate) fn loaded(&self, took: Duration) {
        self.load.record(took);
    }

    /// The distributions behind the latencies.
    pub(crate) fn latencies(&self) -> Latencies {
        let baseline = self.baseline.lock();
        let since = |timing: &Timing, before: &Option<TimingSnapshot>| match before {
            Some(before) => timing.snapshot().since(before),
            None => timing.snapshot(),
        };
        let [hit, miss, load] = &baseline.latencies;
        Latencies {
            hit: since(&self.hit, hit),
            miss: since(&self.miss, miss),
            load: since(&self.load, load),
        }
    }

    /// The figures, with what has left memory in all.
    pub(crate) fn stats(&self, evictions: Evictions) -> Stats {
        let Latencies { hit, miss, load } = self.latencies();
        let (hit, miss, load) = (Latency::of(&hit), Latency::of(&miss), Latency::of(&load));
        let baseline = self.baseline.lock();
        let count = |event: Event| self.tally.sum(event as usize) - baseline.counts[event as usize];
        let hits = count(Event::Hit);
        Stats {
            hits,
            misses: count(Event::Miss),
            coalesced: count(Event::Coalesced),
            stale_served: count(Event::StaleServed),
            negative_hits: count(Event::NegativeHit),
            not_modified: count(Event::NotModified),
            loads: count(Event::Load),
            load_errors: count(Event::LoadError),
            load_panics: count(Event::LoadPanic),
            fenced: count(Event::Fenced),
            timeouts: count(Event::Timeout),
            overloads: count(Event::Overload),
            inserts: count(Event::Insert),
            invalidations: count(Event::Invalidation),
            clears: count(Event::Clear),
            evictions: evictions.since(&baseline.evictions),
            time_saved: saved(hits, &hit, &miss),
            hit,
            miss,
            load,
            disk: None,
            remote: None,
            uptime: self.clock.now().since(baseline.since),
        }
    }

    pub(crate) fn reset(&self, evictions: Evictions) {
        let mut baseline = self.baseline.lock();
        baseline.evictions = evictions;
        baseline.counts = std::array::from_fn(|event| self.tally.sum(event));
        baseline.since = self.clock.now();
        baseline.latencies =
            [&self.hit, &self.miss, &self.load].map(|timing| Some(timing.snapshot()));
    }
}

/// Hits × (mean miss − mean hit): what the callers would have waited for without the cache.
fn saved(hits: u64, hit: &Latency, miss: &Latency) -> Duration {
    let Some(miss) = miss.mean else {
        return Duration::ZERO;
    };
    let each = miss.saturating_sub(hit.mean.unwrap_or_default());
    let nanos = each.as_nanos().saturating_mul(hits.into());
    Duration::from_nanos_u128(nanos.min(Duration::MAX.as_nanos()))
}

/// A cache's figures since it was built or last reset.
///
/// `hits + misses` is the number of gets; the counts are exact, whatever the number of threads.
///
/// ```
/// # let squares = larder::sync::Cache::<u64, u64>::builder("squares").build()?;
/// for key in [7, 7, 8] {
///     squares.get_or_load(&key, |key| Ok::<_, std::io::Error>(key * key))?;
/// }
/// let stats = squares.stats();
/// assert_eq!((stats.hits, stats.misses, stats.loads), (1, 2, 2));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Gets answered from the cache.
    pub hits: u64,
    /// Gets that were not.
    pub misses: u64,
    /// Misses that waited for a load which another get had started.
    pub coalesced: u64,
    /// Gets answered with a stale value, hits and misses among them.
    pub stale_served: u64,
    /// Hits whose answer was that there is no value.
    pub negative_hits: u64,
    /// Loads that said the value they had was still true.
    pub not_modified: u64,
    /// Loads that ended, well or not.
    pub loads: u64,
    /// Loads that returned an error.
    pub load_errors: u64,
    /// Loads that panicked or were cancelled with their runtime.
    pub load_panics: u64,
    /// Loads, and inserts with a fence, whose result was not stored, because the key was written or
    /// invalidated meanwhile.
    pub fenced: u64,
    /// Waits for a load that were given up, at the soft or the hard time-out.
    pub timeouts: u64,
    /// Gets refused because the limit of running loads was reached.
    pub overloads: u64,
    /// Values put in by hand.
    pub inserts: u64,
    /// Invalidations of keys, tags, prefixes and patterns.
    pub invalidations: u64,
    /// Times the whole cache was cleared.
    pub clears: u64,
    /// What left memory, by cause.
    pub evictions: Evictions,
    /// Latency of hits: one in 64 is timed.
    pub hit: Latency,
    /// Latency of gets and refreshes that a load answered, with a value or an error.
    pub miss: Latency,
    /// Latency of the loaders.
    pub load: Latency,
    /// Hits × (mean miss − mean hit).
    pub time_saved: Duration,
    /// The disk tier's figures since the cache was built, if there is one; a reset leaves them.
    pub disk: Option<TierStats>,
    /// The shared store's figures since the cache was built, if there is one; a reset leaves them.
    pub remote: Option<RemoteStats>,
    /// Time since the cache was built or last reset.
    pub uptime: Duration,
}

impl Stats {
    /// Hits for each get, from 0 to 1; `None` before the first get.
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, u64>::builder("users").build()?;
    /// assert_eq!(users.stats().hit_rate(), None);
    /// users.insert(7, 1)?;
    /// users.peek(&7);
    /// users.peek(&8);
    /// assert_eq!(users.stats().hit_rate(), Some(0.5));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn hit_rate(&self) -> Option<f64> {
        let gets = self.hits + self.misses;
        (gets > 0).then(|| self.hits as f64 / gets as f64)
    }

    /// How many times longer a miss takes than a hit, by their means; `None` before there were both.
    pub fn performance_gain(&self) -> Option<f64> {
        let (hit, miss) = (self.hit.mean?, self.miss.mean?);
        (!hit.is_zero()).then(|| miss.as_secs_f64() / hit.as_secs_f64())
    }
}

/// The distributions behind the latencies in [`Stats`], since the cache was built or last reset.
///
/// ```
/// # let squares = larder::sync::Cache::<u64, u64>::builder("squares").build()?;
/// squares.get_or_load(&7, |key| Ok::<_, std::io::Error>(key * key))?;
/// let load = squares.latencies().load;
/// assert_eq!((load.count(), load.quantile(0.95).is_some()), (1, true));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latencies {
    /// Of hits: one in 64 is timed.
    pub hit: TimingSnapshot,
    /// Of gets and refreshes that a load answered, with a value or an error.
    pub miss: TimingSnapshot,
    /// Of the loaders.
    pub load: TimingSnapshot,
}

/// A distribution of latencies, to within 3 %; `None` where nothing was timed yet.
///
/// ```
/// # let squares = larder::sync::Cache::<u64, u64>::builder("squares").build()?;
/// squares.get_or_load(&7, |key| Ok::<_, std::io::Error>(key * key))?;
/// let load = squares.stats().load;
/// assert_eq!(load.count, 1);
/// assert!(load.p50 <= load.p99);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latency {
    /// How many were timed.
    pub count: u64,
    /// Their mean.
    pub mean: Option<Duration>,
    /// Half took no longer.
    pub p50: Option<Duration>,
    /// 99 in 100 took no longer.
    pub p99: Option<Duration>,
}

impl Latency {
    fn of(timings: &TimingSnapshot) -> Self {
        Self {
            count: timings.count(),
            mean: timings.mean(),
            p50: timings.quantile(0.5),
            p99: timings.quantile(0.99),
        }
    }
}
