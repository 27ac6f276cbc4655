//! Composition of a [`Cache`], and nothing else.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::backoff::Backoff;
use crate::cache::{Cache, Inner};
use crate::clock::Clock;
use crate::error::BuildError;
use crate::flight::Flights;
use crate::key::CacheKey;
use crate::log::InvalidationLog;
use crate::observe::Recorder;
use crate::policy::Policy;
use crate::tags::TagSets;
use crate::tier::memory::{Limits, Memory};

/// What a weigher is: the weight of an entry, in a unit of the caller's choice.
type Weigher<K, V> = Arc<dyn Fn(&K, &V) -> u32 + Send + Sync>;

/// Builds a [`Cache`]; see [`Cache::builder`].
pub struct Builder<K, V> {
    name: String,
    max_capacity: u64,
    weigher: Option<Weigher<K, V>>,
    policy: Policy,
    max_loads: usize,
    clock: Option<Clock>,
    runtime: Option<Handle>,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Builder<K, V> {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            max_capacity: 10_000,
            weigher: None,
            policy: Policy::default(),
            max_loads: 65_536,
            clock: None,
            runtime: None,
        }
    }

    /// The most that memory holds: entries, or their weight if there is a [`weigher`](Self::weigher).
    /// 10,000 unless set; 0 stores nothing, and loads are still shared.
    #[must_use]
    pub fn max_capacity(mut self, capacity: u64) -> Self {
        self.max_capacity = capacity;
        self
    }

    /// Gives every entry a weight. One heavier than the whole capacity is not stored. The weigher
    /// must not call the cache.
    #[must_use]
    pub fn weigher(mut self, weigher: impl Fn(&K, &V) -> u32 + Send + Sync + 'static) -> Self {
        self.weigher = Some(Arc::new(weigher));
        self
    }

    /// How long values live and callers wait; for ever and 60 s unless set.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// How many loads may run at once, 65,536 unless set; past that a miss is
    /// [`Error::Overloaded`](crate::Error::Overloaded).
    #[must_use]
    pub fn max_loads(mut self, loads: usize) -> Self {
        self.max_loads = loads;
        self
    }

    /// The source of time, the system's unless set.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The runtime that loads run on; unless set, the one that the get is called in.
    #[must_use]
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Builds the cache.
    ///
    /// # Errors
    /// [`BuildError`] names the setting and what was expected.
    pub fn build(self) -> Result<Cache<K, V>, BuildError> {
        let Self {
            name,
            max_capacity,
            weigher,
            policy,
            max_loads,
            clock,
            runtime,
        } = self;
        if !is_name(&name) {
            return Err(BuildError::Name { name });
        }
        if max_loads == 0 {
            return Err(BuildError::Setting {
                name,
                setting: "max_loads",
                given: "0".into(),
                expected: "at least 1",
            });
        }
        if let Some((setting, given, expected)) = policy.fault() {
            return Err(BuildError::Setting {
                name,
                setting,
                given: given.to_string(),
                expected,
            });
        }
        let clock = clock.unwrap_or_default();
        Ok(Cache::from_inner(Inner {
            name: name.into(),
            capacity: max_capacity,
            policy,
            memory: Memory::new(
                Limits {
                    max_weight: max_capacity,
                    idle: None,
                },
                weigher,
            ),
            flights: Arc::new(Flights::new(max_loads)),
            log: InvalidationLog::default(),
            tags: TagSets::default(),
            backoff: Backoff::default(),
            recorder: Recorder::new(clock.clone()),
            clock,
            runtime,
        }))
    }
}

fn is_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=64).contains(&name.len()) && name.bytes().all(legal)
}
