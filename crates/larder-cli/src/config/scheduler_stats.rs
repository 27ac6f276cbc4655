//! The section `[scheduler_stats]`.

use super::Secret;
use super::kinds::{Count, DatabaseUrl, Switch};
use super::reader::Reader;

/// The section `[scheduler_stats]`.
#[derive(Debug)]
pub(crate) struct SchedulerStats {
    /// Whether the service runs.
    pub(crate) enabled: bool,
    /// The URL of its database; none means a file in the state directory.
    pub(crate) database: Option<Secret>,
    /// Tasks a second that its simulation makes.
    pub(crate) rate: usize,
    /// Tasks whose rows are kept.
    pub(crate) tasks: usize,
}

pub(super) fn read(reader: &mut Reader) -> SchedulerStats {
    let file = (None, "scheduler_stats.db in the state directory");
    let rate = Count { min: 1, max: 1_000 };
    let tasks = Count {
        min: 1_000,
        max: 10_000_000,
    };
    SchedulerStats {
        enabled: reader.read("scheduler_stats.enabled", &Switch, (true, "")),
        database: reader.read("scheduler_stats.database", &DatabaseUrl, file),
        rate: reader.read("scheduler_stats.rate", &rate, (10, "")),
        tasks: reader.read("scheduler_stats.tasks", &tasks, (200_000, "")),
    }
}
