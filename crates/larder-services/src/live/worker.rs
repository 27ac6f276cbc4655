//! The one task that changes the set: it takes events, files and timers, one after the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use larder::{Clock, Tick};
use tokio::sync::{mpsc, oneshot};

use super::als::{self, AlsError, Limits, Set};
use super::demo;
use super::lookup::Lookups;
use super::session::Session;
use super::shared::Shared;
use super::tree::Hash;
use super::tree::Kind;
use super::watch::Watcher;

/// A file that is written is read once it has been left alone for this long.
const SETTLING: Duration = Duration::from_millis(200);
/// Datagrams applied in a row before files and timers are looked at.
const BURST: usize = 256;
/// How long events are applied before others may run.
const TURN_MAX: Duration = Duration::from_millis(2);

/// What a set was, once it was opened.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Opened {
    /// The file.
    pub project_path: Option<String>,
    /// The root's hash.
    pub version: String,
    /// With returns and the master.
    pub tracks: usize,
    /// Rows of the session.
    pub scenes: usize,
    /// Nested ones too.
    pub devices: usize,
    /// In slots and in the arrangement.
    pub clips: usize,
    /// Of any kind.
    pub nodes: usize,
    /// Bytes of XML.
    pub inflated_bytes: u64,
    /// From the file to the ready tree, in milliseconds.
    pub load_ms: f64,
}

/// A file to open, and who waits for it.
pub(super) struct OpenFile {
    pub(super) path: PathBuf,
    pub(super) reply: oneshot::Sender<Result<Opened, AlsError>>,
}

/// What the worker is given.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) lookups: Lookups,
    pub(super) limits: Limits,
    pub(super) clock: Clock,
    pub(super) datagrams: mpsc::Receiver<Vec<u8>>,
    pub(super) files: mpsc::Receiver<OpenFile>,
}

/// The file that is open, as it was when it was read.
struct Current {
    path: PathBuf,
    stamp: Option<(SystemTime, u64)>,
    _watcher: Option<Watcher>,
}

struct Work {
    worker: Worker,
    session: Session,
    current: Option<Current>,
    changed: mpsc::Sender<()>,
    file_due: Option<Tick>,
}

/// Works until the senders are gone or `stop` completes.
pub(super) async fn work(
    worker: Worker,
    first: Option<PathBuf>,
    stop: impl Future<Output = ()> + Send,
) {
    let (changed, mut changes) = mpsc::channel(1);
    let mut work = Work {
        session: Session::new(worker.shared.clone(), worker.clock.clone()),
        worker,
        current: None,
        changed,
        file_due: None,
    };
    let mut stop = std::pin::pin!(stop);
    work.begin(first).await;
    let mut burst = Vec::with_capacity(BURST);
    loop {
        let wait = work.wait();
        tokio::select! {
            biased;
            () = &mut stop => return,
            Some(()) = changes.recv() => {
                work.file_due = Some(work.worker.clock.now().after(SETTLING));
            }
            Some(file) = work.worker.files.recv() => work.open(file).await,
            count = work.worker.datagrams.recv_many(&mut burst, BURST) => {
                if count == 0 {
                    return;
                }
                let mut begun = Instant::now();
                for datagram in burst.drain(..) {
                    work.session.datagram(&datagram);
                    // Events that move much of a large set take milliseconds each.
                    if begun.elapsed() > TURN_MAX {
                        tokio::select! {
                            biased;
                            () = &mut stop => return,
                            () = tokio::task::yield_now() => {}
                        }
                        begun = Instant::now();
                    }
                }
            }
            () = tokio::time::sleep(wait) => {}
        }
        work.due().await;
    }
}

impl Work {
    async fn begin(&mut self, first: Option<PathBuf>) {
        let Some(path) = first else {
            return self.build_in().await;
        };
        if let Err(error) = self.load(path.clone()).await {
            tracing::warn!("live: {}: {error}", path.display());
            self.not_followed(&path, &error);
            // It may appear or be mended.
            self.follow(&path, None);
        }
    }

