//! Composition of a [`Cache`], and nothing else.

use super::Cache;
use crate::clock::Clock;
use crate::entry::RemovalCause;
use crate::error::BuildError;
use crate::hooks::Happening;
use crate::key::CacheKey;
use crate::policy::Policy;

/// Builds a [`Cache`]; see [`Cache::builder`].
pub struct Builder<K, V> {
    builder: crate::builder::Builder<K, V>,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Builder<K, V> {
    pub(super) fn new(name: String) -> Self {
        Self {
            builder: crate::builder::Builder::new(name),
        }
    }

    /// The most that it holds: entries, or their weight if there is a [`weigher`](Self::weigher).
    /// 10,000 unless set; 0 stores nothing, and loads are still shared.
    #[must_use]
    pub fn max_capacity(mut self, capacity: u64) -> Self {
        self.builder = self.builder.max_capacity(capacity);
        self
    }

    /// Gives every entry a weight. One heavier than the whole capacity is not stored.
    #[must_use]
    pub fn weigher(mut self, weigher: impl Fn(&K, &V) -> u32 + Send + Sync + 'static) -> Self {
        self.builder = self.builder.weigher(weigher);
        self
    }

    /// How long values live, and how long a thread waits for another's load; for ever and 60 s
    /// unless set. The thread that loads is not interrupted.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.builder = self.builder.policy(policy);
        self
    }

    /// [`crate::Builder::eviction_listener`].
    #[must_use]
    pub fn eviction_listener(
        mut self,
        listener: impl Fn(&K, &V, RemovalCause) + Send + Sync + 'static,
    ) -> Self {
        self.builder = self.builder.eviction_listener(listener);
        self
    }

    /// [`crate::Builder::observer`].
    #[must_use]
    pub fn observer(
        mut self,
        observer: impl Fn(&Happening<'_, K>) + Send + Sync + 'static,
    ) -> Self {
        self.builder = self.builder.observer(observer);
        self
    }

    /// [`crate::Builder::explain`].
    #[must_use]
    pub fn explain(mut self, explain: bool) -> Self {
        self.builder = self.builder.explain(explain);
        self
    }

    /// How many loads may run at once, 65,536 unless set; past that a miss is
    /// [`Error::Overloaded`](crate::Error::Overloaded).
    #[must_use]
    pub fn max_loads(mut self, loads: usize) -> Self {
        self.builder = self.builder.max_loads(loads);
        self
    }

    /// The source of time, the system's unless set. It rules how old values are, not how long
    /// threads wait.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.builder = self.builder.clock(clock);
        self
    }

    /// Builds the cache.
    ///
    /// # Errors
    /// [`BuildError`] names the setting and what was expected.
    pub fn build(self) -> Result<Cache<K, V>, BuildError> {
        let cache = self.builder.build()?;
        Ok(Cache { cache })
    }
}
