//! Who may do what.

use axum::http::{Method, StatusCode, header};
use larder_http::{Role, admin_token};

use super::{TOKEN, house, json, request, send};

/// I5
#[tokio::test]
async fn a_token_that_is_not_known_is_refused_even_where_none_is_needed() {
    let house = house(Some(Role::Viewer));
    for path in ["/service", "/v1/caches", "/health/info", "/"] {
        let response = send(&house.router, request(Method::GET, path, Some("guessed"))).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
}

/// I5
#[tokio::test]
async fn each_route_asks_for_its_role() {
    let changes = [
        (Method::POST, "/v1/caches/numbers/clear"),
        (Method::POST, "/v1/caches/numbers/invalidate"),
        (Method::POST, "/v1/caches/numbers/warm"),
        (Method::POST, "/v1/caches/numbers/reset"),
        (Method::GET, "/v1/audit"),
        (Method::DELETE, "/v1/caches/numbers/entries/7"),
        (Method::PUT, "/v1/caches/numbers/entries/7"),
    ];
    let reads = [
        "/service",
        "/v1/caches",
        "/v1/caches/numbers/entries",
        "/v1/status",
        "/v1/config",
        "/health",
        "/health/info",
        "/v1/events",
    ];
    let open = house(Some(Role::Viewer));
    let closed = house(None);
    for path in reads {
        let get = |token| request(Method::GET, path, token);
        assert_eq!(
            send(&open.router, get(None)).await.status(),
            StatusCode::OK,
            "{path}"
        );
        assert_eq!(
            send(&closed.router, get(None)).await.status(),
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
        assert_eq!(
            send(&closed.router, get(Some(TOKEN))).await.status(),
            StatusCode::OK,
            "{path}"
        );
    }
    for (method, path) in changes {
        let change = |token| request(method.clone(), path, token);
        assert_eq!(
            send(&open.router, change(None)).await.status(),
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
        assert_eq!(
            send(&closed.router, change(None)).await.status(),
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
    }
    for path in ["/", "/health/live", "/health/ready"] {
        assert_eq!(
            send(&closed.router, request(Method::GET, path, None))
                .await
                .status(),
            StatusCode::OK,
            "{path}"
        );
    }
}

/// I5
#[tokio::test]
async fn a_token_counts_under_its_own_scheme_alone() {
    let house = house(None);
    for (scheme, status) in [
        ("bearer", StatusCode::OK),
        ("Basic", StatusCode::UNAUTHORIZED),
        ("", StatusCode::UNAUTHORIZED),
    ] {
        let mut asks = request(Method::GET, "/v1/caches", None);
        let value = format!("{scheme} {TOKEN}").parse().unwrap();
        asks.headers_mut().insert(header::AUTHORIZATION, value);
        let answer = send(&house.router, asks).await;
        assert_eq!(answer.status(), status, "{scheme:?}");
    }
}

#[tokio::test]
async fn a_clear_by_get_is_not_served() {
    let house = house(Some(Role::Admin));
    let response = send(
        &house.router,
        request(Method::GET, "/v1/caches/numbers/clear", Some(TOKEN)),
    )
    .await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_request_for_a_foreign_host_is_refused() {
    let house = house(Some(Role::Viewer));
    let mut rebound = request(Method::GET, "/service", None);
    rebound
        .headers_mut()
        .insert(header::HOST, "evil.example:7070".parse().unwrap());
    let (status, problem) = json(send(&house.router, rebound).await).await;
    assert_eq!(status, StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(problem["type"], "urn:larder:problem:unknown-host");
}

#[tokio::test]
async fn a_problem_carries_the_requests_id() {
    let house = house(Some(Role::Viewer));
    let response = send(&house.router, request(Method::GET, "/nowhere", None)).await;
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    let id = response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let (status, problem) = json(response).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(
        (problem["status"].as_u64(), problem["request_id"].as_str()),
        (Some(404), Some(&*id))
    );
}

#[test]
fn the_first_start_makes_a_token_that_later_ones_find() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("admin.token");
    let token = admin_token(&path).unwrap();
    assert_eq!(token.len(), 64);
    assert_eq!(admin_token(&path).unwrap(), token);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    assert_eq!(
        std::fs::read_dir(directory.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}

#[test]
fn a_token_file_that_holds_no_token_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("admin.token");
    for bad in ["short", "a1b2", &"a".repeat(65), &"g".repeat(64)] {
        std::fs::write(&path, bad).unwrap();
        let error = admin_token(&path).unwrap_err().to_string();
        assert!(
            error.contains("admin.token") && error.contains("64 hexadecimal digits"),
            "{bad}: {error}"
        );
    }
}
