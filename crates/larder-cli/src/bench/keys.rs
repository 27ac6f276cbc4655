//! Which key the n-th request asks for: evenly or by Zipf's law from a range, or from a recorded stream.
//!
//! A key depends on the seed and the request's number only, so what is uncached and what is cached are
//! asked for the same keys, whatever order the connections take them in. It must not know what a key is
//! put into.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::ensure;

use crate::exit::Usage;
use crate::simulate::trace::{self, Format};

/// Zipf's law keeps a table of 8 bytes a key.
const ZIPF_KEYS_MAX: u64 = 10_000_000;
/// A stream is held in memory.
const TRACE_REQUESTS_MAX: usize = 50_000_000;

/// A stream of keys.
#[derive(Debug)]
pub(super) enum Keys {
    /// Nothing to choose.
    None,
    /// Each as likely as the others.
    Even(RangeInclusive<u64>),
    /// The first most likely.
    Zipf(Zipf),
    /// As recorded, begun anew at its end.
    Trace(Trace),
}

/// The law that gives the key of rank `r` a weight of `1 / r^exponent`, by a table of its sums and a
/// search in it: O(log n) a key.
#[derive(Debug)]
pub(super) struct Zipf {
    first: u64,
    exponent: f64,
    /// Of the weights up to each key.
    sums: Vec<f64>,
}

/// A recorded stream.
#[derive(Debug, Default)]
pub(super) struct Trace {
    names: Vec<String>,
    requests: Vec<u32>,
}

impl Keys {
    /// The numbers of a range, by Zipf's law where it is given.
    pub(super) fn of_range(range: RangeInclusive<u64>, zipf: Option<f64>) -> Result<Self, Usage> {
        let Some(exponent) = zipf else {
            return Ok(Self::Even(range));
        };
        let (first, last) = range.into_inner();
        if last - first >= ZIPF_KEYS_MAX {
            let said = format!("{first}..{last}: --zipf is for at most {ZIPF_KEYS_MAX} keys");
            return Err(Usage(said));
        }
        let weights = (1..=last - first + 1).map(|rank| (rank as f64).powf(-exponent));
        let sums = weights.scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Ok(Self::Zipf(Zipf {
            first,
            exponent,
            sums: sums.collect(),
        }))
    }

    /// The keys of a file.
    pub(super) fn of_trace(path: &Path, format: Option<Format>) -> anyhow::Result<Self> {
        let (mut trace, mut numbers) = (Trace::default(), HashMap::new());
        let mut fits = true;
        trace::read(path, format, &mut |key| {
            fits &= trace.requests.len() < TRACE_REQUESTS_MAX;
            if fits {
                let name = key.to_string();
                let next = trace.names.len() as u32;
                let number = *numbers.entry(name).or_insert_with_key(|name| {
                    trace.names.push(name.clone());
                    next
                });
                trace.requests.push(number);
            }
        })?;
        let path = path.display();
        let most = TRACE_REQUESTS_MAX;
        ensure!(fits, Usage(format!("{path}: more than {most} requests")));
        let is_empty = trace.requests.is_empty();
        ensure!(!is_empty, Usage(format!("{path}: it holds no requests")));
        Ok(Self::Trace(trace))
    }

    /// The key of a request.
    pub(super) fn at(&self, number: u64, seed: u64) -> Cow<'_, str> {
        match self {
            Self::None => Cow::Borrowed(""),
            Self::Even(range) => random(number, seed).u64(range.clone()).to_string().into(),
            Self::Zipf(zipf) => zipf.key(random(number, seed).f64()).to_string().into(),
            Self::Trace(trace) => {
                let place = number % trace.requests.len() as u64;
                let name = trace.requests[place as usize];
                Cow::Borrowed(&trace.names[name as usize])
            }
        }
    }

    /// The stream as people call it; `None` where there is nothing to choose.
    pub(super) fn title(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Even(range) => Some(format!("{}..{}, evenly", range.start(), range.end())),
            Self::Zipf(zipf) => {
                let last = zipf.first + zipf.sums.len() as u64 - 1;
                Some(format!("{}..{last}, Zipf {}", zipf.first, zipf.exponent))
            }
            Self::Trace(trace) => {
                let (requests, names) = (trace.requests.len(), trace.names.len());
                Some(format!("a trace of {requests} requests of {names} keys"))
            }
        }
    }
}

impl Zipf {
    /// The key at `fraction`, 0 to 1, of all the weight.
    fn key(&self, fraction: f64) -> u64 {
        let drawn = fraction * self.sums.last().copied().unwrap_or(0.0);
        let rank = self.sums.partition_point(|sum| *sum <= drawn);
        self.first + rank.min(self.sums.len() - 1) as u64
    }
}

/// A generator for one request; seeds that are neighbours are scattered first.
fn random(number: u64, seed: u64) -> fastrand::Rng {
    let mut scattered = fastrand::Rng::with_seed(seed);
    fastrand::Rng::with_seed(scattered.u64(..) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(keys: &Keys, count: u64, seed: u64) -> Vec<u64> {
        let keys = (0..count).map(|number| keys.at(number, seed).parse().expect("a number"));
        keys.collect()
    }

    #[test]
    fn zipf_draws_each_key_as_often_as_its_weight_says() {
        let keys = Keys::of_range(5..=104, Some(1.0)).expect("few keys");
        let harmonic: f64 = (1..=100).map(|rank| 1.0 / f64::from(rank)).sum();
        let drawn = drawn(&keys, 200_000, 1);
        for rank in [1_u64, 2, 10, 100] {
            let seen = drawn.iter().filter(|key| **key == 4 + rank).count() as f64;
            let expected = 200_000.0 / rank as f64 / harmonic;
            // Five standard deviations of a binomial count.
            assert!(
                (seen - expected).abs() < 5.0 * expected.sqrt(),
                "{rank}: {seen}, {expected}"
            );
        }
        assert!(drawn.iter().all(|key| (5..=104).contains(key)));
    }

    #[test]
    fn evenly_drawn_keys_fill_the_range_and_a_seed_draws_the_same_again() {
        let keys = Keys::of_range(1..=4, None).expect("a range");
        let first = drawn(&keys, 40_000, 1);
        for key in 1..=4 {
            let seen = first.iter().filter(|drawn| **drawn == key).count();
            assert!((9_500..10_500).contains(&seen), "{key}: {seen}");
        }
        assert_eq!(first, drawn(&keys, 40_000, 1));
        assert_ne!(first, drawn(&keys, 40_000, 2));
        let whole = Keys::of_range(0..=u64::MAX, None).expect("a range");
        assert_ne!(drawn(&whole, 2, 1)[0], drawn(&whole, 2, 1)[1]);
    }

    #[test]
    fn too_many_keys_for_a_table_are_refused() {
        let refused = Keys::of_range(1..=10_000_001, Some(1.0)).expect_err("too many");
        assert!(refused.to_string().contains("at most 10000000 keys"));
    }

    #[test]
    fn a_trace_keeps_its_words_and_begins_anew_at_its_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("keys");
        std::fs::write(&path, "apple\n17\napple\n").expect("it is written");
        let keys = Keys::of_trace(&path, None).expect("a trace");
        let names: Vec<_> = (0..5).map(|number| keys.at(number, 1)).collect();
        assert_eq!(names, ["apple", "17", "apple", "apple", "17"]);
        assert_eq!(
            keys.title().as_deref(),
            Some("a trace of 3 requests of 2 keys")
        );
    }
}
