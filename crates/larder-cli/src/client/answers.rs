//! The shapes of the daemon's answers, as far as this program reads them.
//!
//! It must not know how they are shown. A missing field is an error: a zero in
//! its place would be a lie.

use serde::Deserialize;

/// Messages, tokens and their cost.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Usage {
    pub(crate) messages: u64,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) cache_creation_tokens: u64,
    pub(crate) cache_read_tokens: u64,
    pub(crate) total_tokens: u64,
    pub(crate) cost_usd: f64,
}

/// The answer of `/api/stats`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Stats {
    pub(crate) totals: Totals,
    pub(crate) models: Vec<ByModel>,
    pub(crate) projects: Vec<ByProject>,
    pub(crate) days: Vec<ByDay>,
    pub(crate) scan: Scan,
    pub(crate) snapshot: Snapshot,
    #[serde(flatten)]
    pub(crate) requests: Requests,
}

/// What the daemon has answered since its start.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Requests {
    pub(crate) uptime_seconds: f64,
    #[serde(rename = "total_requests")]
    pub(crate) total: u64,
    #[serde(rename = "failed_requests")]
    pub(crate) failed: u64,
    pub(crate) avg_response_time_ms: f64,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Totals {
    #[serde(flatten)]
    pub(crate) usage: Usage,
    pub(crate) unpriced_messages: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ByModel {
    pub(crate) model: String,
    pub(crate) priced: bool,
    #[serde(flatten)]
    pub(crate) usage: Usage,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ByProject {
    pub(crate) project: String,
    #[serde(flatten)]
    pub(crate) usage: Usage,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ByDay {
    pub(crate) date: String,
    #[serde(flatten)]
    pub(crate) usage: Usage,
}

/// What was read.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Scan {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) skipped_lines: u64,
}

/// The snapshot that the answer was made from.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Snapshot {
    /// When the server answered.
    pub(crate) age_ms: f64,
}

/// The answer of `/api/metrics/history`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct History {
    pub(crate) range: HistoryRange,
    /// The oldest first.
    pub(crate) points: Vec<Point>,
}

/// The time that a history covers.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct HistoryRange {
    /// When the server answered, by its own clock.
    pub(crate) to: jiff::Timestamp,
}

/// A snapshot of the ring: one for each refresh.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Point {
    pub(crate) timestamp: jiff::Timestamp,
    /// Everything counted until then.
    pub(crate) cost_usd: f64,
    #[serde(flatten)]
    pub(crate) requests: Requests,
}
