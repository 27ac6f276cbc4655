//! `/v1/caches/{name}/latency`: how many hits and loads took how long, minute by minute, for a heat map.
//!
//! The last day is kept, in memory: after a restart it begins anew. How it is drawn is not known here.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use larder::Latencies;
use larder_metrics::TimingSnapshot;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use crate::gateway::Gateway;
use crate::problem::{Problem, short};

const MINUTE: Duration = Duration::from_mins(1);
/// Minutes that are kept of each cache: a day.
const MINUTES_MAX: usize = 24 * 60;
/// Caches that are kept; of more there is no heat map.
const CACHES_MAX: usize = 64;
/// Columns of an answer that is not for an hour alone.
const COLUMNS_MAX: usize = 360;
const EXPECTED: &str = "expected range=1h, 6h or 24h";

/// What is kept of all caches, in their order.
#[derive(Default)]
pub(crate) struct Heat(Mutex<Vec<Minutes>>);

impl Heat {
    /// Adds what each cache timed since the last call.
    fn record(&self, at: u64, latencies: impl Iterator<Item = Latencies>) {
        let mut caches = self.0.lock();
        for (index, latencies) in latencies.take(CACHES_MAX).enumerate() {
            if caches.len() == index {
                caches.push(Minutes::default());
            }
            caches[index].record(at, latencies);
        }
    }
}

/// The minutes of one cache, the oldest first.
#[derive(Default)]
struct Minutes {
    all: VecDeque<Minute>,
    before: Option<Latencies>,
}

/// How many took up to each bound; nothing where none did.
struct Minute {
    /// When it began, in seconds since 1970.
    at: u64,
    hit: Vec<u32>,
    load: Vec<u32>,
}

impl Minutes {
    fn record(&mut self, at: u64, now: Latencies) {
        let before = self.before.take();
        let counts = |now: &TimingSnapshot, before: Option<&TimingSnapshot>| match before {
            // Figures that were reset in between begin anew.
            Some(before) if before.count() <= now.count() => counts(&now.since(before)),
            _ => counts(now),
        };
        let hit = counts(&now.hit, before.as_ref().map(|before| &before.hit));
        let load = counts(&now.load, before.as_ref().map(|before| &before.load));
        // What was timed before the first minute began is of no minute.
        if before.is_some() {
            self.all.push_back(Minute { at, hit, load });
        }
        if self.all.len() > MINUTES_MAX {
            self.all.pop_front();
        }
        self.before = Some(now);
    }

    /// The last `minutes` until `now`, in columns of whole minutes that are at most `columns`.
    fn answer(&self, now: u64, minutes: usize, columns: usize) -> Value {
        let step = (minutes.div_ceil(columns) as u64) * MINUTE.as_secs();
        let length = minutes as u64 * MINUTE.as_secs() / step;
        let from = (now.div_ceil(step) * step).saturating_sub(length * step);
        let buckets = bounds().len() + 1;
        let mut hit = vec![vec![0_u64; buckets]; length as usize];
        let mut load = hit.clone();
        for minute in self.all.iter().filter(|minute| minute.at >= from) {
            let column = ((minute.at - from) / step) as usize;
            for (into, counts) in [(&mut hit, &minute.hit), (&mut load, &minute.load)] {
                let Some(into) = into.get_mut(column) else {
                    continue;
                };
                let places = into.iter_mut().zip(counts);
                places.for_each(|(place, count)| *place += u64::from(*count));
            }
        }
        let at: Vec<_> = (0..length).map(|column| from + column * step).collect();
        json!({ "bounds_us": bounds(), "step_seconds": step, "at": at, "hit": hit, "load": load })
    }
}

/// None at all where nothing was timed, which most minutes of most caches are.
fn counts(timings: &TimingSnapshot) -> Vec<u32> {
    if timings.count() == 0 {
        return Vec::new();
    }
    let histogram = timings.histogram().into_iter();
    let counts = histogram.map(|(_, count)| u32::try_from(count).unwrap_or(u32::MAX));
    counts.collect()
}

/// The upper bounds of all buckets but the last, in microseconds.
fn bounds() -> Vec<u64> {
    let histogram = TimingSnapshot::default().histogram().into_iter();
    let bounds = histogram.filter_map(|(bound, _)| bound);
    bounds.map(|bound| bound.as_micros() as u64).collect()
}

/// Records each minute what was timed, unless metrics are switched off.
pub(crate) fn start_recording(gateway: &Arc<Gateway>) {
    let gateway = Arc::downgrade(gateway);
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(MINUTE);
        interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            interval.tick().await;
            let Some(gateway) = gateway.upgrade() else {
                return;
            };
            if gateway.registry.is_enabled() {
                let began = seconds(gateway.registry.now()).saturating_sub(MINUTE.as_secs());
                let caches = gateway.caches.iter();
                gateway
                    .heat
                    .record(began, caches.map(|cache| cache.latencies()));
            }
        }
    });
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

