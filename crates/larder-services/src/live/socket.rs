//! `/live/ws`: the whole tree on connecting, then each change; and queries on the way back.
//!
//! Messages are `{"type": …, "payload": …}`: `FULL_AST`, `DIFF_UPDATE`, `ERROR`, and `ACK` as the answer
//! to a query. A client that lags more than the backlog behind loses the oldest messages, is told how
//! many, and is sent the whole tree again.

use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use larder_metrics::{Gauge, UpDownCounter};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use tokio::time::timeout;

use super::figures::Figures;
use super::lookup::Lookup;
use super::query::Query;
use super::render::text;
use super::service::LiveSet;
use super::shared::{News, Outgoing, message};

/// Bytes of a client's message.
pub(super) const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// What is read at once: this is cleared each time that a client is looked at, so it is small.
pub(super) const READ_BYTES: usize = 4 << 10;
/// A client that takes nothing for this long is let go.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client's query.
#[derive(Deserialize)]
struct Request {
    r#type: String,
    #[serde(default, rename = "request_id")]
    id: Json,
    #[serde(default)]
    payload: Payload,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    id: Option<String>,
    r#type: Option<String>,
    attribute: Option<String>,
    limit: Option<usize>,
    path: Option<String>,
}

/// The client is gone, or takes nothing any more.
struct Gone;

/// A client is counted for as long as this lives.
struct Counted {
    clients: Gauge,
    connections: UpDownCounter,
}

impl Counted {
    fn new(figures: &Figures) -> Self {
        figures.clients.add(1.0);
        figures.connections.increment();
        Self {
            clients: figures.clients.clone(),
            connections: figures.connections.clone(),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.clients.add(-1.0);
        self.connections.decrement();
    }
}

/// Serves a client until it goes or the service stops.
pub(super) async fn serve(
    live: LiveSet,
    socket: WebSocket,
    permit: OwnedSemaphorePermit,
    stopping: watch::Receiver<bool>,
) {
    let _counted = Counted::new(live.figures());
    let mut client = Client { live, socket };
    // Both ends are the client's going.
    let _ = client.talk(stopping).await;
    let _ = timeout(PATIENCE, client.socket.send(Message::Close(None))).await;
    drop(permit);
}

struct Client {
    live: LiveSet,
    socket: WebSocket,
}

impl Client {
    async fn talk(&mut self, mut stopping: watch::Receiver<bool>) -> Result<(), Gone> {
        let mut news = self.begin().await?;
        loop {
            tokio::select! {
                () = stopped(&mut stopping) => return Ok(()),
                outgoing = news.recv() => match outgoing {
                    Ok(Outgoing { news: told, sent }) => {
                        match told {
                            News::Diff(text) => self.send(text).await?,
                            // What else has been told by now is in it.
                            News::Whole => news = self.begin().await?,
                        }
                        let latency = &self.live.figures().broadcast_latency;
                        latency.record(sent.elapsed());
                    }
                    Err(RecvError::Lagged(lost)) => {
                        self.live.figures().messages_lost.add(lost);
                        let details = json!({ "lost": lost, "resync": "FULL_AST follows" });
                        self.error("lagged", details, &Json::Null).await?;
                        news = self.begin().await?;
                    }
                    Err(RecvError::Closed) => return Ok(()),
                },
                incoming = self.socket.recv() => match incoming {
                    Some(Ok(Message::Text(text))) => self.answer(&text).await?,
                    Some(Ok(Message::Binary(_))) => {
                        let details = json!("expected a text message with JSON");
                        self.error("bad-message", details, &Json::Null).await?;
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Gone),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                },
            }
        }
    }

    /// Sends the whole tree, and gives what happens from then on.
    async fn begin(&mut self) -> Result<broadcast::Receiver<Outgoing>, Gone> {
        let (news, whole) = self.live.follow();
        match whole.await {
            Ok(json) => self.send(text(&json)).await?,
            Err(error) => {
                let details = json!(error.to_string());
                self.error("no-set", details, &Json::Null).await?;
            }
        }
        Ok(news)
    }

    async fn answer(&mut self, text: &str) -> Result<(), Gone> {
        let request: Request = match serde_json::from_str(text) {
            Ok(request) => request,
            Err(error) => {
                let details = json!(format!("expected {{type, request_id, payload}}: {error}"));
                return self.error("bad-message", details, &Json::Null).await;
            }
        };
        let id = request.id.clone();
        match query(&self.live, request).await {
            Ok(result) => {
                // The result is JSON already, and is put in as it is.
                let ack = format!(
                    r#"{{"type":"ACK","payload":{{"status":"ok","request_id":{id},"result":{result}}}}}"#
                );
                self.send(ack.into()).await
            }
            Err((error, details)) => self.error(error, json!(details), &id).await,
        }
    }

    async fn error(&mut self, error: &str, details: Json, id: &Json) -> Result<(), Gone> {
        let payload = json!({ "error": error, "details": details, "request_id": id });
        self.send(message("ERROR", &payload).into()).await
    }

    async fn send(&mut self, text: Utf8Bytes) -> Result<(), Gone> {
        match timeout(PATIENCE, self.socket.send(Message::Text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}

/// The result of a query as JSON, or the error and its details.
async fn query(live: &LiveSet, request: Request) -> Result<String, (&'static str, String)> {
    let Request {
        r#type, payload, ..
    } = request;
    let missing = |what: &str| ("bad-query", format!("expected payload.{what}"));
    let found = match &*r#type {
        "GET_NODE" => {
            let id = payload.id.ok_or_else(|| missing("id"))?;
            return live
                .node(&id)
                .map_err(|error| ("not-found", error.to_string()));
        }
        "GET_TREE" => live.lookup(&Lookup::FullAst).await,
        "FIND_NODES" => {
            let (kind, attribute) = (payload.r#type.as_deref(), payload.attribute.as_deref());
            let query = Query::new(kind, attribute, payload.limit);
            let query = query.map_err(|error| ("bad-query", error.to_string()))?;
            live.lookup(&Lookup::Nodes(query)).await
        }
        "DIFF_FILE" => {
            let path = payload.path.ok_or_else(|| missing("path"))?;
            let diff = live.diff(&path).await;
            let diff = diff.map_err(|error| ("bad-file", error.to_string()))?;
            return Ok(json!(diff).to_string());
        }
        "GET_PROJECT" => return Ok(live.project().to_string()),
        _ => {
            let known = "expected type GET_NODE, GET_TREE, FIND_NODES, DIFF_FILE or GET_PROJECT";
            return Err(("bad-query", known.to_owned()));
        }
    };
    let found = found.map_err(|error| ("no-result", error.to_string()))?;
    Ok(text(&found.json).as_str().to_owned())
}

/// An error means that whoever would say so is gone, which is the end too.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
