//! `/v1/metrics`.

use axum::http::{Method, StatusCode, header};
use http_body_util::BodyExt;
use larder_http::Role;

use super::{get, house, request, send};

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
