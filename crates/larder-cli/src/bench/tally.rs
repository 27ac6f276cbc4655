//! What a repetition counted. It must not know how requests are sent.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// Significant digits of a percentile.
const DIGITS: u8 = 3;

/// An answer that was read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) status: u16,
    /// Of the body, as they came over the network.
    pub(super) bytes: u64,
}

/// Why there is no whole answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("cannot connect: {0}")]
    Connect(String),
    #[error("the answer broke off: {0}")]
    Cut(String),
    #[error("the answer is no HTTP: {0}")]
    Protocol(String),
    #[error("no answer in time")]
    TimedOut,
    /// An open loop's request whose turn did not come.
    #[error("not sent: earlier requests took too long")]
    NotSent,
    /// Before an uncached request.
    #[error("the caches could not be cleared: {0}")]
    Clearing(String),
}

impl Failure {
    fn kind(&self) -> &'static str {
        match self {
            Self::Connect(_) => "connect",
            Self::Cut(_) => "cut",
            Self::Protocol(_) => "protocol",
            Self::TimedOut => "timeout",
            Self::NotSent => "not_sent",
            Self::Clearing(_) => "clearing",
        }
    }

    /// Whether the next try may fail as quickly, so that it had better wait.
    pub(super) fn is_quick(&self) -> bool {
        !matches!(self, Self::TimedOut | Self::NotSent)
    }
}

/// Counts of one repetition.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// Nanoseconds: of good answers, and of requests that had none in time, which took at least that.
    pub(super) latencies: Histogram<u64>,
    moments: Moments,
    pub(super) bytes: u64,
    pub(super) requests: u64,
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) errors: BTreeMap<&'static str, u64>,
}

/// Mean and squares of the exact latencies, by Welford's update.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            latencies: Histogram::new(DIGITS).expect("1 to 5 digits can be kept"),
            moments: Moments::default(),
            bytes: 0,
            requests: 0,
            statuses: BTreeMap::new(),
            errors: BTreeMap::new(),
        }
    }
}

impl Tally {
    /// Counts a request.
    pub(super) fn record(&mut self, outcome: &Result<Answered, Failure>, took: Duration) {
        self.requests += 1;
        match outcome {
            Ok(answer) => {
                *self.statuses.entry(answer.status).or_default() += 1;
                self.bytes += answer.bytes;
                if is_good(answer.status) {
                    self.latency(took);
                } else {
                    self.error("status");
                }
            }
            Err(failure) => {
                self.error(failure.kind());
                if matches!(failure, Failure::TimedOut | Failure::NotSent) {
                    self.latency(took);
                }
            }
        }
    }

    /// Adds what another counted.
    pub(super) fn add(&mut self, other: &Self) {
        let added = self.latencies.add(&other.latencies);
        added.expect("a histogram that grows by itself holds any other");
        self.moments = self.moments.with(other.moments);
        self.bytes += other.bytes;
        self.requests += other.requests;
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        for (kind, count) in &other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
    }

    /// Requests without a good answer.
    pub(super) fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Nanoseconds; `None` where nothing was timed.
    pub(super) fn mean(&self) -> Option<f64> {
        (self.moments.count > 0).then_some(self.moments.mean)
    }

    /// The sample standard deviation, in nanoseconds.
    pub(super) fn deviation(&self) -> Option<f64> {
        let Moments { count, squares, .. } = self.moments;
        (count > 1).then(|| (squares / (count - 1) as f64).sqrt())
    }

    fn latency(&mut self, took: Duration) {
        let nanos = took.as_nanos() as u64;
        let recorded = self.latencies.record(nanos);
        recorded.expect("a histogram that grows by itself holds any number");
        self.moments = self.moments.with(Moments {
            count: 1,
            mean: nanos as f64,
            squares: 0.0,
        });
    }

    fn error(&mut self, kind: &'static str) {
        *self.errors.entry(kind).or_default() += 1;
    }
}

/// Whether a status is what a reader wants: 2xx, and 304 to a conditional request.
pub(super) fn is_good(status: u16) -> bool {
    (200..300).contains(&status) || status == 304
}

impl Moments {
    /// Both together (Chan, Golub, `LeVeque`).
    fn with(self, other: Self) -> Self {
        let count = self.count + other.count;
        if count == 0 {
            return self;
        }
        let (mine, theirs, all) = (self.count as f64, other.count as f64, count as f64);
        let apart = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + apart * theirs / all,
            squares: self.squares + other.squares + apart * apart * mine * theirs / all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> Answered {
        Answered { status, bytes: 10 }
    }

    fn of(milliseconds: &[u64]) -> Tally {
        let mut tally = Tally::default();
        for ms in milliseconds {
            tally.record(&Ok(answered(200)), Duration::from_millis(*ms));
        }
        tally
    }

    #[test]
    fn mean_and_deviation_are_exact_and_the_same_when_added_up() {
        let whole = of(&[2, 4, 4, 4, 5, 5, 7, 9]);
        let mut added = of(&[2, 4, 4]);
        added.add(&of(&[4, 5, 5, 7, 9]));
        for tally in [whole, added] {
            let (mean, deviation) = (tally.mean().unwrap(), tally.deviation().unwrap());
            assert!((mean - 5e6).abs() < 1.0, "{mean}");
            assert!((deviation - 1e6 * (32.0_f64 / 7.0).sqrt()).abs() < 1.0);
            assert_eq!((tally.requests, tally.bytes), (8, 80));
        }
        assert_eq!(
            (Tally::default().mean(), of(&[1]).deviation()),
            (None, None)
        );
    }

    #[test]
    fn a_quick_refusal_makes_no_latency_better_and_a_time_out_makes_it_worse() {
        let mut tally = of(&[100]);
        tally.record(&Ok(answered(503)), Duration::from_millis(1));
        tally.record(&Err(Failure::Cut(String::new())), Duration::from_millis(1));
        assert_eq!(tally.mean(), Some(100e6));
        tally.record(&Err(Failure::TimedOut), Duration::from_millis(300));
        assert_eq!(tally.mean(), Some(200e6));
        assert_eq!(tally.requests, 4);
        let errors: Vec<_> = tally
            .errors
            .iter()
            .map(|(kind, count)| (*kind, *count))
            .collect();
        assert_eq!(errors, [("cut", 1), ("status", 1), ("timeout", 1)]);
        assert_eq!(
            tally.statuses.into_iter().collect::<Vec<_>>(),
            [(200, 1), (503, 1)]
        );
    }

    #[test]
    fn percentiles_keep_three_digits() {
        let tally = of(&(1..=1_000).collect::<Vec<_>>());
        for quantile in [0.5, 0.9, 0.99, 0.999] {
            let found = tally.latencies.value_at_quantile(quantile) as f64;
            let expected = quantile * 1e9;
            assert!(
                (found / expected - 1.0).abs() < 0.001,
                "{quantile}: {found}"
            );
        }
    }

    #[test]
    fn not_modified_is_a_good_answer() {
        assert!(is_good(304) && is_good(204) && !is_good(302) && !is_good(404));
    }
}
