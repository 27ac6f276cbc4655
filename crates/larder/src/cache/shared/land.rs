//! Where what a load brought is kept: at the shared store, under its lease, and here.

use std::time::Duration;

use super::super::load::Call;
use super::super::{Fresh, Inner, Outcome};
use super::Shared;
use super::lease::{HeldLease, Lease};
use super::put::Put;
use crate::entry::Source;
use crate::flight::Lead;
use crate::gate::SUSPECT;
use crate::key::CacheKey;
use crate::notes::Note;
use crate::tier::memory::{Cost, Meta};

/// What became of a loaded value at the shared store.
enum Fate {
    /// It stands there, or nothing else does: under this mark.
    As(u64),
    Short,
    Not,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Stores what a load brought under its lease, there and here; returns whether it was fenced off.
    pub(in super::super) async fn land_shared(
        &self,
        lead: Lead<K, Outcome<V>>,
        key: K,
        value: Option<V>,
        call: Call,
        lease: Lease<V>,
    ) -> bool {
        let Call {
            hash, ttl, cost, ..
        } = call;
        let mut note = match call.into_note() {
            Ok(note) => note,
            Err(error) => {
                lead.land(|_| Err(error));
                return false;
            }
        };
        let Some(shared) = &self.shared else {
            return false;
        };
        let began = lead.began();
        let mut meta = self.meta_of_loaded(value.is_some(), ttl, cost);
        let (kept, epoch) = match lease {
            Lease::Held(held) => {
                lead.forget_push();
                let kept = self
                    .fill(shared, &key, value.as_ref(), (&meta, &note), held)
                    .await;
                (kept, held.stamp.epoch)
            }
            Lease::Short => (Fate::Short, 0),
            Lease::Unkept | Lease::Adopted(_) => (Fate::Not, 0),
        };
        let is_short = matches!(kept, Fate::Short);
        if is_short {
            let limit = began.when.after(shared.kept_short());
            meta.fresh_until = meta.fresh_until.min(limit);
            meta.expires_at = meta.expires_at.min(limit);
            Shared::<V>::count(&shared.counts.short);
        }
        note.mark = match kept {
            Fate::As(mark) => Some(mark),
            _ => None,
        };
        // First the number, then the look whether the epoch is over: see `Gate::end`.
        meta.version = self.log.mint();
        meta.note = self.notes.hold(&note);
        let (mut is_fenced, mut left) = (false, None);
        lead.land_pushed(|in_table, is_pushed| {
            is_fenced = !(in_table
                && self
                    .log
                    .is_unfenced(began.stamp, &note.tags, || key.to_text()));
            let is_kept = match kept {
                Fate::As(_) => shared.is_of(Some(epoch)),
                Fate::Short => !is_pushed,
                Fate::Not => false,
            };
            let fresh = Fresh {
                value: value.clone(),
                version: meta.version,
                stamp: began.stamp,
                tags: Some(note.tags),
                source: Source::Loader,
                mark: note.mark,
            };
            if !is_fenced && is_kept && meta.expires_at > self.clock.now() {
                let version = if is_pushed { SUSPECT } else { meta.version };
                left = Some(self.keep(hash, key, value, Meta { version, ..meta }));
            }
            Ok(fresh)
        });
        match left {
            Some(left) => self.let_left_go(left),
            None => self.notes.release(meta.note),
        }
        is_fenced
    }

    fn meta_of_loaded(&self, has_value: bool, ttl: Option<Duration>, cost: Cost) -> Meta {
        let now = self.clock.now();
        if has_value {
            return self.meta_of(now, ttl, crate::notes::NO_NOTE, cost);
        }
        let until = self.policy.absent_until(now, ttl);
        Meta {
            version: 0,
            created: now,
            fresh_until: until,
            expires_at: until,
            note: crate::notes::NO_NOTE,
            cost: Cost::UNKNOWN,
            is_watched: false,
        }
    }

    async fn fill(
        &self,
        shared: &Shared<V>,
        key: &K,
        value: Option<&V>,
        (meta, note): (&Meta, &Note),
        held: HeldLease,
    ) -> Fate {
        let text = key.to_text();
        let Ok(link) = shared.link() else {
            return Fate::Short;
        };
        let entry = (value, meta, note);
        let extended = match held.unmodified {
            Some(version) => {
                let extending = self.extend_entry(shared, (link, &text), entry, held, version);
                extending.await
            }
            None => None,
        };
        let put = if let Some(put) = extended {
            put
        } else {
            let (at, token) = ((link, &*text), held.token);
            let putting = self.put_entry(shared, at, entry, token, held.stamp, None);
            putting.await
        };
        match put {
            Put::Stands(mark) => Fate::As(mark),
            Put::Refused(true) => Fate::As(held.unmodified.unwrap_or(held.token)),
            Put::Late => Fate::Short,
            Put::Overtaken | Put::Refused(false) | Put::Lifeless | Put::Lost => Fate::Not,
        }
    }
}
