//! What services bring.

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use larder_http::{Access, Gateway, Hosts, Mount, Role};
use tokio::sync::watch;

use super::{TOKEN, json, request, send};

fn routes() -> Mount {
    let answer = || async { "served" };
    Mount::new()
        .open(Router::new().route("/open", post(answer)))
        .reads(Router::new().route("/things/{id}", get(answer)))
        .changes(Router::new().route("/things/{id}", post(answer)))
        .administration(Router::new().route("/reset", post(answer)))
        .streams(Router::new().route("/stream", get(answer)))
}

/// A gateway whose operator has a token of another issuer.
fn gateway() -> Gateway {
    let access = Access::new(TOKEN, None).issuer(|token| match token.strip_prefix("jwt.") {
        Some("operator") => Some(Ok(Role::Operator)),
        Some(_) => Some(Err("this token has expired".to_owned())),
        None => None,
    });
    let (_, stopping) = watch::channel(false);
    Gateway::new("test", "1.2.3", access, Hosts::default(), stopping)
}

#[tokio::test]
async fn each_route_of_a_service_asks_for_its_role() {
    let router = gateway().mount(routes()).into_router();
    let statuses = async |method: Method, path: &str| {
        let mut statuses = Vec::new();
        for token in [None, Some("jwt.operator"), Some(TOKEN)] {
            let answer = send(&router, request(method.clone(), path, token)).await;
            statuses.push(answer.status().as_u16());
        }
        statuses
    };
    assert_eq!(statuses(Method::POST, "/open").await, [200, 200, 200]);
    assert_eq!(statuses(Method::GET, "/things/7").await, [401, 200, 200]);
    assert_eq!(statuses(Method::POST, "/things/7").await, [401, 200, 200]);
    assert_eq!(statuses(Method::POST, "/reset").await, [401, 403, 200]);
    assert_eq!(statuses(Method::GET, "/stream").await, [401, 200, 200]);
}

/// An answer is what it says that it is, whatever it looks like.
#[tokio::test]
async fn no_browser_guesses_what_an_answer_is() {
    let router = gateway().mount(routes()).into_router();
    for path in [
        "/",
        "/docs/",
        "/openapi.json",
        "/v1/caches",
        "/nothing",
        "/things/7",
    ] {
        for token in [None, Some(TOKEN)] {
            let answer = send(&router, request(Method::GET, path, token)).await;
            assert_eq!(
                answer.headers()["x-content-type-options"],
                "nosniff",
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn a_token_that_its_issuer_refuses_is_told_why() {
    let router = gateway().mount(routes()).into_router();
    let refused = send(&router, request(Method::GET, "/things/7", Some("jwt.old"))).await;
    let (status, problem) = json(refused).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(problem["detail"], "this token has expired");
}

#[tokio::test]
async fn a_token_that_is_not_good_keeps_nobody_from_getting_another() {
    let router = gateway().mount(routes()).into_router();
    let asked = send(&router, request(Method::POST, "/open", Some("jwt.old"))).await;
    assert_eq!(asked.status(), StatusCode::OK);
    let elsewhere = send(&router, request(Method::GET, "/nowhere", Some("jwt.old"))).await;
    assert_eq!(elsewhere.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_stream_takes_its_token_from_the_query() {
    let router = gateway().mount(routes()).into_router();
    let path = "/stream?x=1&access_token=jwt.operator";
    let answer = send(&router, request(Method::GET, path, None)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let path = "/stream?access_token=guessed";
    let answer = send(&router, request(Method::GET, path, None)).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

/// I3
#[tokio::test]
async fn requests_are_counted_by_the_routes_template_and_never_by_the_path() {
    let gateway = gateway();
    let registry = gateway.registry();
    let router = gateway.mount(routes()).into_router();
    for path in ["/things/1", "/things/2", "/nowhere/a", "/nowhere/b"] {
        send(&router, request(Method::GET, path, Some(TOKEN))).await;
    }
    send(&router, request(Method::GET, "/things/3", None)).await;
    let snapshot = registry.snapshot();
    let counted = |endpoint, status| {
        let tags = [
            ("method", "GET"),
            ("endpoint", endpoint),
            ("status", status),
        ];
        snapshot.counter("http_requests_total", &tags)
    };
    assert_eq!(counted("/things/{id}", "200"), Some(2));
    assert_eq!(counted("/things/{id}", "401"), Some(1));
    assert_eq!(counted("/{*path}", "404"), Some(2));
    let tags = [("method", "GET"), ("endpoint", "/things/{id}")];
    let timing = snapshot.timing("http_request_duration_seconds", &tags);
    assert_eq!(timing.map(larder_metrics::TimingSnapshot::count), Some(3));
}

#[tokio::test]
async fn the_page_of_the_routes_is_served_without_anything_from_elsewhere() {
    let router = gateway().mount(routes()).into_router();
    let document = send(&router, request(Method::GET, "/openapi.json", None)).await;
    let (status, document) = json(document).await;
    assert_eq!(status, StatusCode::OK);
    assert!(document["paths"]["/v1/caches"]["get"].is_object());
    let page = send(&router, request(Method::GET, "/docs/", None)).await;
    assert_eq!(page.status(), StatusCode::OK);
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    let page = http_body_util::BodyExt::collect(page.into_body())
        .await
        .unwrap();
    let page = String::from_utf8(page.to_bytes().to_vec()).unwrap();
    assert!(
        !page.contains("http://") && !page.contains("https://"),
        "{page}"
    );
}
