//! A disk, or a client, that stands still: nobody else waits for it.

use std::io::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode};
use axum::routing::get as on_get;
use futures_util::Stream;
use larder_http::{Access, Gateway, Hosts, Mount, Role};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

use super::{TOKEN, request, send};

const PATIENCE: Duration = Duration::from_secs(30);

/// The daemon writes its history anew into a pipe that nobody empties.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_takes_nothing_holds_up_no_answer() {
    use larder_metrics::{Limits, ManualClock, Registry, TimelineFile};
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("metrics.history");
    let file = TimelineFile::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let pipe = directory.path().join("metrics.new");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let clock = ManualClock::new();
    let registry = Registry::with(Limits::default(), clock.clock());
    let long = "x".repeat(200);
    for number in 0..500 {
        let tags = [("cache", &*format!("{number}{long}"))];
        registry.set("larder_cache_entries", &tags, 1.0).unwrap();
    }
    let (_stop, stopping) = watch::channel(false);
    let access = Access::new(TOKEN, None);
    let gateway = Gateway::new("test", "1.2.3", access, Hosts::default(), stopping);
    let router = gateway.metrics(registry).history(file).into_router();
    let ticking = tokio::spawn(async move {
        let mut pace = tokio::time::interval(Duration::from_millis(100));
        loop {
            pace.tick().await;
            clock.advance(Duration::from_secs(10));
        }
    });
    // Whoever opens the other end waits until something is written, and that fills the pipe.
    let reader = tokio::task::spawn_blocking(move || std::fs::File::open(pipe).unwrap());
    let reader = reader.await.unwrap();
    let answers = tokio::spawn(async move {
        // More than there are threads, and over more than a second, in which the history is recorded.
        for _ in 0..8 {
            for path in [
                "/health/live",
                "/v1/status",
                "/v1/metrics/history?name=larder_cache_entries",
            ] {
                let answer = send(&router, request(Method::GET, path, Some(TOKEN))).await;
                assert!(!answer.status().is_server_error(), "{path}");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let answered = tokio::time::timeout(Duration::from_mins(1), answers).await;
    ticking.abort();
    // The writer meets a pipe without a reader, and the thread ends.
    drop(reader);
    let answered = answered.expect("they were to be answered while the pipe was full");
    answered.expect("each was");
}

/// A body without an end, which says when it was let go.
struct Endless(Arc<Notify>);

impl Stream for Endless {
    type Item = std::io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Ok(Bytes::from_static(&[b'x'; 16_384]))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// A client that asks for `path` and does not read.
async fn ask(router: Router, path: &str) -> (TcpStream, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let stopped = async move { drop(stopped.await) };
    tokio::spawn(larder_http::serve(listener, router, stopped, PATIENCE));
    (connect(address, path).await, stop)
}

async fn connect(address: std::net::SocketAddr, path: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    let mut head = Vec::new();
    write!(
        head,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    )
    .unwrap();
    client.write_all(&head).await.unwrap();
    client
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_of_its_answer_is_let_go_after_half_a_minute() {
    let let_go = Arc::new(Notify::new());
    let told = let_go.clone();
    let endless = move || async move { Body::from_stream(Endless(told)) };
    let (_stop, stopping) = watch::channel(false);
    let access = Access::new(TOKEN, Some(Role::Viewer));
    let router = Gateway::new("test", "1.2.3", access, Hosts::default(), stopping)
        .mount(Mount::new().streams(Router::new().route("/endless", on_get(endless))))
        .into_router();
    let began = Instant::now();
    let (client, _stop) = ask(router, "/endless").await;
    let_go.notified().await;
    let took = began.elapsed();
    assert!((PATIENCE..2 * PATIENCE).contains(&took), "{took:?}");
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn readers_that_do_not_read_give_their_place_among_the_streams_back() {
    let (_stop, stopping) = watch::channel(false);
    let access = Access::new(TOKEN, Some(Role::Viewer));
    let gateway = Gateway::new("test", "1.2.3", access, Hosts::default(), stopping);
    let events = gateway.events();
    let router = gateway.into_router();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let never = std::future::pending();
    tokio::spawn(larder_http::serve(
        listener,
        router.clone(),
        never,
        PATIENCE,
    ));
    let mut readers = Vec::new();
    for _ in 0..64 {
        readers.push(connect(address, "/v1/events").await);
    }
    let status = async || {
        let asked = request(Method::GET, "/v1/events", Some(TOKEN));
        send(&router, asked).await.status()
    };
    while status().await == StatusCode::OK {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    let much = json!("x".repeat(20_000));
    while status().await != StatusCode::OK {
        events.announce("much", &much);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(began.elapsed() < Duration::from_mins(3), "they stay");
    }
    assert!(began.elapsed() >= PATIENCE);
    drop(readers);
}
