//! The service: starts its parts, answers in the process, and stops in order.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use larder::{Cache, Clock};
use larder_http::{Check, Mount, Standing};
use serde_json::json;
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::als::{self, AlsError, Limits};
use super::diff::{self, Diff};
use super::figures::Figures;
use super::http;
use super::lookup::{Found, LOOKUPS, Lookup, LookupError, Lookups};
use super::roots::{Refused, Roots};
use super::shared::{Outgoing, Shared};
use super::udp;
use super::worker::{OpenFile, Opened, Worker, work};

/// Files that wait to be opened.
const FILES_MAX: usize = 8;
/// Files compared at once; further callers wait.
const DIFFS_MAX: usize = 2;

/// What the service runs with.
pub struct Options {
    /// The set to open first; without one the set that is built in.
    pub file: Option<PathBuf>,
    /// Directories under which callers may name sets; that of `file` is one too.
    pub roots: Vec<PathBuf>,
    /// Where Live's events come in by UDP, if they do. There is no authentication.
    pub udp: Option<SocketAddr>,
    /// Results that the cache holds; 0 caches nothing.
    pub cache_capacity: usize,
    /// Whether figures are kept.
    pub metrics: bool,
    /// `WebSocket`s at once.
    pub clients_max: usize,
    /// How large a set may be.
    pub limits: Limits,
    /// Of debouncing and settling.
    pub clock: Clock,
}

impl Default for Options {
    /// The built-in set, no events, and 256 results.
    fn default() -> Self {
        Self {
            file: None,
            roots: Vec::new(),
            udp: None,
            cache_capacity: 256,
            metrics: true,
            clients_max: 256,
            limits: Limits::default(),
            clock: Clock::system(),
        }
    }
}

/// A Live Set that is open, followed and looked up in. Cloning gives another handle.
#[derive(Clone)]
pub struct LiveSet {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) shared: Arc<Shared>,
    lookups: Lookups,
    roots: Roots,
    limits: Limits,
    files: mpsc::Sender<OpenFile>,
    datagrams: mpsc::Sender<Vec<u8>>,
    bound: watch::Receiver<Option<SocketAddr>>,
    clients: Arc<Semaphore>,
    diffs: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

/// Keeps the service going; [`stop`](Self::stop) ends it in order.
pub struct Running {
    stopping: watch::Sender<bool>,
    worker: JoinHandle<()>,
    receiver: Option<JoinHandle<()>>,
}

/// Why a file was not opened or compared.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Als(#[from] AlsError),
    #[error("no set is open to compare with")]
    NoSet,
    #[error("too many files wait to be opened")]
    Busy,
    #[error("the service is stopping")]
    Stopping,
}

impl LiveSet {
    /// Starts the service. Must be called within a tokio runtime; never waits: the first set is read in
    /// the background, and until it is there look-ups say so.
    pub fn start(options: Options) -> (Self, Running) {
        let Options {
            file,
            mut roots,
            udp,
            cache_capacity,
            metrics,
            clients_max,
            limits,
            clock,
        } = options;
        roots.extend(
            file.as_ref()
                .and_then(|file| Some(file.parent()?.to_owned())),
        );
        let shared = Shared::new(Figures::new(metrics));
        let lookups = Lookups::new(shared.clone(), cache_capacity);
        let (stop, stopping) = watch::channel(false);
        let (files, open_files) = mpsc::channel(FILES_MAX);
        let (datagrams, queue) = mpsc::channel(udp::QUEUE);
        let (bind, bound) = watch::channel(None);
        let worker = Worker {
            shared: shared.clone(),
            lookups: lookups.clone(),
            limits,
            clock,
            datagrams: queue,
            files: open_files,
        };
        let stopped = {
            let mut stopping = stopping.clone();
            async move {
                // An error means that whoever would say so is gone, which is the end too.
                let _ = stopping.wait_for(|stopping| *stopping).await;
            }
        };
        let worker = tokio::spawn(work(worker, file, stopped));
        let receiver = udp.map(|address| {
            tokio::spawn(udp::receive(
                address,
                shared.clone(),
                datagrams.clone(),
                bind,
            ))
        });
        let inner = Inner {
            shared,
            lookups,
            roots: Roots::new(roots),
            limits,
            files,
            datagrams,
            bound,
            clients: Arc::new(Semaphore::new(clients_max)),
            diffs: Arc::new(Semaphore::new(DIFFS_MAX)),
            stopping,
        };
        let running = Running {
            stopping: stop,
            worker,
            receiver,
        };
        let live = Self {
            inner: Arc::new(inner),
        };
        (live, running)
    }

    /// What the gateway serves of it.
    pub fn mount(&self) -> Mount {
        let (live, lookups) = (self.clone(), self.inner.lookups.clone());
        let warm = move || {
            let lookups = lookups.clone();
            async move { Ok(lookups.warm().await) }
        };
        Mount::new()
            .reads(http::reads(self))
            .changes(http::changes(self))
            .streams(http::streams(self))
            .cache(self.inner.lookups.cache().clone())
            .warm(LOOKUPS, warm)
            .check(Check::new("live", move || live.standing()).kind("file"))
            .document(http::document())
    }

