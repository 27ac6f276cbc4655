//! A [`Cache`] behind a pointer, whatever its types.

use std::time::Duration;

use super::Cache;
use crate::any::{AnyCache, Change};
use crate::cache::Explanation;
use crate::entry::{Applied, EntryInfo, Scope};
use crate::error::Error;
use crate::key::CacheKey;
use crate::learn::{KeyFigures, Learned, RecentLoads};
use crate::observe::{Latencies, Stats};
use crate::policy::Policy;
use crate::removal::Evictions;
use crate::shown::Shown;

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

    fn latencies(&self) -> Latencies {
        self.latencies()
    }

    fn reset_stats(&self) {
        self.reset_stats();
    }

    fn evictions(&self) -> Evictions {
        self.evictions()
    }

    fn entries(&self, prefix: &str, limit: usize) -> Vec<EntryInfo> {
        self.entries(prefix, limit)
    }

    fn key_figures(&self) -> KeyFigures {
        self.key_figures()
    }

    fn learned(&self) -> Option<Learned> {
        self.learned()
    }

    fn recent_loads(&self) -> RecentLoads {
        self.recent_loads()
    }

    fn entry_info(&self, key: &str) -> Option<EntryInfo> {
        AnyCache::entry_info(&self.cache, key)
    }

    fn explain<'a>(&'a self, key: &'a str) -> Change<'a, Explanation> {
        AnyCache::explain(&self.cache, key)
    }

    fn invalidate<'a>(&'a self, scope: Scope<'a>) -> Change<'a, Applied> {
        Box::pin(self.cache.invalidate_scope(scope))
    }

    fn shown<'a>(&'a self, key: &'a str, bytes_max: usize) -> Change<'a, Option<Shown>> {
        AnyCache::shown(&self.cache, key, bytes_max)
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        json: &'a str,
        ttl: Option<Duration>,
        tags: &'a [String],
    ) -> Change<'a, Applied> {
        AnyCache::put(&self.cache, key, json, ttl, tags)
    }

    fn count(&self, scope: Scope<'_>) -> Result<usize, Error> {
        self.cache.count_in_scope(scope)
    }

    fn clear(&self) -> Change<'_, Applied> {
        AnyCache::clear(&self.cache)
    }
}
