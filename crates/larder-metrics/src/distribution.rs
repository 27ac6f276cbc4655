//! What a timing held at one instant, and the figures that follow from it. It knows no atomics.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::buckets::{self, BOUNDS};

/// The durations that a [`Timing`](crate::Timing) held when it was asked.
///
/// Count, sum, smallest and largest are exact; quantiles and the standard deviation come from a
/// histogram whose buckets are within 1.6 % of the values in them. A recording that was under way
/// while the snapshot was taken may be in the count and not yet in the sum.
///
/// ```
/// use std::time::Duration;
/// let loads = larder_metrics::Timing::new();
/// for millis in 1..=100 {
///     loads.record(Duration::from_millis(millis));
/// }
/// let loads = loads.snapshot();
/// assert_eq!(loads.count(), 100);
/// assert_eq!(loads.mean(), Some(Duration::from_micros(50_500)));
/// let p95 = loads.quantile(0.95).unwrap().as_secs_f64();
/// assert!((p95 - 0.095).abs() < 0.095 * 0.03);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimingSnapshot {
    /// The buckets in use and their counts, smallest values first.
    counts: Vec<(u16, u64)>,
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
}

/// Durations of nearly one length, and how many there were: see [`TimingSnapshot::buckets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bucket {
    /// The shortest duration that counts here.
    pub from: Duration,
    /// The longest duration that counts here.
    pub to: Duration,
    /// How many were recorded.
    pub count: u64,
}

impl TimingSnapshot {
    pub(crate) fn new(counts: Vec<(u16, u64)>, sum: u128, min: u64, max: u64) -> Self {
        let count = counts.iter().map(|&(_, count)| count).sum();
        Self {
            counts,
            count,
            sum,
            min,
            max,
        }
    }

    /// How many durations were recorded.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The durations' sum.
    pub fn sum(&self) -> Duration {
        duration(self.sum)
    }

    /// The sum over the count; `None` if nothing was recorded.
    pub fn mean(&self) -> Option<Duration> {
        (self.count > 0).then(|| duration(self.sum / u128::from(self.count)))
    }

    /// The shortest duration; `None` if nothing was recorded.
    pub fn min(&self) -> Option<Duration> {
        (self.count > 0).then(|| Duration::from_nanos(self.min))
    }

    /// The longest duration; `None` if nothing was recorded.
    pub fn max(&self) -> Option<Duration> {
        (self.count > 0).then(|| Duration::from_nanos(self.max))
    }

