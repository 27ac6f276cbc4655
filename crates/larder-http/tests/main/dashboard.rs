//! The page and its files.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;

use super::{get, house, request, send};

fn page() -> Request<Body> {
    let mut request = request(Method::GET, "/", None);
    request
        .headers_mut()
        .insert(header::ACCEPT, "text/html,*/*".parse().unwrap());
    request
}

#[tokio::test]
async fn a_browser_gets_the_page_and_a_program_the_version() {
    let house = house(None);
    let response = send(&house.router, page()).await;
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "text/html; charset=utf-8"
    );
    assert_eq!(get(&house.router, "/").await.1["version"], "1.2.3");
}

#[tokio::test]
async fn the_page_names_files_that_are_there_and_no_other_host() {
    let house = house(None);
    let response = send(&house.router, page()).await;
    assert!(
        response.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'")
    );
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let html = std::str::from_utf8(&body).unwrap();
    assert!(!html.contains("://"), "{html}");
    let named: Vec<_> = html
        .split('"')
        .filter(|text| text.starts_with("./assets/"))
        .collect();
    assert!(named.len() >= 2, "{html}");
    for file in named {
        let response = send(&house.router, request(Method::GET, &file[1..], None)).await;
        assert_eq!(response.status(), StatusCode::OK, "{file}");
        assert!(
            response.headers()[header::CACHE_CONTROL]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
    }
}

#[tokio::test]
async fn a_page_that_the_browser_has_is_not_sent_again() {
    let house = house(None);
    let etag = send(&house.router, page()).await.headers()[header::ETAG].clone();
    let mut again = page();
    again.headers_mut().insert(header::IF_NONE_MATCH, etag);
    assert_eq!(
        send(&house.router, again).await.status(),
        StatusCode::NOT_MODIFIED
    );
}

#[tokio::test]
async fn no_path_leaves_the_assets() {
    let house = house(None);
    for path in [
        "/../Cargo.toml",
        "/assets/../../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/assets/none.js",
    ] {
        assert_eq!(
            send(&house.router, request(Method::GET, path, None))
                .await
                .status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}
