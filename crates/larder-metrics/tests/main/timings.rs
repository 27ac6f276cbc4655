use std::thread;
use std::time::Duration;

use larder_metrics::{Error, Timing, TimingSnapshot};

use crate::manual;

/// Durations from 1 ns to 2 h that fill every octave unevenly.
fn durations() -> Vec<Duration> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..20_000)
        .map(|_| Duration::from_nanos(1 + ((next() % 7_200_000_000_000) >> (next() % 43))))
        .collect()
}

fn recorded(durations: &[Duration]) -> TimingSnapshot {
    let timing = Timing::new();
    for &duration in durations {
        timing.record(duration);
    }
    timing.snapshot()
}

/// I3
#[test]
fn quantiles_are_within_three_percent_from_a_nanosecond_to_hours() {
    let mut durations = durations();
    let snapshot = recorded(&durations);
    durations.sort_unstable();
    for q in [0.001, 0.01, 0.1, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999] {
        let exact = durations[(q * durations.len() as f64).ceil() as usize - 1].as_secs_f64();
        let answer = snapshot.quantile(q).unwrap().as_secs_f64();
        assert!(
            (answer - exact).abs() <= exact * 0.03,
            "q {q}: {answer} for {exact}"
        );
    }
}

#[test]
fn count_sum_mean_and_extremes_are_exact() {
    let durations = durations();
    let snapshot = recorded(&durations);
    let sum: Duration = durations.iter().sum();
    assert_eq!((snapshot.count(), snapshot.sum()), (20_000, sum));
    assert_eq!(snapshot.mean(), Some(sum / 20_000));
    assert_eq!(snapshot.min(), durations.iter().min().copied());
    assert_eq!(snapshot.max(), durations.iter().max().copied());
    assert_eq!(snapshot.quantile(0.0), snapshot.min());
    assert_eq!(snapshot.quantile(1.0), snapshot.max());
}

#[test]
fn the_standard_deviation_is_within_three_percent() {
    let durations: Vec<_> = (1..=1_000).map(Duration::from_micros).collect();
    let deviation = recorded(&durations)
        .standard_deviation()
        .unwrap()
        .as_secs_f64();
    let exact = ((1_000.0_f64.powi(2) - 1.0) / 12.0).sqrt() * 1e-6;
    assert!(
        (deviation - exact).abs() < exact * 0.03,
        "{deviation} for {exact}"
    );
}

#[test]
fn nothing_recorded_has_no_figures() {
    let empty = Timing::new().snapshot();
    assert_eq!((empty.count(), empty.sum()), (0, Duration::ZERO));
    assert_eq!((empty.mean(), empty.min(), empty.max()), (None, None, None));
    assert_eq!(
        (
            empty.quantile(0.0),
            empty.quantile(0.5),
            empty.quantile(1.0)
        ),
        (None, None, None)
    );
    assert_eq!(empty.standard_deviation(), None);
}

#[test]
fn a_single_duration_is_every_quantile_exactly() {
    for nanos in [0, 1, 31, 32, 1_000_003, 3_600_000_000_001] {
        let duration = Duration::from_nanos(nanos);
        let one = recorded(&[duration]);
        for q in [f64::NAN, -1.0, 0.0, 0.5, 1.0, 2.0] {
            assert_eq!(one.quantile(q), Some(duration), "{q}");
        }
    }
}

#[test]
fn the_longest_durations_are_counted_as_584_years() {
    let long = recorded(&[Duration::MAX, Duration::MAX]);
    assert_eq!(long.max(), Some(Duration::from_nanos(u64::MAX)));
    assert_eq!(long.sum(), Duration::from_nanos(u64::MAX) * 2);
}

/// I1
#[test]
fn recordings_of_64_threads_add_up_exactly() {
    let timing = Timing::new();
    thread::scope(|scope| {
        for thread in 1..=64 {
            let timing = &timing;
            scope.spawn(move || {
                (0..1_000).for_each(|_| timing.record(Duration::from_micros(thread)));
            });
        }
    });
    let snapshot = timing.snapshot();
    assert_eq!(snapshot.count(), 64_000);
    assert_eq!(snapshot.sum(), Duration::from_millis(2080));
    assert_eq!(snapshot.min(), Some(Duration::from_micros(1)));
    assert_eq!(snapshot.max(), Some(Duration::from_micros(64)));
    assert_eq!(
        snapshot.buckets().map(|bucket| bucket.count).sum::<u64>(),
        64_000
    );
}

#[test]
fn a_disabled_registry_records_no_durations() -> Result<(), Error> {
    let (_, registry) = manual();
    let loads = registry.timing("loads")?;
    registry.set_enabled(false);
    loads.record(Duration::from_secs(1));
    assert_eq!(
        registry.record("loads", &[], Duration::from_secs(1)),
        Ok(())
    );
    assert_eq!(loads.snapshot().count(), 0);
    Ok(())
}
