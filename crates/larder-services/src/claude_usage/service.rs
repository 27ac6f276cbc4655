//! The service: a collector refreshed in the background, its history, and answers made once.
//!
//! Reads never touch the collector: they take the last snapshot, and the rendered answer for it
//! from a cache whose keys name the snapshot's version, so that an answer is never older than its
//! snapshot.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use bytes::Bytes;
use jiff::civil::Date;
use larder::{Cache, CacheKey, Policy, Refresher, Snapshot, Snapshots};
use larder_http::{Check, Events, Mount, Requests, Standing};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::collector::{Collector, Error, Settings};
use super::history::Point;
use super::http;
use super::progress::{Progress, ProgressSnapshot};
use super::refresh::{Troubles, Worker};
use super::report::Report;
use super::view::TimeRange;

/// Rendered answers are kept up to this many bytes. They are of this process's snapshots, so in memory
/// alone: another process or another start has others under the same versions.
const ANSWERS_BYTES_MAX: u64 = 16 << 20;
/// A refresh that is this much later than five intervals is overdue.
const OVERDUE: Duration = Duration::from_secs(10);
/// A rendered answer is kept this long after it was made; a new snapshot makes new ones.
const ANSWERS_TTL: Duration = Duration::from_mins(1);

/// What the service runs with.
pub struct Options {
    /// What the collector needs to know.
    pub settings: Settings,
    /// Time between two refreshes.
    pub interval: Duration,
    /// Samples that the history keeps.
    pub history: usize,
    /// The port that the program listens on, for its answers.
    pub port: u16,
    /// The figures of all requests, for its answers.
    pub requests: Requests,
    /// Where new snapshots are announced.
    pub events: Events,
}

/// The usage of Claude Code, counted in the background. Cloning gives another handle.
#[derive(Clone)]
pub struct ClaudeUsage {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) snapshots: Snapshots<Report, Point>,
    pub(super) answers: Cache<AnswerKey, Bytes>,
    pub(super) requests: Requests,
    pub(super) progress: Arc<Progress>,
    pub(super) started: Instant,
    pub(super) port: u16,
    pub(super) incarnation: u64,
    troubles: Arc<Mutex<Troubles>>,
}

/// Keeps the refreshing going; [`stop`](Self::stop) ends it in order.
pub struct Running {
    _refresher: Refresher,
    worker: Arc<Mutex<Worker>>,
}

/// Names a rendered answer; of which snapshot it is, is its lookup version.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AnswerKey {
    pub(super) range: TimeRange,
    pub(super) today: Date,
}

impl CacheKey for AnswerKey {
    fn to_text(&self) -> Cow<'_, str> {
        Cow::Owned(format!("{}@{}", self.range, self.today))
    }

    fn from_text(text: &str) -> Option<Self> {
        let (range, today) = text.split_once('@')?;
        let (range, today) = (range.parse().ok()?, today.parse().ok()?);
        Some(Self { range, today })
    }
}

impl ClaudeUsage {
    /// Opens the collector and starts refreshing it. Must be called within a tokio runtime; the
    /// first scan runs in the background, and until it is done answers say how far it has come.
    ///
    /// # Errors
    /// The state is in use by another process, or cannot be read.
    pub async fn start(options: Options) -> Result<(Self, Running), Error> {
        let Options {
            settings,
            interval,
            history,
            port,
            requests,
            events,
        } = options;
        let progress = Arc::new(Progress::default());
        let opening = {
            let progress = progress.clone();
            tokio::task::spawn_blocking(move || Collector::open(settings, progress))
        };
        let collector = opening
            .await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        let started = Instant::now();
        let counted = requests.clone();
        let snapshots = Snapshots::<Report>::builder("claude_usage")
            .interval(interval)
            .capacity(history)
            .history_of(move |report| {
                Point::of(report, &counted.figures(), started.elapsed(), port)
            })
            .build();
        let answers = Cache::builder("claude_usage.answers")
            .max_capacity(ANSWERS_BYTES_MAX)
            .weigher(|_, body: &Bytes| u32::try_from(body.len()).unwrap_or(u32::MAX))
            .policy(Policy::ttl(ANSWERS_TTL))
            .explain(true)
            .values_as_text()
            .build()
            .expect("the name and the settings are within their limits");
        let troubles = Arc::new(Mutex::new(Troubles::default()));
        let wake = {
            let snapshots = snapshots.clone();
            move || snapshots.wake()
        };
        let worker = Arc::new(Mutex::new(Worker::new(
            collector,
            troubles.clone(),
            Arc::new(wake),
        )));
        let refresher = spawn_refresh(&snapshots, &worker);
        announce_snapshots(&snapshots, events);
        let incarnation = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis() as u64;
        let shared = Shared {
            snapshots,
            answers,
            requests,
            progress,
            started,
            port,
            incarnation,
            troubles,
        };
        Ok((
            Self {
                shared: Arc::new(shared),
            },
            Running {
                _refresher: refresher,
                worker,
            },
        ))
    }

