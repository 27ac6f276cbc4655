//! The daemon's own page of metrics, with all that it can have on it: Prometheus' tool and the strict
//! parsers of `PyPI`'s `prometheus-client` read it.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::{Command, Stdio};

use larder_testkit::servers::{Options, RedisServer};
use serde_json::{Value, json};

use super::daemon::Daemon;

/// Reads an export and prints its families: type, unit, and how many samples.
const SCRIPT: &str = r#"
import json, sys
text = sys.stdin.buffer.read().decode("utf-8")
if sys.argv[1] == "open":
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
else:
    from prometheus_client.parser import text_string_to_metric_families
families = {}
for family in text_string_to_metric_families(text):
    assert family.name not in families, family.name
    families[family.name] = {"type": family.type, "samples": len(family.samples)}
print(json.dumps(families))
"#;

/// The page of a daemon with a shared store and a disk tier, that has answered, refused and failed.
fn pages() -> [String; 2] {
    let home = tempfile::tempdir().expect("a directory");
    let redis = RedisServer::start(Options::new()).expect("a server");
    let daemon = Daemon::start(home.path(), &["--demo", "--remote", &redis.url()]);
    daemon.stats();
    for path in [
        "/api/workstations",
        "/api/schedulers/oracle/stats",
        "/nowhere",
        "/v1/audit",
    ] {
        daemon.get(path);
    }
    daemon.post("/v1/caches/workstations/clear", &json!({}));
    ["text/plain", "application/openmetrics-text; version=1.0.0"].map(|accept| {
        let url = format!("{}/v1/metrics", daemon.url);
        let mut answer = ureq::get(url)
            .header("Accept", accept)
            .call()
            .expect(accept);
        let kind = answer.headers()["content-type"]
            .to_str()
            .expect("a text")
            .to_owned();
        let expected = accept.split(';').next().expect("a type");
        assert!(kind.starts_with(expected), "{kind}");
        answer.body_mut().read_to_string().expect("a text")
    })
}

/// What a program says of a page on its standard input, and that it found nothing wrong.
fn told(variable: &str, otherwise: &str, arguments: &[&str], page: &str) -> String {
    let program = std::env::var_os(variable).unwrap_or_else(|| OsString::from(otherwise));
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{variable} names it: run `cargo xtask test`: {error}"));
    let mut stdin = child.stdin.take().expect("it is piped");
    // One that fails reads no further, and says why.
    let _ = stdin.write_all(page.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}\n{page}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn promtool_and_strict_parsers_read_the_page_of_a_real_daemon() {
    let [plain, open] = pages();
    told("PROMTOOL", "promtool", &["check", "metrics"], &plain);
    for (form, page) in [("plain", &plain), ("open", &open)] {
        let parser = ["-c", SCRIPT, form];
        let families = told("PROMETHEUS_CLIENT", "python3", &parser, page);
        let families: Value = serde_json::from_str(&families).expect("JSON");
        assert!(
            families.as_object().map_or(0, serde_json::Map::len) > 30,
            "{families}"
        );
        for (name, kind) in [
            ("larder_cache_gets", "counter"),
            ("larder_cache_remote_up", "gauge"),
            ("http_request_duration_seconds", "histogram"),
        ] {
            assert_eq!(families[name]["type"], kind, "{form}: {families}");
            assert!(
                families[name]["samples"].as_u64() > Some(0),
                "{form}: {name}"
            );
        }
    }
}
