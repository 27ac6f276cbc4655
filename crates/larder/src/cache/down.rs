//! What goes down to the tier under memory, and what waits until it is durable there.
//!
//! Writes are taken in by the tier under the lock that orders them in memory; whoever has to wait,
//! waits outside of it.

use std::borrow::Borrow;
use std::sync::Arc;
use std::time::Duration;

use super::below::Below;
use super::load::Call;
use super::{Cache, Inner};
use crate::entry::Applied;
use crate::error::Error;
use crate::glob::Glob;
use crate::key::{CacheKey, KeyRef};
use crate::log::{Item, Listed};
use crate::notes::Note;
use crate::observe::Event;
use crate::tier::memory::{Cost, Meta};
use crate::tier::{LogItem, Logged, Receipt, Room, Stored, TakenIn, Undurable, Write};

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

fn not_durable(error: Undurable) -> Error {
    Error::NotDurable { reason: error.0 }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
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
        self: &Arc<Self>,
        key: K,
        value: V,
        call: Call,
    ) -> Result<Applied, Error> {
        if self.shared.is_some() {
            let inner = self.clone();
            let told = async move { inner.insert_shared(key, value, call).await };
            return self.detached("insert", told).await;
        }
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
        below: &Below<V>,
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

    /// Records items in the log, does what `then` says, and waits until the items are durable, and told to
    /// all; returns their number.
    pub(super) async fn record_through(
        self: &Arc<Self>,
        items: impl IntoIterator<Item = Item>,
        then: impl FnOnce(),
    ) -> Result<(u64, Applied), Error> {
        let items: Vec<Item> = items.into_iter().collect();
        let kept: Vec<LogItem> = match self.readings {
            Some(_) => items.iter().map(log_item).collect(),
            None => Vec::new(),
        };
        let number = self.log.record(items, self.clock.now());
        then();
        self.keep_items(number, &kept).await?;
        if self.shared.is_none() || self.log.is_closed() {
            return Ok((number, Applied::Everywhere));
        }
        let inner = self.clone();
        let told = async move { inner.tell_items(&kept).await };
        self.detached("invalidate", told).await
    }

    /// Has the tier keep items of the log, under the last one's number.
    async fn keep_items(&self, number: u64, items: &[LogItem]) -> Result<(), Error> {
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
                item: item.clone(),
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
        mark: note.mark,
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
