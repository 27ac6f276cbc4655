//! `/api/workstations` and `/ws/workstations`.

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use bytes::Bytes;
use larder_http::etag::{is_known, not_modified, with_etag};
use larder_http::{JsonBody, Problem};
use serde_json::{Map, Value};

use super::answer::{Answer, AnswerKey};
use super::performance;
use super::record::{Summary, Workstation};
use super::service::Workstations;

/// What the routes are, for people and programs.
pub(super) fn document() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(
        list,
        read,
        create,
        update,
        remove,
        notices,
        performance::cache_stats,
        performance::cache_clear,
        performance::cache_invalidate,
        performance::metrics,
    ))]
    struct Document;
    <Document as utoipa::OpenApi>::openapi()
}

pub(super) fn reads(workstations: &Workstations) -> Router {
    Router::new()
        .route("/api/workstations", get(list))
        .route("/api/workstations/{id}", get(read))
        .with_state(workstations.clone())
}

pub(super) fn changes(workstations: &Workstations) -> Router {
    Router::new()
        .route("/api/workstations", post(create))
        .route("/api/workstations/{id}", put(update).delete(remove))
        .with_state(workstations.clone())
}

pub(super) fn streams(workstations: &Workstations) -> Router {
    Router::new()
        .route("/ws/workstations", get(notices))
        .with_state(workstations.clone())
}

#[utoipa::path(
    get, path = "/api/workstations", tag = "workstations",
    responses(
        (status = OK, body = [Summary], description = "All workstations by name, at most 300 s old and never older than the last write."),
        (status = NOT_MODIFIED, description = "As the caller's `If-None-Match` names it."),
        (status = SERVICE_UNAVAILABLE, description = "The list is not cached, and the database does not answer."),
    )
)]
async fn list(
    State(workstations): State<Workstations>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let answer = workstations.read(AnswerKey::List).await?;
    Ok(respond(&headers, answer))
}

#[utoipa::path(
    get, path = "/api/workstations/{id}", tag = "workstations",
    params(("id" = i64, Path, description = "the workstation's id")),
    responses(
        (status = OK, body = Workstation, description = "All that is known of a workstation."),
        (status = NOT_FOUND, description = "There is none of this id."),
    )
)]
async fn read(
    State(workstations): State<Workstations>,
    id: Result<Path<i64>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let answer = workstations.read(AnswerKey::Record(known(id)?)).await?;
    Ok(respond(&headers, answer))
}

#[utoipa::path(
    post, path = "/api/workstations", tag = "workstations",
    request_body(content = Value, description = "`name`, `ip_address` (or `host`), and any other field of a workstation; `port` is `winrm_port`. A `password` is not kept."),
    security(("token" = [])),
    responses(
        (status = CREATED, body = Workstation, description = "The new workstation (operator)."),
        (status = CONFLICT, description = "Another one has this name, or there are 10,000."),
        (status = UNPROCESSABLE_ENTITY, description = "`errors` names each field that is not as it should be."),
    )
)]
async fn create(
    State(workstations): State<Workstations>,
    JsonBody(given): JsonBody<Map<String, Value>>,
) -> Result<Response, Problem> {
    let made = workstations.create(&given).await?;
    let location = format!("/api/workstations/{}", made.summary.id);
    let location = [(header::LOCATION, location)];
    Ok((StatusCode::CREATED, location, axum::Json(made)).into_response())
}

#[utoipa::path(
    put, path = "/api/workstations/{id}", tag = "workstations",
    params(("id" = i64, Path, description = "the workstation's id")),
    request_body(content = Value, description = "The fields to change; the others stay."),
    security(("token" = [])),
    responses(
        (status = OK, body = Workstation, description = "The workstation as it is now (operator)."),
        (status = NOT_FOUND, description = "There is none of this id."),
        (status = CONFLICT, description = "Another one has this name."),
        (status = UNPROCESSABLE_ENTITY, description = "`errors` names each field that is not as it should be."),
    )
)]
async fn update(
    State(workstations): State<Workstations>,
    id: Result<Path<i64>, PathRejection>,
    JsonBody(given): JsonBody<Map<String, Value>>,
) -> Result<axum::Json<Workstation>, Problem> {
    workstations.update(known(id)?, given).await.map(axum::Json)
}

#[utoipa::path(
    delete, path = "/api/workstations/{id}", tag = "workstations",
    params(("id" = i64, Path, description = "the workstation's id")),
    security(("token" = [])),
    responses(
        (status = NO_CONTENT, description = "It is removed (operator)."),
        (status = NOT_FOUND, description = "There is none of this id."),
    )
)]
async fn remove(
    State(workstations): State<Workstations>,
    id: Result<Path<i64>, PathRejection>,
) -> Result<StatusCode, Problem> {
    workstations
        .remove(known(id)?)
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

#[utoipa::path(
    get, path = "/ws/workstations", tag = "workstations",
    responses((status = SWITCHING_PROTOCOLS, description = "A WebSocket of `workstation_added`, `workstation_updated` and `workstation_removed`; `lagged` tells a slow client how many it lost."))
)]
async fn notices(
    State(workstations): State<Workstations>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    workstations.shared.notices.connect(upgrade)
}

fn known(id: Result<Path<i64>, PathRejection>) -> Result<i64, Problem> {
    let id = id.map(|Path(id)| id);
    id.map_err(|_| Problem::bad_request("expected a whole number as the workstation's id"))
}

/// The cached text itself is the body.
fn respond(headers: &HeaderMap, answer: Answer) -> Response {
    let etag = answer.etag();
    if is_known(headers, &etag) {
        return not_modified(&etag);
    }
    let mut response = Response::new(Body::from(Bytes::from_owner(answer)));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    with_etag(response, &etag)
}
