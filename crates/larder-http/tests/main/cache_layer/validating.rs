//! Responses of which the service is asked whether they still hold.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use larder_http::CacheLayer;
use tower::{Layer as _, ServiceExt as _};

use super::{read, site};

/// RFC 9111 §4.3.4: a 304 with another strong validator is about another response, and MUST NOT renew
/// this one.
#[tokio::test]
async fn a_304_about_another_response_confirms_nothing() {
    for (stored, named, confirms) in [
        ("\"1\"", Some("\"1\""), true),
        ("\"1\"", Some("W/\"1\""), true),
        ("W/\"1\"", Some("W/\"1\""), true),
        ("\"1\"", None, true),
        ("\"1\"", Some("\"2\""), false),
        ("\"1\"", Some("W/\"2\""), false),
        ("W/\"1\"", Some("\"1\""), false),
    ] {
        let site = site(move |request: &Request, call| -> Response {
            let control = (header::CACHE_CONTROL, "max-age=10");
            if !request.headers().contains_key(header::IF_NONE_MATCH) {
                let fields = [control, (header::ETAG, stored)];
                return (fields, format!("whole {call}")).into_response();
            }
            let mut response = (StatusCode::NOT_MODIFIED, [control]).into_response();
            if let Some(named) = named {
                let named = named.parse().unwrap();
                response.headers_mut().insert(header::ETAG, named);
            }
            response
        });
        site.get("/").await;
        site.clock.advance(Duration::from_secs(10));
        let answer = site.get("/").await;
        let (body, calls) = if confirms {
            ("whole 1", 2)
        } else {
            ("whole 3", 3)
        };
        assert_eq!(answer.body, body, "{stored} {named:?}");
        assert_eq!(site.calls(), calls);
        assert_eq!(answer.told(), "larder/pages; fwd=stale; stored; ttl=10");
        assert_eq!(site.get("/").await.body, body);
    }
}

/// RFC 9111 §3.2: a 304 has no body, so what it says of one is not of the stored one.
#[tokio::test]
async fn a_304_does_not_say_how_the_stored_body_is_coded() {
    let site = site(|request: &Request, _| -> Response {
        let fields = [
            (header::CACHE_CONTROL, "max-age=10"),
            (header::ETAG, "\"1\""),
        ];
        if request.headers().contains_key(header::IF_NONE_MATCH) {
            let coded = [(header::CONTENT_ENCODING, "gzip")];
            return (StatusCode::NOT_MODIFIED, fields, coded).into_response();
        }
        (fields, "plain").into_response()
    });
    site.get("/").await;
    site.clock.advance(Duration::from_secs(10));
    let answer = site.get("/").await;
    assert_eq!(
        (answer.body.as_str(), answer.header("content-encoding")),
        ("plain", "")
    );
    assert_eq!(site.calls(), 2);
}

/// RFC 9110 §8.6: a 204 has no `Content-Length`. The layer stands outside of the router here, which would
/// add one.
#[tokio::test]
async fn head_of_a_stored_204_has_no_length() {
    let control = [(header::CACHE_CONTROL, "max-age=60")];
    let handler = move || async move { (StatusCode::NO_CONTENT, control) };
    let cache = larder::Cache::builder("pages").build().unwrap();
    let service = CacheLayer::new(cache).layer(Router::new().fallback(handler));
    let send = async |method: &str| {
        let request = Request::builder().method(method).uri("/");
        let request = request.body(Body::empty()).unwrap();
        read(service.clone().oneshot(request).await.unwrap()).await
    };
    send("GET").await;
    let head = send("HEAD").await;
    assert_eq!(head.status, 204);
    assert_eq!(head.told(), "larder/pages; hit; ttl=60");
    assert!(!head.headers.contains_key(header::CONTENT_LENGTH));
}
