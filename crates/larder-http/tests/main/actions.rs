//! What is changed by request, from where, and what is noted of it.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use larder::Cache;
use larder_http::{Access, Bearer, Check, Gateway, Hosts, Mount, Problem, Role, Setting, Standing};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{TOKEN, get, house, json as read, request, send};

/// A POST of JSON by the bearer of `token`.
async fn post(router: &Router, path: &str, token: Option<&str>, body: &Value) -> StatusCode {
    let mut request = Request::post(path)
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Body::from(body.to_string())).unwrap();
    send(router, request).await.status()
}

/// What is noted, newest first, in a few words each.
async fn noted(router: &Router) -> Vec<String> {
    let (status, told) = get(router, "/v1/audit").await;
    assert_eq!(status, StatusCode::OK);
    let word = |action: &Value, member: &str| match &action[member] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let members = [
        "actor", "role", "action", "cache", "scope", "matched", "outcome", "status",
    ];
    let actions = told["actions"].as_array().unwrap().iter();
    actions
        .map(|action| members.map(|member| word(action, member)).join(", "))
        .collect()
}

/// I5
#[tokio::test]
async fn every_change_is_noted_with_who_asked_and_what_came_of_it() {
    let house = house(Some(Role::Viewer));
    house.cache.insert(7, "value".into()).await.unwrap();
    let path = "/v1/caches/numbers/invalidate";
    let all = json!({ "prefix": "", "dry_run": true });
    post(&house.router, path, Some(TOKEN), &all).await;
    post(&house.router, path, Some(TOKEN), &json!({ "key": "7" })).await;
    post(&house.router, path, Some(TOKEN), &json!({ "key": "seven" })).await;
    post(&house.router, path, None, &json!({ "key": "7" })).await;
    post(&house.router, path, Some("guessed"), &json!({ "key": "7" })).await;
    let delete = request(Method::DELETE, "/v1/caches/numbers/entries/8", Some(TOKEN));
    send(&house.router, delete).await;
    let off = json!({ "enabled": false });
    post(&house.router, "/v1/metrics/enabled", Some(TOKEN), &off).await;
    let nothing = json!({});
    post(
        &house.router,
        "/v1/caches/numbers/reset",
        Some(TOKEN),
        &nothing,
    )
    .await;
    post(
        &house.router,
        "/v1/caches/numbers/clear",
        Some(TOKEN),
        &nothing,
    )
    .await;
    get(&house.router, "/v1/caches").await;
    assert_eq!(
        noted(&house.router).await,
        [
            "the admin token, admin, clear, numbers, all, 0, everywhere, 200",
            "the admin token, admin, reset, numbers, null, null, done, 200",
            "the admin token, admin, metrics, null, off, null, done, 200",
            "the admin token, admin, delete, numbers, key 8, 0, everywhere, 200",
            "unknown, null, invalidate, numbers, null, null, refused, 401",
            "anonymous, viewer, invalidate, numbers, null, null, refused, 401",
            "the admin token, admin, invalidate, numbers, key seven, null, refused, 400",
            "the admin token, admin, invalidate, numbers, key 7, 1, everywhere, 200",
            "the admin token, admin, invalidate, numbers, prefix , 1, counted, 200",
        ]
    );
    let answer = send(&house.router, request(Method::GET, "/v1/audit", None)).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer");
}

/// I5
#[tokio::test]
async fn what_is_noted_is_of_a_limited_length_and_says_what_was_only_counted() {
    let house = house(None);
    let path = "/v1/caches/numbers/invalidate";
    let long = json!({ "prefix": "7".repeat(300), "dry_run": true });
    post(&house.router, path, Some(TOKEN), &long).await;
    post(&house.router, path, Some(TOKEN), &json!({ "key": "7" })).await;
    let not_served = request(Method::PUT, "/v1/caches/numbers/clear", Some(TOKEN));
    let answer = send(&house.router, not_served).await;
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    let told = get(&house.router, "/v1/audit").await.1;
    let actions = told["actions"].as_array().unwrap();
    assert_eq!(actions.len(), 2, "what is not served is no change: {told}");
    let is_dry: Vec<_> = actions.iter().map(|action| &action["dry_run"]).collect();
    assert_eq!(is_dry, [&json!(false), &json!(true)]);
    assert_eq!(actions[1]["scope"].as_str().unwrap().len(), 256);
}

