//! `[remote]`: daemons that share a Redis or Valkey server.

use std::process::Command;

use larder_testkit::poll;
use larder_testkit::servers::{Options, RedisServer};
use serde_json::json;
use std::time::Duration;
use tempfile::TempDir;

use super::daemon::Daemon;
use super::run::{end, larder};

const LIMIT: Duration = Duration::from_secs(30);

/// A daemon without services, with a home of its own.
fn daemon(
    arguments: &[&str],
    adapt: impl FnOnce(&mut Command) -> &mut Command,
) -> (TempDir, Daemon) {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start_with(home.path(), arguments, |command| {
        let services =
            ["CLAUDE_USAGE", "WORKSTATIONS"].map(|name| format!("LARDER_{name}_ENABLED"));
        adapt(command.envs(services.map(|name| (name, "false"))))
    });
    (home, daemon)
}

fn at(server: &RedisServer) -> (TempDir, Daemon) {
    daemon(&["--remote", &server.url()], |command| command)
}

/// Waits until `/health/ready` says so, and for the reason that it gives.
fn stands(daemon: &Daemon, status: &str) -> String {
    let found = poll(format!("a daemon that is {status}"), LIMIT, || {
        let (code, body) = daemon.get("/health/ready");
        assert_eq!(code, 200, "a daemon without its store answers: {body}");
        let mut checks = body["checks"].as_array().into_iter().flatten();
        let store = checks.find(|check| check["name"] == "cache daemons")?;
        let detail = store["detail"].as_str().unwrap_or_default();
        (store["status"] == status).then(|| detail.to_owned())
    });
    found.unwrap_or_else(|error| panic!("{error}: {}", daemon.get("/health/ready").1))
}

fn how_often(daemon: &mut Daemon, words: &str) -> usize {
    let lines = daemon.lines().iter();
    lines.filter(|line| line.contains(words)).count()
}

#[test]
fn a_store_that_is_away_is_one_reason_with_its_address_and_the_caches_that_it_touches() {
    let server = RedisServer::start(Options::new()).unwrap();
    let address = server.url();
    server.kill();
    let url = address.replace("redis://", "redis://app:hidden@");
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &["--remote", &url]);
    let expected = format!("shared store {address}: ");
    let found = poll("one reason", LIMIT, || {
        let (_, status) = daemon.get("/v1/status");
        assert!(!status.to_string().contains("hidden"), "{status}");
        let reasons = status["reasons"].as_array()?;
        let mut of_store = reasons.iter().filter_map(|reason| reason.as_str());
        let first = of_store.find(|reason| reason.contains("shared store"))?;
        (first.starts_with(&expected)
            && first.contains("nothing listens there")
            && first.contains("; caches: daemons, ")
            && first.contains("assistant_context")
            && !of_store.any(|reason| reason.contains("nothing listens there")))
        .then_some(())
    });
    found.unwrap_or_else(|error| panic!("{error}: {}", daemon.get("/v1/status").1));
}

#[test]
fn a_server_that_is_away_is_named_at_health_once_in_the_log_and_taken_up_when_it_comes() {
    let server = RedisServer::start(Options::new()).unwrap();
    server.kill();
    let (_home, mut daemon) = at(&server);
    let reason = stands(&daemon, "degraded");
    assert!(reason.contains("remote: "), "{reason}");
    daemon.line_with("the remote tier is down");
    poll("the reason", LIMIT, || {
        stands(&daemon, "degraded")
            .contains("nothing listens there")
            .then_some(())
    })
    .unwrap();

    server.restart().unwrap();
    stands(&daemon, "ready");
    daemon.line_with("the remote tier is up");
    assert_eq!(how_often(&mut daemon, "the remote tier is down"), 1);

    server.kill();
    stands(&daemon, "degraded");
    server.restart().unwrap();
    stands(&daemon, "ready");
    assert!(daemon.terminate().success());
}

