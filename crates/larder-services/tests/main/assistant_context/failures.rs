//! An RPC that hangs, fails, or answers with something else: a clear problem, and nothing kept of it.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::server::reverb;
use super::{House, Says, Server};

fn page() -> String {
    "<!DOCTYPE html><html>secret at 10.0.0.7</html>".to_owned()
}

#[tokio::test]
async fn whatever_goes_wrong_is_told_and_the_next_one_asks_again() {
    let server = Server::start(Says::Nothing).await;
    let house = House::at(&server.url);
    let json = "application/json";
    let cases = [
        (
            Says::Raw(500, json, page()),
            502,
            "rpc-failed",
            "status 500",
        ),
        (
            Says::Raw(503, json, page()),
            502,
            "rpc-failed",
            "status 503",
        ),
        (
            Says::Raw(404, json, r#"{"code":"PGRST202"}"#.into()),
            502,
            "rpc-failed",
            "status 404",
        ),
        (
            Says::Raw(302, json, String::new()),
            502,
            "rpc-failed",
            "status 302",
        ),
        (
            Says::Raw(200, "text/html", page()),
            502,
            "rpc-malformed",
            "expected JSON",
        ),
        (
            Says::Raw(200, json, String::new()),
            502,
            "rpc-malformed",
            "expected JSON",
        ),
        (
            Says::Raw(200, json, "{\"snippets\":[".into()),
            502,
            "rpc-malformed",
            "expected JSON",
        ),
        (
            Says::Json(json!({ "data": [] })),
            502,
            "rpc-malformed",
            "`snippets`",
        ),
        (
            Says::Json(json!([{ "id": 1, "name": "x" }])),
            502,
            "rpc-malformed",
            "`suggestion`",
        ),
        (
            Says::Json(json!(null)),
            502,
            "rpc-malformed",
            "expected JSON",
        ),
        (
            Says::Raw(200, json, " ".repeat(5 << 20)),
            502,
            "rpc-malformed",
            "at most 4 MiB",
        ),
    ];
    for (number, (says, status, kind, expected)) in cases.into_iter().enumerate() {
        server.now_says(says);
        let message = format!("reverb {number}");
        let (given, problem) = house.says(json!({ "message": message })).await;
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert_eq!(given, status, "{expected}: {problem}");
        assert_eq!(problem["type"], format!("urn:larder:problem:{kind}"));
        assert!(detail.contains(expected), "{detail}");
        assert!(!problem.to_string().contains("secret"), "{problem}");
        assert_eq!(house.get("/codette/cache/stats").await["entries"], number);
        let health = house.get("/health/ready").await;
        assert_eq!(health["status"], "degraded", "{health}");

        server.now_says(Says::Json(reverb()));
        let answer = house.asks(&message).await;
        assert_eq!(answer["cached"], false, "a failure is not kept");
        assert_eq!(house.get("/health/ready").await["status"], "ready");
    }
}

#[tokio::test]
async fn one_that_hangs_is_given_up() {
    for hangs in [Says::Nothing, Says::HalfABody] {
        let server = Server::start(hangs).await;
        let house = House::patient(&server.url, Duration::from_millis(100));
        let (status, problem) = house.says(json!({ "message": "reverb" })).await;
        assert_eq!(status, 504, "{problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains("within 100ms"),
            "{problem}"
        );
        let signals = house.get("/codette/analytics/signals").await;
        assert_eq!(signals["rpc"], json!({ "calls": 0, "failures": 1 }));
    }
}

#[tokio::test]
async fn one_that_is_not_there_is_named() {
    let url = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let house = House::at(&url);
    let (status, problem) = house.says(json!({ "message": "reverb" })).await;
    assert_eq!(status, 503, "{problem}");
    assert_eq!(problem["type"], "urn:larder:problem:rpc-unreachable");
    assert!(
        !problem["detail"].as_str().unwrap().contains("127.0.0.1"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_context_that_is_cached_answers_while_the_rpc_is_away() {
    let server = Server::start(Says::Json(reverb())).await;
    let house = House::at(&server.url);
    house.asks("reverb").await;
    server.now_says(Says::Raw(500, "text/plain", String::new()));
    for _ in 0..3 {
        assert_eq!(house.asks("REVERB").await["source"], "memory");
    }
    assert_eq!(house.says(json!({ "message": "delay" })).await.0, 502);
    let signals = house.get("/codette/analytics/signals").await;
    let fallback = &signals["signals"][6];
    assert_eq!(
        (&fallback["value"], &fallback["verdict"]),
        (&json!(80.0), &json!("act"))
    );
    let rpc = &signals["signals"][5];
    assert_eq!(
        (&rpc["value"], &rpc["verdict"]),
        (&json!(50.0), &json!("act"))
    );
    let dashboard = house.get("/codette/analytics/dashboard").await;
    let advice = dashboard["analytics"]["optimization_recommendations"].to_string();
    assert!(advice.contains("1 of 2 RPC calls have failed"), "{advice}");
}

#[tokio::test]
async fn nothing_found_is_an_answer_that_says_so() {
    let nothing = json!({ "snippets": null, "file": null, "chat_history": null });
    let server = Server::start(Says::Json(nothing)).await;
    let house = House::at(&server.url);
    for cached in [false, true] {
        let answer = house.asks("reverb").await;
        assert_eq!(
            (&answer["source"], &answer["cached"]),
            (&json!("no-context"), &json!(cached))
        );
        assert_eq!(answer["confidence"], 0.0);
    }
}

#[tokio::test]
async fn the_later_schema_is_understood() {
    let rows = json!([
        {"id": "7", "topic": "reverb", "category": "mixing", "suggestion": {"text": "Use a return."}, "confidence": 0.83},
    ]);
    let server = Server::start(Says::Json(rows)).await;
    let answer = House::at(&server.url).asks("reverb").await;
    assert_eq!(
        answer["response"],
        "text: Use a return. (from reverb, mixing)"
    );
    assert_eq!(answer["confidence"], 0.83);
}

#[tokio::test]
async fn what_is_no_http_or_breaks_off_is_no_context() {
    for answer in [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = [0; 4 << 10];
                let read = socket.read(&mut request).await.unwrap();
                assert!(read > 0);
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let house = House::at(&url);
        let (status, problem) = house.says(json!({ "message": "reverb" })).await;
        assert_eq!(status, 502, "{problem}");
        assert_eq!(problem["type"], "urn:larder:problem:rpc-malformed");
        server.abort();
    }
}
