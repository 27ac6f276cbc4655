//! `/metrics/…`: what is measured, and the namespaces by hand.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use larder::{AnyCache, Scope, Stats};
use larder_http::{Problem, short_bodies};
use larder_metrics::{Exposition, Samples, Sink as _, TextFormat};
use serde_json::{Value, json};

use super::reads::Reads;
use super::service::SchedulerStats;

pub(super) fn reads(service: &SchedulerStats) -> Router {
    Router::new()
        .route("/metrics/prometheus", get(prometheus))
        .route("/metrics/cache", get(cache))
        .with_state(service.clone())
}

pub(super) fn administration(service: &SchedulerStats) -> Router {
    let routes = Router::new()
        .route("/metrics/cache/reset", post(reset))
        .route("/metrics/cache/invalidate/{namespace}", post(invalidate))
        .with_state(service.clone());
    short_bodies(routes)
}

#[utoipa::path(
    get, path = "/metrics/prometheus", tag = "scheduler_stats",
    responses((status = OK, content_type = "text/plain", description = "The figures of requests, queries, the simulation and this service's caches: Prometheus' text, or OpenMetrics for who prefers it."))
)]
pub(super) async fn prometheus(
    State(service): State<SchedulerStats>,
    headers: HeaderMap,
) -> Response {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    let format = TextFormat::negotiate(accept.unwrap_or_default());
    let mut text = Exposition::of(&service.shared.registry, format);
    let namespaces = service.shared.reads.namespaces();
    text.counter(
        "cache_operations",
        "What the caches of training_data and scheduler_stats did.",
        |samples| operations(&totals(&service.shared.reads), samples),
    );
    larder::export(namespaces, &mut text);
    (
        [(header::CONTENT_TYPE, format.content_type())],
        text.finish(),
    )
        .into_response()
}

fn operations(stats: &Stats, samples: &mut Samples<'_>) {
    let failed = stats.load_errors + stats.load_panics;
    for (operation, result, count) in [
        ("get", "hit", stats.hits),
        ("get", "miss", stats.misses),
        (
            "set",
            "ok",
            stats.loads.saturating_sub(failed + stats.fenced),
        ),
        ("set", "error", failed),
        ("invalidate", "ok", stats.invalidations + stats.clears),
    ] {
        samples.add(&[("operation", operation), ("result", result)], count);
    }
}

/// The counts of both namespaces.
fn totals(reads: &Reads) -> Stats {
    let mut total = Stats::default();
    for stats in reads.namespaces().map(AnyCache::stats) {
        total.hits += stats.hits;
        total.misses += stats.misses;
        total.loads += stats.loads;
        total.load_errors += stats.load_errors;
        total.load_panics += stats.load_panics;
        total.fenced += stats.fenced;
        total.invalidations += stats.invalidations;
        total.clears += stats.clears;
    }
    total
}

#[utoipa::path(
    get, path = "/metrics/cache", tag = "scheduler_stats",
    responses((status = OK, description = "Hits, misses and entries of this service's caches."))
)]
pub(super) async fn cache(State(service): State<SchedulerStats>) -> Json<Value> {
    let reads = &service.shared.reads;
    let stats = totals(reads);
    let entries: usize = reads.namespaces().iter().map(|cache| cache.len()).sum();
    let percent = stats.hit_rate().unwrap_or(0.0) * 100.0;
    Json(json!({
        "cache_stats": {
            "hits": stats.hits,
            "misses": stats.misses,
            "total_requests": stats.hits + stats.misses,
            "hit_rate_percent": (percent * 100.0).round() / 100.0,
            "memory_cache_size": entries,
        },
        "status": "operational",
    }))
}

#[utoipa::path(
    post, path = "/metrics/cache/reset", tag = "scheduler_stats", security(("token" = [])),
    responses((status = OK, description = "The figures of this service's caches begin anew (admin); what they hold stays."))
)]
pub(super) async fn reset(State(service): State<SchedulerStats>) -> Json<Value> {
    service.shared.reads.reset_stats();
    Json(json!({ "status": "stats_reset" }))
}

#[utoipa::path(
    post, path = "/metrics/cache/invalidate/{namespace}", tag = "scheduler_stats", security(("token" = [])),
    params(("namespace", description = "training_data or scheduler_stats")),
    responses(
        (status = OK, description = "The namespace is empty, in all tiers (admin)."),
        (status = NOT_FOUND, description = "There is no such namespace."),
    )
)]
pub(super) async fn invalidate(
    State(service): State<SchedulerStats>,
    Path(namespace): Path<String>,
) -> Result<Json<Value>, Problem> {
    let namespaces = service.shared.reads.namespaces();
    let found = namespaces.iter().find(|cache| cache.name() == namespace);
    let cache = found.ok_or_else(|| {
        let namespace: String = namespace.chars().take(64).collect();
        let names = namespaces.map(AnyCache::name).join(", ");
        Problem::not_found(format!(
            "no namespace is named {namespace:?}; there are: {names}"
        ))
    })?;
    let failed = |error: larder::Error| {
        tracing::error!(%error, "a namespace could not be invalidated");
        let detail = "the namespace could not be invalidated; the log says why";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "not-invalidated", detail)
    };
    let keys_deleted = cache.count(Scope::Prefix("")).map_err(failed)?;
    cache.clear().await.map_err(failed)?;
    Ok(Json(json!({
        "status": "invalidated",
        "namespace": cache.name(),
        "keys_deleted": keys_deleted,
    })))
}