#[tokio::test]
async fn a_change_of_two_things_at_once_and_too_long_a_list_are_refused() {
    let house = house(Some(Role::Viewer));
    house.cache.insert(7, "value".into()).await.unwrap();
    for (one, other) in [("key", "pattern"), ("key", "tag"), ("prefix", "pattern")] {
        let both = json!({ one: "7", other: "7" });
        let path = "/v1/caches/numbers/invalidate";
        let status = post(&house.router, path, Some(TOKEN), &both).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{both}");
    }
    assert_eq!(house.cache.len(), 1);
    for (limit, expected) in [
        (0, StatusCode::BAD_REQUEST),
        (1_000, StatusCode::OK),
        (1_001, StatusCode::BAD_REQUEST),
    ] {
        let path = format!("/v1/caches/numbers/entries?limit={limit}");
        assert_eq!(get(&house.router, &path).await.0, expected, "{limit}");
    }
}

/// I5
#[tokio::test]
async fn a_page_of_another_site_changes_nothing_where_no_token_is_needed() {
    let house = house(Some(Role::Admin));
    house.cache.insert(7, "value".into()).await.unwrap();
    let clear = |token: Option<&str>, origin: &str| {
        let mut clear = request(Method::POST, "/v1/caches/numbers/clear", token);
        clear
            .headers_mut()
            .insert(header::ORIGIN, origin.parse().unwrap());
        send(&house.router, clear)
    };
    let (status, problem) = read(clear(None, "http://evil.example").await).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(problem["type"], "urn:larder:problem:foreign-page");
    assert_eq!(house.cache.len(), 1);
    assert!(noted(&house.router).await[0].ends_with("refused, 403"));
    assert_eq!(
        clear(None, "http://localhost").await.status(),
        StatusCode::OK
    );
    assert!(house.cache.is_empty());
    let with_token = clear(Some(TOKEN), "http://evil.example").await;
    assert_eq!(
        with_token.status(),
        StatusCode::OK,
        "a page cannot send what it does not know"
    );
}

/// I5
#[tokio::test]
async fn what_an_operator_or_an_admin_changes_in_a_service_is_noted_refused_or_not() {
    use axum::routing::{delete, post as on_post};
    let done = || async { "done" };
    let service = Mount::new()
        .reads(Router::new().route("/api/ask", on_post(done)))
        .changes(Router::new().route("/api/stations/{id}", delete(done)))
        .administration(Router::new().route("/codette/cache/clear", on_post(done)));
    let router = gateway().mount(service).into_router();
    let ask = async |method: Method, path: &str, token: Option<&str>| {
        send(&router, request(method, path, token)).await;
    };
    ask(Method::POST, "/codette/cache/clear", Some(TOKEN)).await;
    ask(Method::POST, "/codette/cache/clear", Some("of user ada")).await;
    ask(Method::POST, "/codette/cache/clear", Some("guessed")).await;
    ask(Method::POST, "/codette/cache/clear", None).await;
    ask(Method::DELETE, "/api/stations/7", Some("of user ada")).await;
    // These change nothing that a viewer may not.
    ask(Method::POST, "/api/ask", Some(TOKEN)).await;
    ask(Method::GET, "/codette/cache/clear", Some(TOKEN)).await;
    ask(Method::POST, "/no/such/route", Some(TOKEN)).await;
    ask(Method::POST, "/no/such/route", Some("guessed")).await;
    let clear = "clear, null, POST /codette/cache/clear, null";
    assert_eq!(
        noted(&router).await,
        [
            "user ada, operator, delete, null, DELETE /api/stations/7, null, done, 200".to_owned(),
            format!("anonymous, null, {clear}, refused, 401"),
            format!("unknown, null, {clear}, refused, 401"),
            format!("user ada, operator, {clear}, refused, 403"),
            format!("the admin token, admin, {clear}, done, 200"),
        ]
    );
}

