//! `/health`: is it alive, can it answer, what is it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use larder::Stats;
use serde_json::{Value, json};

use crate::gateway::Gateway;

/// How a part of the program stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It answers.
    Ready,
    /// It answers, with something missing; the text says what.
    Degraded(String),
    /// It cannot answer yet, or any more; the text says why.
    NotReady(String),
}

/// A named question for a [`Standing`].
pub struct Check {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    /// The caches that are loaded from what is asked about.
    pub(crate) caches: Vec<String>,
    pub(crate) ask: Box<dyn Fn() -> Standing + Send + Sync>,
}

impl Check {
    /// `ask` must not block.
    pub fn new(name: &'static str, ask: impl Fn() -> Standing + Send + Sync + 'static) -> Self {
        Self {
            name,
            kind: "service",
            caches: Vec::new(),
            ask: Box::new(ask),
        }
    }

    /// What is asked about, for `/v1/status`: `sql`, `file`, `rpc`; a `service` unless set.
    #[must_use]
    pub fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }
}

/// Routes that anyone may ask: an orchestrator has no token.
pub(crate) fn probes(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state(gateway.clone())
}

pub(crate) fn details(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/health/info", get(info))
        .with_state(gateway.clone())
}

#[utoipa::path(
    get, path = "/health/live", tag = "health",
    responses((status = OK, description = "The process runs."))
)]
pub(crate) async fn live() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

#[utoipa::path(
    get, path = "/health", tag = "health",
    responses(
        (status = OK, description = "As /health/ready, with the version, for a viewer."),
        (status = SERVICE_UNAVAILABLE, description = "It cannot answer yet, or is stopping."),
    )
)]
pub(crate) async fn health(State(gateway): State<Arc<Gateway>>) -> impl IntoResponse {
    let (status, mut body) = standing(&gateway);
    body["version"] = json!(gateway.version);
    (status, Json(body))
}

#[utoipa::path(
    get, path = "/health/ready", tag = "health",
    responses(
        (status = OK, description = "It answers, perhaps with something missing (degraded)."),
        (status = SERVICE_UNAVAILABLE, description = "It cannot answer yet, or is stopping."),
    )
)]
pub(crate) async fn ready(State(gateway): State<Arc<Gateway>>) -> impl IntoResponse {
    let (status, body) = standing(&gateway);
    (status, Json(body))
}

/// How the tiers under a cache's memory stand, where it has some. A cache goes on without them.
fn tiers(stats: &Stats) -> Option<Standing> {
    let disk = stats.disk.as_ref().map(|disk| disk.degraded.clone());
    let remote = stats.remote.as_ref().map(|remote| {
        let why = || remote.link.reason.clone();
        (!remote.link.is_up).then(|| why().unwrap_or_else(|| "not connected yet".into()))
    });
    let missing: Vec<String> = [("disk", disk.clone()), ("remote", remote.clone())]
        .into_iter()
        .filter_map(|(tier, why)| Some(format!("{tier}: {}", why??)))
        .collect();
    match (disk, remote) {
        (None, None) => None,
        _ if missing.is_empty() => Some(Standing::Ready),
        _ => Some(Standing::Degraded(missing.join("; "))),
    }
}

/// The worst standing is the whole's; one that is degraded still answers.
pub(crate) fn standing(gateway: &Gateway) -> (StatusCode, Value) {
    let mut overall = if *gateway.stopping.borrow() {
        "stopping"
    } else {
        "ready"
    };
    let mut checks = Vec::new();
    let asked = gateway.checks.iter().map(|check| {
        let standing = (check.ask)();
        (check.name.to_owned(), standing)
    });
    let caches = gateway.caches.iter().filter_map(|cache| {
        let standing = tiers(&cache.stats())?;
        Some((format!("cache {}", cache.name()), standing))
    });
    for (name, standing) in asked.chain(caches) {
        let (word, detail) = match standing {
            Standing::Ready => ("ready", None),
            Standing::Degraded(why) => ("degraded", Some(why)),
            Standing::NotReady(why) => ("not_ready", Some(why)),
        };
        overall = match (overall, word) {
            ("stopping", _) => "stopping",
            (_, "not_ready") | ("not_ready", _) => "not_ready",
            (_, "degraded") => "degraded",
            (overall, _) => overall,
        };
        checks.push(json!({ "name": name, "status": word, "detail": detail }));
    }
    let answers = matches!(overall, "ready" | "degraded");
    let status = if answers {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, json!({ "status": overall, "checks": checks }))
}

#[utoipa::path(
    get, path = "/health/info", tag = "health",
    responses((status = OK, description = "Name, version, uptime and caches."))
)]
pub(crate) async fn info(State(gateway): State<Arc<Gateway>>) -> Json<Value> {
    Json(json!({
        "name": gateway.name,
        "version": gateway.version,
        "uptime_seconds": gateway.started.elapsed().as_secs_f64(),
        "pid": std::process::id(),
        "caches": gateway.caches.iter().map(|cache| cache.name()).collect::<Vec<_>>(),
    }))
}
