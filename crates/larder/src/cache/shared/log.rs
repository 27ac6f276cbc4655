//! What this process knows of the namespace's shared log of invalidations.
//!
//! What comes from the store is judged by it. Each item goes into the process's own log as well, as it
//! arrives, and there hides what memory holds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use tracing::Instrument as _;

use super::super::Inner;
use super::super::down::item_of;
use crate::clock::Tick;
use crate::key::CacheKey;
use crate::log::{InvalidationLog, Item, Standing};
use crate::remote::{Down, Link, LogNews, LogPlace};
use crate::spans;
use crate::tier::LogItem;

#[derive(Default)]
pub(super) struct SharedLog {
    known: Mutex<Known>,
    /// Changes that were heard of.
    heard: AtomicU64,
    /// What was heard of up to here is known.
    read_to: AtomicU64,
    is_reading: AtomicBool,
    /// An opening of the gate, and what has to be known for it.
    opening: Mutex<Option<Opening>>,
}

#[derive(Clone, Copy, Debug)]
struct Opening {
    heard: u64,
    epoch: u64,
    until: Tick,
}

#[derive(Default)]
struct Known {
    place: Option<LogPlace>,
    items: InvalidationLog,
    /// Questions that were put, and the last of them whose answer was taken in.
    asked: u64,
    taken: u64,
    /// The bases that were met, the latest last.
    bases: Vec<u64>,
}

/// Bases that are told apart.
const BASES_MAX: usize = 64;

impl Known {
    /// Whether the log of this base was left for another since it was met.
    fn is_back(&self, base: u64) -> bool {
        self.bases.iter().rev().skip(1).any(|known| *known == base)
    }

    fn meet(&mut self, base: u64) {
        self.bases.retain(|known| *known != base);
        if self.bases.len() >= BASES_MAX {
            self.bases.remove(0);
        }
        self.bases.push(base);
    }
}

/// A question to the log: its number, and what was known when it was put.
#[derive(Clone, Copy, Debug)]
struct Question {
    number: u64,
    known: Option<LogPlace>,
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

    /// Something in the log is not known here.
    pub(super) fn hear(&self) {
        self.heard.fetch_add(1, Ordering::AcqRel);
    }

    /// The gate may be opened when all that was heard of until now is known.
    pub(super) fn when_known(&self, epoch: u64, until: Tick) {
        let heard = self.heard.load(Ordering::Acquire);
        *self.opening.lock() = Some(Opening {
            heard,
            epoch,
            until,
        });
    }

    /// The epoch and the time until which the gate is to be opened now.
    pub(super) fn is_due(&self) -> Option<(u64, Tick)> {
        let mut opening = self.opening.lock();
        let is_known =
            |opening: &mut Opening| opening.heard <= self.read_to.load(Ordering::Acquire);
        let Opening { epoch, until, .. } = opening.take_if(is_known)?;
        Some((epoch, until))
    }

    /// Whether a log has come back that was left for another, as it does where databases are swapped, or
    /// a name leads to several servers in turn: it has not heard of what was invalidated meanwhile.
    fn is_back(&self, place: LogPlace) -> bool {
        self.known.lock().is_back(place.base)
    }

    fn ask(&self) -> Question {
        let mut known = self.known.lock();
        known.asked += 1;
        Question {
            number: known.asked,
            known: known.place,
        }
    }