    /// The result of a look-up, from the cache or rendered now. Never reads a file.
    ///
    /// # Errors
    /// No set is open yet, or it has no such node.
    pub fn lookup<'a>(
        &'a self,
        lookup: &'a Lookup,
    ) -> impl Future<Output = Result<Found, LookupError>> + 'a {
        self.inner.lookups.get(lookup)
    }

    /// The version that a look-up's result would have. O(1).
    ///
    /// # Errors
    /// As [`lookup`](Self::lookup).
    pub fn version(&self, lookup: &Lookup) -> Result<u64, LookupError> {
        self.inner.lookups.version(lookup)
    }

    /// Takes in a datagram as if it had come by UDP; false if the queue is full. Never waits.
    pub fn datagram(&self, bytes: Vec<u8>) -> bool {
        self.inner.datagrams.try_send(bytes).is_ok()
    }

    /// Follows where events are received: `None` until the port is had.
    pub fn udp(&self) -> watch::Receiver<Option<SocketAddr>> {
        self.inner.bound.clone()
    }

    /// The cache of results.
    pub fn cache(&self) -> &Cache<Lookup, Bytes> {
        self.inner.lookups.cache()
    }

    pub(super) fn figures(&self) -> &Figures {
        &self.inner.shared.figures
    }

    pub(super) fn clients(&self) -> Arc<Semaphore> {
        self.inner.clients.clone()
    }

    pub(super) fn stopping(&self) -> watch::Receiver<bool> {
        self.inner.stopping.clone()
    }

    pub(super) fn follow(
        &self,
    ) -> (
        broadcast::Receiver<Outgoing>,
        impl Future<Output = Result<Bytes, LookupError>> + '_,
    ) {
        self.inner.lookups.follow()
    }

    /// The node of an id as JSON, without what is below it being looked for in a cache.
    pub(super) fn node(&self, id: &str) -> Result<String, LookupError> {
        let node = self.inner.shared.read(|state| {
            let open = state.open.as_ref().ok_or(LookupError::NoSet)?;
            let found = open.tree.find(id).map(|(node, _)| node.clone());
            found.ok_or_else(|| LookupError::NoSuch(format!("there is no node {id:?}")))
        })?;
        Ok(json!(*node).to_string())
    }

    /// Opens the set that a caller names, in the place of the one that is open.
    pub(super) async fn open(&self, path: &str) -> Result<Opened, FileError> {
        let path = self.file(path).await?;
        let (reply, opened) = oneshot::channel();
        let sent = self.inner.files.try_send(OpenFile { path, reply });
        sent.map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => FileError::Busy,
            mpsc::error::TrySendError::Closed(_) => FileError::Stopping,
        })?;
        Ok(opened.await.map_err(|_| FileError::Stopping)??)
    }

    /// What would change if the set that a caller names were opened.
    pub(super) async fn diff(&self, path: &str) -> Result<Diff, FileError> {
        let path = self.file(path).await?;
        let tree = self
            .inner
            .shared
            .read(|state| Some(state.open.as_ref()?.tree.clone()));
        let (tree, limits) = (tree.ok_or(FileError::NoSet)?, self.inner.limits);
        let permit = self.inner.diffs.clone().acquire_owned().await;
        let compared = tokio::task::spawn_blocking(move || {
            // A caller that has gone does not end this, so the permit is not the caller's.
            let _permit = permit;
            als::open(&path, &limits).map(|set| diff::diff(&tree, &set.tree))
        });
        Ok(compared.await.map_err(|_| FileError::Stopping)??)
    }

    async fn file(&self, path: &str) -> Result<PathBuf, FileError> {
        let (roots, path) = (self.inner.roots.clone(), path.to_owned());
        let file = tokio::task::spawn_blocking(move || roots.file(&path));
        Ok(file.await.map_err(|_| FileError::Stopping)??)
    }

    /// Why there is no set to look up in.
    pub(super) fn load_error(&self) -> Option<String> {
        self.inner.shared.read(|state| state.load_error.clone())
    }

    fn standing(&self) -> Standing {
        self.inner.shared.read(|state| {
            let troubles = [&state.load_error, &state.udp_error, &state.watch_error];
            let troubles: Vec<&str> = troubles.into_iter().flatten().map(String::as_str).collect();
            match (&state.open, &troubles[..]) {
                (Some(_), []) => Standing::Ready,
                // The rest of the program answers meanwhile.
                (None, []) => Standing::Degraded("the set is being read".into()),
                (_, troubles) => Standing::Degraded(troubles.join("; ")),
            }
        })
    }
}

impl Running {
    /// Closes the clients' sockets, stops receiving, and ends the worker. A file that is being read is
    /// read to its end.
    pub async fn stop(self) {
        self.stopping.send_replace(true);
        if let Some(receiver) = self.receiver {
            receiver.abort();
        }
        if let Err(error) = self.worker.await {
            tracing::warn!(%error, "live: the worker ended early");
        }
    }
}
