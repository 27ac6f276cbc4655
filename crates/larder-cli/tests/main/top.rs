//! `larder top --once` and `--json`.

use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::run::{end, larder};
use crate::server::{Server, daemon, problem};

#[test]
fn once_prints_overview_and_caches_without_control_sequences() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(daemon);
    let ended = end(&mut larder(
        home.path(),
        &["top", "--once", "--url", &server.url],
    ));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(!ended.stdout.contains('\u{1b}'));
    for part in ["Hit ratio     97.3%", "Time saved", "prices", "unused"] {
        assert!(ended.stdout.contains(part), "{part} in\n{}", ended.stdout);
    }
}

#[test]
fn once_prints_the_tab_that_is_named() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(daemon);
    let ended = end(&mut larder(
        home.path(),
        &["top", "--once", "--tab", "usage", "--url", &server.url],
    ));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(!ended.stdout.contains('\u{1b}'));
    for part in [
        "As logged, all time",
        "$1,234.50",
        "34 messages have no price",
        "Cost added in up to an hour: $30.00",
        "claude-opus-4",
        "-home-dev-src-shop",
        "2026-09-02",
        "97.3%",
        "5.00K requests, 10 failed, mean 210µs",
    ] {
        assert!(ended.stdout.contains(part), "{part} in\n{}", ended.stdout);
    }
}

#[test]
fn monitor_is_another_name_for_top() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(daemon);
    let ended = end(&mut larder(
        home.path(),
        &["monitor", "--once", "--url", &server.url],
    ));
    assert_eq!(ended.code, Some(0));
}

#[test]
fn a_failing_list_of_caches_leaves_the_usage_on_the_screen() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(|path| match path {
        "/v1/caches" => (401, problem(401, "Unauthorized", "a token is needed")),
        other => daemon(other),
    });
    let ended = end(&mut larder(
        home.path(),
        &["top", "--once", "--tab", "usage", "--url", &server.url],
    ));
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.contains("$1,234.50"), "{}", ended.stdout);
}

#[test]
fn a_failing_list_of_caches_fails_what_shows_caches() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(|path| match path {
        "/v1/caches" => (401, problem(401, "Unauthorized", "a token is needed")),
        other => daemon(other),
    });
    for how in ["--once", "--json"] {
        let ended = end(&mut larder(
            home.path(),
            &["top", how, "--url", &server.url],
        ));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(4), ""));
        assert!(
            ended.stderr.contains("the server refused"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn json_has_the_figures_of_a_real_daemon_over_the_window_and_since_its_start() {
    let home = tempfile::tempdir().expect("a directory");
    let daemon = Daemon::start(home.path(), &["--demo"]);
    daemon.stats();
    for _ in 0..4 {
        assert_eq!(daemon.get("/api/stats?time_range=week").0, 200);
    }
    let top = |arguments: &[&str]| {
        let ended = end(larder(home.path(), &["top", "--url", &daemon.url]).args(arguments));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    };
    let shown: Value = serde_json::from_str(&top(&["--json", "--window", "all"])).expect("JSON");
    assert_eq!(shown["window"], "all");
    assert_eq!(shown["status"]["role"], "viewer");
    assert!(
        shown["overview"]["gets_per_second"].as_f64() > Some(0.0),
        "{shown}"
    );
    let caches = shown["caches"].as_array().expect("a list");
    let answers = caches
        .iter()
        .find(|cache| cache["name"] == "claude_usage.answers");
    let answers = answers.expect("the cache of answers");
    assert!(answers["hit_ratio"].as_f64() >= Some(0.5), "{answers}");
    assert_eq!(answers["hit_ratio_by_tier"]["disk"], json!(0.0));
    assert_eq!(answers["latency"]["hit"]["p95_ns"], Value::Null);
    let once = top(&["--once", "--tab", "backends"]);
    assert!(once.contains("memory") && once.contains("● up"), "{once}");
}

#[test]
fn the_interactive_view_wants_a_terminal() {
    let home = tempfile::tempdir().expect("a directory");
    let ended = end(&mut larder(
        home.path(),
        &["top", "--url", "http://127.0.0.1:1"],
    ));
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--once"), "{}", ended.stderr);
}
