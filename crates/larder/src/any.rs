//! A cache behind a pointer, whatever its types: what an admin interface needs of it.

use std::pin::Pin;

use crate::cache::{Cache, Explanation};
use crate::entry::{Applied, EntryInfo, Scope};
use crate::error::Error;
use crate::key::CacheKey;
use crate::observe::Stats;
use crate::policy::Policy;
use crate::tier::memory::Evictions;

/// What comes of a change asked for by a key's text.
pub type Change<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// A [`Cache`] without its types. Keys are named by their text.
pub trait AnyCache: Send + Sync {
    /// [`Cache::name`].
    fn name(&self) -> &str;
    /// [`Cache::policy`].
    fn policy(&self) -> Policy;
    /// [`Cache::len`].
    fn len(&self) -> usize;
    /// Whether memory holds nothing.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// [`Cache::weight`].
    fn weight(&self) -> u64;
    /// [`Cache::is_weighed`].
    fn is_weighed(&self) -> bool;
    /// [`Cache::max_capacity`].
    fn max_capacity(&self) -> u64;
    /// [`Cache::stats`].
    fn stats(&self) -> Stats;
    /// [`Cache::evictions`].
    fn evictions(&self) -> Evictions;
    /// [`Cache::entries`].
    fn entries(&self, prefix: &str, limit: usize) -> Vec<EntryInfo>;
    /// [`Cache::entry_info`]; `None` too if no key has this text.
    fn entry_info(&self, key: &str) -> Option<EntryInfo>;
    /// [`Cache::explain`].
    ///
    /// # Errors
    /// [`Error::Key`] if no key has this text.
    fn explain<'a>(&'a self, key: &'a str) -> Change<'a, Explanation>;
    /// [`Cache::invalidate_scope`].
    fn invalidate<'a>(&'a self, scope: Scope<'a>) -> Change<'a, Applied>;
    /// [`Cache::count_in_scope`].
    fn count(&self, scope: Scope<'_>) -> Result<usize, Error>;
    /// [`Cache::clear`].
    fn clear(&self) -> Change<'_, Applied>;
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> AnyCache for Cache<K, V> {
    fn name(&self) -> &str {
        self.name()
    }

    fn policy(&self) -> Policy {
        self.policy()
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn weight(&self) -> u64 {
        self.weight()
    }

    fn is_weighed(&self) -> bool {
        self.is_weighed()
    }

    fn max_capacity(&self) -> u64 {
        self.max_capacity()
    }

    fn stats(&self) -> Stats {
        self.stats()
    }

    fn evictions(&self) -> Evictions {
        self.evictions()
    }

    fn entries(&self, prefix: &str, limit: usize) -> Vec<EntryInfo> {
        self.entries(prefix, limit)
    }

    fn entry_info(&self, key: &str) -> Option<EntryInfo> {
        self.entry_info(&K::from_text(key)?)
    }

    fn explain<'a>(&'a self, key: &'a str) -> Change<'a, Explanation> {
        Box::pin(self.explain_text(key))
    }

    fn invalidate<'a>(&'a self, scope: Scope<'a>) -> Change<'a, Applied> {
        Box::pin(self.invalidate_scope(scope))
    }

    fn count(&self, scope: Scope<'_>) -> Result<usize, Error> {
        self.count_in_scope(scope)
    }

    fn clear(&self) -> Change<'_, Applied> {
        Box::pin(self.clear())
    }
}
