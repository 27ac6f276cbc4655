//! `/v1/caches`: what the caches hold and do, and how to change it.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use larder::AnyCache;
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

async fn list(State(gateway): State<Arc<Gateway>>) -> Json<Value> {
    let caches: Vec<_> = gateway
        .caches
        .iter()
        .map(|cache| CacheInfo::of(&**cache))
        .collect();
    Json(json!({ "caches": caches }))
}

async fn show(State(gateway): State<Arc<Gateway>>, Path(name): Path<String>) -> Answer {
    Ok(Json(json!(CacheInfo::of(gateway.find(&name)?))))
}

async fn stats(State(gateway): State<Arc<Gateway>>, Path(name): Path<String>) -> Answer {
    Ok(Json(json!(StatsInfo::of(gateway.find(&name)?))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    #[serde(default)]
    prefix: String,
    #[serde(default = "default_limit")]
    limit: usize,
}

const fn default_limit() -> usize {
    100
}

async fn entries(
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

async fn entry(
    State(gateway): State<Arc<Gateway>>,
    Path((name, key)): Path<(String, String)>,
) -> Answer {
    let found = gateway.find(&name)?.entry_info(&key);
    let found = found
        .ok_or_else(|| Problem::not_found(format!("{name} holds no entry for the key {key:?}")))?;
    Ok(Json(json!(EntryWire::from(found))))
}

async fn remove(
    State(gateway): State<Arc<Gateway>>,
    Path((name, key)): Path<(String, String)>,
) -> Answer {
    apply(gateway.find(&name)?, &key).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    key: String,
    #[serde(default)]
    dry_run: bool,
}

async fn invalidate(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    target: Result<Json<Target>, JsonRejection>,
) -> Answer {
    let cache = gateway.find(&name)?;
    let Json(Target { key, dry_run }) = target.map_err(|rejection| {
        Problem::bad_request(format!(
            "{}; expected {{\"key\": TEXT, \"dry_run\": true|false}}",
            rejection.body_text()
        ))
    })?;
    if dry_run {
        let matched = u64::from(cache.entry_info(&key).is_some());
        return Ok(Json(json!({ "dry_run": true, "matched": matched })));
    }
    apply(cache, &key).await
}

async fn apply(cache: &dyn AnyCache, key: &str) -> Answer {
    let matched = u64::from(cache.entry_info(key).is_some());
    let change = cache.invalidate(key).ok_or_else(|| {
        Problem::bad_request(format!(
            "{key:?} is not the text of a key of {}; its entries show what keys look like",
            cache.name()
        ))
    })?;
    change.await.map_err(|error| failed(&error))?;
    tracing::info!(cache = cache.name(), key, "invalidated by request");
    Ok(Json(json!({ "applied": "everywhere", "matched": matched })))
}

async fn clear(State(gateway): State<Arc<Gateway>>, Path(name): Path<String>) -> Answer {
    let cache = gateway.find(&name)?;
    let entries = cache.len();
    cache.clear().await.map_err(|error| failed(&error))?;
    tracing::info!(cache = cache.name(), entries, "cleared by request");
    Ok(Json(json!({ "applied": "everywhere", "entries": entries })))
}

fn failed(error: &larder::Error) -> Problem {
    tracing::error!(%error, "a change asked for by request failed");
    Problem::new(
        axum::http::StatusCode::INTERNAL_SERVER_ERROR,
        "failed",
        error.to_string(),
    )
}
