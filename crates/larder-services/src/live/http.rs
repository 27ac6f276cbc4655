//! The routes under `/live`.

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{DefaultBodyLimit, Path, Query as Params, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use larder_http::{JsonBody, Problem};
use serde::Deserialize;
use serde_json::{Value, json};

use super::als::AlsError;
use super::lookup::{Lookup, LookupError};
use super::query::Query;
use super::roots::Refused;
use super::service::{FileError, LiveSet};
use super::socket;
use super::worker::Opened;

/// Bytes of a request's body.
const BODY_BYTES_MAX: usize = 64 << 10;
/// Bytes of an id.
const ID_BYTES_MAX: usize = 512;

/// What the routes are, for people and programs.
pub(super) fn document() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(
        tracks,
        track,
        scenes,
        scene,
        device,
        clip,
        nodes,
        diff,
        project,
        open,
        metrics,
        metrics_summary,
        cache_stats,
        follow
    ))]
    struct Document;
    <Document as utoipa::OpenApi>::openapi()
}

pub(super) fn reads(live: &LiveSet) -> Router {
    Router::new()
        .route("/live/tracks", get(tracks))
        .route("/live/tracks/{index}", get(track))
        .route("/live/scenes", get(scenes))
        .route("/live/scenes/{index}", get(scene))
        .route("/live/devices/{id}", get(device))
        .route("/live/clips/{id}", get(clip))
        .route("/live/nodes", get(nodes))
        .route("/live/diff", get(diff))
        .route("/live/project", get(project))
        .route("/live/metrics", get(metrics))
        .route("/live/metrics/summary", get(metrics_summary))
        .route("/live/cache/stats", get(cache_stats))
        .with_state(live.clone())
}

pub(super) fn changes(live: &LiveSet) -> Router {
    Router::new()
        .route("/live/open", post(open))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(live.clone())
}

pub(super) fn streams(live: &LiveSet) -> Router {
    Router::new()
        .route("/live/ws", get(follow))
        .with_state(live.clone())
}

#[utoipa::path(
    get, path = "/live/tracks", tag = "live",
    responses((status = OK, description = "All tracks, returns among them and the master last."))
)]
async fn tracks(State(live): State<LiveSet>, headers: HeaderMap) -> Result<Response, Problem> {
    answer(&live, &headers, &Lookup::TracksAll).await
}

#[utoipa::path(
    get, path = "/live/tracks/{index}", tag = "live",
    params(("index" = usize, Path, description = "From 0.")),
    responses(
        (status = OK, description = "The track with all below it."),
        (status = NOT_FOUND, description = "The set has fewer."),
    )
)]
async fn track(
    State(live): State<LiveSet>,
    index: Result<Path<usize>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(&live, &headers, &Lookup::TrackByIndex(number(index)?)).await
}

#[utoipa::path(
    get, path = "/live/scenes", tag = "live",
    responses((status = OK, description = "All scenes."))
)]
async fn scenes(State(live): State<LiveSet>, headers: HeaderMap) -> Result<Response, Problem> {
    answer(&live, &headers, &Lookup::ScenesAll).await
}

#[utoipa::path(
    get, path = "/live/scenes/{index}", tag = "live",
    params(("index" = usize, Path, description = "From 0.")),
    responses(
        (status = OK, description = "The scene."),
        (status = NOT_FOUND, description = "The set has fewer."),
    )
)]
async fn scene(
    State(live): State<LiveSet>,
    index: Result<Path<usize>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(&live, &headers, &Lookup::SceneByIndex(number(index)?)).await
}

#[utoipa::path(
    get, path = "/live/devices/{id}", tag = "live",
    params(("id" = String, Path, description = "Such as `track-12.device-0`.")),
    responses(
        (status = OK, description = "The device with its parameters and the devices in it."),
        (status = NOT_FOUND, description = "There is none of this id."),
    )
)]
async fn device(
    State(live): State<LiveSet>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(&live, &headers, &Lookup::DeviceById(name(id)?.into())).await
}

