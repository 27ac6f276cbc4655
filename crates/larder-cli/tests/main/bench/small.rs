//! A server on a loopback port with delays that are known, and runs against it.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path as PathOf, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{any, get};
use serde_json::Value;

use crate::run::{Ended, end, larder};

pub(super) const SLOW: Duration = Duration::from_millis(60);
const STALL: Duration = Duration::from_millis(600);
pub(super) const BODY_BYTES: usize = 1_000;

/// What the server has seen.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) slow: AtomicU64,
    pub(super) quick: AtomicU64,
    stalling: AtomicU64,
    stalled: tokio::sync::Mutex<()>,
    pub(super) keys: std::sync::Mutex<Vec<String>>,
}

impl Seen {
    pub(super) fn count(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}

/// Ends with the test's process.
pub(super) struct Small {
    pub(super) url: String,
    pub(super) seen: Arc<Seen>,
}

impl Small {
    pub(super) fn start() -> Self {
        let seen = Arc::new(Seen::default());
        let router = Router::new()
            .route("/page", get(page))
            .route("/slow", get(slow))
            .route("/quick", get(quick))
            .route("/stalling", get(stalling))
            .route("/key/{key}", any(key))
            .route("/status/{status}", get(status))
            .with_state(Arc::clone(&seen));
        let address = serve_apart(async |listener| {
            axum::serve(listener, router).await.expect("it serves");
        });
        let url = format!("http://{address}");
        Self { url, seen }
    }
}

/// Serves on a free port, on a thread of its own, until the test's process ends.
pub(super) fn serve_apart(
    serve: impl AsyncFnOnce(tokio::net::TcpListener) + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("it can be set");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            serve(listener).await;
        });
    });
    address
}

async fn slow(State(seen): State<Arc<Seen>>) -> String {
    seen.slow.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(SLOW).await;
    "x".repeat(BODY_BYTES)
}

async fn quick(State(seen): State<Arc<Seen>>) -> String {
    seen.quick.fetch_add(1, Ordering::Relaxed);
    "x".repeat(BODY_BYTES)
}

/// A cache that `no-cache` gets past.
async fn page(state: State<Arc<Seen>>, headers: HeaderMap) -> String {
    match headers.get("cache-control") {
        Some(value) if value == "no-cache" => slow(state).await,
        _ => quick(state).await,
    }
}

/// The 40th request and all that come meanwhile wait.
async fn stalling(State(seen): State<Arc<Seen>>) -> &'static str {
    let number = seen.stalling.fetch_add(1, Ordering::Relaxed);
    let _turn = seen.stalled.lock().await;
    if number == 40 {
        tokio::time::sleep(STALL).await;
    }
    "ok"
}

async fn key(State(seen): State<Arc<Seen>>, PathOf(key): PathOf<String>, body: String) -> String {
    seen.keys.lock().expect("no panic").push(key + &body);
    String::new()
}

async fn status(PathOf(status): PathOf<u16>) -> (StatusCode, &'static str) {
    (
        StatusCode::from_u16(status).expect("a status"),
        "the server's own words",
    )
}

pub(super) fn bench(home: &Path, arguments: &[&str]) -> Ended {
    let mut command = larder(home, &[&["bench"], arguments].concat());
    end(command.current_dir(home))
}

/// Runs with `--json -` and reads it.
pub(super) fn measured(home: &Path, arguments: &[&str]) -> Value {
    let ended = bench(home, &[&["run", "--json", "-"], arguments].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).expect("JSON")
}

pub(super) fn home() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}
