//! Writes and invalidations that other processes are to hear of.
//!
//! Each takes effect here, is sent, and takes effect here once more when it is acknowledged: a reader
//! between the two may have brought back what stood before. What is not acknowledged waits in the
//! outbox, and is sent before the store is read again.

use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument as _;

use super::super::Inner;
use super::super::down::item_of;
use super::super::load::Call;
use super::Shared;
use super::outbox::Outbox;
use super::put::{Put, Stamp, new_token};
use crate::checks::Check;
use crate::clock::Tick;
use crate::entry::Applied;
use crate::error::Error;
use crate::gate::SUSPECT;
use crate::key::CacheKey;
use crate::notes::Note;
use crate::observe::Event;
use crate::remote::{Acquired, Down, Link, Read, Want, version_of};
use crate::spans;
use crate::tier::memory::{Cost, Meta};
use crate::tier::remote::open;
use crate::tier::{LogItem, Owed};

/// How long an insert may take from its first step to its second.
const INSERT_LEASE: Duration = Duration::from_secs(5);
/// How often an entry is made stale that another replaces meanwhile, before it is taken out.
const SOFTENED_MAX: usize = 3;

/// An insert's value on its way.
struct Inserted<V> {
    value: V,
    note: Note,
    meta: Meta,
    began: Tick,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Does work to its end, whether the caller waits for it or not: what was sent has to be followed.
    pub(in super::super) async fn detached<T: Send + 'static>(
        &self,
        call: &'static str,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let work = work.instrument(spans::write(&self.name, call).or_current());
        match self.runtime() {
            Ok(runtime) => runtime.spawn(work).await.unwrap_or(Err(Error::Abandoned)),
            Err(_) => work.await,
        }
    }

    /// Takes a key's value out, here and everywhere.
    pub(in super::super) async fn invalidate_shared(&self, key: &K) -> Result<Applied, Error> {
        self.take_through(|room| self.remove(key, room)).await?;
        self.recorder.count(Event::Invalidation);
        let again = || {
            let _ = self.remove(key, None);
        };
        self.tell_key(key, again).await
    }

    /// Makes a key's value stale, here and everywhere.
    pub(in super::super) async fn expire_shared(&self, key: &K) -> Result<Applied, Error> {
        self.take_through(|room| self.expire(key, room)).await?;
        self.recorder.count(Event::Invalidation);
        let again = || {
            let _ = self.expire(key, None);
        };
        self.tell_expired(key, again).await
    }

    /// Tells all processes that the key's value is of no use. `again` takes it out here once more.
    async fn tell_key(&self, key: &K, again: impl FnOnce()) -> Result<Applied, Error> {
        let Some(shared) = &self.shared else {
            return Ok(Applied::Everywhere);
        };
        let (text, began) = (key.to_text(), self.clock.now());
        let told = match shared.link() {
            Ok(link) => {
                let (keys, trace) = ([&*text], shared.sharing.trace());
                let telling = link.invalidate(&keys, trace.as_deref());
                let span = spans::remote(&self.name, "invalidate");
                telling.instrument(span).await
            }
            Err(down) => Err(down),
        };
        let kept = if told.is_ok() {
            Ok(())
        } else {
            self.owe(shared, |outbox| outbox.add_key(&text)).await
        };
        if self.checks.stands(Check::Again) {
            again();
        }
        if told.is_ok() {
            shared.note_invalidated(&text, began, self.clock.now());
        }
        kept?;
        self.applied(shared, told)
    }

    /// Tells all processes of items of the invalidation log, and records them here once more; returns
    /// the number of the last.
    pub(in super::super) async fn tell_items(
        self: &Arc<Self>,
        items: &[LogItem],
    ) -> Result<(u64, Applied), Error> {
        let number = self.log.stamp();
        let Some(shared) = &self.shared else {
            return Ok((number, Applied::Everywhere));
        };
        if items.is_empty() {
            return Ok((number, Applied::Everywhere));
        }
        let began = self.clock.now();
        let bytes: Vec<_> = items.iter().map(LogItem::to_bytes).collect();
        let told = match shared.link() {
            Ok(link) => self.ask_log(link, &bytes).await,
            Err(down) => Err(down),
        };
        let kept = if told.is_ok() {
            Ok(())
        } else {
            let add = |outbox: &mut Outbox| outbox.add_items(items.iter().cloned());
            self.owe(shared, add).await
        };
        self.reclaim_soon(shared);
        let now = self.clock.now();
        if told.is_ok() {
            shared.note_items(items, began, now);
        }
        let items = items.iter().cloned().map(item_of);
        let number = self.log.record(items, now);
        kept?;
        Ok((number, self.applied(shared, told)?))
    }

    /// Puts into the outbox what was not acknowledged, and waits until the tier under memory has it too.
    /// The link may have come back meanwhile: so the store is not read before that was sent.
    ///
    /// # Errors
    /// [`Error::NotDurable`]: it is sent, unless this process dies before.
    async fn owe(
        &self,
        shared: &Shared<V>,
        add: impl FnOnce(&mut Outbox) -> Vec<Owed>,
    ) -> Result<(), Error> {
        let added = add(&mut shared.outbox.lock());
        shared.gate.end(|| self.log.mint());
        let Some(below) = &self.below else {
            return Ok(());
        };
        let room = below.tier.room().await;
        let receipt = {
            // What is sent leaves the outbox and the tier under this lock: so nothing stays in either alone.
            let mut outbox = shared.outbox.lock();
            let dues = outbox.dues(added);
            (!dues.is_empty()).then(|| below.tier.owe(dues, room))
        };
        self.settled(receipt).await
    }

    fn applied(&self, shared: &Shared<V>, told: Result<(), Down>) -> Result<Applied, Error> {
        match told {
            Ok(()) => Ok(Applied::Everywhere),
            Err(Down(reason)) if shared.sharing.is_strict => Err(Error::NotEverywhere { reason }),
            Err(_) => {
                self.recorder.count(Event::AppliedHere);
                Ok(Applied::Here)
            }
        }
    }

    /// Tells all processes that the key's value is stale from now on.
    async fn tell_expired(&self, key: &K, again: impl FnOnce()) -> Result<Applied, Error> {
        let Some(shared) = &self.shared else {
            return Ok(Applied::Everywhere);
        };
        let text = key.to_text();
        let told = match shared.link() {
            Ok(link) => soften(link, &text, shared.sharing.trace().as_deref()).await,
            Err(down) => Err(down),
        };
        match told {
            Ok(true) => {
                again();
                Ok(Applied::Everywhere)
            }
            // Too much is going on, or there is no link: it is taken out.
            _ => self.tell_key(key, again).await,
        }
    }

    /// Puts a value in by hand, for all processes.
    pub(in super::super) async fn insert_shared(
        &self,
        key: K,
        value: V,
        call: Call,
    ) -> Result<Applied, Error> {
        self.open()?;
        let Some(shared) = &self.shared else {
            return Ok(Applied::Everywhere);
        };
        let Call {
            hash, ttl, fence, ..
        } = call;
        let began = self.clock.now();
        let meta = self.meta_of(began, ttl, crate::notes::NO_NOTE, Cost::UNKNOWN);
        let note = call.into_note()?;
        let mut inserted = Inserted {
            value,
            note,
            meta,
            began,
        };
        self.recorder.count(Event::Insert);
        if let Some(fence) = fence {
            let inserting = self.insert_fenced(shared, key, hash, &mut inserted, fence);
            return inserting.await;
        }
        self.take_through(|room| self.remove(&key, room)).await?;
        self.insert_over(shared, key, hash, &mut inserted).await
    }

    async fn insert_over(
        &self,
        shared: &Shared<V>,
        key: K,
        hash: u64,
        inserted: &mut Inserted<V>,
    ) -> Result<Applied, Error> {
        let text = key.to_text().into_owned();
        // Before the first step is sent: what is invalidated between the two is newer.
        let (token, stamp) = (new_token(), shared.stamp(self.clock.now()));
        let want = Want {
            token,
            lease: INSERT_LEASE,
            unlike: None,
            lookup: inserted.note.at,
        };
        let trace = shared.sharing.trace();
        let supplanted = match shared.link() {
            Ok(link) => {
                let supplanting = link.supplant(&text, want, trace.as_deref());
                supplanting.await.map(|()| link)
            }
            Err(down) => Err(down),
        };
        let link = match supplanted {
            Ok(link) => link,
            Err(down) => {
                let kept = self.owe(shared, |outbox| outbox.add_key(&text)).await;
                self.keep_short(shared, key, hash, inserted);
                kept?;
                return self.applied(shared, Err(down));
            }
        };
        let stands = match stamp {
            Some(stamp) => {
                let at = (link, &*text);
                let filling = self.fill_inserted(shared, at, inserted, token, stamp, None);
                filling.await
            }
            None => false,
        };
        let _ = self.remove(&key, None);
        if !stands && let Some(stamp) = stamp {
            shared.note_invalidated(&text, stamp.asked, self.clock.now());
        }
        if let (true, Some(stamp)) = (stands, stamp) {
            inserted.note.mark = Some(token);
            self.keep_suspect(shared, key, hash, inserted, stamp.epoch);
        }
        Ok(Applied::Everywhere)
    }

    /// Whether the value stands, or at least nothing newer does.
    async fn fill_inserted(
        &self,
        shared: &Shared<V>,
        at: (&dyn Link, &str),
        inserted: &Inserted<V>,
        token: u64,
        stamp: Stamp,
        trace: Option<&str>,
    ) -> bool {
        let entry = (Some(&inserted.value), &inserted.meta, &inserted.note);
        let put = self.put_entry(shared, at, entry, token, stamp, trace).await;
        matches!(put, Put::Stands(_) | Put::Refused(true))
    }

    /// An insert of what was read from the origin after `fence`: nothing may have changed since.
    async fn insert_fenced(
        &self,
        shared: &Shared<V>,
        key: K,
        hash: u64,
        inserted: &mut Inserted<V>,
        fence: u64,
    ) -> Result<Applied, Error> {
        let text = key.to_text().into_owned();
        let token = new_token();
        let stamp = match self
            .lease_after(shared, (&text, &key), hash, (inserted, token), fence)
            .await
        {
            Ok(Some(stamp)) => stamp,
            Ok(None) => {
                self.recorder.count(Event::Fenced);
                return Ok(Applied::Fenced);
            }
            Err(down) => {
                // What others did since the fence is not known.
                return self.applied(shared, Err(down)).map(|_| Applied::Fenced);
            }
        };
        let link = shared
            .link()
            .map_err(|Down(reason)| Error::NotEverywhere { reason })?;
        let (at, trace) = ((link, &*text), shared.sharing.trace());
        let filling = self.fill_inserted(shared, at, inserted, token, stamp, trace.as_deref());
        if !filling.await {
            self.recorder.count(Event::Fenced);
            return Ok(Applied::Fenced);
        }
        inserted.note.mark = Some(token);
        self.keep_suspect(shared, key, hash, inserted, stamp.epoch);
        Ok(Applied::Everywhere)
    }

    /// Takes the lease, waits until all that was done before has been told, and looks whether something
    /// was done to the key since `fence`. What is done later ends the lease.
    async fn lease_after(
        &self,
        shared: &Shared<V>,
        (text, key): (&str, &K),
        hash: u64,
        (inserted, token): (&Inserted<V>, u64),
        fence: u64,
    ) -> Result<Option<Stamp>, Down> {
        let link = shared.link()?;
        let epoch = shared.gate.epoch();
        let mut want = Want {
            token,
            lease: INSERT_LEASE,
            unlike: None,
            lookup: inserted.note.at,
        };
        let mut acquired = link.acquire(text, want).await?;
        if let Acquired::Stands(bytes, _) = &acquired {
            want.unlike = version_of(bytes);
            acquired = link.acquire(text, want).await?;
        }
        if acquired != Acquired::Ours {
            return Ok(None);
        }
        link.caught_up().await?;
        self.catch_up(link).await?;
        // First where the log is, then what it says.
        let stamp = shared.stamp(self.clock.now());
        let may = fence >= shared.gate.floor()
            && shared.gate.epoch() == epoch
            && shared.gate.is_open(self.clock.exact())
            && self.may_write(Some(fence), key, hash, &inserted.note.tags);
        if !may {
            link.release(text, token).await?;
        }
        Ok(stamp.filter(|_| may))
    }

    /// Keeps an inserted value here, to be compared by version before it is served.
    fn keep_suspect(
        &self,
        shared: &Shared<V>,
        key: K,
        hash: u64,
        inserted: &Inserted<V>,
        epoch: u64,
    ) {
        let meta = Meta {
            version: SUSPECT,
            note: self.notes.hold(&inserted.note),
            ..inserted.meta
        };
        let value = inserted.value.clone();
        let left = self.fence(hash, &key.clone(), || {
            (shared.gate.epoch() == epoch).then(|| self.keep(hash, key, Some(value), meta))
        });
        match left {
            Some(left) => self.let_left_go(left),
            None => self.notes.release(meta.note),
        }
    }

    /// Keeps a value that the shared store does not have, for the promise's time.
    fn keep_short(&self, shared: &Shared<V>, key: K, hash: u64, inserted: &Inserted<V>) {
        let limit = inserted.began.after(shared.kept_short());
        let meta = Meta {
            version: self.log.mint(),
            fresh_until: inserted.meta.fresh_until.min(limit),
            expires_at: inserted.meta.expires_at.min(limit),
            note: self.notes.hold(&inserted.note),
            ..inserted.meta
        };
        let value = inserted.value.clone();
        Shared::<V>::count(&shared.counts.short);
        let left = self.fence(hash, &key.clone(), || {
            self.stripes.note(hash, || self.log.mint());
            self.keep(hash, key, Some(value), meta)
        });
        self.let_left_go(left);
    }
}

/// Makes an entry stale from now on. False if others replace it again and again.
async fn soften(link: &dyn Link, text: &str, trace: Option<&str>) -> Result<bool, Down> {
    for _ in 0..SOFTENED_MAX {
        let Read::Entry(bytes, _) = link.read(text, None).await? else {
            // Nothing to soften; a load that runs may bring what is older.
            return Ok(false);
        };
        let Some(version) = version_of(&bytes) else {
            return Ok(false);
        };
        // How old it is has to be told of this very entry, or it would be fresh yet.
        let Read::Same(bytes, left) = link.read(text, Some(version)).await? else {
            continue;
        };
        let Ok(opened) = open(text, &bytes) else {
            return Ok(false);
        };
        let mut header = opened.header.clone();
        let left_ms = left.map_or(0, |left| left.as_millis() as u64);
        let age = header.life_ms.saturating_sub(left_ms);
        header.soft_ms = match left {
            Some(_) if header.life_ms != u64::MAX => header.soft_ms.min(age),
            _ => 0,
        };
        let softened = opened.with(text, &header);
        let softening = link.soften(text, header.version, softened, trace);
        if softening.await? {
            return Ok(true);
        }
    }
    Ok(false)
}
