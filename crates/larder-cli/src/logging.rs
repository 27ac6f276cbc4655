//! Sends the daemon's log to stderr in the configured shape.
//!
//! It must not know what is logged.

use std::io::{self, IsTerminal as _, Write};

use indicatif::MultiProgress;
use tracing_subscriber::fmt;

use crate::config::{Environment, Log, LogFormat};

/// Sets the process's log up. Lines go to stderr; colours only to a terminal
/// and only without `NO_COLOR`. Bars that are drawn through what this returns
/// make room for the lines.
pub(crate) fn start(log: &Log, environment: &Environment) -> MultiProgress {
    let bars = MultiProgress::new();
    let above = bars.clone();
    let colours = io::stderr().is_terminal() && environment.get("NO_COLOR").is_none();
    let lines = fmt()
        .with_max_level(log.level)
        .with_writer(move || AboveBars(above.clone()))
        .log_internal_errors(false)
        .with_ansi(colours);
    match log.format {
        LogFormat::Text => lines.with_target(false).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    bars
}

/// Writes to stderr while no bar is drawn.
struct AboveBars(MultiProgress);

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Nobody to read the log is no reason to stop what is logged.
        let _ = self.0.suspend(|| io::stderr().write_all(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
