//! `/api/…` and `/ws/scheduler`.

use axum::extract::rejection::QueryRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use larder_http::{Problem, short_bodies};
use serde::Deserialize;
use serde_json::{Value, json};

use super::control::Control;
use super::metrics;
use super::reads::SchedulerFigures;
use super::service::SchedulerStats;
use super::simulator::Scheduler;
use super::store::TrainingData;

/// Rows of training data in one answer, at most and unless told.
pub(super) const ROWS_MAX: u32 = 1_000;

/// What the routes are, for people and programs.
pub(super) fn document() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(
        status,
        start,
        stop,
        pause,
        resume,
        schedulers,
        stats,
        training_data,
        socket,
        metrics::prometheus,
        metrics::cache,
        metrics::reset,
        metrics::invalidate,
    ))]
    struct Document;
    <Document as utoipa::OpenApi>::openapi()
}

pub(super) fn reads(service: &SchedulerStats) -> Router {
    Router::new()
        .route("/api/status", get(status))
        .route("/api/schedulers", get(schedulers))
        .route("/api/schedulers/{name}/stats", get(stats))
        .route("/api/training-data", get(training_data))
        .with_state(service.clone())
}

pub(super) fn changes(service: &SchedulerStats) -> Router {
    let routes = Router::new()
        .route("/api/start", post(start))
        .route("/api/stop", post(stop))
        .route("/api/pause", post(pause))
        .route("/api/resume", post(resume))
        .with_state(service.clone());
    short_bodies(routes)
}

pub(super) fn streams(service: &SchedulerStats) -> Router {
    Router::new()
        .route("/ws/scheduler", get(socket))
        .with_state(service.clone())
}

#[utoipa::path(
    get, path = "/api/status", tag = "scheduler_stats",
    responses((status = OK, description = "Whether the simulation runs, and how far it is."))
)]
async fn status(State(service): State<SchedulerStats>) -> Json<Value> {
    service.step();
    Json(service.status())
}

#[utoipa::path(
    post, path = "/api/start", tag = "scheduler_stats", security(("token" = [])),
    responses((status = OK, description = "The simulation runs (operator); one that runs already goes on."))
)]
async fn start(State(service): State<SchedulerStats>) -> Json<Value> {
    service.command(Control::start);
    Json(service.status())
}

#[utoipa::path(
    post, path = "/api/stop", tag = "scheduler_stats", security(("token" = [])),
    responses((status = OK, description = "The simulation does not run (operator); tasks under way are forgotten."))
)]
async fn stop(State(service): State<SchedulerStats>) -> Json<Value> {
    service.command(Control::stop);
    Json(service.status())
}

#[utoipa::path(
    post, path = "/api/pause", tag = "scheduler_stats", security(("token" = [])),
    responses(
        (status = OK, description = "The simulation stands still (operator)."),
        (status = CONFLICT, description = "No simulation runs."),
    )
)]
async fn pause(State(service): State<SchedulerStats>) -> Result<Json<Value>, Problem> {
    paused(&service, true)
}

#[utoipa::path(
    post, path = "/api/resume", tag = "scheduler_stats", security(("token" = [])),
    responses(
        (status = OK, description = "The simulation goes on (operator)."),
        (status = CONFLICT, description = "No simulation runs."),
    )
)]
async fn resume(State(service): State<SchedulerStats>) -> Result<Json<Value>, Problem> {
    paused(&service, false)
}

fn paused(service: &SchedulerStats, is_paused: bool) -> Result<Json<Value>, Problem> {
    if service.command(|control| control.pause(is_paused)) {
        return Ok(Json(service.status()));
    }
    let detail = "no simulation runs: POST /api/start first";
    Err(Problem::new(StatusCode::CONFLICT, "not-running", detail))
}

#[utoipa::path(
    get, path = "/api/schedulers", tag = "scheduler_stats",
    responses((status = OK, description = "The schedulers' names, and what each does."))
)]
async fn schedulers() -> Json<Value> {
    let one = |one: Scheduler| json!({ "name": one.name(), "description": one.description() });
    Json(json!(Scheduler::ALL.map(one)))
}

#[utoipa::path(
    get, path = "/api/schedulers/{name}/stats", tag = "scheduler_stats",
    params(("name", description = "round_robin, random, greedy, hybrid_ml or oracle")),
    responses(
        (status = OK, body = SchedulerFigures, description = "What its results come to, at most 10 s old."),
        (status = NOT_FOUND, description = "There is no such scheduler."),
        (status = SERVICE_UNAVAILABLE, description = "It is not cached, and the database does not answer."),
    )
)]
async fn stats(
    State(service): State<SchedulerStats>,
    Path(name): Path<String>,
) -> Result<Json<SchedulerFigures>, Problem> {
    let scheduler = Scheduler::of_name(&name).ok_or_else(|| {
        let name: String = name.chars().take(64).collect();
        let names = Scheduler::ALL.map(Scheduler::name).join(", ");
        Problem::not_found(format!(
            "no scheduler is named {name:?}; there are: {names}"
        ))
    })?;
    service.figures(scheduler).await.map(Json)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Latest {
    /// 1 to 1,000 rows; 1,000 unless told.
    #[serde(default = "rows_max")]
    limit: u32,
}

const fn rows_max() -> u32 {
    ROWS_MAX
}

#[utoipa::path(
    get, path = "/api/training-data", tag = "scheduler_stats",
    params(Latest),
    responses(
        (status = OK, body = [TrainingData], description = "The newest rows, newest first, at most 30 s old."),
        (status = BAD_REQUEST, description = "The limit is not 1 to 1,000."),
        (status = SERVICE_UNAVAILABLE, description = "They are not cached, and the database does not answer."),
    )
)]
async fn training_data(
    State(service): State<SchedulerStats>,
    query: Result<Query<Latest>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(Latest { limit }) = query.map_err(|rejection| {
        let text = rejection.body_text();
        Problem::bad_request(format!("{text}; expected ?limit=NUMBER"))
    })?;
    if !(1..=ROWS_MAX).contains(&limit) {
        let detail = format!("limit is {limit}, expected 1 to {ROWS_MAX}");
        return Err(Problem::bad_request(detail));
    }
    let json = service.shared.reads.latest_training_data(limit).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

#[utoipa::path(
    get, path = "/ws/scheduler", tag = "scheduler_stats",
    responses((status = SWITCHING_PROTOCOLS, description = "A WebSocket of `{type, payload}`: `status` first and with each command, `tasks` as they end; `lagged` tells a slow client how many messages it lost."))
)]
async fn socket(
    State(service): State<SchedulerStats>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let first = json!({ "type": "status", "payload": service.status() });
    service.shared.clients.connect(upgrade, &first)
}
