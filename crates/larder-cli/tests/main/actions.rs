//! What the daemon tells of itself under `/v1`, and what it keeps of what was changed.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::daemon::Daemon;

const PATIENCE: Duration = Duration::from_mins(1);

/// Warms a cache, as soon as what it is loaded from answers.
fn warm(daemon: &Daemon, cache: &str) -> Value {
    let started = Instant::now();
    loop {
        let (status, answer) = daemon.post(&format!("/v1/caches/{cache}/warm"), &json!({}));
        if status == 200 {
            return answer;
        }
        assert!(
            status == 503 && started.elapsed() < PATIENCE,
            "{cache}: {status} {answer}"
        );
        std::thread::yield_now();
    }
}

/// I3
#[test]
fn the_services_caches_are_warmed_and_explain_their_keys() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &["--demo"]);
    daemon.stats();
    for (cache, warmed) in [
        ("claude_usage.answers", 4),
        ("workstations", 1),
        ("scheduler_stats", 5),
        ("training_data", 1),
    ] {
        assert_eq!(warm(&daemon, cache)["warmed"], warmed, "{cache}");
    }
    assert!(warm(&daemon, "live_set.lookups")["warmed"].is_u64());
    let (status, problem) = daemon.post("/v1/caches/assistant_context/warm", &json!({}));
    assert_eq!(status, 409, "{problem}");

    let path = "/v1/caches/workstations/entries/workstations_list";
    let (_, held) = daemon.get(&format!("{path}?explain=1"));
    assert_eq!(held["held"]["tier"], "memory", "{held}");
    daemon.post(
        "/v1/caches/workstations/invalidate",
        &json!({ "tag": "all" }),
    );
    daemon.get("/api/workstations");
    let (_, loaded) = daemon.get(&format!("{path}?explain=1"));
    assert_eq!(loaded["last_miss"]["by"], "tag all", "{loaded}");
    assert!(loaded["held"]["load_ms"].as_f64() > Some(0.0), "{loaded}");
}

/// I5
#[test]
fn the_log_of_changes_survives_a_restart_and_a_line_that_was_cut_off() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("state/audit.log");
    let daemon = Daemon::start(home.path(), &[]);
    daemon.post("/v1/caches/workstations/clear", &json!({}));
    daemon.post("/v1/caches/workstations/reset", &json!({}));
    assert_eq!(daemon.get("/v1/audit").0, 401);
    assert!(daemon.terminate().success());
    let written = fs::read_to_string(&file).unwrap();
    assert_eq!(written.lines().count(), 2, "{written}");
    fs::write(&file, &written[..written.len() - 20]).unwrap();

    let daemon = Daemon::start(home.path(), &[]);
    daemon.post("/v1/caches/workstations/clear", &json!({}));
    let (status, told) = daemon.get_as_admin("/v1/audit");
    assert_eq!((status, &told["unreadable"]), (200, &json!(1)));
    let actions = told["actions"].as_array().unwrap();
    let words: Vec<_> = actions.iter().map(|action| &action["action"]).collect();
    assert_eq!(words, ["clear", "clear"]);
    assert_eq!(actions[0]["actor"], "the admin token");
}

#[test]
fn the_daemon_tells_its_status_and_its_settings_without_secrets() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("larder.toml");
    let database = "postgres://app:hidden@127.0.0.1:1/shop";
    fs::write(
        &file,
        format!("[workstations]\ndatabase = \"{database}\"\n"),
    )
    .unwrap();
    let daemon = Daemon::start(home.path(), &["--config", file.to_str().unwrap()]);
    let (_, config) = daemon.get("/v1/config");
    assert!(!config.to_string().contains("hidden"), "{config}");
    let settings = config["settings"].as_array().unwrap();
    let setting = |key: &str| {
        settings
            .iter()
            .find(|setting| setting["key"] == key)
            .unwrap()
    };
    let database = setting("workstations.database");
    assert_eq!(database["source"], format!("{}:2", file.display()));
    assert_eq!(database["is_masked"], true);
    assert_eq!(setting("log.level")["source"], "default");

    let started = Instant::now();
    let status = loop {
        let (_, status) = daemon.get("/v1/status");
        if status["reasons"]
            .to_string()
            .contains("workstations: the database does not answer")
        {
            break status;
        }
        assert!(started.elapsed() < PATIENCE, "{status}");
        std::thread::yield_now();
    };
    assert_eq!(
        (&status["state"], &status["role"]),
        (&json!("degraded"), &json!("viewer"))
    );
    assert_eq!(status["anonymous"], true);
    let backends = status["backends"].as_array().unwrap();
    let sql = backends
        .iter()
        .find(|backend| backend["name"] == "workstations")
        .unwrap();
    assert_eq!(
        (&sql["kind"], &sql["state"]),
        (&json!("sql"), &json!("degraded"))
    );
    assert_eq!(sql["caches"], json!(["workstations"]));
}
