//! Tags: what tells the series of one name apart. They know no registry.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::error::{Error, shown};
use crate::name;

pub(crate) const MAX_TAGS: usize = 16;
pub(crate) const MAX_KEY_BYTES: usize = 64;
pub(crate) const MAX_VALUE_BYTES: usize = 256;

/// A series' tags, sorted by key; each key occurs once. Cloning is cheap.
///
/// At most 16 tags, keys `[a-zA-Z_][a-zA-Z0-9_]*` of at most 64 bytes, values of 1 to 256 bytes.
/// Written out they are `{key="value",other="value"}`, with `"`, `\` and control characters escaped,
/// and nothing if there are none.
///
/// ```
/// let registry = larder_metrics::Registry::new();
/// registry.counter_with("gets", &[("tier", "memory"), ("outcome", "hit")])?;
/// let snapshot = registry.snapshot();
/// let tags = &snapshot.families[0].series[0].tags;
/// assert_eq!(tags.to_string(), r#"{outcome="hit",tier="memory"}"#);
/// assert_eq!(tags.get("tier"), Some("memory"));
/// # Ok::<(), larder_metrics::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tags(Arc<[(Box<str>, Box<str>)]>);

impl Tags {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of `key`, if it is among the tags.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter()
            .find_map(|(own, value)| (own == key).then_some(value))
    }

    /// Keys and values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Whether these are the tags `given`, in whatever order.
    pub(crate) fn are(&self, given: &[(&str, &str)]) -> bool {
        self.0.len() == given.len()
            && given
                .iter()
                .all(|&(key, value)| self.get(key) == Some(value))
    }

    /// The tags of checked and sorted pairs.
    pub(crate) fn of(sorted: &[(&str, &str)]) -> Self {
        Self(
            sorted
                .iter()
                .map(|&(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            write!(f, "{before}{key}={value:?}")?;
        }
        if self.is_empty() {
            Ok(())
        } else {
            f.write_str("}")
        }
    }
}

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// `given` sorted by key, if each key and value is well formed and no key occurs twice.
pub(crate) fn check<'a>(given: &[(&'a str, &'a str)]) -> Result<Vec<(&'a str, &'a str)>, Error> {
    if given.len() > MAX_TAGS {
        return Err(Error::TooManyTags { count: given.len() });
    }
    for &(key, value) in given {
        check_key(key)?;
        if value.is_empty() || value.len() > MAX_VALUE_BYTES {
            return Err(Error::BadTagValue {
                key: key.to_owned(),
                bytes: value.len(),
            });
        }
    }
    let mut sorted = given.to_vec();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(Error::DuplicateTag {
            key: pair[0].0.to_owned(),
        }),
        None => Ok(sorted),
    }
}

fn check_key(key: &str) -> Result<(), Error> {
    let reserved = key == "le" || key == "quantile" || key.starts_with("__");
    if key.len() <= MAX_KEY_BYTES && !reserved && name::is_identifier(key, |_| false) {
        Ok(())
    } else {
        Err(Error::BadTagKey { key: shown(key) })
    }
}
