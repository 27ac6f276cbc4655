//! `/health`.

use std::sync::Arc;

use axum::http::StatusCode;
use larder_http::{Check, Standing};
use parking_lot::Mutex;
use serde_json::json;

use super::{get, house, house_with};

#[tokio::test]
async fn it_is_ready_once_every_part_can_answer() {
    let standing = Arc::new(Mutex::new(Standing::NotReady("reading".into())));
    let asked = standing.clone();
    let house = house_with(None, Some(Check::new("part", move || asked.lock().clone())));
    let (status, body) = get(&house.router, "/health/ready").await;
    assert_eq!(
        (status, &body["status"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("not_ready"))
    );
    assert_eq!(
        body["checks"][0],
        json!({ "name": "part", "status": "not_ready", "detail": "reading" })
    );
    for (now, word) in [
        (Standing::Degraded("slow".into()), "degraded"),
        (Standing::Ready, "ready"),
    ] {
        *standing.lock() = now;
        let (status, body) = get(&house.router, "/health/ready").await;
        assert_eq!((status, &body["status"]), (StatusCode::OK, &json!(word)));
    }
}

#[tokio::test]
async fn readiness_fails_first_on_shutdown_and_liveness_does_not() {
    let house = house(None);
    house.stop.send_replace(true);
    let (status, body) = get(&house.router, "/health/ready").await;
    assert_eq!(
        (status, &body["status"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("stopping"))
    );
    assert_eq!(get(&house.router, "/health/live").await.0, StatusCode::OK);
}

#[tokio::test]
async fn health_tells_the_version_and_is_not_ok_when_not_ready() {
    let house = house_with(
        None,
        Some(Check::new("part", || Standing::NotReady("x".into()))),
    );
    let (status, body) = get(&house.router, "/health").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        (&body["status"], &body["version"]),
        (&json!("not_ready"), &json!("1.2.3"))
    );
}

#[tokio::test]
async fn info_says_what_it_is() {
    let (_, info) = get(&house(None).router, "/health/info").await;
    assert_eq!(
        (&info["name"], &info["version"], &info["caches"]),
        (&json!("test"), &json!("1.2.3"), &json!(["numbers"]))
    );
}
