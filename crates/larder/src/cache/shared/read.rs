//! What the shared store has for a key, or for several in one trip.

use std::borrow::Cow;
use std::time::Duration;

use tracing::Instrument as _;

use super::super::Inner;
use super::super::below::Raised;
use super::Shared;
use super::entry::{Asked, Judged};
use crate::entry::Source;
use crate::key::CacheKey;
use crate::remote::{Down, Link, Read};
use crate::spans;
use crate::tier::{Nothing, Stored};

/// What memory holds of a key that may not be served as it is: its mark, and its value if it has one.
type HeldValue<V> = (u64, Option<V>);

/// A key that is asked for, with what is held of it.
struct Reading<'k, K, V> {
    key: &'k K,
    hash: u64,
    text: Cow<'k, str>,
    /// Only compared with what stands.
    held: Option<HeldValue<V>>,
    /// The version of what is held on disk, if that is what is held.
    on_disk: Option<u64>,
    asked: Asked,
}

impl<K, V> Reading<'_, K, V> {
    fn mark(&self) -> Option<u64> {
        self.held.as_ref().map(|(mark, _)| *mark)
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Reads the key. What is held already is only compared with what stands.
    pub(in super::super) async fn read_shared(
        &self,
        key: &K,
        hash: u64,
        on_disk: Option<Stored<V>>,
    ) -> Result<Raised<V>, Nothing> {
        let (shared, link) = self.link_to_read()?;
        let reading = self.begin_reading(shared, key, hash, on_disk);
        let asked = link.read(&reading.text, reading.mark());
        let read = asked.instrument(spans::remote(&self.name, "read")).await;
        self.end_reading(shared, link, reading, read).await
    }

    /// The same for several keys, in one trip.
    pub(in super::super) async fn read_shared_together(
        &self,
        keys: impl Iterator<Item = (&K, u64, Option<Stored<V>>)>,
    ) -> Vec<Result<Raised<V>, Nothing>> {
        let (shared, link) = match self.link_to_read() {
            Ok(both) => both,
            Err(nothing) => return keys.map(|_| Err(nothing)).collect(),
        };
        let begin = |(key, hash, on_disk)| self.begin_reading(shared, key, hash, on_disk);
        let readings: Vec<_> = keys.map(begin).collect();
        let asked = readings.iter();
        let asked: Vec<_> = asked.map(|one| (&*one.text, one.mark())).collect();
        let asking = link.read_many(&asked);
        let read = match asking.instrument(spans::remote(&self.name, "read")).await {
            Ok(read) => read.into_iter().map(Ok).collect(),
            Err(down) => vec![Err(down); readings.len()],
        };
        let mut found = Vec::with_capacity(readings.len());
        for (reading, read) in readings.into_iter().zip(read) {
            found.push(self.end_reading(shared, link, reading, read).await);
        }
        found
    }

    fn link_to_read(&self) -> Result<(&Shared<V>, &dyn Link), Nothing> {
        let shared = self.shared.as_ref().ok_or(Nothing::NotStored)?;
        if !shared.gate.is_open(self.clock.exact()) {
            return Err(Nothing::Down);
        }
        let link = shared.link().map_err(|_| Nothing::Down)?;
        Ok((shared, link))
    }

    fn begin_reading<'k>(
        &self,
        shared: &Shared<V>,
        key: &'k K,
        hash: u64,
        on_disk: Option<Stored<V>>,
    ) -> Reading<'k, K, V> {
        Reading {
            key,
            hash,
            text: key.to_text(),
            on_disk: on_disk.as_ref().map(|stored| stored.version),
            held: match on_disk {
                Some(stored) => stored.mark.map(|mark| (mark, stored.value)),
                None => self.held_of(key, hash),
            },
            asked: self.asked(shared),
        }
    }

    async fn end_reading(
        &self,
        shared: &Shared<V>,
        link: &dyn Link,
        reading: Reading<'_, K, V>,
        read: Result<Read, Down>,
    ) -> Result<Raised<V>, Nothing> {
        let (held, asked) = (reading.held.as_ref(), reading.asked);
        // What was answered on a link that nobody vouches for is not served.
        if shared.gate.epoch() != asked.epoch || !shared.gate.is_open(self.clock.exact()) {
            return Err(Nothing::Down);
        }
        let read = read.map_err(|_| Nothing::Down)?;
        let found = self.judged(shared, &reading.text, &read, held, asked);
        let found = match found {
            Judged::Ahead => {
                self.catch_up(link).await.map_err(|_| Nothing::Down)?;
                self.judged(shared, &reading.text, &read, held, asked)
            }
            found => found,
        };
        let Judged::Good(mut raised) = found else {
            Shared::<V>::count(&shared.counts.misses);
            self.drop_held(reading.key, reading.hash, reading.mark());
            self.drop_on_disk(reading.key, reading.on_disk);
            return Err(Nothing::NotStored);
        };
        if let Read::Same(..) = read {
            Shared::<V>::count(&shared.counts.revalidated);
            if reading.on_disk.is_some() {
                raised.source = Source::Disk;
            }
        } else {
            Shared::<V>::count(&shared.counts.hits);
        }
        Ok(raised)
    }

    pub(super) fn judged(
        &self,
        shared: &Shared<V>,
        text: &str,
        read: &Read,
        held: Option<&HeldValue<V>>,
        asked: Asked,
    ) -> Judged<Raised<V>> {
        match read {
            Read::Nothing => Judged::Useless,
            Read::Entry(bytes, left) => self.judge_entry(shared, text, bytes, *left, asked),
            Read::Same(header, left) => match held {
                Some((_, value)) => {
                    self.judge_header(shared, text, (header, value.clone()), *left, asked)
                }
                None => Judged::Useless,
            },
        }
    }

    /// What memory holds, whatever it is worth.
    fn held_of(&self, key: &K, hash: u64) -> Option<HeldValue<V>> {
        let now = self.clock.now();
        if let Some(hit) = self.memory.get(hash, key, now, |_| true) {
            let note = self.notes.get(hit.meta.note)?;
            return Some((note.mark?, Some(hit.value)));
        }
        let absent = self.absent.get()?.get(hash, key, now, |_| true)?;
        let note = self.notes.get(absent.meta.note)?;
        Some((note.mark?, None))
    }

    /// What was held under this mark is of no use any more.
    fn drop_held(&self, key: &K, hash: u64, mark: Option<u64>) {
        let Some(mark) = mark else { return };
        let is_it = |note: u32| {
            self.notes
                .get(note)
                .is_some_and(|note| note.mark == Some(mark))
        };
        let cause = crate::removal::RemovalCause::Invalidated;
        let removed = self
            .memory
            .remove_if(hash, key, cause, |meta| is_it(meta.note));
        self.let_go(removed);
        if let Some(absent) = self.absent.get() {
            let removed = absent.remove_if(hash, key, cause, |meta| is_it(meta.note));
            self.release_notes(removed);
        }
    }
}

/// How long a poll for another's load waits: 25 to 100 ms, each its own.
pub(super) fn pause() -> Duration {
    Duration::from_millis(fastrand::u64(25..=100))
}
