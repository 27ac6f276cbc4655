//! What is stored, and what is not.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use larder_http::CacheTags;

use super::{site, site_of, site_with};

#[tokio::test]
async fn a_response_is_stored_for_as_long_as_it_says() {
    let site = site_of("max-age=60, s-maxage=30");
    let first = site.get("/").await;
    assert_eq!(first.told(), "larder/pages; fwd=miss; stored; ttl=30");
    assert_eq!((first.body.as_str(), first.header("age")), ("1", "0"));
    site.clock.advance(Duration::from_secs(29));
    let second = site.get("/").await;
    assert_eq!(second.told(), "larder/pages; hit; ttl=1");
    assert_eq!((second.body.as_str(), second.header("age")), ("1", "29"));
    site.clock.advance(Duration::from_secs(1));
    assert_eq!(site.get("/").await.body, "2");
}

/// I8
#[tokio::test]
async fn what_is_for_one_client_or_for_none_to_keep_is_not_stored() {
    for (name, value) in [
        ("cache-control", "private, max-age=60"),
        ("cache-control", "no-store, max-age=60"),
        ("cache-control", "private=\"set-cookie\", max-age=60"),
        ("set-cookie", "session=1"),
        ("vary", "*"),
        ("vary", "accept, *"),
        ("content-range", "bytes 0-1/2"),
        ("content-type", "text/event-stream; charset=utf-8"),
    ] {
        let site = site(move |_: &Request, call| {
            let mut response = call.to_string().into_response();
            let headers = response.headers_mut();
            headers.insert(header::CACHE_CONTROL, "max-age=60".parse().unwrap());
            headers.insert(name, value.parse().unwrap());
            response
        });
        assert_eq!(site.get("/").await.told(), "larder/pages; fwd=miss");
        assert_eq!(site.get("/").await.body, "2", "{name}: {value}");
    }
}

/// RFC 9111 §4.2.1, §5.3
#[tokio::test]
async fn what_cannot_be_read_counts_as_stale_and_what_varies_by_too_much_is_not_stored() {
    let many: Vec<_> = (0..17).map(|n| format!("x-{n}")).collect();
    for (name, value) in [
        ("expires", "0".to_owned()),
        ("expires", "tomorrow".to_owned()),
        ("vary", many.join(", ")),
    ] {
        let site = site_with(
            |layer| layer.default_ttl(Duration::from_mins(1)),
            move |_: &Request, call| ([(name, value.clone())], call.to_string()),
        );
        site.get("/").await;
        assert_eq!(site.get("/").await.body, "2", "{name}");
    }
}

#[tokio::test]
async fn only_some_statuses_are_stored_and_errors_never() {
    for (status, is_stored) in [
        (200, true),
        (203, true),
        (204, true),
        (300, true),
        (301, true),
        (404, true),
        (410, true),
        (201, false),
        (206, false),
        (302, false),
        (400, false),
        (401, false),
        (403, false),
        (429, false),
        (500, false),
        (503, false),
    ] {
        let site = site(move |_: &Request, _| {
            let status = StatusCode::from_u16(status).unwrap();
            (status, [(header::CACHE_CONTROL, "max-age=60")])
        });
        assert_eq!(site.get("/").await.status, status);
        assert_eq!(site.get("/").await.status, status);
        let calls = if is_stored { 1 } else { 2 };
        assert_eq!(site.calls(), calls, "{status}");
    }
}

#[tokio::test]
async fn what_says_nothing_is_stored_only_if_the_layer_is_told_for_how_long() {
    let silent = |_: &Request, call: usize| call.to_string();
    let without = site(silent);
    without.get("/").await;
    assert_eq!(without.get("/").await.body, "2");

    let with = site_with(|layer| layer.default_ttl(Duration::from_secs(5)), silent);
    with.get("/").await;
    assert_eq!(with.get("/").await.told(), "larder/pages; hit; ttl=5");
}

#[tokio::test]
async fn a_body_over_the_limit_streams_through_as_it_came_and_is_not_stored() {
    let chunks = |_: &Request, _| {
        let chunks = (0..10).map(|n| Ok::<_, std::io::Error>(Bytes::from(vec![b'0' + n; 100])));
        let body = Body::from_stream(futures_util::stream::iter(chunks));
        ([(header::CACHE_CONTROL, "max-age=60")], body)
    };
    let whole: String = (0..10).map(|n: u8| n.to_string().repeat(100)).collect();
    for (max, calls) in [(999, 2), (1_000, 1)] {
        let site = site_with(|layer| layer.max_body(max), chunks);
        assert_eq!(site.get("/").await.body, whole);
        assert_eq!(site.get("/").await.body, whole);
        assert_eq!(site.calls(), calls, "{max}");
    }
}

