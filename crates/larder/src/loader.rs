//! What a loader is given, and what it may return besides the plain value.

use std::time::Duration;

/// A loader's context.
#[derive(Debug)]
pub struct LoadCx<K> {
    key: K,
}

impl<K> LoadCx<K> {
    pub(crate) const fn new(key: K) -> Self {
        Self { key }
    }

    /// The key to load.
    pub const fn key(&self) -> &K {
        &self.key
    }

    /// The context's key, owned.
    pub fn into_key(self) -> K {
        self.key
    }
}

/// A loaded value with what the loader says of it. A plain value converts into one.
///
/// ```
/// # use std::time::Duration;
/// # use larder::Loaded;
/// let member = Loaded::from("Ada").ttl(Duration::from_secs(30)).tags(["team:7"]);
/// ```
#[derive(Clone, Debug)]
pub struct Loaded<V> {
    pub(crate) value: V,
    pub(crate) ttl: Option<Duration>,
    pub(crate) tags: Vec<Box<str>>,
}

impl<V> Loaded<V> {
    /// This value's own time to live, instead of the policy's. Zero: it is not stored.
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Tags by which [`Cache::invalidate_tag`](crate::Cache::invalidate_tag) finds this value,
    /// besides those of the call. At most 64 in all, of at most 256 bytes each.
    #[must_use]
    pub fn tags<T: Into<Box<str>>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }
}

impl<V> From<V> for Loaded<V> {
    fn from(value: V) -> Self {
        Self {
            value,
            ttl: None,
            tags: Vec::new(),
        }
    }
}
