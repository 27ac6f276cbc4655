//! The registry: names to handles, within limits. What an export looks like is not known here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::RwLock;

use crate::context::Context;
use crate::error::{Error, shown};
use crate::exposition::{self, Shape, Spelling, Taken, TextFormat};
use crate::family::{Exported, Family, Handle};
use crate::snapshot::Snapshot;
use crate::{Clock, Counter, Gauge, Limits, Timing, UpDownCounter, name, tags};

/// Tags of a series, in any order: keys and their values, as [`Tags`](crate::Tags) bounds them.
///
/// ```
/// let tags: larder_metrics::TagSlice<'_> = &[("tier", "memory"), ("outcome", "hit")];
/// larder_metrics::Registry::new().count("gets", tags, 1)?;
/// # Ok::<(), larder_metrics::Error>(())
/// ```
pub type TagSlice<'a> = &'a [(&'a str, &'a str)];

/// Metrics by name and tags. Cloning gives a handle to the same registry.
///
/// Names match `[a-zA-Z_][a-zA-Z0-9_.]*`, in at most 128 bytes; a name has one kind. Resolve a handle
/// once and keep it: a look-up takes a lock for reading (for writing, the first time), recording
/// through a handle takes none. [`count`](Self::count), [`record`](Self::record) and
/// [`set`](Self::set) (and [`adjust`](Self::adjust)) do both in one call, for tags that are known only then.
///
/// ```
/// let registry = larder_metrics::Registry::new();
/// let received = registry.counter("events.received")?;
/// received.increment();
/// assert_eq!(registry.snapshot().counter("events.received", &[]), Some(1));
/// # Ok::<(), larder_metrics::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Registry(Arc<Inner>);

const DESCRIPTION_CHARS_MAX: usize = 512;

#[derive(Debug)]
struct Inner {
    context: Arc<Context>,
    limits: Limits,
    /// Resets write and snapshots read, so that no snapshot sees half a reset.
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    families: BTreeMap<Arc<str>, Family>,
    /// What families are, for people; not more than families.
    descriptions: BTreeMap<Box<str>, Box<str>>,
    /// Their names in exports to scrapers.
    taken: Taken,
    native: Taken,
    families_refused: u64,
    resets: u64,
    /// The clock's uptime when the registry was made.
    made: Duration,
    /// The clock's uptime at the last reset.
    counted_from: Duration,
}

impl Registry {
    /// An empty, enabled registry with the default limits, on the system's clock.
    pub fn new() -> Self {
        Self::with(Limits::default(), Clock::system())
    }

    /// An empty, enabled registry.
    pub fn with(limits: Limits, clock: Clock) -> Self {
        let now = clock.uptime();
        let state = State {
            families: BTreeMap::new(),
            descriptions: BTreeMap::new(),
            taken: Taken::default(),
            native: Taken::default(),
            families_refused: 0,
            resets: 0,
            made: now,
            counted_from: now,
        };
        Self(Arc::new(Inner {
            context: Context::new(clock),
            limits,
            state: RwLock::new(state),
        }))
    }

    /// Switches recording on or off for all handles, those already resolved too.
    ///
    /// While it is off, a recording is one load of a flag, timers read no clock, and nothing that was
    /// recorded is lost.
    ///
    /// ```
    /// let registry = larder_metrics::Registry::new();
    /// let received = registry.counter("events.received")?;
    /// registry.set_enabled(false);
    /// received.increment();
    /// assert_eq!(received.value(), 0);
    /// # Ok::<(), larder_metrics::Error>(())
    /// ```
    pub fn set_enabled(&self, enabled: bool) {
        self.0.context.set_enabled(enabled);
    }

    /// Whether handles record.
    #[inline]
    pub fn is_enabled(&self) -> bool {
        self.0.context.is_enabled()
    }

    /// The counter `name`, made at the first call.
    pub fn counter(&self, name: &str) -> Result<Counter, Error> {
        self.resolve(name, &[])
    }

    /// The counter `name` with tags.
    ///
    /// ```
    /// let registry = larder_metrics::Registry::new();
    /// registry.counter_with("events.received.by_type", &[("type", "midi")])?.increment();
    /// # Ok::<(), larder_metrics::Error>(())
    /// ```
    pub fn counter_with(&self, name: &str, tags: TagSlice<'_>) -> Result<Counter, Error> {
        self.resolve(name, tags)
    }

    /// The up-down counter `name`, made at the first call.
    ///
    /// ```
    /// let registry = larder_metrics::Registry::new();
    /// registry.up_down_counter("active.connections")?.increment();
    /// # Ok::<(), larder_metrics::Error>(())
    /// ```
    pub fn up_down_counter(&self, name: &str) -> Result<UpDownCounter, Error> {
        self.resolve(name, &[])
    }

    /// The up-down counter `name` with tags.
    pub fn up_down_counter_with(
        &self,
        name: &str,
        tags: TagSlice<'_>,
    ) -> Result<UpDownCounter, Error> {
        self.resolve(name, tags)
    }

