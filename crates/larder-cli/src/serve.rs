//! The daemon: wires the services, the caches and the listener together.

use crate::config::Config;

/// Runs the daemon until it is told to stop.
#[expect(clippy::unused_async, reason = "the daemon awaits its listener")]
pub(crate) async fn run(config: Config, demo: bool) -> anyhow::Result<()> {
    let _ = demo;
    anyhow::bail!("serving on {} is not wired yet", config.listen)
}
