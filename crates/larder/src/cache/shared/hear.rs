//! What the shared store tells, and what follows from it at once.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::super::Inner;
use super::CLOCK_LAG;
use crate::checks::Check;
use crate::clock::Tick;
use crate::gate::SUSPECT;
use crate::key::CacheKey;
use crate::remote::{Down, Hearer, Later, Link, LogPlace};
use crate::spans;
use crate::tier::LogItem;

/// Keys in one message of what waits.
const REPLAYED_AT_ONCE: usize = 100;

/// What is told to a cache, while it lives.
pub(crate) struct Ear<K: CacheKey, V>(pub(crate) Weak<Inner<K, V>>);

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Hearer for Ear<K, V> {
    fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }

    fn now(&self) -> Tick {
        let inner = self.0.upgrade();
        inner.map_or(Tick::ZERO, |inner| inner.clock.now())
    }

    fn key_changed(&self, key: &str, trace: Option<&str>) {
        if let Some(inner) = self.0.upgrade()
            && let Some(key) = K::from_text(key)
        {
            let applied = trace.map(|trace| spans::applied(&inner.name, trace));
            inner.suspect(&key);
            drop(applied);
        }
    }

    fn log_at(&self, place: Option<LogPlace>) {
        let Some(inner) = self.0.upgrade() else {
            return;
        };
        let Some(shared) = &inner.shared else { return };
        if place.is_none() || place != shared.log.place() {
            shared.log.hear();
        }
        if shared.log.is_behind() {
            inner.read_log_soon();
        }
    }

    fn vouched(&self, sent: Tick) {
        let Some(inner) = self.0.upgrade() else {
            return;
        };
        let Some(shared) = &inner.shared else { return };
        let epoch = shared.gate.epoch();
        // What failed while the link came back was not sent with what waited then.
        if shared.outbox.lock().len() > 0 {
            return inner.replay_soon();
        }
        let trusted = shared.sharing.staleness.saturating_sub(CLOCK_LAG);
        inner.open_gate(epoch, sent.after(trusted));
        // What was heard of while the link came back could not be read then.
        if shared.log.is_behind() {
            inner.read_log_soon();
        }
    }

    fn ended(&self) {
        if let Some(inner) = self.0.upgrade()
            && let Some(shared) = &inner.shared
        {
            shared.gate.end(|| inner.log.mint());
            shared
                .cut_off_since
                .store(inner.clock.now().as_millis(), Ordering::Release);
        }
    }

    fn opened<'a>(&'a self, link: &'a dyn Link) -> Later<'a, Result<(), Down>> {
        Box::pin(async move {
            let Some(inner) = self.0.upgrade() else {
                return Ok(());
            };
            inner.append_samples();
            inner.replay(link).await?;
            inner.catch_up(link).await
        })
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// What is held of the key may be old: it is compared by version before it is served again.
    fn suspect(self: &Arc<Self>, key: &K) {
        let Some(shared) = &self.shared else { return };
        let hash = self.memory.hash(key);
        let doubt = || {
            self.stripes.note(hash, || self.log.mint());
            if !self.checks.stands(Check::Suspect) {
                return;
            }
            self.memory.renumber(hash, key, SUSPECT);
            self.learn_suspected(hash);
            if let Some(absent) = self.absent.get() {
                absent.renumber(hash, key, SUSPECT);
            }
        };
        self.push(hash, key, doubt);
        shared.waker(hash).notify_waiters();
    }

    /// Opens the gate, as soon as what was heard of so far is known.
    fn open_gate(&self, epoch: u64, until: Tick) {
        let Some(shared) = &self.shared else { return };
        shared.log.when_known(epoch, until);
        self.open_gate_if_known();
    }

    /// Opens the gate if that waited for what is known now.
    pub(super) fn open_gate_if_known(&self) {
        let Some(shared) = &self.shared else { return };
        if let Some((epoch, until)) = shared.log.is_due() {
            let is_first = shared.gate.open(epoch, until, || self.log.mint());
            if is_first {
                shared.pace.opened(self.clock.now());
            }
        }
    }

    /// Sends what waits, in the background, one at a time.
    fn replay_soon(self: &Arc<Self>) {
        let (Some(shared), Ok(runtime)) = (&self.shared, self.runtime()) else {
            return;
        };
        if shared.is_replaying.swap(true, Ordering::AcqRel) {
            return;
        }
        let inner = self.clone();
        runtime.spawn(async move {
            let Some(shared) = &inner.shared else { return };
            if let Ok(link) = shared.link() {
                // What fails again waits for the next time.
                let _ = inner.replay(link).await;
            }
            shared.is_replaying.store(false, Ordering::Release);
        });
    }

    /// Sends what waits, invalidations of many first.
    async fn replay(&self, link: &dyn Link) -> Result<(), Down> {
        let Some(shared) = &self.shared else {
            return Ok(());
        };
        loop {
            let part = shared.outbox.lock().some(REPLAYED_AT_ONCE);
            if part.items.is_empty() && part.keys.is_empty() {
                return Ok(());
            }
            if !part.items.is_empty() {
                let items = part.items.iter();
                let bytes: Vec<_> = items.map(LogItem::to_bytes).collect();
                self.ask_log(link, &bytes).await?;
            }
            if !part.keys.is_empty() {
                let texts: Vec<&str> = part.keys.iter().map(|key| &**key).collect();
                link.invalidate(&texts, None).await?;
            }
            match &self.below {
                None => drop(shared.outbox.lock().sent(&part)),
                Some(below) => {
                    let room = below.tier.room().await;
                    let mut outbox = shared.outbox.lock();
                    let dues = outbox.sent(&part);
                    if !dues.is_empty() {
                        below.tier.owe(dues, room);
                    }
                }
            }
        }
    }
}
