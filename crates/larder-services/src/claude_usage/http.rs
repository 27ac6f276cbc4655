//! `/api/stats` and `/api/metrics/history`.
//!
//! An answer is a part made once for each snapshot, window and day, and a short part made for each
//! request (ages and request figures). Its weak `ETag` names the first part.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use jiff::Timestamp;
use jiff::civil::Date;
use larder::Snapshot;
use larder_http::Problem;
use larder_http::etag::{is_known, not_modified, with_etag};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::history::{self, POINTS_MAX, TimedPoint};
use super::report::Report;
use super::service::{AnswerKey, ClaudeUsage, Shared, has_no_logs};
use super::view::TimeRange;

/// What the routes are, for people and programs.
pub(super) fn document() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(stats, metrics_history))]
    struct Document;
    <Document as utoipa::OpenApi>::openapi()
}

pub(super) fn router(usage: &ClaudeUsage) -> Router {
    Router::new()
        .route("/api/stats", get(stats))
        .route("/api/metrics/history", get(metrics_history))
        .with_state(usage.clone())
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StatsQuery {
    /// `today`, `week`, `month` or `all`.
    #[serde(default)]
    time_range: Option<String>,
}

#[utoipa::path(
    get, path = "/api/stats", tag = "claude_usage",
    params(StatsQuery),
    responses(
        (status = OK, description = "Tokens and cost of all session logs, as JSON."),
        (status = NOT_MODIFIED, description = "As the caller's `If-None-Match` names it."),
        (status = SERVICE_UNAVAILABLE, description = "The first scan is running, or there are no logs."),
    )
)]
async fn stats(
    State(usage): State<ClaudeUsage>,
    query: Result<Query<StatsQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let range = query
        .time_range
        .map_or(Ok(TimeRange::All), |text| text.parse());
    let range = range.map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, "bad-time-range", error.to_string())
    })?;
    let shared = &usage.shared;
    let snapshot = latest(shared)?;
    let today = today(&snapshot);
    let etag = format!(
        "W/\"{:x}-{}-{range}-{today}\"",
        shared.incarnation, snapshot.version
    );
    if is_known(&headers, &etag) {
        return Ok(not_modified(&etag));
    }
    let fixed = fixed(shared, &snapshot, range, today).await?;
    let body = Body::new(TwoParts([Some(fixed), Some(volatile(shared, &snapshot))]));
    let mut response = Response::new(body);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    Ok(with_etag(response, &etag))
}

/// Has the answers for all windows of the last snapshot made; returns how many.
pub(super) async fn warm(shared: &Shared) -> Result<usize, Problem> {
    let snapshot = latest(shared)?;
    for range in TimeRange::ALL {
        fixed(shared, &snapshot, range, today(&snapshot)).await?;
    }
    Ok(TimeRange::ALL.len())
}

/// The last snapshot, if there is something to tell of.
fn latest(shared: &Shared) -> Result<Snapshot<Report>, Problem> {
    let snapshot = shared.snapshots.latest();
    let snapshot = snapshot.ok_or_else(|| still_scanning(shared))?;
    if has_no_logs(&snapshot) {
        return Err(no_logs(&snapshot.value));
    }
    Ok(snapshot)
}

fn today(snapshot: &Snapshot<Report>) -> Date {
    let zone = snapshot.value.zone().clone();
    Timestamp::now().to_zoned(zone).date()
}

/// The answer's first part, from the cache or made now.
async fn fixed(
    shared: &Shared,
    snapshot: &Snapshot<Report>,
    range: TimeRange,
    today: Date,
) -> Result<Bytes, Problem> {
    let (version, report) = (snapshot.version, snapshot.value.clone());
    let key = AnswerKey { range, today };
    let render = move |_| async move { render(&report, range, today) };
    let fixed = shared.answers.get_or_load_at(&key, version, render).await;
    fixed.map_err(|error| {
        tracing::error!(%error, "the usage could not be rendered");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Problem::new(status, "not-rendered", error.to_string())
    })
}

