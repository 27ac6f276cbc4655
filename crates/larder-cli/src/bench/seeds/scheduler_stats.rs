//! Document 4: aggregates of a simulation's results, in two namespaces with a time to live.

use std::path::Path;
use std::time::Duration;

use larder::{ManualClock, Tiers};
use larder_metrics::Registry;
use larder_services::scheduler_stats::{Options, Scheduler, SchedulerStats};
use serde_json::json;
use tokio::runtime::Runtime;

use super::front::{self, Front};
use super::table::Section;
use super::timing::{by_turns, by_turns_awaited, bytes, percent, seconds, whole};

const STEPS: usize = 20;
/// A step is five seconds of the simulation, so 1,000 tasks.
const TASKS_PER_S: f64 = 200.0;
const TRAINING: &str = "/api/training-data?limit=1000";
const STATS: &str = "/api/schedulers/hybrid_ml/stats";
const INVALIDATE: &str = "/metrics/cache/invalidate";
const READS: u64 = 1_000;
/// Calls in the process of which one is too short to time.
const CALLS: usize = 1_000;
const A_MINUTE: u64 = 10_000;

pub(super) fn measure(
    runtime: &Runtime,
    directory: &Path,
    rounds: usize,
) -> anyhow::Result<Section> {
    let gateway = front::gateway();
    let (registry, clock) = (gateway.registry(), ManualClock::new());
    let options = Options {
        database: format!("sqlite:{}", directory.join("a.db").display()),
        tiers: Tiers::default(),
        registry: registry.clone(),
        clock: clock.clock(),
        pace: None,
        rate: TASKS_PER_S,
        tasks_max: 1_000_000,
        seed: 1,
    };
    let (service, running) = runtime.block_on(async { SchedulerStats::start(options) })?;
    let front = Front::serve(runtime, gateway.mount(service.mount()))?;
    front.post("/api/start", &json!({}))?;
    for _ in 0..STEPS {
        clock.advance(Duration::from_secs(5));
        service.step();
        runtime.block_on(service.flush())?;
    }
    front.post("/api/pause", &json!({}))?;
    clock.advance(Duration::from_mins(1));
    let results = front.json(STATS)?["count"].as_u64().unwrap_or_default() * 5;
    let mut section = Section::new(
        "4 · scheduler_stats: namespaces with a time to live",
        format!(
            "{} results of a simulation in SQLite in a file; requests over loopback, one at a time. {}",
            whole(results as f64),
            front.overhead(rounds)?
        ),
    );
    let query_s = times(runtime, (&front, &service), rounds, &mut section)?;
    let by = (&clock, &registry);
    for (what, document, pause) in [
        (
            "hit rate of the example",
            "85.0 %",
            Duration::from_millis(1_500),
        ),
        ("hit rate, typical", "0 % → 70–90 %", Duration::from_secs(2)),
    ] {
        let (missed, _) = runtime.block_on(read(&service, by, (READS, pause)))?;
        let apart = seconds(pause.as_secs_f64());
        let how = format!("1,000 reads of a scheduler's figures, {apart} apart, which live 10 s");
        section.row(what, document, percent(READS - missed, READS), how);
    }
    let pause = Duration::from_mins(1) / A_MINUTE as u32;
    let (queries, with) = runtime.block_on(read(&service, by, (A_MINUTE, pause)))?;
    let without = query_s * A_MINUTE as f64;
    let here = format!(
        "{} → {}, {queries} queries",
        seconds(without),
        seconds(with)
    );
    let how = "10,000 reads of a scheduler's figures in a minute of the cache's clock; the database's time";
    section.row(
        "10,000 requests a minute",
        "500 s → 59 s of database time",
        here,
        how,
    );
    let less = format!(
        "{:.2} % less",
        (1.0 - queries as f64 / A_MINUTE as f64) * 100.0
    );
    section.row("load of the database", "90 % less", less, "in those reads");
    names(&front, &mut section)?;
    let body = front.get(TRAINING)?.1.len();
    let how = "1,000 rows of training data as the text that is sent; the figures of 5 schedulers are 240 bytes more";
    section.row("memory of the cache", "1–10 MB", bytes(body as f64), how);
    let why =
        "no server here: `remote` of the benches measures one, and the README has its figures";
    section.row("Redis' network", "~1 ms", "–", why);
    runtime.block_on(running.stop());
    Ok(section)
}

