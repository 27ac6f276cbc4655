//! The daemon's metrics: their history across a kill, a real Prometheus, a collector of OTLP.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data, number_data_point};
use prost::Message as _;
use serde_json::Value;

use super::daemon::Daemon;
use super::otlp::{self, Push};

const PATIENCE: Duration = Duration::from_mins(1);

/// What `found` finds, once it does.
pub(crate) fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "no {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Rates and gaps of a metric, oldest first.
fn history(daemon: &Daemon, name: &str) -> Vec<Value> {
    let path = format!("/v1/metrics/history?name={name}&range=5m&step=10s&tags=result=ok");
    let (status, history) = daemon.get(&path);
    assert_eq!(status, 200, "{history}");
    let rates = history["series"][0]["per_second"].as_array();
    rates.cloned().unwrap_or_default()
}

/// I7
#[test]
fn the_history_survives_a_kill_and_a_torn_file() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("state/metrics.history");
    let daemon = Daemon::start(home.path(), &[]);
    wait_for("complete point", || {
        assert_eq!(daemon.get("/v1/caches").0, 200);
        let text = fs::read_to_string(&file).ok()?;
        text.contains("\"points\"").then_some(())
    });
    daemon.kill();
    let torn = b"{\"points\":{\"seconds\":10,\"step\":17";
    let mut append = OpenOptions::new().append(true).open(&file).unwrap();
    append.write_all(torn).unwrap();

    let mut daemon = Daemon::start(home.path(), &[]);
    daemon.line_with("lines of the figures' history were torn");
    wait_for("point of the life before", || {
        let rates = history(&daemon, "http_answers");
        rates
            .iter()
            .any(|rate| rate.as_f64() > Some(1.0))
            .then_some(())
    });
    assert!(daemon.terminate().success());
}

/// A Prometheus; it ends with its handle.
pub(crate) struct Prometheus {
    child: Child,
    url: String,
}

impl Prometheus {
    /// One that scrapes `daemon` each second.
    fn start(directory: &Path, daemon: &Daemon) -> Self {
        Self::start_with(directory, daemon, "[]")
    }

    /// One that scrapes `daemon` and evaluates these files of rules each second.
    pub(crate) fn start_with(directory: &Path, daemon: &Daemon, rules: &str) -> Self {
        let target = daemon.url.trim_start_matches("http://");
        let config = format!(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  evaluation_interval: 1s\n\
             rule_files: {rules}\nscrape_configs:\n- job_name: larder\n  \
             metrics_path: /v1/metrics\n  static_configs:\n  - targets: [\"{target}\"]\n"
        );
        let file = directory.join("prometheus.yml");
        fs::write(&file, config).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let program = std::env::var_os("PROMETHEUS").unwrap_or_else(|| "prometheus".into());
        let child = Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--enable-feature=exemplar-storage")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("PROMETHEUS names the program: run `cargo xtask test`, or install prometheus");
        let url = format!("http://127.0.0.1:{port}");
        Self { child, url }
    }

    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        let mut answer = ureq::get(format!("{}{path}", self.url)).call().ok()?;
        let answer: Value = answer.body_mut().read_json().ok()?;
        (answer["status"] == "success").then(|| answer["data"].clone())
    }

    /// The series that a query finds now; `None` if it is none.
    pub(crate) fn ask(&self, query: &str) -> Option<Vec<Value>> {
        let encoded = query.bytes().fold(String::new(), |mut encoded, byte| {
            let _ = write!(encoded, "%{byte:02x}");
            encoded
        });
        let data = self.get(&format!("/api/v1/query?query={encoded}"))?;
        data["result"].as_array().cloned()
    }

    /// The series that a query finds, once it finds some.
    pub(crate) fn query(&self, query: &str) -> Vec<Value> {
        wait_for(query, || self.ask(query).filter(|found| !found.is_empty()))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        ended.expect("it ends");
    }
}

#[test]
fn a_real_prometheus_scrapes_the_daemon_and_answers_queries() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &["--demo"]);
    let traced = ureq::get(format!("{}/v1/caches", daemon.url))
        .header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
        .call();
    assert!(traced.is_ok());
    let prometheus = Prometheus::start(home.path(), &daemon);
    assert_eq!(prometheus.query("up")[0]["value"][1], "1");
    let scraped = &prometheus.query("scrape_samples_scraped")[0]["value"][1];
    let scraped: f64 = scraped.as_str().unwrap().parse().unwrap();
    assert!(scraped > 100.0, "{scraped}");
    for query in [
        "larder_cache_gets_total{result=\"hit\"}",
        "sum by (cache) (rate(larder_cache_gets_total[10s]))",
        "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[10s])))",
        "http_latency_seconds{quantile=\"0.95\"}",
        "larder_cache_weight / larder_cache_capacity",
    ] {
        prometheus.query(query);
    }
    let metadata = prometheus.get("/api/v1/metadata").unwrap();
    assert_eq!(
        metadata["http_request_duration_seconds"][0]["type"],
        "histogram"
    );
    assert_eq!(
        metadata["http_request_duration_seconds"][0]["unit"],
        "seconds"
    );
    let exemplars = format!(
        "/api/v1/query_exemplars?query=http_request_duration_seconds_bucket&start=0&end={}",
        u32::MAX
    );
    let trace = wait_for("exemplar", || {
        let found = prometheus.get(&exemplars)?;
        let trace = found[0]["exemplars"][0]["labels"]["trace_id"].as_str()?;
        Some(trace.to_owned())
    });
    assert_eq!(trace, "4bf92f3577b34da6a3ce929d0e0e4736");
}

