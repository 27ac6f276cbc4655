//! One load of a key among all processes, and where what it brings is kept.

use std::time::Duration;

use super::super::below::Raised;
use super::super::load::Call;
use super::super::under_way::UnderWay;
use super::super::{Fresh, Inner, Outcome};
use super::Shared;
use super::entry::Judged;
use super::put::{Put, Stamp, new_token};
use super::read::pause;
use crate::entry::Source;
use crate::flight::Lead;
use crate::gate::SUSPECT;
use crate::key::CacheKey;
use crate::notes::Note;
use crate::remote::{Acquired, Link, Want, version_of};
use crate::tier::memory::{Cost, Meta};

/// How often an entry that is not wanted is passed by before its key is loaded without a lease.
const PASSED_BY_MAX: usize = 3;
/// A lease lasts longer than its load's callers wait.
const LEASE_MARGIN: Duration = Duration::from_secs(1);

/// Under what a key is loaded.
pub(in super::super) enum Lease<V> {
    /// Not at all: another process has stored what was wanted.
    Adopted(Raised<V>),
    /// This process's lease.
    Held(HeldLease),
    /// None; the value may be kept for the promise's time.
    Short,
    /// None, and it is kept for nobody: the shared store has one of its own.
    Unkept,
}

/// A lease, and what was known when it was given.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct HeldLease {
    pub(in super::super) token: u64,
    stamp: Stamp,
}

/// What became of a loaded value at the shared store.
enum Fate {
    /// It stands there, or nothing else does: under this mark.
    As(u64),
    Short,
    Not,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> UnderWay<K, V> {
    /// Asks for the lease of the key; waits while another process has it.
    pub(in super::super) async fn lease(&self) -> Lease<V> {
        let inner = &*self.inner;
        let Some(shared) = &inner.shared else {
            return Lease::Short;
        };
        let unlike = self.former.as_ref().and_then(|former| former.note.mark);
        match shared.link() {
            Ok(link) => self.lease_of(shared, link, unlike).await,
            Err(_) => Lease::Short,
        }
    }

    async fn lease_of(
        &self,
        shared: &Shared<V>,
        link: &dyn Link,
        mut unlike: Option<u64>,
    ) -> Lease<V> {
        let inner = &*self.inner;
        let text = self.key.to_text();
        let lasts = inner.policy.wait_limit(false).saturating_add(LEASE_MARGIN);
        let until = inner.clock.now().after(inner.policy.wait_limit(false));
        let mut passed_by = 0;
        let token = new_token();
        while passed_by <= PASSED_BY_MAX && inner.clock.now() < until {
            let asked = inner.asked(shared);
            let Some(log) = shared.log.place() else { break };
            if !shared.gate.is_open(asked.sent) {
                break;
            }
            let want = Want {
                token,
                lease: lasts,
                unlike,
                lookup: self.call.at,
            };
            let acquired = link.acquire(&text, want).await;
            if shared.gate.epoch() != asked.epoch || !shared.gate.is_open(inner.clock.now()) {
                if let Ok(Acquired::Ours) = acquired {
                    self.inner.release_lease(&self.key, token);
                }
                break;
            }
            match acquired {
                Ok(Acquired::Ours) => {
                    let stamp = Stamp {
                        epoch: asked.epoch,
                        log,
                    };
                    return Lease::Held(HeldLease { token, stamp });
                }
                Ok(Acquired::Stands(bytes, left)) => {
                    passed_by += 1;
                    let mut judged = inner.judge_entry(shared, &text, &bytes, left, asked);
                    if let Judged::Ahead = judged
                        && inner.catch_up(link).await.is_ok()
                    {
                        judged = inner.judge_entry(shared, &text, &bytes, left, asked);
                    }
                    match judged {
                        Judged::Good(raised) if self.wants(&raised) => {
                            return Lease::Adopted(raised);
                        }
                        Judged::Good(raised) => inner.notes.release(raised.meta.note),
                        Judged::Newer => return Lease::Short,
                        Judged::Useless | Judged::Ahead => {}
                    }
                    unlike = version_of(&bytes);
                    if unlike.is_none() {
                        break;
                    }
                }
                Ok(Acquired::Leased(_, lookup)) if lookup != self.call.at => return Lease::Unkept,
                Ok(Acquired::Leased(left, _)) => {
                    Shared::<V>::count(&shared.counts.leased);
                    self.wait_for_another(shared, left).await;
                }
                Err(_) => break,
            }
        }
        Lease::Short
    }

    /// Waits until the key may have changed, for a moment, no longer than the lease.
    async fn wait_for_another(&self, shared: &Shared<V>, left: Duration) {
        if let Some(lead) = &self.lead {
            lead.reopen();
        }
        let changed = shared.waker(self.call.hash).notified();
        let _ = tokio::time::timeout(pause().min(left), changed).await;
    }

    /// Whether what another process has stored is what this load is for.
    fn wants(&self, raised: &Raised<V>) -> bool {
        let (meta, lookup) = (raised.meta, raised.lookup);
        meta.fresh_until > self.inner.clock.now()
            && (self.call.at.is_none() || lookup == self.call.at)
    }

    /// Hands what another process has stored to everyone who waits, and keeps it.
    pub(in super::super) fn adopt(mut self, raised: &Raised<V>) {
        let Some(lead) = self.lead.take() else { return };
        let inner = &*self.inner;
        let (stamp, hash, key) = (lead.stamp(), self.call.hash, self.key.clone());
        let mut left = None;
        let note = raised.meta.note;
        lead.land_pushed(|in_table, is_pushed| {
            let shared = inner.shared.as_ref();
            let is_current = shared.is_some_and(|shared| shared.is_of(raised.epoch));
            let (mut meta, tags) = (raised.meta, raised.tags.clone());
            let is_unfenced = in_table && inner.log.is_unfenced(stamp, &tags, || key.to_text());
            let fresh = Fresh {
                value: raised.value.clone(),
                version: meta.version,
                stamp,
                tags: Some(tags),
                source: Source::Remote,
            };
            if is_unfenced && is_current {
                if is_pushed {
                    meta.version = SUSPECT;
                }
                left = Some(inner.keep(hash, key, fresh.value.clone(), meta));
            }
            Ok(fresh)
        });
        match left {
            Some(left) => inner.let_left_go(left),
            None => inner.notes.release(note),
        }
    }
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
            let limit = began.when.after(shared.sharing.staleness);
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
        let put = self.put_entry(shared, (link, &text), entry, held.token, held.stamp);
        match put.await {
            Put::Stands | Put::Refused(true) => Fate::As(held.token),
            Put::Late => Fate::Short,
            Put::Overtaken | Put::Refused(false) | Put::Lifeless | Put::Lost => Fate::Not,
        }
    }

    /// Ends a lease whose load came to nothing, in the background.
    pub(in super::super) fn release_lease(self: &std::sync::Arc<Self>, key: &K, token: u64) {
        let Ok(runtime) = self.runtime() else { return };
        let (inner, text) = (self.clone(), key.to_text().into_owned());
        runtime.spawn(async move {
            if let Some(shared) = &inner.shared
                && let Ok(link) = shared.link()
            {
                let _ = link.release(&text, token).await;
            }
        });
    }
}
