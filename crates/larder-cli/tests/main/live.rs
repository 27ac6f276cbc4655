//! The service `live` of a daemon, and `larder live-set`.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::daemon::Daemon;
use super::run::{end, larder};

const PATIENCE: Duration = Duration::from_mins(1);

/// The answer, once the set is read.
fn answer(daemon: &Daemon, path: &str) -> Value {
    let begun = Instant::now();
    loop {
        let (status, answer) = daemon.get(path);
        match status {
            200 => return answer,
            503 => assert!(begun.elapsed() < PATIENCE, "{answer}"),
            _ => panic!("{path}: {status} {answer}"),
        }
        std::thread::yield_now();
    }
}

/// What its document asks for, of a daemon that was told nothing.
#[test]
fn a_fresh_daemon_answers_all_that_the_document_asks() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    assert_eq!(answer(&daemon, "/live/tracks")["count"], 53);
    assert_eq!(answer(&daemon, "/live/scenes")["count"], 100);
    let track = answer(&daemon, "/live/tracks/0");
    assert_eq!(
        (&track["id"], &track["node_type"]),
        (&json!("track-10"), &json!("track"))
    );
    assert_eq!(answer(&daemon, "/live/scenes/50")["id"], "scene-50");
    assert_eq!(
        answer(&daemon, "/live/devices/track-10.device-0")["node_type"],
        "device"
    );
    assert_eq!(
        answer(&daemon, "/live/clips/track-10.slot-0.clip-0")["node_type"],
        "clip"
    );
    assert_eq!(
        answer(&daemon, "/live/nodes?type=mixer&attr=muted=false")["count"],
        52
    );
    assert_eq!(answer(&daemon, "/live/project")["source"], "built-in");
    let metrics = answer(&daemon, "/live/metrics");
    for member in ["timings", "counters", "gauges"] {
        assert!(metrics["metrics"][member].is_object(), "{member}");
    }
    assert!(metrics["uptime_seconds"].is_f64() && metrics["timestamp"].is_string());
    let summary = answer(&daemon, "/live/metrics/summary");
    for member in [
        "total_events",
        "processed_events",
        "ignored_events",
        "unhandled_events",
        "avg_processing_time",
        "p95_processing_time",
    ] {
        assert!(summary["event_processing"][member].is_number(), "{member}");
    }
    let stats = answer(&daemon, "/live/cache/stats");
    assert_eq!(stats["capacity"], 256);
    let rate = stats["statistics"]["hit_rate"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&rate));
    let (_, caches) = daemon.get("/v1/caches/live_set.lookups");
    assert_eq!(caches["name"], "live_set.lookups");
    assert!(daemon.terminate().success());
}

#[test]
fn a_demo_writes_a_set_and_another_is_opened_by_the_command() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &["--demo"]);
    while answer(&daemon, "/live/project")["project_path"].is_null() {
        std::thread::yield_now();
    }
    let demo = home.path().join("state/demo/Demo.als");
    let song = home.path().join("Music/song.als");
    fs::create_dir_all(song.parent().unwrap()).unwrap();
    fs::copy(&demo, &song).unwrap();
    let ask = |file: &std::path::Path, more: &[&str]| {
        let file = file.to_str().unwrap();
        let arguments = [&["live-set", "open", file, "--url", &daemon.url], more].concat();
        end(larder(home.path(), &arguments).env("LARDER_STATE_DIR", home.path().join("state")))
    };
    let opened = ask(&song, &[]);
    assert_eq!(opened.code, Some(0), "{}", opened.stderr);
    assert!(
        opened.stdout.contains("song.als") && opened.stdout.contains("53 tracks, 100 scenes"),
        "{}",
        opened.stdout
    );
    let shown: Value = serde_json::from_str(&ask(&demo, &["--json"]).stdout).unwrap();
    assert_eq!(shown["tracks"], 53);
    let outside = ask(std::path::Path::new("/nowhere/else.als"), &[]);
    assert!(
        outside.code == Some(2) && outside.stderr.contains("live.roots"),
        "{}",
        outside.stderr
    );
    fs::write(&song, "JUNK").unwrap();
    let junk = ask(&song, &[]);
    assert!(
        junk.code == Some(2) && junk.stderr.contains("gzip"),
        "{:?} {}",
        junk.code,
        junk.stderr
    );
}
