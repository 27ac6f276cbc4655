//! Invalidation as an admin interface asks for it: by texts alone, and counted beforehand.

use std::borrow::Cow;

use super::{Cache, Explanation};
use crate::entry::{Applied, Scope};
use crate::error::Error;
use crate::glob::Glob;
use crate::key::CacheKey;
use crate::tier::memory::Meta;

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    pub(crate) async fn explain_text(&self, text: &str) -> Result<Explanation, Error> {
        self.explain(&key_of::<K>(text)?).await
    }

    /// Invalidates what `scope` names, as the method for it does.
    ///
    /// # Errors
    /// [`Error::Key`] if no key has this text, [`Error::Pattern`] if the pattern cannot be read.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// # use larder::{Error, Scope};
    /// users.insert(7, "Ada").await?;
    /// users.invalidate_scope(Scope::Key("7")).await?;
    /// assert_eq!(users.peek(&7), None);
    /// let error = users.invalidate_scope(Scope::Key("seven")).await.unwrap_err();
    /// assert!(matches!(error, Error::Key { .. }));
    /// # Ok(()) }
    /// ```
    pub async fn invalidate_scope(&self, scope: Scope<'_>) -> Result<Applied, Error> {
        match scope {
            Scope::Key(text) => self.invalidate(&key_of::<K>(text)?).await,
            Scope::Tag(tag) => self.invalidate_tag(tag).await,
            Scope::Prefix(prefix) => self.invalidate_prefix(prefix).await,
            Scope::Pattern(pattern) => self.invalidate_matching(pattern).await,
        }
    }

    /// How many live entries of memory [`invalidate_scope`](Self::invalidate_scope) would take; what
    /// only the disk holds is not counted. O(n), one
    /// shard locked at a time, but for a key.
    ///
    /// # Errors
    /// Those of [`invalidate_scope`](Self::invalidate_scope).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = larder::Cache::<u64, &str>::builder("users").build()?;
    /// # use larder::Scope;
    /// users.insert(7, "Ada").await?;
    /// users.insert(81, "Bob").await?;
    /// assert_eq!(users.count_in_scope(Scope::Pattern("*"))?, 2);
    /// assert_eq!(users.count_in_scope(Scope::Prefix("8"))?, 1);
    /// # Ok(()) }
    /// ```
    pub fn count_in_scope(&self, scope: Scope<'_>) -> Result<usize, Error> {
        Ok(match scope {
            Scope::Key(text) => usize::from(self.entry_info(&key_of::<K>(text)?).is_some()),
            Scope::Tag(tag) => self.count_where(|_, meta| {
                let note = self.inner.notes.get(meta.note);
                note.is_some_and(|note| note.tags.iter().any(|own| **own == *tag))
            }),
            Scope::Prefix(prefix) => self.count_where(|text, _| text().starts_with(prefix)),
            Scope::Pattern(pattern) => {
                let glob = Glob::parse(pattern)?;
                self.count_where(|text, _| glob.matches(&text()))
            }
        })
    }

    fn count_where(&self, is_in: impl Fn(&dyn Fn() -> String, &Meta) -> bool) -> usize {
        let (now, mut count) = (self.inner.clock.now(), 0);
        self.inner.memory.for_each(|key, _, meta| {
            let text = || Cow::into_owned(key.to_text());
            if is_in(&text, meta) && self.inner.is_live(meta, key, now) {
                count += 1;
            }
        });
        count
    }
}

pub(super) fn key_of<K: CacheKey>(text: &str) -> Result<K, Error> {
    K::from_text(text).ok_or_else(|| Error::Key {
        text: text.chars().take(100).collect(),
    })
}