/// I5
#[tokio::test]
async fn a_key_is_noted_decoded_whether_it_was_refused_or_not() {
    let house = house(Some(Role::Viewer));
    for token in [None, Some(TOKEN)] {
        let path = "/v1/caches/numbers/entries/a%2Fb%20%C3%BC";
        send(&house.router, request(Method::DELETE, path, token)).await;
    }
    for action in noted(&house.router).await {
        assert!(action.contains("delete, numbers, key a/b ü,"), "{action}");
    }
}

#[tokio::test]
async fn a_body_of_more_than_64_kib_is_refused_and_a_long_text_is_not_echoed_whole() {
    let house = house(None);
    let path = "/v1/caches/numbers/invalidate";
    let ask = async |body: Value| {
        let request = Request::post(path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .body(Body::from(body.to_string()));
        read(send(&house.router, request.unwrap()).await).await
    };
    let (status, _) = ask(json!({ "key": "7".repeat(70_000) })).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let long = "x".repeat(60_000);
    for body in [json!({ "key": long }), json!({ (long.clone()): 1 })] {
        let (status, problem) = ask(body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("xxx") && detail.len() < 400, "{detail}");
    }
}

fn gateway() -> Gateway {
    let (_, stopping) = watch::channel(false);
    let access = Access::new(TOKEN, None).issuer(|token| {
        let name = token.strip_prefix("of ")?.to_owned();
        Some(Ok::<_, String>(Bearer {
            name,
            role: Role::Operator,
        }))
    });
    Gateway::new("test", "1.2.3", access, Hosts::default(), stopping)
}

/// I4
#[tokio::test]
async fn the_status_tells_how_all_stands_and_who_asks() {
    let cache = Cache::<u64, u64>::builder("rows").build().unwrap();
    let standing = || Standing::Degraded("the database does not answer".into());
    let service = Mount::new()
        .cache(cache)
        .check(Check::new("shop", standing).kind("sql"));
    let router = gateway().mount(service).into_router();
    let ask = request(Method::GET, "/v1/status", Some("of user ada"));
    let (status, told) = read(send(&router, ask).await).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(told["state"], "degraded");
    assert_eq!(
        told["reasons"],
        json!(["shop: the database does not answer"])
    );
    assert_eq!(
        (&told["role"], &told["actor"]),
        (&json!("operator"), &json!("user ada"))
    );
    assert_eq!(told["anonymous"], false);
    let backends = told["backends"].as_array().unwrap();
    assert_eq!(
        (&backends[0]["kind"], &backends[0]["state"]),
        (&json!("memory"), &json!("up"))
    );
    let sql = &backends[1];
    assert_eq!(
        (&sql["name"], &sql["kind"], &sql["state"]),
        (&json!("shop"), &json!("sql"), &json!("degraded"))
    );
    assert_eq!(sql["caches"], json!(["rows"]));
}

#[tokio::test]
async fn an_audit_log_that_is_in_memory_alone_degrades_the_status() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("audit.log")).unwrap();
    let router = gateway()
        .audit(directory.path().join("audit.log"))
        .into_router();
    let (_, told) = get(&router, "/v1/status").await;
    assert_eq!(told["state"], "degraded");
    let reason = told["reasons"][0].as_str().unwrap();
    assert!(reason.contains("audit.log"), "{reason}");
}

