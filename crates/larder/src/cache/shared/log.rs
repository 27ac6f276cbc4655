//! What this process knows of the namespace's shared log of invalidations.
//!
//! What comes from the store is judged by it. Each item goes into the process's own log as well, as it
//! arrives, and there hides what memory holds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::super::Inner;
use super::super::down::item_of;
use crate::clock::Tick;
use crate::key::CacheKey;
use crate::log::{InvalidationLog, Item, Standing};
use crate::remote::{Down, Link, LogNews, LogPlace};
use crate::tier::LogItem;

#[derive(Default)]
pub(super) struct SharedLog {
    known: Mutex<Known>,
    /// Changes that were heard of.
    heard: AtomicU64,
    /// What was heard of up to here is known.
    read_to: AtomicU64,
    is_reading: AtomicBool,
}

#[derive(Default)]
struct Known {
    place: Option<LogPlace>,
    items: InvalidationLog,
}

/// What the log says of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Is(Standing),
    /// The entry's stamp is above all that is known.
    Ahead,
}

impl SharedLog {
    pub(super) fn place(&self) -> Option<LogPlace> {
        self.known.lock().place
    }

    /// Whether something was heard of that is not known yet.
    pub(super) fn is_behind(&self) -> bool {
        self.read_to.load(Ordering::Acquire) < self.heard.load(Ordering::Acquire)
    }

    pub(super) fn judge(&self, stamp: LogPlace, tags: &[Box<str>], text: &str) -> Verdict {
        let known = self.known.lock();
        match known.place {
            Some(place) if place.base == stamp.base && stamp.top <= place.top => Verdict::Is(
                known
                    .items
                    .standing(stamp.top, tags, || std::borrow::Cow::Borrowed(text)),
            ),
            Some(place) if place.base == stamp.base => Verdict::Ahead,
            Some(_) => Verdict::Is(Standing::Invalid),
            None => Verdict::Ahead,
        }
    }

    /// Takes news in, and returns what is to go into the process's own log.
    fn take_in(&self, news: LogNews, now: Tick) -> Vec<Item> {
        let mut known = self.known.lock();
        let (place, mut new) = (news.place, Vec::new());
        let top = match known.place {
            // Another log, one that was set back, or one that has forgotten what was not read yet.
            Some(former)
                if former.base != place.base
                    || news.is_whole && (news.floor > former.top || place.top < former.top) =>
            {
                new.push(Item::All);
                None
            }
            former => former.map(|former| former.top),
        };
        if top.is_none() {
            known.items = InvalidationLog::default();
        }
        known.items.raise_floor(news.floor);
        for (number, bytes) in news.items {
            if top.is_none_or(|top| number > top) {
                // What this version cannot read stands for all.
                let item = LogItem::from_bytes(&bytes).map_or(Item::All, item_of);
                known.items.learn(number, item.clone(), now);
                new.push(item);
            }
        }
        // An answer may be older than another that came before it.
        known.place = Some(LogPlace {
            top: place.top.max(top.unwrap_or(0)),
            ..place
        });
        new
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Takes news of the shared log in, here and in the process's own log.
    pub(super) fn learn(&self, news: LogNews) {
        let Some(shared) = &self.shared else { return };
        let now = self.clock.now();
        let new = shared.log.take_in(news, now);
        if !new.is_empty() {
            self.log.record(new, now);
        }
    }

    /// Reads what is new in the shared log, through `link`.
    pub(super) async fn catch_up(&self, link: &dyn Link) -> Result<(), Down> {
        let Some(shared) = &self.shared else {
            return Ok(());
        };
        let heard = shared.log.heard.load(Ordering::Acquire);
        let news = link.log(shared.log.place(), &[]).await?;
        self.learn(news);
        shared.log.read_to.fetch_max(heard, Ordering::AcqRel);
        Ok(())
    }

    /// The log has changed: it is read in the background, once at a time.
    pub(super) fn hear_of_log(self: &std::sync::Arc<Self>) {
        let Some(shared) = &self.shared else { return };
        shared.log.heard.fetch_add(1, Ordering::AcqRel);
        self.read_log_soon();
    }

    /// Reads the log in the background until it is known as far as it was heard of, unless that is
    /// under way. Without a link it gives up.
    pub(super) fn read_log_soon(self: &std::sync::Arc<Self>) {
        let Some(shared) = &self.shared else { return };
        if shared.log.is_reading.swap(true, Ordering::AcqRel) {
            return;
        }
        let Ok(runtime) = self.runtime() else {
            shared.log.is_reading.store(false, Ordering::Release);
            return;
        };
        let inner = self.clone();
        runtime.spawn(async move {
            let Some(shared) = &inner.shared else { return };
            loop {
                while shared.log.is_behind() {
                    let Ok(link) = shared.link() else { break };
                    if inner.catch_up(link).await.is_err() {
                        break;
                    }
                }
                shared.log.is_reading.store(false, Ordering::Release);
                // Heard of between the last look and the line before.
                let is_over = !shared.log.is_behind()
                    || !shared.gate.is_open(inner.clock.now())
                    || shared.log.is_reading.swap(true, Ordering::AcqRel);
                if is_over {
                    return;
                }
            }
        });
    }
}
