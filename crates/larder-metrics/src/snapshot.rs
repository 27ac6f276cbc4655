//! Values of all metrics at one instant, and windows between two. It knows no handles; exports read
//! it and nothing else.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::registry::TagSlice;
use crate::samples::{Samples, Sink};
use crate::tags::Tags;
use crate::{GaugeSnapshot, Kind, TimingSnapshot};

/// All values of a registry at one instant, or what was recorded in a window.
///
/// ```
/// use larder_metrics::{Limits, ManualClock, Registry};
/// use std::time::Duration;
///
/// let manual = ManualClock::new();
/// let registry = Registry::with(Limits::default(), manual.clock());
/// let received = registry.counter("events.received")?;
/// received.add(1_000);
/// let earlier = registry.snapshot();
/// manual.advance(Duration::from_secs(10));
/// received.add(50);
///
/// let window = registry.snapshot().since(&earlier);
/// assert_eq!(window.counter("events.received", &[]), Some(50));
/// assert_eq!(window.rate("events.received", &[]), Some(5.0));
/// # Ok::<(), larder_metrics::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Wall time of the snapshot; of its end, for a window.
    pub taken_at: SystemTime,
    /// Time since the registry was made.
    pub uptime: Duration,
    /// The time that the counts cover: since the registry was made or last reset, or the window's
    /// length.
    pub span: Duration,
    /// The metrics, sorted by name.
    pub families: Vec<FamilySnapshot>,
    /// Look-ups refused because the registry held its limit of names.
    pub families_refused: u64,
    pub(crate) resets: u64,
}

/// All series of a name.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FamilySnapshot {
    /// The name.
    pub name: Arc<str>,
    /// What all its series are.
    pub kind: Kind,
    /// The series, sorted by tags.
    pub series: Vec<Series>,
    /// Look-ups that were given the overflow series because the family was full.
    pub overflowed: u64,
}

/// One series: its tags and its value.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Series {
    /// What tells it apart from the others of its name.
    pub tags: Tags,
    /// Its value.
    pub value: Value,
}

/// What a series held.
///
/// ```
/// use larder_metrics::{Registry, Value};
///
/// let registry = Registry::new();
/// registry.count("gets", &[("tier", "disk")], 2)?;
/// for family in &registry.snapshot().families {
///     for series in &family.series {
///         if let Value::Counter(count) = &series.value {
///             println!("{}{} {count}", family.name, series.tags);
///         }
///     }
/// }
/// # Ok::<(), larder_metrics::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A counter's count.
    Counter(u64),
    /// An up-down counter's count.
    UpDownCounter(i64),
    /// A gauge's value and extremes.
    Gauge(GaugeSnapshot),
    /// A timing's distribution.
    Timing(TimingSnapshot),
}

impl Snapshot {
    /// The count of a counter; `None` if there is no such counter.
    pub fn counter(&self, name: &str, tags: TagSlice<'_>) -> Option<u64> {
        match self.value(name, tags)? {
            Value::Counter(count) => Some(*count),
            _ => None,
        }
    }

    /// The count of an up-down counter; `None` if there is no such counter.
    pub fn up_down_counter(&self, name: &str, tags: TagSlice<'_>) -> Option<i64> {
        match self.value(name, tags)? {
            Value::UpDownCounter(count) => Some(*count),
            _ => None,
        }
    }

    /// The value of a gauge; `None` if there is no such gauge.
    pub fn gauge(&self, name: &str, tags: TagSlice<'_>) -> Option<&GaugeSnapshot> {
        match self.value(name, tags)? {
            Value::Gauge(gauge) => Some(gauge),
            _ => None,
        }
    }

    /// The distribution of a timing; `None` if there is no such timing.
    ///
    /// ```
    /// use std::time::Duration;
    /// let registry = larder_metrics::Registry::new();
    /// registry.record("loads", &[("tier", "disk")], Duration::from_millis(3))?;
    /// let snapshot = registry.snapshot();
    /// let loads = snapshot.timing("loads", &[("tier", "disk")]).unwrap();
    /// assert_eq!(loads.mean(), Some(Duration::from_millis(3)));
    /// # Ok::<(), larder_metrics::Error>(())
    /// ```
    pub fn timing(&self, name: &str, tags: TagSlice<'_>) -> Option<&TimingSnapshot> {
        match self.value(name, tags)? {
            Value::Timing(timing) => Some(timing),
            _ => None,
        }
    }

    /// Events or recordings per second of a counter or timing, over [`span`](Self::span).
    ///
    /// `None` if there is no such counter or timing, or if the span is zero.
    pub fn rate(&self, name: &str, tags: TagSlice<'_>) -> Option<f64> {
        self.per_second(self.value(name, tags)?)
    }

