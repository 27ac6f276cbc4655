//! An entry on its way into the shared store, under a lease.

use std::time::Duration;

use tracing::Instrument as _;

use super::super::Inner;
use super::Shared;
use super::entry::Stamped;
use super::lease::HeldLease;
use super::samples::Version;
use crate::clock::Tick;
use crate::key::CacheKey;
use crate::notes::Note;
use crate::remote::{Down, Filled, Link, LogPlace, Read};
use crate::spans;
use crate::tier::memory::Meta;
use crate::tier::remote::open;

/// When a value was made, for the shared store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) epoch: u64,
    pub(super) log: LogPlace,
    /// Before the lease that it is stored under, or that its key is held with, was asked for.
    pub(super) asked: Tick,
}

/// What became of an entry that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It stands under this version.
    Stands(u64),
    /// The store did not take it. Whether nothing newer stands there either.
    Refused(bool),
    /// Its key was written or invalidated since the lease was given.
    Overtaken,
    /// It was over before it was stored.
    Lifeless,
    /// The epoch that it was made in is over: the lease may have come back with an older copy of the
    /// server's data.
    Late,
    /// Nobody knows.
    Lost,
}

impl<V> Shared<V> {
    /// The present, if the log is known.
    pub(super) fn stamp(&self, asked: Tick) -> Option<Stamp> {
        let (epoch, log) = (self.gate.epoch(), self.log.place()?);
        Some(Stamp { epoch, log, asked })
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Stores an entry under the lease of `token`, which is its version; the lease ends. `trace`: that of
    /// the write that it is, unless that has been told already.
    pub(super) async fn put_entry(
        &self,
        shared: &Shared<V>,
        (link, text): (&dyn Link, &str),
        (value, meta, note): (Option<&V>, &Meta, &Note),
        token: u64,
        stamp: Stamp,
        trace: Option<&str>,
    ) -> Put {
        let life = life_of(meta);
        if life == Some(Duration::ZERO) {
            let _ = link.release(text, token).await;
            return Put::Lifeless;
        }
        let stamped = Stamped {
            version: token,
            incarnation: link.incarnation(text),
            log: stamp.log,
        };
        if shared.gate.epoch() != stamp.epoch {
            return Put::Late;
        }
        let made = self.clock.now();
        let filled = match shared.sealed(text, value, (meta, note), &stamped) {
            Ok(bytes) => {
                let filling = link.fill(text, token, bytes, life, trace);
                filling.instrument(spans::remote(&self.name, "fill")).await
            }
            Err(error) => {
                tracing::warn!(cache = %self.name, %error, "a value cannot be shared");
                Ok(Filled::Refused)
            }
        };
        if let Ok(Filled::Stored) = filled {
            Shared::<V>::count(&shared.counts.fills);
        }
        let put = came_to(shared, (link, text), token, token, filled).await;
        let version = Version {
            token,
            asked: stamp.asked,
            made,
            acknowledged: matches!(put, Put::Stands(_)).then(|| self.clock.now()),
        };
        shared.note_stored(text, note, &version);
        put
    }

    /// Prolongs the life of the stored value of this version, under a lease, which ends: a new header
    /// before the same payload. `None` if the store has no such value; the lease stands then.
    pub(super) async fn extend_entry(
        &self,
        shared: &Shared<V>,
        (link, text): (&dyn Link, &str),
        (_, meta, note): (Option<&V>, &Meta, &Note),
        HeldLease { token, stamp, .. }: HeldLease,
        version: u64,
    ) -> Option<Put> {
        let life = life_of(meta);
        let Ok(Read::Same(header, _)) = link.read(text, Some(version)).await else {
            return None;
        };
        let stored = open(text, &header).ok()?;
        let stamped = Stamped {
            version,
            incarnation: link.incarnation(text),
            log: stamp.log,
        };
        if shared.gate.epoch() != stamp.epoch || life == Some(Duration::ZERO) {
            return None;
        }
        let header = stored.with(text, &shared.header(false, (meta, note), &stamped));
        let extended = link.extend(text, token, version, header, life).await;
        if let Ok(Filled::Stored) = extended {
            Shared::<V>::count(&shared.counts.extended);
        }
        Some(came_to(shared, (link, text), token, version, extended).await)
    }
}

fn life_of(meta: &Meta) -> Option<Duration> {
    (meta.expires_at != Tick::NEVER).then(|| meta.expires_at.since(meta.created))
}

/// What the server's answer means for an entry that was to stand under this version.
async fn came_to<V>(
    shared: &Shared<V>,
    (link, text): (&dyn Link, &str),
    token: u64,
    version: u64,
    filled: Result<Filled, Down>,
) -> Put {
    match filled {
        Ok(Filled::Stored) => Put::Stands(version),
        Ok(Filled::Overtaken) => {
            Shared::<V>::count(&shared.counts.overtaken);
            Put::Overtaken
        }
        Ok(Filled::Refused) => {
            Shared::<V>::count(&shared.counts.refused);
            Put::Refused(link.seal(text, token).await == Ok(true))
        }
        Err(_) => Put::Lost,
    }
}

/// A random number from the system's generator, never 0: two machines that were resumed from one image
/// must not draw the same.
pub(super) fn new_token() -> u64 {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes).max(1),
        Err(_) => fastrand::u64(1..),
    }
}
