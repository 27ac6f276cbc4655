//! What happened in the last minute, five minutes, hour and day. It knows no clock: its owner decides when a
//! snapshot is taken.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::snapshot::Snapshot;

/// The most series of a snapshot that are kept.
const SERIES_MAX: usize = 1_024;

/// How far back to look.
///
/// ```
/// use larder_metrics::Window;
/// assert_eq!("5m".parse(), Ok(Window::FiveMinutes));
/// assert_eq!("2m".parse::<Window>().unwrap_err(), r#"window is "2m", expected 1m, 5m, 60m or 24h"#);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// `1m`.
    Minute,
    /// `5m`.
    FiveMinutes,
    /// `60m`, or `1h`.
    Hour,
    /// `24h`, or `1d`.
    Day,
}

impl Window {
    const ALL: [Self; 4] = [Self::Minute, Self::FiveMinutes, Self::Hour, Self::Day];

    /// Its length.
    pub const fn length(self) -> Duration {
        match self {
            Self::Minute => Duration::from_mins(1),
            Self::FiveMinutes => Duration::from_mins(5),
            Self::Hour => Duration::from_hours(1),
            Self::Day => Duration::from_hours(24),
        }
    }

    /// Time between two snapshots: a twelfth of the length. So a window is at most that much longer.
    const fn step(self) -> Duration {
        match self {
            Self::Minute => Duration::from_secs(5),
            Self::FiveMinutes => Duration::from_secs(25),
            Self::Hour => Duration::from_mins(5),
            Self::Day => Duration::from_hours(2),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minute => "1m",
            Self::FiveMinutes => "5m",
            Self::Hour => "60m",
            Self::Day => "24h",
        })
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "1m" => Ok(Self::Minute),
            "5m" => Ok(Self::FiveMinutes),
            "60m" | "1h" => Ok(Self::Hour),
            "24h" | "1d" => Ok(Self::Day),
            _ => Err(format!("window is {text:?}, expected 1m, 5m, 60m or 24h")),
        }
    }
}

/// The last minute, five minutes, hour and day of a registry: counts, rates and quantiles of those alone.
///
/// It keeps at most 56 snapshots, of 1,024 series each at most (the first by name): 0.1 KiB for a
/// counter, 1 KiB for a timing in use.
///
/// ```
/// use larder_metrics::{Limits, ManualClock, Registry, Window, Windows};
/// use std::time::Duration;
///
/// let manual = ManualClock::new();
/// let registry = Registry::with(Limits::default(), manual.clock());
/// let received = registry.counter("events.received")?;
/// let mut windows = Windows::new();
/// for second in 0..=600 {
///     windows.record(registry.snapshot());
///     received.add(if second < 540 { 100 } else { 2 });
///     manual.advance(Duration::from_secs(1));
/// }
/// let minute = windows.last(Window::Minute).unwrap();
/// assert_eq!(minute.rate("events.received", &[]), Some(2.0));
/// assert!(windows.last(Window::Hour).unwrap().rate("events.received", &[]) > Some(90.0));
/// # Ok::<(), larder_metrics::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Windows {
    newest: Option<Arc<Snapshot>>,
    /// For each window, oldest first.
    kept: [VecDeque<Arc<Snapshot>>; 4],
}

impl Windows {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the registry's newest snapshot, once a second or so. O(series).
    pub fn record(&mut self, mut snapshot: Snapshot) {
        snapshot.keep_first(SERIES_MAX);
        let snapshot = Arc::new(snapshot);
        for (window, kept) in Window::ALL.into_iter().zip(&mut self.kept) {
            let age = |of: &Arc<Snapshot>| snapshot.uptime.saturating_sub(of.uptime);
            if kept.back().is_none_or(|last| age(last) >= window.step()) {
                kept.push_back(snapshot.clone());
            }
            // The one before the first that is young enough is where the window begins.
            while kept
                .get(1)
                .is_some_and(|second| age(second) >= window.length())
            {
                kept.pop_front();
            }
        }
        self.newest = Some(snapshot);
    }

    /// What was recorded in the window that ends now, or since the beginning if that is shorter:
    /// [`Snapshot::span`] says. `None` before the second snapshot. O(series).
    pub fn last(&self, window: Window) -> Option<Snapshot> {
        let newest = self.newest.as_ref()?;
        let oldest = self.kept[window as usize].front()?;
        (newest.uptime > oldest.uptime).then(|| newest.since(oldest))
    }
}
