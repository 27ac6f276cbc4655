//! `/v1/metrics/history`: the main figures of the last 90 days; and what `/v1/metrics?window=` tells of
//! the last day. How points are kept is not known here.

mod asked;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use larder_metrics::{
    Carry, Lines, Metric, Registry, Snapshot, Timeline, TimelineFile, Track, Window, Windows,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use crate::figures::Figures;
use crate::gateway::Gateway;
use crate::problem::{Problem, short};
use crate::writer::Writer;
use asked::Asked;

/// Series in one answer.
const SERIES_MAX: usize = 500;
const TICK: Duration = Duration::from_secs(1);
/// What was recorded in as many seconds may wait to be written; what is over it is written with the whole.
const WAITING_MAX: usize = 64;

const RECORDING: Metric = Metric::histogram(
    "larder_metrics_recording_seconds",
    "How long it takes to keep a second's figures.",
);
const UNRECORDED: Metric = Metric::gauge(
    "larder_metrics_unrecorded",
    "Series of which no history is kept, because it is full.",
);
/// What recording tells of itself.
pub(crate) const OWN: [Metric; 2] = [RECORDING, UNRECORDED];

/// The families that are recorded; what others hold is a matter for Prometheus.
const RECORDED: &[&str] = &[
    "http_answers",
    "http_latency_seconds",
    "http_request_duration_seconds",
    "larder_cache_capacity",
    "larder_cache_coalesced",
    "larder_cache_disk_bytes",
    "larder_cache_disk_up",
    "larder_cache_entries",
    "larder_cache_evictions",
    "larder_cache_gets",
    "larder_cache_latency_seconds",
    "larder_cache_loads",
    "larder_cache_remote_up",
    "larder_cache_stale_served",
    "larder_cache_tier_reads",
    "larder_cache_time_saved_seconds",
    "larder_cache_weight",
];

/// What is kept of the figures, and where. Nobody who asks waits for a disk.
pub(crate) struct History {
    timeline: Kept,
    windows: Mutex<Windows>,
    /// A cache's figures may be reset, which is no reason for a gap here.
    carry: Mutex<Carry>,
}

enum Kept {
    InMemory(Mutex<Timeline>),
    InFile {
        file: Arc<TimelineFile>,
        writer: Writer<Lines>,
        /// Lines that too many waited before: they are in the file with the whole, once that is written.
        dropped: AtomicU64,
    },
}

impl Default for History {
    fn default() -> Self {
        Self::of(Kept::InMemory(Mutex::new(Timeline::new())))
    }
}

impl History {
    pub(crate) fn in_file(file: TimelineFile) -> Self {
        let file = Arc::new(file);
        let into = file.clone();
        let name = ("larder-history", "the figures' history");
        let write = move |lines| into.write(lines);
        Self::of(Kept::InFile {
            file,
            writer: Writer::start(name, WAITING_MAX, None, write),
            dropped: AtomicU64::new(0),
        })
    }

    fn of(timeline: Kept) -> Self {
        Self {
            timeline,
            windows: Mutex::default(),
            carry: Mutex::default(),
        }
    }