/// The first part of an endless body reaches its client; the layer does not wait for its end.
#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_end_reaches_its_client() {
    use futures_util::StreamExt as _;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    let endless = |_: &Request, _| {
        let first = futures_util::stream::iter([Ok::<_, std::io::Error>("first")]);
        let body = Body::from_stream(first.chain(futures_util::stream::pending()));
        ([(header::CACHE_CONTROL, "max-age=60")], body)
    };
    let site = site(endless);
    let request = Request::builder().uri("/").body(Body::empty()).unwrap();
    let response = site.router.clone().oneshot(request).await.unwrap();
    let frame = response.into_body().frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "first");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_stored() {
    use tower::ServiceExt as _;

    let broken = |_: &Request, _| {
        let parts = [Ok("half"), Err(std::io::Error::other("cut"))];
        let body = Body::from_stream(futures_util::stream::iter(parts));
        Response::builder()
            .header(header::CACHE_CONTROL, "max-age=60")
            .body(body)
            .unwrap()
    };
    let site = site(broken);
    for call in 1..=2 {
        let request = Request::builder().uri("/").body(Body::empty()).unwrap();
        let response = site.router.clone().oneshot(request).await.unwrap();
        assert!(
            axum::body::to_bytes(response.into_body(), 99)
                .await
                .is_err()
        );
        assert_eq!(site.calls(), call);
    }
}

/// RFC 9111 §3.3: what is shorter than it says has broken off.
#[tokio::test]
async fn a_body_that_is_shorter_than_its_length_is_not_stored() {
    for (length, is_stored) in [("4", true), ("5", false), ("3", false), ("x", false)] {
        let site = site(move |_: &Request, _| {
            let body = Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(
                "half",
            )]));
            let fields = [
                (header::CACHE_CONTROL, "max-age=60"),
                (header::CONTENT_LENGTH, length),
            ];
            (fields, body)
        });
        for _ in 0..2 {
            assert_eq!(site.get("/").await.body, "half");
        }
        assert_eq!(site.calls() == 1, is_stored, "{length}");
    }
}

/// RFC 9111 §5.2: what cannot be read is not for everybody.
#[tokio::test]
async fn a_directive_behind_a_quote_that_does_not_end_is_not_overlooked() {
    for control in [
        r#"max-age=60, x="a, private"#,
        r#"max-age=60, x="a\", private"#,
        r#"max-age=60, x=a"b, private, y=c"d"#,
        r#"max-age=60, x="a"b, private, y="c""#,
    ] {
        let site = site_of(control);
        site.get("/").await;
        assert_eq!(site.get("/").await.body, "2", "{control}");
    }
}

#[tokio::test]
async fn a_response_is_invalidated_by_its_tags() {
    let site = site(|_: &Request, call| {
        let tags = axum::Extension(CacheTags::new(["team:7"]));
        (
            tags,
            [(header::CACHE_CONTROL, "max-age=60")],
            call.to_string(),
        )
    });
    site.get("/").await;
    site.cache.invalidate_tag("team:8").await.unwrap();
    assert_eq!(site.get("/").await.body, "1");
    site.cache.invalidate_tag("team:7").await.unwrap();
    assert_eq!(site.get("/").await.body, "2");
}

#[tokio::test]
async fn a_response_with_more_tags_than_are_kept_is_served_and_not_stored() {
    let site = site(|_: &Request, call| {
        let tags = CacheTags::new((0..61).map(|n| n.to_string()));
        let control = [(header::CACHE_CONTROL, "max-age=60")];
        (axum::Extension(tags), control, call.to_string())
    });
    assert_eq!(site.get("/").await.body, "1");
    assert_eq!(site.get("/").await.body, "2");
}

#[tokio::test]
async fn what_is_stored_comes_back_whole_from_a_disk() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        larder::Cache::<String, larder_http::CachedResponse>::builder("pages")
            .disk(larder::Disk::at(directory.path()))
            .build()
            .unwrap()
    };
    let router = |cache, answer: &'static str| {
        let fields = [
            (header::CACHE_CONTROL, "max-age=600"),
            (header::CONTENT_TYPE, "text/x"),
            (header::VARY, "accept"),
        ];
        let handler = move || async move { (fields, answer) };
        axum::Router::new()
            .fallback(handler)
            .layer(larder_http::CacheLayer::new(cache))
    };
    let ask = |router: axum::Router| async {
        use tower::ServiceExt as _;
        let request = Request::builder().uri("/").body(Body::empty()).unwrap();
        super::read(router.oneshot(request).await.unwrap()).await
    };
    let cache = open();
    ask(router(cache.clone(), "first")).await;
    cache.close().await.unwrap();
    drop(cache);
    let again = ask(router(open(), "second")).await;
    assert_eq!(
        (again.body.as_str(), again.header("content-type")),
        ("first", "text/x")
    );
    assert!(
        again.told().starts_with("larder/pages; hit; ttl="),
        "{}",
        again.told()
    );
}
