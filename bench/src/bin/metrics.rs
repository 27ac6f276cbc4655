//! What recording a metric costs, against a plain atomic addition in the same run; and what a cache's
//! hit costs while all that a daemon records is recorded, against one while nothing is.
//!
//! `cargo run --release -p larder-bench --bin metrics` exits with 1 if a limit is exceeded.

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use larder::AnyCache;
use larder_metrics::{Counter, Error, Gauge, Registry, Timeline, Timing, Windows};

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
    let recording = report(&cases);
    let hits = hits();
    Ok(if hits == ExitCode::SUCCESS {
        recording
    } else {
        hits
    })
}

/// Time between two snapshots: a daemon takes one in a second.
const PACE: Duration = Duration::from_millis(100);

/// A hit with nothing but the cache's own counts; with what it learns of its keys; and while snapshots go
/// into windows and a timeline besides, at ten times a daemon's pace.
fn hits() -> ExitCode {
    let (plain, learning) = (filled(false), filled(true));
    let (plain_hit, hit) = (hit_of(&plain), hit_of(&learning));
    let cases = [
        case("hit, nothing learned", None, plain_hit),
        case("hit", None, &hit),
        case("hit, all recorded", Some(1.1), &hit),
    ];
    let (is_on, is_done) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| record(&learning, &is_on, &is_done));
        let cases = measured(cases, |number| {
            is_on.store(number == 2, Ordering::Relaxed);
        });
        is_done.store(true, Ordering::Relaxed);
        report(&cases)
    })
}

const ENTRIES: u64 = 10_000;

fn filled(learns: bool) -> larder::sync::Cache<u64, u64> {
    let cache = larder::sync::Cache::<u64, u64>::builder("hits")
        .max_capacity(2 * ENTRIES)
        .advise(learns)
        .build()
        .expect("the settings are right");
    for key in 0..ENTRIES {
        cache.insert(key, key).expect("it is open");
    }
    cache
}

fn hit_of(cache: &larder::sync::Cache<u64, u64>) -> impl Fn(u64) {
    |step| {
        black_box(cache.peek(&(step % ENTRIES)));
    }
}

fn measured<const N: usize>(mut cases: [Case<'_>; N], before: impl Fn(usize)) -> [Case<'_>; N] {
    for _ in 0..ROUNDS {
        for (number, case) in cases.iter_mut().enumerate() {
            before(number);
            let started = Instant::now();
            // Long enough for several snapshots.
            (case.run)(OPERATIONS * 25);
            let nanos = started.elapsed().as_nanos() as f64;
            case.nanos.push(nanos / (OPERATIONS * 25) as f64);
        }
    }
    cases
}

fn record(cache: &dyn AnyCache, is_on: &AtomicBool, is_done: &AtomicBool) {
    let registry = Registry::new();
    let (mut windows, mut timeline) = (Windows::new(), Timeline::new());
    while !is_done.load(Ordering::Relaxed) {
        if is_on.load(Ordering::Relaxed) {
            let mut snapshot = registry.snapshot();
            larder::export([cache], &mut snapshot);
            timeline.record(&snapshot);
            windows.record(snapshot);
        }
        thread::sleep(PACE);
    }
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
