//! The commands of the scheduler's document, against a fresh daemon.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::daemon::Daemon;

fn text(daemon: &Daemon, path: &str) -> String {
    let mut response = ureq::get(format!("{}{path}", daemon.url)).call().unwrap();
    response.body_mut().read_to_string().unwrap()
}

#[test]
fn the_documents_commands_answer_as_it_shows_and_a_simulation_fills_the_tables() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start_with(home.path(), &[], |command| {
        command.env("LARDER_SCHEDULER_STATS_RATE", "500")
    });
    let version = &json!(env!("CARGO_PKG_VERSION"));
    for path in ["/", "/health", "/health/info"] {
        assert_eq!(&daemon.get(path).1["version"], version, "{path}");
    }
    let (status, started) = daemon.post("/api/start", &json!({}));
    assert_eq!((status, &started["running"]), (200, &json!(true)));
    let begun = Instant::now();
    while daemon.get("/api/status").1["tasks_processed"].as_u64() < Some(300) {
        assert!(begun.elapsed() < Duration::from_mins(1));
    }
    daemon.post("/api/stop", &json!({}));
    let stats = loop {
        daemon.post("/metrics/cache/invalidate/scheduler_stats", &json!({}));
        let stats = daemon.get("/api/schedulers/hybrid_ml/stats").1;
        if stats["count"].as_u64() >= Some(300) {
            break stats;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "{stats}");
    };
    assert!(stats["avg_time"].as_f64() > Some(0.0), "{stats}");
    let rows = daemon.get("/api/training-data?limit=1000").1;
    assert!(rows.as_array().unwrap().len() >= 300);

    let cache = daemon.get("/metrics/cache").1;
    let members = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(members(&cache), ["cache_stats", "status"]);
    let expected = [
        "hit_rate_percent",
        "hits",
        "memory_cache_size",
        "misses",
        "total_requests",
    ];
    assert_eq!(members(&cache["cache_stats"]), expected);
    let reset = daemon.post("/metrics/cache/reset", &json!({}));
    assert_eq!(reset, (200, json!({"status": "stats_reset"})));
    let invalidated = daemon.post("/metrics/cache/invalidate/training_data", &json!({}));
    let expected =
        json!({"status": "invalidated", "namespace": "training_data", "keys_deleted": 1});
    assert_eq!(invalidated, (200, expected));

    let text = text(&daemon, "/metrics/prometheus");
    for name in [
        "http_requests_total",
        "http_request_duration_seconds",
        "database_query_duration_seconds",
        "cache_operations_total",
        "simulation_tasks_processed_total",
        "simulation_tasks_in_flight",
        "model_retraining_duration_seconds",
        "websocket_connections_active",
    ] {
        assert!(text.contains(&format!("# TYPE {name} ")), "{name}\n{text}");
    }
    assert!(daemon.terminate().success());
}

#[test]
fn the_scheduler_speaks_over_a_websocket() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    let address = daemon.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    write!(
        stream,
        "GET /ws/scheduler HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 101"), "{line}");
    while line.trim() != "" {
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    let mut frame = Vec::new();
    reader.read_until(b'}', &mut frame).unwrap();
    let frame = String::from_utf8_lossy(&frame);
    assert!(frame.contains("\"tasks_processed\":0"), "{frame}");
    assert!(
        daemon.terminate().success(),
        "an open client does not hold it"
    );
}

#[test]
fn it_can_be_switched_off() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start_with(home.path(), &[], |command| {
        command.env("LARDER_SCHEDULER_STATS_ENABLED", "false")
    });
    assert_eq!(daemon.get("/api/status").0, 404);
    assert_eq!(daemon.get("/health/ready").0, 200);
}
