//! What a user wants to be told of: entries that left memory, and what happens to keys.
//!
//! Called on the thread where it happened, outside every lock; a hook that panics is logged and
//! otherwise ignored. Knows no tiers and no policy.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::removal::RemovalCause;

/// Told of each entry that left memory.
pub(crate) type Listener<K, V> = Arc<dyn Fn(&K, &V, RemovalCause) + Send + Sync>;
/// Told of what happens to a key.
pub(crate) type Watcher<K> = Arc<dyn Fn(&Happening<'_, K>) + Send + Sync>;

/// What happened to a key, for [`Builder::observer`](crate::Builder::observer).
///
/// ```
/// use larder::Happening;
///
/// fn log(happening: &Happening<'_, u64>) {
///     match happening {
///         Happening::LoadFailed { key, took } => eprintln!("{key}: failed after {took:?}"),
///         Happening::StaleServed { key } => eprintln!("{key}: an old value was served"),
///         _ => {}
///     }
/// }
/// let cache = larder::Cache::<u64, String>::builder("users").observer(log).build();
/// # assert!(cache.is_ok());
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Happening<'a, K> {
    /// A load brought a value, or that there is none.
    Loaded {
        /// The key.
        key: &'a K,
        /// How long the loader took.
        took: Duration,
    },
    /// A load failed, panicked or was cancelled with its runtime.
    LoadFailed {
        /// The key.
        key: &'a K,
        /// How long the loader took.
        took: Duration,
    },
    /// What a load brought was not stored, because the key was written or invalidated meanwhile.
    Fenced {
        /// The key.
        key: &'a K,
    },
    /// A get was answered with a stale value.
    StaleServed {
        /// The key.
        key: &'a K,
    },
    /// A get gave up waiting for a load, which goes on.
    TimedOut {
        /// The key.
        key: &'a K,
    },
}

/// The hooks of one cache.
pub(crate) struct Hooks<K, V> {
    pub(crate) listener: Option<Listener<K, V>>,
    pub(crate) watcher: Option<Watcher<K>>,
}

impl<K, V> Default for Hooks<K, V> {
    fn default() -> Self {
        Self {
            listener: None,
            watcher: None,
        }
    }
}

impl<K, V> Hooks<K, V> {
    /// Tells the listener, if there is one.
    #[inline]
    pub(crate) fn departed(&self, key: &K, value: &V, cause: RemovalCause) {
        if let Some(listener) = &self.listener {
            guarded(|| listener(key, value, cause));
        }
    }

    pub(crate) fn happened(&self, happening: &Happening<'_, K>) {
        if let Some(watcher) = &self.watcher {
            guarded(|| watcher(happening));
        }
    }
}

fn guarded(hook: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(hook)).is_err() {
        tracing::error!("a hook of a cache panicked; the cache goes on");
    }
}
