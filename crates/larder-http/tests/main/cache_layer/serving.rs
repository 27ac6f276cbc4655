//! How what is stored is served: to whom, for how long, in which form.

use std::time::Duration;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::{Site, site, site_of, site_with, until};

#[tokio::test]
async fn a_client_that_has_it_is_told_so() {
    let site = site(|_: &Request, call| {
        let fields = [
            (header::CACHE_CONTROL, "max-age=60"),
            (header::CONTENT_TYPE, "text/x"),
            (header::LAST_MODIFIED, "Sun, 06 Nov 1994 08:49:37 GMT"),
        ];
        (fields, call.to_string())
    });
    let first = site.get_with(&[]).await;
    let etag = first.header("etag").to_owned();
    assert!(etag.starts_with("W/\""), "{etag}");
    let same = format!("\"other\", {etag}");
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let before = "Sun, 06 Nov 1994 08:49:36 GMT";
    for (headers, is_known) in [
        (vec![("if-none-match", same.as_str())], true),
        (vec![("if-none-match", "*")], true),
        (vec![("if-none-match", "\"other\"")], false),
        (vec![("if-modified-since", date)], true),
        (vec![("if-modified-since", before)], false),
        (
            vec![("if-none-match", "\"other\""), ("if-modified-since", date)],
            false,
        ),
    ] {
        let answer = site.get_with(&headers).await;
        let (status, body) = if is_known { (304, "") } else { (200, "1") };
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str()),
            (status, body),
            "{headers:?}"
        );
        assert_eq!(answer.header("content-type").is_empty(), is_known);
        assert_eq!(
            (answer.header("etag"), answer.header("age")),
            (etag.as_str(), "0")
        );
    }
    assert_eq!(site.calls(), 1);
}

/// The service is asked for the whole: what it says is for others too.
#[tokio::test]
async fn a_condition_of_the_client_that_misses_does_not_reach_the_service() {
    let site = site(|request: &Request, _| {
        if request.headers().contains_key(header::IF_NONE_MATCH) {
            return StatusCode::NOT_MODIFIED.into_response();
        }
        let fields = [
            (header::CACHE_CONTROL, "max-age=60"),
            (header::ETAG, "\"1\""),
        ];
        (fields, "whole").into_response()
    });
    assert_eq!(
        site.get_with(&[("if-none-match", "\"1\"")]).await.status,
        304
    );
    assert_eq!(site.get_with(&[]).await.body, "whole");
    assert_eq!(site.calls(), 1);
}

#[tokio::test]
async fn head_is_answered_from_a_get_and_stores_nothing() {
    let site = site_of("max-age=60");
    site.send("HEAD", "/", &[]).await;
    site.send("HEAD", "/", &[]).await;
    assert_eq!(site.calls(), 2);
    site.send("GET", "/", &[]).await;
    let head = site.send("HEAD", "/", &[]).await;
    assert_eq!(
        (head.body.as_str(), head.header("content-length")),
        ("", "1")
    );
    assert_eq!(
        (head.told(), site.calls()),
        ("larder/pages; hit; ttl=60", 3)
    );
}

#[tokio::test]
async fn requests_whose_fields_differ_get_what_was_made_for_them() {
    let site = site(|request: &Request, call| {
        let text = |name: &str| {
            let lines = request.headers().get_all(name).iter();
            lines
                .map(|line| line.to_str().unwrap())
                .collect::<Vec<_>>()
                .join("+")
        };
        // What it varies by depends on what was asked for.
        let vary = if text("accept") == "x" {
            "accept, accept-language"
        } else {
            "Accept"
        };
        let fields = [(header::CACHE_CONTROL, "max-age=60"), (header::VARY, vary)];
        (
            fields,
            format!("{call}:{}:{}", text("accept"), text("accept-language")),
        )
    });
    let twice = async |headers: &[(&str, &str)]| {
        let (one, two) = (site.get_with(headers).await, site.get_with(headers).await);
        assert_eq!(one.body, two.body);
        assert!(two.told().contains("hit"), "{}", two.told());
        one.body
    };
    assert_eq!(twice(&[("accept", "y")]).await, "1:y:");
    assert_eq!(twice(&[]).await, "2::");
    assert_eq!(
        twice(&[("accept", "x"), ("accept-language", "de")]).await,
        "3:x:de"
    );
    assert_eq!(
        twice(&[("accept", "x"), ("accept-language", "en")]).await,
        "4:x:en"
    );
    // Lines of a field are one value, in their order (http-cache-semantics #29).
    assert_eq!(twice(&[("accept", "y"), ("accept", "z")]).await, "5:y+z:");
    assert_eq!(twice(&[("accept", "y")]).await, "1:y:");
}

