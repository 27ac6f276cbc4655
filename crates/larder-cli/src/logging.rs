//! Sends the daemon's log to stderr in the configured shape.
//!
//! It must not know what is logged.

mod lines;

use std::io::{self, IsTerminal as _, Write};

use indicatif::MultiProgress;
use tracing_subscriber::filter::{FilterFn, LevelFilter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

use crate::config::{Environment, Log};
use crate::traces::{self, Traces};
use lines::{Lines, Silent};

/// Sets the process's log up, and the spans that its lines and traces name. Lines go to stderr; colours
/// only to a terminal and only without `NO_COLOR`. Bars that are drawn through what this returns make room
/// for the lines.
pub(crate) fn start(log: &Log, traces: Traces, environment: &Environment) -> MultiProgress {
    let bars = MultiProgress::new();
    let above = bars.clone();
    let colours = io::stderr().is_terminal() && environment.get("NO_COLOR").is_none();
    let level = log.level;
    let is_logged = FilterFn::new(move |metadata| {
        if metadata.is_span() {
            traces::is_request(metadata)
        } else {
            *metadata.level() <= level
        }
    });
    let lines = fmt::layer()
        .event_format(Lines(log.format))
        .fmt_fields(Silent)
        .with_writer(move || AboveBars(above.clone()))
        .log_internal_errors(false)
        .with_ansi(colours)
        .with_filter(is_logged.with_max_level_hint(level.max(LevelFilter::INFO)));
    let spans = traces.filter();
    registry()
        .with(traces.with_filter(spans))
        .with(lines)
        .init();
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
