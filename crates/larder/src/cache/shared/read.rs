//! What the shared store has for a key.

use std::time::Duration;

use super::super::Inner;
use super::super::below::Raised;
use super::Shared;
use super::entry::{Asked, Judged};
use crate::entry::Source;
use crate::key::CacheKey;
use crate::remote::Read;
use crate::tier::{Nothing, Stored};

/// What memory holds of a key that may not be served as it is: its mark, and its value if it has one.
type HeldValue<V> = (u64, Option<V>);

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Reads the key. What is held already is only compared with what stands.
    pub(in super::super) async fn read_shared(
        &self,
        key: &K,
        hash: u64,
        on_disk: Option<Stored<V>>,
    ) -> Result<Raised<V>, Nothing> {
        let Some(shared) = &self.shared else {
            return Err(Nothing::NotStored);
        };
        if !shared.gate.is_open(self.clock.now()) {
            return Err(Nothing::Down);
        }
        let link = shared.link().map_err(|_| Nothing::Down)?;
        let text = key.to_text();
        let disk_version = on_disk.as_ref().map(|stored| stored.version);
        let is_from_disk = on_disk.is_some();
        let held = match on_disk {
            Some(stored) => stored.mark.map(|mark| (mark, stored.value)),
            None => self.held_of(key, hash),
        };
        let asked = self.asked(shared);
        let read = link.read(&text, held.as_ref().map(|(mark, _)| *mark)).await;
        // What was answered on a link that nobody vouches for is not served.
        if shared.gate.epoch() != asked.epoch || !shared.gate.is_open(self.clock.now()) {
            return Err(Nothing::Down);
        }
        let read = read.map_err(|_| Nothing::Down)?;
        let found = self.judged(shared, &text, &read, held.as_ref(), asked);
        let found = match found {
            Judged::Ahead => {
                self.catch_up(link).await.map_err(|_| Nothing::Down)?;
                self.judged(shared, &text, &read, held.as_ref(), asked)
            }
            found => found,
        };
        let Judged::Good(mut raised) = found else {
            Shared::<V>::count(&shared.counts.misses);
            self.drop_held(key, hash, held.map(|(mark, _)| mark));
            self.drop_on_disk(key, disk_version);
            return Err(Nothing::NotStored);
        };
        if let Read::Same(..) = read {
            Shared::<V>::count(&shared.counts.revalidated);
            if is_from_disk {
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
