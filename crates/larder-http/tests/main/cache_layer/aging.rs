//! How old a response is, and for how long it is fresh, by what it says of itself (RFC 9111 §4.2).

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use larder::ManualClock;
use proptest::prelude::*;

use super::{Site, site, site_with};

/// The tests' clock begins at midnight.
const MIDNIGHT: &str = "Thu, 01 Jan 2026 00:00:00 GMT";
const BEFORE: &str = "Wed, 31 Dec 2025 23:59:30 GMT";
const AFTER: &str = "Thu, 01 Jan 2026 00:00:30 GMT";

fn says(fields: &'static [(&'static str, &'static str)]) -> Site {
    site(move |_: &Request, call| {
        let mut response = call.to_string().into_response();
        for &(name, value) in fields {
            let value = HeaderValue::from_static(value);
            response.headers_mut().append(name, value);
        }
        response
    })
}

/// RFC 9111 §4.2.3: `apparent_age`, and `Age` where that is more.
#[tokio::test]
async fn a_response_is_as_old_as_its_date_or_its_age_says() {
    let young: &[(&str, &str)] = &[("cache-control", "max-age=60")];
    let dated: &[_] = &[("cache-control", "max-age=60"), ("date", BEFORE)];
    let both: &[_] = &[
        ("cache-control", "max-age=60"),
        ("date", BEFORE),
        ("age", "40"),
    ];
    let ahead: &[_] = &[("cache-control", "max-age=60"), ("date", AFTER)];
    let unread: &[_] = &[("cache-control", "max-age=60"), ("date", "soon")];
    let listed: &[_] = &[
        ("cache-control", "max-age=60"),
        ("age", "7, 50"),
        ("age", "9"),
    ];
    let no_age: &[_] = &[("cache-control", "max-age=60"), ("age", "-1")];
    for (fields, age) in [
        (young, 0),
        (dated, 30),
        (both, 40),
        (ahead, 0),
        (unread, 0),
        (listed, 7),
        (no_age, 0),
    ] {
        let site = says(fields);
        let answer = site.get("/").await;
        assert_eq!(answer.header("age"), age.to_string(), "{fields:?}");
        let told = format!("larder/pages; fwd=miss; stored; ttl={}", 60 - age);
        assert_eq!(answer.told(), told, "{fields:?}");
    }
}

/// RFC 9111 §4.2.3: `response_delay`. What the service read, it may have read at once.
#[tokio::test]
async fn a_response_ages_while_the_service_makes_it() {
    let time = Arc::new(OnceLock::<ManualClock>::new());
    let set = time.clone();
    let site = site(move |_: &Request, call| {
        set.get().unwrap().advance(Duration::from_secs(5));
        (
            [("cache-control", "max-age=60"), ("age", "10")],
            call.to_string(),
        )
    });
    time.set(site.clock.clone()).unwrap();
    assert_eq!(site.get("/").await.header("age"), "15");
    site.clock.advance(Duration::from_secs(44));
    assert_eq!(site.get("/").await.told(), "larder/pages; hit; ttl=1");
    site.clock.advance(Duration::from_secs(1));
    let kept = site.cache.peek("shop/");
    assert!(kept.is_none(), "it is kept no longer than it is of use");
}

/// RFC 9111 §5.3; RFC 9110 §6.6.1: a response without a date has the one of when it came.
#[tokio::test]
async fn expires_counts_from_the_date_and_without_one_from_when_it_came() {
    for (fields, ttl) in [
        (&[("date", MIDNIGHT), ("expires", AFTER)][..], "30"),
        (&[("date", BEFORE), ("expires", AFTER)], "30"),
        (&[("expires", AFTER)], "30"),
    ] {
        let site = says(fields);
        let answer = site.get("/").await;
        let told = format!("larder/pages; fwd=miss; stored; ttl={ttl}");
        assert_eq!(answer.told(), told, "{fields:?}");
        assert!(!answer.header("date").is_empty());
    }
    let past = says(&[("expires", BEFORE), ("etag", "\"1\"")]);
    assert!(past.get("/").await.told().contains("ttl=0"));
}

