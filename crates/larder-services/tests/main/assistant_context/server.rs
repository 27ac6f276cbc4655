//! A server on a port of its own that speaks as `PostgREST`, or as a test wants.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::post};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// What the server answers with.
#[derive(Clone)]
pub(super) enum Says {
    /// JSON.
    Json(Value),
    /// JSON, after so long.
    Late(Duration, Value),
    /// JSON, once it is let.
    WhenLet(Value),
    /// Any status and body.
    Raw(u16, &'static str, String),
    /// Nothing, ever.
    Nothing,
    /// The beginning of a body.
    HalfABody,
}

/// A call as it came.
pub(super) struct Call {
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

pub(super) struct Server {
    pub(super) url: String,
    seen: Arc<Seen>,
}

struct Seen {
    says: Mutex<Says>,
    calls: Mutex<Vec<Call>>,
    arrived: Semaphore,
    let_go: Semaphore,
}

impl Server {
    pub(super) async fn start(says: Says) -> Self {
        let seen = Arc::new(Seen {
            says: Mutex::new(says),
            calls: Mutex::default(),
            arrived: Semaphore::new(0),
            let_go: Semaphore::new(0),
        });
        let router = Router::new()
            .route("/rest/v1/rpc/get_codette_context", post(answer))
            .with_state(seen.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, seen }
    }

    pub(super) fn now_says(&self, says: Says) {
        *self.seen.says.lock() = says;
    }

    /// How often it was called.
    pub(super) fn calls(&self) -> usize {
        self.seen.calls.lock().len()
    }

    pub(super) fn last_call(&self) -> Call {
        self.seen.calls.lock().pop().unwrap()
    }

    /// Waits until it has been called once more.
    pub(super) async fn arrived(&self) {
        self.seen.arrived.acquire().await.unwrap().forget();
    }

    /// Lets one that waits go.
    pub(super) fn let_go(&self) {
        self.seen.let_go.add_permits(1);
    }
}

async fn answer(State(seen): State<Arc<Seen>>, headers: HeaderMap, body: Bytes) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    seen.calls.lock().push(Call { headers, body });
    seen.arrived.add_permits(1);
    let says = seen.says.lock().clone();
    match says {
        Says::Json(value) => axum::Json(value).into_response(),
        Says::Late(time, value) => {
            tokio::time::sleep(time).await;
            axum::Json(value).into_response()
        }
        Says::WhenLet(value) => {
            seen.let_go.acquire().await.unwrap().forget();
            axum::Json(value).into_response()
        }
        Says::Raw(status, media, text) => {
            let status = StatusCode::from_u16(status).unwrap();
            (status, [(header::CONTENT_TYPE, media)], text).into_response()
        }
        Says::Nothing => std::future::pending().await,
        Says::HalfABody => {
            let first = futures_util::stream::iter([Ok::<_, std::io::Error>("{\"snippets\":")]);
            let never = futures_util::stream::pending();
            Body::from_stream(futures_util::StreamExt::chain(first, never)).into_response()
        }
    }
}

/// An answer of the first shape.
pub(super) fn reverb() -> Value {
    json!({
        "snippets": [{"filename": "reverb.md", "snippet": "Put reverb on a return."}],
        "file": null,
        "chat_history": null,
    })
}
