//! The shared counts behind a [`Timing`](crate::Timing). It knows no clock, switch or name.

use std::array;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::buckets::{self, BOUNDS, OCTAVES, PLACES};
use crate::distribution::TimingSnapshot;

/// Counts of durations in log-linear buckets, shared by all threads without a lock.
///
/// A recording is two atomic additions; the number of recordings is the sum of the buckets. An
/// octave's buckets are allocated when its first value comes: about 1 KiB for the whole, and 264
/// bytes for each octave in use.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Histogram {
    sum: AtomicU64,
    /// How often `sum` has wrapped: 10,000 waiting callers fill 64 bits in three weeks.
    sum_carry: AtomicU64,
    min: AtomicU64,
    max: AtomicU64,
    octaves: [OnceLock<Box<Octave>>; OCTAVES],
}

type Octave = [AtomicU64; PLACES];

/// What a histogram held, as exports count it.
pub(crate) struct Cumulative {
    /// How many were at most each of the bounds.
    pub(crate) up_to: [u64; BOUNDS.len()],
    /// How many there were.
    pub(crate) count: u64,
    /// The sum of their nanoseconds.
    pub(crate) sum: u128,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            sum: AtomicU64::new(0),
            sum_carry: AtomicU64::new(0),
            min: AtomicU64::new(u64::MAX),
            max: AtomicU64::new(0),
            octaves: [const { OnceLock::new() }; OCTAVES],
        }
    }

    #[inline]
    pub(crate) fn record(&self, nanos: u64) {
        let (octave, place) = buckets::place(nanos);
        let counts = self.octaves[octave].get_or_init(new_octave);
        counts[place].fetch_add(1, Ordering::Relaxed);
        let before = self.sum.fetch_add(nanos, Ordering::Relaxed);
        if before.checked_add(nanos).is_none() {
            self.sum_carry.fetch_add(1, Ordering::Relaxed);
        }
        if nanos < self.min.load(Ordering::Relaxed) {
            self.min.fetch_min(nanos, Ordering::Relaxed);
        }
        if nanos > self.max.load(Ordering::Relaxed) {
            self.max.fetch_max(nanos, Ordering::Relaxed);
        }
    }

    pub(crate) fn snapshot(&self) -> TimingSnapshot {
        let mut counts = Vec::new();
        for (octave, block) in self.octaves.iter().enumerate() {
            for (place, count) in block
                .get()
                .into_iter()
                .flat_map(|block| block.iter().enumerate())
            {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    counts.push(((octave * PLACES + place) as u16, count));
                }
            }
        }
        TimingSnapshot::new(
            counts,
            self.sum(),
            self.min.load(Ordering::Relaxed),
            self.max.load(Ordering::Relaxed),
        )
    }

    /// The counts at the bounds. While recordings go on, each is at least the one before it, and the
    /// whole at least the last.
    pub(crate) fn cumulative(&self) -> Cumulative {
        let sum = |places: &[AtomicU64]| -> u64 {
            let counts = places.iter().map(|count| count.load(Ordering::Relaxed));
            counts.sum()
        };
        let (mut up_to, mut count) = ([0; BOUNDS.len()], 0);
        let places = BOUNDS.iter().map(|(nanos, _)| buckets::place(*nanos));
        let mut bounds = places.zip(&mut up_to).peekable();
        for (octave, block) in self.octaves.iter().enumerate() {
            let block = block.get().map_or(&[][..], |block| &block[..]);
            if let Some(((_, place), up_to)) = bounds.next_if(|((own, _), _)| *own == octave) {
                *up_to = count + sum(block.get(..=place).unwrap_or_default());
            }
            count += sum(block);
        }
        Cumulative {
            up_to,
            count,
            sum: self.sum(),
        }
    }

    fn sum(&self) -> u128 {
        let carry = u128::from(self.sum_carry.load(Ordering::Relaxed)) << 64;
        carry + u128::from(self.sum.load(Ordering::Relaxed))
    }

    pub(crate) fn reset(&self) {
        for count in self
            .octaves
            .iter()
            .filter_map(OnceLock::get)
            .flat_map(|block| block.iter())
        {
            count.store(0, Ordering::Relaxed);
        }
        self.sum.store(0, Ordering::Relaxed);
        self.sum_carry.store(0, Ordering::Relaxed);
        self.min.store(u64::MAX, Ordering::Relaxed);
        self.max.store(0, Ordering::Relaxed);
    }
}

#[cold]
fn new_octave() -> Box<Octave> {
    Box::new(array::from_fn(|_| AtomicU64::new(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_beyond_64_bits_is_exact() {
        let histogram = Histogram::new();
        for _ in 0..3 {
            histogram.record(u64::MAX);
        }
        let nanos = histogram.snapshot().sum().as_nanos();
        assert_eq!(nanos, 3 * u128::from(u64::MAX));
    }

    #[test]
    fn only_the_octaves_in_use_take_memory() {
        let histogram = Histogram::new();
        for nanos in [1_000_000, 1_000_001, 1_500_000_000] {
            histogram.record(nanos);
        }
        assert_eq!(
            histogram
                .octaves
                .iter()
                .filter(|octave| octave.get().is_some())
                .count(),
            2
        );
    }
}
