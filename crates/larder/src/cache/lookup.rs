//! [`Lookup`]: one call on one key, with settings of its own.

use std::borrow::Borrow;
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::load::Call;
use crate::entry::{Applied, Entry, Fence};
use crate::error::Error;
use crate::key::{CacheKey, KeyRef};
use crate::loader::{LoadCx, Loaded};
use crate::observe::Event;
use crate::policy::Stale;

/// One call on one key, from [`Cache::entry`](crate::Cache::entry).
#[must_use = "a lookup does nothing until it gets, loads or inserts"]
pub struct Lookup<'a, K: CacheKey, V, Q: ?Sized> {
    inner: &'a Arc<Inner<K, V>>,
    key: &'a Q,
    call: Call,
}

impl<'a, K, V, Q> Lookup<'a, K, V, Q>
where
    K: CacheKey + Borrow<Q>,
    V: Clone + Send + Sync + 'static,
    Q: KeyRef<K> + ?Sized,
{
    pub(super) fn new(inner: &'a Arc<Inner<K, V>>, key: &'a Q) -> Self {
        Self {
            inner,
            key,
            call: Call::plain(inner.memory.hash(key)),
        }
    }

    /// The time to live of what this call stores, instead of the policy's; the loader's own wins.
    /// A call that finds a value, or waits for another's load, stores nothing.
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.call.ttl = Some(ttl);
        self
    }

    /// Tags of what this call stores, besides those that the loader gives.
    pub fn tags<T: Into<Box<str>>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.call.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// The entity tag of what this call stores; the loader's own wins.
    pub fn etag(mut self, etag: impl Into<Arc<str>>) -> Self {
        self.call.etag = Some(etag.into());
        self
    }

    /// The [lookup version](crate::Cache::get_or_load_at) that is asked for, and of what is stored.
    pub const fn at(mut self, version: u64) -> Self {
        self.call.at = Some(version);
        self
    }

    /// Makes an [`insert`](Self::insert) come to nothing if the key was written or invalidated since
    /// the fence was [taken](crate::Cache::fence). A load has a fence of its own.
    pub const fn fenced_by(mut self, fence: Fence) -> Self {
        self.call.fence = Some(fence.0);
        self
    }

    /// As [`Cache::get`](crate::Cache::get).
    #[expect(
        clippy::unused_async,
        reason = "lower tiers are awaited; memory, the only tier yet, is not"
    )]
    pub async fn get(self) -> Result<Option<Entry<V>>, Error> {
        let Self { inner, key, call } = self;
        let now = inner.clock.now();
        let found = inner.find_at(call.hash, key, now, call.at);
        let entry = found.map(|hit| inner.entry_of(hit, now));
        if let Some((entry, None | Some(Stale::Serve))) = entry {
            inner.recorder.count(Event::Hit);
            if entry.is_stale {
                inner.served_stale(&key.to_key());
            }
            return Ok(Some(entry));
        }
        if inner.is_absent(call.hash, key, now, call.at) {
            inner.negative_hit();
        } else {
            inner.missed(call.hash, key, call.at);
        }
        Ok(None)
    }

    /// As [`Cache::get_or_load`](crate::Cache::get_or_load), with the whole entry.
    pub async fn or_load<F, Fut, L, E>(self, load: F) -> Result<Entry<V>, Error>
    where
        F: FnOnce(LoadCx<K, V>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let Self { inner, key, call } = self;
        let now = inner.clock.now();
        match inner.find_at(call.hash, key, now, call.at) {
            Some(hit) if inner.is_fresh(&hit.meta, now) => {
                inner.recorder.count(Event::Hit);
                Ok(inner.entry_of(hit, now).0)
            }
            found => inner.answer(key.to_key(), call, found, load).await,
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
        self.inner.insert(self.key.to_key(), value, self.call)
    }
}