#[utoipa::path(
    get, path = "/live/clips/{id}", tag = "live",
    params(("id" = String, Path, description = "Such as `track-12.slot-3.clip-0`.")),
    responses(
        (status = OK, description = "The clip with its files."),
        (status = NOT_FOUND, description = "There is none of this id."),
    )
)]
async fn clip(
    State(live): State<LiveSet>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(&live, &headers, &Lookup::ClipById(name(id)?.into())).await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct NodesQuery {
    /// `track`, `scene`, `mixer`, `device`, `parameter`, `clip_slot`, `clip`, `file_ref`, `automation`.
    r#type: Option<String>,
    /// `NAME` or `NAME=VALUE`.
    attr: Option<String>,
    /// Nodes in the answer at most, 1,000 unless given.
    limit: Option<usize>,
}

#[utoipa::path(
    get, path = "/live/nodes", tag = "live", params(NodesQuery),
    responses(
        (status = OK, description = "The nodes that match, without those below them."),
        (status = BAD_REQUEST, description = "No such type, or a limit out of range."),
    )
)]
async fn nodes(
    State(live): State<LiveSet>,
    params: Result<Params<NodesQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Params(params) = params.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let query = Query::new(
        params.r#type.as_deref(),
        params.attr.as_deref(),
        params.limit,
    );
    let query = query
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "bad-query", error.to_string()))?;
    answer(&live, &headers, &Lookup::Nodes(query)).await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DiffQuery {
    /// The absolute path of a set under the configured directories.
    file: String,
}

#[utoipa::path(
    get, path = "/live/diff", tag = "live", params(DiffQuery),
    responses(
        (status = OK, description = "What would change if the file were opened."),
        (status = BAD_REQUEST, description = "No absolute path of an .als file is named."),
        (status = NOT_FOUND, description = "There is no such file, or no set is open."),
        (status = PAYLOAD_TOO_LARGE, description = "It is larger than a set may be."),
        (status = UNPROCESSABLE_ENTITY, description = "It is no Live Set, or not under the configured directories."),
    )
)]
async fn diff(
    State(live): State<LiveSet>,
    params: Result<Params<DiffQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Params(DiffQuery { file }) =
        params.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let diff = live
        .diff(&file)
        .await
        .map_err(|error| of_file(&live, &error))?;
    Ok(Json(json!({ "file": file, "diff": diff })))
}

#[utoipa::path(
    get, path = "/live/project", tag = "live",
    responses((status = OK, description = "The set, what it has, and where the song is."))
)]
async fn project(State(live): State<LiveSet>) -> Json<Value> {
    Json(live.project())
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct OpenBody {
    /// The absolute path of a set under the configured directories.
    path: String,
}

#[utoipa::path(
    post, path = "/live/open", tag = "live", request_body = OpenBody,
    security(("token" = [])),
    responses(
        (status = OK, description = "The set is open.", body = Opened),
        (status = BAD_REQUEST, description = "No absolute path of an .als file is named."),
        (status = NOT_FOUND, description = "There is no such file."),
        (status = PAYLOAD_TOO_LARGE, description = "It is larger than a set may be, or the body is too long."),
        (status = SERVICE_UNAVAILABLE, description = "Other files are being opened."),
        (status = UNPROCESSABLE_ENTITY, description = "It is no Live Set, or not under the configured directories; what was open stays."),
    )
)]
async fn open(
    State(live): State<LiveSet>,
    JsonBody(OpenBody { path }): JsonBody<OpenBody>,
) -> Result<Json<Opened>, Problem> {
    let opened = live.open(&path).await;
    Ok(Json(opened.map_err(|error| of_file(&live, &error))?))
}

#[utoipa::path(
    get, path = "/live/metrics", tag = "live",
    responses((status = OK, description = "All figures of the service: timings, counters, gauges."))
)]
async fn metrics(State(live): State<LiveSet>) -> Json<Value> {
    Json(live.metrics())
}

#[utoipa::path(
    get, path = "/live/metrics/summary", tag = "live",
    responses((status = OK, description = "Events, errors, loss and latencies in short."))
)]
async fn metrics_summary(State(live): State<LiveSet>) -> Json<Value> {
    Json(live.metrics_summary())
}

#[utoipa::path(
    get, path = "/live/cache/stats", tag = "live",
    responses((status = OK, description = "The cache's figures; `statistics.hit_rate` is a fraction."))
)]
async fn cache_stats(State(live): State<LiveSet>) -> Json<Value> {
    Json(live.cache_stats())
}

