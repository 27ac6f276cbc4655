//! What a registry refuses, and what it expected instead.

use thiserror::Error;

use crate::Kind;
use crate::name::MAX_NAME_BYTES;
use crate::tags::{MAX_KEY_BYTES, MAX_TAGS, MAX_VALUE_BYTES};

/// Why a registry gave no handle. Recording through a handle never fails.
///
/// Names and values of callers appear quoted, cut to 64 characters.
///
/// ```
/// let registry = larder_metrics::Registry::new();
/// let error = registry.counter("2nd.try").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "metric name \"2nd.try\": expected a letter or _, then letters, digits, _ or . (at most 128 bytes)",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The name does not match `[a-zA-Z_][a-zA-Z0-9_.]*`, or is too long.
    #[error(
        "metric name {name:?}: expected a letter or _, then letters, digits, _ or . (at most {MAX_NAME_BYTES} bytes)"
    )]
    BadName {
        /// The name that was asked for.
        name: String,
    },
    /// The name is registered, as another kind of metric.
    #[error("metric {name:?} is a {registered}: it cannot be used as a {requested}")]
    OtherKind {
        /// The name that was asked for.
        name: String,
        /// What it is.
        registered: Kind,
        /// What was asked for.
        requested: Kind,
    },
    /// The registry holds as many names as its [`Limits`](crate::Limits) allow.
    #[error("metric {name:?} is one name too many: the registry's limit is {limit}")]
    TooManyFamilies {
        /// The name that was asked for.
        name: String,
        /// The most names that the registry holds.
        limit: usize,
    },
    /// A series has more tags than 16.
    #[error("{count} tags: expected at most {MAX_TAGS}")]
    TooManyTags {
        /// How many tags were given.
        count: usize,
    },
    /// The tag's key does not match `[a-zA-Z_][a-zA-Z0-9_]*`, is too long, or is `le` or `quantile`,
    /// which Prometheus keeps for itself.
    #[error(
        "tag key {key:?}: expected a letter or _, then letters, digits or _ (at most {MAX_KEY_BYTES} bytes), \
         other than le, quantile and names that begin with __"
    )]
    BadTagKey {
        /// The tag's key.
        key: String,
    },
    /// The tag's value is empty or too long.
    #[error("tag {key}: its value has {bytes} bytes, expected 1 to {MAX_VALUE_BYTES}")]
    BadTagValue {
        /// The tag's key.
        key: String,
        /// The value's length.
        bytes: usize,
    },
    /// The same key was given twice.
    #[error("tag {key}: given more than once")]
    DuplicateTag {
        /// The tag's key.
        key: String,
    },
}

/// A caller's text as errors show it.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}
