//! One refresh: what to look at, when to walk everything, when to keep the state.
//!
//! Runs on a blocking thread, one at a time. Knows no snapshots and no HTTP.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use larder::Refreshed;
use parking_lot::Mutex;

use super::collector::{Changes, Collector, Error};
use super::report::Report;
use super::watch::{WatchError, Watcher};

/// Notification tells what changed; a walk now and then finds what it missed.
const WALK_EVERY: Duration = Duration::from_mins(1);
/// The state is kept no more often than this: what it lacks after a crash is read again.
const PERSIST_EVERY: Duration = Duration::from_secs(10);
/// Even without changes it is kept this often, which writes it anew if its file was removed.
const PERSIST_ANYWAY_EVERY: Duration = Duration::from_mins(1);
/// Setting up notification is tried again after this.
const WATCH_EVERY: Duration = Duration::from_mins(1);

type Wake = Arc<dyn Fn() + Send + Sync>;

/// What stands in the way at the moment, in words.
#[derive(Clone, Debug, Default)]
pub(super) struct Troubles {
    /// Why file notification is off.
    pub(super) watching: Option<String>,
    /// Why the state is not kept.
    pub(super) keeping: Option<String>,
}

pub(super) struct Worker {
    collector: Collector,
    watcher: Option<Watcher>,
    wake: Wake,
    walked: Option<Instant>,
    watch_failed: Option<Instant>,
    persisted: Instant,
    unkept: bool,
    /// The warnings of the last walk.
    warned: Vec<String>,
    /// Directories that cannot be read, hence not watched.
    unwatched: Vec<PathBuf>,
    troubles: Arc<Mutex<Troubles>>,
}

impl Worker {
    pub(super) fn new(collector: Collector, troubles: Arc<Mutex<Troubles>>, wake: Wake) -> Self {
        troubles.lock().keeping = collector.not_kept().map(|error| chain(error));
        Self {
            collector,
            watcher: None,
            wake,
            walked: None,
            watch_failed: None,
            persisted: Instant::now(),
            unkept: false,
            warned: Vec::new(),
            unwatched: Vec::new(),
            troubles,
        }
    }

    /// Reads what is new.
    pub(super) fn refresh(&mut self) -> Refreshed<Report> {
        let is_first = self.walked.is_none();
        let changes = self.changes();
        if changes == Changes::Paths(Vec::new()) {
            self.persist_if_due(false);
            return Refreshed::Unchanged;
        }
        let is_walk = changes == Changes::Walk;
        if is_walk {
            self.walked = Some(Instant::now());
        }
        let refreshed = self.collector.refresh(changes);
        self.warn(&refreshed.warnings, is_walk);
        if is_first {
            self.tell_of_first(&refreshed);
        }
        self.unkept |= refreshed.changed;
        self.persist_if_due(is_first || refreshed.files_lost > 0);
        if refreshed.changed || is_first {
            return Refreshed::Changed((*self.collector.report()).clone());
        }
        Refreshed::Unchanged
    }

    /// Keeps the state for the last time.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        self.collector.persist()
    }

    /// What to look at. The watcher is started before a walk, so that nothing that changes
    /// during the walk is missed by both.
    fn changes(&mut self) -> Changes {
        let is_due = self
            .walked
            .is_none_or(|walked| walked.elapsed() >= WALK_EVERY);
        let is_blind = self.watcher.as_ref().is_none_or(Watcher::is_outdated);
        if is_blind {
            self.watch();
        }
        let noted = self.watcher.as_ref().map_or(Changes::Walk, Watcher::drain);
        if is_due || is_blind {
            Changes::Walk
        } else {
            noted
        }
    }

    /// Logs what was not said at the last walk already.
    fn warn(&mut self, warnings: &[String], is_walk: bool) {
        for warning in warnings.iter().filter(|text| !self.warned.contains(text)) {
            tracing::warn!("{warning}");
        }
        if is_walk {
            self.warned = warnings.to_vec();
        }
    }

    fn watch(&mut self) {
        if self
            .watch_failed
            .is_some_and(|failed| failed.elapsed() < WATCH_EVERY)
        {
            return;
        }
        let wake = self.wake.clone();
        let watcher = Watcher::new(self.collector.directories(), move || wake());
        let trouble = match &watcher {
            Ok(_) | Err(WatchError::NothingThere) => None,
            Err(error) => Some(chain(error)),
        };
        self.watch_failed = trouble.as_ref().map(|_| Instant::now());
        let before = std::mem::replace(&mut self.troubles.lock().watching, trouble.clone());
        if let Some(trouble) = trouble.filter(|trouble| before.as_ref() != Some(trouble)) {
            tracing::warn!("{trouble}; the logs are walked at every interval instead");
        }
        self.watcher = watcher.ok();
        self.tell_of_unwatched();
    }

    fn tell_of_unwatched(&mut self) {
        let unreadable = self.watcher.as_ref().map_or(&[][..], Watcher::unreadable);
        for path in unreadable
            .iter()
            .filter(|path| !self.unwatched.contains(path))
        {
            tracing::warn!(
                path = %path.display(),
                "the directory cannot be read, and is not watched until it can be"
            );
        }
        self.unwatched = unreadable.to_vec();
    }

    /// Keeps the state if that is `urgent`, because the logs could not give it again, or due.
    fn persist_if_due(&mut self, urgent: bool) {
        let since = self.persisted.elapsed();
        let is_due = self.unkept && (urgent || since >= PERSIST_EVERY);
        if !is_due && since < PERSIST_ANYWAY_EVERY {
            return;
        }
        self.persisted = Instant::now();
        let trouble = self.collector.persist().err().map(|error| chain(&error));
        self.unkept = trouble.is_some();
        if let Some(trouble) = &trouble {
            tracing::warn!("{trouble}; counting goes on, and it is tried again");
        }
        self.troubles.lock().keeping = trouble;
    }

    fn tell_of_first(&self, refreshed: &super::collector::Refreshed) {
        let report = self.collector.report();
        let (scan, totals) = (report.scan(), report.totals());
        tracing::info!(
            files = scan.files,
            files_read = refreshed.files_read,
            bytes_read = refreshed.bytes_read,
            messages = totals.messages,
            took_ms = refreshed.duration.as_millis() as u64,
            "counted the session logs"
        );
        if scan.files == 0 {
            let places: Vec<_> = report
                .looked_in()
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            tracing::warn!(
                looked_in = places.join(", "),
                "no session logs were found; `larder serve --demo` makes some to try with"
            );
        }
    }
}

/// An error with its sources, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(Some(error), |error| error.source());
    sources
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests;
