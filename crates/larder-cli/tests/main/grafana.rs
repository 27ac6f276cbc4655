//! `larder dashboard grafana`: a real Prometheus answers every query of the dashboard and of the alerts.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use larder_testkit::servers::{Options, RedisServer};
use serde_json::Value;

use super::daemon::Daemon;
use super::metrics::{Prometheus, wait_for};
use super::run::{end, larder};

/// What a daemon without a disk tier and with room for all series exports nothing of.
const UNUSED: [&str; 3] = [
    "larder_cache_disk_",
    "larder_metrics_overflowed_total",
    "larder_spans_total",
];

/// What each alert fires on.
const ALERTS: &str = include_str!("grafana/alerts.yml");

fn write(home: &Path) -> (Value, String) {
    let output = home.join("made/grafana");
    let output = output.to_str().unwrap();
    let ended = end(&mut larder(
        home,
        &["dashboard", "grafana", "--output", output],
    ));
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    let dashboard = fs::read_to_string(home.join("made/grafana/grafana.json")).unwrap();
    let rules = home.join("made/grafana/alerts.yml");
    (
        serde_json::from_str(&dashboard).unwrap(),
        rules.to_str().unwrap().to_owned(),
    )
}

fn promtool(arguments: &[&str]) {
    let program = std::env::var_os("PROMTOOL").unwrap_or_else(|| "promtool".into());
    let ended = end(Command::new(program).args(arguments));
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
}

/// The queries of all panels, those of a row that is folded up too.
fn queries(dashboard: &Value) -> Vec<String> {
    let rows = dashboard["panels"].as_array().unwrap().iter();
    let panels = rows.flat_map(|row| {
        let folded = row["panels"].as_array().cloned().unwrap_or_default();
        [row.clone()].into_iter().chain(folded)
    });
    let targets = panels.flat_map(|panel| panel["targets"].as_array().cloned().unwrap_or_default());
    targets
        .map(|target| {
            let query = target["expr"]
                .as_str()
                .unwrap()
                .replace("$__rate_interval", "15s");
            query.replace("$cache", ".*").replace("$instance", ".*")
        })
        .collect()
}

/// Asks the daemon for this and that until the flag falls.
fn load(url: String, goes_on: Arc<AtomicBool>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        while goes_on.load(Ordering::Relaxed) {
            for path in [
                "api/workstations",
                "api/stats",
                "api/schedulers/oracle/stats",
                "v1/caches",
            ] {
                let _ = ureq::get(format!("{url}/{path}")).call();
            }
        }
    })
}

#[test]
fn a_real_prometheus_answers_every_panel_and_evaluates_every_alert() {
    let home = tempfile::tempdir().unwrap();
    let redis = RedisServer::start(Options::new()).unwrap();
    let url = format!("redis://{}", redis.addr());
    let daemon = Daemon::start(home.path(), &["--demo", "--remote", &url]);
    let (dashboard, rules) = write(home.path());
    promtool(&["check", "rules", &rules]);
    let prometheus = Prometheus::start_with(home.path(), &daemon, &format!("[\"{rules}\"]"));
    let goes_on = Arc::new(AtomicBool::new(true));
    let loading = load(daemon.url.clone(), goes_on.clone());

    let queries = queries(&dashboard);
    assert!(queries.len() > 40, "{}", queries.len());
    let is_used = |query: &&String| !UNUSED.iter().any(|unused| query.contains(unused));
    for query in queries.iter().filter(is_used) {
        prometheus.query(query);
    }
    for query in queries.iter().filter(|query| !is_used(query)) {
        prometheus.ask(query).expect("it is a query");
    }
    let alerts = wait_for("rules that were evaluated", || {
        let groups = prometheus.get("/api/v1/rules")?;
        let rules = groups["groups"][0]["rules"].as_array()?.clone();
        rules
            .iter()
            .all(|rule| rule["health"] != "unknown")
            .then_some(rules)
    });
    assert!(alerts.len() > 10, "{}", alerts.len());
    for alert in &alerts {
        assert_eq!(alert["health"], "ok", "{alert}");
    }
    goes_on.store(false, Ordering::Relaxed);
    loading.join().unwrap();
}

#[test]
fn what_the_daemon_exports_is_what_the_page_on_metrics_has() {
    let home = tempfile::tempdir().unwrap();
    let redis = RedisServer::start(Options::new()).unwrap();
    let url = format!("redis://{}", redis.addr());
    let daemon = Daemon::start(home.path(), &["--remote", &url]);
    daemon.get("/api/workstations");
    let mut answer = ureq::get(format!("{}/v1/metrics", daemon.url))
        .header("Accept", "text/plain")
        .call()
        .unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    let page = include_str!("../../../../docs/metrics.md");
    let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let families: Vec<_> = families.filter_map(|line| line.split_once(' ')).collect();
    assert!(families.len() > 30, "{text}");
    for (name, form) in families {
        assert!(
            page.contains(&format!("| `{name}` | {form} |")),
            "{name} {form}"
        );
    }
}

#[test]
fn the_alerts_fire_when_they_should_and_not_before() {
    let home = tempfile::tempdir().unwrap();
    let (_, rules) = write(home.path());
    let written = fs::read_to_string(rules).unwrap();
    let names = written
        .lines()
        .filter_map(|line| line.split_once("alert: "));
    for (_, name) in names {
        let times = ALERTS.matches(&format!("alertname: {name}\n")).count();
        assert!(times >= 2, "{name} has to fire once and to be silent once");
    }
    let test = home.path().join("made/grafana/tests.yml");
    fs::write(&test, ALERTS).unwrap();
    promtool(&["test", "rules", test.to_str().unwrap()]);
}
