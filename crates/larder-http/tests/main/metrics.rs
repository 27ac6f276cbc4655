//! `/v1/metrics`.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use http_body_util::BodyExt;
use larder::Cache;
use larder_http::{Access, Gateway, Hosts, Role};
use larder_metrics::{Limits, ManualClock, Registry};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{TOKEN, get, house, json, request, send};

async fn scrape(router: &axum::Router, accept: &str) -> (String, String) {
    let mut request = request(Method::GET, "/v1/metrics", None);
    request
        .headers_mut()
        .insert(header::ACCEPT, accept.parse().unwrap());
    let (head, body) = send(router, request).await.into_parts();
    assert_eq!(head.status, StatusCode::OK);
    let kind = head.headers[header::CONTENT_TYPE]
        .to_str()
        .unwrap()
        .to_owned();
    let body = body.collect().await.unwrap().to_bytes();
    (kind, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_format_is_the_one_that_the_caller_prefers() {
    let house = house(Some(Role::Viewer));
    house.cache.insert(7, "value".into()).await.unwrap();
    house.cache.peek(&7);
    house.cache.peek(&8);
    send(&house.router, request(Method::GET, "/service", None)).await;
    let (kind, text) = scrape(&house.router, "text/plain").await;
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    for line in [
        "larder_cache_gets_total{cache=\"numbers\",result=\"hit\"} 1",
        "larder_cache_gets_total{cache=\"numbers\",result=\"miss\"} 1",
        "larder_cache_entries{cache=\"numbers\"} 1",
        "http_requests_total{endpoint=\"/service\",method=\"GET\",status=\"200\"} 1",
        "http_request_duration_seconds_count{endpoint=\"/service\",method=\"GET\"} 1",
        "# HELP http_requests_total Requests, by route and status.",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
    let (kind, text) = scrape(&house.router, "application/openmetrics-text").await;
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn whoever_prefers_nothing_gets_json() {
    let house = house(Some(Role::Viewer));
    send(&house.router, request(Method::GET, "/service", None)).await;
    let (status, all) = get(&house.router, "/v1/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(all["caches"][0]["name"], "numbers");
    assert!(
        all["metrics"]["timings"].as_object().unwrap().len() == 1,
        "{all}"
    );
}

/// The number of a request's trace, where a scraper asks for exemplars.
#[tokio::test]
async fn a_request_that_is_traced_is_an_exemplar() {
    let house = house(Some(Role::Viewer));
    let mut traced = request(Method::GET, "/service", None);
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    traced
        .headers_mut()
        .insert("traceparent", parent.parse().unwrap());
    send(&house.router, traced).await;
    let (kind, text) = scrape(
        &house.router,
        "application/openmetrics-text; escaping=allow-utf-8",
    )
    .await;
    assert!(kind.ends_with("escaping=allow-utf-8"), "{kind}");
    let exemplar = "# {trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"} ";
    assert!(text.contains(exemplar), "{text}");
    // The scrapes are in no trace that anyone keeps.
    let (_, text) = scrape(&house.router, "application/openmetrics-text").await;
    assert_eq!(text.matches("trace_id").count(), 1, "{text}");
}

#[tokio::test]
async fn of_traces_that_begin_here_the_share_that_was_asked_for_is_kept() {
    for (share, flags) in [(0.0, "00"), (1.0, "01")] {
        let (_stop, stopping) = watch::channel(false);
        let access = Access::new(TOKEN, Some(Role::Viewer));
        let gateway = Gateway::new("test", "1.2.3", access, Hosts::default(), stopping);
        let router = gateway.traces(share).into_router();
        let answer = send(&router, request(Method::GET, "/v1/caches", None)).await;
        let own = answer.headers()["traceparent"].to_str().unwrap();
        assert_eq!(&own[own.len() - 2..], flags, "{share}: {own}");
    }
}

/// A gateway whose clock is moved by hand, and a cache.
struct Timed {
    router: axum::Router,
    cache: Cache<u64, String>,
    clock: ManualClock,
    _stop: watch::Sender<bool>,
}

impl Timed {
    async fn start() -> Self {
        let clock = ManualClock::new();
        let registry = Registry::with(Limits::default(), clock.clock());
        let cache = Cache::builder("numbers").build().unwrap();
        let (stop, stopping) = watch::channel(false);
        let access = Access::new(TOKEN, Some(Role::Viewer));
        let gateway = Gateway::new("test", "1.2.3", access, Hosts::default(), stopping)
            .metrics(registry)
            .cache(cache.clone());
        let router = gateway.into_router();
        // From here on every recording is half a second away.
        tokio::time::sleep(Duration::from_millis(500)).await;
        Self {
            router,
            cache,
            clock,
            _stop: stop,
        }
    }

    /// One more second, of two misses.
    async fn second(&self) {
        self.cache.peek(&7);
        self.cache.peek(&8);
        self.clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    async fn post(&self, path: &str, body: Value, token: Option<&str>) -> (StatusCode, Value) {
        let mut request = request(Method::POST, path, token);
        let kind = "application/json".parse().unwrap();
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        *request.body_mut() = Body::from(body.to_string());
        json(send(&self.router, request).await).await
    }
}

#[tokio::test(start_paused = true)]
async fn the_history_has_each_second_and_nothing_while_metrics_are_off() {
    let timed = Timed::start().await;
    for _ in 0..3 {
        timed.second().await;
    }
    let off = json!({ "enabled": false });
    let (status, _) = timed.post("/v1/metrics/enabled", off.clone(), None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "it is for an admin");
    let (status, said) = timed
        .post("/v1/metrics/enabled", off.clone(), Some(TOKEN))
        .await;
    assert_eq!((status, &said), (StatusCode::OK, &off));
    assert_eq!(get(&timed.router, "/v1/metrics/enabled").await.1, off);
    for _ in 0..8 {
        timed.second().await;
    }
    let on = json!({ "enabled": true });
    timed.post("/v1/metrics/enabled", on, Some(TOKEN)).await;
    for _ in 0..3 {
        timed.second().await;
    }
    let path = "/v1/metrics/history?name=larder_cache_gets&range=14s&step=1s&tags=result=miss";
    let (status, history) = get(&timed.router, path).await;
    assert_eq!(status, StatusCode::OK, "{history}");
    assert_eq!(history["kind"], "counter");
    assert_eq!(
        (&history["step"], &history["points"]),
        (&json!(1), &json!(14))
    );
    let from = history["from"].as_u64().unwrap();
    assert_eq!(from, 1_767_225_600, "14 seconds ago");
    let series = history["series"].as_array().unwrap();
    assert_eq!(series.len(), 1);
    assert_eq!(
        series[0]["tags"],
        json!({"cache": "numbers", "result": "miss"})
    );
    let rates = series[0]["per_second"].as_array().unwrap();
    assert_eq!(rates.len(), 14);
    assert_eq!(rates[..3], [json!(2.0), json!(2.0), json!(2.0)]);
    assert_eq!(rates[4..12], vec![json!(null); 8], "{history}");
    assert_eq!(rates[12..], [json!(2.0), json!(2.0)]);
}

#[tokio::test(start_paused = true)]
async fn a_window_is_of_its_own_minutes_and_what_is_wrong_is_said() {
    let timed = Timed::start().await;
    let (status, begun) = get(&timed.router, "/v1/metrics?window=60m").await;
    assert_eq!(status, StatusCode::OK, "{begun}");
    for _ in 0..70 {
        timed.second().await;
    }
    let (status, window) = get(&timed.router, "/v1/metrics?window=1m").await;
    assert_eq!(status, StatusCode::OK, "{window}");
    assert_eq!(window["window"], "1m");
    let misses = "larder_cache_gets{cache=\"numbers\",result=\"miss\"}";
    let misses = &window["metrics"]["counters"][misses];
    assert_eq!(
        (&misses["value"], &misses["per_second"]),
        (&json!(120), &json!(2.0))
    );
    for (path, expected) in [
        ("/v1/metrics?window=7m", "expected 1m, 5m, 60m or 24h"),
        ("/v1/metrics?windows=1m", "expected nothing, or ?window=1m"),
        ("/v1/metrics/history", "expected ?name=METRIC"),
        (
            "/v1/metrics/history?name=a&since=b",
            "expected ?name=METRIC",
        ),
        ("/v1/metrics/history?name=a&step=0s", "step is \"0s\""),
        (
            "/v1/metrics/history?name=a&range=1h&step=1s",
            "at most 1000",
        ),
        ("/v1/metrics/history?name=a&tags=b", "expected KEY=VALUE"),
    ] {
        let (status, problem) = get(&timed.router, path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(expected), "{path}: {detail}");
    }
    for (range, step, columns) in [("1h", 60, 60), ("6h", 60, 360), ("24h", 240, 360)] {
        let path = format!("/v1/caches/numbers/latency?range={range}");
        let (_, latency) = get(&timed.router, &path).await;
        assert_eq!(latency["step_seconds"], step, "{range}");
        assert_eq!(latency["at"].as_array().unwrap().len(), columns, "{range}");
    }
    let path = "/v1/metrics/history?name=http_requests_total";
    assert_eq!(
        get(&timed.router, path).await.0,
        StatusCode::NOT_FOUND,
        "it has a series for each route"
    );
    let (status, problem) = get(&timed.router, "/v1/metrics/history?name=larder_cache_get").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("there are: http_answers"), "{detail}");
}
