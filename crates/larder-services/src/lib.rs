//! Real services built on Larder's public API.

pub mod assistant_context;
pub mod claude_usage;
pub mod live;
pub mod scheduler_stats;
pub mod sql;
pub mod workstations;

use larder_metrics::Metric;

/// What the services add to the figures of a gateway, for dashboards and documents; those of `live` are in a
/// registry of its own.
pub fn exported() -> impl Iterator<Item = Metric> {
    [sql::QUERIES].into_iter().chain(scheduler_stats::METRICS)
}
