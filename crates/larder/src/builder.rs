//! Composition of a [`Cache`], and nothing else.

mod faces;
mod tiers;

use std::sync::{Arc, OnceLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use crate::backoff::Backoff;
use crate::cache::{Below, Cache, Inner, Learner, Readings, Shared, Sharing, item_of};
use crate::checks::Checks;
use crate::clock::{Clock, Tick};
use crate::error::BuildError;
use crate::flight::Flights;
use crate::hooks::{Happening, Hooks};
use crate::key::CacheKey;
use crate::log::InvalidationLog;
use crate::misses::Memories;
use crate::notes::Notes;
use crate::observe::Recorder;
use crate::policy::Policy;
use crate::removal::RemovalCause;
use crate::shown::Face;
use crate::stripes::Stripes;
use crate::tier::Recovered;
use crate::tier::codec::Typed;
use crate::tier::disk::{Disk, DiskTier};
use crate::tier::memory::{Limits, Memory};
pub use tiers::Tiers;
use tiers::typed_of;

/// What a weigher is: the weight of an entry, in a unit of the caller's choice.
type Weigher<K, V> = Arc<dyn Fn(&K, &V) -> u32 + Send + Sync>;

/// Builds a [`Cache`]; see [`Cache::builder`].
///
/// ```
/// use std::time::Duration;
/// use larder::{Policy, Cache};
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
    name: String,
    max_capacity: u64,
    weigher: Option<Weigher<K, V>>,
    policy: Policy,
    hooks: Hooks<K, V>,
    explain: bool,
    face: Option<Face<V>>,
    advise: bool,
    disk: Option<(Disk, Typed<V>)>,
    sharing: Option<(Sharing, Typed<V>)>,
    schema: u64,
    max_loads: usize,
    clock: Option<Clock>,
    runtime: Option<Handle>,
    checks: Checks,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Builder<K, V> {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            max_capacity: 10_000,
            weigher: None,
            policy: Policy::default(),
            hooks: Hooks::default(),
            explain: false,
            face: None,
            advise: true,
            disk: None,
            sharing: None,
            schema: 0,
            max_loads: 65_536,
            clock: None,
            runtime: None,
            checks: Checks::default(),
        }
    }

    /// The most that memory holds: entries, or their weight if there is a [`weigher`](Self::weigher).
    /// 10,000 unless set; 0 stores nothing, and loads are still shared.
    ///
    /// ```
    /// # use larder::Cache;
    /// let users = Cache::<u64, String>::builder("users").max_capacity(100_000).build()?;
    /// assert_eq!(users.max_capacity(), 100_000);
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn max_capacity(mut self, capacity: u64) -> Self {
        self.max_capacity = capacity;
        self
    }

    /// Gives every entry a weight. One heavier than the whole capacity is not stored. The weigher
    /// must not call the cache.
    ///
    /// ```
    /// # use larder::Cache;
    /// let pages = Cache::<u64, String>::builder("pages")
    ///     .max_capacity(64 << 20) // bytes, since that is what the weigher counts
    ///     .weigher(|_, page| page.len() as u32)
    ///     .build()?;
    /// assert!(pages.is_weighed());
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn weigher(mut self, weigher: impl Fn(&K, &V) -> u32 + Send + Sync + 'static) -> Self {
        self.weigher = Some(Arc::new(weigher));
        self
    }

    /// How long values live and callers wait; for ever and 60 s unless set.
    ///
    /// ```
    /// # use larder::Cache;
    /// # use larder::Policy;
    /// let policy = Policy::ttl(std::time::Duration::from_secs(60)).jitter(0.1);
    /// let users = Cache::<u64, String>::builder("users").policy(policy).build()?;
    /// assert_eq!(users.policy(), policy);
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Is told of every entry that leaves memory, with the cause. An entry that was invalidated by a
    /// tag, prefix, pattern or version leaves when it is next asked for or its place is needed, not at
    /// once.
    ///
    /// It runs on the thread whose call put the entry out, outside every lock, so it may call the
    /// cache; a slow one slows that call. One that panics is logged, and the cache goes on.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use larder::{Cache, RemovalCause};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let left = Arc::new(Mutex::new(Vec::new()));
    /// let seen = left.clone();
    /// let cache = Cache::<u64, &str>::builder("names")
    ///     .eviction_listener(move |key, value, cause| seen.lock().unwrap().push((*key, *value, cause)))
    ///     .build()?;
    /// cache.insert(1, "Ada").await?;
    /// cache.insert(1, "Bob").await?;
    /// cache.invalidate(&1).await?;
    /// assert_eq!(
    ///     *left.lock().unwrap(),
    ///     [(1, "Ada", RemovalCause::Replaced), (1, "Bob", RemovalCause::Removed)]
    /// );
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn eviction_listener(
        mut self,
        listener: impl Fn(&K, &V, RemovalCause) + Send + Sync + 'static,
    ) -> Self {
        self.hooks.listener = Some(Arc::new(listener));
        self
    }

    /// Is told of what happens to keys besides hits: loads, failures, fenced results, stale answers,
    /// time-outs. It runs where it happened, outside every lock; a slow one slows that call. One that
    /// panics is logged, and the cache goes on.
    ///
    /// ```
    /// # use larder::{Cache, Happening};
    /// let cache = Cache::<u64, String>::builder("users")
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
        self.hooks.watcher = Some(Arc::new(observer));
        self
    }

    /// Whether to remember why keys are missed and what their loads took, for
    /// [`Cache::explain`]; not, unless set. It costs a byte an entry, about 400 KiB, and a note at each
    /// miss and each eviction; hits cost the same.
    ///
    /// ```
    /// # use larder::{Cache, MissReason};
    /// let users = Cache::<u64, &str>::builder("users").explain(true).build()?;
    /// assert_eq!(users.peek(&7), None);
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// let explained = runtime.block_on(users.explain(&7))?;
    /// assert!(explained.last_miss.is_some_and(|miss| miss.reason == MissReason::NeverLoaded));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn explain(mut self, explain: bool) -> Self {
        self.explain = explain;
        self
    }

    /// Whether to learn from a sample of the gets, for [`AnyCache::learned`](crate::AnyCache::learned),
    /// [`AnyCache::key_figures`](crate::AnyCache::key_figures) and [advice](mod@crate::recommend);
    /// it does, unless told not to.
    ///
    /// It takes up to about 350 KiB. What is looked at is one get in a thousand of a busy cache, all of one that
    /// has two gets a millisecond or fewer; other hits pay about a nanosecond or less. With a tier under
    /// memory, the value that a load brings for a sampled key is encoded once more.
    ///
    /// ```
    /// # let users = larder::Cache::<u64, &str>::builder("users").advise(false).build()?;
    /// assert!(users.learned().is_none());
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn advise(mut self, advise: bool) -> Self {
        self.advise = advise;
        self
    }

    /// How many loads may run at once, 65,536 unless set; past that a miss is
    /// [`Error::Overloaded`](crate::Error::Overloaded).
    ///
    /// ```
    /// # use larder::Cache;
    /// let users = Cache::<u64, String>::builder("users").max_loads(200).build()?;
    ///
    /// let none = Cache::<u64, String>::builder("users").max_loads(0).build();
    /// assert!(none.is_err());
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn max_loads(mut self, loads: usize) -> Self {
        self.max_loads = loads;
        self
    }

    /// The source of time, the system's unless set.
    ///
    /// ```
    /// # use larder::Cache;
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
        self.clock = Some(clock);
        self
    }

    /// The runtime that loads run on; unless set, the one that the get is called in.
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let runtime = tokio::runtime::Runtime::new()?;
    /// let users = Cache::<u64, u32>::builder("users").runtime(runtime.handle().clone()).build()?;
    /// let user = runtime.block_on(users.get_or_load(&7, |_| async { Ok::<_, std::io::Error>(1) }))?;
    /// assert_eq!(user, 1);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Takes a check out, to see whether a checker notices.
    #[cfg(all(test, not(larder_loom)))]
    pub(crate) fn without(mut self, check: crate::checks::Check) -> Self {
        self.checks = Checks::without(check);
        self
    }

    /// Takes out the check of this name, if there is one: for the proof that a checker notices.
    #[cfg(feature = "switches")]
    #[doc(hidden)]
    #[must_use]
    pub fn without_check(mut self, name: &str) -> Option<Self> {
        self.checks = Checks::without_named(name)?;
        Some(self)
    }

    /// Keeps values on disk too, so that they survive a restart: see [`Disk`]. Inserts and
    /// invalidations then wait until they are durable; loads do not.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path();
    /// use larder::{Cache, Disk};
    /// let users = Cache::<u64, String>::builder("users")
    ///     .disk(Disk::at(path).max_bytes(10 << 30))
    ///     .schema(2)
    ///     .build()?;
    /// assert!(path.join("users.redb").exists());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn disk(mut self, disk: Disk) -> Self
    where
        V: Serialize + DeserializeOwned,
    {
        self.disk = Some((disk, Typed::serde()));
        self
    }

    /// Shares a store with other processes: see [`Sharing`]. An absent server is a state and no error.
    ///
    /// ```
    /// use larder::remote::Remote;
    /// fn open(server: impl Remote + 'static) -> Result<larder::Cache<u64, String>, larder::BuildError> {
    ///     larder::Cache::builder("users").remote(server).build()
    /// }
    /// ```
    ///
    /// # Errors
    /// [`build`](Self::build) fails with [`BuildError::Remote`] if the namespace is taken in this process.
    #[must_use]
    pub fn remote(mut self, sharing: impl Into<Sharing>) -> Self
    where
        V: Serialize + DeserializeOwned,
    {
        self.sharing = Some((sharing.into(), Typed::serde()));
        self
    }

    /// The number of the value type's layout, 0 unless set. Values that were kept under another one
    /// are not found, and make room: raise it with a change that the codec cannot bridge.
    ///
    /// ```
    /// # use larder::Cache;
    /// let users = Cache::<u64, String>::builder("users").schema(2).build()?;
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn schema(mut self, schema: u64) -> Self {
        self.schema = schema;
        self
    }

    /// Builds the cache. With a [disk](Self::disk) this blocks: for opening the file, for compacting
    /// one that is mostly air, and up to 1 s for another process that holds it to end.
    ///
    /// # Errors
    /// [`BuildError`] names the setting and what was expected.
    ///
    /// ```
    /// # use larder::Cache;
    /// let error = Cache::<u64, u32>::builder("two words").build().unwrap_err();
    /// assert_eq!(error.to_string(), r#"cache name "two words": expected 1 to 64 of A-Z a-z 0-9 _ . -"#);
    /// ```
    pub fn build(self) -> Result<Cache<K, V>, BuildError> {
        let Self {
            name,
            max_capacity,
            weigher,
            policy,
            hooks,
            explain,
            face,
            advise,
            disk,
            sharing,
            schema,
            max_loads,
            clock,
            runtime,
            checks,
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
        // What was vouched for must not be served past its time because the clock's thread stood still.
        let clock = if sharing.is_some() {
            clock.direct()
        } else {
            clock
        };
        let name: Arc<str> = name.into();
        let (mut below, mut log) = (None, InvalidationLog::new(checks));
        let typed = typed_of(disk.as_ref(), sharing.as_ref());
        let mut owed = Vec::new();
        if let Some((disk, typed)) = disk {
            let (tier, mut recovered) = DiskTier::open(&name, disk, schema, typed, clock.clone())?;
            owed = std::mem::take(&mut recovered.owed);
            log = restored(log, recovered, clock.now());
            below = Some(Below::new(Arc::new(tier)));
        }
        if let Some((sharing, _)) = &sharing
            && let Some((setting, given, expected)) = sharing.fault()
        {
            return Err(BuildError::Setting {
                name: name.to_string(),
                setting,
                given,
                expected,
            });
        }
        let is_tiered = below.is_some() || sharing.is_some();
        let learning = advise.then_some((max_capacity, weigher.is_some(), policy.idle()));
        let learner = learning.map(|shape| Learner::new(shape, typed, clock.now()));
        let shared = sharing
            .map(|(sharing, typed)| Shared::new(&name, sharing, schema, typed, owed, checks));
        let cache = Cache::from_inner(Inner {
            name,
            capacity: max_capacity,
            policy,
            lives: policy.lives(),
            keeps_costs: explain || policy.weighs_cost(),
            memory: Memory::new(
                Limits {
                    max_weight: max_capacity,
                    idle: policy.idle(),
                },
                weigher,
            ),
            flights: Arc::new(Flights::new(max_loads, checks)),
            log,
            below,
            shared,
            readings: is_tiered.then(|| Arc::new(Readings::new(max_loads, Checks::default()))),
            absent: OnceLock::new(),
            stripes: Stripes::default(),
            notes: Notes::default(),
            hooks,
            backoff: Backoff::default(),
            misses: explain.then(Memories::new),
            face,
            learner: learner.unwrap_or_else(Learner::off),
            recorder: Recorder::new(clock.clone()),
            clock,
            runtime,
            checks,
        });
        cache.join()?;
        Ok(cache)
    }
}

/// The invalidation log as a lower tier has kept it.
fn restored(log: InvalidationLog, recovered: Recovered, now: Tick) -> InvalidationLog {
    let Recovered {
        number,
        floor,
        items,
        ..
    } = recovered;
    let items = items
        .into_iter()
        .map(|(number, item)| (number, item_of(item)));
    log.restored(number, floor, items, now)
}

fn is_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=64).contains(&name.len()) && name.bytes().all(legal)
}
