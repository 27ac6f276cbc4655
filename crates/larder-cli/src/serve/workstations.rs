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
    let file = config.state_dir.join("workstations.db");
    let options = Options {
        database: match &config.workstations.database {
            Some(Secret(url)) => url.clone(),
            None => format!("sqlite:{}", file.display()),
        },
        registry: gateway.registry(),
        tiers: tiers.clone(),
        clock: Clock::system(),
        services: services.0.clone(),
    };
    let started = Workstations::start(options).context("cannot start workstations")?;
    Ok(Some(started))
}
