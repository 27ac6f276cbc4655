//! Invalidations of many: each one item in the log, whatever the number of entries.

use super::Cache;
use crate::entry::Applied;
use crate::error::{Error, TAG_BYTES_MAX};
use crate::glob::Glob;
use crate::key::CacheKey;
use crate::log::{Item, Listed};
use crate::notes::tag_set;
use crate::observe::Event;

/// What the log remembers of a prefix.
const PREFIX_BYTES_MAX: usize = 1_024;

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// Removes every value that has this tag, or whose loader is running and will give it. O(1).
    ///
    /// ```
    /// # use larder::{Cache, Loaded};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let users = Cache::<u64, &str>::builder("users").build()?;
    /// users.entry(&7).tags(["team:1"]).insert("Ada").await?;
    /// users.invalidate_tag("team:1").await?;
    /// assert_eq!(users.peek(&7), None);
    /// # Ok(()) }
    /// ```
    pub async fn invalidate_tag(&self, tag: &str) -> Result<Applied, Error> {
        self.record([Item::Tag(tag.into())]).await
    }

    /// Removes every value that has any of these tags, all at once: no reader sees the work half
    /// done. O(1) for each tag.
    ///
    /// ```
    /// # use larder::Cache;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Cache::<u64, &str>::builder("users").build()?;
    /// users.entry(&7).tags(["team:1"]).insert("Ada").await?;
    /// users.entry(&8).tags(["team:2"]).insert("Bob").await?;
    /// users.invalidate_any_tag(["team:1", "team:2"]).await?;
    /// assert_eq!((users.peek(&7), users.peek(&8)), (None, None));
    /// # Ok(()) }
    /// ```
    pub async fn invalidate_any_tag<T: AsRef<str>>(
        &self,
        tags: impl IntoIterator<Item = T>,
    ) -> Result<Applied, Error> {
        let item = |tag: T| Item::Tag(tag.as_ref().into());
        let items: Vec<_> = tags.into_iter().map(item).collect();
        self.record(items).await
    }

    /// Removes every value that has all of these tags. O(1); none given, it removes nothing.
    ///
    /// ```
    /// # use larder::Cache;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Cache::<u64, &str>::builder("users").build()?;
    /// users.entry(&7).tags(["team:1", "eu"]).insert("Ada").await?;
    /// users.entry(&8).tags(["team:1"]).insert("Bob").await?;
    /// users.invalidate_all_tags(["eu", "team:1"]).await?;
    /// assert_eq!((users.peek(&7), users.peek(&8)), (None, Some("Bob")));
    /// # Ok(()) }
    /// ```
    pub async fn invalidate_all_tags<T: AsRef<str>>(
        &self,
        tags: impl IntoIterator<Item = T>,
    ) -> Result<Applied, Error> {
        let tags = tag_set(tags.into_iter().map(|tag| tag.as_ref().into()).collect());
        let item = match &*tags {
            [] => None,
            [tag] => Some(Item::Tag(tag.clone())),
            tags => Some(Item::Listed(Listed::AllOf(tags.into()))),
        };
        self.record(item).await
    }

    /// Makes every value that has this tag stale at once: the policy decides whether it may be
    /// served while a new one is loaded. O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::{Cache, Policy};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let minute = Duration::from_secs(60);
    /// let users = Cache::<u64, &str>::builder("users")
    ///     .policy(Policy::ttl(minute).stale_while_revalidate(minute))
    ///     .build()?;
    /// users.entry(&7).tags(["team:1"]).insert("Ada").await?;
    /// users.expire_tag("team:1").await?;
    /// assert!(users.get(&7).await?.unwrap().is_stale);
    /// # Ok(()) }
    /// ```
    pub async fn expire_tag(&self, tag: &str) -> Result<Applied, Error> {
        self.record([Item::SoftTag(tag.into())]).await
    }

    /// Removes every value whose key's text starts with `prefix`; all of them if it is empty. O(1).
    /// Of a prefix of more than 1,024 bytes only those count: more is removed, never less.
    ///
    /// ```
    /// # use larder::Cache;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Cache::<String, &str>::builder("users").build()?;
    /// users.insert("eu:7".into(), "Ada").await?;
    /// users.invalidate_prefix("eu:").await?;
    /// assert_eq!(users.peek("eu:7"), None);
    /// # Ok(()) }
    /// ```
    pub async fn invalidate_prefix(&self, prefix: &str) -> Result<Applied, Error> {
        if prefix.is_empty() {
            return self.clear().await;
        }
        let prefix = &prefix[..prefix.floor_char_boundary(PREFIX_BYTES_MAX)];
        let prefix = Listed::Prefix(prefix.into());
        self.record([Item::Listed(prefix)]).await
    }

    /// Removes every value whose key's text matches `pattern` as a whole: `*` stands for any
    /// characters, `?` for one, `[a-z]` and `[!a-z]` for one of a set, `\` before a literal one.
    /// O(1).
    ///
    /// # Errors
    /// [`Error::Pattern`] says where the pattern goes wrong.
    ///
    /// ```
    /// # use larder::Cache;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Cache::<String, &str>::builder("users").build()?;
    /// users.insert("user:7:name".into(), "Ada").await?;
    /// users.invalidate_matching("user:*:name").await?;
    /// assert_eq!(users.peek("user:7:name"), None);
    /// # Ok(()) }
    /// ```
    pub async fn invalidate_matching(&self, pattern: &str) -> Result<Applied, Error> {
        let glob = Glob::parse(pattern)?;
        self.record([Item::Listed(Listed::Glob(glob))]).await
    }

    /// Makes everything stored so far unreachable, and returns the namespace's new version. O(1):
    /// unlike [`clear`](Self::clear) it leaves taking back the memory to what comes after. Loads that
    /// are running, and inserts with an older [`Fence`](crate::Fence), are not stored.
    ///
    /// ```
    /// # use larder::Cache;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Cache::<u64, &str>::builder("users").build()?;
    /// users.insert(7, "Ada").await?;
    /// let version = users.bump_version().await?;
    /// assert_eq!(users.peek(&7), None);
    /// assert_eq!(users.namespace_version(), version);
    /// # Ok(()) }
    /// ```
    pub async fn bump_version(&self) -> Result<u64, Error> {
        let inner = &self.inner;
        inner.recorder.count(Event::Invalidation);
        let recorded = inner.record_through([Item::All], || {}).await;
        recorded.map(|(number, _)| number)
    }

    /// The namespace's version: it rises with each [bump](Self::bump_version) and each
    /// [`clear`](Self::clear), and when the log of invalidations has grown past its limit.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// let before = users.namespace_version();
    /// users.clear().await?;
    /// assert!(users.namespace_version() > before);
    /// # Ok(()) }
    /// ```
    pub fn namespace_version(&self) -> u64 {
        self.inner.log.floor()
    }

    async fn record(&self, items: impl IntoIterator<Item = Item>) -> Result<Applied, Error> {
        // No value has a tag of more bytes: it would only take room.
        let is_of_use = |item: &Item| match item {
            Item::Tag(tag) | Item::SoftTag(tag) => tag.len() <= TAG_BYTES_MAX,
            _ => true,
        };
        let items = items.into_iter().filter(is_of_use);
        self.inner.recorder.count(Event::Invalidation);
        let recorded = self.inner.record_through(items, || {}).await;
        recorded.map(|(_, applied)| applied)
    }
}
