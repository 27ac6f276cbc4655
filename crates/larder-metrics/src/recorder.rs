//! The metrics of other crates, which they record through the crate `metrics`, in a registry of ours.
//!
//! It knows that crate and the registry, no exports.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{
    CounterFn, GaugeFn, HistogramFn, Key, KeyName, Metadata, SharedString, Unit as OfMetrics,
};
use parking_lot::Mutex;

use crate::name::MAX_NAME_BYTES;
use crate::tags::{MAX_KEY_BYTES, MAX_TAGS, MAX_VALUE_BYTES};
use crate::{Counter, Gauge, Registry, Timing};

/// Puts what is recorded through the crate [`metrics`] into a [`Registry`], and so into its exports,
/// windows and history. A program that wants it installs it, once: this crate sets no global.
///
/// - Counters are counters, gauges are gauges.
/// - Histograms are timings: of seconds, unless they were described before with another unit of time.
///   One that was described with a unit that is none of time becomes a gauge of its last value, with
///   its extremes.
/// - What a name, a label's name or its value may not have here becomes `_`, or is cut: `a-b` is `a_b`.
///   Labels without a value are left out, and so are those after the sixteenth.
/// - What the registry refuses, because it is full or the name is another kind of metric, is not
///   recorded.
///
/// ```
/// use larder_metrics::{Recorder, Registry};
///
/// let registry = Registry::new();
/// let recorder = Recorder::new(registry.clone());
/// // A program calls `metrics::set_global_recorder(recorder)`.
/// metrics::with_local_recorder(&recorder, || {
///     metrics::counter!("pool-connections", "pool" => "main").increment(3);
///     metrics::histogram!("query.time").record(0.25);
/// });
/// let snapshot = registry.snapshot();
/// assert_eq!(snapshot.counter("pool_connections", &[("pool", "main")]), Some(3));
/// assert_eq!(snapshot.timing("query.time", &[]).unwrap().sum().as_millis(), 250);
/// ```
#[derive(Debug)]
pub struct Recorder {
    registry: Registry,
    /// Of histograms that were described with a unit; not more than the registry has descriptions.
    units: Mutex<HashMap<String, Unit>>,
}

/// What a histogram's values are.
#[derive(Clone, Copy, Debug)]
enum Unit {
    /// Of so many seconds each.
    Time(f64),
    Other,
}

impl Recorder {
    /// One that records in `registry`.
    pub fn new(registry: Registry) -> Self {
        Self {
            registry,
            units: Mutex::default(),
        }
    }