    /// The gauge `name`, made at the first call.
    pub fn gauge(&self, name: &str) -> Result<Gauge, Error> {
        self.resolve(name, &[])
    }

    /// The gauge `name` with tags.
    pub fn gauge_with(&self, name: &str, tags: TagSlice<'_>) -> Result<Gauge, Error> {
        self.resolve(name, tags)
    }

    /// The timing `name`, made at the first call.
    pub fn timing(&self, name: &str) -> Result<Timing, Error> {
        self.resolve(name, &[])
    }

    /// The timing `name` with tags.
    pub fn timing_with(&self, name: &str, tags: TagSlice<'_>) -> Result<Timing, Error> {
        self.resolve(name, tags)
    }

    /// Adds to a counter in one call. While the registry is disabled, neither name nor tags are
    /// looked at.
    ///
    /// ```
    /// let registry = larder_metrics::Registry::new();
    /// registry.count("events.received.by_type", &[("type", "midi")], 1)?;
    /// # Ok::<(), larder_metrics::Error>(())
    /// ```
    #[inline]
    pub fn count(&self, name: &str, tags: TagSlice<'_>, events: u64) -> Result<(), Error> {
        if self.is_enabled() {
            self.counter_with(name, tags)?.add(events);
        }
        Ok(())
    }

    /// Adds to an up-down counter in one call; `delta` may be negative. While the registry is
    /// disabled, neither name nor tags are looked at.
    ///
    /// ```
    /// let registry = larder_metrics::Registry::new();
    /// registry.adjust("active.connections", &[("of", "websocket")], -1)?;
    /// # Ok::<(), larder_metrics::Error>(())
    /// ```
    #[inline]
    pub fn adjust(&self, name: &str, tags: TagSlice<'_>, delta: i64) -> Result<(), Error> {
        if self.is_enabled() {
            self.up_down_counter_with(name, tags)?.add(delta);
        }
        Ok(())
    }

    /// Sets a gauge in one call. While the registry is disabled, neither name nor tags are looked at.
    ///
    /// ```
    /// let registry = larder_metrics::Registry::new();
    /// registry.set("cache.hit_rate", &[], 0.85)?;
    /// # Ok::<(), larder_metrics::Error>(())
    /// ```
    #[inline]
    pub fn set(&self, name: &str, tags: TagSlice<'_>, value: f64) -> Result<(), Error> {
        if self.is_enabled() {
            self.gauge_with(name, tags)?.set(value);
        }
        Ok(())
    }

    /// Records a duration in one call. While the registry is disabled, neither name nor tags are
    /// looked at.
    ///
    /// ```
    /// use std::time::Duration;
    /// let registry = larder_metrics::Registry::new();
    /// registry.record("event.processing.duration", &[("type", "midi")], Duration::from_millis(15))?;
    /// # Ok::<(), larder_metrics::Error>(())
    /// ```
    #[inline]
    pub fn record(&self, name: &str, tags: TagSlice<'_>, duration: Duration) -> Result<(), Error> {
        if self.is_enabled() {
            self.timing_with(name, tags)?.record(duration);
        }
        Ok(())
    }

    /// Runs `work` and records how long it took, also if it panics. On an error `work` does not run;
    /// while the registry is disabled, the name is not looked at.
    ///
    /// ```
    /// let registry = larder_metrics::Registry::new();
    /// let answer = registry.time("expensive.operation", || 6 * 7)?;
    /// assert_eq!(answer, 42);
    /// # Ok::<(), larder_metrics::Error>(())
    /// ```
    #[inline]
    pub fn time<T>(&self, name: &str, work: impl FnOnce() -> T) -> Result<T, Error> {
        if self.is_enabled() {
            Ok(self.timing(name)?.time(work))
        } else {
            Ok(work())
        }
    }

    /// Says what a metric is, for who reads an [`Exposition`](crate::Exposition); before or after it is
    /// first used. Of a long text the first 512 characters are kept.
    ///
    /// ```
    /// let registry = larder_metrics::Registry::new();
    /// registry.describe("events.received", "Events that came in.")?;
    /// # Ok::<(), larder_metrics::Error>(())
    /// ```
    ///
    /// # Errors
    /// The name is not valid, or the registry's limit of names is reached by those described.
    pub fn describe(&self, name: &str, description: &str) -> Result<(), Error> {
        name::check(name)?;
        let descriptions = &mut self.0.state.write().descriptions;
        let limit = self.0.limits.families;
        if descriptions.len() >= limit && !descriptions.contains_key(name) {
            return Err(Error::TooManyFamilies {
                name: shown(name),
                limit,
            });
        }
        let description: String = description.chars().take(DESCRIPTION_CHARS_MAX).collect();
        descriptions.insert(name.into(), description.into());
        Ok(())
    }

    /// Wall time by the registry's clock.
    ///
    /// ```
    /// let registry = larder_metrics::Registry::new();
    /// assert!(registry.now() <= registry.snapshot().taken_at);
    /// # Ok::<(), larder_metrics::Error>(())
    /// ```
    pub fn now(&self) -> SystemTime {
        self.0.context.clock().wall()
    }

