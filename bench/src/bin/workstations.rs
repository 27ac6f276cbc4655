//! `/api/workstations` with 500 rows on a real `PostgreSQL`: cached against the same answer read from the
//! database each time, under `wrk` with 64 connections, over loopback.
//!
//! ```text
//! cargo run --release -p larder-bench --bin workstations -- [ROUNDS]
//! ```
//! Needs `postgresql` and `wrk`. The servers and wrk share the machine's cores.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use larder::{Clock, Tiers};
use larder_http::{Access, Gateway, Hosts, Role};
use larder_metrics::Registry;
use larder_services::workstations::{Options, Workstations};
use larder_testkit::servers::Postgres;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

const ROWS: usize = 500;
const CONNECTIONS: &str = "-c64";
const LENGTH: &str = "-d3s";

fn main() {
    let rounds = std::env::args()
        .nth(1)
        .and_then(|rounds| rounds.parse().ok());
    let rounds: usize = rounds.unwrap_or(5);
    let postgres = Postgres::start().expect("postgres is installed");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let registry = Registry::new();
    let (port, bytes) = runtime.block_on(serve(&postgres.url(), &registry));
    let rows: Vec<_> = (0..rounds).map(|_| round(port, &registry)).collect();
    report(&rows, bytes);
    drop(runtime);
}

/// Starts the service with its rows, behind the gateway, and beside it the same past the cache.
async fn serve(url: &str, registry: &Registry) -> (u16, usize) {
    let options = Options {
        database: url.to_owned(),
        registry: registry.clone(),
        tiers: Tiers::default(),
        clock: Clock::system(),
        services: Arc::new(AtomicUsize::new(1)),
    };
    let (service, running) = Workstations::start(options).expect("the URL is right");
    // It runs as long as this program.
    std::mem::forget(running);
    for number in 0..ROWS {
        let Value::Object(fields) = workstation(number) else {
            unreachable!("it is an object")
        };
        service.create(&fields).await.expect("the row is good");
    }
    let uncached = Router::new().route("/uncached", get(uncached));
    let mount = service.mount().reads(uncached.with_state(service.clone()));
    let access = Access::new("nobody asks", Some(Role::Viewer));
    let (_, stopping) = watch::channel(false);
    let gateway = Gateway::new("bench", "0", access, Hosts::default(), stopping);
    let router = gateway.mount(mount).into_router();
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    let never = std::future::pending();
    tokio::spawn(larder_http::serve(listener, router, never, Duration::ZERO));
    let answer = service.read_uncached().await.expect("it answers");
    (port, answer.as_ref().len())
}

fn workstation(number: usize) -> Value {
    json!({
        "name": format!("workstation-{number:03}"),
        "ip_address": format!("10.0.{}.{}", number / 250, number % 250 + 1),
        "status": (["online", "offline", "error"][number % 3]),
        "total_emulators": number % 16 + 4,
        "active_emulators": number % 5,
        "cpu_usage": (number * 7 % 1_000) as f64 / 10.0,
        "memory_usage": (number * 11 % 1_000) as f64 / 10.0,
        "disk_usage": (number * 13 % 1_000) as f64 / 10.0,
    })
}

async fn uncached(State(service): State<Workstations>) -> Response {
    match service.read_uncached().await {
        Ok(answer) => {
            let json = [(header::CONTENT_TYPE, "application/json")];
            (json, Body::from(Bytes::from_owner(answer))).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// One round: requests a second, with the cache and without, and what the cached ones asked.
struct Row {
    cached: Run,
    uncached: Run,
    queries: u64,
}

struct Run {
    per_second: f64,
    requests: u64,
    p99: String,
}

fn round(port: u16, registry: &Registry) -> Row {
    let before = queries(registry);
    let cached = wrk(port, "/api/workstations");
    let queries = queries(registry) - before;
    let uncached = wrk(port, "/uncached");
    Row {
        cached,
        uncached,
        queries,
    }
}

fn queries(registry: &Registry) -> u64 {
    let tags = [("operation", "select"), ("table", "workstations")];
    let snapshot = registry.snapshot();
    let timing = snapshot.timing("database_query_duration_seconds", &tags);
    timing.map_or(0, larder_metrics::TimingSnapshot::count)
}

fn wrk(port: u16, path: &str) -> Run {
    let url = format!("http://127.0.0.1:{port}{path}");
    let output = Command::new("wrk")
        .args(["-t2", CONNECTIONS, LENGTH, "--latency", &url])
        .output()
        .expect("wrk is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("Non-2xx"), "{text}");
    let line = |part: &str| {
        let found = text.lines().find(|line| line.contains(part));
        found
            .unwrap_or_else(|| panic!("wrk did not print {part}: {text}"))
            .trim()
    };
    let last = |part: &str| {
        line(part)
            .split_whitespace()
            .last()
            .unwrap_or_default()
            .to_owned()
    };
    let requests = line("requests in")
        .split_whitespace()
        .next()
        .unwrap_or_default();
    Run {
        per_second: last("Requests/sec:").parse().expect("a number"),
        requests: requests.parse().expect("a number"),
        p99: last("99%"),
    }
}

fn report(rows: &[Row], bytes: usize) {
    println!("{}", larder_bench::machine());
    println!("{ROWS} rows, {bytes} bytes an answer, 64 connections, 3 s a run, PostgreSQL");
    println!(
        "{:>10} {:>12} {:>7} {:>10} {:>10} {:>12}",
        "cached/s", "uncached/s", "ratio", "p99", "p99", "queries/10k"
    );
    for row in rows {
        println!(
            "{:>10.0} {:>12.0} {:>7.1} {:>10} {:>10} {:>12.2}",
            row.cached.per_second,
            row.uncached.per_second,
            ratio(row),
            row.cached.p99,
            row.uncached.p99,
            per_ten_thousand(row),
        );
    }
    let median = |of: fn(&Row) -> f64| {
        let mut values: Vec<_> = rows.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!(
        "median ratio of requests a second: {:.1} (at least 5)",
        median(ratio)
    );
    println!(
        "median of queries for 10,000 cached reads: {:.2} (at most 3)",
        median(per_ten_thousand)
    );
}

fn ratio(row: &Row) -> f64 {
    row.cached.per_second / row.uncached.per_second
}

fn per_ten_thousand(row: &Row) -> f64 {
    row.queries as f64 * 10_000.0 / row.cached.requests as f64
}
