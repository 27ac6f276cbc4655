//! Requests that are made so that they look like others: none gets, or leaves, another's response.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header, request};
use axum::response::{IntoResponse as _, Response};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;

use super::{Site, read, site, site_with};

const PASSED_BY: &str = "larder/pages; fwd=bypass";

/// All lines of a field.
fn lines(headers: &HeaderMap, name: &str) -> String {
    let lines = headers.get_all(name).iter();
    let lines = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
    format!("{:?}", lines.collect::<Vec<_>>())
}

/// What a response may vary by, besides what stands in the key of every request.
const VARIES: [&str; 5] = [
    "accept",
    "accept, x-user",
    "Host, ACCEPT",
    "accept, x-none",
    "accept,, accept, cookie",
];

/// Says what a service can see of a request, by which its response may differ; what that varies by depends
/// on what was asked for.
fn mirror(request: &Request) -> Response {
    let [host, user, accept] =
        ["host", "x-user", "accept"].map(|name| lines(request.headers(), name));
    let vary = VARIES[(accept.len() + request.uri().path().len()) % VARIES.len()];
    let fields = [(header::CACHE_CONTROL, "max-age=60"), (header::VARY, vary)];
    (fields, format!("{} {host} {user} {accept}", request.uri())).into_response()
}

fn mirrored() -> Site {
    site(|request: &Request, _| mirror(request))
}

fn user(head: &request::Parts) -> Option<String> {
    let user = head.headers.get("x-user")?;
    Some(user.to_str().unwrap().to_owned())
}

