//! A snapshot as OTLP's metrics. It knows no network.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use larder_metrics::{FamilySnapshot, Kind, Snapshot, Tags, TimingSnapshot, Value};
use prost::Message as _;

use super::message::{
    Any, AnyValue, Data, Gauge, Histogram, HistogramPoint, KeyValue, Metric, Number, NumberPoint,
    Request, Resource, ResourceMetrics, Scope, ScopeMetrics, Sum,
};

/// Values since the start, not since the last push: one that is lost loses nothing.
const CUMULATIVE: i32 = 2;

/// What a push of this snapshot sends.
pub(super) fn encode(snapshot: &Snapshot, instance: &str) -> Vec<u8> {
    let times = Times {
        start: nanos(snapshot.taken_at - snapshot.span),
        now: nanos(snapshot.taken_at),
    };
    let families = snapshot.families.iter();
    let scope_metrics = ScopeMetrics {
        scope: Some(scope()),
        metrics: families.map(|family| metric(family, times)).collect(),
    };
    let resource_metrics = ResourceMetrics {
        resource: Some(resource(instance)),
        scope_metrics: vec![scope_metrics],
    };
    let request = Request {
        resource_metrics: vec![resource_metrics],
    };
    request.encode_to_vec()
}

/// What measures.
pub(super) fn scope() -> Scope {
    Scope {
        name: "larder".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// What is measured: this daemon.
pub(super) fn resource(instance: &str) -> Resource {
    Resource {
        attributes: vec![
            attribute("service.name", "larder"),
            attribute("service.instance.id", instance),
            attribute("service.version", env!("CARGO_PKG_VERSION")),
        ],
    }
}

/// What the values cover.
#[derive(Clone, Copy)]
struct Times {
    start: u64,
    now: u64,
}

fn metric(family: &FamilySnapshot, times: Times) -> Metric {
    let unit = match family.kind {
        Kind::Timing => "s",
        _ => "",
    };
    Metric {
        name: family.name.to_string(),
        unit: unit.to_owned(),
        data: Some(data(family, times)),
    }
}

fn data(family: &FamilySnapshot, times: Times) -> Data {
    let numbers = || {
        let series = family.series.iter();
        let points = series.filter_map(|series| {
            let value = match &series.value {
                Value::Counter(count) => Number::Whole(i64::try_from(*count).unwrap_or(i64::MAX)),
                Value::UpDownCounter(count) => Number::Whole(*count),
                Value::Gauge(gauge) => Number::Real(gauge.value),
                Value::Timing(_) => return None,
            };
            Some(NumberPoint {
                start_nanos: times.start,
                nanos: times.now,
                value: Some(value),
                attributes: attributes(&series.tags),
            })
        });
        points.collect()
    };
    let sum = |is_monotonic| {
        Data::Sum(Sum {
            data_points: numbers(),
            temporality: CUMULATIVE,
            is_monotonic,
        })
    };
    match family.kind {
        Kind::Counter => sum(true),
        Kind::UpDownCounter => sum(false),
        Kind::Gauge => Data::Gauge(Gauge {
            data_points: numbers(),
        }),
        Kind::Timing => {
            let series = family.series.iter();
            let points = series.filter_map(|series| match &series.value {
                Value::Timing(timing) => Some(histogram(timing, &series.tags, times)),
                _ => None,
            });
            Data::Histogram(Histogram {
                data_points: points.collect(),
                temporality: CUMULATIVE,
            })
        }
    }
}

fn histogram(timing: &TimingSnapshot, tags: &Tags, times: Times) -> HistogramPoint {
    let seconds = |duration: Option<Duration>| duration.map(|duration| duration.as_secs_f64());
    let (bounds, counts): (Vec<_>, Vec<_>) = timing.histogram().into_iter().unzip();
    HistogramPoint {
        start_nanos: times.start,
        nanos: times.now,
        count: timing.count(),
        sum: Some(timing.sum().as_secs_f64()),
        bucket_counts: counts,
        explicit_bounds: bounds.into_iter().filter_map(seconds).collect(),
        attributes: attributes(tags),
        min: seconds(timing.min()),
        max: seconds(timing.max()),
    }
}

fn attributes(tags: &Tags) -> Vec<KeyValue> {
    tags.iter()
        .map(|(key, value)| attribute(key, value))
        .collect()
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Any::Text(value.to_owned())),
        }),
    }
}

pub(super) fn nanos(time: SystemTime) -> u64 {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}
