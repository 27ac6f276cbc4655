//! [`Lookup`]: one call on one key, with settings of its own.

use std::borrow::Borrow;
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::load::Call;
use crate::entry::{Applied, Entry};
use crate::error::Error;
use crate::key::{CacheKey, KeyRef};
use crate::loader::{LoadCx, Loaded};
use crate::observe::Event;

/// One call on one key, from [`Cache::entry`](crate::Cache::entry).
pub struct Lookup<'a, K: CacheKey, V, Q: ?Sized> {
    inner: &'a Arc<Inner<K, V>>,
    key: &'a Q,
    ttl: Option<Duration>,
    tags: Vec<Box<str>>,
}

impl<'a, K, V, Q> Lookup<'a, K, V, Q>
where
    K: CacheKey + Borrow<Q>,
    V: Clone + Send + Sync + 'static,
    Q: KeyRef<K> + ?Sized,
{
    pub(super) const fn new(inner: &'a Arc<Inner<K, V>>, key: &'a Q) -> Self {
        Self {
            inner,
            key,
            ttl: None,
            tags: Vec::new(),
        }
    }

    /// The time to live of what this call stores, instead of the policy's; the loader's own wins.
    /// A call that finds a value, or waits for another's load, stores nothing.
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Tags of what this call stores, besides those that the loader gives.
    #[must_use]
    pub fn tags<T: Into<Box<str>>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// As [`Cache::get_or_load`](crate::Cache::get_or_load), with the whole entry.
    pub async fn or_load<F, Fut, L, E>(self, load: F) -> Result<Entry<V>, Error>
    where
        F: FnOnce(LoadCx<K>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let Self {
            inner,
            key,
            ttl,
            tags,
        } = self;
        let (hash, now) = (inner.memory.hash(key), inner.clock.now());
        match inner.find(hash, key, now) {
            Some(hit) if inner.is_fresh(&hit.meta, now) => {
                inner.recorder.count(Event::Hit);
                Ok(inner.entry_of(hit, now).0)
            }
            found => {
                inner
                    .answer(key.to_key(), Call { hash, ttl, tags }, found, load)
                    .await
            }
        }
    }

    /// As [`Cache::insert`](crate::Cache::insert).
    ///
    /// # Errors
    /// [`Error::Tags`] if there are too many or one is too long; nothing is stored then.
    #[expect(
        clippy::unused_async,
        reason = "lower tiers are awaited; memory, the only tier yet, is not"
    )]
    pub async fn insert(self, value: V) -> Result<Applied, Error> {
        self.inner
            .insert(self.key.to_key(), value, self.ttl, self.tags)?;
        Ok(Applied::Everywhere)
    }
}