#[tokio::test]
async fn hosts_paths_and_queries_are_kept_apart() {
    let site = site_of("max-age=60");
    let places = [
        ("a", "/"),
        ("b", "/"),
        ("a", "/?x=1"),
        ("a", "/?x=2"),
        ("a", "/x"),
    ];
    for round in 0..2 {
        for (n, (host, path)) in places.iter().enumerate() {
            let answer = site.send("GET", path, &[("host", host)]).await;
            assert_eq!(
                answer.body,
                (n + 1).to_string(),
                "{host}{path} in round {round}"
            );
        }
    }
}

/// A router that strips a prefix shows the service within only the rest of the path.
#[tokio::test]
async fn routes_under_different_prefixes_are_kept_apart() {
    use axum::Router;
    use tower::ServiceExt as _;

    let cache = larder::Cache::builder("pages").build().unwrap();
    let layer = larder_http::CacheLayer::new(cache);
    let part = |text: &'static str| {
        let handler = move || async move { ([(header::CACHE_CONTROL, "max-age=60")], text) };
        Router::new()
            .route("/list", axum::routing::get(handler))
            .layer(layer.clone())
    };
    let router = Router::new().nest("/a", part("a")).nest("/b", part("b"));
    for path in ["/a/list", "/b/list", "/a/list"] {
        let request = Request::builder().uri(path).body(axum::body::Body::empty());
        let answer = super::read(router.clone().oneshot(request.unwrap()).await.unwrap()).await;
        assert_eq!(answer.body, path[1..2], "{path}");
    }
}

/// A service that answers until call `last`, and fails from then on.
fn failing_after(last: usize, control: &'static str) -> Site {
    site(move |_: &Request, call| -> Response {
        if call > last {
            return (StatusCode::SERVICE_UNAVAILABLE, "down").into_response();
        }
        ([(header::CACHE_CONTROL, control)], call.to_string()).into_response()
    })
}

#[tokio::test]
async fn a_stale_response_stands_in_for_a_service_that_fails_as_long_as_it_says() {
    let site = failing_after(1, "max-age=10, stale-if-error=60");
    site.get("/").await;
    site.clock.advance(Duration::from_secs(69));
    let stale = site.get("/").await;
    assert_eq!((stale.status.as_u16(), stale.body.as_str()), (200, "1"));
    assert_eq!(
        stale.told(),
        "larder/pages; fwd=stale; fwd-status=503; ttl=-59"
    );
    site.clock.advance(Duration::from_secs(1));
    assert_eq!(site.get("/").await.status, 503);
}

#[tokio::test]
async fn nothing_stale_is_served_where_that_is_forbidden() {
    for control in [
        "max-age=10, stale-if-error=60, must-revalidate",
        "max-age=10, stale-while-revalidate=60, proxy-revalidate",
        "max-age=10",
        "no-cache, stale-if-error=60",
    ] {
        let site = failing_after(1, control);
        site.get("/").await;
        site.clock.advance(Duration::from_secs(11));
        assert_eq!(site.get("/").await.status, 503, "{control}");
    }
}

#[tokio::test]
async fn a_stale_response_is_served_while_one_request_fetches_it_anew() {
    let site = site_of("max-age=10, stale-while-revalidate=60");
    site.get("/").await;
    site.clock.advance(Duration::from_secs(11));
    let stale = site.get("/").await;
    assert_eq!(
        (stale.body.as_str(), stale.told()),
        ("1", "larder/pages; hit; ttl=-1")
    );
    assert_eq!(site.get("/").await.body, "1");
    // On this runtime's one thread the refresh runs where this task lets it.
    until(|| site.cache.stats().loads == 2).await;
    assert_eq!(site.get("/").await.told(), "larder/pages; hit; ttl=10");
    assert_eq!(site.calls(), 2);
}

