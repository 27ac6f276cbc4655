//! `larder config check`.

use std::io::Write;
use std::path::PathBuf;

use crate::config::{self, Config, Environment, Flags};

/// Says what is set, or fails with everything that is wrong. What only warns goes to stderr.
pub(crate) fn check(
    file: Option<PathBuf>,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let flags = Flags {
        file,
        ..Flags::default()
    };
    let config = Config::load(&flags, environment)?;
    for warning in &config.warnings {
        // Nobody to read it is no reason to fail.
        let _ = writeln!(std::io::stderr(), "larder: {warning}");
    }
    let settings = config::settings(&config);
    let is_set = |source: &str| source != "default" && !source.starts_with("default:");
    let set = settings.iter().filter(|setting| is_set(&setting.source));
    writeln!(
        out,
        "good: {} of {} keys are set",
        set.count(),
        settings.len()
    )?;
    Ok(())
}
