//! `/ws/scheduler`: what ends, as it ends.
//!
//! Each client has a queue of [`BACKLOG`] messages; one that is slower loses the oldest, and is told how
//! many. It must not know what is told.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::StatusCode;
use axum::response::Response;
use larder_http::Problem;
use larder_metrics::Gauge;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};
use tokio::time::{interval, timeout};

/// Clients at once; more are refused.
const CLIENTS_MAX: usize = 256;
/// Messages that a slow client may lag behind.
const BACKLOG: usize = 64;
/// Clients have nothing to say here; what is read at once, too, as it is cleared each time.
const MESSAGE_BYTES_MAX: usize = 4 << 10;
/// A client that takes nothing for this long is let go.
const SEND_MAX: Duration = Duration::from_secs(10);
/// A client that is not heard of from one ping to the next is let go.
const PING: Duration = Duration::from_secs(30);

pub(super) struct Clients {
    sender: broadcast::Sender<Utf8Bytes>,
    places: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
    connected: Gauge,
}

impl Clients {
    /// Nobody yet; who comes and goes is counted by the gauge.
    pub(super) fn new(connected: Gauge) -> Self {
        Self {
            sender: broadcast::Sender::new(BACKLOG),
            places: Arc::new(Semaphore::new(CLIENTS_MAX)),
            stopping: watch::Sender::new(false),
            connected,
        }
    }

    /// Tells every client. Never waits; without clients the message is not made.
    pub(super) fn tell(&self, message: impl FnOnce() -> Value) {
        if self.sender.receiver_count() > 0 {
            // Fails only when the last client has just gone.
            let _ = self.sender.send(message().to_string().into());
        }
    }

    /// Lets all clients go.
    pub(super) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Makes a client of a request, and tells it the first message.
    pub(super) fn connect(
        &self,
        upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
        first: &Value,
    ) -> Result<Response, Problem> {
        let upgrade = upgrade.map_err(|rejection| {
            let detail = format!("expected a WebSocket: {}", rejection.body_text());
            Problem::new(rejection.status(), "no-websocket", detail)
        })?;
        let place = self.places.clone().try_acquire_owned().map_err(|_| {
            let detail = format!("{CLIENTS_MAX} clients are connected, which is the limit");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-clients", detail).retry_after(5)
        })?;
        let client = Client {
            messages: self.sender.subscribe(),
            stopping: self.stopping.subscribe(),
            connected: Connected::new(&self.connected),
            _place: place,
        };
        let upgrade = upgrade
            .max_message_size(MESSAGE_BYTES_MAX)
            .max_frame_size(MESSAGE_BYTES_MAX)
            .read_buffer_size(MESSAGE_BYTES_MAX);
        let first = Message::Text(first.to_string().into());
        Ok(upgrade.on_upgrade(move |socket| client.serve(socket, first)))
    }
}

/// One that counts while it stands.
struct Connected(Gauge);

impl Connected {
    fn new(connected: &Gauge) -> Self {
        connected.add(1.0);
        Self(connected.clone())
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.add(-1.0);
    }
}

struct Client {
    messages: broadcast::Receiver<Utf8Bytes>,
    stopping: watch::Receiver<bool>,
    connected: Connected,
    _place: OwnedSemaphorePermit,
}

impl Client {
    async fn serve(mut self, mut socket: WebSocket, first: Message) {
        let mut next = Some(first);
        let (mut pings, mut was_heard) = (interval(PING), true);
        while let Some(message) = next {
            let is_last = matches!(message, Message::Close(_));
            let sent = timeout(SEND_MAX, socket.send(message)).await;
            if is_last || !matches!(sent, Ok(Ok(()))) {
                break;
            }
            next = self.next(&mut socket, &mut pings, &mut was_heard).await;
        }
        drop(self.connected);
    }

    /// What the client is to be sent next; none where it has gone.
    async fn next(
        &mut self,
        socket: &mut WebSocket,
        pings: &mut tokio::time::Interval,
        was_heard: &mut bool,
    ) -> Option<Message> {
        loop {
            tokio::select! {
                message = self.messages.recv() => return text(message).map(Message::Text),
                heard = socket.recv() => match heard {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    Some(Ok(_)) => *was_heard = true,
                },
                _ = pings.tick() => {
                    let heard = std::mem::take(was_heard);
                    return heard.then(|| Message::Ping(Vec::new().into()));
                }
                _ = self.stopping.wait_for(|stopping| *stopping) => {
                    return Some(Message::Close(Some(CloseFrame {
                        code: close_code::AWAY,
                        reason: "the server stops".into(),
                    })));
                }
            }
        }
    }
}

/// The next message, or how many were lost; none when there will be no more.
fn text(message: Result<Utf8Bytes, broadcast::error::RecvError>) -> Option<Utf8Bytes> {
    match message {
        Ok(text) => Some(text),
        Err(broadcast::error::RecvError::Lagged(lost)) => {
            let lagged = json!({ "type": "lagged", "payload": { "lost": lost } });
            Some(lagged.to_string().into())
        }
        Err(broadcast::error::RecvError::Closed) => None,
    }
}
