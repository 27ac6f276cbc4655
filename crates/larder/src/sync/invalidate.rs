//! Invalidations of many, as in [`crate::Cache`]. None waits for a load.

use super::{Cache, wait};
use crate::entry::Applied;
use crate::error::Error;
use crate::key::CacheKey;

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// [`crate::Cache::invalidate_tag`].
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.entry(&7).tags(["team:1"]).insert("Ada")?;
    /// users.invalidate_tag("team:1")?;
    /// assert_eq!(users.peek(&7), None);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn invalidate_tag(&self, tag: &str) -> Result<Applied, Error> {
        wait::for_ready(self.cache.invalidate_tag(tag))
    }

    /// [`crate::Cache::expire_tag`].
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.entry(&7).tags(["team:1"]).insert("Ada")?;
    /// users.expire_tag("team:1")?;
    /// assert_eq!(users.peek(&7), None); // with `stale_if_error` it would stand in for a loader that fails
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn expire_tag(&self, tag: &str) -> Result<Applied, Error> {
        wait::for_ready(self.cache.expire_tag(tag))
    }

    /// [`crate::Cache::invalidate_prefix`].
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada")?;
    /// users.insert(81, "Bob")?;
    /// users.invalidate_prefix("8")?;
    /// assert_eq!((users.peek(&7), users.peek(&81)), (Some("Ada"), None));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn invalidate_prefix(&self, prefix: &str) -> Result<Applied, Error> {
        wait::for_ready(self.cache.invalidate_prefix(prefix))
    }

    /// [`crate::Cache::invalidate_matching`].
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada")?;
    /// users.insert(81, "Bob")?;
    /// users.invalidate_matching("?")?;
    /// assert_eq!((users.peek(&7), users.peek(&81)), (None, Some("Bob")));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn invalidate_matching(&self, pattern: &str) -> Result<Applied, Error> {
        wait::for_ready(self.cache.invalidate_matching(pattern))
    }

    /// [`crate::Cache::invalidate_any_tag`].
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.entry(&7).tags(["team:1"]).insert("Ada")?;
    /// users.invalidate_any_tag(["team:1", "team:2"])?;
    /// assert_eq!(users.peek(&7), None);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn invalidate_any_tag<T: AsRef<str>>(
        &self,
        tags: impl IntoIterator<Item = T>,
    ) -> Result<Applied, Error> {
        wait::for_ready(self.cache.invalidate_any_tag(tags))
    }

    /// [`crate::Cache::invalidate_all_tags`].
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.entry(&7).tags(["team:1", "eu"]).insert("Ada")?;
    /// users.invalidate_all_tags(["team:1", "us"])?;
    /// assert_eq!(users.peek(&7), Some("Ada"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn invalidate_all_tags<T: AsRef<str>>(
        &self,
        tags: impl IntoIterator<Item = T>,
    ) -> Result<Applied, Error> {
        wait::for_ready(self.cache.invalidate_all_tags(tags))
    }

    /// [`crate::Cache::bump_version`].
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada")?;
    /// assert_eq!(users.bump_version()?, users.namespace_version());
    /// assert_eq!(users.peek(&7), None);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn bump_version(&self) -> Result<u64, Error> {
        wait::for_ready(self.cache.bump_version())
    }

    /// [`crate::Cache::namespace_version`].
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").build()?;
    /// assert_eq!(users.namespace_version(), 0);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn namespace_version(&self) -> u64 {
        self.cache.namespace_version()
    }
}
