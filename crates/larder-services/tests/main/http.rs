//! `/api/stats` and `/api/metrics/history`, from files to answers.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use jiff::tz::TimeZone;
use larder::{AnyCache, Clock};
use larder_http::{Events, Requests};
use larder_services::claude_usage::{ClaudeUsage, Options, Prices, Running, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

struct House {
    logs: TempDir,
    usage: ClaudeUsage,
    router: Router,
    running: Running,
}

/// A line with a price of its own, so that sums are easy to follow.
fn line(message: &str, timestamp: &str, cost: f64) -> String {
    let usage = json!({
        "input_tokens": 100, "output_tokens": 50, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 10,
    });
    let message = json!({ "id": message, "model": "claude-sonnet-4-20250514", "usage": usage });
    json!({ "timestamp": timestamp, "sessionId": "s", "requestId": "r", "message": message, "costUSD": cost }).to_string()
}

fn append(logs: &TempDir, text: &str) {
    let directory = logs.path().join("projects/shop");
    fs::create_dir_all(&directory).unwrap();
    let mut file = fs::OpenOptions::new().create(true).append(true).open(directory.join("s.jsonl")).unwrap();
    writeln!(file, "{text}").unwrap();
}

async fn start(logs: TempDir) -> House {
    let (usage, running) = ClaudeUsage::start(options(logs.path(), None)).await.unwrap();
    let router = usage.router();
    House { logs, usage, router, running }
}

fn options(root: &Path, state: Option<&Path>) -> Options {
    Options {
        settings: Settings {
            roots: vec![root.to_owned()],
            state: state.map(Path::to_owned),
            zone: TimeZone::UTC,
            prices: Prices::embedded(),
            threads: 2,
            clock: Clock::system(),
        },
        interval: Duration::from_millis(100),
        history: 10,
        port: 7_070,
        requests: Requests::default(),
        events: Events::default(),
    }
}

/// A house whose first scan is done.
async fn scanned(logs: TempDir) -> House {
    let house = start(logs).await;
    house.usage.versions().wait_for(|version| *version >= 1).await.unwrap();
    house
}

async fn with_two_calls() -> House {
    let logs = tempfile::tempdir().unwrap();
    let now = jiff::Timestamp::now().to_string();
    append(&logs, &line("m1", "2020-03-01T10:00:00Z", 0.25));
    append(&logs, &line("m2", &now, 0.5));
    scanned(logs).await
}

impl House {
    async fn ask(&self, path: &str, headers: &[(header::HeaderName, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        (head.status, head.headers, body.collect().await.unwrap().to_bytes().into())
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let (status, _, body) = self.ask(path, &[]).await;
        (status, serde_json::from_slice(&body).unwrap())
    }
}

#[tokio::test]
async fn until_the_first_scan_is_done_the_answer_is_its_progress() {
    let logs = tempfile::tempdir().unwrap();
    append(&logs, &line("m1", "2020-03-01T10:00:00Z", 0.25));
    let house = start(logs).await;
    let (status, problem) = house.get("/api/stats").await;
    assert_eq!((status, &problem["type"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("urn:larder:problem:first-scan")));
    assert!(problem["progress"]["files_total"].is_u64());
}

#[tokio::test]
async fn the_totals_are_those_of_the_logs() {
    let house = with_two_calls().await;
    let (status, stats) = house.get("/api/stats").await;
    assert_eq!(status, StatusCode::OK);
    let totals = &stats["totals"];
    assert_eq!((&totals["messages"], &totals["cost_usd"]), (&json!(2), &json!(0.75)));
    assert_eq!((&totals["input_tokens"], &totals["output_tokens"]), (&json!(200), &json!(100)));
    assert_eq!((&totals["cache_creation_tokens"], &totals["cache_read_tokens"]), (&json!(40), &json!(20)));
    assert_eq!((&totals["total_tokens"], &totals["basis"]), (&json!(360), &json!("as_logged")));
    assert_eq!(
        (&stats["project"]["name"], &stats["project"]["tokens"], &stats["project"]["calls"]),
        (&json!("shop"), &json!(300), &json!(2))
    );
    assert_eq!((&stats["port"], &stats["snapshot"]["version"]), (&json!(7_070), &json!(1)));
    assert_eq!(stats["scan"]["files"], 1);
}

#[tokio::test]
async fn a_time_range_is_one_of_four() {
    let house = with_two_calls().await;
    for (range, messages) in [("today", 1), ("week", 1), ("month", 1), ("all", 2)] {
        let (_, stats) = house.get(&format!("/api/stats?time_range={range}")).await;
        assert_eq!((&stats["totals"]["messages"], &stats["time_range"]), (&json!(messages), &json!(range)));
    }
    for query in ["time_range=fortnight", "time_range=", "range=week"] {
        let (status, problem) = house.get(&format!("/api/stats?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert!(problem["detail"].as_str().unwrap().contains("time_range") || query.contains("time_range"));
    }
    let (_, problem) = house.get("/api/stats?time_range=fortnight").await;
    assert_eq!(problem["detail"], "\"fortnight\" is not a time range: expected one of today, week, month, all");
}

#[tokio::test]
async fn an_answer_that_the_client_has_is_not_sent_again_until_the_data_change() {
    let house = with_two_calls().await;
    let (_, headers, _) = house.ask("/api/stats", &[]).await;
    let etag = headers[header::ETAG].to_str().unwrap().to_owned();
    let list = format!("\"other\", {etag}");
    for known in [etag.as_str(), list.as_str(), "*"] {
        let (status, headers, body) = house.ask("/api/stats", &[(header::IF_NONE_MATCH, known)]).await;
        assert_eq!((status, body.len(), headers[header::ETAG].to_str().unwrap()), (StatusCode::NOT_MODIFIED, 0, &*etag));
    }
    let (status, _, _) = house.ask("/api/stats?time_range=today", &[(header::IF_NONE_MATCH, &etag)]).await;
    assert_eq!(status, StatusCode::OK, "another range is another answer");

    let mut versions = house.usage.versions();
    versions.mark_unchanged();
    append(&house.logs, &line("m3", "2020-03-02T10:00:00Z", 1.0));
    versions.changed().await.unwrap();
    let (status, headers, body) = house.ask("/api/stats", &[(header::IF_NONE_MATCH, &etag)]).await;
    assert_eq!(status, StatusCode::OK);
    assert_ne!(headers[header::ETAG].to_str().unwrap(), etag);
    let stats: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&stats["totals"]["messages"], &stats["totals"]["cost_usd"]), (&json!(3), &json!(1.75)));
}

#[tokio::test]
async fn an_answer_is_rendered_once_for_each_snapshot_and_range() {
    let house = with_two_calls().await;
    for _ in 0..5 {
        house.get("/api/stats").await;
        house.get("/api/stats?time_range=week").await;
    }
    let stats = house.usage.answers().stats();
    assert_eq!((stats.loads, stats.hits), (2, 8));
    let mut keys: Vec<_> = AnyCache::entries(&house.usage.answers(), "", 10).into_iter().map(|entry| entry.key).collect();
    keys.sort();
    assert!(keys.len() == 2 && keys[0].starts_with("all@") && keys[1].starts_with("week@"), "{keys:?}");
    assert!(house.usage.answers().entry_info(&larder::CacheKey::from_text(&keys[0]).unwrap()).is_some());
}

#[tokio::test]
async fn without_logs_it_says_where_it_looked_and_finds_those_that_appear() {
    let house = scanned(tempfile::tempdir().unwrap()).await;
    let (status, problem) = house.get("/api/stats").await;
    assert_eq!((status, &problem["type"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("urn:larder:problem:no-logs")));
    assert_eq!(problem["looked_in"], json!([house.logs.path().join("projects")]));
    let mut versions = house.usage.versions();
    versions.mark_unchanged();
    append(&house.logs, &line("m1", "2020-03-01T10:00:00Z", 0.25));
    versions.changed().await.unwrap();
    assert_eq!(house.get("/api/stats").await.1["totals"]["messages"], 1);
}

#[tokio::test]
async fn the_history_is_bounded_and_its_windows_are_checked() {
    let house = with_two_calls().await;
    let (status, history) = house.get("/api/metrics/history?range=1h").await;
    assert_eq!((status, &history["capacity"], &history["interval_ms"]), (StatusCode::OK, &json!(10), &json!(100)));
    let points = history["points"].as_array().unwrap();
    assert!((1..=10).contains(&points.len()));
    assert_eq!((&points[0]["cost_usd"], &points[0]["messages"]), (&json!(0.75), &json!(2)));
    let (_, history) = house.get("/api/metrics/history?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z").await;
    assert_eq!(history["points"], json!([]));
    for query in ["range=soon", "from=yesterday", "range=1h&from=2020-01-01T00:00:00Z", "span=1h"] {
        let (status, problem) = house.get(&format!("/api/metrics/history?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {problem}");
    }
}

#[tokio::test]
async fn totals_survive_a_restart_and_the_deletion_of_their_logs() {
    let (logs, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let state = state.path().join("usage.state");
    append(&logs, &line("m1", "2020-03-01T10:00:00Z", 0.25));
    let (usage, running) = ClaudeUsage::start(options(logs.path(), Some(&state))).await.unwrap();
    usage.versions().wait_for(|version| *version >= 1).await.unwrap();
    tokio::task::spawn_blocking(|| running.stop()).await.unwrap().unwrap();
    drop(usage);
    fs::remove_dir_all(logs.path().join("projects/shop")).unwrap();

    let (usage, running) = ClaudeUsage::start(options(logs.path(), Some(&state))).await.unwrap();
    usage.versions().wait_for(|version| *version >= 1).await.unwrap();
    let router = usage.router();
    let house = House { logs, usage, router, running };
    let (_, stats) = house.get("/api/stats").await;
    assert_eq!((&stats["totals"]["messages"], &stats["totals"]["cost_usd"]), (&json!(1), &json!(0.25)));
    assert_eq!((&stats["archived"]["files"], &stats["archived"]["messages"]), (&json!(1), &json!(1)));
    let House { running, .. } = house;
    tokio::task::spawn_blocking(|| running.stop()).await.unwrap().unwrap();
}
