//! `/v1/caches`: what the caches hold and do, and how to change it.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use larder::{AnyCache, Applied, Scope};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::problem::Problem;
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
        .route("/v1/caches/{name}/entries/{*key}", get(entry))
        .with_state(gateway.clone())
}

pub(crate) fn entry_changes(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/caches/{name}/entries/{*key}", delete(remove))
        .with_state(gateway.clone())
}

pub(crate) fn changes(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/caches/{name}/invalidate", post(invalidate))
        .route("/v1/caches/{name}/clear", post(clear))
        .with_state(gateway.clone())
}

impl Gateway {
    fn find(&self, name: &str) -> Result<&dyn AnyCache, Problem> {
        let found = self.caches.iter().find(|cache| cache.name() == name);
        found.map(AsRef::as_ref).ok_or_else(|| {
            let names: Vec<_> = self.caches.iter().map(|cache| cache.name()).collect();
            Problem::not_found(format!(
                "no cache is named {name:?}; there are: {}",
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
            rejection.body_text()
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

#[utoipa::path(
    get, path = "/v1/caches/{name}/entries/{key}", tag = "caches",
    params(("name", description = "the cache's name"), ("key", description = "the key's text")),
    responses((status = OK, description = "What is known of a key in memory."))
)]
pub(crate) async fn entry(
    State(gateway): State<Arc<Gateway>>,
    Path((name, key)): Path<(String, String)>,
) -> Answer {
    let found = gateway.find(&name)?.entry_info(&key);
    let found = found
        .ok_or_else(|| Problem::not_found(format!("{name} holds no entry for the key {key:?}")))?;
    Ok(Json(json!(EntryWire::from(found))))
}

#[utoipa::path(
    delete, path = "/v1/caches/{name}/entries/{key}", tag = "caches",
    params(("name", description = "the cache's name"), ("key", description = "the key's text")),
    security(("token" = [])),
    responses((status = OK, description = "Invalidates a key (operator)."))
)]
pub(crate) async fn remove(
    State(gateway): State<Arc<Gateway>>,
    Path((name, key)): Path<(String, String)>,
) -> Answer {
    apply(gateway.find(&name)?, Scope::Key(&key)).await
}

/// One of the four says what is meant.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    key: Option<String>,
    tag: Option<String>,
    prefix: Option<String>,
    pattern: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

const TARGET: &str =
    "expected {\"key\" | \"tag\" | \"prefix\" | \"pattern\": TEXT, \"dry_run\": true|false}";

impl Target {
    fn scope(&self) -> Option<Scope<'_>> {
        let Self {
            key,
            tag,
            prefix,
            pattern,
            ..
        } = self;
        match (key, tag, prefix, pattern) {
            (Some(key), None, None, None) => Some(Scope::Key(key)),
            (None, Some(tag), None, None) => Some(Scope::Tag(tag)),
            (None, None, Some(prefix), None) => Some(Scope::Prefix(prefix)),
            (None, None, None, Some(pattern)) => Some(Scope::Pattern(pattern)),
            _ => None,
        }
    }
}

#[utoipa::path(
    post, path = "/v1/caches/{name}/invalidate", tag = "caches",
    params(("name", description = "the cache's name")),
    request_body = Target,
    security(("token" = [])),
    responses((status = OK, description = "Invalidates a key, a tag, a prefix or a pattern (admin), or counts what that would be."))
)]
pub(crate) async fn invalidate(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    target: Result<Json<Target>, JsonRejection>,
) -> Answer {
    let cache = gateway.find(&name)?;
    let Json(target) = target.map_err(|rejection| {
        Problem::bad_request(format!("{}; {TARGET}", rejection.body_text()))
    })?;
    let scope = target.scope().ok_or_else(|| Problem::bad_request(TARGET))?;
    if target.dry_run {
        let matched = cache.count(scope).map_err(|error| failed(&error))?;
        return Ok(Json(json!({ "dry_run": true, "matched": matched })));
    }
    apply(cache, scope).await
}

async fn apply(cache: &dyn AnyCache, scope: Scope<'_>) -> Answer {
    let matched = cache.count(scope).map_err(|error| failed(&error))?;
    let applied = cache
        .invalidate(scope)
        .await
        .map_err(|error| failed(&error))?;
    tracing::info!(
        cache = cache.name(),
        ?scope,
        matched,
        ?applied,
        "invalidated by request"
    );
    Ok(Json(
        json!({ "applied": word(applied), "matched": matched }),
    ))
}

#[utoipa::path(
    post, path = "/v1/caches/{name}/clear", tag = "caches",
    params(("name", description = "the cache's name")),
    security(("token" = [])),
    responses((status = OK, description = "Removes all entries (admin)."))
)]
pub(crate) async fn clear(State(gateway): State<Arc<Gateway>>, Path(name): Path<String>) -> Answer {
    let cache = gateway.find(&name)?;
    let entries = cache.len();
    let applied = cache.clear().await.map_err(|error| failed(&error))?;
    tracing::info!(
        cache = cache.name(),
        entries,
        ?applied,
        "cleared by request"
    );
    Ok(Json(
        json!({ "applied": word(applied), "entries": entries }),
    ))
}

/// Where a change holds: with the shared store out of reach it is `here`, and elsewhere once that is back.
fn word(applied: Applied) -> &'static str {
    match applied {
        Applied::Everywhere => "everywhere",
        _ => "here",
    }
}

/// What the caller can mend is a 400.
fn failed(error: &larder::Error) -> Problem {
    if matches!(error, larder::Error::Key { .. } | larder::Error::Pattern(_)) {
        return Problem::bad_request(error.to_string());
    }
    tracing::error!(%error, "a change asked for by request failed");
    let (status, kind) = match error {
        larder::Error::NotEverywhere { .. } => (StatusCode::SERVICE_UNAVAILABLE, "not-everywhere"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    };
    Problem::new(status, kind, error.to_string())
}
