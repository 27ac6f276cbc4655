//! Requests that change something.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use larder::Cache;
use larder_http::CacheLayer;
use tokio::sync::oneshot;
use tower::ServiceExt as _;

use super::{Site, read, site, until};

/// GET answers with the number of the call, what changes with this status.
fn changed_with(status: u16) -> Site {
    site(move |request: &Request, call| -> Response {
        if request.method().is_safe() {
            let fields = [
                (header::CACHE_CONTROL, "max-age=60"),
                (header::VARY, "accept"),
            ];
            return (fields, call.to_string()).into_response();
        }
        StatusCode::from_u16(status).unwrap().into_response()
    })
}

#[tokio::test]
async fn a_change_invalidates_every_variant_of_its_url_and_of_no_other() {
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let site = changed_with(204);
        let ask = async |path: &str, accept: &str| {
            let headers = [("host", "shop"), ("accept", accept)];
            site.send("GET", path, &headers).await.body
        };
        assert_eq!(ask("/a", "x").await, "1");
        assert_eq!(ask("/a", "y").await, "2");
        assert_eq!(ask("/b", "x").await, "3");
        site.send(method, "/a", &[("host", "shop")]).await;
        assert_eq!(ask("/a", "x").await, "5", "{method}");
        assert_eq!(ask("/a", "y").await, "6", "{method}");
        assert_eq!(ask("/b", "x").await, "3", "{method}");
    }
}

#[tokio::test]
async fn a_change_that_was_refused_invalidates_nothing_and_one_that_failed_does() {
    for (status, body) in [(303, "3"), (500, "3"), (400, "1"), (403, "1"), (409, "1")] {
        let site = changed_with(status);
        site.get("/").await;
        site.send("POST", "/", &[("host", "shop"), ("authorization", "x")])
            .await;
        assert_eq!(site.get("/").await.body, body, "{status}");
    }
}

#[tokio::test]
async fn a_request_that_only_asks_invalidates_nothing() {
    let site = changed_with(200);
    site.get("/").await;
    for method in ["OPTIONS", "HEAD", "TRACE"] {
        site.send(method, "/", &[("host", "shop")]).await;
    }
    assert_eq!(site.get("/").await.body, "1");
}

/// The answer to a GET that began before a change must not be stored after it.
///
/// C1
#[tokio::test]
async fn a_get_under_way_during_a_change_is_not_stored() {
    let (reached, at_service) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let turn = std::sync::Mutex::new(Some((reached, may_go_on)));
    let turn = std::sync::Arc::new(turn);
    let handler = move |request: Request| {
        let turn = turn
            .lock()
            .unwrap()
            .take()
            .filter(|_| request.method() == Method::GET);
        async move {
            let text = match turn {
                Some((reached, may_go_on)) => {
                    reached.send(()).unwrap();
                    may_go_on.await.unwrap();
                    "old"
                }
                None => "new",
            };
            (
                [
                    (header::CACHE_CONTROL, "max-age=60"),
                    (header::VARY, "accept"),
                ],
                text,
            )
        }
    };
    let cache = Cache::builder("pages").build().unwrap();
    let router = Router::new()
        .fallback(handler)
        .layer(CacheLayer::new(cache));
    let send = |method: &str, accept: &str| {
        let request = Request::builder().method(method).uri("/");
        let request = request.header(header::ACCEPT, accept).body(Body::empty());
        router.clone().oneshot(request.unwrap())
    };
    let under_way = tokio::spawn(send("GET", "x"));
    at_service.await.unwrap();
    send("PUT", "x").await.unwrap();
    go_on.send(()).unwrap();
    assert_eq!(read(under_way.await.unwrap().unwrap()).await.body, "old");
    // Another variant's response brings it back by what they vary.
    for accept in ["y", "x"] {
        let answer = read(send("GET", accept).await.unwrap()).await;
        assert_eq!(answer.body, "new", "{accept}");
    }
}

/// Nobody knows how far a change came whose client went away.
#[tokio::test]
async fn a_change_that_is_dropped_half_way_invalidates() {
    let handler = |request: Request| async move {
        if request.method() == Method::POST {
            std::future::pending::<()>().await;
        }
        ([(header::CACHE_CONTROL, "max-age=60")], "page")
    };
    let cache = Cache::builder("pages").build().unwrap();
    let layer = CacheLayer::new(cache.clone());
    let router = Router::new().fallback(handler).layer(layer);
    let send = |method: &str| {
        let request = Request::builder()
            .method(method)
            .uri("/")
            .body(Body::empty());
        router.clone().oneshot(request.unwrap())
    };
    send("GET").await.unwrap();
    let posting = tokio::spawn(send("POST"));
    tokio::task::yield_now().await;
    posting.abort();
    assert!(posting.await.unwrap_err().is_cancelled());
    until(|| cache.stats().invalidations == 1).await;
    let again = read(send("GET").await.unwrap()).await;
    assert_eq!(again.told(), "larder/pages; fwd=miss; stored; ttl=60");
}

/// RFC 3986 §6.2.2 and §6.2.3: they are the same URL. A service may tell them apart, so responses to GET
/// are kept apart all the same.
#[tokio::test]
async fn a_change_invalidates_its_url_however_that_is_written() {
    for (host, path, changed_host, changed_path) in [
        ("shop", "/items/A", "shop", "/items/%41"),
        ("shop", "/items/%41", "shop", "/items/A"),
        ("shop", "/a%2fb", "shop", "/a%2Fb"),
        ("shop", "/?x=%7e", "shop", "/?x=~"),
        ("shop", "/\u{f6}", "shop", "/%C3%B6"),
        ("shop", "/", "SHOP:80", "/"),
        ("shop:443", "/", "shop", "/"),
    ] {
        let site = changed_with(204);
        let get = async || site.send("GET", path, &[("host", host)]).await.body;
        assert_eq!(get().await, "1");
        site.send("PUT", changed_path, &[("host", changed_host)])
            .await;
        assert_eq!(get().await, "3", "{changed_host}{changed_path}");
    }
    let site = changed_with(204);
    assert_eq!(site.get("/items/A").await.body, "1");
    assert_eq!(site.get("/items/%41").await.body, "2");
}

/// RFC 9112 §3.2.2
#[tokio::test]
async fn a_change_whose_target_and_host_differ_invalidates_both() {
    let site = changed_with(204);
    let get = async |host: &str| site.send("GET", "/p", &[("host", host)]).await.body;
    assert_eq!(get("one").await, "1");
    assert_eq!(get("two").await, "2");
    site.send("PUT", "http://one/p", &[("host", "two")]).await;
    assert_eq!(get("one").await, "4");
    assert_eq!(get("two").await, "5");
}
