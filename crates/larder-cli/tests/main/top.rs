//! `larder top --once`.

use crate::run::{end, larder};
use crate::server::{Server, daemon, problem};

#[test]
fn once_prints_one_frame_without_control_sequences() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(daemon);
    let ended = end(&mut larder(
        home.path(),
        &["top", "--once", "--url", &server.url],
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
        &["top", "--once", "--url", &server.url],
    ));
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.contains("$1,234.50"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("the server refused"),
        "{}",
        ended.stdout
    );
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