/// Answers the first push with a 503; hands on what the others bring.
fn collector() -> (String, mpsc::Receiver<ExportMetricsServiceRequest>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (send, pushes) = mpsc::channel();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let push = receive(stream, if number == 0 { 503 } else { 200 });
            if number > 0 && send.send(push).is_err() {
                return;
            }
        }
    });
    (url, pushes)
}

fn receive(stream: TcpStream, status: u16) -> ExportMetricsServiceRequest {
    let Push { head, body } = otlp::receive(stream, status).expect("a whole push");
    assert!(head.starts_with("post /v1/metrics http/1.1"), "{head}");
    assert!(
        head.contains("content-type: application/x-protobuf"),
        "{head}"
    );
    ExportMetricsServiceRequest::decode(&body[..]).expect("it is OTLP's message")
}

/// The metrics of a push, by name.
fn metric<'a>(push: &'a ExportMetricsServiceRequest, name: &str) -> Option<&'a Metric> {
    let scopes = push
        .resource_metrics
        .iter()
        .flat_map(|resource| &resource.scope_metrics);
    scopes
        .flat_map(|scope| &scope.metrics)
        .find(|metric| metric.name == name)
}

#[test]
fn a_collector_is_pushed_what_the_daemon_counts_and_again_after_it_was_away() {
    let home = tempfile::tempdir().unwrap();
    let (url, pushes) = collector();
    let mut daemon = Daemon::start_with(home.path(), &[], |command| {
        command
            .env("LARDER_OTLP_ENDPOINT", url)
            .env("LARDER_OTLP_INTERVAL", "1s")
    });
    daemon.line_with("metrics cannot be pushed");
    assert_eq!(daemon.get("/v1/caches").0, 200);
    let (push, requests) = loop {
        let push = pushes.recv_timeout(PATIENCE).expect("it pushes on");
        if let Some(Data::Histogram(requests)) =
            metric(&push, "http_request_duration_seconds").and_then(|metric| metric.data.clone())
        {
            break (push, requests);
        }
    };
    daemon.line_with("metrics are pushed again");
    let point = &requests.data_points[0];
    assert_eq!((requests.aggregation_temporality, point.count), (2, 1));
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    assert_eq!(point.bucket_counts.iter().sum::<u64>(), 1);
    assert!(point.sum > Some(0.0) && point.min == point.max);
    assert!(point.start_time_unix_nano < point.time_unix_nano);
    let endpoint = point
        .attributes
        .iter()
        .find(|attribute| attribute.key == "endpoint");
    assert!(
        format!("{endpoint:?}").contains("/v1/caches"),
        "{endpoint:?}"
    );
    let gets = metric(&push, "larder_cache_gets").expect("caches are in it");
    let Some(Data::Sum(gets)) = &gets.data else {
        panic!("{gets:?}");
    };
    assert!(gets.is_monotonic);
    let value = gets.data_points[0].value;
    assert!(
        matches!(value, Some(number_data_point::Value::AsInt(_))),
        "{value:?}"
    );
    let resource = push.resource_metrics[0]
        .resource
        .as_ref()
        .expect("it says who it is");
    assert_eq!(resource.attributes[0].key, "service.name");
    assert!(daemon.terminate().success());
    // What came after the last tick is pushed at the end.
    assert!(pushes.try_iter().last().is_some() || pushes.recv_timeout(PATIENCE).is_ok());
}

#[test]
fn an_endpoint_that_is_none_is_refused_with_what_was_expected() {
    for endpoint in [
        "collector:4318",
        "https://collector:4318",
        "http://user@host/",
        "http:///",
    ] {
        let home = tempfile::tempdir().unwrap();
        let mut command = super::run::larder(home.path(), &["config", "show"]);
        let output = command
            .env("LARDER_OTLP_ENDPOINT", endpoint)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{endpoint}");
        assert!(
            said.contains("expected the URL of a collector"),
            "{endpoint}: {said}"
        );
    }
}
