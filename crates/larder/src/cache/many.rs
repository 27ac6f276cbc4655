//! Many keys in one call that loads nothing.

use std::borrow::Borrow;
use std::sync::Arc;

use tracing::Instrument as _;

use super::load::Call;
use super::together::TOGETHER_MAX;
use super::{Cache, Inner};
use crate::entry::{Applied, Entry};
use crate::error::Error;
use crate::key::{CacheKey, KeyRef};
use crate::spans::{self, Tiers};

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// [`get`](Self::get) for each key, in their order. Of a shared store, the keys that memory does not
    /// serve are read together, up to 100 in one trip.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    ///
    /// ```
    /// # use larder::Cache;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada").await?;
    /// let found = users.get_many([&7, &8]).await?;
    /// assert_eq!(found[0].as_ref().map(|entry| entry.value), Some("Ada"));
    /// assert!(found[1].is_none());
    /// # Ok(()) }
    /// ```
    pub async fn get_many<'a, Q>(
        &self,
        keys: impl IntoIterator<Item = &'a Q>,
    ) -> Result<Vec<Option<Entry<V>>>, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized + 'a,
    {
        let inner = &self.inner;
        let (mut found, mut missed) = (Vec::new(), Vec::new());
        for key in keys {
            let mut call = Call::plain(inner.memory.hash(key));
            call.began = inner.clock.now();
            let entry = inner.get_in_memory(key, &call);
            if entry.is_none() {
                missed.push((found.len(), key.to_key(), call));
            }
            found.push(entry);
        }
        if missed.is_empty() {
            return Ok(found);
        }
        inner.open()?;
        let span = spans::get_many(&inner.name, found.len());
        let getting = inner.get_all_beneath(&missed, &mut found);
        let got = getting.instrument(span.clone().or_current()).await;
        let sources = found.iter().flatten().map(|entry| entry.source);
        let tiers = got.as_ref().map(|()| Tiers::of(sources));
        spans::answered_many(&span, found.len(), tiers);
        got.map(|()| found)
    }

    /// [`insert`](Self::insert) for each key, in their order. With a disk tier they become durable
    /// together and are waited for once, which takes a fraction of the time of inserts one by one.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); of the entries, some may have been stored.
    ///
    /// ```
    /// # use larder::Cache;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Cache::<u64, &str>::builder("users").build()?;
    /// users.insert_many([(7, "Ada"), (8, "Bob")]).await?;
    /// assert_eq!(users.peek(&8), Some("Bob"));
    /// # Ok(()) }
    /// ```
    pub async fn insert_many(
        &self,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Applied, Error> {
        let inner = &self.inner;
        let (mut last, mut reached) = (None, Applied::Everywhere);
        for (key, value) in entries {
            let hash = inner.memory.hash(&key);
            if inner.readings.is_none() {
                inner.insert_plainly(hash, key, value)?;
            } else if inner.shared.is_some() {
                let inserting = inner.insert_through(key, value, Call::plain(hash));
                reached = match inserting.await? {
                    Applied::Everywhere => reached,
                    other => other,
                };
            } else {
                let (_, receipt) = inner.insert_soon(key, value, Call::plain(hash)).await?;
                last = last.max(receipt);
            }
        }
        inner.settled(last).await?;
        Ok(reached)
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Puts what is beneath into `found`, for the keys for which memory has nothing, each with its place.
    async fn get_all_beneath(
        self: &Arc<Self>,
        missed: &[(usize, K, Call)],
        found: &mut [Option<Entry<V>>],
    ) -> Result<(), Error> {
        for missed in missed.chunks(TOGETHER_MAX) {
            let keys = missed.iter().map(|(_, key, call)| (key, call));
            let beneath = self.beneath_together(keys).await;
            for ((at, key, call), beneath) in missed.iter().zip(beneath) {
                found[*at] = self.get_beneath(key, call, beneath).await?;
            }
        }
        Ok(())
    }
}
