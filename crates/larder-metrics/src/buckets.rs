//! The arithmetic of the log-linear histogram; it holds no counts.
//!
//! Values are nanoseconds. The first octave holds 0 to 31 in a bucket each; every further octave
//! [2^n, 2^(n+1)) is cut into 32 buckets of equal width, so that a bucket's middle is within 1.6 %
//! of each value in it. 60 octaves hold every `u64`.

/// Buckets in an octave.
pub(crate) const WIDTH: usize = 1 << WIDTH_BITS;
/// Octaves that cover `u64`.
pub(crate) const OCTAVES: usize = 64 - WIDTH_BITS as usize + 1;
const WIDTH_BITS: u32 = 5;

/// The bucket of `nanos`: its octave, and its place in the octave.
#[inline]
pub(crate) const fn place(nanos: u64) -> (usize, usize) {
    if nanos < WIDTH as u64 {
        return (0, nanos as usize);
    }
    let shift = nanos.ilog2() - WIDTH_BITS;
    (shift as usize + 1, (nanos >> shift) as usize & (WIDTH - 1))
}

/// The smallest and the largest value in a bucket that is numbered `octave * WIDTH + place`.
pub(crate) const fn bounds(bucket: u16) -> (u64, u64) {
    let octave = bucket as usize / WIDTH;
    let place = (bucket as usize % WIDTH) as u64;
    if octave == 0 {
        return (place, place);
    }
    let shift = octave - 1;
    let low = (WIDTH as u64 + place) << shift;
    (low, low + ((1 << shift) - 1))
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
        (octave * WIDTH + place) as u16
    }

    #[test]
    fn buckets_follow_one_another_without_gap_or_overlap_up_to_the_largest_value() {
        let mut next = 0;
        for index in 0..(OCTAVES * WIDTH) as u16 {
            let (low, high) = bounds(index);
            assert_eq!(low, next, "bucket {index}");
            assert_eq!((bucket(low), bucket(high)), (index, index));
            next = high.wrapping_add(1);
        }
        assert_eq!(next, 0, "the last bucket ends at u64::MAX");
    }

    #[test]
    fn a_buckets_middle_is_within_two_percent_of_its_ends() {
        for index in 0..(OCTAVES * WIDTH) as u16 {
            let (low, high) = bounds(index);
            let reach = (middle(index) - low).max(high - middle(index));
            assert!(
                reach as f64 <= low as f64 * 0.016,
                "bucket {index}: {low} to {high}"
            );
        }
    }
}
