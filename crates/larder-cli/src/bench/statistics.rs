//! Means, spreads and how sure they are. It must not know what the numbers measure.

use serde::{Deserialize, Serialize};

/// How often repetitions are drawn anew.
const RESAMPLES: usize = 10_000;
/// Two-sided, for 95 %.
const TAIL: f64 = 0.025;

/// A value and between what it lies with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Estimate {
    pub(super) value: f64,
    /// `None` where there was one repetition.
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
}

/// `None` of no values.
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The sample standard deviation, with n - 1; `None` of fewer than two values.
pub(super) fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|_| values.len() > 1)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// The ratio of two means, `over` by `under`, whose values belong together pair by pair.
///
/// Its confidence is the percentile bootstrap's (Efron): pairs are drawn anew with replacement. With few
/// pairs it is too sure of itself.
pub(super) fn paired_ratio(over: &[f64], under: &[f64]) -> Option<Estimate> {
    let pairs: Vec<(f64, f64)> = over.iter().copied().zip(under.iter().copied()).collect();
    let mut random = fastrand::Rng::with_seed(1);
    let mut drawn = || -> (f64, f64) {
        let pairs = (0..pairs.len()).map(|_| pairs[random.usize(..pairs.len())]);
        pairs.fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1))
    };
    let value = ratio(over.iter().sum(), under.iter().sum())?;
    let ratios = (0..RESAMPLES).filter_map(|_| {
        let (over, under) = drawn();
        ratio(over, under)
    });
    Some(estimate(value, pairs.len(), ratios.collect()))
}

/// The ratio of two means, whose values were measured apart from each other.
pub(super) fn free_ratio(over: &[f64], under: &[f64]) -> Option<Estimate> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut drawn = |values: &[f64]| {
        let sum: f64 = values
            .iter()
            .map(|_| values[random.usize(..values.len())])
            .sum();
        sum / values.len() as f64
    };
    let value = ratio(mean(over)?, mean(under)?)?;
    let ratios = (0..RESAMPLES).filter_map(|_| {
        let over = drawn(over);
        ratio(over, drawn(under))
    });
    Some(estimate(
        value,
        over.len().min(under.len()),
        ratios.collect(),
    ))
}

fn ratio(over: f64, under: f64) -> Option<f64> {
    let ratio = over / under;
    ratio.is_finite().then_some(ratio)
}

fn estimate(value: f64, count: usize, mut resampled: Vec<f64>) -> Estimate {
    resampled.sort_by(f64::total_cmp);
    let last = resampled.len().saturating_sub(1) as f64;
    let at = |part: f64| {
        let found = resampled.get((part * last).round() as usize).copied();
        found.filter(|_| count > 1)
    };
    Estimate {
        value,
        low: at(TAIL),
        high: at(1.0 - TAIL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(value: f64, expected: f64, within: f64) {
        assert!((value - expected).abs() <= within, "{value}, {expected}");
    }

    #[test]
    fn mean_and_sample_deviation_are_the_text_books() {
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        about(mean(&values).expect("a mean"), 5.0, 1e-12);
        about(
            deviation(&values).expect("a deviation"),
            (32.0_f64 / 7.0).sqrt(),
            1e-12,
        );
        assert_eq!((mean(&[]), deviation(&[1.0])), (None, None));
    }

    #[test]
    fn equal_repetitions_are_sure_and_one_repetition_is_never() {
        let sure = paired_ratio(&[6.0, 6.0, 6.0], &[2.0, 2.0, 2.0]).expect("a ratio");
        assert_eq!(
            (sure.value, sure.low, sure.high),
            (3.0, Some(3.0), Some(3.0))
        );
        let one = paired_ratio(&[6.0], &[2.0]).expect("a ratio");
        assert_eq!((one.value, one.low, one.high), (3.0, None, None));
        assert_eq!(paired_ratio(&[6.0], &[0.0]), None);
        assert_eq!(free_ratio(&[], &[1.0]), None);
    }

    #[test]
    fn what_drifts_together_does_not_make_pairs_unsure() {
        // Twice as slow in each pair, on a machine that gets slower.
        let under = [1.0, 2.0, 4.0, 8.0];
        let over = under.map(|value| 2.0 * value);
        let paired = paired_ratio(&over, &under).expect("a ratio");
        assert_eq!((paired.low, paired.high), (Some(2.0), Some(2.0)));
        let free = free_ratio(&over, &under).expect("a ratio");
        assert!(free.low < Some(1.2) && free.high > Some(3.0), "{free:?}");
    }

    #[test]
    fn the_interval_is_that_of_the_mean_s_spread() {
        // 100 values with mean 10 and deviation 1: the mean's own is 0.1, and 95 % lie within 1.96 of it.
        let values: Vec<f64> = (0..100)
            .map(|i| if i % 2 == 0 { 9.0 } else { 11.0 })
            .collect();
        let found = free_ratio(&values, &vec![1.0; 100]).expect("a ratio");
        about(found.value, 10.0, 1e-9);
        about(found.low.expect("low"), 9.804, 0.03);
        about(found.high.expect("high"), 10.196, 0.03);
    }
}
