//! What a refresh leaves behind: totals that never change once published.
//!
//! A report shares every day that did not change with the report before it, so that publishing
//! one costs what changed. It knows nothing of files, lines or of how its figures came to be.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::record::{Cost, Tokens};

/// Sums over a group of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages counted.
    pub messages: u64,
    /// Their tokens.
    pub tokens: Tokens,
    /// Their cost; a message without a price adds nothing.
    pub cost: Cost,
    /// Messages whose model has no price and that state no cost of their own.
    pub unpriced_messages: u64,
}

impl Totals {
    /// Adds another group's sums.
    pub fn add(&mut self, other: &Self) {
        self.messages = self.messages.wrapping_add(other.messages);
        self.tokens.add(&other.tokens);
        self.cost.add(other.cost);
        self.unpriced_messages = self.unpriced_messages.wrapping_add(other.unpriced_messages);
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        self.messages = self.messages.wrapping_sub(other.messages);
        self.tokens.subtract(&other.tokens);
        self.cost.subtract(other.cost);
        self.unpriced_messages = self.unpriced_messages.wrapping_sub(other.unpriced_messages);
    }
}

/// One day's messages of one model in one session of one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The model as logged; `unknown` where the line names none.
    pub model: Arc<str>,
    /// The project: the first directory under `projects/`.
    pub project: Arc<str>,
    /// The session's id.
    pub session: Arc<str>,
    /// The sums.
    pub totals: Totals,
    /// The newest message, if any has a time.
    pub last_activity: Option<Timestamp>,
}

/// One counted message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// When it was logged, if the line says so in a way that can be read.
    pub at: Option<Timestamp>,
    /// The model as logged; `unknown` where the line names none.
    pub model: Arc<str>,
    /// The project.
    pub project: Arc<str>,
    /// The session's id.
    pub session: Arc<str>,
    /// Its tokens.
    pub tokens: Tokens,
    /// Its cost; zero if it has no price.
    pub cost: Cost,
    /// Whether its cost is known.
    pub priced: bool,
}

/// The messages of one day in the report's zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// The day; `None` holds the messages without a usable time stamp.
    pub date: Option<Date>,
    /// The sums over the whole day.
    pub totals: Totals,
    /// The sums by model, project and session.
    pub cells: Vec<Cell>,
    /// The day's newest messages, newest first, at most [`Day::CALLS_MAX`].
    pub calls: Vec<Call>,
}

impl Day {
    /// How many calls a day keeps for display.
    pub const CALLS_MAX: usize = 50;
}

/// What the messages of one day amount to whose files are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedDay {
    /// The day; `None` for messages without a usable time stamp.
    pub date: Option<Date>,
    /// Their sums.
    pub totals: Totals,
    /// The files that held them, by number, ascending.
    pub files: Vec<u32>,
}

/// What the scans have read. Lines and bytes are those of the files that exist now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scan {
    /// Log files that exist.
    pub files: u64,
    /// Lines read, blank ones included.
    pub lines: u64,
    /// Bytes of those lines.
    pub bytes: u64,
    /// Lines that are no JSON in UTF-8, state impossible token counts, or exceed 32 MiB. Blank
    /// lines are not among them, nor is a last line that is still being written.
    pub skipped_lines: u64,
    /// Directories and files that could not be read at the last walk or refresh.
    pub unreadable: u64,
    /// Wall time of the last refresh that changed something, in milliseconds.
    pub last_refresh_ms: f64,
}

/// Everything counted up to one refresh. Cloning it is cheap, reading it never blocks.
#[derive(Clone, Debug)]
pub struct Report {
    pub(super) days: Vec<Arc<Day>>,
    pub(super) archived: Arc<[ArchivedDay]>,
    pub(super) totals: Totals,
    pub(super) scan: Scan,
    pub(super) looked_in: Arc<[PathBuf]>,
    pub(super) found_roots: Vec<PathBuf>,
    pub(super) updated_at: Option<Timestamp>,
    pub(super) zone: TimeZone,
}

impl Report {
    /// The sums over all time.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// What has been read.
    pub fn scan(&self) -> &Scan {
        &self.scan
    }

    /// The days that have messages, ascending; the undated ones come first.
    pub fn days(&self) -> &[Arc<Day>] {
        &self.days
    }

    /// The `projects` directories that the settings name.
    pub fn looked_in(&self) -> &[PathBuf] {
        &self.looked_in
    }

    /// Those of [`Report::looked_in`] that existed at the last walk.
    pub fn found_roots(&self) -> &[PathBuf] {
        &self.found_roots
    }

    /// When a refresh last changed something.
    pub fn updated_at(&self) -> Option<Timestamp> {
        self.updated_at
    }

    /// The zone that days are reckoned in.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }
}
