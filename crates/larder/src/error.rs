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
///
/// ```
/// use larder::{Error, sync::Cache};
///
/// let numbers = Cache::<String, u64>::builder("numbers").build()?;
/// match numbers.get_or_load("seven", |text| text.parse::<u64>()) {
///     Ok(number) => println!("{number}"),
///     Err(Error::Load(own)) => println!("the loader's own error: {own}"),
///     Err(Error::Timeout { waited }) => println!("nothing within {waited:?}"),
///     Err(other) => println!("the cache could not help: {other}"),
/// }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
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
    /// The cache was closed.
    #[error("the cache is closed")]
    Closed,
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
    /// A value cannot be shown to people.
    #[error("the value cannot be shown: {reason}")]
    NotShown {
        /// Why not.
        reason: Arc<str>,
    },
    /// A value that was given as a text is none of the cache's type.
    #[error("this is no value of this cache: {reason}")]
    NotTaken {
        /// What is wrong with it.
        reason: Arc<str>,
    },
    /// The cache was not built to take values as texts.
    #[error("this cache takes no values by hand")]
    TakesNone,
    /// The disk tier could not make sure that what was written or invalidated stays so after a
    /// restart. In this process it does.
    #[error("in effect until the next start, but not on disk: {reason}")]
    NotDurable {
        /// What went wrong.
        reason: Arc<str>,
    },
    /// The store that processes share did not acknowledge a write or an invalidation, which is in effect
    /// here and is sent as soon as it answers.
    #[error("in effect in this process, but not acknowledged by the shared store: {reason}")]
    NotEverywhere {
        /// What went wrong.
        reason: Arc<str>,
    },
    /// There is no link to the shared store, and the cache is to answer nothing without one.
    #[error("there is no link to the shared store")]
    CutOff,
    /// As many loads as the cache allows are running.
    #[error("{limit} loads are running, which is the limit of this cache")]
    Overloaded {
        /// The limit, from the builder's `max_loads`.
        limit: usize,
    },
    /// The link to the shared store has just come back, and more loads wait than may begin within the
    /// policy's hard time-out.
    #[error("the shared store has just come back, and {per_second} loads a second may begin")]
    Paced {
        /// The rate, from [`Sharing`](crate::Sharing::loads_per_second_after_reconnect).
        per_second: u32,
    },
    /// The call needs a tokio runtime to load on, and was made outside one.
    #[error("no tokio runtime: call from within one, or give the builder a handle with `runtime`")]
    NoRuntime,
    /// A loader of [`sync::Cache`](crate::sync::Cache) asked for the key that it was loading.
    #[error("the loader asked for the key that it was loading")]
    Reentered,
}

/// A pattern that is none.
///
/// ```
/// # let users = larder::sync::Cache::<String, u64>::builder("users").build()?;
/// let larder::Error::Pattern(error) = users.invalidate_matching("user_[0-").unwrap_err() else {
///     panic!("the set is not closed");
/// };
/// assert_eq!(error.pattern, "user_[0-");
/// println!("{error}"); // names the byte where it goes wrong, and what was expected there
/// # Ok::<_, larder::BuildError>(())
/// ```
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
///
/// ```
/// # let users = larder::sync::Cache::<u64, u64>::builder("users").build()?;
/// let load = |_: &u64| Err::<u64, _>("no such user");
/// let larder::Error::Load(error) = users.get_or_load(&7, load).unwrap_err() else {
///     panic!("the loader fails");
/// };
/// assert_eq!(error.to_string(), "no such user");
/// # Ok::<_, larder::BuildError>(())
/// ```
#[derive(Clone)]
pub struct LoadError(Arc<dyn Whole>);

trait Whole: Any + Display + Send + Sync {}
impl<E: Any + Display + Send + Sync> Whole for E {}

impl LoadError {
    pub(crate) fn new<E: Display + Send + Sync + 'static>(error: E) -> Self {
        Self(Arc::new(error))
    }

    /// The loader's own error, if it is of type `E`.
    ///
    /// ```
    /// # let numbers = larder::sync::Cache::<String, u64>::builder("numbers").build()?;
    /// let error = numbers.get_or_load("x", |text| text.parse::<u64>()).unwrap_err();
    /// let larder::Error::Load(error) = error else { panic!("the loader fails") };
    /// assert!(error.downcast_ref::<std::num::ParseIntError>().is_some());
    /// assert!(error.downcast_ref::<std::io::Error>().is_none());
    /// # Ok::<_, larder::BuildError>(())
    /// ```
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
///
/// ```
/// use larder::{BuildError, Cache, Policy};
///
/// let policy = Policy::forever().refresh_ahead(1.5);
/// let error = Cache::<u64, u32>::builder("users").policy(policy).build().unwrap_err();
/// assert!(matches!(error, BuildError::Setting { setting: "refresh_ahead", .. }));
/// println!("{error}"); // names the cache, the setting, what was given and what was expected
/// ```
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
    /// The store that processes share cannot be joined as it is configured.
    #[error("the cache {name:?} cannot join its remote store: {reason}")]
    Remote {
        /// The cache's name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The disk tier's file cannot be used.
    #[error("cache {name:?}: the disk tier's file {path}: {reason}")]
    Disk {
        /// The cache's name.
        name: String,
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
}