#[tokio::test]
async fn a_service_that_can_tell_is_asked_only_whether_it_still_holds() {
    let site = site(|request: &Request, call| -> Response {
        let fields = [
            (
                header::CACHE_CONTROL,
                if call < 3 { "max-age=10" } else { "max-age=99" },
            ),
            (header::ETAG, "\"1\""),
        ];
        let known = request.headers().get(header::IF_NONE_MATCH);
        match known.map(|known| known.to_str().unwrap()) {
            Some("\"1\"") if call < 4 => (StatusCode::NOT_MODIFIED, fields).into_response(),
            _ => (fields, format!("whole {call}")).into_response(),
        }
    });
    assert_eq!(site.get("/").await.body, "whole 1");
    for (call, ttl) in [(2, 10), (3, 99)] {
        site.clock.advance(Duration::from_secs(10));
        let answer = site.get("/").await;
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str()),
            (200, "whole 1")
        );
        assert_eq!(
            answer.told(),
            format!("larder/pages; fwd=stale; stored; ttl={ttl}")
        );
        assert_eq!(site.calls(), call);
    }
    site.clock.advance(Duration::from_secs(99));
    assert_eq!(site.get("/").await.body, "whole 4");
}

#[tokio::test]
async fn no_cache_is_asked_for_each_time() {
    for control in ["no-cache", "no-cache, max-age=60"] {
        let site = site(move |request: &Request, _| -> Response {
            let fields = [(header::CACHE_CONTROL, control), (header::ETAG, "\"1\"")];
            if request.headers().contains_key(header::IF_NONE_MATCH) {
                return (StatusCode::NOT_MODIFIED, fields).into_response();
            }
            (fields, "whole").into_response()
        });
        for call in 1..4 {
            assert_eq!(site.get("/").await.body, "whole");
            assert_eq!(site.calls(), call, "{control}");
        }
    }
}

#[tokio::test]
async fn a_client_s_directives_count_only_if_the_layer_is_told_so() {
    let ask = async |site: &Site, control: &str| {
        let answer = site.get_with(&[("cache-control", control)]).await;
        (answer.status.as_u16(), answer.body)
    };
    let fixed = site_of("max-age=60");
    assert_eq!(ask(&fixed, "only-if-cached").await, (200, "1".into()));
    for control in ["no-cache", "no-store", "max-age=0", "min-fresh=99"] {
        assert_eq!(ask(&fixed, control).await, (200, "1".into()), "{control}");
    }

    let site = site_with(
        |layer| layer.client_directives(true),
        |_: &Request, call: usize| ([(header::CACHE_CONTROL, "max-age=60")], call.to_string()),
    );
    assert_eq!(ask(&site, "only-if-cached").await.0, 504);
    assert_eq!(ask(&site, "").await, (200, "1".into()));
    assert_eq!(ask(&site, "only-if-cached").await, (200, "1".into()));
    assert_eq!(ask(&site, "no-cache").await, (200, "2".into()));
    assert_eq!(ask(&site, "").await, (200, "2".into()));
    site.clock.advance(Duration::from_secs(30));
    assert_eq!(ask(&site, "max-age=30").await, (200, "2".into()));
    assert_eq!(ask(&site, "max-age=29").await, (200, "3".into()));
    assert_eq!(ask(&site, "min-fresh=60").await, (200, "3".into()));
    assert_eq!(ask(&site, "min-fresh=61").await, (200, "4".into()));
    assert_eq!(ask(&site, "no-store").await, (200, "5".into()));
    assert_eq!(ask(&site, "").await, (200, "4".into()));
}

#[tokio::test]
async fn fields_for_one_connection_are_not_stored() {
    let site = site(|_: &Request, call| {
        let fields = [
            ("cache-control", "max-age=60"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("x-own", "1"),
        ];
        (fields, call.to_string())
    });
    for _ in 0..2 {
        let answer = site.get("/").await;
        let names = ["connection", "x-hop", "keep-alive", "x-own"];
        assert_eq!(names.map(|name| answer.header(name)), ["", "", "", "1"]);
    }
}