#[tokio::test]
async fn the_settings_are_told_without_what_is_masked() {
    let setting = Setting {
        key: "remote.password".into(),
        value: None,
        source: "larder.toml:3".into(),
        is_masked: true,
    };
    let router = gateway().settings(vec![setting]).into_router();
    let (_, told) = get(&router, "/v1/config").await;
    let expected = json!({ "key": "remote.password", "value": null, "source": "larder.toml:3", "is_masked": true });
    assert_eq!(told["settings"], json!([expected]));
}

#[tokio::test]
async fn a_cache_is_warmed_if_something_knows_how() {
    let (words, others) = (
        Cache::<String, u64>::builder("words").build().unwrap(),
        Cache::<String, u64>::builder("others").build().unwrap(),
    );
    let warmed = words.clone();
    let mount = Mount::new()
        .cache(words.clone())
        .cache(others)
        .warm("words", move || {
            let words = warmed.clone();
            async move {
                words.insert("cheese".into(), 6).await.unwrap();
                Ok(1)
            }
        });
    let failing = Cache::<String, u64>::builder("failing").build().unwrap();
    let mount = mount.cache(failing).warm("failing", || async {
        Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "database-down",
            "it is down",
        ))
    });
    let router = gateway().mount(mount).into_router();
    let warm = |cache: &str| {
        let path = format!("/v1/caches/{cache}/warm");
        let ask = request(Method::POST, &path, Some(TOKEN));
        async { read(send(&router, ask).await).await }
    };
    assert_eq!(
        warm("words").await,
        (StatusCode::OK, json!({ "warmed": 1, "entries": 1 }))
    );
    assert_eq!(words.peek("cheese"), Some(6));
    let (status, problem) = warm("others").await;
    assert_eq!(status, StatusCode::CONFLICT);
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.ends_with("those that can be: words, failing"),
        "{detail}"
    );
    assert_eq!(warm("failing").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert!(noted(&router).await[0].contains("warm, failing, null, null, failed, 503"));
}

/// I3
#[tokio::test]
async fn a_key_is_explained_whether_or_not_it_is_held() {
    let cache = Cache::<u64, String>::builder("numbers")
        .explain(true)
        .build()
        .unwrap();
    let router = gateway().cache(cache.clone()).into_router();
    let explain = async |key: &str| {
        get(
            &router,
            &format!("/v1/caches/numbers/entries/{key}?explain=1"),
        )
        .await
    };
    cache
        .entry(&7)
        .tags(["team:1"])
        .insert("Ada".into())
        .await
        .unwrap();
    let (status, held) = explain("7").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&held["held"]["tier"], &held["held"]["tags"]),
        (&json!("memory"), &json!(["team:1"]))
    );
    assert_eq!(held["last_miss"], Value::Null);

    cache.invalidate_tag("team:1").await.unwrap();
    cache.peek(&7);
    let (status, missed) = explain("7").await;
    assert_eq!((status, &missed["held"]), (StatusCode::OK, &Value::Null));
    assert_eq!(missed["last_miss"]["reason"], "invalidated");
    assert_eq!(missed["last_miss"]["by"], "tag team:1");
    assert!(
        missed["text"]
            .as_str()
            .unwrap()
            .contains("invalidated by tag team:1"),
        "{missed}"
    );
    assert_eq!(explain("seven").await.0, StatusCode::BAD_REQUEST);
    let (status, problem) = get(&router, "/v1/caches/numbers/entries/7?explain=maybe").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
}

#[tokio::test]
async fn a_reset_starts_the_figures_anew_and_keeps_the_entries() {
    let house = house(None);
    house.cache.insert(7, "value".into()).await.unwrap();
    house.cache.peek(&7);
    let reset = request(Method::POST, "/v1/caches/numbers/reset", Some(TOKEN));
    assert_eq!(send(&house.router, reset).await.status(), StatusCode::OK);
    assert_eq!((house.cache.stats().hits, house.cache.len()), (0, 1));
}
