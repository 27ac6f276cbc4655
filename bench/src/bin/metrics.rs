//! What recording a metric costs, against a plain atomic addition in the same run.
//!
//! `cargo run --release -p larder-bench --bin metrics` exits with 1 if a limit is exceeded.

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use larder_metrics::{Counter, Error, Gauge, Registry, Timing};

const ROUNDS: usize = 41;
const OPERATIONS: u64 = 200_000;

/// What is measured, and the most atomic additions that it may cost.
struct Case<'a> {
    name: &'static str,
    limit: Option<f64>,
    run: Box<dyn Fn(u64) + 'a>,
    /// Nanoseconds for an operation, a round each.
    nanos: Vec<f64>,
}

fn main() -> Result<ExitCode, Error> {
    let plain = black_box(Box::new(AtomicU64::new(0)));
    let (enabled, disabled) = (Registry::new(), Registry::new());
    disabled.set_enabled(false);
    let (on, off) = (Handles::of(&enabled)?, Handles::of(&disabled)?);
    let durations = durations();
    let duration = |step: u64| durations[step as usize % durations.len()];

    // The steps are added, not a constant: an addition of zero would be compiled to less.
    let mut cases = [
        case("atomic add", None, |step| {
            plain.fetch_add(step, Ordering::Relaxed);
        }),
        case("counter.add", Some(1.3), |step| on.counter.add(step)),
        case("timing.record", Some(2.5), |step| {
            on.timing.record(duration(step));
        }),
        case("timing.start, dropped", None, |_| drop(on.timing.start())),
        case("gauge.set", None, |step| on.gauge.set(step as f64)),
        case("registry.count, 1 tag", None, |_| count(&enabled)),
        case("disabled counter.add", Some(0.5), |step| {
            off.counter.add(step);
        }),
        case("disabled timing.record", Some(0.5), |step| {
            off.timing.record(duration(step));
        }),
        case("disabled timing.start", Some(0.5), |_| {
            drop(off.timing.start());
        }),
        case("disabled registry.count", Some(0.5), |_| count(&disabled)),
    ];
    for _ in 0..ROUNDS {
        for case in &mut cases {
            let started = Instant::now();
            (case.run)(OPERATIONS);
            case.nanos
                .push(started.elapsed().as_nanos() as f64 / OPERATIONS as f64);
        }
    }
    Ok(report(&cases))
}

struct Handles {
    counter: Counter,
    gauge: Gauge,
    timing: Timing,
}

impl Handles {
    fn of(registry: &Registry) -> Result<Self, Error> {
        let (counter, gauge) = (registry.counter("c")?, registry.gauge("g")?);
        Ok(black_box(Self {
            counter,
            gauge,
            timing: registry.timing("t")?,
        }))
    }
}

/// Durations up to 50 µs, in many octaves and in no order that a processor predicts.
fn durations() -> [Duration; 1024] {
    std::array::from_fn(|step| Duration::from_nanos((step * step * 977 % 50_000) as u64))
}

fn count(registry: &Registry) {
    let counted = registry.count("events.by_type", &[("type", "midi")], 1);
    assert!(counted.is_ok());
}

/// The loop is compiled with the operation, so that its cost is the operation's.
fn case<'a>(name: &'static str, limit: Option<f64>, operation: impl Fn(u64) + 'a) -> Case<'a> {
    let run = Box::new(move |operations| (0..operations).for_each(&operation));
    Case {
        name,
        limit,
        run,
        nanos: Vec::with_capacity(ROUNDS),
    }
}

/// Prints the medians of times and of ratios to the first case in the same round.
fn report(cases: &[Case<'_>]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    println!("{:<26}{:>8}{:>8}{:>8}", "", "ns", "ratio", "limit");
    for Case {
        name, limit, nanos, ..
    } in cases
    {
        let ratio = median(
            nanos
                .iter()
                .zip(&cases[0].nanos)
                .map(|(nanos, plain)| nanos / plain),
        );
        let exceeded = limit.is_some_and(|limit| ratio > limit);
        let limit = limit.map_or("-".to_owned(), |limit| limit.to_string());
        let verdict = if exceeded { "  exceeded" } else { "" };
        println!(
            "{name:<26}{:>8.2}{ratio:>8.2}{limit:>8}{verdict}",
            median(nanos.iter().copied())
        );
        if exceeded {
            code = ExitCode::FAILURE;
        }
    }
    code
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
