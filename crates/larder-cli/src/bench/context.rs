//! `larder bench context`: each question twice, and what the second answer saved.
//!
//! It must not know how the daemon caches: it measures what a client sees.

mod report;

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::json;

use crate::args;
use crate::client::{Client, Target};
use crate::config::Environment;

use super::outputs;
use report::Report;

/// Between the two calls.
const PAUSE: Duration = Duration::from_millis(200);
const CHAT: &str = "/codette/chat";
const QUESTIONS: [&str; 5] = [
    "how to use reverb in mixing",
    "compression techniques for vocals",
    "how to equalize a muddy mix",
    "how to make kick and bass fit together",
    "how loud should a master be for streaming",
];

/// A question and how long its two answers took.
#[derive(Debug)]
struct Measured {
    query: String,
    first: Call,
    second: Call,
}

#[derive(Debug, Clone, Copy)]
struct Call {
    took_ms: f64,
    was_cached: bool,
}

#[derive(Deserialize)]
struct Answer {
    cached: bool,
}

/// `/codette/cache/status`
#[derive(Debug, Deserialize)]
struct Status {
    cache_backends: Backends,
    current_mode: String,
}

#[derive(Debug, Deserialize)]
struct Backends {
    memory_cache: String,
    redis_cache: String,
}

/// `/codette/analytics/dashboard`
#[derive(Debug, Deserialize)]
struct Dashboard {
    analytics: Analytics,
}

#[derive(Debug, Deserialize)]
struct Analytics {
    cache_performance: Performance,
    cache_infrastructure: Infrastructure,
    optimization_recommendations: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Performance {
    overall_hit_rate: String,
    successful_cache_hits: u64,
    cache_misses: u64,
    average_response_times: Times,
    total_time_saved: Saved,
}

#[derive(Debug, Deserialize)]
struct Times {
    with_cache_ms: f64,
    without_cache_ms: f64,
}

#[derive(Debug, Deserialize)]
struct Saved {
    milliseconds: f64,
}

#[derive(Debug, Deserialize)]
struct Infrastructure {
    memory_entries: u64,
    estimated_memory_usage_mb: f64,
}

/// Measures, prints the report and writes it to its file.
pub(crate) fn run(
    args: &args::BenchContext,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    outputs::try_to_open(&args.report)?;
    let client = Client::new(Target::find(&args.server, environment)?);
    // It opens the connection too, which is not to be measured.
    let status: Status = client.get_json("/codette/cache/status")?;
    let queries = match &args.query[..] {
        [] => QUESTIONS.map(str::to_owned).to_vec(),
        given => given.to_vec(),
    };
    let measured = queries.into_iter().map(|query| measure(&client, query));
    let measured = measured.collect::<anyhow::Result<Vec<_>>>()?;
    let dashboard: Dashboard = client.get_json("/codette/analytics/dashboard")?;
    let report = Report {
        generated: jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S").to_string(),
        status,
        measured,
        analytics: dashboard.analytics,
    };
    let text = report.to_string();
    out.write_all(text.as_bytes())?;
    let file = args.report.display();
    std::fs::write(&args.report, &text).with_context(|| format!("cannot write {file}"))?;
    writeln!(std::io::stderr(), "written to {file}")?;
    Ok(())
}

fn measure(client: &Client, query: String) -> anyhow::Result<Measured> {
    let first = call(client, &query)?;
    std::thread::sleep(PAUSE);
    let second = call(client, &query)?;
    Ok(Measured {
        query,
        first,
        second,
    })
}

fn call(client: &Client, query: &str) -> anyhow::Result<Call> {
    let begun = Instant::now();
    let text = client.post(CHAT, &json!({ "message": query }))?;
    let took_ms = begun.elapsed().as_secs_f64() * 1_000.0;
    let answer: Answer = client.parse(CHAT, &text)?;
    Ok(Call {
        took_ms,
        was_cached: answer.cached,
    })
}
