//! What can go wrong in a call of a cache. Knows nothing of the rest of the crate.

use std::any::Any;
use std::fmt::{self, Debug, Display};
use std::sync::Arc;
use std::time::Duration;

/// The most tags that a value has.
pub(crate) const TAGS_MAX: usize = 64;
/// The longest tag, in bytes.
pub(crate) const TAG_BYTES_MAX: usize = 256;

/// The error of every call of a cache.
///
/// Cloning is cheap: all the waiters of one load share its error.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The loader returned an error. [`LoadError::downcast_ref`] gives it back whole.
    #[error("the loader failed: {0}")]
    Load(LoadError),
    /// The loader panicked. Nothing was stored; the next call loads again.
    #[error("the loader panicked")]
    LoadPanicked,
    /// The loader says that there is no value for this key, now or a moment ago
    /// ([`Loaded::absent`](crate::Loaded::absent)).
    #[error("there is no value for this key")]
    Absent,
    /// The loader said that the value was not modified, and there was none to keep
    /// ([`Loaded::not_modified`](crate::Loaded::not_modified)).
    #[error("the loader said `not modified`, and there was no value to keep")]
    NothingToKeep,
    /// The load was not finished within the policy's hard time-out. It goes on in the background,
    /// and stores its result unless that is fenced.
    #[error("no result within {waited:?}; the load goes on in the background")]
    Timeout {
        /// How long this caller waited.
        waited: Duration,
    },
    /// The task that loaded was cancelled, several times in a row: its runtime is shutting down.
    #[error("the load was cancelled with its runtime")]
    Abandoned,
    /// No key of the cache's type has this text.
    #[error("{text:?} is not the text of a key of this cache")]
    Key {
        /// The text, its first 100 characters.
        text: String,
    },
    /// A pattern of keys cannot be read.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A value has more tags, or a longer one, than a cache keeps.
    #[error(
        "{given}; a value has at most {TAGS_MAX} tags, and they and its entity tag at most {TAG_BYTES_MAX} bytes each"
    )]
    Tags {
        /// What was given.
        given: String,
    },
    /// As many loads as the cache allows are running.
    #[error("{limit} loads are running, which is the limit of this cache")]
    Overloaded {
        /// The limit, from the builder's `max_loads`.
        limit: usize,
    },
    /// The call needs a tokio runtime to load on, and was made outside one.
    #[error("no tokio runtime: call from within one, or give the builder a handle with `runtime`")]
    NoRuntime,
    /// A loader of [`sync::Cache`](crate::sync::Cache) asked for the key that it was loading.
    #[error("the loader asked for the key that it was loading")]
    Reentered,
}

/// A pattern that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pattern {pattern:?}: expected {expected} at byte {at}")]
#[non_exhaustive]
pub struct PatternError {
    /// The pattern, its first 100 characters.
    pub pattern: String,
    /// Where it goes wrong, in bytes from its start.
    pub at: usize,
    /// What was expected there.
    pub expected: &'static str,
}

/// The error that a loader returned, shared by everyone who waited for it.
///
/// A loader's error needs no more than a text, so the chain of sources ends here: what it holds
/// besides, its own sources among them, is reached through [`downcast_ref`](Self::downcast_ref).
#[derive(Clone)]
pub struct LoadError(Arc<dyn Whole>);

trait Whole: Any + Display + Send + Sync {}
impl<E: Any + Display + Send + Sync> Whole for E {}

impl LoadError {
    pub(crate) fn new<E: Display + Send + Sync + 'static>(error: E) -> Self {
        Self(Arc::new(error))
    }

    /// The loader's own error, if it is of type `E`.
    pub fn downcast_ref<E: 'static>(&self) -> Option<&E> {
        let whole: &dyn Any = &*self.0;
        whole.downcast_ref()
    }
}

impl Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

impl Debug for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoadError({})", self.0)
    }
}

/// Why a cache could not be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The name is the namespace in every tier and label.
    #[error("cache name {name:?}: expected 1 to 64 of A-Z a-z 0-9 _ . -")]
    Name {
        /// What was given.
        name: String,
    },
    /// A setting is outside its range.
    #[error("cache {name:?}: {setting} is {given}, expected {expected}")]
    Setting {
        /// The cache's name.
        name: String,
        /// The builder's method.
        setting: &'static str,
        /// What was given.
        given: String,
        /// The range.
        expected: &'static str,
    },
}
