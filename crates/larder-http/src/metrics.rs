//! `/v1/metrics`: the figures of requests, services and caches, for programs, and the switch of metrics.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use larder_metrics::{Exposition, TextFormat, Window, negotiate};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::audit::Change;
use crate::body::JsonBody;
use crate::gateway::Gateway;
use crate::problem::{Problem, short};
use crate::wire::CacheInfo;

pub(crate) fn routes(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/metrics", get(metrics))
        .route("/v1/metrics/enabled", get(is_enabled))
        .with_state(gateway.clone())
}

pub(crate) fn changes(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/metrics/enabled", post(set_enabled))
        .with_state(gateway.clone())
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// `1m`, `5m`, `60m` or `24h`: what was recorded in the last one, five or sixty minutes or the last day alone, as JSON.
    window: Option<String>,
}

#[utoipa::path(
    get, path = "/v1/metrics", tag = "metrics",
    params(Asked),
    responses((status = OK, description = "The figures of requests, queries, services and all caches: as JSON, as Prometheus' text or as OpenMetrics, by the caller's `Accept`. Of a window as JSON, with rates and percentiles of its own."))
)]
pub(crate) async fn metrics(
    State(gateway): State<Arc<Gateway>>,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|rejection| {
        let expected = "expected nothing, or ?window=1m, 5m, 60m or 24h";
        Problem::bad_request(format!("{}; {expected}", short(&rejection.body_text())))
    })?;
    if let Some(window) = asked.window {
        let window = window.parse().map_err(Problem::bad_request)?;
        return Ok(of_window(&gateway, window));
    }
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    let formats = TextFormat::ALL.map(TextFormat::content_type);
    let offers = [&["application/json"][..], &formats].concat();
    Ok(match negotiate(accept.unwrap_or_default(), &offers) {
        0 => as_json(&gateway),
        text => as_text(&gateway, TextFormat::ALL[text - 1]),
    })
}

/// In the first second nothing has been recorded yet: the window has no length, and no rates.
fn of_window(gateway: &Gateway, window: Window) -> Response {
    let recorded = gateway.history.last(window);
    let snapshot = recorded.unwrap_or_else(|| {
        let now = gateway.figures().snapshot();
        now.since(&now)
    });
    let mut all = snapshot.to_json();
    all["window"] = json!(window.to_string());
    Json(all).into_response()
}

fn as_json(gateway: &Gateway) -> Response {
    let mut all = gateway.registry.snapshot().to_json();
    let caches = gateway.caches.iter().map(|cache| CacheInfo::of(&**cache));
    all["caches"] = json!(caches.collect::<Vec<_>>());
    Json(all).into_response()
}

fn as_text(gateway: &Gateway, format: TextFormat) -> Response {
    let mut text = Exposition::of(&gateway.registry, format);
    gateway.figures().add_to(&mut text);
    (
        [(header::CONTENT_TYPE, format.content_type())],
        text.finish(),
    )
        .into_response()
}

#[utoipa::path(
    get, path = "/v1/metrics/enabled", tag = "metrics",
    responses((status = OK, description = "Whether metrics are recorded."))
)]
pub(crate) async fn is_enabled(State(gateway): State<Arc<Gateway>>) -> Json<Value> {
    Json(json!({ "enabled": gateway.registry.is_enabled() }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Switch {
    enabled: bool,
}

#[utoipa::path(
    post, path = "/v1/metrics/enabled", tag = "metrics",
    request_body = Switch,
    security(("token" = [])),
    responses((status = OK, description = "Switches the recording of metrics and of their history on or off (admin). What was recorded stays; caches go on counting."))
)]
pub(crate) async fn set_enabled(
    State(gateway): State<Arc<Gateway>>,
    Extension(change): Extension<Change>,
    JsonBody(Switch { enabled }): JsonBody<Switch>,
) -> Json<Value> {
    gateway.registry.set_enabled(enabled);
    change.about(if enabled { "on" } else { "off" }, false);
    tracing::info!(enabled, "metrics switched by request");
    Json(json!({ "enabled": enabled }))
}
