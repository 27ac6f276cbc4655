//! What is raised from the tier under memory.
//!
//! ```text
//! miss in memory ─► one reading for all who want the key, detached ─► tier ─► valid by the log?
//!                   └ fenced off as loads are: what was written meanwhile is not overwritten
//! ```
//! What is raised keeps the version and the times that it was stored with.

use std::borrow::Borrow;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use super::Inner;
use super::load::{Call, landing_within, within};
use super::store::Left;
use crate::checks::Check;
use crate::clock::Tick;
use crate::entry::Source;
use crate::flight::{Began, Boarding, Flights, Landing, Lead, Led, Ticket, Work};
use crate::key::{CacheKey, KeyRef};
use crate::log::Standing;
use crate::misses::MissReason;
use crate::notes::{Note, Tags};
use crate::observe::Event;
use crate::spans;
use crate::tier::memory::{Cost, Hit, Meta};
use crate::tier::{Asked, Nothing, Stored, Tier};
use crate::tier_stats::TierStats;

/// The tier under memory.
pub(crate) struct Below<V> {
    pub(super) tier: Arc<dyn Tier<V>>,
}

/// Readings of what lies under memory that are under way, one for each key.
pub(crate) type Readings<K, V> = Flights<K, Option<Raised<V>>>;

/// What was found below, as memory keeps it.
#[derive(Clone)]
pub(crate) struct Raised<V> {
    /// `None`: it is known that the key has no value.
    pub(super) value: Option<V>,
    pub(super) meta: Meta,
    pub(super) tags: Tags,
    pub(super) lookup: Option<u64>,
    pub(super) source: Source,
    /// The shared store's epoch that it was read in.
    pub(super) epoch: Option<u64>,
    /// The version that it has there.
    pub(super) mark: Option<u64>,
}

/// What is known of a key for which memory has no value of use.
pub(super) enum Beneath<V> {
    /// The tier under memory has one, and memory too by now.
    Hit(Hit<V>, Source),
    /// It has none; that is counted.
    Absent,
    Nothing,
}