    /// The name as it is here, once it has its description. A full registry has none for it.
    fn describe(&self, name: &str, description: &str) -> Option<String> {
        let name = valid(name, MAX_NAME_BYTES, |c| c == '.');
        self.registry.describe(&name, description).ok()?;
        Some(name)
    }
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, key: KeyName, _: Option<OfMetrics>, description: SharedString) {
        self.describe(key.as_str(), &description);
    }

    fn describe_gauge(&self, key: KeyName, _: Option<OfMetrics>, description: SharedString) {
        self.describe(key.as_str(), &description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<OfMetrics>, description: SharedString) {
        if let Some(name) = self.describe(key.as_str(), &description)
            && let Some(unit) = unit
        {
            self.units.lock().insert(name, Unit::of(unit));
        }
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> metrics::Counter {
        let named = Named::of(key);
        let counter = self.registry.counter_with(&named.name, &named.tags());
        counter.map_or_else(|_| metrics::Counter::noop(), |own| Arc::new(own).into())
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> metrics::Gauge {
        let named = Named::of(key);
        let gauge = self.registry.gauge_with(&named.name, &named.tags());
        gauge.map_or_else(|_| metrics::Gauge::noop(), |own| Arc::new(own).into())
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> metrics::Histogram {
        let named = Named::of(key);
        let (name, tags) = (&named.name, named.tags());
        let unit = self.units.lock().get(name).copied();
        let histogram = match unit.unwrap_or(Unit::Time(1.0)) {
            Unit::Time(seconds) => self.registry.timing_with(name, &tags).map(|timing| {
                let durations = Arc::new(Durations { timing, seconds });
                metrics::Histogram::from_arc(durations)
            }),
            Unit::Other => self
                .registry
                .gauge_with(name, &tags)
                .map(|gauge| metrics::Histogram::from_arc(Arc::new(gauge))),
        };
        histogram.unwrap_or_else(|_| metrics::Histogram::noop())
    }
}

impl Unit {
    const fn of(unit: OfMetrics) -> Self {
        match unit {
            OfMetrics::Seconds => Self::Time(1.0),
            OfMetrics::Milliseconds => Self::Time(1e-3),
            OfMetrics::Microseconds => Self::Time(1e-6),
            OfMetrics::Nanoseconds => Self::Time(1e-9),
            _ => Self::Other,
        }
    }
}

/// A key as the registry takes it.
struct Named {
    name: String,
    labels: Vec<(String, String)>,
}

impl Named {
    fn of(key: &Key) -> Self {
        let mut labels: Vec<(String, String)> = Vec::new();
        for label in key.labels() {
            let name = label_name(label.key());
            let value = cut(label.value(), MAX_VALUE_BYTES).to_owned();
            if value.is_empty() {
                continue;
            }
            let is_full = labels.len() == MAX_TAGS;
            match labels.iter_mut().find(|(own, _)| *own == name) {
                Some((_, own)) => *own = value,
                None if is_full => {}
                None => labels.push((name, value)),
            }
        }
        Self {
            name: valid(key.name(), MAX_NAME_BYTES, |c| c == '.'),
            labels,
        }
    }

    fn tags(&self) -> Vec<(&str, &str)> {
        let labels = self.labels.iter();
        labels.map(|(key, value)| (&**key, &**value)).collect()
    }
}

/// `le`, `quantile` and names with two underscores in front are the scrapers' own.
fn label_name(name: &str) -> String {
    let name = valid(name, MAX_KEY_BYTES - 1, |_| false);
    let bare = name.trim_start_matches('_');
    if name.starts_with("__") {
        format!("_{bare}")
    } else if name == "le" || name == "quantile" {
        format!("{name}_")
    } else {
        name
    }
}

/// `text` with `_` for what may not be in a name, and in front of a digit.
fn valid(text: &str, bytes_max: usize, also: impl Fn(char) -> bool) -> String {
    let is_good = |c: char| c.is_ascii_alphanumeric() || c == '_' || also(c);
    let starts_well = |c: char| c.is_ascii_alphabetic() || c == '_';
    let before = if text.starts_with(starts_well) {
        ""
    } else {
        "_"
    };
    let good = text.chars().map(|c| if is_good(c) { c } else { '_' });
    before.chars().chain(good).take(bytes_max).collect()
}

/// As much of `text` as `bytes_max` hold.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

impl CounterFn for Counter {
    fn increment(&self, value: u64) {
        self.add(value);
    }

    fn absolute(&self, value: u64) {
        self.raise_to(value);
    }
}

impl GaugeFn for Gauge {
    fn increment(&self, value: f64) {
        self.add(value);
    }

    fn decrement(&self, value: f64) {
        self.add(-value);
    }

    fn set(&self, value: f64) {
        Self::set(self, value);
    }
}

/// Values that are no durations: the last of them.
impl HistogramFn for Gauge {
    fn record(&self, value: f64) {
        self.set(value);
    }
}

/// A histogram whose values are durations; one that is negative or no number counts as none.
struct Durations {
    timing: Timing,
    /// What a value of 1 is.
    seconds: f64,
}

impl HistogramFn for Durations {
    fn record(&self, value: f64) {
        let seconds = (value * self.seconds).max(0.0);
        let duration = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        self.timing.record(duration);
    }
}