/// A service that is asked whether this still holds, and says only that it does.
fn confirmed(fields: &'static [(&'static str, &'static str)]) -> Site {
    site(move |request: &Request, call| -> Response {
        if request.headers().contains_key(header::IF_NONE_MATCH) {
            return StatusCode::NOT_MODIFIED.into_response();
        }
        let mut response = call.to_string().into_response();
        for &(name, value) in fields {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        response
    })
}

/// RFC 9111 §3.2 and §4.3.4: what a 304 does not say stays as it was, and it came now.
#[tokio::test]
async fn a_304_renews_a_lifetime_that_counts_from_now_and_no_moment_that_has_passed() {
    let expiring = confirmed(&[("etag", "\"1\""), ("date", MIDNIGHT), ("expires", AFTER)]);
    expiring.get("/").await;
    expiring.clock.advance(Duration::from_secs(30));
    for call in 2..4 {
        let answer = expiring.get("/").await;
        assert_eq!(answer.told(), "larder/pages; fwd=stale; stored; ttl=0");
        assert_eq!((answer.body.as_str(), expiring.calls()), ("1", call));
    }

    let lasting = confirmed(&[
        ("etag", "\"1\""),
        ("date", MIDNIGHT),
        ("cache-control", "max-age=30"),
    ]);
    lasting.get("/").await;
    lasting.clock.advance(Duration::from_secs(30));
    let answer = lasting.get("/").await;
    assert_eq!(answer.told(), "larder/pages; fwd=stale; stored; ttl=30");
    lasting.clock.advance(Duration::from_secs(29));
    assert_eq!(lasting.get("/").await.told(), "larder/pages; hit; ttl=1");
}

/// RFC 9111 §1.2.2: a time that is too long to count is a very long one.
#[tokio::test]
async fn an_age_past_all_counting_is_no_panic() {
    for age in ["18446744073709551615", "99999999999999999999999", "x", ""] {
        let site = site_with(
            |layer| layer.client_directives(true),
            move |_: &Request, call: usize| {
                (
                    [
                        ("cache-control", "max-age=60, stale-if-error=9"),
                        ("age", age),
                        ("etag", "\"1\""),
                    ],
                    call.to_string(),
                )
            },
        );
        site.get("/").await;
        let ask = [("host", "shop"), ("cache-control", "min-fresh=1")];
        assert_eq!(site.send("GET", "/", &ask).await.status, 200, "{age}");
    }
}

const PIECES: [&str; 24] = [
    "max-age=",
    "s-maxage=",
    "min-fresh=",
    "max-age",
    "stale-while-revalidate=",
    "stale-if-error=",
    "no-cache",
    "private",
    "0",
    "1",
    "60",
    "2147483648",
    "18446744073709551615",
    "99999999999999999999",
    "-",
    "x",
    ",",
    ", ",
    "\"",
    "\\",
    "=",
    " ",
    "Thu, 01 Jan 2026 00:00:30 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
];

fn value() -> impl Strategy<Value = String> {
    let some = prop::collection::vec(prop::sample::select(&PIECES[..]), 0..6);
    some.prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_of_a_field_is_more_than_the_layer_can_bear(
        says in prop::collection::vec((prop::sample::select(vec!["age", "date", "expires", "cache-control", "vary", "etag", "last-modified"]), value()), 0..6),
        asks in prop::collection::vec(value(), 1..4),
        wait_s in 0..100_u64,
        default_ttl in prop::option::of(prop::sample::select(vec![Duration::ZERO, Duration::from_secs(9), Duration::MAX])),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let set = |layer: larder_http::CacheLayer| {
                let layer = layer.client_directives(true);
                default_ttl.map_or(layer.clone(), |ttl| layer.default_ttl(ttl))
            };
            let site = site_with(set, move |_: &Request, call| {
                let mut response = call.to_string().into_response();
                for (name, value) in &says {
                    response.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
                }
                response
            });
            for ask in asks {
                let fields = [("host", "shop"), ("cache-control", ask.as_str())];
                let answer = site.send("GET", "/", &fields).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                site.clock.advance(Duration::from_secs(wait_s));
            }
        });
    }
}
