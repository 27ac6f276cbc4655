//! The end of a cache.

use super::{Cache, Inner};
use crate::error::Error;
use crate::key::CacheKey;

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// Ends the cache, for all handles: what it holds is dropped, and every later call but the figures
    /// and invalidations, which have nothing left to do, is [`Error::Closed`]; [`peek`](Self::peek)
    /// finds nothing. Loads that run answer those who wait for them, and are not stored. A disk tier
    /// writes what waits, and its file is free when this returns; an invalidation after it is
    /// [`Error::NotDurable`], for the file still has its values.
    ///
    /// ```
    /// # use larder::{Cache, Error};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Cache::<u64, &str>::builder("users").build()?;
    /// users.close().await?;
    /// assert!(matches!(users.get(&7).await, Err(Error::Closed)));
    /// # Ok(()) }
    /// ```
    pub async fn close(&self) -> Result<(), Error> {
        self.inner.log.close();
        self.inner.empty();
        self.inner.close_below().await
    }
}

impl<K: CacheKey, V> Inner<K, V> {
    /// An error once the cache is closed.
    #[inline]
    pub(crate) fn open(&self) -> Result<(), Error> {
        if self.log.is_closed() {
            Err(Error::Closed)
        } else {
            Ok(())
        }
    }
}
