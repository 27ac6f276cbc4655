//! `/ws/workstations`: what changes, as it changes.
//!
//! Each client has a queue of [`BACKLOG`] notices; one that is slower loses the oldest, and is told how
//! many. It must not know what is announced.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::StatusCode;
use axum::response::Response;
use larder_http::Problem;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};
use tokio::time::{interval, timeout};

/// Clients at once; more are refused.
const CLIENTS_MAX: usize = 256;
/// Notices that a slow client may lag behind.
const BACKLOG: usize = 256;
/// Clients have nothing to say here; what is read at once, too, as it is cleared each time.
const MESSAGE_BYTES_MAX: usize = 4 << 10;
/// A client that takes nothing for this long is let go.
const SEND_MAX: Duration = Duration::from_secs(10);
/// A client that is not heard of from one ping to the next is let go.
const PING: Duration = Duration::from_secs(30);

pub(super) struct Notices {
    sender: broadcast::Sender<Utf8Bytes>,
    clients: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
}

impl Notices {
    pub(super) fn new() -> Self {
        Self {
            sender: broadcast::Sender::new(BACKLOG),
            clients: Arc::new(Semaphore::new(CLIENTS_MAX)),
            stopping: watch::Sender::new(false),
        }
    }

    /// Tells every client. Never waits.
    pub(super) fn announce(&self, kind: &'static str, workstation: &Value) {
        let timestamp = jiff::Timestamp::now();
        let timestamp = format!("{timestamp:.6}");
        let notice = json!({ "type": kind, "workstation": workstation, "timestamp": timestamp });
        // Fails only when there is no client.
        let _ = self.sender.send(notice.to_string().into());
    }

    /// Clients that are connected.
    pub(super) fn clients(&self) -> usize {
        CLIENTS_MAX - self.clients.available_permits()
    }

    /// Lets all clients go.
    pub(super) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Makes a client of a request.
    pub(super) fn connect(
        &self,
        upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    ) -> Result<Response, Problem> {
        let upgrade = upgrade.map_err(|rejection| {
            let detail = format!("expected a WebSocket: {}", rejection.body_text());
            Problem::new(rejection.status(), "no-websocket", detail)
        })?;
        let place = self.clients.clone().try_acquire_owned().map_err(|_| {
            let detail = format!("{CLIENTS_MAX} clients are connected, which is the limit");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-clients", detail).retry_after(5)
        })?;
        // From here on the client misses nothing, though it has still to be connected.
        let client = Client {
            notices: self.sender.subscribe(),
            stopping: self.stopping.subscribe(),
            _place: place,
        };
        let upgrade = upgrade
            .max_message_size(MESSAGE_BYTES_MAX)
            .max_frame_size(MESSAGE_BYTES_MAX)
            .read_buffer_size(MESSAGE_BYTES_MAX);
        Ok(upgrade.on_upgrade(move |socket| client.serve(socket)))
    }
}

struct Client {
    notices: broadcast::Receiver<Utf8Bytes>,
    stopping: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl Client {
    async fn serve(mut self, mut socket: WebSocket) {
        let mut pings = interval(PING);
        let mut was_heard = true;
        loop {
            let message = tokio::select! {
                notice = self.notices.recv() => match text(notice) {
                    Some(text) => Message::Text(text),
                    None => return,
                },
                heard = socket.recv() => match heard {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => {
                        was_heard = true;
                        continue;
                    }
                },
                _ = pings.tick() => {
                    if !std::mem::take(&mut was_heard) {
                        return;
                    }
                    Message::Ping(Vec::new().into())
                }
                _ = self.stopping.wait_for(|stopping| *stopping) => Message::Close(Some(CloseFrame {
                    code: close_code::AWAY,
                    reason: "the server stops".into(),
                })),
            };
            let is_last = matches!(message, Message::Close(_));
            let sent = timeout(SEND_MAX, socket.send(message)).await;
            if is_last || !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
    }
}

/// The next notice, or how many were lost; none when there will be no more.
fn text(notice: Result<Utf8Bytes, broadcast::error::RecvError>) -> Option<Utf8Bytes> {
    match notice {
        Ok(text) => Some(text),
        Err(broadcast::error::RecvError::Lagged(lost)) => {
            tracing::debug!(lost, "a client is slower than the notices");
            Some(json!({ "type": "lagged", "lost": lost }).to_string().into())
        }
        Err(broadcast::error::RecvError::Closed) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::Router;
    use axum::routing::get;
    use futures_util::StreamExt as _;
    use tokio::net::TcpListener;
    use tokio_tungstenite::connect_async;
    use tokio_tungstenite::tungstenite::Message as Heard;

    use super::*;

    /// The runtime has one thread: while this test announces, no client is served.
    #[tokio::test]
    async fn a_slow_client_is_told_how_many_it_lost_and_gets_the_newest() {
        let notices = Arc::new(Notices::new());
        let connected = notices.clone();
        let connect = move |upgrade| async move { connected.connect(upgrade) };
        let router = Router::new().route("/ws", get(connect));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/ws", listener.local_addr().unwrap());
        let never = std::future::pending();
        tokio::spawn(larder_http::serve(listener, router, never, Duration::ZERO));
        let (mut client, _) = connect_async(url).await.unwrap();
        for number in 0..BACKLOG + 44 {
            notices.announce("workstation_updated", &json!(number));
        }
        let mut heard = Vec::new();
        while heard.len() <= BACKLOG {
            if let Heard::Text(text) = client.next().await.unwrap().unwrap() {
                heard.push(serde_json::from_str::<Value>(&text).unwrap());
            }
        }
        assert_eq!(heard[0], json!({ "type": "lagged", "lost": 44 }));
        let numbers = heard[1..]
            .iter()
            .map(|notice| notice["workstation"].as_u64());
        assert!(numbers.eq((44..).map(Some).take(BACKLOG)));
    }
}
