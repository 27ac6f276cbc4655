//! The service's own figures, under the names of its document, and their summary.

use std::time::Duration;

use larder_metrics::{Counter, Gauge, Registry, Timing, UpDownCounter, Value};
use serde_json::{Map, Value as Json, json};

/// Handles to the figures. Cloning gives handles to the same.
#[derive(Clone)]
pub(crate) struct Figures {
    pub(crate) registry: Registry,
    pub(crate) received: Counter,
    pub(crate) processed: Counter,
    pub(crate) ignored_no_ast: Counter,
    pub(crate) unhandled: Counter,
    pub(crate) errors: Counter,
    pub(crate) duration: Timing,
    pub(crate) datagrams: Counter,
    pub(crate) malformed: Counter,
    pub(crate) dropped: Counter,
    pub(crate) lost: Counter,
    pub(crate) duplicate: Counter,
    pub(crate) late: Counter,
    pub(crate) restarts: Counter,
    pub(crate) loads: Counter,
    pub(crate) load_errors: Counter,
    pub(crate) load_duration: Timing,
    pub(crate) clients: Gauge,
    pub(crate) connections: UpDownCounter,
    pub(crate) clients_refused: Counter,
    pub(crate) broadcasts: Counter,
    pub(crate) broadcast_latency: Timing,
    pub(crate) messages_lost: Counter,
    pub(crate) hit_rate: Gauge,
    pub(crate) evictions: Counter,
}

impl Figures {
    pub(crate) fn new(is_enabled: bool) -> Self {
        let registry = Registry::new();
        registry.set_enabled(is_enabled);
        let counter = |name| registry.counter(name).expect("the name is valid");
        let gauge = |name| registry.gauge(name).expect("the name is valid");
        let timing = |name| registry.timing(name).expect("the name is valid");
        Self {
            received: counter("events.received"),
            processed: counter("events.processed"),
            ignored_no_ast: counter("events.ignored.no_ast"),
            unhandled: counter("events.unhandled"),
            errors: counter("errors.event_processing"),
            duration: timing("event.processing.duration"),
            datagrams: counter("udp.datagrams.received"),
            malformed: counter("udp.datagrams.malformed"),
            dropped: counter("udp.datagrams.dropped"),
            lost: counter("udp.events.lost"),
            duplicate: counter("udp.events.duplicate"),
            late: counter("udp.events.late"),
            restarts: counter("udp.sender.restarts"),
            loads: counter("set.loads"),
            load_errors: counter("set.load.errors"),
            load_duration: timing("set.load.duration"),
            clients: gauge("websocket.clients"),
            connections: registry
                .up_down_counter("active.connections")
                .expect("the name is valid"),
            clients_refused: counter("websocket.clients.refused"),
            broadcasts: counter("websocket.broadcasts"),
            broadcast_latency: timing("websocket.broadcast.latency"),
            messages_lost: counter("websocket.messages.lost"),
            hit_rate: gauge("cache.hit_rate"),
            evictions: counter("cache.evictions"),
            registry,
        }
    }

    /// Counts one by the type of its event. Types are of a fixed list, so that strangers make no series.
    pub(crate) fn by_type(&self, name: &str, label: &str) {
        // The names are valid.
        let _ = self.registry.count(name, &[("event_type", label)], 1);
    }

    pub(crate) fn processed_in(&self, label: &str, took: Duration) {
        self.duration.record(took);
        let name = "event.processing.duration.by_type";
        let _ = self.registry.record(name, &[("event_type", label)], took);
    }

    /// For people: totals, means, and what went wrong.
    pub(crate) fn summary(&self) -> Json {
        let snapshot = self.registry.snapshot();
        let seconds = |duration: Option<Duration>| duration.map_or(0.0, |d| d.as_secs_f64());
        let processing = self.duration.snapshot();
        let latency = self.broadcast_latency.snapshot();
        let loading = self.load_duration.snapshot();
        let (received, lost) = (self.received.value(), self.lost.value());
        json!({
            "uptime_seconds": snapshot.uptime.as_secs_f64(),
            "event_processing": {
                "total_events": received,
                "processed_events": self.processed.value(),
                "ignored_events": self.ignored_no_ast.value(),
                "unhandled_events": self.unhandled.value(),
                "avg_processing_time": seconds(processing.mean()),
                "p95_processing_time": seconds(processing.quantile(0.95)),
            },
            "errors": {
                "total_errors": self.errors.value(),
                "by_type": errors_by_type(&snapshot),
            },
            "udp": {
                "datagrams": self.datagrams.value(),
                "malformed": self.malformed.value(),
                "dropped": self.dropped.value(),
                "lost_events": lost,
                "loss_rate": lost as f64 / (received + lost).max(1) as f64,
                "duplicates": self.duplicate.value(),
                "late": self.late.value(),
                "sender_restarts": self.restarts.value(),
            },
            "websocket": {
                "clients": self.clients.value(),
                "broadcasts": self.broadcasts.value(),
                "avg_broadcast_latency": seconds(latency.mean()),
                "p95_broadcast_latency": seconds(latency.quantile(0.95)),
                "p99_broadcast_latency": seconds(latency.quantile(0.99)),
                "messages_lost": self.messages_lost.value(),
            },
            "set": {
                "loads": self.loads.value(),
                "load_errors": self.load_errors.value(),
                "avg_load_time": seconds(loading.mean()),
            },
            "cache": {
                "hit_rate": self.hit_rate.value(),
                "evictions": self.evictions.value(),
            },
        })
    }
}

fn errors_by_type(snapshot: &larder_metrics::Snapshot) -> Map<String, Json> {
    let families = snapshot.families.iter();
    let errors = families.filter(|family| &*family.name == "errors.event_processing.by_type");
    let series = errors.flat_map(|family| &family.series);
    series
        .filter_map(|series| match &series.value {
            Value::Counter(count) => {
                let label = series.tags.get("event_type")?;
                Some((label.to_owned(), json!(count)))
            }
            _ => None,
        })
        .collect()
}
