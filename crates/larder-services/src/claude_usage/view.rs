//! A report as people and dashboards read it: one window of time, sorted and named.
//!
//! The wire's shape lives here and nowhere else. It knows reports, not where they come from.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;

use super::record::Cost;
use super::report::{Scan, Totals};

/// How many sessions a view lists.
pub(super) const SESSIONS_MAX: usize = 50;
/// How many calls a view lists.
pub(super) const ACTIVITY_MAX: usize = 50;

/// The window of days that a view covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeRange {
    /// Today.
    Today,
    /// Today and the six days before.
    Week,
    /// Today and the 29 days before.
    Month,
    /// Everything, undated messages included.
    #[default]
    All,
}

impl TimeRange {
    /// All four, shortest first.
    pub const ALL: [Self; 4] = [Self::Today, Self::Week, Self::Month, Self::All];

    fn name(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Week => "week",
            Self::Month => "month",
            Self::All => "all",
        }
    }

    /// The first day of the window that ends with `today`; `None` for everything.
    pub(super) fn first_day(self, today: Date) -> Option<Date> {
        let days_before = match self {
            Self::Today => 0,
            Self::Week => 6,
            Self::Month => 29,
            Self::All => return None,
        };
        Some(today.saturating_sub(days_before.days()))
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A time range that is none of the four.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a time range: expected one of today, week, month, all")]
pub struct UnknownTimeRange {
    given: String,
}

impl FromStr for TimeRange {
    type Err = UnknownTimeRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|range| range.name() == text);
        known.ok_or_else(|| UnknownTimeRange {
            given: text.chars().take(64).collect(),
        })
    }
}

/// The document of `/api/stats`, as far as it comes from the logs.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// The window's name.
    pub time_range: TimeRange,
    /// The window's days.
    pub window: Window,
    /// The whole in a line.
    pub project: Summary,
    /// The sums over the window.
    pub totals: TotalsRow,
    /// The sums by model, the costliest first.
    pub models: Vec<ModelRow>,
    /// The sums by project, the costliest first.
    pub projects: Vec<ProjectRow>,
    /// The 50 costliest sessions.
    pub sessions: Vec<SessionRow>,
    /// The sums by day, ascending; `undated` comes last.
    pub days: Vec<DayRow>,
    /// The same figures cut for charts.
    pub chart_data: ChartData,
    /// The newest calls, newest first, at most 50.
    pub activity: Vec<CallRow>,
    /// How much of the totals has no file any more.
    pub archived: Archived,
    /// What has been read, whatever the window.
    pub scan: ScanRow,
}

/// The days that a view covers, both included.
#[derive(Clone, Debug, Serialize)]
pub struct Window {
    /// The first day; `null` if there is none.
    pub from: Option<String>,
    /// The last day.
    pub to: String,
    /// The zone that days are reckoned in: its IANA name, or its offset.
    pub zone: String,
}

/// The whole in a line.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The project's name if there is exactly one, else how many there are.
    pub name: String,
    /// US dollars.
    pub cost: Cost,
    /// Input and output tokens; those of the prompt cache are in the totals.
    pub tokens: u64,
    /// Messages.
    pub calls: u64,
    /// RFC 3339 in UTC: the last refresh that changed something.
    pub last_updated: Option<String>,
}

/// The sums that every row carries.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figures {
    /// Messages.
    pub messages: u64,
    /// Input tokens that no cache served.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// Tokens written to the prompt cache.
    pub cache_creation_tokens: u64,
    /// Tokens read from the prompt cache.
    pub cache_read_tokens: u64,
    /// The sum of the four.
    pub total_tokens: u64,
    /// US dollars.
    pub cost_usd: Cost,
}

impl From<&Totals> for Figures {
    fn from(totals: &Totals) -> Self {
        Self {
            messages: totals.messages,
            input_tokens: totals.tokens.input,
            output_tokens: totals.tokens.output,
            cache_creation_tokens: totals.tokens.cache_creation,
            cache_read_tokens: totals.tokens.cache_read,
            total_tokens: totals.tokens.total(),
            cost_usd: totals.cost,
        }
    }
}

