//! The way to the tier under memory and back: what is raised from it, and what goes down to it.
//!
//! ```text
//! miss in memory ─► one reading for all who want the key, detached ─► tier ─► valid by the log?
//!                   └ fenced off as loads are: what was written meanwhile is not overwritten
//! ```
//! What is raised keeps the version and the times that it was stored with. Writes are taken in by
//! the tier under the lock that orders them in memory; whoever has to wait, waits outside of it.

use std::borrow::Borrow;
use std::sync::Arc;
use std::time::Duration;

use super::load::{Call, landing_within};
use super::{Cache, Inner};
use crate::checks::Checks;
use crate::clock::Tick;
use crate::entry::{Applied, Entry, Source};
use crate::error::Error;
use crate::flight::{Boarding, Flights, Landing, Lead};
use crate::glob::Glob;
use crate::key::{CacheKey, KeyRef};
use crate::log::{Item, Listed, Standing};
use crate::misses::MissReason;
use crate::notes::{Note, Tags};
use crate::observe::Event;
use crate::tier::memory::{Cost, Departures, Hit, Meta};
use crate::tier::{Asked, LogItem, Logged, Nothing, Receipt, Room, Stored, TakenIn, Tier, Write};
use crate::tier_stats::TierStats;

/// The tier under memory, and the readings of it that are under way.
pub(crate) struct Below<K, V> {
    tier: Arc<dyn Tier<V>>,
    readings: Arc<Flights<K, Option<Raised<V>>>>,
}

/// What was found below, as memory keeps it.
#[derive(Clone)]
pub(super) struct Raised<V> {
    /// `None`: it is known that the key has no value.
    value: Option<V>,
    meta: Meta,
    tags: Tags,
    lookup: Option<u64>,
}

/// What is known of a key for which memory has no value of use.
pub(super) enum Beneath<V> {
    /// The tier under memory has one, and memory too by now.
    Hit(Hit<V>),
    /// It has none; that is counted.
    Absent,
    Nothing,
}

/// What left memory for what was raised.
enum Left<K, V> {
    Values(Departures<K, V>),
    Absences(Departures<K, ()>),
}

/// What is known of a value that goes down.
pub(super) struct Kept<'a> {
    meta: Meta,
    note: &'a Note,
    has_own_ttl: bool,
}

