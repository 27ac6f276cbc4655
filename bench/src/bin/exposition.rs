//! What it takes to render 10,000 series for a scraper, against metrics-exporter-prometheus and against
//! plain `write!` of the same lines, in turns.
//!
//! `cargo run --release -p larder-bench --bin exposition` exits with 1 if a limit is missed.

use std::fmt::Write as _;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use larder_bench::rounds::{interval, median};
use larder_metrics::{Counter, Error, Exposition, Registry, TextFormat};
use metrics::{Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

const FAMILIES: usize = 10;
const SERIES: usize = 1_000;
const ROUNDS: usize = 61;

/// A way to render them: its name, and how many times larder's time it is to take at least.
type Subject = (&'static str, Option<f64>, Box<dyn Fn() -> usize>);

/// A series as one would keep it without a library.
struct Plain {
    name: String,
    tags: [(&'static str, String); 2],
    count: Counter,
}

fn main() -> Result<ExitCode, Error> {
    let (registry, plain, peer) = filled()?;
    let histograms = timings()?;
    let subjects: [Subject; 4] = [
        ("larder-metrics", None, Box::new(move || render(&registry))),
        ("write!", Some(4.0), Box::new(move || write_plainly(&plain))),
        (
            "metrics-exporter-prometheus",
            Some(10.0),
            Box::new(move || peer.render().len()),
        ),
        (
            "larder-metrics, 400 histograms of 25 lines",
            None,
            Box::new(move || render(&histograms)),
        ),
    ];
    let mut micros: [Vec<f64>; 4] = Default::default();
    for round in 0..=ROUNDS {
        for turn in 0..subjects.len() {
            let at = (turn + round) % subjects.len();
            let started = Instant::now();
            let bytes = black_box((subjects[at].2)());
            let took = started.elapsed().as_secs_f64() * 1e6;
            assert!(bytes > FAMILIES * SERIES * 40, "all are rendered");
            // The first round warms up.
            if round > 0 {
                micros[at].push(took);
            }
        }
    }
    Ok(report(&subjects, &micros))
}

/// The same counters three times.
fn filled() -> Result<(Registry, Vec<Plain>, PrometheusHandle), Error> {
    let (registry, mut plain) = (Registry::new(), Vec::new());
    let peer = PrometheusBuilder::new().build_recorder();
    for family in 0..FAMILIES {
        let name = format!("family_{family}_operations_total");
        for series in 0..SERIES {
            let endpoint = format!("/api/things/{series}");
            let tags = [("endpoint", endpoint), ("method", "GET".to_owned())];
            let count = (family * SERIES + series) as u64 * 977;
            registry.count(
                &name,
                &tags.each_ref().map(|(key, value)| (*key, &**value)),
                count,
            )?;
            let own = Counter::new();
            own.add(count);
            let labels: Vec<_> = tags
                .iter()
                .cloned()
                .map(|(key, value)| Label::new(key, value))
                .collect();
            let key = Key::from_parts(name.clone(), labels);
            let metadata = Metadata::new("bench", Level::INFO, None);
            peer.register_counter(&key, &metadata).increment(count);
            plain.push(Plain {
                name: name.clone(),
                tags,
                count: own,
            });
        }
    }
    Ok((registry, plain, peer.handle()))
}

/// 400 timings with durations from microseconds to seconds.
fn timings() -> Result<Registry, Error> {
    let registry = Registry::new();
    for series in 0..400_u64 {
        let series_text = series.to_string();
        let timing = registry.timing_with("loads", &[("series", &series_text)])?;
        for step in 0..1_000 {
            timing.record(Duration::from_nanos(
                (step * step * (series + 1)) << (step % 12),
            ));
        }
    }
    Ok(registry)
}

fn render(registry: &Registry) -> usize {
    Exposition::of(registry, TextFormat::Prometheus)
        .finish()
        .len()
}

fn write_plainly(series: &[Plain]) -> usize {
    let mut text = String::new();
    let mut last = "";
    for Plain { name, tags, count } in series {
        if *name != last {
            writeln!(text, "# TYPE {name} counter").expect("a String takes all");
            last = name;
        }
        let [(first, one), (second, two)] = tags;
        let (one, two, count) = (escaped(one), escaped(two), count.value());
        writeln!(
            text,
            "{name}{{{first}=\"{one}\",{second}=\"{two}\"}} {count}"
        )
        .expect("a String takes all");
    }
    text.len()
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn report(subjects: &[Subject], micros: &[Vec<f64>]) -> ExitCode {
    println!("{}", larder_bench::machine());
    println!("{} series, {ROUNDS} rounds in turns", FAMILIES * SERIES);
    println!("\n| | µs | × the first | 95 % | at least |\n|---|--:|--:|---|--:|");
    let mut code = ExitCode::SUCCESS;
    for ((name, limit, _), times) in subjects.iter().zip(micros) {
        let ratios: Vec<f64> = times
            .iter()
            .zip(&micros[0])
            .map(|(time, own)| time / own)
            .collect();
        let (ratio, (low, high)) = (median(&ratios), interval(&ratios));
        let limit_text = limit.map_or(String::new(), |limit| limit.to_string());
        println!(
            "| {name} | {:.0} | {ratio:.1} | {low:.1} to {high:.1} | {limit_text} |",
            median(times)
        );
        if limit.is_some_and(|limit| ratio < limit) {
            code = ExitCode::FAILURE;
        }
    }
    code
}
