//! What the parts of the service share: the set that is open, and who is told of changes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use jiff::Timestamp;
use parking_lot::RwLock;
use serde::Serialize;
use tokio::sync::broadcast;
use xxhash_rust::xxh3::xxh3_64;

use super::als::Set;
use super::diff::Diff;
use super::figures::Figures;
use super::tree::Tree;

/// Messages that a slow client may lag behind; the oldest are lost to it past that.
pub(super) const BACKLOG: usize = 1_000;
/// A diff with more changes than this is told as the whole tree.
const CHANGES_MAX: usize = 1_000;
/// And so is one of more bytes: a scene that moves in a set of 50 tracks takes half of them.
const DIFF_BYTES_MAX: usize = 512 << 10;

/// The open set and its followers.
pub(crate) struct Shared {
    state: RwLock<State>,
    followers: broadcast::Sender<Outgoing>,
    pub(crate) figures: Figures,
}

/// What is known of the set.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) open: Option<Open>,
    /// Why the file that is followed could not be loaded, until one is.
    pub(crate) load_error: Option<String>,
    /// Why events cannot be received, while they cannot.
    pub(crate) udp_error: Option<String>,
    /// Why a change of the file would not be noticed.
    pub(crate) watch_error: Option<String>,
}

/// A set that is open.
pub(crate) struct Open {
    pub(crate) tree: Tree,
    /// `None`: it is the one that is built in.
    pub(crate) path: Option<PathBuf>,
    pub(crate) inflated_bytes: u64,
    pub(crate) load_time: Duration,
    pub(crate) loaded_at: Timestamp,
    pub(crate) playing: Option<bool>,
    pub(crate) position: Option<f64>,
    /// Of the path, for versions of what shows it.
    salt: u64,
}

/// A message to all clients.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) news: News,
    pub(crate) sent: Instant,
}

/// What has happened.
#[derive(Clone)]
pub(crate) enum News {
    /// These changes, as they are sent.
    Diff(Utf8Bytes),
    /// Too much: the tree as it is by the time that a client comes to this is what counts.
    Whole,
}

impl Open {
    pub(crate) fn new(set: Set, path: Option<PathBuf>, load_time: Duration) -> Self {
        let salt = path
            .as_ref()
            .map_or(0, |path| xxh3_64(path.as_os_str().as_encoded_bytes()));
        Self {
            tree: set.tree,
            path,
            inflated_bytes: set.inflated_bytes,
            load_time,
            loaded_at: Timestamp::now(),
            playing: None,
            position: None,
            salt,
        }
    }

    /// The path as clients see it.
    pub(crate) fn project_path(&self) -> Option<String> {
        Some(self.path.as_ref()?.to_string_lossy().into_owned())
    }

    /// The version of the tree together with the path.
    pub(crate) fn version(&self) -> u64 {
        self.tree.root().version() ^ self.salt
    }
}

impl Shared {
    pub(crate) fn new(figures: Figures) -> Arc<Self> {
        Arc::new(Self {
            state: RwLock::default(),
            followers: broadcast::Sender::new(BACKLOG),
            figures,
        })
    }

    /// Looks at the state. Short: events wait meanwhile.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read())
    }

    /// Changes the state, and tells the followers of what `change` gives before anyone else sees it.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut State, &Tell<'_>) -> T) -> T {
        change(&mut self.state.write(), &Tell(self))
    }

    /// Follows what happens from this state on, of which `look` takes what it needs.
    pub(crate) fn follow<T>(
        &self,
        look: impl FnOnce(&State) -> T,
    ) -> (broadcast::Receiver<Outgoing>, T) {
        let state = self.state.read();
        (self.followers.subscribe(), look(&state))
    }
}

/// Tells all followers.
pub(crate) struct Tell<'a>(&'a Shared);

impl Tell<'_> {
    pub(crate) fn diff(&self, diff: &Diff) {
        if diff.changes.is_empty() || !self.is_heard() {
            return;
        }
        if diff.changes.len() > CHANGES_MAX {
            return self.whole();
        }
        let text = message("DIFF_UPDATE", &DiffUpdate { diff });
        if text.len() > DIFF_BYTES_MAX {
            return self.whole();
        }
        self.send(News::Diff(text.into()));
    }

    pub(crate) fn whole(&self) {
        self.send(News::Whole);
    }

    fn is_heard(&self) -> bool {
        self.0.followers.receiver_count() > 0
    }

    fn send(&self, news: News) {
        let sent = Instant::now();
        // Fails only where nobody follows.
        if self.0.followers.send(Outgoing { news, sent }).is_ok() {
            self.0.figures.broadcasts.increment();
        }
    }
}

#[derive(Serialize)]
struct DiffUpdate<'a> {
    diff: &'a Diff,
}

/// A message as it is sent: `{"type": …, "payload": …}`.
pub(crate) fn message(kind: &'static str, payload: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Message<'a, T> {
        r#type: &'static str,
        payload: &'a T,
    }
    let message = Message {
        r#type: kind,
        payload,
    };
    serde_json::to_string(&message).expect("its parts are texts and finite numbers")
}
