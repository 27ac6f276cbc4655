//! The places that hold values: memory, and the tiers under it.
//!
//! A tier stores and finds; it must not know policies, loaders or observers. Memory is called
//! directly. Lower tiers stand behind [`Tier`], which says what each of them promises.

pub(crate) mod codec;
pub(crate) mod disk;
pub(crate) mod envelope;
mod fields;
pub(crate) mod log_item;
pub(crate) mod memory;
mod owed;
pub(crate) mod remote;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use crate::clock::Tick;
use crate::entry::Source;
use crate::tier_stats::TierStats;
pub(crate) use log_item::LogItem;
pub(crate) use owed::{Dues, Owed};

/// What a tier is asked for and does not answer at once.
pub(crate) type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A value with what is known of it, as it goes into a lower tier and comes out.
#[derive(Clone, Debug)]
pub(crate) struct Stored<V> {
    /// `None`: it is known that the key has no value.
    pub(crate) value: Option<V>,
    /// Identifies the value, and is what invalidations are compared with.
    pub(crate) version: u64,
    pub(crate) created: Tick,
    pub(crate) fresh_until: Tick,
    pub(crate) expires_at: Tick,
    pub(crate) has_own_ttl: bool,
    pub(crate) cost: Duration,
    pub(crate) tags: Arc<[Box<str>]>,
    pub(crate) etag: Option<Arc<str>>,
    /// The version that the value was asked for at.
    pub(crate) lookup: Option<u64>,
    /// Its version in the store that processes share.
    pub(crate) mark: Option<u64>,
}

/// What is to become of a key.
#[derive(Debug)]
pub(crate) enum Write<V> {
    Put(Stored<V>),
    Remove,
    /// Its value is stale from this tick on.
    Expire(Tick),
}

/// An item of the invalidation log, for a tier to keep.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) number: u64,
    pub(crate) item: LogItem,
    /// What has a lower number is invalid; older items may be forgotten.
    pub(crate) floor: u64,
}

/// What a tier knows of an earlier life of the cache.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recovered {
    /// No value or item has a higher number.
    pub(crate) number: u64,
    pub(crate) floor: u64,
    /// Items in the order of their numbers.
    pub(crate) items: Vec<(u64, LogItem)>,
    /// What the store that processes share has to be told yet.
    pub(crate) owed: Vec<Owed>,
}

/// A place among a tier's waiting writes; `None` where the tier takes none any more.
#[derive(Debug, Default)]
pub(crate) struct Room(Option<OwnedSemaphorePermit>);

/// A write that was taken in, to be waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Receipt(u64);

/// A write that was taken in, and the value that it has taken the place of: to be dropped outside
/// every lock.
#[derive(Debug)]
pub(crate) struct TakenIn<V> {
    pub(crate) receipt: Receipt,
    #[expect(dead_code, reason = "kept until whoever wrote has left its locks")]
    pub(crate) former: Option<Arc<Stored<V>>>,
}

/// The tier could not make sure that a write holds beyond this process. The text is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Undurable(pub(crate) Arc<str>);

/// What a tier is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    ToServe,
    /// It is not counted.
    ToExplain,
}

/// Why a tier has nothing for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nothing {
    NotStored,
    Expired,
    /// What is stored is damaged, or of no use to the value's type.
    Undecodable,
    /// The tier has switched itself off.
    Down,
}

/// A tier under memory.
///
/// Writes are taken in at once, in the order of the calls, and seen by every read from then on; they
/// are durable when [`settled`](Self::settled) says so. A tier that fails switches itself off: its
/// reads find nothing, and it says so in its figures.
pub(crate) trait Tier<V>: Send + Sync {
    /// What values found here are said to come from.
    fn source(&self) -> Source;

    /// Whether [`read`](Self::read) blocks its thread, for as long as a device takes: it is for a
    /// thread that may be.
    fn blocks(&self) -> bool;

    /// What is stored for the key. Its expiry is checked here, its validity by the caller.
    fn read<'a>(&'a self, key: &'a str, why: Asked) -> Later<'a, Result<Stored<V>, Nothing>>;

    /// The caller found invalid what it read: it is taken back, if it still stands.
    fn refuse(&self, key: &str, version: u64);

    /// Waits for room among the waiting writes.
    fn room(&self) -> Later<'_, Room>;

    /// Room, if there is some now.
    fn room_now(&self) -> Option<Room>;

    /// Takes a write in. A value without room is dropped and counted, and an older one of the key is
    /// found no more. `is_awaited`: the caller waits for it to be durable.
    fn write(&self, key: &str, write: Write<V>, room: Option<Room>, is_awaited: bool)
    -> TakenIn<V>;

    /// Takes an item of the invalidation log in.
    fn record(&self, logged: Logged, room: Room) -> Receipt;

    /// Takes in what changes among the invalidations that the shared store has not acknowledged.
    fn owe(&self, dues: Dues, room: Room) -> Receipt;

    /// Waits until the write is durable.
    fn settled(&self, receipt: Receipt) -> Later<'_, Result<(), Undurable>>;

    /// Waits until all that was taken in is durable.
    fn flush(&self) -> Later<'_, Result<(), Undurable>>;

    /// Flushes, then gives the tier's resources back; it finds and takes nothing any more.
    fn close(&self) -> Later<'_, Result<(), Undurable>>;

    /// The tier's figures since it was opened.
    fn stats(&self) -> TierStats;
}
