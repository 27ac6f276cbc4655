//! The kinds of metrics, by name. They know no handles.

use std::fmt;

use serde::Serialize;

/// The kinds of metrics.
///
/// ```
/// assert_eq!(larder_metrics::Kind::Timing.to_string(), "timing");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A [`Counter`](crate::Counter).
    Counter,
    /// An [`UpDownCounter`](crate::UpDownCounter).
    UpDownCounter,
    /// A [`Gauge`](crate::Gauge).
    Gauge,
    /// A [`Timing`](crate::Timing).
    Timing,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::UpDownCounter => "up-down counter",
            Self::Gauge => "gauge",
            Self::Timing => "timing",
        })
    }
}
