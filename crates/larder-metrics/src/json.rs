//! The JSON export of a snapshot. It reads snapshots and knows no registry.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::snapshot::{Series, Snapshot, Value};
use crate::tags::Tags;
use crate::timestamp::rfc3339;
use crate::{GaugeSnapshot, TimingSnapshot};

impl Snapshot {
    /// The snapshot as JSON; durations are in seconds.
    ///
    /// ```text
    /// {
    ///   "timestamp": "2026-01-01T00:00:10.000000Z", "uptime_seconds": 10.0, "span_seconds": 10.0,
    ///   "metrics": {
    ///     "timings": {"loads": {"count": 1, "total": 0.02, "mean": 0.02, "min": 0.02, "max": 0.02,
    ///       "stddev": 0.0, "p50": 0.02, "p90": 0.02, "p95": 0.02, "p99": 0.02, "p999": 0.02, "per_second": 0.1}},
    ///     "counters": {"gets{tier=\"memory\"}": {"name": "gets", "tags": {"tier": "memory"}, "value": 3,
    ///       "per_second": 0.3}},
    ///     "gauges": {"hit_rate": {"value": 0.8, "min": 0.7, "max": 0.9, "last_update": "2026-…Z"}}
    ///   },
    ///   "limits": {"families_refused": 0, "series_overflowed": {}}
    /// }
    /// ```
    ///
    /// Rates are over the span. A series' key is its name and tags; one that has tags carries both apart, too. What has no
    /// value, as the mean of nothing, is `null`. Names, and the series of a name, are sorted. The
    /// same shape comes from serializing the snapshot with any other serde format.
    ///
    /// ```
    /// let registry = larder_metrics::Registry::new();
    /// registry.counter("events.received")?.add(5);
    /// let json = registry.snapshot().to_json();
    /// assert_eq!(json["metrics"]["counters"]["events.received"]["value"], 5);
    /// # Ok::<(), larder_metrics::Error>(())
    /// ```
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("a snapshot's keys are strings and its values are plain")
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Export::of(self).serialize(serializer)
    }
}

#[derive(Serialize)]
struct Export<'a> {
    timestamp: String,
    uptime_seconds: f64,
    span_seconds: f64,
    metrics: Metrics<'a>,
    limits: Limits<'a>,
}

#[derive(Default, Serialize)]
struct Metrics<'a> {
    timings: BTreeMap<String, Entry<'a, Timing>>,
    counters: BTreeMap<String, Entry<'a, Counter>>,
    gauges: BTreeMap<String, Entry<'a, Gauge>>,
}

#[derive(Serialize)]
struct Limits<'a> {
    families_refused: u64,
    series_overflowed: BTreeMap<&'a str, u64>,
}

#[derive(Serialize)]
struct Entry<'a, T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Tags::is_empty")]
    tags: &'a Tags,
    #[serde(flatten)]
    value: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_second: Option<f64>,
}

#[derive(Serialize)]
struct Counter {
    value: Count,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Count {
    Events(u64),
    Present(i64),
}

#[derive(Serialize)]
struct Gauge {
    value: f64,
    min: Option<f64>,
    max: Option<f64>,
    last_update: Option<String>,
}

#[derive(Serialize)]
struct Timing {
    count: u64,
    total: f64,
    mean: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    stddev: Option<f64>,
    p50: Option<f64>,
    p90: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    p999: Option<f64>,
}

impl<'a> Export<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        let mut metrics = Metrics::default();
        let families = snapshot.families.iter();
        for (family, series) in families
            .clone()
            .flat_map(|family| family.series.iter().map(move |one| (family, one)))
        {
            metrics.add(&family.name, series, snapshot.per_second(&series.value));
        }
        let overflowed = families.filter(|family| family.overflowed > 0);
        Self {
            timestamp: rfc3339(snapshot.taken_at),
            uptime_seconds: snapshot.uptime.as_secs_f64(),
            span_seconds: snapshot.span.as_secs_f64(),
            metrics,
            limits: Limits {
                families_refused: snapshot.families_refused,
                series_overflowed: overflowed
                    .map(|family| (&*family.name, family.overflowed))
                    .collect(),
            },
        }
    }
}

impl<'a> Metrics<'a> {
    fn add(&mut self, name: &'a str, Series { tags, value }: &'a Series, per_second: Option<f64>) {
        let key = format!("{name}{tags}");
        let name = (!tags.is_empty()).then_some(name);
        let mut count = |key, value| {
            let value = Counter { value };
            let entry = Entry {
                name,
                tags,
                value,
                per_second,
            };
            self.counters.insert(key, entry);
        };
        match value {
            Value::Counter(value) => count(key, Count::Events(*value)),
            Value::UpDownCounter(value) => count(key, Count::Present(*value)),
            Value::Gauge(gauge) => {
                self.gauges.insert(
                    key,
                    Entry {
                        name,
                        tags,
                        value: Gauge::of(gauge),
                        per_second,
                    },
                );
            }
            Value::Timing(timing) => {
                self.timings.insert(
                    key,
                    Entry {
                        name,
                        tags,
                        value: Timing::of(timing),
                        per_second,
                    },
                );
            }
        }
    }
}

impl Gauge {
    fn of(gauge: &GaugeSnapshot) -> Self {
        let last_update = gauge.updated_at.map(rfc3339);
        Self {
            value: gauge.value,
            min: gauge.min,
            max: gauge.max,
            last_update,
        }
    }
}

impl Timing {
    fn of(timing: &TimingSnapshot) -> Self {
        let seconds = |duration: Option<Duration>| duration.map(|duration| duration.as_secs_f64());
        let quantile = |q| seconds(timing.quantile(q));
        Self {
            count: timing.count(),
            total: timing.sum().as_secs_f64(),
            mean: seconds(timing.mean()),
            min: seconds(timing.min()),
            max: seconds(timing.max()),
            stddev: seconds(timing.standard_deviation()),
            p50: quantile(0.5),
            p90: quantile(0.9),
            p95: quantile(0.95),
            p99: quantile(0.99),
            p999: quantile(0.999),
        }
    }
}
