//! Who may do what, and what is refused.

use axum::http::Method;
use serde_json::{Value, json};

use super::House;
use super::house::ADMIN;

#[tokio::test]
async fn what_is_no_question_is_refused_with_what_was_expected() {
    let house = House::embedded();
    for (body, expected) in [
        (json!({ "message": "" }), "message: expected 1 to 8000"),
        (json!({ "message": " \n\t" }), "message: expected 1 to 8000"),
        (json!({ "message": "x".repeat(8_001) }), "it has 8001"),
        (json!({ "message": 7 }), "expected a string"),
        (json!({ "text": "reverb" }), "missing field `message`"),
        (
            json!({ "message": "a", "perspective": "x".repeat(129) }),
            "perspective: expected",
        ),
        (
            json!({ "message": "a", "conversation_id": "x".repeat(129) }),
            "conversation_id: expected",
        ),
        (
            json!({ "message": "a", "daw_context": {"filename": 7} }),
            "daw_context.filename: expected a text",
        ),
        (
            json!({ "message": "a", "daw_context": {"filename": "x".repeat(256)} }),
            "daw_context.filename",
        ),
    ] {
        let (status, problem) = house.says(body).await;
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert_eq!(status, 422, "{problem}");
        assert!(detail.contains(expected), "{expected}: {detail}");
    }
    let chat = "/codette/chat";
    let send = async |body: String| house.send(Method::POST, chat, None, Some(body)).await.0;
    assert_eq!(send("{".to_owned()).await, 400);
    assert_eq!(
        send(format!("{{\"message\":\"{}\"}}", "x".repeat(10 << 20))).await,
        413
    );
    assert_eq!(house.send(Method::POST, chat, None, None).await.0, 415);
    assert_eq!(house.send(Method::GET, chat, None, None).await.0, 405);
}

#[tokio::test]
async fn optional_fields_may_be_null_and_of_any_shape() {
    let house = House::embedded();
    for daw in [
        Value::Null,
        json!({}),
        json!({ "filename": null }),
        json!([1]),
        json!("live"),
    ] {
        let asked = json!({
            "message": "reverb", "perspective": null, "context": 7, "conversation_id": null, "daw_context": daw,
        });
        assert_eq!(house.says(asked).await.0, 200, "{daw}");
    }
}

#[tokio::test]
async fn each_route_asks_for_its_role() {
    let house = House::embedded();
    for (method, path, body, roles) in [
        (
            Method::POST,
            "/codette/chat",
            Some(r#"{"message":"reverb"}"#),
            [200, 200, 200],
        ),
        (Method::GET, "/codette/cache/stats", None, [200, 200, 200]),
        (Method::GET, "/codette/cache/metrics", None, [200, 200, 200]),
        (Method::GET, "/codette/cache/status", None, [200, 200, 200]),
        (
            Method::GET,
            "/codette/analytics/dashboard",
            None,
            [200, 200, 200],
        ),
        (
            Method::GET,
            "/codette/analytics/signals",
            None,
            [200, 200, 200],
        ),
        (Method::POST, "/codette/cache/clear", None, [401, 403, 200]),
        (Method::GET, "/codette/cache/clear", None, [405, 405, 405]),
    ] {
        for (token, expected) in [None, Some("operator"), Some(ADMIN)].into_iter().zip(roles) {
            let body = body.map(str::to_owned);
            let (status, answer) = house.send(method.clone(), path, token, body).await;
            assert_eq!(status, expected, "{method} {path} {token:?}: {answer}");
        }
    }
}
