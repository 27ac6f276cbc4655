//! What a disk tier's handle, its readers and its writer share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::Disk;
use super::file::{File, digest};
use super::moments::Moments;
use super::queue::{End, Newest, Operation, Queue};
use super::tables::Which;
use crate::clock::Clock;
use crate::tier::codec::Typed;
use crate::tier::envelope::Envelope;
use crate::tier::{Nothing, Stored};
use crate::tier_stats::TierStats;

#[derive(Default)]
pub(super) struct Counts {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) puts: AtomicU64,
    pub(super) put_drops: AtomicU64,
    pub(super) undecodable: AtomicU64,
    pub(super) invalid: AtomicU64,
    pub(super) expired: AtomicU64,
    pub(super) evicted: AtomicU64,
}

pub(super) struct Shared<V> {
    pub(super) name: Arc<str>,
    pub(super) settings: Disk,
    pub(super) typed: Typed<V>,
    pub(super) file: File,
    pub(super) queue: Queue<V>,
    pub(super) doubts: Doubts,
    pub(super) moments: Moments,
    pub(super) clock: Clock,
    pub(super) counts: Counts,
    /// Reads find nothing and writes do nothing.
    pub(super) is_off: AtomicBool,
    pub(super) failure: Mutex<Option<String>>,
}

