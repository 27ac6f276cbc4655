//! Document 2: the list of 500 workstations, and what the database is asked.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use larder::{Clock, Tiers};
use larder_metrics::{Registry, TimingSnapshot};
use larder_services::workstations::{AnswerKey, Options, Workstations};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use super::front::{self, Front};
use super::table::Section;
use super::timing::{by_turns, by_turns_awaited, bytes, percent, seconds, whole};

const ROWS: usize = 500;
/// Calls in the process of which one is too short to time.
const CALLS: usize = 1_000;
const LIST: &str = "/api/workstations";
const CLEAR: &str = "/api/performance/cache-clear";
/// Of the document's example: hits and misses.
const HITS: u64 = 1_250;
const MISSES: u64 = 340;

pub(super) fn measure(
    runtime: &Runtime,
    directory: &Path,
    rounds: usize,
) -> anyhow::Result<Section> {
    let gateway = front::gateway();
    let registry = gateway.registry();
    let options = Options {
        database: format!("sqlite:{}", directory.join("a.db").display()),
        registry: registry.clone(),
        tiers: Tiers::default(),
        clock: Clock::system(),
        services: Arc::new(AtomicUsize::new(1)),
    };
    let (service, running) = runtime.block_on(async { Workstations::start(options) })?;
    runtime.block_on(fill(&service))?;
    let front = Front::serve(runtime, gateway.mount(service.mount()))?;
    let mut section = Section::new(
        "2 · workstations: invalidate on write",
        format!(
            "500 rows in SQLite in a file; requests over loopback, one at a time. {}",
            front.overhead(rounds)?
        ),
    );
    let pair = by_turns(
        rounds * 5,
        || {
            front.post(CLEAR, &json!({}))?;
            Ok(front.get(LIST)?.0)
        },
        || Ok(front.get(LIST)?.0),
    )?;
    let how = "the first request after a clear → the next one";
    let document = "150–200 ms → 10–20 ms, 95 % faster";
    section.row("GET /api/workstations", document, pair.to_string(), how);
    let within = runtime.block_on(by_turns_awaited(
        rounds * 5,
        async || front::answered(service.read_uncached().await).map(drop),
        (CALLS, async || {
            front::answered(service.read(AnswerKey::List).await).map(drop)
        }),
    ))?;
    let how = "the same list in the process: past the cache → from it";
    section.row("without HTTP", document, within.to_string(), how);
    let asked = runtime.block_on(mixed(&service, &registry))?;
    let how = "1,590 reads in the process, a write before 340 of them, as many as the document's example missed";
    section.row(
        "hit rate, 1,250 hits and 340 misses",
        "78.6 %",
        percent(asked.hits, asked.reads),
        how,
    );
    let each = asked.queries as f64 / asked.reads as f64;
    section.row(
        "queries for a request",
        "1 → ~0.25",
        format!("1 → {each:.2}"),
        "in those reads",
    );
    let less = format!("{:.0} % less", (1.0 - each) * 100.0);
    section.row("load of the database", "~25 % less", less, "in those reads");
    let share = asked.reads as f64
        / (asked.hits as f64 * pair.with + (asked.reads - asked.hits) as f64 * pair.without);
    let overall = format!(
        "{} a request, {}×",
        seconds(1.0 / share),
        whole(pair.without * share)
    );
    section.row(
        "response time overall",
        "20–30 % less",
        overall,
        "those hits and misses at the times above",
    );
    let body = front.get(LIST)?.1.len();
    let how = "the answer's text, which is all that is kept of the list; the document does not say of how many rows its own is";
    section.row("memory of the cache", "2–5 MB", bytes(body as f64), how);
    runtime.block_on(running.stop());
    Ok(section)
}

async fn fill(service: &Workstations) -> anyhow::Result<()> {
    for number in 0..ROWS {
        let fields = object(json!({
            "name": format!("workstation-{number:03}"),
            "ip_address": format!("10.0.{}.{}", number / 250, number % 250 + 1),
            "status": (["online", "offline", "error"][number % 3]),
            "total_emulators": number % 16 + 4,
            "active_emulators": number % 5,
            "cpu_usage": (number * 7 % 1_000) as f64 / 10.0,
        }));
        front::answered(service.create(&fields).await)?;
    }
    Ok(())
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// What reads among writes came to.
struct Asked {
    reads: u64,
    hits: u64,
    queries: u64,
}

async fn mixed(service: &Workstations, registry: &Registry) -> anyhow::Result<Asked> {
    let (reads, hits, queries) = (
        HITS + MISSES,
        service.answers().stats().hits,
        selects(registry),
    );
    let mut written = 0;
    for read in 0..reads {
        // As evenly as whole numbers let.
        if read * MISSES / reads >= written {
            let fields = object(json!({ "cpu_usage": (written % 100) }));
            front::answered(service.update(1, fields).await)?;
            written += 1;
        }
        front::answered(service.read(AnswerKey::List).await)?;
    }
    Ok(Asked {
        reads,
        hits: service.answers().stats().hits - hits,
        queries: selects(registry) - queries,
    })
}

fn selects(registry: &Registry) -> u64 {
    let tags = [("operation", "select"), ("table", "workstations")];
    let snapshot = registry.snapshot();
    let timing = snapshot.timing("database_query_duration_seconds", &tags);
    timing.map_or(0, TimingSnapshot::count)
}
