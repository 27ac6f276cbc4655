//! Sends the daemon's log to stderr in the configured shape.
//!
//! It must not know what is logged.

use std::io::IsTerminal as _;

use tracing_subscriber::fmt;

use crate::config::{Environment, Log, LogFormat};

/// Sets the process's log up. Lines go to stderr; colours only to a terminal
/// and only without `NO_COLOR`.
pub(crate) fn start(log: &Log, environment: &Environment) {
    let colours = std::io::stderr().is_terminal() && environment.get("NO_COLOR").is_none();
    let lines = fmt()
        .with_max_level(log.level)
        .with_writer(std::io::stderr)
        .with_ansi(colours);
    match log.format {
        LogFormat::Text => lines.with_target(false).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}