#[utoipa::path(
    get, path = "/live/ws", tag = "live",
    responses(
        (status = SWITCHING_PROTOCOLS, description = "The tree, then each change, as JSON messages."),
        (status = SERVICE_UNAVAILABLE, description = "Too many clients follow already."),
    )
)]
async fn follow(
    State(live): State<LiveSet>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|rejection| {
        Problem::new(rejection.status(), "no-websocket", rejection.body_text())
    })?;
    let Ok(permit) = live.clients().try_acquire_owned() else {
        live.figures().clients_refused.increment();
        let detail = "as many clients follow as may (live.max_clients)";
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-clients", detail);
        return Err(problem.retry_after(5));
    };
    let stopping = live.stopping();
    Ok(upgrade
        .max_message_size(socket::MESSAGE_BYTES_MAX)
        .max_frame_size(socket::MESSAGE_BYTES_MAX)
        .read_buffer_size(socket::READ_BYTES)
        .on_upgrade(move |socket| socket::serve(live, socket, permit, stopping)))
}

/// The result of a look-up, under the version of its subtree as entity tag.
async fn answer(live: &LiveSet, headers: &HeaderMap, lookup: &Lookup) -> Result<Response, Problem> {
    let of_lookup = |error| of_lookup(live, &error);
    let version = live.version(lookup).map_err(of_lookup)?;
    if is_known(headers, &etag(version)) {
        return Ok(with_validator(
            StatusCode::NOT_MODIFIED.into_response(),
            version,
        ));
    }
    let found = live.lookup(lookup).await.map_err(of_lookup)?;
    let mut response = Response::new(Body::from(found.json));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(with_validator(response, found.version))
}

fn etag(version: u64) -> String {
    format!("W/\"{version:016x}\"")
}

/// `If-None-Match` may list several, or be `*`.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut tags = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim);
    tags.any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag.trim_start_matches("W/"))
}

fn with_validator(mut response: Response, version: u64) -> Response {
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::try_from(etag(version)) {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn number(index: Result<Path<usize>, PathRejection>) -> Result<usize, Problem> {
    let index = index.map_err(|_| Problem::bad_request("expected an index: a whole number from 0"));
    index.map(|Path(index)| index)
}

fn name(id: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    match id {
        Ok(Path(id)) if id.len() <= ID_BYTES_MAX => Ok(id),
        _ => {
            let detail = format!("expected an id in UTF-8, of at most {ID_BYTES_MAX} bytes");
            Err(Problem::bad_request(detail))
        }
    }
}

fn of_lookup(live: &LiveSet, error: &LookupError) -> Problem {
    match error {
        LookupError::NoSuch(detail) => Problem::not_found(detail),
        LookupError::NoSet => no_set(live),
        LookupError::Cache(error) => {
            tracing::warn!(%error, "a look-up failed");
            let detail = "the look-up could not be answered";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-answered", detail).retry_after(1)
        }
    }
}

fn no_set(live: &LiveSet) -> Problem {
    let detail = live
        .load_error()
        .unwrap_or_else(|| "the set is being read".to_owned());
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no-set", detail)
        .with(
            "hint",
            "open one with `larder live-set open FILE` or POST /live/open",
        )
        .retry_after(1)
}

fn of_file(live: &LiveSet, error: &FileError) -> Problem {
    let (status, kind) = match error {
        FileError::NoSet => return no_set(live),
        FileError::Refused(Refused::NoSetPath) => (StatusCode::BAD_REQUEST, "bad-path"),
        FileError::Refused(Refused::Outside(_) | Refused::Unreadable(..)) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "file-refused")
        }
        FileError::Refused(Refused::Absent(_)) => (StatusCode::NOT_FOUND, "no-file"),
        FileError::Als(
            AlsError::TooLarge(_) | AlsError::TooManyElements(_) | AlsError::TooManyNodes(_),
        ) => (StatusCode::PAYLOAD_TOO_LARGE, "set-too-large"),
        FileError::Als(_) => (StatusCode::UNPROCESSABLE_ENTITY, "no-live-set"),
        FileError::Busy | FileError::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
    };
    Problem::new(status, kind, error.to_string())
}
