//! `/v1/metrics`: the figures of requests, services and caches, for programs.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use larder_metrics::{Exposition, TextFormat, negotiate};
use serde_json::json;

use crate::gateway::Gateway;
use crate::wire::CacheInfo;

const FORMATS: [TextFormat; 2] = [TextFormat::Prometheus, TextFormat::OpenMetrics];

pub(crate) fn routes(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/metrics", get(metrics))
        .with_state(gateway.clone())
}

#[utoipa::path(
    get, path = "/v1/metrics", tag = "metrics",
    responses((status = OK, description = "The figures of requests, queries, services and all caches: as JSON, as Prometheus' text or as OpenMetrics, by the caller's `Accept`."))
)]
pub(crate) async fn metrics(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Response {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    let [prometheus, open_metrics] = FORMATS.map(TextFormat::content_type);
    let offers = ["application/json", prometheus, open_metrics];
    match negotiate(accept.unwrap_or_default(), &offers) {
        0 => as_json(&gateway),
        text => as_text(&gateway, FORMATS[text - 1]),
    }
}

fn as_json(gateway: &Gateway) -> Response {
    let mut all = gateway.registry.snapshot().to_json();
    let caches = gateway.caches.iter().map(|cache| CacheInfo::of(&**cache));
    all["caches"] = json!(caches.collect::<Vec<_>>());
    Json(all).into_response()
}

fn as_text(gateway: &Gateway, format: TextFormat) -> Response {
    let mut text = Exposition::of(&gateway.registry, format);
    larder::export(gateway.caches.iter().map(|cache| &**cache), &mut text);
    (
        [(header::CONTENT_TYPE, format.content_type())],
        text.finish(),
    )
        .into_response()
}
