//! One refresh: what to look at, when to walk everything, when to keep the state.
//!
//! Runs on a blocking thread, one at a time. Knows no snapshots and no HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use larder::Refreshed;

use super::collector::{Changes, Collector, Error};
use super::report::Report;
use super::watch::{WatchError, Watcher};

/// Notification tells what changed; a walk now and then finds what it missed.
const WALK_EVERY: Duration = Duration::from_mins(1);
/// The state is kept no more often than this: what it lacks after a crash is read again.
const PERSIST_EVERY: Duration = Duration::from_secs(10);

type Wake = Arc<dyn Fn() + Send + Sync>;

pub(super) struct Worker {
    collector: Collector,
    watcher: Option<Watcher>,
    watching: Arc<AtomicBool>,
    wake: Wake,
    walked: Option<Instant>,
    persisted: Instant,
    unkept: bool,
    complained: Option<String>,
}

impl Worker {
    pub(super) fn new(collector: Collector, watching: Arc<AtomicBool>, wake: Wake) -> Self {
        Self {
            collector,
            watcher: None,
            watching,
            wake,
            walked: None,
            persisted: Instant::now(),
            unkept: false,
            complained: None,
        }
    }

    /// Reads what is new.
    pub(super) fn refresh(&mut self) -> Refreshed<Report> {
        let is_first = self.walked.is_none();
        let changes = self.changes();
        if changes == Changes::Paths(Vec::new()) {
            self.persist_if_due();
            return Refreshed::Unchanged;
        }
        if changes == Changes::Walk {
            self.walked = Some(Instant::now());
        }
        let refreshed = self.collector.refresh(changes);
        for warning in &refreshed.warnings {
            tracing::warn!("{warning}");
        }
        if is_first {
            self.tell_of_first(&refreshed);
        }
        self.unkept |= refreshed.changed;
        self.persist_if_due();
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

    fn watch(&mut self) {
        let (report, wake) = (self.collector.report(), self.wake.clone());
        self.watcher = match Watcher::new(report.looked_in(), move || wake()) {
            Ok(watcher) => {
                self.complained = None;
                Some(watcher)
            }
            Err(WatchError::NothingThere) => None,
            Err(error) => {
                let text = format!("{:#}", chain(&error));
                if self.complained.as_ref() != Some(&text) {
                    tracing::warn!("{text}; the logs are walked at every interval instead");
                }
                self.complained = Some(text);
                None
            }
        };
        self.watching
            .store(self.watcher.is_some(), Ordering::Relaxed);
    }

    fn persist_if_due(&mut self) {
        if !self.unkept || self.persisted.elapsed() < PERSIST_EVERY {
            return;
        }
        self.persisted = Instant::now();
        match self.collector.persist() {
            Ok(()) => self.unkept = false,
            Err(error) => {
                tracing::warn!("{}; counting goes on, and it is tried again", chain(&error))
            }
        }
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
