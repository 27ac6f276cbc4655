//! What `larder top` is asked for.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Range, ServerArgs};
use crate::config::parse_duration;

#[derive(Debug, Args)]
pub(crate) struct Top {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Print one frame as text and end: the overview and the caches, or the tab that is named
    #[arg(long)]
    pub(crate) once: bool,
    /// Print the figures as one JSON document and end
    #[arg(long, conflicts_with = "once")]
    pub(crate) json: bool,
    /// The tab to begin with [default: overview]
    #[arg(long, value_name = "NAME", value_enum)]
    pub(crate) tab: Option<Tab>,
    /// The time that rates and latencies are of
    #[arg(long, value_enum, default_value_t = Window::FiveMinutes)]
    pub(crate) window: Window,
    /// Time between two looks at the server, 250ms to 1h
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = interval)]
    pub(crate) interval: Duration,
    /// The days that the tab `usage` totals
    #[arg(long, value_enum, default_value_t = Range::All)]
    pub(crate) range: Range,
}

/// A part of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tab {
    /// How all stands
    Overview,
    /// A row for each cache
    Caches,
    /// The hottest, largest and slowest keys of the busiest cache
    Keys,
    /// What to change
    Advice,
    /// What stands behind the caches
    Backends,
    /// What Claude Code's session logs add up to
    Usage,
}

impl Tab {
    pub(crate) const ALL: [Self; 6] = [
        Self::Overview,
        Self::Caches,
        Self::Keys,
        Self::Advice,
        Self::Backends,
        Self::Usage,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Caches => "Caches",
            Self::Keys => "Keys",
            Self::Advice => "Advice",
            Self::Backends => "Backends",
            Self::Usage => "Usage",
        }
    }
}

/// The time that rates and latencies are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Window {
    /// The last minute
    #[value(name = "1m")]
    Minute,
    /// The last 5 minutes
    #[value(name = "5m")]
    FiveMinutes,
    /// The last hour
    #[value(name = "60m")]
    Hour,
    /// Since the daemon's start, or since figures were begun anew
    #[value(name = "all")]
    All,
}

impl Window {
    /// The word for `window=`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::FiveMinutes => "5m",
            Self::Hour => "60m",
            Self::All => "all",
        }
    }

    /// The next longer one; after the longest the shortest.
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Minute => Self::FiveMinutes,
            Self::FiveMinutes => Self::Hour,
            Self::Hour => Self::All,
            Self::All => Self::Minute,
        }
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let limits = Duration::from_millis(250)..=Duration::from_hours(1);
    parse_duration(text)
        .filter(|interval| limits.contains(interval))
        .ok_or_else(|| r#"expected a duration from 250ms to 1h such as "2s""#.to_owned())
}
