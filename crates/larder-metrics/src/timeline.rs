//! The figures of months, at resolutions that grow coarser with age, in bounded memory.
//!
//! It reads snapshots and knows no registry, no caches and no clock: its owner decides when a snapshot
//! is taken. [`file`] keeps it across restarts, [`query`] answers from it.

mod file;
mod lines;
mod query;
mod ring;
mod series;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

pub use file::{Lines, SetAside, TimelineFile};
pub use query::{Column, Query, Track, TrackKind};

use crate::Snapshot;
use crate::tags::Tags;
use series::Kept;

/// Seconds between two points, and how many are kept: minutes by the second, an hour by ten seconds, a
/// day by the minute and 90 days by the hour. Each step is a multiple of the one before.
const RESOLUTIONS: [(u64, usize); LEVELS] = [(1, 600), (10, 360), (60, 1_440), (3_600, 2_160)];
const LEVELS: usize = 4;
/// The most series, unless told otherwise.
const SERIES_MAX: usize = 512;
/// A series that was not recorded for this long gives its place to a new one, if there is none left.
const SILENCE: u64 = 3_600;

/// What became of each series over the last 90 days: a point a second for ten minutes, one in ten
/// seconds for an hour, one a minute for a day, and one an hour for 90 days.
///
/// A point has the rate of a counter; mean, least and largest value of a gauge or an up-down counter;
/// the rate, mean, median, 95th and 99th percentile of a timing. Percentiles are those of the point's
/// own time, whatever its length, and not of shorter ones. Figures are kept to seven digits.
///
/// Memory is bounded: at most 512 series ([`with_series_max`](Self::with_series_max)), each 4,560
/// points of 4 bytes for each figure: 18 KiB for a counter, 90 KiB for a timing once it is 90 days old,
/// 46 MiB in all at the most. Series that are over the limit are counted in
/// [`series_refused`](Self::series_refused).
///
/// ```
/// use larder_metrics::{Limits, ManualClock, Query, Registry, Timeline};
/// use std::time::Duration;
///
/// let manual = ManualClock::new();
/// let registry = Registry::with(Limits::default(), manual.clock());
/// let received = registry.counter("events.received")?;
/// let mut timeline = Timeline::new();
/// for _ in 0..=120 {
///     timeline.record(&registry.snapshot());
///     received.add(3);
///     manual.advance(Duration::from_secs(1));
/// }
/// let from = registry.snapshot().taken_at - Duration::from_secs(121);
/// let tracks = timeline.query(&Query { name: "events.received", tags: &[], from, step: Duration::from_secs(60), points: 2 });
/// assert_eq!(tracks[0].columns[0].name, "per_second");
/// assert_eq!(tracks[0].columns[0].values, [Some(3.0), Some(3.0)]);
/// # Ok::<(), larder_metrics::Error>(())
/// ```
#[derive(Debug)]
pub struct Timeline {
    series: Vec<Kept>,
    /// Where each is.
    places: HashMap<(Arc<str>, Tags), usize>,
    series_max: usize,
    series_refused: usize,
    /// Number of the next new series, for the file.
    next_id: u32,
    /// When this process recorded first and last, in seconds since 1970.
    recorded: Option<Span>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    first: f64,
    last: f64,
}

impl Timeline {
    /// An empty one.
    pub fn new() -> Self {
        Self::with_series_max(SERIES_MAX)
    }

    /// An empty one for at most so many series.
    pub fn with_series_max(series_max: usize) -> Self {
        Self {
            series: Vec::new(),
            places: HashMap::new(),
            series_max,
            series_refused: 0,
            next_id: 0,
            recorded: None,
        }
    }

    /// Adds what happened since the last call; the registry's newest snapshot, once a second.
    ///
    /// The first call only notes where counters and timings stand. Seconds that were left out are
    /// filled evenly if they are five at the most, and are a gap otherwise. After a clock that was set
    /// back, points that lie ahead are forgotten. O(series).
    pub fn record(&mut self, snapshot: &Snapshot) {
        self.record_noting(snapshot, &mut |_, _, _, _| ());
    }

    /// As [`record`](Self::record); `note` is told of each point that is complete: its series, level,
    /// step and figures.
    fn record_noting(
        &mut self,
        snapshot: &Snapshot,
        note: &mut dyn FnMut(&Kept, usize, u64, &ring::Row),
    ) {
        let since_epoch = snapshot.taken_at.duration_since(UNIX_EPOCH);
        let now = since_epoch.unwrap_or_default().as_secs_f64();
        if self.recorded.is_none_or(|recorded| now < recorded.last) {
            self.forget_from(now);
        }
        let is_first = self.recorded.is_none();
        let first = self.recorded.map_or(now, |recorded| recorded.first);
        self.recorded = Some(Span {
            first: first.min(now),
            last: now,
        });
        self.series_refused = 0;
        for family in &snapshot.families {
            for one in &family.series {
                let kind = TrackKind::of(&one.value);
                let Some(place) = self.place(&family.name, &one.tags, kind, now) else {
                    self.series_refused += 1;
                    continue;
                };
                self.series[place].record(now, &one.value, is_first, note);
            }
        }
    }

    /// Series of the last snapshot that found no place.
    pub fn series_refused(&self) -> usize {
        self.series_refused
    }

    /// How many points are kept, those among them in which nothing was recorded.
    pub fn points(&self) -> usize {
        self.series.iter().map(Kept::points).sum()
    }

    /// The names that have points, and what they are; sorted.
    pub fn names(&self) -> Vec<(Arc<str>, TrackKind)> {
        let names = self
            .series
            .iter()
            .map(|kept| (kept.name.clone(), kept.kind));
        let mut names: Vec<_> = names.collect();
        names.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        names.dedup_by(|a, b| a.0 == b.0);
        names
    }

    /// The place of a series, which is made if there is room.
    fn place(&mut self, name: &Arc<str>, tags: &Tags, kind: TrackKind, now: f64) -> Option<usize> {
        let key = (name.clone(), tags.clone());
        match self.places.get(&key) {
            Some(&place) if self.series[place].kind == kind => return Some(place),
            Some(&place) => {
                // The name has become something else, in a later version of the program.
                self.series[place] = Kept::new(self.next_id, name, tags, kind);
                self.next_id += 1;
                return Some(place);
            }
            None => {}
        }
        if self.series.len() >= self.series_max {
            self.make_room(now)?;
        }
        self.places.insert(key, self.series.len());
        self.series.push(Kept::new(self.next_id, name, tags, kind));
        self.next_id += 1;
        Some(self.series.len() - 1)
    }

    /// Forgets the series that was silent longest, if that is long.
    fn make_room(&mut self, now: f64) -> Option<()> {
        let silent = self.series.iter().enumerate();
        let silent = silent.min_by(|(_, a), (_, b)| a.last_end().total_cmp(&b.last_end()));
        let (place, _) = silent.filter(|(_, kept)| now - kept.last_end() > SILENCE as f64)?;
        let gone = self.series.swap_remove(place);
        self.places.remove(&(gone.name, gone.tags));
        if let Some(moved) = self.series.get(place) {
            let key = (moved.name.clone(), moved.tags.clone());
            self.places.insert(key, place);
        }
        Some(())
    }

    fn forget_from(&mut self, now: f64) {
        self.series
            .iter_mut()
            .for_each(|kept| kept.forget_from(now));
    }
}

impl Default for Timeline {
    fn default() -> Self {
        Self::new()
    }
}
