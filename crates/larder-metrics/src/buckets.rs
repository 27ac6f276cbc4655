//! The arithmetic of the log-linear histogram; it holds no counts.
//!
//! Values are nanoseconds. The first octave holds 0 to 31 in a bucket each; every further octave
//! [2^n, 2^(n+1)) is cut into 32 buckets of equal width, so that a bucket's middle is within 1.6 %
//! of each value in it. 60 octaves hold every `u64`. A bucket that one of the [`BOUNDS`] lies in is
//! cut in two there, so that the number of values up to a bound is exact.

/// Buckets in an octave, with the one that a bound adds.
pub(crate) const PLACES: usize = WIDTH + 1;
/// Octaves that cover `u64`.
pub(crate) const OCTAVES: usize = 64 - WIDTH_BITS as usize + 1;
const WIDTH: usize = 1 << WIDTH_BITS;
const WIDTH_BITS: u32 = 5;

/// What exports count up to, in nanoseconds, and in seconds as they write it. No two are in one
/// octave.
pub(crate) const BOUNDS: [(u64, &str); 22] = [
    (1_000, "1e-06"),
    (10_000, "1e-05"),
    (25_000, "2.5e-05"),
    (50_000, "5e-05"),
    (100_000, "0.0001"),
    (250_000, "0.00025"),
    (500_000, "0.0005"),
    (1_000_000, "0.001"),
    (2_500_000, "0.0025"),
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (25_000_000, "0.025"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (250_000_000, "0.25"),
    (500_000_000, "0.5"),
    (1_000_000_000, "1.0"),
    (2_500_000_000, "2.5"),
    (5_000_000_000, "5.0"),
    (10_000_000_000, "10.0"),
    (30_000_000_000, "30.0"),
    (60_000_000_000, "60.0"),
];

/// The bound in each octave; where there is none, the largest value, which nothing exceeds.
const SPLITS: [u64; OCTAVES] = {
    let mut splits = [u64::MAX; OCTAVES];
    let mut index = 0;
    while index < BOUNDS.len() {
        let bound = BOUNDS[index].0;
        splits[(bound.ilog2() - WIDTH_BITS) as usize + 1] = bound;
        index += 1;
    }
    splits
};

/// The bucket of `nanos`: its octave, and its place in the octave.
#[inline]
pub(crate) const fn place(nanos: u64) -> (usize, usize) {
    if nanos < WIDTH as u64 {
        return (0, nanos as usize);
    }
    let shift = nanos.ilog2() - WIDTH_BITS;
    let octave = shift as usize + 1;
    let is_past = nanos > SPLITS[octave];
    (
        octave,
        ((nanos >> shift) as usize & (WIDTH - 1)) + is_past as usize,
    )
}

/// The smallest and the largest value in a bucket that is numbered `octave * PLACES + place`.
pub(crate) const fn bounds(bucket: u16) -> (u64, u64) {
    let octave = bucket as usize / PLACES;
    let own = (bucket as usize % PLACES) as u64;
    if octave == 0 {
        return (own, own);
    }
    let (shift, split) = (octave - 1, SPLITS[octave]);
    let is_past = split < u64::MAX && own as usize > place(split).1;
    let low = (WIDTH as u64 + own - is_past as u64) << shift;
    let high = low + ((1 << shift) - 1);
    if split < low || split >= high {
        (low, high)
    } else if is_past {
        (split + 1, high)
    } else {
        (low, split)
    }
}

/// The value that stands for all those in a bucket.
pub(crate) const fn middle(bucket: u16) -> u64 {
    let (low, high) = bounds(bucket);
    low + (high - low) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(nanos: u64) -> u16 {
        let (octave, place) = place(nanos);
        (octave * PLACES + place) as u16
    }

    /// Octaves without a bound have no last place.
    fn buckets() -> impl Iterator<Item = u16> {
        let is_used = |index: &u16| {
            let (octave, place) = (*index as usize / PLACES, *index as usize % PLACES);
            place < WIDTH || SPLITS[octave] < u64::MAX
        };
        (0..(OCTAVES * PLACES) as u16).filter(is_used)
    }

    #[test]
    fn buckets_follow_one_another_without_gap_or_overlap_up_to_the_largest_value() {
        let mut next = 0;
        for index in buckets() {
            let (low, high) = bounds(index);
            assert_eq!(low, next, "bucket {index}");
            assert_eq!((bucket(low), bucket(high)), (index, index));
            next = high.wrapping_add(1);
        }
        assert_eq!(next, 0, "the last bucket ends at u64::MAX");
    }

    #[test]
    fn a_buckets_middle_is_within_two_percent_of_its_ends() {
        for index in buckets() {
            let (low, high) = bounds(index);
            let reach = (middle(index) - low).max(high - middle(index));
            assert!(
                reach as f64 <= low as f64 * 0.016,
                "bucket {index}: {low} to {high}"
            );
        }
    }

    #[test]
    fn every_bound_is_the_end_of_a_bucket_and_written_as_what_it_is() {
        for (nanos, seconds) in BOUNDS {
            assert_eq!(bounds(bucket(nanos)).1, nanos);
            let written: f64 = seconds.parse().unwrap();
            assert_eq!((written * 1e9).round() as u64, nanos);
        }
        let mut octaves = BOUNDS.map(|(nanos, _)| place(nanos).0).to_vec();
        octaves.dedup();
        assert_eq!(octaves.len(), BOUNDS.len(), "no two are in one octave");
    }
}
