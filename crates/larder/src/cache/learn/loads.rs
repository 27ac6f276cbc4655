//! What a cache learns from loads: what they brought, which were slow, and those that other processes may
//! have made too.

use std::time::Duration;

use super::{Inner, Learner, Lessons};
use crate::cache::Cache;
use crate::cache::load::Call;
use crate::clock::Tick;
use crate::key::CacheKey;
use crate::learn::{Ended, RecentLoads, TOOK_MIN, key_everywhere};
use crate::loader::{Found, Loaded};

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// What it loaded lately, of a sample of its keys that every process chooses alike; nothing where
    /// the builder said [`.advise(false)`](crate::Builder::advise), or where a shared store spares
    /// others the load. O(1,024).
    ///
    /// ```
    /// # let users = larder::sync::Cache::<u64, &str>::builder("users").advise(false).build()?;
    /// assert_eq!(users.recent_loads(), larder::RecentLoads::default());
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    pub fn recent_loads(&self) -> RecentLoads {
        let inner = &*self.inner;
        let state = inner.learner.state.as_ref();
        let Some(state) = state.filter(|_| inner.shared.is_none()) else {
            return RecentLoads::default();
        };
        let mut lessons = state.lock();
        let recent = lessons.loads.recent(inner.clock.now());
        inner.learner.loads.open(lessons.loads.shift());
        recent
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Learns from a load that brought something; not yet stored.
    pub(crate) fn learn_load(&self, call: &Call, key: &K, took: Duration, loaded: &Loaded<V>) {
        if self.learner.state.is_none() {
            return;
        }
        let (hash, now) = (call.hash, self.clock.now());
        let is_taken = self.learner.takes(hash);
        let print = is_taken.then(|| self.learner.print(loaded)).flatten();
        let ended = self.ended_load(call, key, took, loaded, now);
        let Some(mut lessons) = self.learner.lessons() else {
            return;
        };
        lessons.slow.note(hash, || key.clone(), took, now);
        self.learner.note(&mut lessons, ended.as_ref(), now);
        if !is_taken {
            return;
        }
        match loaded.found {
            Found::Absent => lessons.facts.absent(hash, now),
            Found::Value(_) => lessons.facts.loaded(hash, print, false),
            Found::NotModified => lessons.facts.loaded(hash, None, true),
        }
    }

    /// Learns that the value of the key of this hash is no longer true.
    #[inline]
    pub(crate) fn learn_removed(&self, hash: u64) {
        if self.learner.takes(hash)
            && let Some(mut lessons) = self.learner.lessons()
        {
            lessons.facts.invalidated(hash);
            lessons.miniatures.removed(hash);
            lessons.loads.invalidated(hash);
        } else if self.learner.has_loads() {
            self.learn_removed_of_load(hash);
        }
    }

    /// Its key is not sampled by what this cache knows of it, and may be by what all processes do.
    #[cold]
    fn learn_removed_of_load(&self, hash: u64) {
        let state = self.learner.state.as_ref();
        if let Some(mut lessons) = state.and_then(|state| state.try_lock()) {
            lessons.loads.invalidated(hash);
        }
    }

    /// The load as other processes would know it; `None` if it is not to be noted.
    fn ended_load(
        &self,
        call: &Call,
        key: &K,
        took: Duration,
        loaded: &Loaded<V>,
        now: Tick,
    ) -> Option<Ended> {
        if took < TOOK_MIN || self.shared.is_some() {
            return None;
        }
        let everywhere = key_everywhere(&key.to_text(), call.at);
        let ttl = loaded.ttl.or(call.ttl);
        let fresh_until = match loaded.found {
            Found::Absent => self.policy.absent_until(now, ttl),
            Found::Value(_) | Found::NotModified => self.policy.deadlines(now, ttl, 0).0,
        };
        let is_sampled = self.learner.loads.takes(everywhere);
        is_sampled.then_some(Ended {
            key: everywhere,
            hash: call.hash,
            took,
            fresh_until,
        })
    }
}

impl<K, V> Learner<K, V> {
    fn note(&self, lessons: &mut Lessons<K>, ended: Option<&Ended>, now: Tick) {
        lessons.loads.settle(now);
        if let Some(ended) = ended {
            lessons.loads.note(ended, now);
            self.has_loads
                .store(true, std::sync::atomic::Ordering::Relaxed);
        }
        self.loads.open(lessons.loads.shift());
    }

    fn has_loads(&self) -> bool {
        self.has_loads.load(std::sync::atomic::Ordering::Relaxed)
    }
}
