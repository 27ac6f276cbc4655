//! `/api/schedulers/hybrid_ml/stats` over a million results on `PostgreSQL`, cached and past the cache, under
//! wrk with 64 connections.
//!
//! `cargo run --release -p larder-bench --bin schedulers [ROUNDS]` needs `postgres` and `wrk`; it exits with 1
//! if a limit is missed.

use std::process::{Command, ExitCode};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use larder::{Clock, Tiers};
use larder_bench::rounds::{interval, median};
use larder_http::{Access, Gateway, Hosts, Problem, Role};
use larder_metrics::{Registry, TimingSnapshot};
use larder_services::scheduler_stats::{Options, Scheduler, SchedulerFigures, SchedulerStats};
use larder_testkit::servers::Postgres;
use sqlx::any::AnyPoolOptions;
use tokio::net::TcpListener;
use tokio::sync::watch;

const RESULTS: u32 = 1_000_000;
const RATIO_MIN: f64 = 50.0;
const QUERIES_MAX: f64 = 3.0;

fn main() -> ExitCode {
    let rounds = std::env::args()
        .nth(1)
        .and_then(|rounds| rounds.parse().ok());
    let server = Postgres::start().expect("postgres starts");
    let runtime = tokio::runtime::Runtime::new().expect("threads can be made");
    let (port, registry) = runtime.block_on(serve(&server.url()));
    println!("{}", larder_bench::machine());
    println!("{RESULTS} results of five schedulers, 64 connections, 3 s a run");
    println!(
        "| cached/s | uncached/s | ratio | queries in 10,000 cached reads |\n|--:|--:|--:|--:|"
    );
    let (mut ratios, mut worst) = (Vec::new(), 0.0_f64);
    for _ in 0..rounds.unwrap_or(5) {
        let before = queries(&registry);
        let cached = wrk(port, "/api/schedulers/hybrid_ml/stats");
        let asked = (queries(&registry) - before) as f64 / cached.reads * 1e4;
        let uncached = wrk(port, "/uncached");
        let ratio = cached.per_second / uncached.per_second;
        println!(
            "| {:.0} | {:.1} | {ratio:.0} | {asked:.3} |",
            cached.per_second, uncached.per_second
        );
        ratios.push(ratio);
        worst = worst.max(asked);
    }
    let (ratio, (low, high)) = (median(&ratios), interval(&ratios));
    println!(
        "ratio {ratio:.0} ({low:.0} to {high:.0}), at least {RATIO_MIN}; queries {worst:.3}, at most {QUERIES_MAX}"
    );
    if ratio >= RATIO_MIN && worst <= QUERIES_MAX {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The service with a route past its cache, its tables filled.
async fn serve(url: &str) -> (u16, Registry) {
    let (_, stopping) = watch::channel(false);
    let access = Access::new("unused", Some(Role::Viewer));
    let gateway = Gateway::new("bench", "0", access, Hosts::default(), stopping);
    let registry = gateway.registry();
    let options = Options {
        database: url.to_owned(),
        tiers: Tiers::default(),
        registry: registry.clone(),
        clock: Clock::system(),
        pace: None,
        rate: 1.0,
        tasks_max: u64::from(RESULTS),
        seed: 1,
    };
    let (service, running) = SchedulerStats::start(options).expect("the URL is good");
    service
        .figures_uncached(Scheduler::HybridMl)
        .await
        .expect("the tables are made");
    fill(url).await;
    let found = service
        .figures_uncached(Scheduler::HybridMl)
        .await
        .expect("it answers");
    assert_eq!(found.count, i64::from(RESULTS / 5));
    let uncached = Router::new()
        .route("/uncached", get(uncached))
        .with_state(service.clone());
    let router = gateway.mount(service.mount().reads(uncached)).into_router();
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    tokio::spawn(async move {
        let served =
            larder_http::serve(listener, router, std::future::pending(), Duration::ZERO).await;
        drop(running);
        served
    });
    (port, registry)
}

async fn uncached(
    State(service): State<SchedulerStats>,
) -> Result<axum::Json<SchedulerFigures>, Problem> {
    service
        .figures_uncached(Scheduler::HybridMl)
        .await
        .map(axum::Json)
}

async fn fill(url: &str) {
    let names = Scheduler::ALL.map(|one| format!("'{one}'")).join(", ");
    let text = format!(
        "INSERT INTO scheduler_results (task_id, scheduler_name, gpu_fraction, cpu_fraction, gpu_id, actual_time, \
         energy_consumption, execution_cost, executed_at) \
         SELECT 'bench-' || (n / 5), (ARRAY[{names}])[n % 5 + 1], 0.5, 0.5, 1, random(), random() * 100, \
         random() / 100, n FROM generate_series(0, {RESULTS} - 1) AS n"
    );
    let pool = AnyPoolOptions::new()
        .connect(url)
        .await
        .expect("it takes connections");
    for statement in [text.as_str(), "VACUUM ANALYZE scheduler_results"] {
        let done = sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(&pool)
            .await;
        done.expect("the statement is good");
    }
    pool.close().await;
}

fn queries(registry: &Registry) -> u64 {
    let tags = [("operation", "select"), ("table", "scheduler_results")];
    let snapshot = registry.snapshot();
    let timing = snapshot.timing("database_query_duration_seconds", &tags);
    timing.map_or(0, TimingSnapshot::count)
}

/// What wrk measured.
struct Run {
    per_second: f64,
    reads: f64,
}

fn wrk(port: u16, path: &str) -> Run {
    let url = format!("http://127.0.0.1:{port}{path}");
    let output = Command::new("wrk")
        .args(["-t1", "-c64", "-d3s", "--timeout", "30s", &url])
        .output();
    let text = String::from_utf8_lossy(&output.expect("wrk is installed").stdout).into_owned();
    assert!(!text.contains("Non-2xx"), "{text}");
    let mut lines = text.lines().map(str::trim);
    let reads = lines.find_map(|line| line.split_once(" requests in ")?.0.parse().ok());
    let per_second = lines.find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok());
    Run {
        per_second: per_second.expect("wrk tells it"),
        reads: reads.expect("wrk tells it"),
    }
}