/// Both namespaces; the seconds of a read of a scheduler's figures past the cache.
fn times(
    runtime: &Runtime,
    (front, service): (&Front, &SchedulerStats),
    rounds: usize,
    section: &mut Section,
) -> anyhow::Result<f64> {
    let mut ratios = Vec::new();
    for (what, namespace, path, document) in [
        (
            "training data, 1,000 rows",
            "training_data",
            TRAINING,
            "50–100 ms → < 1 ms",
        ),
        (
            "scheduler stats",
            "scheduler_stats",
            STATS,
            "20–50 ms → < 1 ms",
        ),
    ] {
        let pair = by_turns(
            rounds,
            || {
                front.post(&format!("{INVALIDATE}/{namespace}"), &json!({}))?;
                Ok(front.get(path)?.0)
            },
            || Ok(front.get(path)?.0),
        )?;
        let how = "the first request after an invalidation → the next one";
        section.row(what, document, pair.to_string(), how);
        ratios.push(pair.ratio());
    }
    let here = format!("{}×, {}×", whole(ratios[0]), whole(ratios[1]));
    section.row("faster, cached", "50× to 100×", here, "the two above");
    let within = runtime.block_on(by_turns_awaited(
        rounds,
        async || {
            let figures = service.figures_uncached(Scheduler::HybridMl).await;
            front::answered(figures).map(drop)
        },
        (CALLS, async || {
            let figures = service.figures(Scheduler::HybridMl).await;
            front::answered(figures).map(drop)
        }),
    ))?;
    section.row(
        "scheduler stats, without HTTP",
        "50× to 100×",
        within.to_string(),
        "the same figures in the process: past the cache → from it",
    );
    Ok(within.without)
}

/// Reads of a scheduler's figures, so far apart by the cache's clock: the queries that were made, and the
/// database's seconds.
async fn read(
    service: &SchedulerStats,
    (clock, registry): (&ManualClock, &Registry),
    (reads, pause): (u64, Duration),
) -> anyhow::Result<(u64, f64)> {
    let before = queries(registry);
    for _ in 0..reads {
        clock.advance(pause);
        front::answered(service.figures(Scheduler::HybridMl).await)?;
    }
    let after = queries(registry);
    Ok((after.0 - before.0, after.1 - before.1))
}

fn queries(registry: &Registry) -> (u64, f64) {
    let tags = [("operation", "select"), ("table", "scheduler_results")];
    let snapshot = registry.snapshot();
    let timing = snapshot.timing("database_query_duration_seconds", &tags);
    timing.map_or((0, 0.0), |timing| {
        let mean = timing.mean().unwrap_or_default().as_secs_f64();
        (timing.count(), mean * timing.count() as f64)
    })
}

/// The eight that the document names.
const NAMES: [&str; 8] = [
    "http_requests_total",
    "http_request_duration_seconds",
    "database_query_duration_seconds",
    "cache_operations_total",
    "simulation_tasks_processed_total",
    "simulation_tasks_in_flight",
    "model_retraining_duration_seconds",
    "websocket_connections_active",
];

fn names(front: &Front, section: &mut Section) -> anyhow::Result<()> {
    let text = String::from_utf8(front.get("/metrics/prometheus")?.1)?;
    let is_there = |name: &&&str| text.contains(&format!("# TYPE {name} "));
    let there = NAMES.iter().filter(is_there).count();
    let how = "of the document's eight names at /metrics/prometheus";
    section.row("Prometheus metrics", "8", there.to_string(), how);
    Ok(())
}
