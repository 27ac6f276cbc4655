//! The whole in order: find what changed, read it, count it, publish a report, keep the state.
//!
//! It owns the parts and knows no line, price or byte itself.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use larder::Clock;
use xxhash_rust::xxh3::xxh3_64;

use super::books::Books;
use super::counter::Counter;
use super::files;
use super::keeper::Keeper;
use super::ledger::Ledger;
use super::prices::Prices;
use super::progress::Progress;
use super::report::{Report, Scan, Totals};
use super::scan;

/// More threads than this read no faster.
const THREADS_MAX: usize = 64;

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
    /// These files and directories, named without links as a [`Watcher`](super::Watcher) does.
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
    /// Files read before that are gone now, were replaced or became shorter: what they said is known
    /// here only, and in the state once it is [persisted](Collector::persist).
    pub files_lost: u64,
    /// What could not be read and why, at most 20 messages.
    pub warnings: Vec<String>,
}

/// Counts the logs under its roots.
#[derive(Debug)]
pub struct Collector {
    /// The `projects` directories.
    looked_in: Arc<[PathBuf]>,
    threads: usize,
    clock: Clock,
    progress: Arc<Progress>,
    counter: Counter,
    keeper: Keeper,
    report: Arc<Report>,
    /// Kept between refreshes for small reads.
    buffer: Vec<u8>,
}

impl Collector {
    /// Loads the state; reads no log yet.
    ///
    /// A state file that cannot be used is kept beside itself as `.bad`. If the state's directory
    /// cannot be written, the collector works without; [`persist`](Self::persist) tries again.
    pub fn open(settings: Settings, progress: Arc<Progress>) -> Result<Self, Error> {
        let absolute = |root: &PathBuf| {
            std::path::absolute(root)
                .unwrap_or_else(|_| root.clone())
                .join("projects")
        };
        let looked_in: Arc<[PathBuf]> = settings.roots.iter().map(absolute).collect();
        let ledger = Ledger::new(settings.prices, Books::new(settings.zone.clone()));
        let mut counter = Counter::new(ledger, looked_in.clone());
        let keeper = Keeper::open(
            settings.state.map(|path| state_of(&path, &looked_in)),
            &mut counter,
        )?;
        let report = Report {
            days: Vec::new(),
            archived: Arc::new([]),
            totals: Totals::default(),
            scan: Scan::default(),
            looked_in: looked_in.clone(),
            found_roots: Vec::new(),
            updated_at: counter.updated_at,
            zone: settings.zone,
        };
        let mut collector = Self {
            looked_in,
            threads: settings.threads.clamp(1, THREADS_MAX),
            clock: settings.clock,
            progress,
            counter,
            keeper,
            report: Arc::new(report),
            buffer: Vec::new(),
        };
        collector.publish(Instant::now());
        Ok(collector)
    }

    /// The directories whose logs are counted: each root's `projects`.
    pub fn directories(&self) -> &[PathBuf] {
        &self.looked_in
    }

    /// Reads what is new, and publishes a report if anything changed. Blocks while it reads; what
    /// cannot be read is among the warnings and is tried again at the next walk.
    pub fn refresh(&mut self, what: Changes) -> Refreshed {
        let started = Instant::now();
        let findings = match what {
            Changes::Walk => files::walk(&self.looked_in),
            Changes::Paths(paths) => files::look_at(paths),
        };
        self.counter.begin();
        let jobs = self.counter.plan(&findings);
        self.progress
            .begin(jobs.len() as u64, jobs.iter().map(|job| job.bytes).sum());
        let counter = &mut self.counter;
        scan::read_all(
            &jobs,
            self.threads,
            &mut self.buffer,
            &self.progress,
            &mut |event| counter.take(event),
        );
        self.counter.note_gone(&findings);
        if self.counter.tally.changed {
            self.counter.updated_at = Timestamp::try_from(self.clock.wall()).ok();
        }
        self.counter.tally.changed |= self.counter.sees_otherwise_than(&self.report);
        if self.counter.tally.changed {
            self.publish(started);
        }
        self.progress.finish();
        let tally = &mut self.counter.tally;
        Refreshed {
            duration: started.elapsed(),
            ..std::mem::take(tally)
        }
    }

    /// Appends to the state what changed since the last call, and waits until it is on disk;
    /// without changes it does nothing. A state file that was removed or replaced since it was opened
    /// is written anew as a whole. After an error nothing is lost: the next call tries again.
    pub fn persist(&mut self) -> Result<(), Error> {
        let result = self.keeper.save(&mut self.counter);
        // A state that could not be opened before may have been taken in now.
        if self.counter.ledger.totals() != self.report.totals {
            self.publish(Instant::now());
        }
        result
    }

    /// Why the state could not be opened, if it could not: nothing is kept until
    /// [`persist`](Self::persist) can open it.
    pub fn not_kept(&self) -> Option<&Error> {
        self.keeper.not_kept()
    }

    /// What is known now.
    pub fn report(&self) -> Arc<Report> {
        self.report.clone()
    }

    fn publish(&mut self, started: Instant) {
        let counter = &mut self.counter;
        let last = &self.report;
        let mut report = Report {
            days: counter.ledger.publish(),
            archived: counter
                .ledger
                .archive()
                .unwrap_or_else(|| last.archived.clone()),
            totals: counter.ledger.totals(),
            scan: counter.scan(),
            looked_in: last.looked_in.clone(),
            found_roots: counter.found_roots.clone(),
            updated_at: counter.updated_at,
            zone: last.zone.clone(),
        };
        report.scan.last_refresh_ms = started.elapsed().as_secs_f64() * 1e3;
        self.report = Arc::new(report);
    }
}

/// The state file for these directories: figures of other directories are kept elsewhere.
fn state_of(path: &Path, directories: &[PathBuf]) -> PathBuf {
    let mut names: Vec<&[u8]> = directories
        .iter()
        .map(|path| path.as_os_str().as_encoded_bytes())
        .collect();
    names.sort_unstable();
    let digest = xxh3_64(&names.join(&0));
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{digest:016x}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
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
