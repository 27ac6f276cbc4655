//! The scheduler in a fresh daemon.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::daemon::Daemon;

#[test]
fn a_simulation_fills_the_tables() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start_with(home.path(), &[], |command| {
        command.env("LARDER_SCHEDULER_STATS_RATE", "500")
    });
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
