//! Starts the service `live` with its configuration.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use larder::Clock;
use larder_services::live::als::Limits;
use larder_services::live::{LiveSet, Options, Running, demo};

use crate::config::Config;

/// The service, unless it is switched off. A demo opens a set of its own making.
pub(super) fn start(config: &Config, is_demo: bool) -> anyhow::Result<Option<(LiveSet, Running)>> {
    let live = &config.live;
    if !live.enabled {
        return Ok(None);
    }
    let file = match (&live.file, is_demo) {
        (None, true) => Some(write_demo(&config.state_dir.join("demo"))?),
        (file, _) => file.clone(),
    };
    Ok(Some(LiveSet::start(Options {
        file,
        roots: live.roots.clone(),
        udp: live.udp,
        cache_capacity: live.cache_capacity,
        metrics: live.metrics,
        clients_max: live.max_clients,
        limits: Limits {
            inflated_bytes_max: live.max_inflated_bytes,
            ..Limits::default()
        },
        clock: Clock::system(),
    })))
}

fn write_demo(directory: &Path) -> anyhow::Result<PathBuf> {
    let path = directory.join("Demo.als");
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(&path, demo::als()))
        .with_context(|| format!("cannot make the demo's set {}", path.display()))?;
    Ok(path)
}
