//! Tells that the open file has changed. What it holds is the reader's business.

use std::path::Path;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// Watches one file until it is dropped.
pub(crate) struct Watcher {
    _notifications: RecommendedWatcher,
}

impl Watcher {
    /// Says into `changed` when the file is written or replaced; once, however often, until it is heard.
    /// The directory is watched, since a set is saved by putting another file in its place.
    pub(crate) fn new(file: &Path, changed: mpsc::Sender<()>) -> notify::Result<Self> {
        let directory = file.parent().unwrap_or(Path::new("/")).to_owned();
        let name = file.file_name().map(ToOwned::to_owned);
        let handler = move |event: notify::Result<Event>| {
            let concerns = match &event {
                Ok(event) if event.kind.is_access() => false,
                Ok(event) => event
                    .paths
                    .iter()
                    .any(|path| path.file_name() == name.as_deref()),
                // Something was missed.
                Err(_) => true,
            };
            if concerns {
                // Full: it is said already.
                let _ = changed.try_send(());
            }
        };
        let mut notifications = notify::recommended_watcher(handler)?;
        notifications.watch(&directory, RecursiveMode::NonRecursive)?;
        Ok(Self {
            _notifications: notifications,
        })
    }
}
