//! What is asked of a timeline, and how points of several resolutions become one line. It records
//! nothing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::ring::{COLUMNS_MAX, NOTHING, Row};
use super::series::Kept;
use super::{LEVELS, RESOLUTIONS, Span, Timeline};
use crate::registry::TagSlice;
use crate::snapshot::Value;
use crate::tags::Tags;

/// What a [`Timeline`] is asked for: `points` points, `step` apart, the first of which begins at `from`.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The metric's name.
    pub name: &'a str,
    /// Tags that a series must have, others besides or not.
    pub tags: TagSlice<'a>,
    /// When the first point begins; whole seconds count.
    pub from: SystemTime,
    /// The length of each point, in whole seconds; 1 at the least.
    pub step: Duration,
    /// How many points are wanted.
    pub points: usize,
}

/// One series over time.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Track {
    /// The series' tags.
    pub tags: Tags,
    /// What it is.
    pub kind: TrackKind,
    /// Its figures.
    pub columns: Vec<Column>,
}

/// A figure over time.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Column {
    /// `per_second`; `mean`, `min`, `max`; `p50`, `p95`, `p99`. Durations are in seconds.
    pub name: &'static str,
    /// One for each point that was asked for; `None` where nothing was recorded.
    pub values: Vec<Option<f32>>,
}

/// What a line over time tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    /// How quickly a counter grew: `per_second`.
    Counter,
    /// What a gauge or an up-down counter showed: `mean`, `min`, `max`.
    Gauge,
    /// How long things took: `per_second`, `mean`, `p50`, `p95`, `p99`.
    Timing,
}

impl TrackKind {
    /// The figures' names.
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Counter => &["per_second"],
            Self::Gauge => &["mean", "min", "max"],
            Self::Timing => &["per_second", "mean", "p50", "p95", "p99"],
        }
    }

    pub(super) const fn of(value: &Value) -> Self {
        match value {
            Value::Counter(_) => Self::Counter,
            Value::UpDownCounter(_) | Value::Gauge(_) => Self::Gauge,
            Value::Timing(_) => Self::Timing,
        }
    }
}

impl Timeline {
    /// The series of a name over time, sorted by tags.
    ///
    /// Each point is made of those of the coarsest resolution that is not coarser than what is asked
    /// for; of finer ones where that has no complete point yet; and of coarser ones where it does not
    /// reach back so far: those stand for all the points that they cover. Where several points become
    /// one, rates and means are their mean, weighted by how much happened; and of percentiles the
    /// largest, which the true one does not exceed. O(series of the name × points).
    pub fn query(&self, query: &Query<'_>) -> Vec<Track> {
        let Some(recorded) = self.recorded else {
            return Vec::new();
        };
        let named = self.series.iter().filter(|kept| *kept.name == *query.name);
        let tagged = named.filter(|kept| {
            let mut wanted = query.tags.iter();
            wanted.all(|&(key, value)| kept.tags.get(key) == Some(value))
        });
        let mut tracks: Vec<_> = tagged.map(|kept| track(kept, query, recorded)).collect();
        tracks.sort_unstable_by(|a, b| a.tags.cmp(&b.tags));
        tracks
    }
}

fn track(kept: &Kept, query: &Query<'_>, recorded: Span) -> Track {
    let from = query
        .from
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let step = query.step.as_secs().max(1);
    let columns = kept.kind.columns();
    let rows = (0..query.points as u64).map(|point| {
        let begin = from.saturating_add(point.saturating_mul(step));
        point_of(kept, begin, step, recorded)
    });
    let rows: Vec<Row> = rows.map(|row| row.unwrap_or(NOTHING)).collect();
    let column = |(place, name): (usize, &&'static str)| Column {
        name,
        values: rows
            .iter()
            .map(|row| Some(row[place]).filter(|value| !value.is_nan()))
            .collect(),
    };
    Track {
        tags: kept.tags.clone(),
        kind: kept.kind,
        columns: columns.iter().enumerate().map(column).collect(),
    }
}

/// The point from `begin` on.
fn point_of(kept: &Kept, begin: u64, length: u64, recorded: Span) -> Option<Row> {
    let fitting = (0..LEVELS)
        .rfind(|&level| RESOLUTIONS[level].0 <= length)
        .unwrap_or(0);
    let reaches = |level: usize| {
        let (seconds, kept) = RESOLUTIONS[level];
        let oldest = (recorded.last as u64).saturating_sub(seconds * kept as u64);
        // The finest is not kept across a restart.
        let oldest = if level == 0 {
            oldest.max(recorded.first as u64)
        } else {
            oldest
        };
        begin >= oldest
    };
    let level = (fitting..LEVELS).find(|&level| reaches(level))?;
    if level > fitting {
        return kept.rings[level].get(begin / RESOLUTIONS[level].0, kept.kind.columns().len());
    }
    (0..=fitting)
        .rev()
        .find_map(|level| gathered(kept, level, begin, length))
}

/// What the points of one level make of the time from `begin` on.
fn gathered(kept: &Kept, level: usize, begin: u64, length: u64) -> Option<Row> {
    let seconds = RESOLUTIONS[level].0;
    let steps = begin.div_ceil(seconds)..(begin + length).div_ceil(seconds);
    let columns = kept.kind.columns().len();
    let end = kept.rings[level].end(columns);
    let rows =
        (steps.start..steps.end.min(end)).filter_map(|step| kept.rings[level].get(step, columns));
    merged(kept.kind, rows)
}

fn merged(kind: TrackKind, rows: impl Iterator<Item = Row>) -> Option<Row> {
    let (mut count, mut rate, mut weighted) = (0.0, 0.0, 0.0);
    let mut merged = [f32::NAN; COLUMNS_MAX];
    for row in rows {
        count += 1.0;
        rate += f64::from(row[0]);
        match kind {
            TrackKind::Gauge => {
                merged[1] = merged[1].min(row[1]);
                merged[2] = merged[2].max(row[2]);
            }
            TrackKind::Timing if row[0] > 0.0 => {
                weighted += f64::from(row[0]) * f64::from(row[1]);
                for (own, other) in merged[2..].iter_mut().zip(&row[2..]) {
                    *own = own.max(*other);
                }
            }
            TrackKind::Counter | TrackKind::Timing => {}
        }
    }
    if count == 0.0 {
        return None;
    }
    merged[0] = (rate / count) as f32;
    if kind == TrackKind::Timing && rate > 0.0 {
        merged[1] = (weighted / rate) as f32;
    }
    Some(merged)
}
