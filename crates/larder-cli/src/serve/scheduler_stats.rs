//! The service `scheduler_stats`, as it is configured.

use std::time::Duration;

use anyhow::Context as _;
use larder::{Clock, Tiers};
use larder_http::Gateway;
use larder_services::scheduler_stats::{Options, Running, SchedulerStats};

use crate::config::{Config, Secret};

/// Time between two steps of the simulation.
const PACE: Duration = Duration::from_millis(100);

pub(super) fn start(
    config: &Config,
    gateway: &Gateway,
    tiers: &Tiers,
) -> anyhow::Result<Option<(SchedulerStats, Running)>> {
    let settings = &config.scheduler_stats;
    if !settings.enabled {
        return Ok(None);
    }
    let file = config.state_dir.join("scheduler_stats.db");
    let options = Options {
        database: match &settings.database {
            Some(Secret(url)) => url.clone(),
            None => format!("sqlite:{}", file.display()),
        },
        tiers: tiers.clone(),
        registry: gateway.registry(),
        clock: Clock::system(),
        pace: Some(PACE),
        rate: settings.rate as f64,
        tasks_max: settings.tasks as u64,
        seed: u64::from(std::process::id()),
    };
    let started = SchedulerStats::start(options).context("cannot start scheduler_stats")?;
    Ok(Some(started))
}