pub(crate) fn routes(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/caches/{name}/latency", get(latency))
        .with_state(gateway.clone())
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// `1h`, `6h` or `24h`; an hour if it is not given.
    range: Option<String>,
}

#[utoipa::path(
    get, path = "/v1/caches/{name}/latency", tag = "caches",
    params(("name", description = "the cache's name"), Asked),
    responses(
        (status = OK, description = "How many hits (one in 64) and loads took up to each bound and more than the one before, over time; the last count is of those over all bounds. Since the last start, a day at most."),
        (status = BAD_REQUEST, description = "The range is none of the three."),
        (status = NOT_FOUND, description = "No cache has this name."),
    )
)]
pub(crate) async fn latency(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    gateway.find(&name)?;
    let Query(Asked { range }) = asked.map_err(|rejection| {
        Problem::bad_request(format!("{}; {EXPECTED}", short(&rejection.body_text())))
    })?;
    let hours = match range.as_deref() {
        None | Some("1h") => 1,
        Some("6h") => 6,
        Some("24h") => 24,
        Some(other) => {
            let detail = format!("range is {other:?}, {EXPECTED}");
            return Err(Problem::bad_request(detail));
        }
    };
    let index = gateway
        .caches
        .iter()
        .position(|cache| cache.name() == name)
        .unwrap_or_default();
    let now = seconds(gateway.registry.now());
    let caches = gateway.heat.0.lock();
    let none = Minutes::default();
    let minutes = caches.get(index).unwrap_or(&none);
    Ok(Json(minutes.answer(now, hours * 60, COLUMNS_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latencies(loads: &[u64]) -> Latencies {
        let timing = larder_metrics::Timing::new();
        for micros in loads {
            timing.record(Duration::from_micros(*micros));
        }
        let mut latencies = Latencies::default();
        latencies.load = timing.snapshot();
        latencies
    }

    fn counted(answer: &Value, of: &str) -> Vec<u64> {
        let columns = answer[of].as_array().unwrap().iter();
        let sum = |column: &Value| {
            column
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_u64)
                .sum()
        };
        columns.map(sum).collect()
    }

    #[test]
    fn each_minute_has_what_was_timed_in_it_and_a_reset_begins_anew() {
        let mut minutes = Minutes::default();
        for (at, seen) in [
            (0, &[7][..]),
            (60, &[7, 7, 90]),
            (120, &[7, 7, 90]),
            (180, &[7]),
        ] {
            minutes.record(at, latencies(seen));
        }
        let answer = minutes.answer(240, 4, COLUMNS_MAX);
        assert_eq!(answer["at"], json!([0, 60, 120, 180]));
        assert_eq!(counted(&answer, "load"), [0, 2, 0, 1]);
        assert_eq!(counted(&answer, "hit"), [0; 4]);
        let bounds = answer["bounds_us"].as_array().unwrap();
        let bucket = bounds.iter().position(|bound| bound == 100).unwrap();
        assert_eq!(answer["load"][1][bucket], 1, "{answer}");
        assert_eq!(
            answer["load"][1].as_array().unwrap().len(),
            bounds.len() + 1
        );
    }

    #[test]
    fn an_answer_begins_with_its_first_minute() {
        let mut minutes = Minutes::default();
        minutes.record(0, latencies(&[]));
        minutes.record(60, latencies(&[7, 7]));
        minutes.record(120, latencies(&[7, 7, 90]));
        let answer = minutes.answer(180, 2, COLUMNS_MAX);
        assert_eq!(answer["at"], json!([60, 120]));
        assert_eq!(counted(&answer, "load"), [2, 1]);
    }

    #[test]
    fn each_cache_has_minutes_of_its_own_up_to_a_limit() {
        let heat = Heat::default();
        for at in [0, 60] {
            let of = |cache: u64| latencies(&vec![7; (cache * at / 60) as usize]);
            heat.record(at, (0..100).map(of));
        }
        let caches = heat.0.lock();
        assert_eq!(caches.len(), CACHES_MAX);
        let counts = |cache: usize| counted(&caches[cache].answer(120, 1, COLUMNS_MAX), "load");
        assert_eq!([counts(0), counts(1), counts(63)], [[0], [1], [63]]);
    }

    #[test]
    fn a_day_is_kept_and_told_in_few_columns() {
        let mut minutes = Minutes::default();
        for minute in 0..3_000 {
            minutes.record(minute * 60, latencies(&vec![7; (minute % 100) as usize]));
        }
        assert_eq!(minutes.all.len(), MINUTES_MAX);
        let answer = minutes.answer(3_000 * 60, MINUTES_MAX, COLUMNS_MAX);
        assert_eq!(answer["step_seconds"], 240);
        assert_eq!(answer["at"].as_array().unwrap().len(), COLUMNS_MAX);
    }
}
