//! How the figures went, from what was polled: a ring of points.
//!
//! It must not draw nor read a clock.

use std::collections::VecDeque;
use std::time::Instant;

use crate::client::CacheInfo;

/// The points that are kept: ten minutes, at a look every two seconds.
const POINTS_MAX: usize = 300;

/// What happened between two looks, a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    /// `None` where nothing was asked for.
    pub(super) hit_ratio: Option<f64>,
    pub(super) gets: f64,
    pub(super) loads: f64,
    pub(super) failed_loads: f64,
    pub(super) evictions: f64,
    /// Milliseconds saved.
    pub(super) saved_ms: f64,
    /// Weight of all caches.
    pub(super) weight: f64,
}

/// Everything counted until a look.
#[derive(Debug, Clone, Copy)]
struct Counted {
    gets: u64,
    hits: u64,
    loads: u64,
    failed_loads: u64,
    evictions: u64,
    saved_ms: f64,
    weight: u64,
}

/// The points of the last minutes, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Trail {
    points: VecDeque<Option<Point>>,
    last: Option<(Instant, Counted)>,
}

impl Trail {
    /// Takes in what the caches told at a moment. Where counts fell, the daemon was started or its
    /// figures begun anew: that point is unknown.
    pub(super) fn take(&mut self, caches: &[CacheInfo], at: Instant) {
        let now = Counted::of(caches);
        if let Some((before, last)) = self.last.replace((at, now)) {
            let seconds = at.saturating_duration_since(before).as_secs_f64();
            if seconds <= 0.0 {
                return;
            }
            if self.points.len() == POINTS_MAX {
                self.points.pop_front();
            }
            self.points.push_back(now.since(&last, seconds));
        }
    }

    /// One figure in at most `width` columns, each the mean of equally many points; the newest is the
    /// last.
    pub(super) fn columns(
        &self,
        width: usize,
        of: impl Fn(&Point) -> Option<f64>,
    ) -> Vec<Option<f64>> {
        let each = self.points.len().div_ceil(width.max(1)).max(1);
        let points: Vec<_> = self.points.iter().collect();
        let columns = points.rchunks(each).take(width).map(|points| {
            let known: Vec<f64> = points
                .iter()
                .filter_map(|point| of(point.as_ref()?))
                .collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        });
        let mut columns: Vec<_> = columns.collect();
        columns.reverse();
        columns
    }
}

impl Counted {
    fn of(caches: &[CacheInfo]) -> Self {
        let sum = |of: fn(&CacheInfo) -> u64| caches.iter().map(of).sum();
        Self {
            gets: sum(|cache| cache.stats.gets),
            hits: sum(|cache| cache.stats.hits),
            loads: sum(|cache| cache.stats.loads),
            failed_loads: sum(|cache| cache.stats.load_errors + cache.stats.load_panics),
            evictions: sum(|cache| cache.stats.evictions.values().sum()),
            saved_ms: caches.iter().map(|cache| cache.stats.time_saved_ms).sum(),
            weight: sum(|cache| cache.weight),
        }
    }

    fn since(&self, last: &Self, seconds: f64) -> Option<Point> {
        let rate = |now: u64, before: u64| Some(now.checked_sub(before)? as f64 / seconds);
        let gets = rate(self.gets, last.gets)?;
        let hits = rate(self.hits, last.hits)?;
        Some(Point {
            hit_ratio: (gets > 0.0).then(|| hits / gets),
            gets,
            loads: rate(self.loads, last.loads)?,
            failed_loads: rate(self.failed_loads, last.failed_loads)?,
            evictions: rate(self.evictions, last.evictions)?,
            // An estimate from means: it may fall a little.
            saved_ms: ((self.saved_ms - last.saved_ms) / seconds).max(0.0),
            weight: self.weight as f64,
        })
    }
}
