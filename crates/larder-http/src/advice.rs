//! `/v1/caches/{name}/keys`, `/v1/recommendations`, and the route of `loads`: what caches tell of their keys,
//! and what to change.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use larder::recommend::{Observed, Recommendation, recommend};
use larder::{KeyFigures, Learned};
use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::loads;
use crate::problem::Problem;

pub(crate) fn routes(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/caches/{name}/keys", get(keys))
        .route("/v1/caches/{name}/loads", get(loads::loads))
        .route("/v1/recommendations", get(recommendations))
        .with_state(gateway.clone())
}

#[utoipa::path(
    get, path = "/v1/caches/{name}/keys", tag = "caches",
    params(("name", description = "the cache's name")),
    responses((status = OK, description = "Its hottest, largest and slowest keys, and its entries by prefix and by the time that they have left: 50 of each at most, of 100,000 entries at most."))
)]
pub(crate) async fn keys(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    let name = gateway.find(&name)?.name().to_owned();
    // It takes milliseconds, which the other requests of this thread need not wait for.
    let looking = tokio::task::spawn_blocking(move || {
        let found = gateway.find(&name).map(larder::AnyCache::key_figures);
        found.map(|figures| Json(shown_keys(&figures)))
    });
    looking.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a look at a cache's keys failed");
        let detail = "the look at the keys failed; the log says why";
        Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "failed",
            detail,
        ))
    })
}

fn shown_keys(keys: &KeyFigures) -> Value {
    let part = |weight: u64| weight as f64 / keys.scanned_weight.max(1) as f64;
    let hottest = keys.hottest.iter().map(|hot| {
        json!({
            "key": hot.key,
            "gets_per_second": hot.gets_per_second,
            "share": hot.share,
            "error": hot.error,
        })
    });
    let largest = keys.largest.iter();
    let largest = largest.map(|(key, weight)| json!({ "key": key, "weight": weight }));
    let slowest = keys.slowest.iter();
    let slowest =
        slowest.map(|(key, took)| json!({ "key": key, "load_ms": took.as_secs_f64() * 1e3 }));
    let prefixes = keys.prefixes.iter().map(|(prefix, entries, weight)| {
        json!({ "prefix": prefix, "entries": entries, "weight": weight, "share": part(*weight) })
    });
    let remaining = keys.remaining.iter().map(|(until, entries)| {
        let until = until.map(|until| until.as_millis() as u64);
        json!({ "until_ms": until, "entries": entries })
    });
    json!({
        "one_in": keys.one_in,
        "seconds": keys.over.as_secs_f64(),
        "hottest": hottest.collect::<Vec<_>>(),
        "largest": largest.collect::<Vec<_>>(),
        "slowest": slowest.collect::<Vec<_>>(),
        "prefixes": prefixes.collect::<Vec<_>>(),
        "ttl": remaining.collect::<Vec<_>>(),
        "scanned": keys.scanned,
        "complete": keys.is_complete,
    })
}

#[utoipa::path(
    get, path = "/v1/recommendations", tag = "caches",
    responses((status = OK, description = "What to change of the caches, the most urgent first, with its evidence and what it would do; the hit rate of each cache at other capacities; and which other instances were asked what they load."))
)]
pub(crate) async fn recommendations(State(gateway): State<Arc<Gateway>>) -> Json<Value> {
    let told = gateway.told().await;
    let observed = gateway.caches.iter().map(|cache| {
        let mut seen = Observed::of(&**cache);
        if let Some(loads) = told.of(cache.name()) {
            seen.loads.clone_from(loads);
        }
        seen
    });
    let seen: Vec<_> = observed.collect();
    let mut advice: Vec<Recommendation> = seen.iter().flat_map(recommend).collect();
    advice.sort_by_key(|one| one.level);
    let curves = seen
        .iter()
        .filter_map(|seen| Some(curve(seen, seen.learned.as_ref()?)));
    Json(json!({
        "at": jiff::Timestamp::now().to_string(),
        "recommendations": advice.iter().map(shown).collect::<Vec<_>>(),
        "curves": curves.collect::<Vec<_>>(),
        "peers": told.peers(),
    }))
}

fn curve(seen: &Observed, learned: &Learned) -> Value {
    let points = learned.curve.iter().map(|point| {
        json!({ "scale": point.scale, "capacity": point.capacity, "hit_rate": point.hit_rate })
    });
    json!({
        "cache": seen.name,
        "capacity": seen.capacity,
        "samples": learned.gets.round() as u64,
        "one_in": learned.one_in,
        "points": points.collect::<Vec<_>>(),
    })
}

/// A recommendation as `/v1/recommendations` tells it.
pub fn shown(advice: &Recommendation) -> Value {
    let evidence = advice
        .evidence
        .iter()
        .map(|seen| json!({ "name": seen.name, "value": seen.value, "unit": seen.unit }));
    let change = advice
        .change
        .as_ref()
        .map(|change| json!({ "setting": change.setting, "from": change.from, "to": change.to }));
    let predicted = advice.predicted.iter().map(|would| {
        json!({ "name": would.name, "from": would.from, "to": would.to, "unit": would.unit })
    });
    json!({
        "id": advice.id,
        "rule": advice.rule,
        "cache": advice.cache,
        "level": advice.level.name(),
        "title": advice.title,
        "text": advice.text,
        "evidence": evidence.collect::<Vec<_>>(),
        "change": change,
        "predicted": predicted.collect::<Vec<_>>(),
        "docs": format!("docs/recommendations/{}.md", advice.rule),
    })
}
