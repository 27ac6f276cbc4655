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
    let free = free_ratio(&[6.0, 6.0], &[2.0, 2.0, 2.0]).expect("a ratio");
    assert_eq!((free.low, free.high), (Some(3.0), Some(3.0)));
    for one in [
        paired_ratio(&[6.0], &[2.0]),
        free_ratio(&[6.0], &[2.0, 2.0]),
    ] {
        let one = one.expect("a ratio");
        assert_eq!((one.value, one.low, one.high), (3.0, None, None));
    }
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
    // 100 values with mean 10 and deviation 1: the mean's own is 0.1, and 95 % lie within 1.98 of it.
    let values: Vec<f64> = (0..100)
        .map(|i| if i % 2 == 0 { 9.0 } else { 11.0 })
        .collect();
    let found = free_ratio(&values, &vec![1.0; 100]).expect("a ratio");
    about(found.value, 10.0, 1e-9);
    about(found.low.expect("low"), 9.802, 0.01);
    about(found.high.expect("high"), 10.202, 0.01);
}

#[test]
fn student_s_quantiles_are_the_table_s() {
    for (freedom, expected) in [
        (0.5, 12.706),
        (1.0, 12.706),
        (4.9, 2.776),
        (10.0, 2.228),
        (11.0, 2.201),
        (20.0, 2.086),
        (60.0, 2.000),
        (998.0, 1.962),
    ] {
        about(student(freedom), expected, 0.001);
    }
}

/// In how many of 100 simulated runs the interval holds the true ratio, which is 1: repetitions vary by
/// `spread` of their logarithm.
fn coverage(ratio: fn(&[f64], &[f64]) -> Option<Estimate>, repetitions: usize, spread: f64) -> f64 {
    const RUNS: usize = 4_000;
    let mut random = fastrand::Rng::with_seed(7);
    let mut side = || -> Vec<f64> {
        let normal = |random: &mut fastrand::Rng| {
            // Box and Muller.
            let (radius, angle) = (1.0 - random.f64(), random.f64());
            (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
        };
        let values = (0..repetitions).map(|_| (spread * normal(&mut random)).exp());
        values.collect()
    };
    let held = (0..RUNS).filter(|_| {
        let found = ratio(&side(), &side()).expect("a ratio");
        found.low <= Some(1.0) && found.high >= Some(1.0)
    });
    100.0 * held.count() as f64 / RUNS as f64
}

#[test]
fn intervals_of_few_repetitions_hold_the_truth_as_often_as_they_say() {
    for repetitions in [3, 5, 10] {
        for spread in [0.05, 0.2, 0.5] {
            let paired = coverage(paired_ratio, repetitions, spread);
            let free = coverage(free_ratio, repetitions, spread);
            for found in [paired, free] {
                let case = format!("{repetitions} repetitions, spread {spread}: {found} %");
                assert!((93.0..=98.5).contains(&found), "{case}");
            }
        }
    }
}
