//! `/api/performance`: what the cache of this service does, for admins.

use std::sync::atomic::Ordering;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use larder::{Cache, Error, Scope};
use larder_http::{Problem, short_bodies};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, AnswerKey};
use super::service::Workstations;

/// The longest pattern, in bytes; that of the cache's own.
const PATTERN_BYTES_MAX: usize = 1_024;

pub(super) fn router(workstations: &Workstations) -> Router {
    let routes = Router::new()
        .route("/api/performance/cache-stats", get(cache_stats))
        .route("/api/performance/cache-clear", post(cache_clear))
        .route("/api/performance/cache-invalidate", post(cache_invalidate))
        .route("/api/performance/metrics", get(metrics))
        .with_state(workstations.clone());
    short_bodies(routes)
}

#[utoipa::path(
    get, path = "/api/performance/cache-stats", tag = "workstations",
    security(("token" = [])),
    responses((status = OK, description = "Hits, misses, size and evictions of this service's cache (admin)."))
)]
pub(super) async fn cache_stats(State(workstations): State<Workstations>) -> Json<Value> {
    let cache = workstations.answers();
    let stats = cache.stats();
    let left = stats.evictions;
    let percent = stats.hit_rate().unwrap_or(0.0) * 100.0;
    Json(json!({
        "status": "success",
        "cache_stats": {
            "hits": stats.hits,
            "misses": stats.misses,
            "size": entries(&cache),
            "evictions": left.capacity + left.expired + left.too_heavy,
            "hit_rate_percent": (percent * 10.0).round() / 10.0,
        },
        "timestamp": now(),
    }))
}

#[utoipa::path(
    post, path = "/api/performance/cache-clear", tag = "workstations",
    security(("token" = [])),
    responses((status = OK, description = "Removes every entry of this service's cache (admin)."))
)]
pub(super) async fn cache_clear(
    State(workstations): State<Workstations>,
) -> Result<Json<Value>, Problem> {
    let cache = workstations.answers();
    let entries = entries(&cache);
    cache.clear().await.map_err(|error| failed(&error))?;
    tracing::info!(entries, "the cache of workstations was cleared by request");
    Ok(Json(json!({
        "status": "success",
        "message": "Cache cleared",
        "entries_removed": entries,
    })))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Invalidation {
    /// A pattern of whole keys (`*`, `?`, `[a-z]`), or without any of these the start of keys; of 1,024
    /// bytes at most. Keys are `workstations_list` and `workstations_{id}`.
    pattern: String,
}

#[utoipa::path(
    post, path = "/api/performance/cache-invalidate", tag = "workstations",
    params(Invalidation),
    security(("token" = [])),
    responses(
        (status = OK, description = "Invalidates what matches in this service's cache (admin)."),
        (status = BAD_REQUEST, description = "The pattern is empty, too long, or cannot be read."),
    )
)]
pub(super) async fn cache_invalidate(
    State(workstations): State<Workstations>,
    query: Result<Query<Invalidation>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(Invalidation { pattern }) = query.map_err(|rejection| {
        Problem::bad_request(format!("{}; expected ?pattern=TEXT", rejection.body_text()))
    })?;
    let (cache, scope) = (workstations.answers(), scope(&pattern)?);
    let matched = cache
        .count_in_scope(scope)
        .map_err(|error| failed(&error))?;
    cache
        .invalidate_scope(scope)
        .await
        .map_err(|error| failed(&error))?;
    tracing::info!(?scope, matched, "workstations were invalidated by request");
    Ok(Json(json!({
        "status": "success",
        "message": format!("{matched} cache entries invalidated"),
        "pattern": pattern,
    })))
}

/// A pattern, or the start of keys if nothing in it is special.
fn scope(pattern: &str) -> Result<Scope<'_>, Problem> {
    if pattern.is_empty() || pattern.len() > PATTERN_BYTES_MAX {
        let detail = format!(
            "pattern: expected 1 to {PATTERN_BYTES_MAX} bytes, not {}",
            pattern.len()
        );
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad-pattern", detail));
    }
    let is_special = pattern.contains(['*', '?', '[', ']', '\\']);
    Ok(if is_special {
        Scope::Pattern(pattern)
    } else {
        Scope::Prefix(pattern)
    })
}

/// What the caller can mend is a 400.
fn failed(error: &Error) -> Problem {
    if let Error::Pattern(error) = error {
        return Problem::new(StatusCode::BAD_REQUEST, "bad-pattern", error.to_string());
    }
    tracing::error!(%error, "the cache of workstations could not be changed everywhere");
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "not-everywhere",
        error.to_string(),
    )
}

#[utoipa::path(
    get, path = "/api/performance/metrics", tag = "workstations",
    security(("token" = [])),
    responses((status = OK, description = "The cache, how many services run, and connected clients (admin)."))
)]
pub(super) async fn metrics(State(workstations): State<Workstations>) -> Json<Value> {
    let cache = workstations.answers();
    let stats = cache.stats();
    let shared = &workstations.shared;
    Json(json!({
        "status": "success",
        "metrics": {
            "cache": { "size": entries(&cache), "hits": stats.hits, "misses": stats.misses },
            "managers": { "count": shared.services.load(Ordering::Relaxed) },
            "websockets": { "active_connections": shared.notices.clients() },
        },
        "timestamp": now(),
    }))
}

/// Those that can be read: what was invalidated may still have to leave memory.
fn entries(cache: &Cache<AnswerKey, Answer>) -> usize {
    let all = cache.count_in_scope(Scope::Prefix(""));
    all.unwrap_or_else(|_| cache.len())
}

fn now() -> String {
    let now = jiff::Timestamp::now();
    format!("{now:.6}")
}
