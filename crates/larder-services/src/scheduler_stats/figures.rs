//! What the service counts of itself, in the registry that all share.

use larder_metrics::{Counter, Gauge, Metric, Registry, Timing};

/// Those of the service itself.
pub(crate) const METRICS: [Metric; 6] = [
    Metric::counter(
        "simulation_tasks_processed_total",
        "Tasks that the simulation has ended.",
    ),
    Metric::gauge(
        "simulation_tasks_in_flight",
        "Tasks of the simulation that are under way.",
    ),
    Metric::histogram(
        "model_retraining_duration_seconds",
        "How long fitting the model of hybrid_ml took.",
    ),
    Metric::gauge("websocket_connections_active", "Clients of /ws/scheduler."),
    Metric::counter(
        "simulation_tasks_dropped_total",
        "Tasks never written, because the database was down too long.",
    ),
    Metric::gauge("simulation_tasks_waiting", "Tasks that wait to be written."),
];

/// The metrics that the document names and that are the service's own, and what was lost.
pub(super) struct Figures {
    pub(super) processed: Counter,
    pub(super) in_flight: Gauge,
    pub(super) retraining: Timing,
    pub(super) clients: Gauge,
    /// Tasks that were never written.
    pub(super) dropped: Counter,
    /// Tasks that wait to be written.
    pub(super) waiting: Gauge,
}

impl Figures {
    /// In a registry that is full, they are counted for nobody.
    pub(super) fn of(registry: &Registry) -> Self {
        for metric in METRICS {
            // Fails only where the registry is full, as below.
            let _ = registry.describe(metric.name, metric.help);
        }
        let counter = |name| registry.counter(name).unwrap_or_default();
        let gauge = |name| registry.gauge(name).unwrap_or_default();
        Self {
            processed: counter("simulation_tasks_processed_total"),
            in_flight: gauge("simulation_tasks_in_flight"),
            retraining: registry
                .timing("model_retraining_duration_seconds")
                .unwrap_or_default(),
            clients: gauge("websocket_connections_active"),
            dropped: counter("simulation_tasks_dropped_total"),
            waiting: gauge("simulation_tasks_waiting"),
        }
    }
}
