//! `larder serve`, and the commands against it.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::daemon::Daemon;
use super::run::{end, larder};

/// Two calls in one log under `home/.claude`.
fn with_logs() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let project = home.path().join(".claude/projects/shop");
    fs::create_dir_all(&project).unwrap();
    let lines = ["m1", "m2"].map(|message| {
        let usage = json!({ "input_tokens": 1_000, "output_tokens": 500 });
        let message = json!({ "id": message, "model": "claude-sonnet-4-20250514", "usage": usage });
        json!({ "timestamp": "2026-03-01T10:00:00Z", "sessionId": "s", "requestId": "r", "message": message }).to_string()
    });
    fs::write(project.join("s.jsonl"), lines.join("\n")).unwrap();
    home
}

/// 2 × (1,000 × $3 + 500 × $15) / 1,000,000
const COST: f64 = 0.021;

#[test]
fn it_counts_the_logs_says_where_to_look_and_ends_when_asked() {
    let home = with_logs();
    let mut daemon = Daemon::start(home.path(), &[]);
    assert!(daemon.line_with("dashboard").contains(&daemon.url));
    let stats = daemon.stats();
    assert_eq!(
        (&stats["totals"]["messages"], &stats["totals"]["cost_usd"]),
        (&json!(2), &json!(COST))
    );
    assert_eq!(format!("http://127.0.0.1:{}", stats["port"]), daemon.url);
    assert_eq!(daemon.get("/health/ready").0, 200);
    assert!(daemon.terminate().success());
}

#[test]
fn a_demo_needs_no_logs_and_grows() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &["--demo"]);
    let stats = daemon.stats();
    assert!(stats["totals"]["messages"].as_u64().unwrap() > 100);
    assert!(stats["totals"]["cost_usd"].as_f64().unwrap() > 1.0);
}

#[test]
fn without_logs_it_serves_on_and_says_where_it_looked() {
    let home = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(home.path(), &[]);
    daemon.line_with("no session logs were found");
    let (status, problem) = daemon.get("/api/stats");
    assert_eq!(status, 503);
    let looked_in = problem["looked_in"].as_array().unwrap();
    assert!(
        looked_in.contains(&json!(home.path().join(".claude/projects"))),
        "{looked_in:?}"
    );
    assert!(
        problem["hint"]
            .as_str()
            .unwrap()
            .contains("CLAUDE_CONFIG_DIR")
    );
    assert_eq!(daemon.get("/health/ready").0, 200);
}

#[test]
fn totals_survive_a_kill_and_the_deletion_of_the_logs() {
    let home = with_logs();
    let daemon = Daemon::start(home.path(), &[]);
    daemon.stats();
    assert!(daemon.terminate().success());
    let daemon = Daemon::start(home.path(), &[]);
    daemon.stats();
    daemon.kill();
    fs::remove_dir_all(home.path().join(".claude/projects/shop")).unwrap();
    let stats = Daemon::start(home.path(), &[]).stats();
    assert_eq!(
        (&stats["totals"]["messages"], &stats["archived"]["messages"]),
        (&json!(2), &json!(2))
    );
}

#[test]
fn two_daemons_do_not_share_a_state() {
    let home = with_logs();
    let first = Daemon::start(home.path(), &[]);
    first.stats();
    let state = home.path().join("state");
    let mut command = larder(
        home.path(),
        &["serve", "--listen", "127.0.0.1:0", "--state-dir"],
    );
    let second = end(command.arg(&state));
    assert_eq!(second.code, Some(1));
    assert!(
        second
            .stderr
            .contains("another daemon uses the state directory"),
        "{}",
        second.stderr
    );
    assert_eq!(first.get("/api/stats").0, 200);
}