    /// Adds what happened since the last call.
    fn record(&self, snapshot: Snapshot) {
        let mut snapshot = self.carry.lock().on(snapshot);
        self.windows.lock().record(snapshot.clone());
        snapshot.retain(|name| RECORDED.contains(&name));
        match &self.timeline {
            Kept::InMemory(timeline) => timeline.lock().record(&snapshot),
            Kept::InFile {
                file,
                writer,
                dropped,
            } => {
                let lines = file.note(&snapshot);
                if !lines.is_none_or(|lines| writer.hand(lines)) {
                    dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// What was recorded in the window that ends now.
    pub(crate) fn last(&self, window: Window) -> Option<Snapshot> {
        self.windows.lock().last(window)
    }

    /// As [`record`](Self::record), and tells the registry what that took.
    fn record_timed(&self, snapshot: impl FnOnce() -> Snapshot, registry: &Registry) {
        let began = Instant::now();
        self.record(snapshot());
        let refused = self.read(Timeline::series_refused);
        // These fail only where the registry is full, which it counts itself.
        let _ = registry.set(UNRECORDED.name, &[], refused as f64);
        if let Ok(timing) = registry.timing(RECORDING.name) {
            timing.record(began.elapsed());
        }
    }

    fn read<T>(&self, of: impl FnOnce(&Timeline) -> T) -> T {
        match &self.timeline {
            Kept::InMemory(timeline) => of(&timeline.lock()),
            Kept::InFile { file, .. } => file.read(of),
        }
    }

    /// Why the file lacks what is in memory, if it does.
    pub(crate) fn trouble(&self) -> Option<String> {
        let Kept::InFile {
            file,
            writer,
            dropped,
        } = &self.timeline
        else {
            return None;
        };
        let why = writer.trouble()?;
        let path = file.path().display();
        Some(match dropped.load(Ordering::Relaxed) {
            0 => format!("{path}: {why}"),
            dropped => format!("{path}: {why}; {dropped} writes were dropped since the start"),
        })
    }
}

/// Records the figures each second, unless metrics are switched off.
pub(crate) fn start_recording(gateway: &Arc<Gateway>, figures: Figures) {
    for metric in OWN {
        // Fails only where the registry is full, and then there is nothing to describe.
        let _ = gateway.registry.describe(metric.name, metric.help);
    }
    let gateway = Arc::downgrade(gateway);
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(TICK);
        interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            interval.tick().await;
            let Some(gateway) = gateway.upgrade() else {
                return;
            };
            if !gateway.registry.is_enabled() {
                continue;
            }
            let figures = figures.clone();
            let recorded = tokio::task::spawn_blocking(move || {
                let snapshot = || figures.snapshot();
                gateway.history.record_timed(snapshot, &gateway.registry);
            });
            if let Err(error) = recorded.await {
                return tracing::error!(%error, "the figures' history stands still");
            }
        }
    });
}

pub(crate) fn routes(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/metrics/history", get(history))
        .with_state(gateway.clone())
}

#[utoipa::path(
    get, path = "/v1/metrics/history", tag = "metrics",
    params(Asked),
    responses(
        (status = OK, description = "A metric's series over time, oldest point first; null where nothing was recorded."),
        (status = BAD_REQUEST, description = "A parameter is wrong, or more is asked for than one answer holds."),
        (status = NOT_FOUND, description = "No metric of this name is recorded; the answer lists those that are."),
    )
)]
pub(crate) async fn history(
    State(gateway): State<Arc<Gateway>>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(asked) = asked.map_err(|rejection| {
        Problem::bad_request(format!(
            "{}; {}",
            short(&rejection.body_text()),
            asked::EXPECTED
        ))
    })?;
    let now = gateway.registry.now();
    let period = asked.period(now).map_err(Problem::bad_request)?;
    let tags = asked.tags().map_err(Problem::bad_request)?;
    let answer = gateway.history.read(|timeline| {
        let names = timeline.names();
        let Some((name, kind)) = names.iter().find(|(name, _)| **name == *asked.name) else {
            let names: Vec<_> = names.iter().map(|(name, _)| &**name).collect();
            return Err(unknown(&asked.name, &names));
        };
        let tracks = timeline.query(&period.query(name, &tags));
        Ok((*kind, tracks))
    });
    let (kind, tracks) = answer?;
    if tracks.len() > SERIES_MAX {
        return Err(Problem::bad_request(format!(
            "{} has {} series here, expected at most {SERIES_MAX}: name some by tags=KEY=VALUE,…",
            asked.name,
            tracks.len(),
        )));
    }
    let from = period.from.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Json(json!({
        "name": asked.name,
        "kind": kind,
        "from": from.as_secs(),
        "step": period.step.as_secs(),
        "points": period.points,
        "series": tracks.iter().map(track).collect::<Vec<_>>(),
    })))
}

fn track(track: &Track) -> Value {
    let columns = track.columns.iter();
    let columns = columns.map(|column| (column.name.to_owned(), json!(column.values)));
    let mut series: serde_json::Map<_, _> = columns.collect();
    series.insert("tags".to_owned(), json!(track.tags));
    Value::Object(series)
}

fn unknown(name: &str, names: &[&str]) -> Problem {
    let there = if names.is_empty() {
        "nothing is recorded yet".to_owned()
    } else {
        format!("there are: {}", names.join(", "))
    };
    Problem::not_found(format!("no metric {:?} is recorded; {there}", short(name)))
}

#[cfg(test)]
mod tests;
