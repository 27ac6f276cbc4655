//! Composition of a [`Cache`], and nothing else.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Cache;
use crate::clock::Clock;
use crate::error::BuildError;
use crate::hooks::Happening;
use crate::key::CacheKey;
use crate::policy::Policy;
use crate::removal::RemovalCause;

/// Builds a [`Cache`]; see [`Cache::builder`].
///
/// ```
/// use std::time::Duration;
/// use larder::{Policy, sync::Cache};
///
/// let pages = Cache::<String, String>::builder("pages")
///     .max_capacity(10 << 20)
///     .weigher(|key, page| (key.len() + page.len()) as u32)
///     .policy(Policy::ttl(Duration::from_secs(60)))
///     .build()?;
/// assert!(pages.is_weighed());
/// # Ok::<_, larder::BuildError>(())
/// ```
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
    ///
    /// ```
    /// # use larder::sync::Cache;
    /// let users = Cache::<u64, String>::builder("users").max_capacity(100_000).build()?;
    /// assert_eq!(users.max_capacity(), 100_000);
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn max_capacity(mut self, capacity: u64) -> Self {
        self.builder = self.builder.max_capacity(capacity);
        self
    }

    /// Gives every entry a weight. One heavier than the whole capacity is not stored.
    ///
    /// ```
    /// # use larder::sync::Cache;
    /// let pages = Cache::<u64, String>::builder("pages")
    ///     .max_capacity(64 << 20) // bytes, since that is what the weigher counts
    ///     .weigher(|_, page| page.len() as u32)
    ///     .build()?;
    /// assert!(pages.is_weighed());
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn weigher(mut self, weigher: impl Fn(&K, &V) -> u32 + Send + Sync + 'static) -> Self {
        self.builder = self.builder.weigher(weigher);
        self
    }

    /// How long values live, and how long a thread waits for another's load; for ever and 60 s
    /// unless set. The thread that loads is not interrupted.
    ///
    /// ```
    /// # use larder::sync::Cache;
    /// # use larder::Policy;
    /// let policy = Policy::ttl(std::time::Duration::from_secs(60)).jitter(0.1);
    /// let users = Cache::<u64, String>::builder("users").policy(policy).build()?;
    /// assert_eq!(users.policy(), policy);
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.builder = self.builder.policy(policy);
        self
    }

    /// [`crate::Builder::eviction_listener`].
    ///
    /// ```
    /// # use larder::sync::Cache;
    /// let users = Cache::<u64, &str>::builder("users")
    ///     .eviction_listener(|key, name, cause| println!("{key} ({name}) left: {cause:?}"))
    ///     .build()?;
    /// users.insert(7, "Ada")?;
    /// users.invalidate(&7)?; // 7 (Ada) left: Removed
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn eviction_listener(
        mut self,
        listener: impl Fn(&K, &V, RemovalCause) + Send + Sync + 'static,
    ) -> Self {
        self.builder = self.builder.eviction_listener(listener);
        self
    }

    /// [`crate::Builder::observer`].
    ///
    /// ```
    /// # use larder::{Happening, sync::Cache};
    /// let users = Cache::<u64, &str>::builder("users")
    ///     .observer(|happening| {
    ///         if let Happening::Loaded { key, took } = happening {
    ///             println!("user {key} took {took:?}");
    ///         }
    ///     })
    ///     .build()?;
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn observer(
        mut self,
        observer: impl Fn(&Happening<'_, K>) + Send + Sync + 'static,
    ) -> Self {
        self.builder = self.builder.observer(observer);
        self
    }

    /// [`crate::Builder::explain`].
    ///
    /// ```
    /// # use larder::sync::Cache;
    /// let users = Cache::<u64, &str>::builder("users").explain(true).build()?;
    /// users.peek(&7);
    /// assert!(users.explain(&7).last_miss.is_some());
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn explain(mut self, explain: bool) -> Self {
        self.builder = self.builder.explain(explain);
        self
    }

    /// [`crate::Builder::values_as_json`].
    ///
    /// ```
    /// # use larder::sync::Cache;
    /// let users = Cache::<u64, Vec<String>>::builder("users").values_as_json().build()?;
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn values_as_json(mut self) -> Self
    where
        V: Serialize + DeserializeOwned,
    {
        self.builder = self.builder.values_as_json();
        self
    }

    /// [`crate::Builder::values_as_text`].
    ///
    /// ```
    /// # use larder::sync::Cache;
    /// let pages = Cache::<u64, String>::builder("pages").values_as_text().build()?;
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn values_as_text(mut self) -> Self
    where
        V: AsRef<[u8]>,
    {
        self.builder = self.builder.values_as_text();
        self
    }

    /// As [`crate::Builder::advise`].
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").advise(false).build()?;
    /// assert!(users.learned().is_none());
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn advise(mut self, advise: bool) -> Self {
        self.builder = self.builder.advise(advise);
        self
    }

    /// How many loads may run at once, 65,536 unless set; past that a miss is
    /// [`Error::Overloaded`](crate::Error::Overloaded).
    ///
    /// ```
    /// # use larder::sync::Cache;
    /// let users = Cache::<u64, String>::builder("users").max_loads(200).build()?;
    ///
    /// let none = Cache::<u64, String>::builder("users").max_loads(0).build();
    /// assert!(none.is_err());
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn max_loads(mut self, loads: usize) -> Self {
        self.builder = self.builder.max_loads(loads);
        self
    }

    /// The source of time, the system's unless set. It rules how old values are, not how long
    /// threads wait.
    ///
    /// ```
    /// # use larder::sync::Cache;
    /// # use larder::{ManualClock, Policy};
    /// # use std::time::Duration;
    /// let time = ManualClock::new();
    /// let tokens = Cache::<u64, u32>::builder("tokens")
    ///     .policy(Policy::ttl(Duration::from_secs(60)))
    ///     .clock(time.clock())
    ///     .build()?;
    /// time.advance(Duration::from_secs(61)); // what was stored before has expired
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.builder = self.builder.clock(clock);
        self
    }

    /// Takes a check out, to see whether a checker notices.
    #[cfg(all(test, not(larder_loom)))]
    pub(crate) fn without(mut self, check: crate::checks::Check) -> Self {
        self.builder = self.builder.without(check);
        self
    }

    /// Builds the cache.
    ///
    /// # Errors
    /// [`BuildError`] names the setting and what was expected.
    ///
    /// ```
    /// # use larder::sync::Cache;
    /// let error = Cache::<u64, u32>::builder("two words").build().unwrap_err();
    /// assert_eq!(error.to_string(), r#"cache name "two words": expected 1 to 64 of A-Z a-z 0-9 _ . -"#);
    /// ```
    pub fn build(self) -> Result<Cache<K, V>, BuildError> {
        let cache = self.builder.build()?;
        Ok(Cache { cache })
    }
}