#[test]
fn what_one_daemon_clears_the_other_drops() {
    let server = RedisServer::start(Options::new()).unwrap();
    let (_home, one) = at(&server);
    let (_other_home, other) = at(&server);
    let stat = |daemon: &Daemon, pointer: &str| {
        let (_, body) = daemon.get("/v1/caches/daemons/stats");
        body.pointer(pointer).unwrap().as_u64().unwrap()
    };
    for daemon in [&one, &other] {
        stands(daemon, "ready");
        let has_card = || (stat(daemon, "/remote/fills") > 0).then_some(());
        poll("the daemon's own card", LIMIT, has_card).unwrap();
    }
    let (_, caches) = one.get("/v1/caches");
    assert_eq!(caches["caches"][0]["tier"], "memory, remote");
    let loads = stat(&other, "/loads");
    assert!(server.cli(&["KEYS", "larder:e:{daemons:*"]).lines().count() <= 2);

    let (status, body) = one.post("/v1/caches/daemons/clear", &json!({}));
    assert_eq!((status, &body["applied"]), (200, &json!("everywhere")));
    let is_made_anew = || (stat(&other, "/loads") > loads).then_some(());
    poll("the other's card to be made anew", LIMIT, is_made_anew).unwrap();

    server.kill();
    stands(&one, "degraded");
    let (status, body) = one.post("/v1/caches/daemons/clear", &json!({}));
    assert_eq!((status, &body["applied"]), (200, &json!("here")));
}

#[test]
fn the_variables_of_a_platform_attach_a_server_by_themselves() {
    let server = RedisServer::start(Options::new()).unwrap();
    let (_home, daemon) = daemon(&[], |command| {
        let port = server.addr().port().to_string();
        command
            .env("REDIS_HOST", "127.0.0.1")
            .env("REDIS_PORT", port)
            .env("REDIS_DB", "3")
    });
    stands(&daemon, "ready");
    poll("its card", LIMIT, || {
        server
            .cli(&["INFO", "keyspace"])
            .contains("db3:")
            .then_some(())
    })
    .unwrap();
}

#[test]
fn a_user_and_the_password_in_a_file_open_a_server_that_speaks_tls() {
    let rules = "~fleet:* +@all";
    let options = Options::new().tls().user("app", "secret", rules);
    let server = RedisServer::start(options).unwrap();
    let authority = server.authority().unwrap().to_owned();
    let files = tempfile::tempdir().unwrap();
    let password = files.path().join("password");
    std::fs::write(&password, "secret\n").unwrap();
    let url = format!("rediss://{}", server.addr());
    let (_home, mut daemon) = daemon(&["--remote", &url], |command| {
        command
            .env("LARDER_REMOTE_PREFIX", "fleet")
            .env("LARDER_REMOTE_USER", "app")
            .env("LARDER_REMOTE_PASSWORD_FILE", &password)
            .env("LARDER_REMOTE_CA_FILE", &authority)
    });
    stands(&daemon, "ready");
    assert!(daemon.line_with("  shared ").contains("keys fleet:"));
    assert_eq!(how_often(&mut daemon, "secret"), 0);
}

#[test]
fn a_password_is_shown_by_nobody() {
    let home = tempfile::tempdir().unwrap();
    let mut command = larder(home.path(), &["config", "show", "--effective"]);
    let shown = end(command
        .env("LARDER_REMOTE_URL", "redis://app:hidden1@cache.example/1")
        .env("LARDER_REMOTE_PASSWORD", "hidden2"));
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    for expected in [
        "url = \"redis://cache.example/1\"",
        "# $LARDER_REMOTE_URL (without user and password)",
        "# password is set, and not shown",
    ] {
        assert!(
            shown.stdout.contains(expected),
            "{expected} in\n{}",
            shown.stdout
        );
    }
    let mut command = larder(home.path(), &["serve"]);
    let refused = end(command.env("LARDER_REMOTE_URL", "redis://app:hidden1@cache.example/one"));
    assert_eq!(refused.code, Some(2));
    let said = "$LARDER_REMOTE_URL: remote.url = the database is a number";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
    let all = [shown.stdout, shown.stderr, refused.stderr].concat();
    assert!(!all.contains("hidden"), "{all}");
}

#[test]
fn a_password_file_that_is_not_there_stops_the_start() {
    let home = tempfile::tempdir().unwrap();
    let mut command = larder(home.path(), &["serve", "--remote", "redis://localhost"]);
    let ended = end(command.env("LARDER_REMOTE_PASSWORD_FILE", "/no/such/file"));
    assert_eq!(ended.code, Some(1));
    let said = "cannot read remote.password_file /no/such/file";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
}
