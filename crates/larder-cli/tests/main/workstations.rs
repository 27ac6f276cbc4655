//! The service `workstations` in a daemon that nobody configured, and in two that share a database.

use std::fs;
use std::time::{Duration, Instant};

use larder_testkit::servers::{Options, RedisServer};
use serde_json::json;

use super::accounts::ask;
use super::daemon::Daemon;

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

/// Two daemons with a file each and one Redis.
#[test]
fn rows_of_a_daemons_own_file_are_shown_by_no_other() {
    let server = RedisServer::start(Options::new()).unwrap();
    let home = tempfile::tempdir().unwrap();
    let names = ["a", "b"];
    let daemons = names.map(|name| {
        let home = home.path().join(name);
        fs::create_dir(&home).unwrap();
        let daemon = Daemon::start(&home, &["--remote", &server.url()]);
        let token = fs::read_to_string(home.join("state/admin.token")).unwrap();
        (daemon, token.trim().to_owned())
    });
    for ((daemon, token), name) in daemons.iter().zip(names) {
        let body = json!({ "name": name, "host": name });
        let made = ask(daemon, "POST", "/api/workstations", token, Some(&body));
        assert_eq!(made.0, 201);
    }
    for ((daemon, _), name) in daemons.iter().zip(names) {
        assert_eq!(daemon.get("/api/workstations/1").1["name"], name);
        let list = daemon.get("/api/workstations").1;
        assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    }
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
