//! Tells which logs changed, without looking at them.
//!
//! It gathers the paths that the system reports; what they hold is the collector's business.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{CreateKind, ModifyKind, RemoveKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use parking_lot::Mutex;

use super::collector::Changes;

/// How many changed paths are kept; more than that asks for a walk instead.
const PATHS_MAX: usize = 4096;

/// Why the logs cannot be watched. The caller walks them at every interval instead.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The system's notification could not be started at all.
    #[error("file notification could not be started")]
    Start(#[source] notify::Error),
    /// A directory could not be watched, for instance because the limit of watches is reached.
    #[error("{} could not be watched", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: notify::Error,
    },
    /// None of the directories exists yet.
    #[error("there is nothing to watch: none of the directories exists")]
    NothingThere,
}

/// Watches `projects` directories and everything below them until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    pending: Arc<Mutex<Pending>>,
    missing: Vec<PathBuf>,
    _notifications: RecommendedWatcher,
}

#[derive(Debug, Default)]
struct Pending {
    roots: Vec<PathBuf>,
    paths: HashSet<PathBuf>,
    walk: bool,
    root_lost: bool,
}

impl Watcher {
    /// Watches those of `directories` that exist. `on_change` is called on the watcher's own
    /// thread whenever something is there to [`drain`](Self::drain); it must not block.
    pub fn new(
        directories: &[PathBuf],
        on_change: impl Fn() + Send + 'static,
    ) -> Result<Self, WatchError> {
        let (mut roots, mut missing) = (Vec::new(), Vec::new());
        for directory in directories {
            match directory.canonicalize() {
                Ok(real) => roots.push(real),
                Err(_) => missing.push(directory.clone()),
            }
        }
        if roots.is_empty() {
            return Err(WatchError::NothingThere);
        }
        let pending = Arc::new(Mutex::new(Pending {
            roots: roots.clone(),
            ..Pending::default()
        }));
        let filled = pending.clone();
        let handler = move |event: notify::Result<Event>| {
            if filled.lock().note(event) {
                on_change();
            }
        };
        let mut notifications = notify::recommended_watcher(handler).map_err(WatchError::Start)?;
        for path in roots {
            notifications
                .watch(&path, RecursiveMode::Recursive)
                .map_err(|source| WatchError::Directory { path, source })?;
        }
        Ok(Self {
            pending,
            missing,
            _notifications: notifications,
        })
    }

    /// Whether a new watcher would see more than this one: a directory that was missing is there
    /// now, or one that is watched was removed. Costs one look at each missing directory.
    pub fn is_outdated(&self) -> bool {
        self.pending.lock().root_lost || self.missing.iter().any(|path| path.exists())
    }

    /// What changed since the last call: the paths, or [`Changes::Walk`] if they were too many or
    /// some were lost.
    pub fn drain(&self) -> Changes {
        let mut pending = self.pending.lock();
        let paths = std::mem::take(&mut pending.paths);
        if std::mem::take(&mut pending.walk) {
            return Changes::Walk;
        }
        Changes::Paths(paths.into_iter().collect())
    }
}

impl Pending {
    /// Takes in one event; false if it says nothing of the logs.
    fn note(&mut self, event: notify::Result<Event>) -> bool {
        let event = match event {
            Ok(event) if event.kind.is_access() => return false,
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(%error, "file notification failed; the logs are walked instead");
                self.walk = true;
                return true;
            }
        };
        self.root_lost |=
            event.kind.is_remove() && event.paths.iter().any(|path| self.roots.contains(path));
        self.walk |= event.need_rescan();
        let mut noted = self.walk;
        for path in event
            .paths
            .into_iter()
            .filter(|path| concerns_logs(event.kind, path))
        {
            noted = true;
            self.paths.insert(path);
        }
        if self.paths.len() > PATHS_MAX {
            self.paths.clear();
            self.walk = true;
        }
        noted
    }
}

/// Whether a log, or a directory that may hold some, is what changed.
fn concerns_logs(kind: EventKind, path: &Path) -> bool {
    let of_one_file = matches!(
        kind,
        EventKind::Create(CreateKind::File)
            | EventKind::Remove(RemoveKind::File)
            | EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_))
    );
    !of_one_file
        || path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
}