impl<V: Clone + Send + Sync + 'static> Below<V> {
    pub(crate) fn new(tier: Arc<dyn Tier<V>>) -> Self {
        Self { tier }
    }

    /// Runs a reading of the tier where it may block, if it does: from end to end on one thread, for
    /// each change of threads costs more than the reading.
    fn detach<T: Send + 'static>(
        &self,
        runtime: &Handle,
        reading: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        if self.tier.blocks() {
            let on = runtime.clone();
            let reading = reading.in_current_span();
            runtime.spawn_blocking(move || on.block_on(reading))
        } else {
            runtime.spawn(reading.in_current_span())
        }
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// What is known of a key for which memory has no value of use.
    pub(super) async fn beneath(self: &Arc<Self>, key: &K, call: &Call) -> Beneath<V> {
        if self.is_absent(call.hash, key, self.clock.now(), call.at) {
            self.negative_hit();
            return Beneath::Absent;
        }
        let raised = self.from_below(key, call).await;
        self.as_beneath(raised)
    }

    pub(crate) fn negative_hit(&self) {
        self.recorder.count(Event::Hit);
        self.recorder.count(Event::NegativeHit);
    }

    pub(super) fn as_beneath(&self, raised: Option<Raised<V>>) -> Beneath<V> {
        match raised {
            None => Beneath::Nothing,
            Some(Raised {
                value: Some(value),
                meta,
                source,
                mark,
                ..
            }) => Beneath::Hit(Hit { value, meta, mark }, source),
            Some(Raised { value: None, .. }) => {
                self.negative_hit();
                Beneath::Absent
            }
        }
    }

    /// What the tier under memory has for the key, in memory by now.
    async fn from_below(self: &Arc<Self>, key: &K, call: &Call) -> Option<Raised<V>> {
        let runtime = self.runtime().ok();
        let led = runtime.clone().filter(|_| self.shared.is_some());
        let led = led.map(Led::new);
        let ticket = match self.board_reading(key, call.hash, led.clone())? {
            Boarding::Joined(ticket) => ticket,
            Boarding::Leads(lead, ticket) => {
                let reading: Work = Box::pin(self.clone().raise(lead, key.clone(), call.hash));
                match (runtime, led, &self.below) {
                    (Some(runtime), Some(led), _) => {
                        let led = async move {
                            led.lead(reading).await;
                            ticket.landing().await
                        };
                        let limit = self.policy.wait_limit(false);
                        let landing = within(limit, &runtime, led).await?;
                        return self.raised_in(landing, key, call.at);
                    }
                    (Some(runtime), None, Some(below)) => drop(below.detach(&runtime, reading)),
                    _ => reading.await,
                }
                ticket
            }
            Boarding::Full => return None,
        };
        let limit = self.policy.wait_limit(false);
        self.raised_by(ticket, limit, key, call.at).await
    }

    /// Joins the reading of the key that is under way, or leads one, whose work is done in `led`.
    pub(super) fn board_reading(
        &self,
        key: &K,
        hash: u64,
        led: Option<Arc<Led>>,
    ) -> Option<Boarding<K, Option<Raised<V>>>> {
        let began = Began {
            stamp: self.log.stamp(),
            when: self.clock.now(),
        };
        let is_joinable = |running| self.may_join(running, began.when);
        let readings = self.readings.as_ref()?;
        Some(readings.board_led(hash, key, None, began, led, is_joinable))
    }

    /// What a reading brings to one who waits for it, no longer than `limit`, at lookup version `at`.
    pub(super) async fn raised_by(
        &self,
        ticket: Ticket<Option<Raised<V>>>,
        limit: Duration,
        key: &K,
        at: Option<u64>,
    ) -> Option<Raised<V>> {
        let landing = match self.runtime() {
            Ok(runtime) => landing_within(limit, &runtime, ticket).await?,
            Err(_) => ticket.landing().await,
        };
        self.raised_in(landing, key, at)
    }

    fn raised_in(
        &self,
        landing: Landing<Option<Raised<V>>>,
        key: &K,
        at: Option<u64>,
    ) -> Option<Raised<V>> {
        let Landing::Landed(raised) = landing else {
            return None;
        };
        // Whoever joined late comes after invalidations that the reading may have come before.
        let mut raised = raised.filter(|raised| at.is_none() || raised.lookup == at)?;
        let (version, tags) = (raised.meta.version, &raised.tags);
        let standing = self.standing_below(key, version, tags);
        let fresh_until = self.fresh_below(standing, version, tags, raised.meta.fresh_until)?;
        raised.meta.fresh_until = self.told(fresh_until, raised.value.is_none())?;
        Some(raised)
    }

    /// Until when what is stored is fresh, standing so; `None` if it is invalid.
    fn fresh_below(
        &self,
        standing: Standing,
        version: u64,
        tags: &Tags,
        until: Tick,
    ) -> Option<Tick> {
        match standing {
            Standing::Valid => Some(until),
            Standing::Expired => {
                let since = self.log.expired_since(version, tags);
                Some(until.min(since.unwrap_or_else(|| self.clock.now())))
            }
            Standing::Invalid => None,
        }
    }

    /// That there is no value is not told past its time, as something stale.
    fn told(&self, fresh_until: Tick, is_absence: bool) -> Option<Tick> {
        (!is_absence || fresh_until > self.clock.now()).then_some(fresh_until)
    }

    fn standing_below(&self, key: &K, version: u64, tags: &Tags) -> Standing {
        if !self.checks.stands(Check::Beneath) {
            return Standing::Valid;
        }
        self.log.standing(version, tags, || key.to_text())
    }

    /// Remembers why the tier under memory had nothing, where that is wanted.
    fn lost_below(&self, hash: u64, nothing: Nothing) {
        match nothing {
            // What took it away from memory has taken it from there too, and is remembered.
            Nothing::NotStored => {}
            Nothing::Expired => self.lost(hash, MissReason::Expired),
            Nothing::Undecodable => self.lost(hash, MissReason::Undecodable),
            Nothing::Down => self.lost(hash, MissReason::TierDown),
        }
    }

    /// Takes a version that is of no use off the disk.
    pub(super) fn drop_on_disk(&self, key: &K, version: Option<u64>) {
        if let (Some(below), Some(version)) = (&self.below, version) {
            below.tier.refuse(&key.to_text(), version);
        }
    }

    /// What the tier under memory has of the key, read where it may block.
    async fn read_below(&self, key: &K, why: Asked) -> Option<Stored<V>> {
        let below = self.below.as_ref()?;
        let (tier, text) = (below.tier.clone(), key.to_text().into_owned());
        let span = spans::disk(&self.name);
        let reading = async move { tier.read(&text, why).instrument(span).await };
        let read = match self.runtime() {
            Ok(runtime) => below.detach(&runtime, reading).await.ok()?,
            Err(_) => reading.await,
        };
        read.ok()
    }

    /// What is kept of a load's cost that a lower tier tells; 0 is not known.
    pub(super) fn cost_below(&self, cost: Duration) -> Cost {
        if self.keeps_costs && !cost.is_zero() {
            Cost::of(cost)
        } else {
            Cost::UNKNOWN
        }
    }

    /// What the tier under memory holds of the key, for [`Cache::explain`].
    pub(super) async fn held_below(&self, key: &K) -> Option<Stored<V>> {
        let stored = self.read_below(key, Asked::ToExplain).await?;
        let standing = self.standing_below(key, stored.version, &stored.tags);
        let (version, tags, until) = (stored.version, &stored.tags, stored.fresh_until);
        let fresh_until = self.fresh_below(standing, version, tags, until)?;
        let fresh_until = self.told(fresh_until, stored.value.is_none())?;
        Some(Stored {
            fresh_until,
            ..stored
        })
    }

    /// Reads the key's value and puts it into memory, unless the key was written meanwhile.
    async fn raise(self: Arc<Self>, lead: Lead<K, Option<Raised<V>>>, key: K, hash: u64) {
        if self.shared.is_some() {
            return self.raise_shared(lead, key, hash).await;
        }
        let stored = match &self.below {
            Some(below) => {
                let text = key.to_text();
                let reading = below.tier.read(&text, Asked::ToServe);
                reading.instrument(spans::disk(&self.name)).await
            }
            None => Err(Nothing::NotStored),
        };
        let stored = stored.inspect_err(|nothing| self.lost_below(hash, *nothing));
        let stored = stored.ok().filter(|stored| {
            if self.log.is_closed() {
                return false;
            }
            let standing = self.standing_below(&key, stored.version, &stored.tags);
            if let (Standing::Invalid, Some(below)) = (standing, &self.below) {
                below.tier.refuse(&key.to_text(), stored.version);
            }
            let (version, tags, until) = (stored.version, &stored.tags, stored.fresh_until);
            self.fresh_below(standing, version, tags, until)
                .and_then(|until| self.told(until, stored.value.is_none()))
                .is_some()
        });
        let Some(stored) = stored else {
            return lead.land(|_| None);
        };
        let note = Note {
            tags: stored.tags.clone(),
            etag: stored.etag.clone(),
            at: stored.lookup,
            mark: stored.mark,
        };
        let meta = self.meta_below(&stored, self.notes.hold(&note));
        let raised = Raised {
            value: stored.value,
            meta,
            tags: note.tags,
            lookup: note.at,
            source: self.source_below(),
            epoch: None,
            mark: note.mark,
        };
        self.land_raised(lead, key, hash, raised);
    }

    /// The same from the store that processes share. What is on disk is as good as what memory holds
    /// and suspects: its version is compared.
    async fn raise_shared(&self, lead: Lead<K, Option<Raised<V>>>, key: K, hash: u64) {
        let on_disk = self.held_on_disk(&key).await;
        let found = self.read_shared(&key, hash, on_disk).await;
        self.land_found(lead, key, hash, found);
    }

    /// Ends a reading with what the shared store has.
    pub(super) fn land_found(
        &self,
        lead: Lead<K, Option<Raised<V>>>,
        key: K,
        hash: u64,
        found: Result<Raised<V>, Nothing>,
    ) {
        match found {
            Ok(raised) => self.land_raised(lead, key, hash, raised),
            Err(nothing) => {
                self.lost_below(hash, nothing);
                lead.land(|_| None);
            }
        }
    }

    /// What the disk holds of the key under a version of the shared store.
    pub(super) async fn held_on_disk(&self, key: &K) -> Option<Stored<V>> {
        let below = self.below.as_ref()?;
        let stored = self.read_below(key, Asked::ToServe).await?;
        let standing = self.standing_below(key, stored.version, &stored.tags);
        if stored.mark.is_none() || standing == Standing::Invalid {
            below.tier.refuse(&key.to_text(), stored.version);
            return None;
        }
        Some(stored)
    }

    fn land_raised(&self, lead: Lead<K, Option<Raised<V>>>, key: K, hash: u64, raised: Raised<V>) {
        let (mut departed, note) = (None, raised.meta.note);
        lead.land(|is_unfenced| {
            if (is_unfenced || !self.checks.stands(Check::Reading)) && self.is_epochs(&raised) {
                let publish = || self.publish_raised(hash, key, &raised);
                departed = self.flights.locked(hash, publish);
            }
            Some(raised)
        });
        match departed {
            Some(left) => self.let_left_go(left),
            None => self.notes.release(note),
        }
    }

    /// As memory keeps it: for what is left of its life, and no longer than the policy keeps values
    /// in memory.
    fn meta_below(&self, stored: &Stored<V>, note: u32) -> Meta {
        let now = self.clock.now();
        let (mut fresh_until, mut expires_at) = (stored.fresh_until, stored.expires_at);
        if !stored.has_own_ttl && stored.value.is_some() {
            let (limit, _) = self.policy.deadlines(now, None, stored.version);
            if limit < fresh_until {
                // What follows is asked of the tier again.
                (fresh_until, expires_at) = (limit, limit);
            }
        }
        let cost = self.cost_below(stored.cost);
        Meta {
            version: stored.version,
            created: stored.created,
            fresh_until,
            expires_at,
            note,
            cost,
            is_watched: false,
        }
    }

    /// Puts it into memory unless something newer is there. Under the lock that orders writes.
    fn publish_raised(&self, hash: u64, key: K, raised: &Raised<V>) -> Option<Left<K, V>> {
        let (now, meta) = (self.clock.now(), raised.meta);
        let mut is_newer_there = false;
        self.memory.inspect(hash, &key, |there| {
            is_newer_there = there.version > meta.version;
        });
        if is_newer_there || meta.expires_at <= now {
            return None;
        }
        Some(self.keep(hash, key, raised.value.clone(), meta))
    }

    pub(super) fn source_below(&self) -> Source {
        let source = self.below.as_ref().map(|below| below.tier.source());
        source.unwrap_or(Source::Memory)
    }

    /// As [`Flights::fence`], for loads and for readings of the tier under memory.
    pub(super) fn fence<Q, R>(&self, hash: u64, key: &Q, write: impl FnOnce() -> R) -> R
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        match &self.readings {
            None => self.flights.fence::<_, Q, _>(hash, key, |_| write()),
            Some(readings) => readings.fence::<_, Q, _>(hash, key, |key| {
                self.flights.fence::<_, Q, _>(hash, key, |_| write())
            }),
        }
    }

    /// Does `doubt`, which makes what is held of the key suspect: what is being read of it is not
    /// kept, and what is being loaded not joined any more.
    pub(super) fn push(&self, hash: u64, key: &K, doubt: impl FnOnce()) {
        match &self.readings {
            None => self.flights.push(hash, key, doubt),
            Some(readings) => {
                readings.fence::<_, K, _>(hash, key, |key| self.flights.push(hash, key, doubt));
            }
        }
    }

    /// The figures of the tier under memory.
    pub(super) fn stats_below(&self) -> Option<TierStats> {
        self.below.as_ref().map(|below| below.tier.stats())
    }
}
