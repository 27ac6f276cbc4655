//! The service `workstations`, as it is configured.

use anyhow::Context as _;
use larder::{Clock, Tiers};
use larder_http::Gateway;
use larder_services::workstations::{Options, Running, Workstations};

use super::Services;
use crate::config::{Config, Secret};

pub(super) fn start(
    config: &Config,
    gateway: &Gateway,
    tiers: &Tiers,
    services: &Services,
) -> anyhow::Result<Option<(Workstations, Running)>> {
    if !config.workstations.enabled {
        return Ok(None);
    }
    // The rows of a daemon's own file are no other's: what is made of them is not shared.
    let (database, tiers) = if let Some(Secret(url)) = &config.workstations.database {
        (url.clone(), tiers.clone())
    } else {
        let file = config.state_dir.join("workstations.db");
        (format!("sqlite:{}", file.display()), Tiers::default())
    };
    let options = Options {
        database,
        registry: gateway.registry(),
        tiers,
        clock: Clock::system(),
        services: services.0.clone(),
    };
    let started = Workstations::start(options).context("cannot start workstations")?;
    Ok(Some(started))
}