/// RFC 9112 §3.2: a `Host` that is no authority names no URL. Joined to the path it could be another's.
///
/// I8
#[tokio::test]
async fn a_host_with_a_path_does_not_leave_its_response_to_another_url() {
    let site = mirrored();
    site.send("GET", "/prices", &[("host", "shop.example/api")])
        .await;
    let answer = site
        .send("GET", "/api/prices", &[("host", "shop.example")])
        .await;
    assert_eq!(answer.body, r#"/api/prices ["shop.example"] [] []"#);
}

/// I8
#[tokio::test]
async fn a_host_that_is_no_authority_passes_by() {
    let site = mirrored();
    for host in [
        "",
        "shop.example/api",
        "shop.example?x",
        "shop.example#x",
        "ada@shop.example",
        "shop.example x",
        "shop.example,other",
        "shop.example:80:80",
        "shop.example:x",
        "shop.example:65536",
        "shop%2eexample",
        "sh\u{f6}p",
        "[::1",
        "[::1]x",
        "[shop]",
        ":80",
    ] {
        for _ in 0..2 {
            let answer = site.send("GET", "/", &[("host", host)]).await;
            assert_eq!(answer.told(), PASSED_BY, "{host:?}");
        }
    }
    let twice = [("host", "shop.example"), ("host", "shop.example")];
    for _ in 0..2 {
        assert_eq!(site.send("GET", "/", &twice).await.told(), PASSED_BY);
    }
}

/// I8
#[tokio::test]
async fn a_host_that_spells_out_another_s_key_does_not_get_its_response() {
    let site = site_with(
        |layer| layer.authorized(user),
        |request: &Request, _| mirror(request),
    );
    let ada = [
        ("host", "shop.example"),
        ("x-user", "ada"),
        ("accept", "*/*"),
    ];
    let own = site.send("GET", "/me", &ada).await.body;
    for (host, path) in [
        ("shop.example/me @ada accept=*", "/*"),
        ("shop.example/me @ada", "/"),
        ("shop.example", "/me%20@ada%20accept=*/*"),
    ] {
        let answer = site
            .send("GET", path, &[("host", host), ("accept", "*/*")])
            .await;
        assert_ne!(answer.body, own, "{host:?}");
    }
}

/// A value over 64 bytes stands in a key as a hash, which a client can send as a value.
///
/// I8
#[tokio::test]
async fn a_value_that_looks_like_the_hash_of_another_is_not_taken_for_it() {
    use std::fmt::Write as _;

    let site = mirrored();
    let long = "x".repeat(65);
    let mut hash = "#".to_owned();
    for byte in &Sha256::digest(&long)[..16] {
        write!(hash, "{byte:02x}").unwrap();
    }
    for accept in [long.as_str(), &hash, "#", "%23"] {
        let answer = site.get_with(&[("accept", accept)]).await;
        assert!(answer.body.contains(&format!("{accept:?}")), "{accept:?}");
    }
}

/// A service may look at a field's first line alone.
#[tokio::test]
async fn lines_of_a_field_are_not_taken_for_one_line() {
    let site = mirrored();
    let asks: [&[(&str, &str)]; 4] = [
        &[("accept", "a"), ("accept", "b")],
        &[("accept", "a,b")],
        &[("accept", "a =b")],
        &[("accept", "a"), ("accept", "b"), ("accept", "")],
    ];
    for ask in asks {
        let answer = site.get_with(ask).await;
        assert!(answer.told().contains("stored"), "{ask:?}");
        assert!(site.get_with(ask).await.told().contains("hit"), "{ask:?}");
    }
}

/// RFC 9112 §3.2.2: where the target names a host, that is the request's, and not its `Host`.
///
/// I8
#[tokio::test]
async fn a_target_with_another_host_than_the_field_passes_by() {
    let site = mirrored();
    for _ in 0..2 {
        let answer = site
            .send("GET", "http://shop.example/p", &[("host", "evil.example")])
            .await;
        assert_eq!(answer.told(), PASSED_BY);
    }
    let own = [
        &[("host", "shop.example")][..],
        &[("host", "SHOP.example:80")],
        &[],
    ];
    for own in own {
        let answer = site.send("GET", "http://shop.example/p", own).await;
        let seen = r#"http://shop.example/p ["shop.example"] [] []"#;
        assert_eq!(answer.body, seen, "{own:?}");
    }
    assert_eq!(site.calls(), 3);
}

/// What a service answers to `http` may be that it is to be asked by `https`.
#[tokio::test]
async fn schemes_are_kept_apart() {
    let site = mirrored();
    for target in ["http://shop.example/", "https://shop.example/", "/"] {
        let answer = site.send("GET", target, &[("host", "shop.example")]).await;
        assert_eq!(answer.body, format!(r#"{target} ["shop.example"] [] []"#));
    }
    assert_eq!(site.calls(), 3);
}

/// RFC 3986 §6.2.2 and §6.2.3. The service is shown the form that the key has: what it makes of the
/// client's own reaches nobody else.
#[tokio::test]
async fn a_host_is_one_in_any_case_and_with_the_port_of_its_scheme() {
    let site = mirrored();
    let hosts = [
        "Shop.Example:80",
        "shop.example",
        "SHOP.EXAMPLE:",
        "shop.example:080",
    ];
    for host in hosts {
        let answer = site.send("GET", "/", &[("host", host)]).await;
        assert_eq!(answer.body, r#"/ ["shop.example"] [] []"#, "{host}");
    }
    assert_eq!(site.calls(), 1);
    for host in ["shop.example:8080", "shop.example:443", "[::1]:81", "[::1]"] {
        let answer = site.send("GET", "/", &[("host", host)]).await;
        assert_eq!(answer.body, format!("/ [{host:?}] [] []"));
    }
    let secure = "https://shop.example/";
    for host in ["shop.example", "shop.example:443"] {
        let answer = site.send("GET", secure, &[("host", host)]).await;
        assert_eq!(answer.body, format!(r#"{secure} ["shop.example"] [] []"#));
    }
    assert_eq!(site.calls(), 6);
}

/// What hosts, paths and values are made of: what stands in keys, and what separates it.
const PIECES: [&str; 18] = [
    "shop", "me", "/", "/me", " @ada", " @", "@", " accept", "=", " =", "*", "*/*", ",", "#",
    "%20", "%41", ":80", "?",
];
const PATHS: [&str; 9] = ["me", "/", "*", "%20", "@ada", "=", "%41", "A", "?"];

fn pieces(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    let some = prop::collection::vec(prop::sample::select(of), 0..5);
    some.prop_map(|pieces| pieces.concat())
}

/// A request as another client may make it up.
#[derive(Clone, Debug)]
struct Forged {
    target: &'static str,
    path: String,
    hosts: Vec<String>,
    accepts: Vec<String>,
    user: Option<&'static str>,
}

fn forged() -> impl Strategy<Value = Forged> {
    let target = prop::sample::select(vec![
        "",
        "",
        "",
        "http://shop",
        "https://shop",
        "http://me:80",
    ]);
    let host = prop_oneof![Just("shop".to_owned()), pieces(&PIECES)];
    let long = "x".repeat(65);
    let accept = prop_oneof![pieces(&PIECES), Just(long)];
    let user = prop::option::of(prop::sample::select(vec!["ada", "bob", " @ada", "#"]));
    let asked = (target, pieces(&PATHS), prop::collection::vec(host, 0..3));
    (asked, prop::collection::vec(accept, 0..3), user).prop_map(
        |((target, path, hosts), accepts, user)| Forged {
            target,
            path,
            hosts,
            accepts,
            user,
        },
    )
}

impl Forged {
    /// As the service is shown it, if its host is one.
    fn normal(&self) -> Self {
        let of_target = self.target.split_once("://").map(|(_, host)| host);
        let of_target = of_target.filter(|_| self.hosts.is_empty());
        let hosts = self.hosts.iter().map(String::as_str).chain(of_target);
        let bare = |host: &str| host.strip_suffix(":80").unwrap_or(host).to_owned();
        Self {
            hosts: hosts.map(bare).collect(),
            ..self.clone()
        }
    }

    fn request(&self) -> Request {
        let mut request = Request::builder().uri(format!("{}/{}", self.target, self.path));
        for host in &self.hosts {
            request = request.header("host", host);
        }
        for accept in &self.accepts {
            request = request.header("accept", accept);
        }
        if let Some(user) = self.user {
            request = request.header("x-user", user);
        }
        request.body(Body::empty()).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the layer has stored for others: each client gets what the service itself would say to it.
    ///
    /// I8
    #[test]
    fn a_client_gets_what_the_service_would_say_to_it_whatever_others_have_asked(
        asks in prop::collection::vec(forged(), 1..32),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let site = site_with(
                |layer| layer.authorized(user),
                |request: &Request, _| mirror(request),
            );
            for ask in asks {
                let own = read(mirror(&ask.request())).await.body;
                let answer = read(site.router.clone().oneshot(ask.request()).await.unwrap()).await;
                let normal = read(mirror(&ask.normal().request())).await.body;
                assert!([own, normal].contains(&answer.body), "{ask:?}: {answer:?}");
            }
        });
    }
}
