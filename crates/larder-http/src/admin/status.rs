//! `/v1/status`: how the whole stands, who asks, and what stands behind the caches.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::gateway::Gateway;
use crate::health::{self, Standing};

/// What caches hold values in, or load them from.
#[derive(Serialize)]
struct Backend {
    name: String,
    kind: &'static str,
    /// `up`, `degraded` or `down`.
    state: &'static str,
    /// `closed` while calls are made, `half_open` while it is back and not yet trusted, `open` otherwise.
    breaker: Option<&'static str>,
    reason: Option<String>,
    last_error: Option<String>,
    lag_ms: Option<f64>,
    caches: Vec<String>,
}

#[utoipa::path(
    get, path = "/v1/status", tag = "status",
    responses((status = OK, description = "How the program and what is behind its caches stand, and what the caller may do."))
)]
pub(crate) async fn status(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
) -> Json<Value> {
    let (_, health) = health::standing(&gateway);
    let backends = backends(&gateway);
    let mut reasons: Vec<String> = backends.iter().filter_map(Backend::trouble).collect();
    let audit = gateway.audit.trouble();
    let audit = audit.map(|why| format!("the audit log is in memory alone: {why}"));
    let history = gateway.history.trouble();
    let history = history.map(|why| format!("the figures' history is in memory alone: {why}"));
    let is_unkept = audit.is_some() || history.is_some();
    reasons.extend(audit.into_iter().chain(history));
    let state = match &health["status"] {
        state if state == "ready" && is_unkept => json!("degraded"),
        state => state.clone(),
    };
    Json(json!({
        "state": state,
        "reasons": reasons,
        "name": gateway.name,
        "version": gateway.version,
        "uptime_seconds": gateway.started.elapsed().as_secs_f64(),
        "started_at": gateway.started_at.to_string(),
        "now": jiff::Timestamp::now().to_string(),
        "role": caller.role,
        "anonymous": caller.name.is_none(),
        "actor": caller.name,
        "backends": backends,
    }))
}

impl Backend {
    /// Why the whole is degraded by it: once, however many caches it touches.
    fn trouble(&self) -> Option<String> {
        let is_remote = self.kind == "remote";
        if self.state == "up" || (is_remote && self.state != "down") {
            return None;
        }
        let why = self.reason.as_deref().unwrap_or("not connected yet");
        if !is_remote {
            return Some(format!("{}: {why}", self.name));
        }
        let caches = self.caches.join(", ");
        Some(format!("{}: {why}; caches: {caches}", self.name))
    }
}

fn backends(gateway: &Gateway) -> Vec<Backend> {
    let mut all = vec![memory(gateway)];
    all.extend(disks(gateway));
    all.extend(shared(gateway));
    all.extend(gateway.checks.iter().map(|check| {
        let (state, reason) = match (check.ask)() {
            Standing::Ready => ("up", None),
            Standing::Degraded(why) => ("degraded", Some(why)),
            Standing::NotReady(why) => ("down", Some(why)),
        };
        Backend {
            name: check.name.to_owned(),
            kind: check.kind,
            state,
            breaker: None,
            last_error: reason.clone(),
            reason,
            lag_ms: None,
            caches: check.caches.clone(),
        }
    }));
    all
}

fn memory(gateway: &Gateway) -> Backend {
    let caches = gateway.caches.iter();
    Backend {
        name: "memory".to_owned(),
        kind: "memory",
        state: "up",
        breaker: None,
        reason: None,
        last_error: None,
        lag_ms: None,
        caches: caches.map(|cache| cache.name().to_owned()).collect(),
    }
}

/// Each cache with a disk has a file of its own.
fn disks(gateway: &Gateway) -> impl Iterator<Item = Backend> {
    gateway.caches.iter().filter_map(|cache| {
        let disk = cache.stats().disk?;
        Some(Backend {
            name: format!("disk of {}", cache.name()),
            kind: "disk",
            state: if disk.degraded.is_none() {
                "up"
            } else {
                "down"
            },
            breaker: Some(if disk.degraded.is_none() {
                "closed"
            } else {
                "open"
            }),
            last_error: disk.degraded.clone(),
            reason: disk.degraded,
            lag_ms: None,
            caches: vec![cache.name().to_owned()],
        })
    })
}

/// Links that stand alike are told as one.
fn shared(gateway: &Gateway) -> Vec<Backend> {
    let server = gateway.shared_store.as_ref();
    let server = server.map_or_else(String::new, |address| format!(" {address}"));
    let mut links: Vec<Backend> = Vec::new();
    for cache in &gateway.caches {
        let Some(remote) = cache.stats().remote else {
            continue;
        };
        let (state, breaker) = match (remote.link.is_up, remote.is_trusted) {
            (true, true) => ("up", "closed"),
            (true, false) => ("degraded", "half_open"),
            (false, _) => ("down", "open"),
        };
        let reason = remote.link.reason;
        let lag_ms = remote.link.round_trip.map(millis);
        let name = cache.name().to_owned();
        let alike = |link: &&mut Backend| link.breaker == Some(breaker) && link.reason == reason;
        if let Some(link) = links.iter_mut().find(alike) {
            link.caches.push(name);
            link.lag_ms = longest(link.lag_ms, lag_ms);
            continue;
        }
        links.push(Backend {
            name: format!("shared store{server}"),
            kind: "remote",
            state,
            breaker: Some(breaker),
            last_error: reason.clone(),
            reason,
            lag_ms,
            caches: vec![name],
        });
    }
    links
}

fn longest(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).reduce(f64::max)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