    /// The traces of what is in these news and not known yet, if it can be told.
    fn new_traces<'n>(&self, news: &'n LogNews) -> impl Iterator<Item = &'n str> {
        let known = self.place().filter(|known| known.base == news.place.base);
        let traces = news.traces.iter().filter(move |(number, _)| {
            let is_new = |known: LogPlace| known.top < *number;
            known.is_some_and(is_new)
        });
        traces.map(|(_, trace)| &**trace)
    }

    /// Takes the answer to a question in, and returns what is to go into the process's own log.
    ///
    /// Answers may be taken in in another order than they were given. One that only adds to what is
    /// known does so in any order. Where one that begins the log anew and another cannot be told which
    /// is the older, nothing is known any more: whoever needs it asks.
    fn take_in(&self, question: Question, news: LogNews, now: Tick) -> Vec<Item> {
        let mut known = self.known.lock();
        let is_late = question.number < known.taken;
        known.taken = known.taken.max(question.number);
        let (former, place) = (known.place, news.place);
        known.meet(place.base);
        let adds = former.is_some_and(|former| former.base == place.base)
            && if news.is_whole {
                news.floor <= former.map_or(0, |former| former.top)
                    && former.is_some_and(|former| former.top <= place.top)
            } else {
                let is_gapless = |asked: LogPlace| {
                    asked.base == place.base && former.is_some_and(|f| asked.top <= f.top)
                };
                question.known.is_some_and(is_gapless)
            };
        let mut new = Vec::new();
        if !adds {
            if former.is_some() {
                new.push(Item::All);
            }
            known.items = InvalidationLog::default();
            if is_late || !news.is_whole {
                known.place = None;
                return new;
            }
        }
        let top = former.filter(|_| adds).map(|former| former.top);
        known.items.raise_floor(news.floor);
        for (number, bytes) in news.items {
            if top.is_none_or(|top| number > top) {
                // What this version cannot read stands for all.
                let item = LogItem::from_bytes(&bytes).map_or(Item::All, item_of);
                known.items.learn(number, item.clone(), now);
                new.push(item);
            }
        }
        known.place = Some(LogPlace {
            top: place.top.max(top.unwrap_or(0)),
            ..place
        });
        new
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// Records items in the shared log, if there are any, and takes in what is new there, here and in
    /// the process's own log.
    pub(super) async fn ask_log(&self, link: &dyn Link, items: &[Vec<u8>]) -> Result<(), Down> {
        let Some(shared) = &self.shared else {
            return Ok(());
        };
        let trace = (!items.is_empty())
            .then(|| shared.sharing.trace())
            .flatten();
        let mut question = shared.log.ask();
        let asking = link.log(question.known, items, trace.as_deref());
        let mut news = asking.instrument(spans::remote(&self.name, "log")).await?;
        if shared.log.is_back(news.place) {
            tracing::warn!(
                cache = %self.name,
                "the shared store is one that was left for another: all that it holds is invalidated"
            );
            question = shared.log.ask();
            let all = LogItem::All.to_bytes();
            news = link.log(question.known, &[all], None).await?;
        }
        let now = self.clock.now();
        let others = shared.log.new_traces(&news);
        let others = others.filter(|other| Some(*other) != trace.as_deref());
        let applied: Vec<_> = others
            .map(|other| spans::applied(&self.name, other))
            .collect();
        let new = shared.log.take_in(question, news, now);
        if !new.is_empty() {
            self.log.record(new, now);
        }
        drop(applied);
        Ok(())
    }

    /// Reads what is new in the shared log, through `link`.
    pub(super) async fn catch_up(&self, link: &dyn Link) -> Result<(), Down> {
        let Some(shared) = &self.shared else {
            return Ok(());
        };
        let heard = shared.log.heard.load(Ordering::Acquire);
        self.ask_log(link, &[]).await?;
        shared.log.read_to.fetch_max(heard, Ordering::AcqRel);
        self.open_gate_if_known();
        Ok(())
    }

    /// The log has changed: it is read in the background, once at a time. If that fails, the next
    /// heartbeat has it read again; until then the gate is not opened further.
    pub(super) fn read_log_soon(self: &std::sync::Arc<Self>) {
        let (Some(shared), Ok(runtime)) = (&self.shared, self.runtime()) else {
            return;
        };
        if shared.log.is_reading.swap(true, Ordering::AcqRel) {
            return;
        }
        let inner = self.clone();
        runtime.spawn(async move {
            let Some(shared) = &inner.shared else { return };
            loop {
                let mut has_failed = false;
                while shared.log.is_behind() && !has_failed {
                    has_failed = match shared.link() {
                        Ok(link) => inner.catch_up(link).await.is_err(),
                        Err(_) => true,
                    };
                }
                shared.log.is_reading.store(false, Ordering::Release);
                // Heard of between the last look and the line before.
                let is_over = has_failed
                    || !shared.log.is_behind()
                    || shared.log.is_reading.swap(true, Ordering::AcqRel);
                if is_over {
                    return;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Tick = Tick::ZERO;

    fn news(base: u64, top: u64, is_whole: bool, items: &[(u64, &str)]) -> LogNews {
        let item = |(number, tag): &(u64, &str)| (*number, LogItem::Tag((*tag).into()).to_bytes());
        LogNews {
            place: LogPlace { base, top },
            floor: 0,
            is_whole,
            items: items.iter().map(item).collect(),
            traces: Vec::new(),
        }
    }

    fn verdict(log: &SharedLog, base: u64, stamp: u64, tag: &str) -> Verdict {
        log.judge(LogPlace { base, top: stamp }, &[tag.into()], "k")
    }

    fn known(base: u64, top: u64) -> SharedLog {
        let log = SharedLog::default();
        let question = log.ask();
        log.take_in(question, news(base, top, true, &[]), NOW);
        log
    }

    #[test]
    fn a_log_that_was_left_is_known_again_and_the_present_one_is_not_back() {
        let log = known(1, 5);
        let is_back = |base| log.is_back(LogPlace { base, top: 0 });
        assert!(!is_back(1) && !is_back(2));
        log.take_in(log.ask(), news(2, 0, true, &[]), NOW);
        assert!(is_back(1) && !is_back(2));
        log.take_in(log.ask(), news(1, 6, true, &[]), NOW);
        assert!(!is_back(1) && is_back(2));
    }

    #[test]
    fn answers_that_add_are_taken_in_in_any_order() {
        let log = known(1, 5);
        let (first, second) = (log.ask(), log.ask());
        assert_eq!(
            log.take_in(second, news(1, 7, false, &[(6, "a"), (7, "b")]), NOW)
                .len(),
            2
        );
        assert!(
            log.take_in(first, news(1, 6, false, &[(6, "a")]), NOW)
                .is_empty()
        );
        assert_eq!(log.place(), Some(LogPlace { base: 1, top: 7 }));
        assert_eq!(verdict(&log, 1, 6, "b"), Verdict::Is(Standing::Invalid));
    }

    #[test]
    fn a_late_answer_does_not_take_back_what_a_later_one_has_brought() {
        let log = known(1, 5);
        let (first, second) = (log.ask(), log.ask());
        // The log was lost: the second question's item is the first of a new one.
        log.take_in(second, news(2, 1, true, &[(1, "a")]), NOW);
        log.take_in(first, news(2, 0, true, &[]), NOW);
        assert_ne!(verdict(&log, 2, 0, "a"), Verdict::Is(Standing::Valid));
        let again = log.ask();
        log.take_in(again, news(2, 1, true, &[(1, "a")]), NOW);
        assert_eq!(verdict(&log, 2, 0, "a"), Verdict::Is(Standing::Invalid));
    }

    #[test]
    fn a_part_of_a_log_that_is_not_known_is_not_taken_for_the_whole() {
        let log = known(1, 5);
        let (lost, late) = (log.ask(), log.ask());
        log.take_in(lost, news(1, 3, true, &[]), NOW);
        log.take_in(late, news(1, 6, false, &[(6, "a")]), NOW);
        assert_eq!(verdict(&log, 1, 3, "what 4 says"), Verdict::Ahead);
    }
}
