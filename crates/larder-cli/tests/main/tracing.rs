//! A request in the log and in its trace, as the daemon's process shows it.

use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use larder_testkit::servers::{Options, RedisServer};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::{Value, json};

use super::daemon::Daemon;
use super::metrics::wait_for;
use super::otlp::{self, Push};

const PATIENCE: Duration = Duration::from_mins(1);
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn parent() -> String {
    format!("00-{TRACE}-{PARENT}-01")
}

#[test]
fn each_line_of_a_request_names_it_those_of_its_load_too() {
    let home = tempfile::tempdir().unwrap();
    // Nothing answers there: the load fails.
    let away = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut daemon = Daemon::start_with(home.path(), &["--log-format", "json"], |command| {
        command
            .env("LARDER_LOG_LEVEL", "debug")
            .env("LARDER_ASSISTANT_CONTEXT_RPC_URL", format!("http://{away}"))
    });
    let answer = ureq::post(format!("{}/codette/chat", daemon.url))
        .header("traceparent", parent())
        .header("content-type", "application/json")
        .config()
        .http_status_as_error(false)
        .build()
        .send(json!({"message": "what is a cache?"}).to_string())
        .unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let (id, traceparent) = (header("x-request-id"), header("traceparent"));
    assert!(
        traceparent.starts_with(&format!("00-{TRACE}-")),
        "{traceparent}"
    );
    assert!(!traceparent.contains(PARENT), "its own span: {traceparent}");

    daemon.line_with("a load failed");
    daemon.line_with("a request was answered");
    let of_request = |words: &str| {
        let line = daemon.lines().iter().find(|line| line.contains(words));
        let line: Value = serde_json::from_str(line.unwrap()).unwrap();
        assert_eq!(line["request_id"], id, "{line}");
        assert_eq!(line["trace_id"], TRACE, "{line}");
        line
    };
    let mut of_request = of_request;
    assert_eq!(of_request("a load failed")["level"], "DEBUG");
    assert_eq!(
        of_request("a request was answered")["message"],
        "a request was answered"
    );
    // What is told before is for people.
    let objects = daemon.lines().iter().filter(|line| line.starts_with('{'));
    for line in objects {
        let line: Value = serde_json::from_str(line).unwrap();
        let names = ["timestamp", "level", "target"];
        assert!(names.iter().all(|name| line[name].is_string()), "{line}");
    }
}

#[test]
fn each_query_of_a_write_names_the_request_that_made_it() {
    let home = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start_with(home.path(), &["--log-format", "json"], |command| {
        command.env("LARDER_LOG_LEVEL", "debug")
    });
    let token = std::fs::read_to_string(home.path().join("state/admin.token")).unwrap();
    let made = ureq::post(format!("{}/api/workstations", daemon.url))
        .header("authorization", format!("Bearer {}", token.trim()))
        .header("traceparent", parent())
        .header("content-type", "application/json")
        .send(json!({ "name": "pc", "host": "a" }).to_string());
    assert_eq!(made.unwrap().status(), 201);
    daemon.line_with("a request was answered");
    let lines = daemon.lines().iter();
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let all: Vec<Value> = lines.collect();
    assert!(
        all.iter().all(|line| line["target"] != "sqlx::query"),
        "{all:#?}"
    );
    let queries = all.iter().filter(|line| line["table"] == "workstations");
    let queries: Vec<&Value> = queries.collect();
    let inserts = queries
        .iter()
        .filter(|query| query["operation"] == "insert");
    let traces: Vec<&Value> = inserts.map(|query| &query["trace_id"]).collect();
    assert_eq!(traces, [TRACE], "{queries:#?}");
}

#[test]
fn a_line_for_people_names_its_request_too() {
    let home = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start_with(home.path(), &[], |command| {
        command.env("LARDER_LOG_LEVEL", "debug")
    });
    let answer = ureq::get(format!("{}/v1/caches", daemon.url))
        .call()
        .unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let line = daemon.line_with("a request was answered");
    let trace = header("traceparent");
    let (id, trace) = (header("x-request-id"), trace.split('-').nth(1).unwrap());
    let end = format!("a request was answered status=200 request_id={id} trace_id={trace}");
    assert!(line.ends_with(&end), "{line}");
}

