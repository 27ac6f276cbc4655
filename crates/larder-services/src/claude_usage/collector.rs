//! The whole in order: find what changed, read it, count it, publish a report, keep the state.
//!
//! It owns the parts and knows no line, price or byte itself.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use larder::Clock;

use super::prices::Prices;
use super::progress::Progress;
use super::report::Report;

/// What a [`Collector`] needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Configuration directories of Claude Code; the logs lie under each one's `projects`.
    pub roots: Vec<PathBuf>,
    /// Where the state is kept between runs; without it, every start reads everything.
    ///
    /// The roots are part of the file's name, so that figures of other roots never mix in:
    /// `usage.state` becomes `usage-<16 hex digits>.state`.
    pub state: Option<PathBuf>,
    /// The zone that days are reckoned in.
    pub zone: TimeZone,
    /// What tokens cost.
    pub prices: Prices,
    /// Threads of a large scan, 1 to 64.
    pub threads: usize,
    /// Tells when a refresh changed something.
    pub clock: Clock,
}

/// Why a collector cannot be opened, or its state not be kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process keeps its state there.
    #[error("the usage state {} is in use by another process", path.display())]
    Locked {
        /// The state file.
        path: PathBuf,
    },
    /// The state file could not be read or written.
    #[error("the usage state {} could not be {action}", path.display())]
    State {
        /// The state file.
        path: PathBuf,
        /// What was tried: `read`, `written` and so on.
        action: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// What a refresh has to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Every directory and file.
    Walk,
    /// These files and directories.
    Paths(Vec<PathBuf>),
}

/// What a refresh did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Whether the report differs from the one before in more than its refresh time.
    pub changed: bool,
    /// Wall time.
    pub duration: Duration,
    /// Files opened and read.
    pub files_read: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Lines read, blank ones included.
    pub lines_read: u64,
    /// What could not be read and why, at most 20 messages.
    pub warnings: Vec<String>,
}

/// Counts the logs under its roots.
#[derive(Debug)]
pub struct Collector {
    report: Arc<Report>,
    progress: Arc<Progress>,
}

impl Collector {
    /// Loads the state; reads no log yet.
    pub fn open(settings: Settings, progress: Arc<Progress>) -> Result<Self, Error> {
        let report = Report {
            days: Vec::new(),
            archived: Arc::new([]),
            totals: super::Totals::default(),
            scan: super::Scan::default(),
            looked_in: settings
                .roots
                .iter()
                .map(|root| root.join("projects"))
                .collect(),
            found_roots: Vec::new(),
            updated_at: None,
            zone: settings.zone,
        };
        Ok(Self {
            report: Arc::new(report),
            progress,
        })
    }

    /// Reads what is new, and publishes a report if anything changed. Blocks while it reads; what
    /// cannot be read is among the warnings and is tried again at the next walk.
    pub fn refresh(&mut self, what: Changes) -> Refreshed {
        drop(what);
        self.progress.finish();
        Refreshed::default()
    }

    /// Appends to the state what changed since the last call; without changes it does nothing.
    pub fn persist(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// What is known now.
    pub fn report(&self) -> Arc<Report> {
        self.report.clone()
    }
}

/// Claude Code's configuration directories: those that `CLAUDE_CONFIG_DIR` lists, divided by
/// commas, else `.claude` and `.config/claude` (or `$XDG_CONFIG_HOME/claude`) under the home
/// directory. `env` looks a variable up.
pub fn default_roots(env: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let listed = env("CLAUDE_CONFIG_DIR")
        .map(|list| split_list(&list))
        .unwrap_or_default();
    if !listed.is_empty() {
        return listed;
    }
    let home = env("HOME")
        .or_else(|| env("USERPROFILE"))
        .filter(|home| !home.is_empty());
    let Some(home) = home.map(PathBuf::from) else {
        return Vec::new();
    };
    let config = env("XDG_CONFIG_HOME")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let config = config.unwrap_or_else(|| home.join(".config"));
    vec![home.join(".claude"), config.join("claude")]
}

fn split_list(list: &OsString) -> Vec<PathBuf> {
    match list.to_str() {
        Some(text) => text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(PathBuf::from)
            .collect(),
        None => vec![PathBuf::from(list)],
    }
}
