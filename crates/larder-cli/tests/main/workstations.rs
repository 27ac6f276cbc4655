//! The service `workstations` in a daemon that nobody configured: the requests of its document, in their
//! order.

use std::fs;
use std::time::{Duration, Instant};

use larder_testkit::servers::{Options, RedisServer};
use serde_json::{Value, json};

use super::accounts::ask;
use super::daemon::Daemon;

#[test]
fn the_requests_of_the_document_have_its_answers() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    let token = fs::read_to_string(home.path().join("state/admin.token")).unwrap();
    let token = token.trim();
    let admin =
        |method: &str, path: &str, body: Option<&Value>| ask(&daemon, method, path, token, body);

    assert_eq!(daemon.get("/api/workstations"), (200, json!([])));
    let body = json!({ "name": "pc-1", "ip_address": "192.168.0.7", "port": 5986 });
    let (status, made) = admin("POST", "/api/workstations", Some(&body));
    assert_eq!((status, &made["winrm_port"]), (201, &json!(5986)), "{made}");
    for _ in 0..3 {
        assert_eq!(daemon.get("/api/workstations").1[0]["name"], "pc-1");
    }
    let (status, stats) = admin("GET", "/api/performance/cache-stats", None);
    let members: Vec<_> = stats["cache_stats"].as_object().unwrap().keys().collect();
    assert_eq!((status, &stats["status"]), (200, &json!("success")));
    assert_eq!(
        members,
        ["evictions", "hit_rate_percent", "hits", "misses", "size"]
    );
    assert!(stats["cache_stats"]["hits"].as_u64() >= Some(2), "{stats}");

    let path = "/api/performance/cache-invalidate?pattern=workstations_*";
    let invalidated = json!({ "status": "success", "message": "1 cache entries invalidated", "pattern": "workstations_*" });
    assert_eq!(admin("POST", path, None), (200, invalidated));
    let cleared = json!({ "status": "success", "message": "Cache cleared", "entries_removed": 0 });
    assert_eq!(
        admin("POST", "/api/performance/cache-clear", None),
        (200, cleared)
    );
    let (status, metrics) = admin("GET", "/api/performance/metrics", None);
    let metrics = &metrics["metrics"];
    assert_eq!(
        (status, &metrics["websockets"]["active_connections"]),
        (200, &json!(0))
    );
    assert!(
        metrics["managers"]["count"].as_u64() >= Some(2),
        "{metrics}"
    );
    assert_eq!(
        daemon.get("/api/performance/metrics").0,
        403,
        "a viewer may not"
    );
}

#[test]
fn workstations_survive_a_kill() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    let token = fs::read_to_string(home.path().join("state/admin.token")).unwrap();
    let body = json!({ "name": "pc-1", "host": "a" });
    assert_eq!(
        ask(
            &daemon,
            "POST",
            "/api/workstations",
            token.trim(),
            Some(&body)
        )
        .0,
        201
    );
    daemon.kill();
    let daemon = Daemon::start(home.path(), &[]);
    assert_eq!(daemon.get("/api/workstations").1[0]["name"], "pc-1");
}

#[test]
fn a_service_that_is_switched_off_serves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start_with(home.path(), &[], |command| {
        command.env("LARDER_WORKSTATIONS_ENABLED", "false")
    });
    assert_eq!(daemon.get("/api/workstations").0, 404);
    assert!(!home.path().join("state/workstations.db").exists());
}

/// Two daemons on one database and one Redis: what one writes, the other shows no later than a second
/// after it (`remote.staleness`), however late it hears of it.
#[test]
fn a_write_in_one_daemon_shows_in_another() {
    let server = RedisServer::start(Options::new()).unwrap();
    let (home, database) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let database = format!("sqlite:{}", database.path().join("w.db").display());
    let daemons = ["a", "b"].map(|name| {
        let home = home.path().join(name);
        fs::create_dir(&home).unwrap();
        let url = server.url();
        let daemon = Daemon::start_with(&home, &["--remote", &url], |command| {
            command.env("LARDER_WORKSTATIONS_DATABASE", &database)
        });
        let token = fs::read_to_string(home.join("state/admin.token")).unwrap();
        (daemon, token.trim().to_owned())
    });
    for number in 0..20 {
        let [(writer, token), (reader, _)] = &daemons;
        let name = format!("pc-{number}");
        reader.get("/api/workstations");
        let body = json!({ "name": name, "host": "a" });
        assert_eq!(
            ask(writer, "POST", "/api/workstations", token, Some(&body)).0,
            201
        );
        let written = Instant::now();
        let shows = |daemon: &Daemon| {
            let (status, list) = daemon.get("/api/workstations");
            assert_eq!(status, 200, "{list}");
            list.as_array()
                .unwrap()
                .iter()
                .any(|item| item["name"] == *name)
        };
        assert!(shows(writer), "{name}");
        loop {
            let asked = written.elapsed();
            if shows(reader) {
                break;
            }
            assert!(
                asked < Duration::from_millis(1_100),
                "{name} was asked for after {asked:?}"
            );
        }
    }
}