    /// All values now; names and series sorted. Handles record meanwhile, new ones wait.
    ///
    /// ```
    /// let registry = larder_metrics::Registry::new();
    /// registry.gauge("cache.hit_rate")?.set(0.85);
    /// assert_eq!(registry.snapshot().gauge("cache.hit_rate", &[]).unwrap().value, 0.85);
    /// # Ok::<(), larder_metrics::Error>(())
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        let state = self.0.state.read();
        let clock = self.0.context.clock();
        let now = clock.uptime();
        Snapshot {
            taken_at: clock.wall(),
            uptime: now.saturating_sub(state.made),
            span: now.saturating_sub(state.counted_from),
            families: state
                .families
                .iter()
                .map(|(name, family)| family.snapshot(name))
                .collect(),
            families_refused: state.families_refused,
            resets: state.resets,
        }
    }

    /// Sets counters and timings back to zero, and the extremes of gauges to their present values;
    /// up-down counters stay, and so do handles. A recording that is under way meanwhile may be kept in part.
    ///
    /// ```
    /// let registry = larder_metrics::Registry::new();
    /// let received = registry.counter("events.received")?;
    /// received.increment();
    /// registry.reset();
    /// assert_eq!(received.value(), 0);
    /// # Ok::<(), larder_metrics::Error>(())
    /// ```
    pub fn reset(&self) {
        let mut state = self.0.state.write();
        state.counted_from = self.0.context.clock().uptime();
        state.resets += 1;
        state.families_refused = 0;
        state.families.values_mut().for_each(Family::reset);
    }

    /// Writes all series as scrapers read them.
    pub(crate) fn write(&self, out: &mut Vec<u8>, format: TextFormat) -> Refused {
        let state = self.0.state.read();
        for (name, family) in &state.families {
            let description = state.descriptions.get(&**name);
            let description = description.map_or_else(
                || format!("The {} {name}.", family.kind).into(),
                Clone::clone,
            );
            let shape = Shape::of(family.kind);
            let exported = family.exported.name(format.spelling());
            exposition::header(out, format, shape, exported, &description);
            family.write(out, format);
        }
        let overflowed = state
            .families
            .iter()
            .map(|(name, family)| (name.clone(), family.overflowed()));
        Refused {
            families: state.families_refused,
            overflowed: overflowed
                .filter(|(_, overflowed)| *overflowed > 0)
                .collect(),
        }
    }

    /// Whether an export has this name, or may have it.
    pub(crate) fn exports(&self, name: &str, spelling: Spelling) -> bool {
        let state = self.0.state.read();
        match spelling {
            Spelling::Underscores => state.taken.contains(name),
            Spelling::Native => state.native.contains(name),
        }
    }

    fn resolve<H: Handle>(&self, name: &str, tags: TagSlice<'_>) -> Result<H, Error> {
        name::check(name)?;
        let tags = tags::check(tags)?;
        if let Some(family) = self.0.state.read().families.get(name) {
            of_kind::<H>(family, name)?;
            if let Some(handle) = family.find(&tags, self.0.limits.series_per_family) {
                return Ok(handle);
            }
        }
        self.register(name, &tags)
    }

    fn register<H: Handle>(&self, name: &str, tags: TagSlice<'_>) -> Result<H, Error> {
        let Limits {
            families: limit,
            series_per_family,
        } = self.0.limits;
        let state = &mut *self.0.state.write();
        if !state.families.contains_key(name) {
            if state.families.len() >= limit {
                state.families_refused += 1;
                return Err(Error::TooManyFamilies {
                    name: shown(name),
                    limit,
                });
            }
            let shape = Shape::of(H::KIND);
            let (plain, native) = (Spelling::Underscores, Spelling::Native);
            let exported = Exported {
                underscores: state.taken.claim(shape, name, plain, |_| true),
                native: state.native.claim(shape, name, native, |_| true),
            };
            let family = Family::new(H::KIND, exported);
            state.families.insert(name.into(), family);
        }
        let family = state
            .families
            .get_mut(name)
            .expect("the family was just seen or added");
        of_kind::<H>(family, name)?;
        // Another thread may have added the series since it was not found.
        let found = family.find(tags, series_per_family);
        Ok(found.unwrap_or_else(|| family.add(tags, series_per_family, &self.0.context)))
    }
}

/// What went over a registry's limits.
pub(crate) struct Refused {
    /// Look-ups of new names that were refused.
    pub(crate) families: u64,
    /// Look-ups that were given the overflow series, by family.
    pub(crate) overflowed: Vec<(Arc<str>, u64)>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

fn of_kind<H: Handle>(family: &Family, name: &str) -> Result<(), Error> {
    if family.kind == H::KIND {
        return Ok(());
    }
    Err(Error::OtherKind {
        name: shown(name),
        registered: family.kind,
        requested: H::KIND,
    })
}
