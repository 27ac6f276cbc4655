//! Filling a cache before it is asked.

use std::fmt::Display;
use std::future::Future;

use super::Cache;
use super::load::Call;
use crate::entry::{Applied, Fence};
use crate::error::Error;
use crate::key::CacheKey;
use crate::loader::{Found, LoadCx, Loaded};

/// How far warming a cache has come.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
/// let warmed = users.warm(users.fence(), [(7, "Ada")], |so_far| {
///     println!("{} done, {} failed", so_far.done, so_far.failed);
/// }).await?;
/// assert_eq!((warmed.done, warmed.stored, warmed.failed), (1, 1, 0));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warmed {
    /// Keys dealt with so far.
    pub done: usize,
    /// Of these, those whose value went in: not what the fence refused, nor what has no value.
    pub stored: usize,
    /// Those whose load failed.
    pub failed: usize,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// Puts in what an iterator brings, which was read after `fence` was taken: an entry that was
    /// written or invalidated since is left alone. `progress` is told after each. Stops when the
    /// iterator ends; with a disk, what was put in is durable then. Dropping the future leaves what was
    /// put in.
    ///
    /// ```
    /// # use larder::Cache;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Cache::<u64, &str>::builder("users").build()?;
    /// let fence = users.fence();
    /// let rows = [(7, "Ada"), (8, "Bob")]; // select id, name from users
    /// let warmed = users.warm(fence, rows, |so_far| println!("{} users", so_far.done)).await?;
    /// assert_eq!((warmed.stored, users.peek(&8)), (2, Some("Bob")));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Tags`] at the first entry with tags that are too many or too long.
    pub async fn warm<L: Into<Loaded<V>>>(
        &self,
        fence: Fence,
        entries: impl IntoIterator<Item = (K, L)>,
        mut progress: impl FnMut(Warmed),
    ) -> Result<Warmed, Error> {
        let (mut warmed, mut last) = (Warmed::default(), None);
        for (key, loaded) in entries {
            let Loaded {
                found,
                ttl,
                tags,
                etag,
            } = loaded.into();
            if let Found::Value(value) = found {
                let call = Call {
                    ttl,
                    tags,
                    etag,
                    fence: Some(fence.0),
                    ..Call::plain(self.inner.memory.hash(&key))
                };
                let (applied, receipt) = self.inner.insert_soon(key, value, call).await?;
                warmed.stored += usize::from(applied != Applied::Fenced);
                last = receipt.or(last);
            }
            warmed.done += 1;
            progress(warmed);
            // A long list must not keep the runtime from its other tasks.
            tokio::task::consume_budget().await;
        }
        self.inner.settled(last).await?;
        Ok(warmed)
    }

    /// Loads these keys, one after the other, as [`get_or_load`](Self::get_or_load) would; those that
    /// are cached are not loaded again. `progress` is told after each. A load that fails is counted,
    /// and the next key follows.
    ///
    /// ```
    /// # use larder::Cache;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Cache::<u64, String>::builder("users").build()?;
    /// let load = |cx: larder::LoadCx<u64, String>| async move {
    ///     Ok::<_, std::io::Error>(format!("user {}", cx.key()))
    /// };
    /// let warmed = users.warm_keys([7, 8], load, |_| {}).await;
    /// assert_eq!((warmed.stored, warmed.failed), (2, 0));
    /// # Ok(()) }
    /// ```
    pub async fn warm_keys<F, Fut, L, E>(
        &self,
        keys: impl IntoIterator<Item = K>,
        load: F,
        mut progress: impl FnMut(Warmed),
    ) -> Warmed
    where
        F: Fn(LoadCx<K, V>) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let mut warmed = Warmed::default();
        for key in keys {
            match self.get_or_load(&key, load.clone()).await {
                Ok(_) => warmed.stored += 1,
                Err(Error::Absent) => {}
                Err(_) => warmed.failed += 1,
            }
            warmed.done += 1;
            progress(warmed);
        }
        warmed
    }
}
