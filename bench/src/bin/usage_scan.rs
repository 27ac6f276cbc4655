//! Times the collector of Claude Code's logs: cold scan, restart, walk, one appended line.
//!
//! ```text
//! cargo run --release -p larder-bench --bin usage_scan -- CONFIG_DIR            one cold scan, then exit
//! cargo run --release -p larder-bench --bin usage_scan -- CONFIG_DIR all        every figure
//! ```
//! `all` appends to a log of its own in `CONFIG_DIR/projects/usage-scan`, and removes it.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use larder::Clock;
use larder_services::claude_usage::{Changes, Collector, Prices, Progress, Settings, TimeRange};

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let root = PathBuf::from(
        arguments
            .next()
            .ok_or("usage: usage_scan CONFIG_DIR [all]")?,
    );
    match arguments.next().as_deref() {
        None => cold(&root),
        Some("all") => all(&root),
        Some(other) => Err(format!("unknown argument {other:?}: expected `all` or nothing").into()),
    }
}

fn settings(root: &Path, state: Option<PathBuf>) -> Settings {
    Settings {
        roots: vec![root.to_owned()],
        state,
        zone: jiff::tz::TimeZone::UTC,
        prices: Prices::embedded(),
        threads: 2,
        clock: Clock::system(),
    }
}

fn cold(root: &Path) -> Outcome {
    let mut collector = Collector::open(settings(root, None), Arc::default())?;
    let refreshed = collector.refresh(Changes::Walk);
    let report = collector.report();
    println!(
        "cold scan {:.1} ms: {} files, {} lines, {} skipped, {} MB, {:?}",
        millis(refreshed.duration),
        refreshed.files_read,
        refreshed.lines_read,
        report.scan().skipped_lines,
        refreshed.bytes_read / 1_000_000,
        report.totals()
    );
    Ok(())
}

fn all(root: &Path) -> Outcome {
    cold(root)?;
    let directory = std::env::temp_dir().join(format!("usage-scan-{}", std::process::id()));
    let state = directory.join("usage.state");
    let project = root.join("projects/usage-scan");
    let result = measure(root, &state, &project);
    drop(fs::remove_dir_all(&directory));
    drop(fs::remove_dir_all(&project));
    result
}

fn measure(root: &Path, state: &Path, project: &Path) -> Outcome {
    let mut collector = Collector::open(
        settings(root, Some(state.to_owned())),
        Arc::new(Progress::default()),
    )?;
    collector.refresh(Changes::Walk);
    let started = Instant::now();
    collector.persist()?;
    println!("first persist {:.1} ms", millis(started.elapsed()));
    drop(collector);

    let started = Instant::now();
    let mut collector = Collector::open(
        settings(root, Some(state.to_owned())),
        Arc::new(Progress::default()),
    )?;
    let opened = started.elapsed();
    let refreshed = collector.refresh(Changes::Walk);
    println!(
        "restart {:.1} ms to a report, {:.1} ms with every file checked ({} read)",
        millis(opened),
        millis(started.elapsed()),
        refreshed.files_read
    );

    let walks = (0..20)
        .map(|_| collector.refresh(Changes::Walk).duration)
        .collect();
    println!(
        "walk of {} files {:.2} ms",
        collector.report().scan().files,
        millis(median(walks))
    );

    let days = collector.report().days().len();
    let today = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let views = (0..20)
        .map(|_| timed(|| drop(collector.report().view(TimeRange::All, today))))
        .collect();
    println!("view of all {days} days {:.1} µs", micros(median(views)));

    fs::create_dir_all(project)?;
    let log = project.join("appended.jsonl");
    let mut file = OpenOptions::new().create(true).append(true).open(&log)?;
    let mut refreshes = Vec::new();
    let mut persists = Vec::new();
    for line in 0..200 {
        writeln!(file, "{}", usage_line(line))?;
        refreshes.push(timed(|| {
            let refreshed = collector.refresh(Changes::Paths(vec![log.clone()]));
            assert!(refreshed.changed);
        }));
        persists.push(timed(|| collector.persist().expect("the state is kept")));
    }
    println!(
        "refresh after one appended line {:.1} µs",
        micros(median(refreshes))
    );
    println!("persist after it {:.1} µs", micros(median(persists)));
    Ok(())
}

fn usage_line(number: u32) -> String {
    format!(
        r#"{{"type":"assistant","sessionId":"bench","timestamp":"2026-09-19T10:00:00.{:03}Z","requestId":"r{number}","message":{{"id":"bench{number}","model":"claude-sonnet-4-5-20250929","content":[],"usage":{{"input_tokens":3,"output_tokens":5}}}}}}"#,
        number % 1000
    )
}

fn timed(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations[durations.len() / 2]
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