    async fn build_in(&mut self) {
        let limits = self.worker.limits;
        let built = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            als::read(&demo::als()[..], &limits).map(|set| (set, begun.elapsed()))
        });
        let built = built.await;
        match built.unwrap_or_else(|error| Err(AlsError::Io(std::io::Error::other(error)))) {
            Ok((set, took)) => {
                self.session.opened(set, None, took);
                self.warm();
            }
            Err(error) => self.session.not_followed(&error.to_string()),
        }
    }

    async fn open(&mut self, file: OpenFile) {
        let OpenFile { path, reply } = file;
        let opened = self.load(path).await;
        // Who asked may have gone.
        let _ = reply.send(opened);
    }

    /// Reads a file and puts it in the place of what is open. What is open stays if that fails.
    async fn load(&mut self, path: PathBuf) -> Result<Opened, AlsError> {
        let stamp = stamp(&path);
        let read = self.read(path.clone()).await;
        match read {
            Ok((set, took)) => {
                let opened = opened(&set, &path, took);
                self.session.opened(set, Some(path.clone()), took);
                self.follow(&path, stamp);
                self.warm();
                Ok(opened)
            }
            Err(error) => {
                self.worker.shared.figures.load_errors.increment();
                Err(error)
            }
        }
    }

    fn not_followed(&self, path: &Path, error: &AlsError) {
        self.session
            .not_followed(&format!("{}: {error}", path.display()));
    }

    async fn read(&self, path: PathBuf) -> Result<(Set, Duration), AlsError> {
        let limits = self.worker.limits;
        let read = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            als::open(&path, &limits).map(|set| (set, begun.elapsed()))
        });
        read.await
            .unwrap_or_else(|error| Err(AlsError::Io(std::io::Error::other(error))))
    }

    fn follow(&mut self, path: &Path, stamp: Option<(SystemTime, u64)>) {
        if let Some(current) = &mut self.current
            && current.path == path
        {
            current.stamp = stamp;
            return;
        }
        let watcher = Watcher::new(path, self.changed.clone());
        let error = watcher.as_ref().err().map(ToString::to_string);
        self.worker
            .shared
            .write(|state, _| state.watch_error = error);
        self.current = Some(Current {
            path: path.to_owned(),
            stamp,
            _watcher: watcher.ok(),
        });
    }

    fn warm(&self) {
        let lookups = self.worker.lookups.clone();
        tokio::spawn(async move { lookups.warm().await });
    }

    fn wait(&self) -> Duration {
        let due = [self.session.due(), self.file_due]
            .into_iter()
            .flatten()
            .min();
        let now = self.worker.clock.now();
        due.map_or(Duration::from_hours(1), |due| due.since(now))
    }

    async fn due(&mut self) {
        self.session.tick();
        let now = self.worker.clock.now();
        let has_changed = self.file_due.is_some_and(|due| due <= now);
        if has_changed {
            self.file_due = None;
        }
        let is_missed = self.session.takes_reload();
        if (has_changed || is_missed)
            && let Some(current) = &self.current
        {
            let path = current.path.clone();
            let is_other = stamp(&path) != current.stamp;
            if (is_missed || is_other)
                && let Err(error) = self.load(path.clone()).await
            {
                tracing::warn!("live: {}: {error}; what was open stays", path.display());
                self.not_followed(&path, &error);
            }
        }
    }
}

fn opened(set: &Set, path: &Path, took: Duration) -> Opened {
    let tree = &set.tree;
    Opened {
        project_path: Some(path.to_string_lossy().into_owned()),
        version: Hash(tree.root().hash()).to_string(),
        tracks: tree.count(Kind::Track),
        scenes: tree.count(Kind::Scene),
        devices: tree.count(Kind::Device),
        clips: tree.count(Kind::Clip),
        nodes: tree.nodes(),
        inflated_bytes: set.inflated_bytes,
        load_ms: took.as_secs_f64() * 1e3,
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
