//! `/v1/caches`.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use larder_http::Role;
use serde_json::{Value, json};

use super::{House, TOKEN, get, house, request, send};

async fn filled() -> House {
    let house = house(Some(Role::Viewer));
    for key in [7, 70, 8] {
        house.cache.insert(key, "value".into()).await.unwrap();
    }
    house
}

async fn post(house: &House, path: &str, body: &str) -> (StatusCode, Value) {
    let request = Request::post(path)
        .header(header::HOST, "localhost")
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap();
    super::json(send(&house.router, request).await).await
}

#[tokio::test]
async fn a_cache_shows_what_it_holds_and_does() {
    let house = filled().await;
    house.cache.peek(&7);
    house.cache.peek(&9);
    let (status, list) = get(&house.router, "/v1/caches").await;
    assert_eq!(
        (status, &list["caches"][0]["name"]),
        (StatusCode::OK, &json!("numbers"))
    );
    let (_, cache) = get(&house.router, "/v1/caches/numbers").await;
    assert_eq!(
        (&cache["entries"], &cache["capacity"], &cache["ttl_ms"]),
        (&json!(3), &json!(10_000), &Value::Null)
    );
    let (_, stats) = get(&house.router, "/v1/caches/numbers/stats").await;
    assert_eq!(
        (&stats["gets"], &stats["hits"], &stats["misses"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(
        (&stats["hit_rate"], &stats["inserts"]),
        (&json!(0.5), &json!(3))
    );
}

#[tokio::test]
async fn entries_are_listed_by_prefix_up_to_a_limit() {
    let house = filled().await;
    let (_, listed) = get(&house.router, "/v1/caches/numbers/entries?prefix=7").await;
    assert_eq!(
        (listed["entries"].as_array().unwrap().len(), &listed["more"]),
        (2, &json!(false))
    );
    let (_, listed) = get(&house.router, "/v1/caches/numbers/entries?limit=1").await;
    assert_eq!(
        (listed["entries"].as_array().unwrap().len(), &listed["more"]),
        (1, &json!(true))
    );
    let (_, entry) = get(&house.router, "/v1/caches/numbers/entries/70").await;
    assert_eq!(entry["key"], "70");
}

#[tokio::test]
async fn what_is_asked_wrongly_is_answered_with_what_was_expected() {
    let house = filled().await;
    for (path, status, says) in [
        (
            "/v1/caches/letters",
            StatusCode::NOT_FOUND,
            "there are: numbers",
        ),
        (
            "/v1/caches/numbers/entries/99",
            StatusCode::NOT_FOUND,
            "\"99\"",
        ),
        (
            "/v1/caches/numbers/entries?limit=0",
            StatusCode::BAD_REQUEST,
            "1 to 1000",
        ),
        (
            "/v1/caches/numbers/entries?limit=many",
            StatusCode::BAD_REQUEST,
            "limit=NUMBER",
        ),
        (
            "/v1/caches/numbers/entries?prefiks=7",
            StatusCode::BAD_REQUEST,
            "prefiks",
        ),
    ] {
        let (answered, problem) = get(&house.router, path).await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            answered == status && detail.contains(says),
            "{path}: {answered} {detail}"
        );
    }
    let path = "/v1/caches/numbers/invalidate";
    for (body, says) in [
        ("{}", "key"),
        ("{\"kee\":1}", "kee"),
        ("", "key"),
        ("{\"key\":\"seven\"}", "\"seven\""),
        ("{\"key\":\"7\",\"tag\":\"t\"}", "expected"),
        ("{\"pattern\":\"[\"}", "`]`"),
    ] {
        let (status, problem) = post(&house, path, body).await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            status == StatusCode::BAD_REQUEST && detail.contains(says),
            "{body}: {status} {detail}"
        );
    }
    assert_eq!(house.cache.len(), 3, "nothing was touched");
}

#[tokio::test]
async fn an_invalidation_takes_out_its_key_and_a_dry_run_nothing() {
    let house = filled().await;
    let path = "/v1/caches/numbers/invalidate";
    let (_, answer) = post(&house, path, r#"{"key":"7","dry_run":true}"#).await;
    assert_eq!(
        (answer, house.cache.len()),
        (json!({ "dry_run": true, "matched": 1 }), 3)
    );
    let (_, answer) = post(&house, path, r#"{"key":"7"}"#).await;
    assert_eq!(
        (answer, house.cache.peek(&7)),
        (json!({ "applied": "everywhere", "matched": 1 }), None)
    );
    let delete = request(Method::DELETE, "/v1/caches/numbers/entries/70", Some(TOKEN));
    assert_eq!(send(&house.router, delete).await.status(), StatusCode::OK);
    assert_eq!((house.cache.peek(&70), house.cache.len()), (None, 1));
}

#[tokio::test]
async fn a_clear_empties_the_cache_and_an_empty_one_can_be_cleared() {
    let house = filled().await;
    for entries in [3, 0] {
        let (status, answer) = post(&house, "/v1/caches/numbers/clear", "").await;
        assert_eq!(
            (status, &answer["entries"]),
            (StatusCode::OK, &json!(entries))
        );
        assert!(house.cache.is_empty());
    }
}

#[tokio::test]
async fn many_are_invalidated_by_prefix_pattern_or_tag() {
    for (target, matched, left) in [
        (r#"{"prefix":"7"}"#, 2, 2),
        (r#"{"pattern":"?"}"#, 3, 1),
        (r#"{"tag":"t"}"#, 1, 3),
    ] {
        let house = filled().await;
        house
            .cache
            .entry(&9)
            .tags(["t"])
            .insert("value".into())
            .await
            .unwrap();
        let (status, answer) = post(&house, "/v1/caches/numbers/invalidate", target).await;
        assert_eq!(
            (status, &answer["matched"]),
            (StatusCode::OK, &json!(matched)),
            "{target}"
        );
        assert_eq!(house.cache.entries("", 10).len(), left, "{target}");
    }
}

#[tokio::test]
async fn a_cache_on_disk_shows_what_that_tier_does() {
    let directory = tempfile::tempdir().unwrap();
    let cache = larder::Cache::builder("numbers")
        .disk(larder::Disk::at(directory.path()))
        .build()
        .unwrap();
    let house = super::house_of(cache, Some(Role::Viewer), None);
    house.cache.insert(7, "value".into()).await.unwrap();
    let (_, cache) = get(&house.router, "/v1/caches/numbers").await;
    assert_eq!(cache["tier"], json!("memory, disk"));
    let disk = &cache["stats"]["disk"];
    assert_eq!((&disk["entries"], &disk["puts"]), (&json!(1), &json!(1)));
    assert_eq!(disk["degraded"], Value::Null);
    house.cache.close().await.unwrap();
}