/// Hands on the spans that are pushed to it, each with the instance that pushed it.
fn collector() -> (String, mpsc::Receiver<(String, Span)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (send, spans) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Some(push) = receive(stream) else {
                continue;
            };
            for resource in push.resource_spans {
                let attributes = resource.resource.unwrap().attributes;
                let instance = attributes
                    .iter()
                    .find(|own| own.key == "service.instance.id");
                let instance = instance.unwrap().value.clone().unwrap().value;
                let Some(any_value::Value::StringValue(instance)) = instance else {
                    panic!("an instance has a name");
                };
                let scopes = resource.scope_spans.into_iter();
                for span in scopes.flat_map(|scope| scope.spans) {
                    if send.send((instance.clone(), span)).is_err() {
                        return;
                    }
                }
            }
        }
    });
    (url, spans)
}

/// A push of spans; `None` if it is one of metrics.
fn receive(stream: TcpStream) -> Option<ExportTraceServiceRequest> {
    let Push { head, body } = otlp::receive(stream, 200)?;
    let is_traces = head.starts_with("post /v1/traces http/1.1");
    is_traces.then(|| ExportTraceServiceRequest::decode(&body[..]).expect("it is OTLP's message"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn traced(home: &std::path::Path, collector: &str, arguments: &[&str]) -> Daemon {
    Daemon::start_with(home, arguments, |command| {
        command
            .env("LARDER_OTLP_ENDPOINT", collector)
            .env("LARDER_OTLP_TRACES_SAMPLE", "0.000001")
    })
}

/// The name that a daemon's spans have.
fn instance(daemon: &Daemon) -> String {
    daemon.url.trim_start_matches("http://").to_owned()
}

/// Two daemons that share a server, whose link is up, and the spans that they push.
struct Pair {
    one: Daemon,
    other: Daemon,
    spans: mpsc::Receiver<(String, Span)>,
    homes: [tempfile::TempDir; 2],
    _server: RedisServer,
}

impl Pair {
    fn start() -> Self {
        let server = RedisServer::start(Options::new()).unwrap();
        let (url, spans) = collector();
        let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let start = |home: &tempfile::TempDir| {
            let daemon = traced(home.path(), &url, &["--remote", &server.url()]);
            let is_up = || {
                let (_, health) = daemon.get("/health/ready");
                let mut checks = health["checks"].as_array().into_iter().flatten();
                checks.any(|check| check["name"] == "cache daemons" && check["status"] == "ready")
            };
            wait_for("link that is up", || is_up().then_some(()));
            daemon
        };
        Self {
            one: start(&homes[0]),
            other: start(&homes[1]),
            spans,
            homes,
            _server: server,
        }
    }

    /// What an admin of the first says of themself.
    fn admin(&self) -> String {
        let token = std::fs::read_to_string(self.homes[0].path().join("state/admin.token"));
        format!("Bearer {}", token.unwrap().trim())
    }
}

/// I4
#[test]
fn a_change_of_one_key_and_its_effect_on_another_instance_are_one_trace() {
    let pair = Pair::start();
    let Pair {
        one, other, spans, ..
    } = &pair;
    let (entry, cache) = ("/v1/caches/daemons/entries/x", "/v1/caches/daemons");
    let change = |way: &str, traceparent: &str| {
        let (url, admin) = (one.url.as_str(), pair.admin());
        let headed = |request: ureq::RequestBuilder<ureq::typestate::WithBody>| {
            let request = request.header("content-type", "application/json");
            request
                .header("authorization", &admin)
                .header("traceparent", traceparent)
        };
        let card = json!({ "version": "0", "address": "127.0.0.1:1", "pid": 1 }).to_string();
        let changed = match way {
            "put" => headed(ureq::put(format!("{url}{entry}"))).send(card),
            "invalidate" => {
                let key = json!({ "key": "x" }).to_string();
                headed(ureq::post(format!("{url}{cache}/invalidate"))).send(key)
            }
            _ => ureq::delete(format!("{url}{entry}"))
                .header("authorization", &admin)
                .header("traceparent", traceparent)
                .call(),
        };
        assert_eq!(changed.unwrap().status(), 200, "{way}");
    };
    let trace = |number: usize| format!("{number:032x}");
    let ways = ["put", "delete", "invalidate", "put", "delete"];
    for (number, way) in ways.iter().enumerate() {
        let trace = trace(number + 1);
        change(way, &format!("00-{trace}-{PARENT}-01"));
        change(way, &format!("00-{trace}-{PARENT}-00"));
    }

    let mut seen: Vec<(String, Span)> = Vec::new();
    let has = |seen: &[(String, Span)], daemon: &Daemon, name: &str| {
        let (own, last) = (instance(daemon), trace(ways.len()));
        let is_it = |(by, span): &(String, Span)| {
            *by == own && span.name == name && hex(&span.trace_id) == last
        };
        seen.iter().any(is_it)
    };
    while !(has(&seen, one, "request") && has(&seen, other, "invalidation applied")) {
        let next = spans.recv_timeout(PATIENCE);
        seen.push(next.unwrap_or_else(|_| panic!("spans are missing: {seen:#?}")));
    }
    for (number, way) in ways.iter().enumerate() {
        let of = |name: &str| {
            let is_it = |(_, span): &&(String, Span)| {
                hex(&span.trace_id) == trace(number + 1) && span.name == name
            };
            seen.iter().filter(is_it).collect::<Vec<_>>()
        };
        let (writes, applied) = (of("cache write"), of("invalidation applied"));
        let ([(_, write)], [(by, applied)]) = (&writes[..], &applied[..]) else {
            panic!("{way}: {writes:#?} {applied:#?}");
        };
        assert_eq!(*by, instance(other), "{way}");
        assert_eq!(applied.parent_span_id, write.span_id, "{way}");
    }
}

/// I4
#[test]
fn a_clearing_and_its_effect_on_another_instance_are_one_trace() {
    let pair = Pair::start();
    let Pair {
        one, other, spans, ..
    } = &pair;
    let cleared = ureq::post(format!("{}/v1/caches/daemons/clear", one.url))
        .header("authorization", pair.admin())
        .header("content-type", "application/json")
        .header("traceparent", parent())
        .send("{}");
    assert_eq!(cleared.unwrap().status(), 200);

    let mut seen: Vec<(String, Span)> = Vec::new();
    let is_whole = |seen: &[(String, Span)]| {
        let has = |daemon: &Daemon, name: &str| {
            let own = instance(daemon);
            seen.iter()
                .any(|(by, span)| *by == own && span.name == name)
        };
        has(one, "request") && has(one, "cache write") && has(other, "invalidation applied")
    };
    while !is_whole(&seen) {
        let next = spans.recv_timeout(PATIENCE);
        let (by, span) = next.unwrap_or_else(|_| panic!("spans are missing: {seen:#?}"));
        assert_eq!(
            hex(&span.trace_id),
            TRACE,
            "nothing else is sampled: {span:?}"
        );
        seen.push((by, span));
    }
    let span = |name: &str| &seen.iter().find(|(_, span)| span.name == name).unwrap().1;
    let (request, write) = (span("request"), span("cache write"));
    let applied = span("invalidation applied");
    assert_eq!(hex(&request.parent_span_id), PARENT);
    assert_eq!(request.kind, 2);
    assert_eq!(write.parent_span_id, request.span_id);
    assert_eq!(applied.parent_span_id, write.span_id);
    assert!(request.start_time_unix_nano < request.end_time_unix_nano);
    let route = request
        .attributes
        .iter()
        .find(|own| own.key == "http.route");
    let route = route.unwrap().value.clone().unwrap().value;
    let expected = any_value::Value::StringValue("/v1/caches/{name}/clear".into());
    assert_eq!(route, Some(expected));
}

#[test]
fn a_collector_that_is_away_costs_spans_that_are_counted_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let away = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut daemon = traced(home.path(), &format!("http://{away}"), &[]);
    let ask = || {
        let asked = ureq::get(format!("{}/v1/caches", daemon.url)).header("traceparent", parent());
        assert_eq!(asked.call().unwrap().status(), 200);
    };
    ask();
    wait_for("span that was dropped", || {
        let text = ureq::get(format!("{}/v1/metrics", daemon.url))
            .header("accept", "text/plain")
            .call()
            .unwrap()
            .body_mut()
            .read_to_string()
            .unwrap();
        let line = "larder_spans_total{result=\"dropped\"} ";
        text.contains(line).then_some(())
    });
    daemon.line_with("spans cannot be pushed");
    assert!(daemon.terminate().success());
}

#[test]
fn a_share_that_is_none_is_refused_with_what_was_expected() {
    let home = tempfile::tempdir().unwrap();
    for share in ["1.5", "-1", "all", "NaN"] {
        let mut command = super::run::larder(home.path(), &["config", "show", "--effective"]);
        command.env("LARDER_OTLP_TRACES_SAMPLE", share);
        let ended = command.output().unwrap();
        assert!(!ended.status.success());
        let told = String::from_utf8(ended.stderr).unwrap();
        assert!(told.contains("a share from 0 to 1"), "{told}");
    }
}
