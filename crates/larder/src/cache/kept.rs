//! A key whose value is loaded anew at an interval, for as long as someone asks for it.

use std::borrow::Borrow;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Cache;
use super::load::Call;
use crate::error::Error;
use crate::key::{CacheKey, KeyRef};
use crate::loader::{LoadCx, Loaded};

/// How a value is [kept fresh](Cache::keep_fresh).
#[derive(Clone, Copy, Debug)]
pub struct KeepFresh {
    every: Duration,
    idle: Duration,
}

impl KeepFresh {
    /// Loads at this interval, at least 1 ms, until nobody has asked for 10 minutes.
    #[must_use]
    pub fn every(interval: Duration) -> Self {
        Self {
            every: interval.max(Duration::from_millis(1)),
            idle: Duration::from_mins(10),
        }
    }

    /// Stops loading when nobody has asked for this long. The next get starts it again.
    #[must_use]
    pub const fn stop_after_idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }
}

/// A key whose value is kept fresh, from [`Cache::keep_fresh`]. Dropping it ends the loading; the
/// value stays cached.
pub struct Kept<V>(Arc<Shared<V>>);

struct Shared<V> {
    setting: KeepFresh,
    runtime: Handle,
    fetch: Box<Fetch<V>>,
    state: Mutex<State>,
}

/// Gets the value, or loads it anew though it is fresh.
type Fetch<V> =
    dyn Fn(bool) -> Pin<Box<dyn Future<Output = Result<V, Error>> + Send>> + Send + Sync;

struct State {
    last_used: Instant,
    task: Option<JoinHandle<()>>,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// Loads a key anew though its value may be fresh, and returns what came; a load of the key that
    /// is running is joined. If the load fails, the cached value stays.
    ///
    /// # Errors
    /// Those of [`get_or_load`](Self::get_or_load).
    ///
    /// ```
    /// # use larder::Cache;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let rates = Cache::<String, u32>::builder("rates").build()?;
    /// rates.insert("EUR".into(), 1).await?;
    /// let rate = rates.refresh("EUR", |_| async { Ok::<_, std::io::Error>(2) }).await?;
    /// assert_eq!((rate, rates.peek("EUR")), (2, Some(2)));
    /// # Ok(()) }
    /// ```
    pub async fn refresh<Q, F, Fut, L, E>(&self, key: &Q, load: F) -> Result<V, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
        F: FnOnce(LoadCx<K, V>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let (inner, hash) = (&self.inner, self.inner.memory.hash(key));
        let found = inner.find(hash, key, inner.clock.now());
        let key = key.to_key();
        let former = found.and_then(|hit| inner.former(&key, hash, &hit));
        let loading = inner.load_through(key, Call::plain(hash), former, false, load);
        loading.await.map(|entry| entry.value)
    }

    /// Keeps a key fresh: loads it at an interval in the background, whatever its time to live, for
    /// as long as someone [gets](Kept::get) it through the handle. Other callers of the cache find the
    /// value there too. A load that fails leaves the value, which ages by the policy.
    ///
    /// # Errors
    /// [`Error::NoRuntime`] outside a tokio runtime, if the builder was given none.
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::{Cache, KeepFresh};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let rates = Cache::<String, f64>::builder("rates").build()?;
    /// let setting = KeepFresh::every(Duration::from_secs(30)).stop_after_idle(Duration::from_secs(600));
    /// let euro = rates.keep_fresh("EUR".to_owned(), setting, |_| async { Ok::<_, std::io::Error>(1.25) })?;
    /// assert_eq!(euro.get().await?, 1.25);
    /// # Ok(()) }
    /// ```
    pub fn keep_fresh<F, Fut, L, E>(
        &self,
        key: K,
        setting: KeepFresh,
        load: F,
    ) -> Result<Kept<V>, Error>
    where
        F: Fn(LoadCx<K, V>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>> + 'static,
        E: Display + Send + Sync + 'static,
    {
        let (runtime, cache) = (self.inner.runtime()?, self.clone());
        let fetch = move |anew| -> Pin<Box<dyn Future<Output = Result<V, Error>> + Send>> {
            let (cache, key, load) = (cache.clone(), key.clone(), load.clone());
            Box::pin(async move {
                if anew {
                    cache.refresh(&key, load).await
                } else {
                    cache.get_or_load(&key, load).await
                }
            })
        };
        let state = State {
            last_used: Instant::now(),
            task: None,
        };
        Ok(Kept(Arc::new(Shared {
            setting,
            runtime,
            fetch: Box::new(fetch),
            state: Mutex::new(state),
        })))
    }
}

impl<V: Clone + Send + Sync + 'static> Kept<V> {
    /// The value, loaded if it is not cached; the loading at the interval goes on, or starts again.
    ///
    /// # Errors
    /// Those of [`Cache::get_or_load`].
    pub async fn get(&self) -> Result<V, Error> {
        self.used();
        (self.0.fetch)(false).await
    }

    /// Whether it is loaded at its interval just now.
    pub fn is_refreshing(&self) -> bool {
        let state = self.0.state.lock();
        state.task.as_ref().is_some_and(|task| !task.is_finished())
    }

    fn used(&self) {
        let mut state = self.0.state.lock();
        state.last_used = Instant::now();
        if state.task.as_ref().is_none_or(JoinHandle::is_finished) {
            let refreshing = refresh_while_used(Arc::downgrade(&self.0), self.0.setting);
            state.task = Some(self.0.runtime.spawn(refreshing));
        }
    }
}

impl<V> Drop for Shared<V> {
    fn drop(&mut self) {
        if let Some(task) = self.state.get_mut().task.take() {
            task.abort();
        }
    }
}

async fn refresh_while_used<V>(shared: Weak<Shared<V>>, setting: KeepFresh) {
    loop {
        tokio::time::sleep(setting.every).await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        if shared.state.lock().last_used.elapsed() >= setting.idle {
            return;
        }
        let fetching = (shared.fetch)(true);
        // The handle may be dropped meanwhile.
        drop(shared);
        if let Err(error) = fetching.await {
            tracing::warn!(%error, "a value that is kept fresh was not loaded; the last one stays");
        }
    }
}
