//! `stats`, `caches`, `invalidate`, `clear`: output, tokens, exit codes.

use std::net::TcpListener;
use std::process::Stdio;

use crate::run::{end, larder};
use crate::server::{Server, daemon, problem};

#[test]
fn stats_prints_the_totals_as_logged() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(daemon);
    let ended = end(&mut larder(
        home.path(),
        &["stats", "--range", "week", "--url", &server.url],
    ));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    for part in [
        "As logged, 7 days: $1,234.50",
        "44,200,000 tokens in 1,234 messages, 34 of them without a price",
        "12 files, 5.00 MiB, 7 lines skipped; data 0.4s old",
        "local-model (no price)",
    ] {
        assert!(ended.stdout.contains(part), "{part} in\n{}", ended.stdout);
    }
    assert_eq!(
        server.requests()[0].line,
        "GET /api/stats?time_range=week HTTP/1.1"
    );
}

#[test]
fn control_characters_of_a_project_name_do_not_reach_the_terminal() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(daemon);
    let ended = end(&mut larder(home.path(), &["stats", "--url", &server.url]));
    assert!(ended.stdout.contains("evil\u{fffd}[2J"), "{}", ended.stdout);
}

#[test]
fn json_is_the_servers_answer_unchanged() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(daemon);
    for (command, path) in [("stats", "/api/stats"), ("caches", "/v1/caches")] {
        let ended = end(&mut larder(
            home.path(),
            &[command, "--json", "--url", &server.url],
        ));
        assert_eq!(ended.stdout, daemon(path).1);
    }
}

#[test]
fn caches_lists_each_cache_and_a_dash_where_nothing_was_measured() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(daemon);
    let ended = end(&mut larder(home.path(), &["caches", "--url", &server.url]));
    let rows: Vec<Vec<&str>> = ended
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[1],
        [
            "prices", "7", "7", "10,000", "1,000", "97.3%", "85ns", "2.40ms", "2.30ms", "2", "2.3s"
        ]
    );
    assert_eq!(
        rows[2],
        [
            "unused", "0", "0", "5", "0", "–", "–", "–", "–", "0", "0.0s"
        ]
    );
}

#[test]
fn the_token_of_the_state_directory_is_sent() {
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("admin.token"), "from-file\n").expect("written");
    let state = home.path().to_str().expect("UTF-8");
    let server = Server::start(daemon);
    let arguments = [
        "invalidate",
        "prices",
        "a b",
        "--url",
        &server.url,
        "--state-dir",
        state,
    ];
    let ended = end(&mut larder(home.path(), &arguments));
    assert_eq!(
        ended.stdout,
        "invalidated 1 entry of prices by key \"a b\"\n"
    );
    let ended = end(larder(home.path(), &arguments).env("LARDER_TOKEN", "from-variable"));
    assert_eq!(ended.code, Some(0));
    let requests = server.requests();
    assert_eq!(
        requests[0].line,
        "POST /v1/caches/prices/invalidate HTTP/1.1"
    );
    let body: serde_json::Value = serde_json::from_str(&requests[0].body).expect("JSON");
    assert_eq!(body, serde_json::json!({ "key": "a b", "dry_run": false }));
    assert_eq!(
        requests[0].authorization.as_deref(),
        Some("Bearer from-file")
    );
    assert_eq!(
        requests[1].authorization.as_deref(),
        Some("Bearer from-variable")
    );
}

#[test]
fn what_a_change_came_to_is_printed_as_json() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(daemon);
    for (arguments, printed) in [
        (&["invalidate", "prices", "a"][..], "{\"matched\":1}\n"),
        (&["clear", "prices"], "{}\n"),
    ] {
        let arguments = [arguments, &["--json", "--url", &server.url]].concat();
        let ended = end(&mut larder(home.path(), &arguments));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), printed));
    }
}

#[test]
fn clear_posts_to_the_cache() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(daemon);
    let ended = end(&mut larder(
        home.path(),
        &["clear", "prices", "--url", &server.url],
    ));
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), "cleared prices\n")
    );
    assert_eq!(
        server.requests()[0].line,
        "POST /v1/caches/prices/clear HTTP/1.1"
    );
}

#[test]
fn a_refusal_ends_with_4_and_says_which_token_was_tried() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(|_| (401, problem(401, "Unauthorized", "a token is needed")));
    let ended = end(&mut larder(
        home.path(),
        &["clear", "prices", "--url", &server.url],
    ));
    assert_eq!(ended.code, Some(4));
    assert!(
        ended.stderr.contains("a token is needed"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("admin.token can't be read"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.stdout, "");
}

#[test]
fn an_unknown_cache_ends_with_5() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(daemon);
    let ended = end(&mut larder(
        home.path(),
        &["clear", "other", "--url", &server.url],
    ));
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
}

#[test]
fn a_server_that_still_scans_ends_with_6_and_its_progress() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(|_| {
        let body = r#"{"title":"Scanning","status":503,"progress":
            {"files_done":5,"files_total":20,"bytes_done":1048576,"bytes_total":4194304}}"#;
        (503, body.to_owned())
    });
    for command in [&["stats"][..], &["top", "--once"]] {
        let arguments: Vec<_> = command
            .iter()
            .copied()
            .chain(["--url", &server.url])
            .collect();
        let ended = end(&mut larder(home.path(), &arguments));
        assert_eq!(ended.code, Some(6));
        let expected = "Scanning: 5 of 20 files, 1.00 MiB of 4.00 MiB (status 503)";
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
}

#[test]
fn nobody_listening_ends_with_3() {
    let home = tempfile::tempdir().expect("a directory");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let ended = end(&mut larder(home.path(), &["stats", "--url", &url]));
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("is `larder serve` running"),
        "{}",
        ended.stderr
    );
}

#[test]
fn an_answer_that_lacks_a_field_is_an_error_and_no_zero() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(|_| (200, r#"{"totals":{}}"#.to_owned()));
    let ended = end(&mut larder(home.path(), &["stats", "--url", &server.url]));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("missing field"), "{}", ended.stderr);
}

#[test]
fn wrong_usage_ends_with_2() {
    let home = tempfile::tempdir().expect("a directory");
    for arguments in [
        &["stats", "--range", "year"][..],
        &["clear", "no/name"],
        &["top", "--once", "--interval", "2"],
        &["frobnicate"],
    ] {
        let ended = end(&mut larder(home.path(), arguments));
        assert_eq!(ended.code, Some(2), "{arguments:?}");
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let home = tempfile::tempdir().expect("a directory");
    let mut command = larder(home.path(), &["config", "show", "--effective"]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let ended = end_with_stdout(&mut command, writer.into());
    assert_eq!(ended, (Some(0), String::new()));
}

fn end_with_stdout(command: &mut std::process::Command, stdout: Stdio) -> (Option<i32>, String) {
    let child = command
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let output = child.wait_with_output().expect("it ends");
    (
        output.status.code(),
        String::from_utf8(output.stderr).expect("UTF-8"),
    )
}
