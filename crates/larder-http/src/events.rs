//! `/v1/events`: what happens, as it happens, as server-sent events.
//!
//! A reader that is slower than the events loses the oldest, and is told how many.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

use crate::gateway::Gateway;
use crate::problem::Problem;
use crate::wire::{CacheInfo, RequestsInfo};

/// Streams open at once; more are refused.
const STREAMS_MAX: usize = 64;
/// Events that a slow reader may lag behind.
const BACKLOG: usize = 64;
const TICK: Duration = Duration::from_secs(1);

/// The announcements of one program. Cloning gives a handle to the same.
#[derive(Clone)]
pub struct Events {
    sender: broadcast::Sender<Announcement>,
    streams: Arc<Semaphore>,
}

#[derive(Clone)]
struct Announcement {
    kind: &'static str,
    data: Arc<str>,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            sender: broadcast::Sender::new(BACKLOG),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        }
    }
}

impl Events {
    /// Tells every open stream. Never blocks; without streams it does nothing.
    pub fn announce(&self, kind: &'static str, data: &Value) {
        if self.sender.receiver_count() > 0 {
            // Fails only when the last reader has just gone.
            let _ = self.sender.send(Announcement {
                kind,
                data: data.to_string().into(),
            });
        }
    }
}

pub(crate) fn routes(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/events", get(events))
        .with_state(gateway.clone())
}

/// Announces the caches' and requests' figures each second, while anyone listens.
pub(crate) fn start_ticking(gateway: &Arc<Gateway>) {
    let gateway = Arc::downgrade(gateway);
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(TICK);
        loop {
            interval.tick().await;
            let Some(gateway) = gateway.upgrade() else {
                return;
            };
            if gateway.events.sender.receiver_count() > 0 {
                gateway.events.announce("tick", &tick(&gateway));
            }
        }
    });
}

fn tick(gateway: &Gateway) -> Value {
    let caches: Vec<_> = gateway
        .caches
        .iter()
        .map(|cache| CacheInfo::of(&**cache))
        .collect();
    let at = jiff::Timestamp::now().to_string();
    json!({ "at": at, "caches": caches, "requests": RequestsInfo::from(gateway.requests.figures()) })
}

#[utoipa::path(
    get, path = "/v1/events", tag = "caches",
    responses((status = OK, description = "What happens, as server-sent events.", content_type = "text/event-stream"))
)]
pub(crate) async fn events(
    State(gateway): State<Arc<Gateway>>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let permit = gateway
        .events
        .streams
        .clone()
        .try_acquire_owned()
        .map_err(|_| {
            let detail = format!("{STREAMS_MAX} streams are open, which is the limit");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-streams", detail).retry_after(5)
        })?;
    let first = Event::default()
        .event("tick")
        .data(tick(&gateway).to_string());
    let receiver = gateway.events.sender.subscribe();
    let mut stopping = gateway.stopping.clone();
    let stopped = async move {
        // An error means that whoever would say so is gone, which is the end too.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    };
    let later = stream::unfold((receiver, permit), next_event);
    let events = stream::iter([Ok(first)]).chain(later).take_until(stopped);
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

type Reader = (broadcast::Receiver<Announcement>, OwnedSemaphorePermit);

async fn next_event((mut receiver, permit): Reader) -> Option<(Result<Event, Infallible>, Reader)> {
    let event = match receiver.recv().await {
        Ok(Announcement { kind, data }) => Event::default().event(kind).data(data),
        Err(broadcast::error::RecvError::Lagged(lost)) => Event::default()
            .event("lagged")
            .data(json!({ "lost": lost }).to_string()),
        Err(broadcast::error::RecvError::Closed) => return None,
    };
    Some((Ok(event), (receiver, permit)))
}
