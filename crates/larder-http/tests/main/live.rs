//! `/v1/events`, and figures of requests.

use axum::body::Body;
use axum::http::{Method, Response, StatusCode, header};
use http_body_util::BodyExt;
use larder_http::Role;
use serde_json::Value;

use super::{get, house, request, send};

async fn next_event(stream: &mut Response<Body>) -> Option<(String, Value)> {
    let frame = stream
        .body_mut()
        .frame()
        .await?
        .unwrap()
        .into_data()
        .unwrap();
    let text = std::str::from_utf8(&frame).unwrap();
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    Some((
        field("event:"),
        serde_json::from_str(&field("data:")).unwrap_or(Value::Null),
    ))
}

#[tokio::test]
async fn a_stream_begins_with_the_figures_and_ends_with_the_daemon() {
    let house = house(Some(Role::Viewer));
    house.cache.peek(&1);
    let mut stream = send(&house.router, request(Method::GET, "/v1/events", None)).await;
    assert_eq!(stream.headers()[header::CONTENT_TYPE], "text/event-stream");
    assert!(!stream.headers().contains_key(header::CONTENT_ENCODING));
    let (kind, data) = next_event(&mut stream).await.unwrap();
    assert_eq!(
        (&*kind, &data["caches"][0]["stats"]["misses"]),
        ("tick", &1.into())
    );
    house.stop.send_replace(true);
    while next_event(&mut stream).await.is_some() {}
}

#[tokio::test]
async fn streams_past_the_limit_are_refused_and_closed_ones_make_room() {
    let house = house(Some(Role::Viewer));
    let mut streams = Vec::new();
    for _ in 0..64 {
        streams.push(send(&house.router, request(Method::GET, "/v1/events", None)).await);
    }
    let refused = send(&house.router, request(Method::GET, "/v1/events", None)).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    streams.pop();
    let admitted = send(&house.router, request(Method::GET, "/v1/events", None)).await;
    assert_eq!(admitted.status(), StatusCode::OK);
}

#[tokio::test]
async fn requests_are_counted_by_how_they_went() {
    let house = house(None);
    for path in ["/health/info", "/v1/caches/none", "/service"] {
        get(&house.router, path).await;
    }
    let mut stream = send(
        &house.router,
        request(Method::GET, "/v1/events", Some(super::TOKEN)),
    )
    .await;
    let (_, data) = next_event(&mut stream).await.unwrap();
    let requests = &data["requests"];
    assert_eq!(
        (
            &requests["total"],
            &requests["successful"],
            &requests["failed"]
        ),
        (&3.into(), &2.into(), &1.into())
    );
    assert!(requests["avg_response_time_ms"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn an_answer_is_compressed_when_it_is_asked_for() {
    let house = house(Some(Role::Viewer));
    for encoding in ["gzip", "br"] {
        let mut asked = request(Method::GET, "/v1/caches", None);
        asked
            .headers_mut()
            .insert(header::ACCEPT_ENCODING, encoding.parse().unwrap());
        let response = send(&house.router, asked).await;
        assert_eq!(response.headers()[header::CONTENT_ENCODING], encoding);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed() {
    use tokio::io::AsyncReadExt;
    let house = house(None);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let stop = async move { drop((&mut stopped).await) };
    tokio::spawn(larder_http::serve(
        listener,
        house.router,
        stop,
        std::time::Duration::from_secs(5),
    ));
    let mut silent = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut answer = Vec::new();
    silent.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"));
}
