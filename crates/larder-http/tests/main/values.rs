//! Values that people see and give.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use larder::Cache;
use larder_http::{Access, Gateway, Hosts};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{TOKEN, get, json as read, send};

struct Shop {
    router: Router,
    users: Cache<u64, Vec<String>>,
    pages: Cache<u64, Vec<u8>>,
}

/// Caches that show their values as JSON, as texts, and not at all.
fn shop() -> Shop {
    let (_, stopping) = watch::channel(false);
    let users = Cache::builder("users").values_as_json().build().unwrap();
    let pages = Cache::builder("pages").values_as_text().build().unwrap();
    let hidden = Cache::<u64, u64>::builder("hidden").build().unwrap();
    let gateway = Gateway::new(
        "test",
        "1",
        Access::new(TOKEN, None),
        Hosts::default(),
        stopping,
    );
    let gateway = gateway
        .cache(users.clone())
        .cache(pages.clone())
        .cache(hidden);
    Shop {
        router: gateway.into_router(),
        users,
        pages,
    }
}

async fn put(shop: &Shop, path: &str, body: impl Into<Body>) -> (StatusCode, Value) {
    let request = Request::put(format!("/v1/caches/{path}"))
        .header(header::HOST, "localhost")
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.into())
        .unwrap();
    read(send(&shop.router, request).await).await
}

async fn shown(shop: &Shop, path: &str) -> (StatusCode, Value) {
    get(&shop.router, &format!("/v1/caches/{path}")).await
}

#[tokio::test]
async fn a_value_is_shown_as_the_cache_was_built_to_show_it() {
    let shop = shop();
    shop.users.insert(7, vec!["Ada".into()]).await.unwrap();
    shop.pages.insert(1, b"<script>".to_vec()).await.unwrap();
    shop.pages.insert(2, vec![0xff; 3]).await.unwrap();
    for (path, value, kind, bytes) in [
        (
            "users/entries/7?value=1",
            json!(["Ada"]),
            json!("json"),
            json!(7),
        ),
        (
            "users/entries/7?value=1&explain=1",
            json!(["Ada"]),
            json!("json"),
            json!(7),
        ),
        (
            "users/entries/8?value=1&explain=1",
            Value::Null,
            Value::Null,
            Value::Null,
        ),
        (
            "pages/entries/1?value=1",
            json!("<script>"),
            json!("text"),
            json!(8),
        ),
        (
            "pages/entries/2?value=1",
            Value::Null,
            json!("bytes"),
            json!(3),
        ),
    ] {
        let (status, told) = shown(&shop, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {told}");
        let members = (&told["value"], &told["value_type"], &told["value_bytes"]);
        assert_eq!(members, (&value, &kind, &bytes), "{path}");
    }
    assert_eq!(shop.users.stats().hits, 0, "looking is no get");
    let (_, without) = shown(&shop, "users/entries/7").await;
    assert!(without.get("value").is_none());
    let (status, problem) = shown(&shop, "hidden/entries/7?value=1&explain=1").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("not built to show"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_value_that_is_too_long_is_not_shown() {
    let shop = shop();
    shop.pages
        .insert(1, vec![b'a'; (1 << 20) + 1])
        .await
        .unwrap();
    shop.users
        .insert(1, vec!["a".repeat(600_000); 2])
        .await
        .unwrap();
    for path in ["pages/entries/1?value=1", "users/entries/1?value=1"] {
        let (status, problem) = shown(&shop, path).await;
        assert_eq!(status, StatusCode::CONFLICT, "{path}");
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains("at most 1048576"),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn a_value_is_taken_where_it_is_one_of_the_caches_type() {
    let shop = shop();
    let (status, put_in) = put(
        &shop,
        "users/entries/7?ttl_ms=60000&tags=team:1,eu",
        "[\"Ada\"]",
    )
    .await;
    assert_eq!(
        (status, put_in),
        (StatusCode::OK, json!({ "applied": "everywhere" }))
    );
    assert_eq!(shop.users.peek(&7), Some(vec!["Ada".to_owned()]));
    let (_, known) = shown(&shop, "users/entries/7?explain=1").await;
    assert_eq!(known["held"]["tags"], json!(["eu", "team:1"]));
    assert!(known["held"]["remaining_ms"].as_u64() <= Some(60_000));
    let many = (0..65)
        .map(|tag| tag.to_string())
        .collect::<Vec<_>>()
        .join(",");
    for (path, body, expected) in [
        (
            "users/entries/7",
            "\"Ada\"",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        ("users/entries/7", "[", StatusCode::BAD_REQUEST),
        ("users/entries/7?ttl_ms=0", "[]", StatusCode::BAD_REQUEST),
        (
            &format!("users/entries/7?tags={many}"),
            "[]",
            StatusCode::BAD_REQUEST,
        ),
        ("users/entries/seven", "[]", StatusCode::BAD_REQUEST),
        ("pages/entries/7", "\"text\"", StatusCode::CONFLICT),
        ("hidden/entries/7", "7", StatusCode::CONFLICT),
    ] {
        let (status, problem) = put(&shop, path, body.to_owned()).await;
        assert_eq!(status, expected, "{path}: {problem}");
    }
    let (_, log) = get(&shop.router, "/v1/audit").await;
    let first = log["actions"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&first["action"], &first["scope"]),
        (&json!("put"), &json!("key 7"))
    );
}
