//! The disk tier: values that survive a restart, in one file for each cache.
//!
//! ```text
//! write ─► queue (bounded; readers see it at once) ─► one writer thread ─► file (redb, durable)
//! read ──► queue's newest for the key ──► else the file, on a blocking thread
//! ```
//! A failure of the disk switches the tier off and takes the file away. Knows no flights and no
//! policy; which values are valid is the caller's to say.

mod ends;
mod file;
mod moments;
mod opening;
mod outbox;
mod queue;
mod shared;
mod state;
mod tables;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use self::moments::Moments;
use self::opening::Opened;
use self::queue::{Operation, Queue};
use self::shared::{Counts, Doubts, Shared};
use self::tables::Which;
use super::{
    Asked, Dues, Later, Logged, Nothing, Receipt, Recovered, Room, Stored, TakenIn, Tier,
    Undurable, Write,
};
use crate::clock::Clock;
use crate::entry::Source;
use crate::error::BuildError;
use crate::tier::codec::Typed;
pub use crate::tier::codec::{Codec, Compression};
use crate::tier_stats::TierStats;

/// Where and how a cache keeps values on disk, for [`Builder::disk`](crate::Builder::disk).
///
/// ```
/// use larder::{Codec, Disk};
/// let disk = Disk::at("/var/cache/shop").max_bytes(10 << 30).codec(Codec::Postcard);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    directory: PathBuf,
    max_bytes: u64,
    codec: Codec,
    compression: Compression,
}

impl Disk {
    /// The most that entries take, unless set otherwise: 1 GiB.
    pub const DEFAULT_MAX_BYTES: u64 = 1 << 30;

    /// Keeps values in this directory, which is made if it is not there. Each cache has a file of
    /// its own in it, `<name>.redb`, which one process at a time may hold.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            max_bytes: Self::DEFAULT_MAX_BYTES,
            codec: Codec::default(),
            compression: Compression::default(),
        }
    }

    /// The most bytes that entries take with their keys; 1 GiB unless set. Past that those that end
    /// first go, the oldest first among those that never do. The file is longer: up to
    /// four times what lives and 64 MiB; past that it is compacted at the next start.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The format of new values; [`Codec::MessagePack`] unless set.
    #[must_use]
    pub const fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// How large values are compressed; [`Compression::Lz4`] unless set.
    #[must_use]
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }
}

/// An open disk tier. Dropped, it writes what waits and gives the file free, in the background.
pub(crate) struct DiskTier<V: Clone + Send + Sync + 'static>(Arc<Shared<V>>);

impl<V: Clone + Send + Sync + 'static> DiskTier<V> {
    /// Opens the cache's file. Blocks; see [`opening`] for how bad files and locks are met.
    ///
    /// # Errors
    /// [`BuildError::Disk`].
    pub(crate) fn open(
        name: &Arc<str>,
        settings: Disk,
        schema: u64,
        typed: Typed<V>,
        clock: Clock,
    ) -> Result<(Self, Recovered), BuildError> {
        Self::open_with(name, settings, schema, typed, clock, &opening::open_file)
    }

    fn open_with(
        name: &Arc<str>,
        settings: Disk,
        schema: u64,
        typed: Typed<V>,
        clock: Clock,
        opener: &opening::Opener,
    ) -> Result<(Self, Recovered), BuildError> {
        let path = settings.directory.join(format!("{name}.redb"));
        let refused = |reason| BuildError::Disk {
            name: name.to_string(),
            path: path.display().to_string(),
            reason,
        };
        let opened = opening::open(&path, schema, opener).map_err(refused)?;
        let (file, recovered, failure) = match opened {
            Opened::Ready(file, recovered) => (file, recovered, None),
            Opened::Full(file, reason) => (file, Recovered::default(), Some(reason)),
        };
        let shared = Arc::new(Shared {
            name: name.clone(),
            settings,
            typed,
            file,
            queue: Queue::new(),
            doubts: Doubts::new(),
            moments: Moments::new(&clock, recovered.number),
            clock,
            counts: Counts::default(),
            is_off: false.into(),
            failure: None.into(),
        });
        match failure {
            Some(reason) => shared.fail(&reason),
            None => {
                writer::start(shared.clone()).map_err(|error| refused(error.to_string()))?;
            }
        }
        Ok((Self(shared), recovered))
    }

    fn find(&self, key: &str, why: Asked) -> Result<Stored<V>, Nothing> {
        let shared = &self.0;
        if shared.is_off() {
            return Err(Nothing::Down);
        }
        let found = shared.find(&Arc::from(key));
        let counts = &shared.counts;
        let count = if found.is_ok() {
            &counts.hits
        } else {
            &counts.misses
        };
        count.fetch_add(u64::from(why == Asked::ToServe), Relaxed);
        found
    }
}

impl<V: Clone + Send + Sync + 'static> Tier<V> for DiskTier<V> {
    fn source(&self) -> Source {
        Source::Disk
    }

    fn blocks(&self) -> bool {
        true
    }

    fn read<'a>(&'a self, key: &'a str, why: Asked) -> Later<'a, Result<Stored<V>, Nothing>> {
        Box::pin(std::future::ready(self.find(key, why)))
    }

    fn refuse(&self, key: &str, version: u64) {
        let counts = &self.0.counts;
        counts.hits.fetch_sub(1, Relaxed);
        counts.misses.fetch_add(1, Relaxed);
        counts.invalid.fetch_add(1, Relaxed);
        self.0.reclaim(&key.into(), Which::Version(version));
    }

    fn room(&self) -> Later<'_, Room> {
        Box::pin(self.0.queue.room())
    }

    fn room_now(&self) -> Option<Room> {
        self.0.queue.room_now()
    }

    fn write(
        &self,
        key: &str,
        write: Write<V>,
        room: Option<Room>,
        is_awaited: bool,
    ) -> TakenIn<V> {
        if let Some(room) = room {
            return self.0.queue.write(key.into(), write, room, is_awaited);
        }
        let mut former = None;
        self.0.counts.put_drops.fetch_add(1, Relaxed);
        if let Write::Put(stored) = write {
            self.0.doubts.dropped(key, stored.version);
            former = Some(Arc::new(stored));
        }
        TakenIn {
            receipt: Receipt::default(),
            former,
        }
    }

    fn record(&self, logged: Logged, room: Room) -> Receipt {
        self.0.queue.push(Operation::Record(logged), room, true)
    }

    fn owe(&self, dues: Dues, room: Room) -> Receipt {
        let is_awaited = !dues.owed.is_empty();
        self.0.queue.push(Operation::Owe(dues), room, is_awaited)
    }

    fn settled(&self, receipt: Receipt) -> Later<'_, Result<(), Undurable>> {
        Box::pin(self.0.queue.settled(receipt))
    }

    fn flush(&self) -> Later<'_, Result<(), Undurable>> {
        Box::pin(async {
            let queue = &self.0.queue;
            let receipt = queue.push(Operation::Flush, queue.room().await, true);
            queue.settled(receipt).await
        })
    }

    fn close(&self) -> Later<'_, Result<(), Undurable>> {
        Box::pin(async {
            self.0.queue.stop();
            match self.0.queue.ended().await {
                Some(queue::End::Left(reason)) => Err(Undurable(reason)),
                _ => Ok(()),
            }
        })
    }

    fn stats(&self) -> TierStats {
        self.0.stats()
    }
}

impl<V: Clone + Send + Sync + 'static> Drop for DiskTier<V> {
    fn drop(&mut self) {
        self.0.queue.stop();
    }
}