impl<V: Clone + Send + Sync + 'static> Shared<V> {
    /// This moment as the wall time of stored values.
    pub(super) fn now_ms(&self) -> u64 {
        self.moments.to_wall(self.clock.now())
    }

    pub(super) fn is_off(&self) -> bool {
        self.is_off.load(Ordering::Acquire)
    }

    /// What is stored for the key and has not expired. Blocks for as long as the disk does.
    pub(super) fn find(&self, key: &Arc<str>) -> Result<Stored<V>, Nothing> {
        let stored = match self.queue.newest(key) {
            Some(Newest::Gone) => return Err(Nothing::NotStored),
            Some(Newest::Put(stored)) => (*stored).clone(),
            Some(Newest::Expired(at)) => {
                let stored = self.find_in_file(key)?;
                let fresh_until = stored.fresh_until.min(at);
                Stored {
                    fresh_until,
                    ..stored
                }
            }
            None => self.find_in_file(key)?,
        };
        // What was read of a file that failed meanwhile does not count.
        if self.is_off() {
            Err(Nothing::Down)
        } else if self.doubts.is_older(key, stored.version) {
            Err(Nothing::NotStored)
        } else if stored.expires_at <= self.clock.now() {
            Err(Nothing::Expired)
        } else {
            Ok(stored)
        }
    }

    fn find_in_file(&self, key: &Arc<str>) -> Result<Stored<V>, Nothing> {
        let read = || self.file.read(key, |bytes| self.decode(key, bytes));
        let failure = match catch_unwind(AssertUnwindSafe(read)) {
            Ok(Ok(found)) => {
                return found.ok_or(Nothing::NotStored)?.map_err(|which| {
                    self.reclaim(key, which);
                    Nothing::Undecodable
                });
            }
            Ok(Err(redb::Error::DatabaseClosed)) => return Err(Nothing::Down),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the file's pages are damaged".into(),
        };
        self.fail(&failure);
        Err(Nothing::Down)
    }

    /// # Errors
    /// Bytes that are of no use.
    fn decode(&self, key: &str, bytes: &[u8]) -> Result<Stored<V>, Which> {
        let refused = |reason: String| {
            tracing::debug!(cache = %self.name, key, reason, "an entry on disk is of no use");
            self.counts.undecodable.fetch_add(1, Ordering::Relaxed);
            Which::Bytes(digest(bytes))
        };
        let envelope = Envelope::open(key, bytes).map_err(|error| refused(error.to_string()))?;
        let value = if envelope.is_negative {
            None
        } else {
            let decoded = self.typed.decoded(&envelope.payload);
            Some(decoded.map_err(|error| refused(error.to_string()))?)
        };
        let ahead = self.moments.ahead(envelope.version, envelope.created_ms);
        let tick = |wall_ms: u64| {
            let never = wall_ms == u64::MAX;
            self.moments.to_tick(if never {
                wall_ms
            } else {
                wall_ms.saturating_sub(ahead)
            })
        };
        Ok(Stored {
            value,
            version: envelope.version,
            created: tick(envelope.created_ms),
            fresh_until: tick(envelope.soft_ms),
            expires_at: tick(envelope.hard_ms),
            has_own_ttl: envelope.has_own_ttl,
            cost: std::time::Duration::from_micros(envelope.cost_us.into()),
            tags: envelope.tags.iter().map(|tag| Box::from(*tag)).collect(),
            etag: envelope.etag.map(Arc::from),
            lookup: envelope.lookup,
            mark: envelope.mark,
        })
    }

    /// Has the writer take away what was found to be of no use, if it has time for that.
    pub(super) fn reclaim(&self, key: &Arc<str>, which: Which) {
        if let Some(room) = self.queue.room_now() {
            let key = key.clone();
            self.queue
                .push(Operation::Reclaim { key, which }, room, false);
        }
    }

    /// Switches the tier off for this process, and takes the file away: after a write that failed
    /// nobody knows what it holds. Blocks.
    pub(super) fn fail(&self, reason: &str) {
        {
            let mut failure = self.failure.lock();
            if failure.is_some() || self.is_off.swap(true, Ordering::AcqRel) {
                return;
            }
            *failure = Some(reason.to_owned());
        }
        tracing::error!(cache = %self.name, reason, "the disk tier has failed and is off until the next start");
        let end = match self.file.remove() {
            Ok(()) => End::Removed,
            Err(error) => {
                let left = format!(
                    "{reason}; the file cannot be removed either ({error}): delete it before the next start"
                );
                tracing::error!(cache = %self.name, "{left}");
                *self.failure.lock() = Some(left.clone());
                End::Left(left.into())
            }
        };
        self.queue.end(end);
    }

    /// Gives the file free.
    pub(super) fn end(&self, end: End) {
        if !self.is_off.swap(true, Ordering::AcqRel) {
            self.file.close();
        }
        self.queue.end(end);
    }

    pub(super) fn stats(&self) -> TierStats {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (entries, bytes) = self.file.live();
        TierStats {
            hits: count(&self.counts.hits),
            misses: count(&self.counts.misses),
            puts: count(&self.counts.puts),
            put_drops: count(&self.counts.put_drops),
            undecodable: count(&self.counts.undecodable),
            invalid: count(&self.counts.invalid),
            expired: count(&self.counts.expired),
            evicted: count(&self.counts.evicted),
            entries,
            bytes,
            max_bytes: self.settings.max_bytes,
            file_bytes: self.file.length(),
            waiting: self.queue.len() as u64,
            degraded: self.failure.lock().clone(),
        }
    }
}

const STRIPES: usize = 4_096;

/// Keys of which a newer value was seen than the file has: the newest version that was not
/// written, by the key's hash. 32 KiB.
pub(super) struct Doubts(Box<[AtomicU64]>);

impl Doubts {
    pub(super) fn new() -> Self {
        Self((0..STRIPES).map(|_| AtomicU64::new(0)).collect())
    }

    fn stripe(&self, key: &str) -> &AtomicU64 {
        &self.0[digest(key.as_bytes()) as usize % STRIPES]
    }

    /// A value of this version was not written.
    pub(super) fn dropped(&self, key: &str, version: u64) {
        self.stripe(key).fetch_max(version, Ordering::AcqRel);
    }

    /// Whether a newer value than this may have been seen.
    pub(super) fn is_older(&self, key: &str, version: u64) -> bool {
        version < self.stripe(key).load(Ordering::Acquire)
    }
}
