//! Tells which logs changed, without looking at them.
//!
//! It gathers the paths that the system reports; what they hold is the collector's business.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{CreateKind, ModifyKind, RemoveKind};
use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use parking_lot::Mutex;

use super::collector::Changes;
use super::files::identity_at;

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
    /// What stood at each directory before it was watched.
    stood: Vec<(PathBuf, Option<(u64, u64)>)>,
    unreadable: Vec<PathBuf>,
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
    /// Watches those of `directories` that exist, but for what may not be read. `on_change` is called on the watcher's own
    /// thread whenever something is there to [`drain`](Self::drain); it must not block.
    pub fn new(
        directories: &[PathBuf],
        on_change: impl Fn() + Send + 'static,
    ) -> Result<Self, WatchError> {
        let stood = directories
            .iter()
            .map(|path| (path.clone(), identity_at(path)))
            .collect();
        let roots: Vec<PathBuf> = directories
            .iter()
            .filter_map(|path| path.canonicalize().ok())
            .collect();
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
        let mut watch = |path: &Path| notifications.watch(path, RecursiveMode::Recursive);
        let unreadable = cover(&roots, &mut watch)?;
        Ok(Self {
            pending,
            stood,
            unreadable,
            _notifications: notifications,
        })
    }

    /// The directories that are not watched because they cannot be read.
    pub fn unreadable(&self) -> &[PathBuf] {
        &self.unreadable
    }

    /// Whether a new watcher would see more than this one, or other things: at one of the
    /// directories there is now something else than when it was watched, or what could not be
    /// read can be. Costs a look at each of them.
    pub fn is_outdated(&self) -> bool {
        let is_other = |(path, stood): &(PathBuf, _)| identity_at(path) != *stood;
        self.pending.lock().root_lost
            || self.stood.iter().any(is_other)
            || self
                .unreadable
                .iter()
                .any(|path| fs::read_dir(path).is_ok())
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

/// Has `watch` watch the trees of `roots`; gives the directories that cannot be read. Fails if none
/// of the roots can be, or for any other reason than missing rights.
fn cover(
    roots: &[PathBuf],
    watch: &mut dyn FnMut(&Path) -> notify::Result<()>,
) -> Result<Vec<PathBuf>, WatchError> {
    let mut unreadable = Vec::new();
    for root in roots {
        cover_tree(root, watch, &mut unreadable)?;
    }
    let is_unreadable = |root| unreadable.iter().any(|(path, _)| path == root);
    if roots.iter().all(is_unreadable)
        && let Some((path, source)) = unreadable.pop()
    {
        return Err(WatchError::Directory { path, source });
    }
    Ok(unreadable.into_iter().map(|(path, _)| path).collect())
}

/// A tree's watch ends at its first directory that cannot be watched. Then each directory below is
/// watched by itself.
fn cover_tree(
    directory: &Path,
    watch: &mut dyn FnMut(&Path) -> notify::Result<()>,
    unreadable: &mut Vec<(PathBuf, notify::Error)>,
) -> Result<(), WatchError> {
    let Err(source) = watch(directory) else {
        return Ok(());
    };
    let path = directory.to_owned();
    if !is_of_one_directory(&source) {
        return Err(WatchError::Directory { path, source });
    }
    if source.paths.contains(&path) {
        unreadable.push((path, source));
        return Ok(());
    }
    match fs::read_dir(directory) {
        Ok(entries) => {
            let is_directory =
                |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
            for entry in entries.flatten().filter(is_directory) {
                cover_tree(&entry.path(), watch, unreadable)?;
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(_) => unreadable.push((path, source)),
    }
    Ok(())
}

/// Whether only one directory could not be watched, because it may not be or is gone.
fn is_of_one_directory(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(error) => matches!(
            error.kind(),
            io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound
        ),
        _ => false,
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::{fs, io};

    use super::{WatchError, cover};

    #[test]
    fn what_cannot_be_read_leaves_the_rest_watched() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        let other = directory.path().join("other");
        let denied = root.join("b/denied");
        for path in [&root.join("a"), &root.join("b/c"), &denied, &other] {
            fs::create_dir_all(path).unwrap();
        }
        let mut watched = Vec::new();
        // As the system does: a tree's watch ends where it is denied.
        let mut watch = |path: &Path| {
            if denied.starts_with(path) {
                let error = notify::Error::io(io::ErrorKind::PermissionDenied.into());
                return Err(error.add_path(denied.clone()));
            }
            watched.push(path.to_owned());
            Ok(())
        };
        let unreadable = cover(&[root.clone(), other.clone()], &mut watch).unwrap();
        assert_eq!(unreadable, std::slice::from_ref(&denied));
        let nothing = cover(std::slice::from_ref(&denied), &mut watch);
        assert!(matches!(nothing, Err(WatchError::Directory { path, .. }) if path == denied));
        watched.sort();
        assert_eq!(watched, [other, root.join("a"), root.join("b/c")]);
    }

    #[test]
    fn a_limit_that_is_reached_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let mut full = |_: &Path| Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch));
        let result = cover(&[directory.path().to_owned()], &mut full);
        assert!(matches!(result, Err(WatchError::Directory { .. })));
    }
}