#[test]
fn a_port_in_use_is_named_with_the_way_out() {
    let home = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = end(&mut larder(home.path(), &["serve", "--listen", &address]));
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains(&address) && ended.stderr.contains("--listen"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_state_directory_that_cannot_be_made_is_named() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let state = file.join("state");
    let mut command = larder(
        home.path(),
        &["serve", "--listen", "127.0.0.1:0", "--state-dir"],
    );
    let ended = end(command.arg(&state));
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains(state.to_str().unwrap()),
        "{}",
        ended.stderr
    );
}

#[test]
fn the_commands_speak_to_it_with_the_token_of_its_state_directory() {
    let home = with_logs();
    let daemon = Daemon::start(home.path(), &[]);
    daemon.stats();
    let ask = |arguments: &[&str]| {
        let mut command = larder(home.path(), arguments);
        end(command
            .args(["--url", &daemon.url])
            .env("LARDER_STATE_DIR", home.path().join("state")))
    };
    let stats = ask(&["stats", "--json"]);
    let parsed: serde_json::Value = serde_json::from_str(&stats.stdout).unwrap();
    assert_eq!(
        (stats.code, &parsed["totals"]["cost_usd"]),
        (Some(0), &json!(COST))
    );
    let top = ask(&["top", "--once", "--tab", "usage"]);
    assert!(
        top.code == Some(0) && top.stdout.contains("claude-sonnet-4-20250514"),
        "{}",
        top.stdout
    );
    let caches = ask(&["caches"]);
    assert!(
        caches.stdout.contains("claude_usage.answers"),
        "{}",
        caches.stdout
    );
    let tried = ask(&[
        "invalidate",
        "claude_usage.answers",
        "--prefix",
        "all@",
        "--dry-run",
    ]);
    assert_eq!(
        (tried.code, &*tried.stdout),
        (
            Some(0),
            "would invalidate 1 entry of claude_usage.answers by prefix \"all@\"\n"
        )
    );
    let misasked = ask(&["invalidate", "claude_usage.answers", "--pattern", "all["]);
    assert!(
        misasked.code == Some(2) && misasked.stderr.contains('['),
        "{}",
        misasked.stderr
    );
    let both = ask(&["invalidate", "claude_usage.answers", "key", "--tag", "t"]);
    assert_eq!(both.code, Some(2));
    assert_eq!(ask(&["clear", "claude_usage.answers"]).code, Some(0));
    let (_, cache) = daemon.get("/v1/caches/claude_usage.answers");
    assert_eq!(
        (&cache["entries"], &cache["stats"]["clears"]),
        (&json!(0), &json!(1))
    );
}

#[test]
fn a_caller_without_the_token_may_read_and_not_clear() {
    let home = with_logs();
    let daemon = Daemon::start(home.path(), &[]);
    daemon.stats();
    let stranger = |arguments: &[&str]| {
        let mut command = larder(Path::new("/nowhere"), arguments);
        end(command.args(["--url", &daemon.url, "--state-dir", "/nowhere"]))
    };
    assert_eq!(stranger(&["stats"]).code, Some(0));
    assert_eq!(stranger(&["clear", "claude_usage.answers"]).code, Some(4));
}

#[test]
fn a_stderr_that_nobody_reads_stops_nothing() {
    let home = with_logs();
    let mut daemon = Daemon::start(home.path(), &[]);
    daemon.stats();
    daemon.stop_listening();
    for _ in 0..3 {
        let mut command = larder(home.path(), &["clear", "claude_usage.answers"]);
        command.args(["--url", &daemon.url]);
        let cleared = end(command.env("LARDER_STATE_DIR", home.path().join("state")));
        assert_eq!(cleared.code, Some(0), "{}", cleared.stderr);
    }
    let line = json!({ "message": { "id": "m3", "model": "m", "usage": { "input_tokens": 1 } } });
    fs::write(
        home.path().join(".claude/projects/shop/t.jsonl"),
        line.to_string(),
    )
    .unwrap();
    while daemon.stats()["totals"]["messages"] != 3 {
        std::thread::yield_now();
    }
    assert!(daemon.terminate().success());
}