impl<'a> Kept<'a> {
    /// `ttl` is the value's own time to live, if it has one.
    pub(super) const fn of(meta: Meta, note: &'a Note, ttl: Option<Duration>) -> Self {
        Self {
            meta,
            note,
            has_own_ttl: ttl.is_some(),
        }
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Below<K, V> {
    pub(crate) fn new(tier: Arc<dyn Tier<V>>, readings_max: usize) -> Self {
        Self {
            tier,
            readings: Arc::new(Flights::new(readings_max, Checks::default())),
        }
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// Waits until everything that was stored so far would survive a restart. Invalidations and
    /// inserts wait for that themselves; loads do not. Without a tier under memory there is nothing
    /// to wait for.
    ///
    /// # Errors
    /// [`Error::NotDurable`] if the tier has failed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path();
    /// use larder::{Cache, Disk};
    /// let users = Cache::<u64, String>::builder("users").disk(Disk::at(path)).build()?;
    /// users.get_or_load(&7, |_| async { Ok::<_, std::io::Error>("Ada".to_owned()) }).await?;
    /// users.flush().await?;
    /// # Ok(()) }
    /// ```
    pub async fn flush(&self) -> Result<(), Error> {
        let Some(below) = &self.inner.below else {
            return Ok(());
        };
        below.tier.flush().await.map_err(not_durable)?;
        match below.tier.stats().degraded {
            None => Ok(()),
            Some(reason) => Err(Error::NotDurable {
                reason: reason.into(),
            }),
        }
    }
}

fn not_durable(error: crate::tier::Undurable) -> Error {
    Error::NotDurable { reason: error.0 }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// What is known of a key for which memory has no value of use.
    pub(super) async fn beneath(self: &Arc<Self>, key: &K, call: &Call) -> Beneath<V> {
        if !self.is_absent(call.hash, key, self.clock.now(), call.at) {
            match self.from_below(key, call).await {
                None => return Beneath::Nothing,
                Some(Raised {
                    value: Some(value),
                    meta,
                    ..
                }) => return Beneath::Hit(Hit { value, meta }),
                Some(Raised { value: None, .. }) => {}
            }
        }
        self.negative_hit();
        Beneath::Absent
    }

    /// What the tier under memory has for the key, in memory by now.
    async fn from_below(self: &Arc<Self>, key: &K, call: &Call) -> Option<Raised<V>> {
        let below = self.below.as_ref()?;
        let limit = self.policy.wait_limit(false);
        let boarding = below.readings.board(call.hash, key, None, 0, |_| true);
        let ticket = match boarding {
            Boarding::Joined(ticket) => ticket,
            Boarding::Leads(lead, ticket) => {
                let reading = self.clone().raise(lead, key.clone(), call.hash);
                match self.runtime() {
                    Ok(runtime) => drop(runtime.spawn(reading)),
                    Err(_) => reading.await,
                }
                ticket
            }
            Boarding::Full => return None,
        };
        let landing = match self.runtime() {
            Ok(runtime) => landing_within(limit, &runtime, ticket).await?,
            Err(_) => ticket.landing().await,
        };
        let Landing::Landed(raised) = landing else {
            return None;
        };
        // Whoever joined late comes after invalidations that the reading may have come before.
        let mut raised = raised.filter(|raised| call.at.is_none() || raised.lookup == call.at)?;
        let standing = self.standing_below(key, raised.meta.version, &raised.tags);
        raised.meta.fresh_until =
            self.told_until(standing, raised.value.is_none(), raised.meta.fresh_until)?;
        Some(raised)
    }

    /// Until when what is stored is fresh, standing so; `None` if it is not to be told. That there is
    /// no value is never told as something stale.
    fn told_until(&self, standing: Standing, is_absence: bool, fresh_until: Tick) -> Option<Tick> {
        let now = self.clock.now();
        let until = match standing {
            Standing::Valid => fresh_until,
            Standing::Expired => fresh_until.min(now),
            Standing::Invalid => return None,
        };
        (!is_absence || until > now).then_some(until)
    }

    fn standing_below(&self, key: &K, version: u64, tags: &Tags) -> Standing {
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

    /// What the tier under memory holds of the key, for [`Cache::explain`].
    pub(super) async fn held_below(&self, key: &K) -> Option<Stored<V>> {
        let below = self.below.as_ref()?;
        let stored = below
            .tier
            .read(&key.to_text(), Asked::ToExplain)
            .await
            .ok()?;
        let standing = self.standing_below(key, stored.version, &stored.tags);
        let fresh_until = self.told_until(standing, stored.value.is_none(), stored.fresh_until)?;
        Some(Stored {
            fresh_until,
            ..stored
        })
    }

    /// Reads the key's value and puts it into memory, unless the key was written meanwhile.
    async fn raise(self: Arc<Self>, lead: Lead<K, Option<Raised<V>>>, key: K, hash: u64) {
        let stored = match &self.below {
            Some(below) => below.tier.read(&key.to_text(), Asked::ToServe).await,
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
            self.told_until(standing, stored.value.is_none(), stored.fresh_until)
                .is_some()
        });
        let Some(stored) = stored else {
            return lead.land(|_| None);
        };
        let note = Note {
            tags: stored.tags.clone(),
            etag: stored.etag.clone(),
            at: stored.lookup,
        };
        let meta = self.meta_below(&stored, self.notes.hold(&note));
        let raised = Raised {
            value: stored.value,
            meta,
            tags: note.tags,
            lookup: note.at,
        };
        let mut departed = None;
        lead.land(|is_unfenced| {
            if is_unfenced {
                let publish = || self.publish_raised(hash, key, &raised);
                departed = self.flights.locked(hash, publish);
            }
            Some(raised)
        });
        match departed {
            Some(Left::Values(departed)) => self.let_go(departed),
            Some(Left::Absences(departed)) => self.release_notes(departed),
            None => self.notes.release(meta.note),
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
        let cost = if self.keeps_costs && !stored.cost.is_zero() {
            Cost::of(stored.cost)
        } else {
            Cost::UNKNOWN
        };
        Meta {
            version: stored.version,
            created: stored.created,
            fresh_until,
            expires_at,
            note,
            cost,
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
        Some(match raised.value.clone() {
            Some(value) => Left::Values(self.store(hash, key, value, meta, now)),
            None => Left::Absences(self.remember_absence(hash, key, meta, now)),
        })
    }

    /// The entry as its caller sees it.
    pub(super) fn entry_below(&self, entry: Entry<V>) -> Entry<V> {
        Entry {
            source: self.source_below(),
            ..entry
        }
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
        match &self.below {
            None => self.flights.fence::<_, Q, _>(hash, key, |_| write()),
            Some(below) => below.readings.fence::<_, Q, _>(hash, key, |key| {
                self.flights.fence::<_, Q, _>(hash, key, |_| write())
            }),
        }
    }

    /// Hands a write down that is waited for. Under the lock that orders writes.
    pub(super) fn write_below<Q>(&self, key: &Q, write: Write<V>, room: Room) -> Option<TakenIn<V>>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let below = self.below.as_ref()?;
        let key = key.to_key();
        Some(below.tier.write(&key.to_text(), write, Some(room), true))
    }

    /// Hands down what a load brought, if there is room; nobody waits for it.
    pub(super) fn put_below(
        &self,
        key: &K,
        value: Option<&V>,
        kept: &Kept<'_>,
    ) -> Option<TakenIn<V>> {
        let below = self.below.as_ref()?;
        let (write, room) = (stored(value.cloned(), kept), below.tier.room_now());
        Some(below.tier.write(&key.to_text(), write, room, false))
    }

    pub(super) async fn settled(&self, receipt: Option<Receipt>) -> Result<(), Error> {
        match (&self.below, receipt) {
            (Some(below), Some(receipt)) => below.tier.settled(receipt).await.map_err(not_durable),
            _ => Ok(()),
        }
    }

    /// Puts a value in by hand, and waits until it is durable.
    pub(super) async fn insert_through(
        &self,
        key: K,
        value: V,
        call: Call,
    ) -> Result<Applied, Error> {
        let (applied, receipt) = self.insert_soon(key, value, call).await?;
        self.settled(receipt).await?;
        Ok(applied)
    }

    /// Puts a value in by hand; it is durable when the receipt is settled.
    pub(super) async fn insert_soon(
        &self,
        key: K,
        value: V,
        call: Call,
    ) -> Result<(Applied, Option<Receipt>), Error> {
        let Some(below) = &self.below else {
            return Ok((self.insert(key, value, call)?, None));
        };
        let room = below.tier.room().await;
        let Some(receipt) = self.insert_below(below, key, value, call, room)? else {
            self.recorder.count(Event::Fenced);
            return Ok((Applied::Fenced, None));
        };
        self.recorder.count(Event::Insert);
        Ok((Applied::Everywhere, Some(receipt)))
    }

    /// As [`insert`](Self::insert), in memory and below at one moment. `None` if it was fenced.
    fn insert_below(
        &self,
        below: &Below<K, V>,
        key: K,
        value: V,
        call: Call,
        room: Room,
    ) -> Result<Option<Receipt>, Error> {
        self.open()?;
        let Call {
            hash, ttl, fence, ..
        } = call;
        let (note, now) = (call.into_note()?, self.clock.now());
        let meta = self.meta_of(now, ttl, self.notes.hold(&note), Cost::UNKNOWN);
        let is_stored = meta.expires_at > now;
        let write = if is_stored {
            stored(Some(value.clone()), &Kept::of(meta, &note, ttl))
        } else {
            Write::Remove
        };
        // Refused, they are dropped outside of the locks.
        let (mut write, mut value) = (Some(write), Some(value));
        let written = self.fence(hash, &key.clone(), || {
            if !self.may_write(fence, &key, hash, &note.tags) {
                return None;
            }
            self.forget_absence(hash, &key);
            let write = write.take()?;
            let taken = below.tier.write(&key.to_text(), write, Some(room), true);
            let departed = match value.take_if(|_| is_stored) {
                Some(value) => self.store(hash, key, value, meta, now),
                None => self.memory.remove(hash, &key).into(),
            };
            Some((taken, departed))
        });
        if !is_stored || written.is_none() {
            self.notes.release(meta.note);
        }
        Ok(written.map(|(taken, departed)| {
            self.let_go(departed);
            taken.receipt
        }))
    }

    /// Runs `take`, which takes the key's value out of memory, makes it stale, or the like, and hands
    /// that down if it is given room; waits until it is durable.
    pub(super) async fn take_through(
        &self,
        take: impl Fn(Option<Room>) -> Option<Receipt>,
    ) -> Result<(), Error> {
        let room = match &self.below {
            None => None,
            Some(below) => match below.tier.room_now() {
                None => {
                    // In memory it holds at once. What a reader raises until there is room is taken
                    // out again below.
                    take(None);
                    Some(below.tier.room().await)
                }
                room => room,
            },
        };
        self.settled(take(room)).await
    }

    /// Records items in the log, does what `then` says, and waits until the items are durable; returns
    /// their number.
    pub(super) async fn record_through(
        &self,
        items: impl IntoIterator<Item = Item>,
        then: impl FnOnce(),
    ) -> Result<u64, Error> {
        let items: Vec<Item> = items.into_iter().collect();
        let kept: Vec<LogItem> = match &self.below {
            Some(_) => items.iter().map(log_item).collect(),
            None => Vec::new(),
        };
        let number = self.log.record(items, self.clock.now());
        then();
        self.keep_items(number, kept).await?;
        Ok(number)
    }

    /// Has the tier keep items of the log, under the last one's number.
    async fn keep_items(&self, number: u64, items: Vec<LogItem>) -> Result<(), Error> {
        let Some(below) = &self.below else {
            return Ok(());
        };
        let (floor, mut last) = (self.log.floor(), None);
        if self.log.is_closed() {
            // Its floor is none that a later life should have.
            return below.tier.flush().await.map_err(not_durable);
        }
        for item in items {
            let logged = Logged {
                number,
                item,
                floor,
            };
            last = Some(below.tier.record(logged, below.tier.room().await));
        }
        self.settled(last).await
    }

    /// Has the tier under memory write what waits, and end.
    pub(super) async fn close_below(&self) -> Result<(), Error> {
        match &self.below {
            Some(below) => below.tier.close().await.map_err(not_durable),
            None => Ok(()),
        }
    }

    /// The figures of the tier under memory.
    pub(super) fn stats_below(&self) -> Option<TierStats> {
        self.below.as_ref().map(|below| below.tier.stats())
    }
}

/// A value on its way down.
fn stored<V>(value: Option<V>, kept: &Kept<'_>) -> Write<V> {
    let Kept {
        meta,
        note,
        has_own_ttl,
    } = kept;
    Write::Put(Stored {
        value,
        version: meta.version,
        created: meta.created,
        fresh_until: meta.fresh_until,
        expires_at: meta.expires_at,
        has_own_ttl: *has_own_ttl,
        cost: meta.cost.duration().unwrap_or_default(),
        tags: note.tags.clone(),
        etag: note.etag.clone(),
        lookup: note.at,
    })
}

/// An item by its texts.
fn log_item(item: &Item) -> LogItem {
    match item {
        Item::All => LogItem::All,
        Item::Tag(tag) => LogItem::Tag(tag.clone()),
        Item::SoftTag(tag) => LogItem::SoftTag(tag.clone()),
        Item::Listed(Listed::Prefix(prefix)) => LogItem::Prefix(prefix.clone()),
        Item::Listed(Listed::Glob(glob)) => LogItem::Glob(glob.source().into()),
        Item::Listed(Listed::AllOf(tags)) => LogItem::AllOf(tags.clone()),
    }
}

/// The item of these texts. A pattern that this version cannot read stands for all.
pub(crate) fn item_of(item: LogItem) -> Item {
    match item {
        LogItem::All => Item::All,
        LogItem::Tag(tag) => Item::Tag(tag),
        LogItem::SoftTag(tag) => Item::SoftTag(tag),
        LogItem::Prefix(prefix) => Item::Listed(Listed::Prefix(prefix)),
        LogItem::Glob(pattern) => match Glob::parse(&pattern) {
            Ok(glob) => Item::Listed(Listed::Glob(glob)),
            Err(_) => Item::All,
        },
        LogItem::AllOf(tags) => Item::Listed(Listed::AllOf(tags)),
    }
}