    /// What was recorded after `earlier`, an earlier snapshot of the same registry.
    ///
    /// Counts and sums are exact; for extremes of timings see [`TimingSnapshot::since`]. Up-down counters
    /// keep their present counts, gauges their present values and their extremes since the last reset.
    /// If the registry was reset in between, the window begins at the reset.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        if earlier.resets != self.resets {
            return self.clone();
        }
        Self {
            span: self.uptime.saturating_sub(earlier.uptime),
            families: self
                .families
                .iter()
                .map(|family| family.since(earlier.family(&family.name)))
                .collect(),
            families_refused: self
                .families_refused
                .saturating_sub(earlier.families_refused),
            ..*self
        }
    }

    /// Leaves out the metrics whose names `keep` does not want.
    ///
    /// ```
    /// let registry = larder_metrics::Registry::new();
    /// registry.count("gets", &[], 1)?;
    /// let mut snapshot = registry.snapshot();
    /// snapshot.retain(|name| name != "gets");
    /// assert_eq!(snapshot.counter("gets", &[]), None);
    /// # Ok::<(), larder_metrics::Error>(())
    /// ```
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.families.retain(|family| keep(&family.name));
    }

    /// Leaves out all series but the first `most`.
    pub(crate) fn keep_first(&mut self, most: usize) {
        let mut room = most;
        for family in &mut self.families {
            family.series.truncate(room);
            room -= family.series.len();
        }
        self.families.retain(|family| !family.series.is_empty());
    }

    /// Adds a family whose name is new.
    fn add(&mut self, kind: Kind, name: &str, add: impl FnOnce(&mut Samples<'_>)) {
        let families = &self.families;
        let place = families.binary_search_by(|family| (*family.name).cmp(name));
        let mut series = Vec::new();
        add(&mut Samples::as_series(kind, &mut series));
        series.sort_unstable_by(|a: &Series, b: &Series| a.tags.cmp(&b.tags));
        if let Err(place) = place
            && !series.is_empty()
        {
            let family = FamilySnapshot {
                name: name.into(),
                kind,
                series,
                overflowed: 0,
            };
            self.families.insert(place, family);
        }
    }

    pub(crate) fn per_second(&self, value: &Value) -> Option<f64> {
        let count = match value {
            Value::Counter(count) => *count,
            Value::Timing(timing) => timing.count(),
            Value::UpDownCounter(_) | Value::Gauge(_) => return None,
        };
        (!self.span.is_zero()).then(|| count as f64 / self.span.as_secs_f64())
    }

    pub(crate) fn family(&self, name: &str) -> Option<&FamilySnapshot> {
        let index = self
            .families
            .binary_search_by(|family| (*family.name).cmp(name))
            .ok()?;
        Some(&self.families[index])
    }

    fn value(&self, name: &str, tags: TagSlice<'_>) -> Option<&Value> {
        let series = self.family(name)?.series.iter();
        series
            .filter(|series| series.tags.are(tags))
            .map(|series| &series.value)
            .next()
    }
}

/// Adds figures that are in no registry. A name that the snapshot has already is left as it is.
impl Sink for Snapshot {
    fn counter(&mut self, name: &str, _help: &str, add: impl FnOnce(&mut Samples<'_>)) {
        self.add(Kind::Counter, name, add);
    }

    fn gauge(&mut self, name: &str, _help: &str, add: impl FnOnce(&mut Samples<'_>)) {
        self.add(Kind::Gauge, name, add);
    }

    fn timing(&mut self, name: &str, _help: &str, add: impl FnOnce(&mut Samples<'_>)) {
        self.add(Kind::Timing, name, add);
    }
}

impl FamilySnapshot {
    fn since(&self, earlier: Option<&Self>) -> Self {
        let Some(earlier) = earlier else {
            return self.clone();
        };
        let series = self
            .series
            .iter()
            .map(|series| series.since(earlier.of(&series.tags)))
            .collect();
        Self {
            name: self.name.clone(),
            kind: self.kind,
            series,
            overflowed: self.overflowed.saturating_sub(earlier.overflowed),
        }
    }

    pub(crate) fn of(&self, tags: &Tags) -> Option<&Series> {
        let index = self
            .series
            .binary_search_by(|series| series.tags.cmp(tags))
            .ok()?;
        Some(&self.series[index])
    }
}

impl Series {
    fn since(&self, earlier: Option<&Self>) -> Self {
        let value = match (&self.value, earlier.map(|earlier| &earlier.value)) {
            (Value::Counter(now), Some(Value::Counter(before))) => {
                Value::Counter(now.saturating_sub(*before))
            }
            (Value::Timing(now), Some(Value::Timing(before))) => Value::Timing(now.since(before)),
            (value, _) => value.clone(),
        };
        Self {
            tags: self.tags.clone(),
            value,
        }
    }
}

/// Whether a count has fallen because it began anew. One that fell by a little was put together from
/// counts that were read one after the other.
pub(crate) const fn has_begun_anew(now: u64, before: u64) -> bool {
    now < before && before - now > before / 8
}
