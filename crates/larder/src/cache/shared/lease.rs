//! One load of a key among all processes: the lease that it is made under.

use std::ops::ControlFlow;
use std::time::Duration;

use tracing::Instrument as _;

use super::super::below::Raised;
use super::super::under_way::UnderWay;
use super::super::{Fresh, Inner};
use super::Shared;
use super::entry::{Asked, Judged};
use super::put::{Stamp, new_token};
use super::read::pause;
use crate::clock::Tick;
use crate::entry::Source;
use crate::gate::SUSPECT;
use crate::key::CacheKey;
use crate::remote::{Acquired, Link, Want, version_of};
use crate::spans;

/// How often an entry that is not wanted is passed by before its key is loaded without a lease.
const PASSED_BY_MAX: usize = 3;

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

impl<V> Lease<V> {
    pub(in super::super) const fn token(&self) -> Option<u64> {
        match self {
            Self::Held(held) => Some(held.token),
            Self::Adopted(_) | Self::Short | Self::Unkept => None,
        }
    }

    /// The same, for a load that has found the stored value of this version not modified.
    pub(in super::super) fn of_unmodified(self, unmodified: Option<u64>) -> Self {
        match self {
            Self::Held(held) => Self::Held(HeldLease { unmodified, ..held }),
            other => other,
        }
    }
}

/// A lease, and what was known when it was given.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct HeldLease {
    pub(in super::super) token: u64,
    pub(super) stamp: Stamp,
    /// The version of the stored value that the load has found to be still true.
    pub(in super::super) unmodified: Option<u64>,
}

/// A lease that is asked for, in several trips if need be.
pub(in super::super) struct Claim {
    token: u64,
    /// The version of an entry that is not wanted.
    unlike: Option<u64>,
    /// Entries that stood and were of no use.
    passed_by: usize,
    /// When the load's callers have gone.
    until: Tick,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> UnderWay<K, V> {
    /// Asks for the lease of the key; waits while another process has it.
    pub(in super::super) async fn lease(&self) -> Lease<V> {
        let mut claim = self.claim();
        self.lease_by(&mut claim).await
    }

    pub(in super::super) fn claim(&self) -> Claim {
        let limit = self.inner.policy.wait_limit(false);
        Claim {
            token: new_token(),
            unlike: self.former.as_ref().and_then(|former| former.note.mark),
            passed_by: 0,
            until: self.inner.clock.now().after(limit),
        }
    }

    /// Goes on asking for the lease, and waits while another process has it.
    pub(in super::super) async fn lease_by(&self, claim: &mut Claim) -> Lease<V> {
        loop {
            match self.try_lease(claim).await {
                ControlFlow::Break(lease) => return lease,
                ControlFlow::Continue(left) => self.wait_for_another(left).await,
            }
        }
    }

    /// Asks for the lease. It goes on if another process has it, for so long at most.
    pub(in super::super) async fn try_lease(
        &self,
        claim: &mut Claim,
    ) -> ControlFlow<Lease<V>, Duration> {
        let inner = &*self.inner;
        let shared = inner.shared.as_ref();
        let Some((shared, Ok(link))) = shared.map(|shared| (shared, shared.link())) else {
            return ControlFlow::Break(Lease::Short);
        };
        let text = self.key.to_text();
        while claim.passed_by <= PASSED_BY_MAX && inner.clock.now() < claim.until {
            let asked = inner.asked(shared);
            let Some(log) = shared.log.place() else { break };
            if !shared.gate.is_open(asked.sent) {
                break;
            }
            let want = Want {
                token: claim.token,
                lease: inner.lease_lasts(shared, claim.until),
                unlike: claim.unlike,
                lookup: self.call.at,
            };
            let acquiring = link.acquire(&text, want);
            let acquired = acquiring
                .instrument(spans::remote(&inner.name, "lease"))
                .await;
            if shared.gate.epoch() != asked.epoch || !shared.gate.is_open(inner.clock.exact()) {
                if let Ok(Acquired::Ours) = acquired {
                    self.inner.release_lease(&self.key, claim.token);
                }
                break;
            }
            match acquired {
                Ok(Acquired::Ours) => {
                    let epoch = asked.epoch;
                    return ControlFlow::Break(Lease::Held(HeldLease {
                        token: claim.token,
                        stamp: Stamp {
                            epoch,
                            log,
                            asked: asked.sent,
                        },
                        unmodified: None,
                    }));
                }
                Ok(Acquired::Stands(bytes, left)) => {
                    claim.passed_by += 1;
                    if let Some(lease) =
                        self.taken_over((shared, link), (&bytes, left), asked).await
                    {
                        return ControlFlow::Break(lease);
                    }
                    claim.unlike = version_of(&bytes);
                    // What is no entry has no version to be passed by: it is taken out.
                    if claim.unlike.is_none() && link.invalidate(&[&text], None).await.is_err() {
                        break;
                    }
                }
                Ok(Acquired::Leased(_, lookup)) if lookup != self.call.at => {
                    return ControlFlow::Break(Lease::Unkept);
                }
                Ok(Acquired::Leased(left, _)) => {
                    Shared::<V>::count(&shared.counts.leased);
                    return ControlFlow::Continue(left);
                }
                Err(_) => break,
            }
        }
        ControlFlow::Break(Lease::Short)
    }

    /// What becomes of the load when this entry stands; `None` if the load is to replace it.
    async fn taken_over(
        &self,
        (shared, link): (&Shared<V>, &dyn Link),
        (bytes, left): (&[u8], Option<Duration>),
        asked: Asked,
    ) -> Option<Lease<V>> {
        let (inner, text) = (&*self.inner, self.key.to_text());
        let mut judged = inner.judge_entry(shared, &text, bytes, left, asked);
        if let Judged::Ahead = judged
            && inner.catch_up(link).await.is_ok()
        {
            judged = inner.judge_entry(shared, &text, bytes, left, asked);
        }
        match judged {
            Judged::Good(raised) if self.wants(&raised) => Some(Lease::Adopted(raised)),
            Judged::Good(raised) => {
                inner.notes.release(raised.meta.note);
                None
            }
            Judged::Newer => Some(Lease::Short),
            Judged::Useless | Judged::Ahead => None,
        }
    }

    /// Waits until the key may have changed, for a moment, no longer than the lease.
    pub(in super::super) async fn wait_for_another(&self, left: Duration) {
        let Some(shared) = &self.inner.shared else {
            return;
        };
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
                mark: raised.mark,
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