    /// What the gateway serves of it.
    pub fn mount(&self) -> Mount {
        let warmed = self.shared.clone();
        Mount::new()
            .reads(self.router())
            .cache(self.answers())
            .warm("claude_usage.answers", move || {
                let shared = warmed.clone();
                async move { http::warm(&shared).await }
            })
            .check(self.check().kind("file"))
            .document(http::document())
    }

    /// The service's routes, all for a viewer.
    pub fn router(&self) -> Router {
        http::router(self)
    }

    /// The cache of rendered answers.
    pub fn answers(&self) -> Cache<AnswerKey, Bytes> {
        self.shared.answers.clone()
    }

    /// How far the scan has come.
    pub fn progress(&self) -> ProgressSnapshot {
        self.shared.progress.snapshot()
    }

    /// Follows the snapshot's version: the receiver sees each new one, or the last of several.
    pub fn versions(&self) -> watch::Receiver<u64> {
        self.shared.snapshots.subscribe()
    }

    /// Tells whether the service can answer.
    pub fn check(&self) -> Check {
        let usage = self.clone();
        Check::new("claude_usage", move || usage.standing())
    }

    fn standing(&self) -> Standing {
        let Some(snapshot) = self.shared.snapshots.latest() else {
            let ProgressSnapshot {
                files_done,
                files_total,
                ..
            } = self.progress();
            return Standing::NotReady(format!(
                "the first scan has read {files_done} of {files_total} files"
            ));
        };
        if has_no_logs(&snapshot) {
            return Standing::Degraded("no session logs were found".into());
        }
        if let Some(error) = self.shared.snapshots.health().last_error {
            return Standing::Degraded(format!("the last refresh failed: {error}"));
        }
        if snapshot.age > 5 * self.shared.snapshots.interval() + OVERDUE {
            let seconds = snapshot.age.as_secs();
            return Standing::Degraded(format!("the last refresh ended {seconds} s ago"));
        }
        let Troubles { watching, keeping } = self.shared.troubles.lock().clone();
        if let Some(why) = keeping {
            return Standing::Degraded(format!("the state is not kept: {why}"));
        }
        if let Some(why) = watching {
            let text =
                format!("the logs are walked at every interval, without notification: {why}");
            return Standing::Degraded(text);
        }
        Standing::Ready
    }
}

impl Running {
    /// Ends the refreshing and keeps the state. Blocks until a refresh that is running has ended.
    ///
    /// # Errors
    /// The state cannot be written; the next start reads again what was not kept.
    pub fn stop(self) -> Result<(), Error> {
        let Self {
            _refresher: refresher,
            worker,
        } = self;
        drop(refresher);
        worker.lock().finish()
    }
}

/// Whether the snapshot's zeros mean that there was nothing to count.
pub(super) fn has_no_logs(snapshot: &Snapshot<Report>) -> bool {
    let report = &*snapshot.value;
    report.totals().messages == 0 && report.scan().files == 0
}

fn spawn_refresh(snapshots: &Snapshots<Report, Point>, worker: &Arc<Mutex<Worker>>) -> Refresher {
    let worker = worker.clone();
    snapshots.spawn(move || {
        let worker = worker.clone();
        async move {
            let refresh = tokio::task::spawn_blocking(move || worker.lock().refresh());
            refresh
                .await
                .map_err(|error| format!("the refresh ended early: {error}"))
        }
    })
}

fn announce_snapshots(snapshots: &Snapshots<Report, Point>, events: Events) {
    let mut versions = snapshots.subscribe();
    tokio::spawn(async move {
        while versions.changed().await.is_ok() {
            let version = *versions.borrow_and_update();
            let timestamp = jiff::Timestamp::now().to_string();
            let snapshot = serde_json::json!({ "service": "claude_usage", "version": version, "timestamp": timestamp });
            events.announce("snapshot", &snapshot);
        }
    });
}