fn still_scanning(shared: &Shared) -> Problem {
    let progress = shared.progress.snapshot();
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "first-scan",
        "the session logs are being read for the first time",
    )
    .with(
        "progress",
        json!({
            "files_done": progress.files_done,
            "files_total": progress.files_total,
            "bytes_done": progress.bytes_done,
            "bytes_total": progress.bytes_total,
        }),
    )
    .retry_after(1)
}

fn no_logs(report: &Report) -> Problem {
    let places: Vec<_> = report
        .looked_in()
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no-logs", "no session logs were found")
        .with("looked_in", places)
        .with(
            "hint",
            "set CLAUDE_CONFIG_DIR (or claude_usage.roots) to the directory that holds `projects`, or try \
             `larder serve --demo`; logs that appear are found by themselves",
        )
        .retry_after(5)
}

/// The answer's first part: the view's object, without its closing brace.
fn render(report: &Report, range: TimeRange, today: Date) -> Result<Bytes, serde_json::Error> {
    let mut json = serde_json::to_vec(&report.view(range, today))?;
    json.pop();
    Ok(json.into())
}

#[derive(Serialize)]
struct Volatile {
    snapshot: SnapshotInfo,
    uptime_seconds: f64,
    port: u16,
    total_requests: u64,
    successful_requests: u64,
    failed_requests: u64,
    avg_response_time_ms: f64,
}

#[derive(Serialize)]
struct SnapshotInfo {
    timestamp: Option<String>,
    age_ms: u64,
    version: u64,
}

/// The answer's second part, with the closing brace.
fn volatile(shared: &Shared, snapshot: &Snapshot<Report>) -> Bytes {
    let requests = shared.requests.figures();
    let volatile = Volatile {
        snapshot: SnapshotInfo {
            timestamp: Timestamp::try_from(snapshot.timestamp)
                .ok()
                .map(|time| time.to_string()),
            age_ms: snapshot.age.as_millis() as u64,
            version: snapshot.version,
        },
        uptime_seconds: shared.started.elapsed().as_secs_f64(),
        port: shared.port,
        total_requests: requests.total,
        successful_requests: requests.successful,
        failed_requests: requests.failed,
        avg_response_time_ms: requests.avg_response_time_ms,
    };
    let mut json = serde_json::to_vec(&volatile).expect("a struct of numbers serializes");
    json[0] = b',';
    json.into()
}

/// A body of two parts that are sent as they are, without being copied together.
struct TwoParts([Option<Bytes>; 2]);

impl http_body::Body for TwoParts {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(
            self.0
                .iter_mut()
                .find_map(Option::take)
                .map(|part| Ok(Frame::data(part))),
        )
    }

    fn is_end_stream(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().flatten().map(|part| part.len() as u64).sum())
    }
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HistoryQuery {
    /// `15m`, `1h`, `24h` and the like, up to now.
    range: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

#[utoipa::path(
    get, path = "/api/metrics/history", tag = "claude_usage",
    params(HistoryQuery),
    responses((status = OK, description = "Samples of the snapshots in a window, thinned out."))
)]
async fn metrics_history(
    State(usage): State<ClaudeUsage>,
    query: Result<Query<HistoryQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(HistoryQuery { range, from, to }) =
        query.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let window = history::window(
        Timestamp::now(),
        range.as_deref(),
        from.as_deref(),
        to.as_deref(),
    );
    let (from, to) =
        window.map_err(|detail| Problem::new(StatusCode::BAD_REQUEST, "bad-window", detail))?;
    let snapshots = &usage.shared.snapshots;
    let samples = snapshots.range(from, to);
    let points: Vec<_> = history::thin_out(&samples, POINTS_MAX)
        .map(TimedPoint::from)
        .collect();
    let text = |time: SystemTime| Timestamp::try_from(time).ok().map(|time| time.to_string());
    Ok(Json(json!({
        "range": { "from": text(from), "to": text(to) },
        "interval_ms": snapshots.interval().as_millis() as u64,
        "capacity": snapshots.capacity(),
        "samples": samples.len(),
        "points": points,
    })))
}
