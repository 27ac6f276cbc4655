//! Values that survive a restart, and invalidations that do too.

mod crash;
mod explain;
mod path;
mod restart;

use std::path::Path;
use std::time::Duration;

use larder::{Cache, Disk, ManualClock, Policy, TierStats};
use tempfile::TempDir;

/// A directory, a clock and a policy: what stays when the process goes.
pub(crate) struct Machine {
    pub(crate) directory: TempDir,
    pub(crate) clock: ManualClock,
    pub(crate) policy: Policy,
}

impl Machine {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: ManualClock::new(),
            policy,
        }
    }

    /// A cache as it is after a start.
    pub(crate) fn start(&self) -> Cache<String, u64> {
        Cache::builder("test")
            .policy(self.policy)
            .clock(self.clock.clock())
            .disk(Disk::at(self.path()))
            .build()
            .unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Ends the process of a cache, and starts another.
    pub(crate) async fn restart(&self, cache: Cache<String, u64>) -> Cache<String, u64> {
        cache.flush().await.unwrap();
        drop(cache);
        self.start()
    }
}

pub(crate) fn machine() -> Machine {
    Machine::new(Policy::ttl(Duration::from_mins(1)))
}

pub(crate) fn disk_stats(cache: &Cache<String, u64>) -> TierStats {
    cache.stats().disk.unwrap()
}
