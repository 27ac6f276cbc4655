//! `/v1/metrics/history`: the main figures of the last 90 days; and what `/v1/metrics?window=` tells of
//! the last day. How points are kept is not known here.

mod asked;

use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use larder_metrics::{
    Carry, Metric, Registry, Snapshot, Timeline, TimelineFile, Track, Window, Windows,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use crate::figures::Figures;
use crate::gateway::Gateway;
use crate::problem::Problem;
use asked::Asked;

/// Series in one answer.
const SERIES_MAX: usize = 500;
const TICK: Duration = Duration::from_secs(1);

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

/// What is kept of the figures, and where.
pub(crate) struct History {
    timeline: Mutex<Kept>,
    windows: Mutex<Windows>,
    /// A cache's figures may be reset, which is no reason for a gap here.
    carry: Mutex<Carry>,
}

enum Kept {
    InMemory(Timeline),
    InFile {
        file: TimelineFile,
        /// Whether the log knows that it can't be written.
        has_failed: bool,
    },
}

impl Default for History {
    fn default() -> Self {
        Self::of(Kept::InMemory(Timeline::new()))
    }
}

impl History {
    pub(crate) fn in_file(file: TimelineFile) -> Self {
        Self::of(Kept::InFile {
            file,
            has_failed: false,
        })
    }

    fn of(kept: Kept) -> Self {
        Self {
            timeline: Mutex::new(kept),
            windows: Mutex::default(),
            carry: Mutex::default(),
        }
    }

    /// Adds what happened since the last call. Blocks while the file is written.
    fn record(&self, snapshot: Snapshot) {
        let mut snapshot = self.carry.lock().on(snapshot);
        self.windows.lock().record(snapshot.clone());
        snapshot.retain(|name| RECORDED.contains(&name));
        match &mut *self.timeline.lock() {
            Kept::InMemory(timeline) => timeline.record(&snapshot),
            Kept::InFile { file, has_failed } => match file.record(&snapshot) {
                Ok(()) => *has_failed = false,
                Err(error) if !std::mem::replace(has_failed, true) => {
                    tracing::warn!(%error, "the figures' history cannot be written");
                }
                Err(_) => {}
            },
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
        match &*self.timeline.lock() {
            Kept::InMemory(timeline) => of(timeline),
            Kept::InFile { file, .. } => of(file.timeline()),
        }
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
        Problem::bad_request(format!("{}; {}", rejection.body_text(), asked::EXPECTED))
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
    Problem::not_found(format!("no metric {name:?} is recorded; {there}"))
}

#[cfg(test)]
mod tests {
    use larder::sync::Cache;
    use larder_metrics::{Limits, ManualClock};

    use super::*;

    #[test]
    fn a_window_has_what_a_cache_did_before_its_figures_were_reset() {
        let clock = ManualClock::new();
        let registry = Registry::with(Limits::default(), clock.clock());
        let cache = Cache::<u64, u64>::builder("numbers").build().unwrap();
        let history = History::default();
        let record = || {
            let mut snapshot = registry.snapshot();
            larder::export([&cache as &dyn larder::AnyCache], &mut snapshot);
            history.record(snapshot);
            clock.advance(TICK);
        };
        record();
        (0..200).for_each(|key| assert_eq!(cache.get(&key).unwrap(), None));
        record();
        cache.reset_stats();
        (0..100).for_each(|key| assert_eq!(cache.get(&key).unwrap(), None));
        record();
        let minute = history.last(Window::Minute).unwrap();
        let tags = [("cache", "numbers"), ("result", "miss")];
        assert_eq!(minute.counter("larder_cache_gets", &tags), Some(300));
    }
}
