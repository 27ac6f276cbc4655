//! `/v1/caches`: what the caches hold and do, and how to change it; and what there is to know of the whole:
//! `/v1/status`, `/v1/config`, `/v1/audit`.

pub(crate) mod audit;
pub(crate) mod changes;
pub(crate) mod config;
pub(crate) mod entry;
pub(crate) mod status;

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use larder::AnyCache;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::problem::{Problem, short};
use crate::wire::{CacheInfo, EntryWire, StatsInfo};

/// The most entries that one listing returns.
const ENTRIES_MAX: usize = 1_000;

type Answer = Result<Json<Value>, Problem>;

pub(crate) fn reads(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/caches", get(list))
        .route("/v1/caches/{name}", get(show))
        .route("/v1/caches/{name}/stats", get(stats))
        .route("/v1/caches/{name}/entries", get(entries))
        .route("/v1/caches/{name}/entries/{*key}", get(entry::entry))
        .route("/v1/status", get(status::status))
        .route("/v1/config", get(config::config))
        .with_state(gateway.clone())
}

pub(crate) fn entry_changes(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route(
            "/v1/caches/{name}/entries/{*key}",
            delete(changes::remove).put(changes::put),
        )
        .with_state(gateway.clone())
}

pub(crate) fn changes(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/caches/{name}/invalidate", post(changes::invalidate))
        .route("/v1/caches/{name}/clear", post(changes::clear))
        .route("/v1/caches/{name}/warm", post(changes::warm))
        .route("/v1/caches/{name}/reset", post(changes::reset))
        .route("/v1/audit", get(audit::audit))
        .with_state(gateway.clone())
}

impl Gateway {
    /// The cache of this name, or a problem that names those there are.
    pub(crate) fn find(&self, name: &str) -> Result<&dyn AnyCache, Problem> {
        let found = self.caches.iter().find(|cache| cache.name() == name);
        found.map(AsRef::as_ref).ok_or_else(|| {
            let names: Vec<_> = self.caches.iter().map(|cache| cache.name()).collect();
            Problem::not_found(format!(
                "no cache is named {:?}; there are: {}",
                short(name),
                names.join(", ")
            ))
        })
    }
}

#[utoipa::path(
    get, path = "/v1/caches", tag = "caches",
    responses((status = OK, description = "Every cache with its figures."))
)]
pub(crate) async fn list(State(gateway): State<Arc<Gateway>>) -> Json<Value> {
    let caches: Vec<_> = gateway
        .caches
        .iter()
        .map(|cache| CacheInfo::of(&**cache))
        .collect();
    Json(json!({ "caches": caches }))
}

#[utoipa::path(
    get, path = "/v1/caches/{name}", tag = "caches",
    params(("name", description = "the cache's name")),
    responses((status = OK, description = "One cache with its figures."))
)]
pub(crate) async fn show(State(gateway): State<Arc<Gateway>>, Path(name): Path<String>) -> Answer {
    Ok(Json(json!(CacheInfo::of(gateway.find(&name)?))))
}

#[utoipa::path(
    get, path = "/v1/caches/{name}/stats", tag = "caches",
    params(("name", description = "the cache's name")),
    responses((status = OK, description = "The figures of a cache."))
)]
pub(crate) async fn stats(State(gateway): State<Arc<Gateway>>, Path(name): Path<String>) -> Answer {
    Ok(Json(json!(StatsInfo::of(gateway.find(&name)?.stats()))))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listing {
    #[serde(default)]
    prefix: String,
    #[serde(default = "default_limit")]
    limit: usize,
}

const fn default_limit() -> usize {
    100
}

#[utoipa::path(
    get, path = "/v1/caches/{name}/entries", tag = "caches",
    params(("name", description = "the cache's name"), Listing),
    responses((status = OK, description = "Keys in memory, with what is known of them."))
)]
pub(crate) async fn entries(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    listing: Result<Query<Listing>, axum::extract::rejection::QueryRejection>,
) -> Answer {
    let Query(Listing { prefix, limit }) = listing.map_err(|rejection| {
        Problem::bad_request(format!(
            "{}; expected ?prefix=TEXT&limit=NUMBER",
            short(&rejection.body_text())
        ))
    })?;
    if !(1..=ENTRIES_MAX).contains(&limit) {
        return Err(Problem::bad_request(format!(
            "limit is {limit}, expected 1 to {ENTRIES_MAX}"
        )));
    }
    let mut found: Vec<EntryWire> = gateway
        .find(&name)?
        .entries(&prefix, limit + 1)
        .into_iter()
        .map(EntryWire::from)
        .collect();
    let more = found.len() > limit;
    found.truncate(limit);
    Ok(Json(json!({ "entries": found, "more": more })))
}

/// What the caller can mend is a 400.
fn failed(error: &larder::Error) -> Problem {
    use larder::Error;
    let told = |status, kind| Problem::new(status, kind, error.to_string());
    match error {
        Error::Key { .. } | Error::Pattern(_) | Error::Tags { .. } => {
            return Problem::bad_request(error.to_string());
        }
        Error::NotTaken { .. } => {
            return told(StatusCode::UNPROCESSABLE_ENTITY, "unexpected-content");
        }
        Error::NotShown { .. } => return told(StatusCode::CONFLICT, "not-shown"),
        Error::TakesNone => return told(StatusCode::CONFLICT, "takes-none"),
        _ => {}
    }
    tracing::error!(%error, "a change asked for by request failed");
    let (status, kind) = match error {
        Error::NotEverywhere { .. } => (StatusCode::SERVICE_UNAVAILABLE, "not-everywhere"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    };
    told(status, kind)
}