/// The sums over the window.
#[derive(Clone, Debug, Serialize)]
pub struct TotalsRow {
    /// The sums.
    #[serde(flatten)]
    pub figures: Figures,
    /// Messages that have no price and add nothing to the cost.
    pub unpriced_messages: u64,
    /// What the figures rest on: `as_logged`.
    pub basis: &'static str,
}

/// One model's sums.
#[derive(Clone, Debug, Serialize)]
pub struct ModelRow {
    /// The model as logged.
    pub model: Arc<str>,
    /// The sums.
    #[serde(flatten)]
    pub figures: Figures,
    /// Whether the cost of all its messages is known.
    pub priced: bool,
}

/// One project's sums.
#[derive(Clone, Debug, Serialize)]
pub struct ProjectRow {
    /// The project's directory.
    pub project: Arc<str>,
    /// The sums.
    #[serde(flatten)]
    pub figures: Figures,
}

/// One session's sums.
#[derive(Clone, Debug, Serialize)]
pub struct SessionRow {
    /// The session's id.
    pub session: Arc<str>,
    /// Its project.
    pub project: Arc<str>,
    /// The sums.
    #[serde(flatten)]
    pub figures: Figures,
    /// RFC 3339 in UTC: its newest message in the window.
    pub last_activity: Option<String>,
}

/// One day's sums.
#[derive(Clone, Debug, Serialize)]
pub struct DayRow {
    /// `YYYY-MM-DD`, or `undated`.
    pub date: String,
    /// The sums.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Figures cut for charts.
#[derive(Clone, Debug, Serialize)]
pub struct ChartData {
    /// Cost by day, ascending; days without a message are left out.
    pub cost_over_time: Vec<DayCost>,
    /// Cost by project, the costliest first.
    pub cost_by_project: Vec<ProjectCost>,
    /// Each model's share of the messages.
    pub model_distribution: Vec<ModelShare>,
}

/// One day's cost.
#[derive(Clone, Debug, Serialize)]
pub struct DayCost {
    /// `YYYY-MM-DD`.
    pub date: String,
    /// US dollars.
    pub cost: Cost,
}

/// One project's cost.
#[derive(Clone, Debug, Serialize)]
pub struct ProjectCost {
    /// The project's directory.
    pub project: Arc<str>,
    /// US dollars.
    pub cost: Cost,
}

/// One model's share of the messages.
#[derive(Clone, Debug, Serialize)]
pub struct ModelShare {
    /// The model as logged.
    pub model: Arc<str>,
    /// 0 to 100.
    pub percentage: f64,
}

/// One counted message.
#[derive(Clone, Debug, Serialize)]
pub struct CallRow {
    /// RFC 3339 in UTC; `null` if the line has no usable one.
    pub timestamp: Option<String>,
    /// The model as logged.
    pub model: Arc<str>,
    /// The project's directory.
    pub project: Arc<str>,
    /// The session's id.
    pub session: Arc<str>,
    /// Input tokens that no cache served.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// Tokens written to the prompt cache.
    pub cache_creation_tokens: u64,
    /// Tokens read from the prompt cache.
    pub cache_read_tokens: u64,
    /// US dollars.
    pub cost_usd: Cost,
    /// Whether the cost is known.
    pub priced: bool,
}

/// How much of the totals has no file any more.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Archived {
    /// Files that are gone and whose messages are in no other file.
    pub files: u64,
    /// Their messages.
    pub messages: u64,
    /// The messages' tokens, all four kinds.
    pub total_tokens: u64,
    /// US dollars.
    pub cost_usd: Cost,
}

/// What has been read; see [`Scan`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ScanRow {
    /// Log files that exist.
    pub files: u64,
    /// Lines read.
    pub lines: u64,
    /// Bytes of those lines.
    pub bytes: u64,
    /// Lines that could not be counted.
    pub skipped_lines: u64,
    /// Directories and files that could not be read.
    pub unreadable: u64,
    /// Wall time of the last refresh that changed something, in milliseconds.
    pub last_refresh_ms: f64,
}

impl From<&Scan> for ScanRow {
    fn from(scan: &Scan) -> Self {
        Self {
            files: scan.files,
            lines: scan.lines,
            bytes: scan.bytes,
            skipped_lines: scan.skipped_lines,
            unreadable: scan.unreadable,
            last_refresh_ms: scan.last_refresh_ms,
        }
    }
}