    /// The duration that the fraction `q` of all recordings did not exceed, within 1.6 %.
    ///
    /// `q` is brought into 0 to 1; 0 gives [`min`](Self::min) and 1 gives [`max`](Self::max).
    /// `None` if nothing was recorded.
    ///
    /// ```
    /// use std::time::Duration;
    /// let loads = larder_metrics::Timing::new();
    /// loads.record(Duration::from_millis(7));
    /// assert_eq!(loads.snapshot().quantile(0.5), Some(Duration::from_millis(7)));
    /// assert_eq!(larder_metrics::Timing::new().snapshot().quantile(0.5), None);
    /// ```
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        if q <= 0.0 {
            return self.min();
        }
        if q >= 1.0 {
            return self.max();
        }
        let rank = ((q * self.count as f64).ceil() as u64).max(1);
        let mut seen = 0;
        self.counts.iter().find_map(|&(bucket, count)| {
            seen += count;
            (seen >= rank).then(|| self.representative(bucket))
        })
    }

    /// The population's standard deviation, from the middles of the buckets; zero if all durations
    /// fell into one bucket. `None` if nothing was recorded.
    pub fn standard_deviation(&self) -> Option<Duration> {
        if self.count == 0 {
            return None;
        }
        let total = self.count as f64;
        let points = || {
            self.counts
                .iter()
                .map(|&(bucket, count)| (buckets::middle(bucket) as f64, count as f64))
        };
        let mean = points().map(|(nanos, count)| nanos * count).sum::<f64>() / total;
        let variance = points()
            .map(|(nanos, count)| (nanos - mean).powi(2) * count)
            .sum::<f64>()
            / total;
        Some(Duration::from_nanos(variance.sqrt() as u64))
    }

    /// The buckets that hold something, shortest durations first.
    ///
    /// ```
    /// use std::time::Duration;
    /// let loads = larder_metrics::Timing::new();
    /// loads.record(Duration::from_nanos(1_000));
    /// let loads = loads.snapshot();
    /// let bucket = loads.buckets().next().unwrap();
    /// assert_eq!((bucket.from.as_nanos(), bucket.to.as_nanos(), bucket.count), (992, 1_000, 1));
    /// ```
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.counts.iter().map(|&(bucket, count)| {
            let (from, to) = buckets::bounds(bucket);
            Bucket {
                from: Duration::from_nanos(from),
                to: Duration::from_nanos(to),
                count,
            }
        })
    }

    /// How many there were up to each of the bounds that exports have, 1 µs to 60 s, and over the one
    /// before; the last, without a bound, has those over 60 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// let loads = larder_metrics::Timing::new();
    /// loads.record(Duration::from_millis(5));
    /// loads.record(Duration::from_mins(2));
    /// let histogram = loads.snapshot().histogram();
    /// assert!(histogram.contains(&(Some(Duration::from_millis(5)), 1)));
    /// assert_eq!(histogram.last(), Some(&(None, 1)));
    /// ```
    pub fn histogram(&self) -> Vec<(Option<Duration>, u64)> {
        let bounds = BOUNDS
            .iter()
            .map(|(bound, _)| Some(Duration::from_nanos(*bound)));
        let mut counts: Vec<_> = bounds.chain([None]).map(|bound| (bound, 0)).collect();
        for &(bucket, count) in &self.counts {
            // Each bound is the end of a bucket.
            let (_, to) = buckets::bounds(bucket);
            let place = BOUNDS.partition_point(|(bound, _)| *bound < to);
            counts[place].1 += count;
        }
        counts
    }

    /// What was recorded after `earlier`, an earlier snapshot of the same timing.
    ///
    /// Count and sum stay exact. The shortest and the longest duration are the ends of the window's
    /// outer buckets, at most 3.2 % too low and too high, because the timing keeps them for its
    /// whole life only.
    ///
    /// ```
    /// use std::time::Duration;
    /// let loads = larder_metrics::Timing::new();
    /// loads.record(Duration::from_millis(500));
    /// let before = loads.snapshot();
    /// loads.record(Duration::from_millis(20));
    /// let window = loads.snapshot().since(&before);
    /// assert_eq!((window.count(), window.sum()), (1, Duration::from_millis(20)));
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut before = earlier.counts.iter().copied().peekable();
        let counts: Vec<_> = self
            .counts
            .iter()
            .filter_map(|&(bucket, count)| {
                while before.next_if(|&(other, _)| other < bucket).is_some() {}
                let old = before
                    .next_if(|&(other, _)| other == bucket)
                    .map_or(0, |(_, old)| old);
                let new = count.saturating_sub(old);
                (new > 0).then_some((bucket, new))
            })
            .collect();
        let lowest = counts
            .first()
            .map_or(0, |&(bucket, _)| buckets::bounds(bucket).0);
        let highest = counts
            .last()
            .map_or(0, |&(bucket, _)| buckets::bounds(bucket).1);
        let sum = self.sum.saturating_sub(earlier.sum);
        Self::new(counts, sum, lowest.max(self.min), highest.min(self.max))
    }

    /// What both held together.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        let mut counts: BTreeMap<u16, u64> = self.counts.iter().copied().collect();
        for &(bucket, count) in &other.counts {
            *counts.entry(bucket).or_default() += count;
        }
        let held = [self, other].into_iter().filter(|one| one.count > 0);
        let min = held.clone().map(|one| one.min).min().unwrap_or_default();
        let max = held.map(|one| one.max).max().unwrap_or_default();
        let counts = counts.into_iter().collect();
        Self::new(counts, self.sum + other.sum, min, max)
    }

    /// A bucket's middle, brought between the smallest and the largest value.
    fn representative(&self, bucket: u16) -> Duration {
        Duration::from_nanos(buckets::middle(bucket).min(self.max).max(self.min))
    }
}

/// `nanos` as a duration; a sum of 64-bit nanoseconds fits for any count that a `u64` holds.
fn duration(nanos: u128) -> Duration {
    const NANOS_PER_SEC: u128 = 1_000_000_000;
    let secs = u64::try_from(nanos / NANOS_PER_SEC).unwrap_or(u64::MAX);
    Duration::new(secs, (nanos % NANOS_PER_SEC) as u32)
}
