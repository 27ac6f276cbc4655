//! What is one client's is never served to another.

use std::time::Duration;

use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use larder_http::by_credentials;
use proptest::prelude::*;

use super::{Site, site, site_with};

/// I8
#[tokio::test]
async fn requests_that_name_their_user_pass_by() {
    for field in ["authorization", "cookie", "proxy-authorization"] {
        let site = super::site_of("public, max-age=60");
        site.get_with(&[]).await;
        for call in 2..4 {
            let answer = site.get_with(&[(field, "ada")]).await;
            assert_eq!(answer.told(), "larder/pages; fwd=bypass");
            assert_eq!(answer.body, call.to_string(), "{field}");
        }
        assert_eq!(site.get_with(&[]).await.body, "1");
    }
}

#[tokio::test]
async fn each_user_has_responses_of_its_own_where_users_are_told_apart() {
    let site = site_with(
        |layer| layer.authorized(by_credentials),
        |_: &Request, call: usize| ([(header::CACHE_CONTROL, "max-age=60")], call.to_string()),
    );
    let users: [&[(&str, &str)]; 5] = [
        &[],
        &[("authorization", "ada")],
        &[("cookie", "ada")],
        &[("authorization", "bob")],
        &[("authorization", "ada"), ("cookie", "x")],
    ];
    for _ in 0..2 {
        for (n, user) in users.iter().enumerate() {
            assert_eq!(
                site.get_with(user).await.body,
                (n + 1).to_string(),
                "{user:?}"
            );
        }
    }
}

#[tokio::test]
async fn parts_upgrades_and_requests_with_a_state_in_mind_pass_by() {
    for (field, value) in [
        ("range", "bytes=0-1"),
        ("if-range", "\"1\""),
        ("if-match", "\"1\""),
        ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("upgrade", "websocket"),
    ] {
        let site = super::site_of("max-age=60");
        for call in ["1", "2"] {
            assert_eq!(site.get_with(&[(field, value)]).await.body, call, "{field}");
        }
    }
}

const CONTROLS: [&str; 7] = [
    "max-age=60",
    "s-maxage=5, stale-while-revalidate=30",
    "max-age=5, stale-if-error=30",
    "no-cache",
    "private, max-age=60",
    "no-store",
    "max-age=60, private=\"x\"",
];
const VARIES: [&str; 4] = ["", "accept", "accept, x-kind", "*"];

/// One request, and what the service says to it.
#[derive(Clone, Debug)]
struct Ask {
    path: u8,
    host: u8,
    user: u8,
    accept: u8,
    control: u8,
    vary: u8,
    sets_cookie: bool,
    fails: bool,
    wait_s: u64,
}

fn ask() -> impl Strategy<Value = Ask> {
    let request = (0..3_u8, 0..2_u8, 0..4_u8, 0..3_u8, 0..8_u64);
    let response = (
        0..7_u8,
        0..4_u8,
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.1),
    );
    (request, response).prop_map(|(request, response)| {
        let (path, host, user, accept, wait_s) = request;
        let (control, vary, sets_cookie, fails) = response;
        Ask {
            path,
            host,
            user,
            accept,
            control,
            vary,
            sets_cookie,
            fails,
            wait_s,
        }
    })
}

/// Answers as the request says, with who asked and how.
fn says(request: &Request) -> Response {
    let text = |name: &str| {
        let value = request.headers().get(name);
        value.map_or("", |value| value.to_str().unwrap()).to_owned()
    };
    let number = |name: &str| text(name).parse::<usize>().unwrap();
    if text("x-fails") == "true" {
        return axum::http::StatusCode::BAD_GATEWAY.into_response();
    }
    let body = [
        "x-number",
        "host",
        "accept",
        "authorization",
        "cookie",
        "x-control",
        "x-vary",
    ]
    .map(text)
    .join("|");
    let body = format!("{}|{body}|{}", request.uri().path(), text("x-sets-cookie"));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    let control = CONTROLS[number("x-control")];
    headers.insert(header::CACHE_CONTROL, control.parse().unwrap());
    headers.insert(header::ETAG, "\"1\"".parse().unwrap());
    let vary = VARIES[number("x-vary")];
    if !vary.is_empty() {
        headers.insert(header::VARY, vary.parse().unwrap());
    }
    if text("x-sets-cookie") == "true" {
        headers.insert(header::SET_COOKIE, "session=1".parse().unwrap());
    }
    response
}

async fn check(site: &Site, asks: &[Ask], tells_users_apart: bool) {
    let asking = asks.iter().enumerate().map(|(number, ask)| async move {
        let number = number.to_string();
        let (control, vary) = (ask.control.to_string(), ask.vary.to_string());
        let accept = ask.accept.to_string();
        let mut headers = vec![
            ("host", ["one", "two"][usize::from(ask.host)]),
            ("accept", accept.as_str()),
            ("x-number", number.as_str()),
            ("x-control", control.as_str()),
            ("x-vary", vary.as_str()),
            (
                "x-sets-cookie",
                if ask.sets_cookie { "true" } else { "false" },
            ),
            ("x-fails", if ask.fails { "true" } else { "false" }),
        ];
        match ask.user {
            1 => headers.push(("authorization", "ada")),
            2 => headers.push(("authorization", "bob")),
            3 => headers.push(("cookie", "ada")),
            _ => {}
        }
        let path = format!("/{}", ask.path);
        (ask, number.clone(), site.send("GET", &path, &headers).await)
    });
    for (ask, number, answer) in futures_util::future::join_all(asking).await {
        if answer.status != 200 {
            assert!(ask.fails, "{ask:?}: {answer:?}");
            continue;
        }
        let made: Vec<&str> = answer.body.split('|').collect();
        let [
            path,
            by,
            host,
            accept,
            authorization,
            cookie,
            control,
            vary,
            sets,
        ] = made[..]
        else {
            panic!("{}", answer.body);
        };
        let own = (ask.path.to_string(), ["one", "two"][usize::from(ask.host)]);
        assert_eq!((&path[1..], host), (own.0.as_str(), own.1), "{ask:?}");
        if by == number {
            continue;
        }
        // It was made for another.
        let user = match ask.user {
            1 => ("ada", ""),
            2 => ("bob", ""),
            3 => ("", "ada"),
            _ => ("", ""),
        };
        assert_eq!((authorization, cookie), user, "{ask:?} got {}", answer.body);
        assert!(
            tells_users_apart || user == ("", ""),
            "{ask:?} got {}",
            answer.body
        );
        assert_eq!(sets, "false", "{ask:?} got {}", answer.body);
        assert!(!answer.headers.contains_key(header::SET_COOKIE));
        assert!(
            ["0", "1", "2", "3"].contains(&control),
            "{ask:?} got {}",
            answer.body
        );
        assert_ne!(vary, "3", "{ask:?} got {}", answer.body);
        assert!(
            vary == "0" || accept == ask.accept.to_string(),
            "{ask:?} got {}",
            answer.body
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// I8
    #[test]
    fn what_is_private_sets_a_cookie_or_names_a_user_is_never_served_to_another(
        rounds in prop::collection::vec(prop::collection::vec(ask(), 1..6), 1..12),
        tells_users_apart in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let origin = |request: &Request, _: usize| says(request);
            let site = if tells_users_apart {
                site_with(|layer| layer.authorized(by_credentials), origin)
            } else {
                site(origin)
            };
            for asks in rounds {
                check(&site, &asks, tells_users_apart).await;
                site.clock.advance(Duration::from_secs(asks[0].wait_s));
            }
        });
    }
}
