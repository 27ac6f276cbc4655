//! What is known of each sampled key, and the sums of it: why it was missed, whether reloading it
//! brought something new, whether it was ever asked for twice, and what other times to live would have
//! made of the same gets.
//!
//! Nothing here knows where values are held. A key is followed until [`KEYS_MAX`] others have come.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use super::figures::{KeyPrefix, MissCauses, Reloads, Repeats, WhatIf};
use crate::clock::Tick;

/// Keys followed at a time.
pub(crate) const KEYS_MAX: usize = 1_024;
const PREFIXES_MAX: usize = 64;
/// A prefix that is longer is none.
const PREFIX_BYTES_MAX: usize = 64;
/// The age at which a value would be refreshed ahead, of its life.
pub(crate) const AHEAD: f64 = 0.8;
/// For how long an absence would be remembered.
pub(crate) const NEGATIVE_MILLIS: u64 = 30_000;

/// When a value was made, until when it is fresh, and for which look-ups it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) created: Tick,
    /// If it is not used meanwhile.
    pub(crate) fresh_until: Tick,
    /// However often it is used. That is later where there is a time to idle.
    pub(crate) ends: Tick,
    /// The lookup version that it was made from.
    pub(crate) at: Option<u64>,
}

impl Life {
    /// `None` for a value that does not expire.
    fn millis(self) -> Option<u64> {
        let is_finite = self.ends < Tick::NEVER;
        is_finite.then(|| self.ends.since(self.created).as_millis() as u64)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    /// A value was stored: fresh until then unless it is used, and no longer than until the second.
    Stored(Tick, Tick),
    Invalidated,
    /// A load said that there is none.
    Absent,
    /// It was asked for before, and what became of it since was not looked at.
    Unclear,
}

struct Fact {
    state: State,
    gets: u32,
    prefix: Option<u16>,
    /// Until when a value would be fresh that had lived twice, or half, as long.
    longer_until: Tick,
    shorter_until: Tick,
    /// Until when it would be remembered that it has no value.
    absent_until: Tick,
    /// Whether it was asked for late in its life.
    was_asked_late: bool,
    /// Of the value that was last loaded.
    print: Option<u64>,
}

struct Prefix {
    text: Box<str>,
    repeats: Repeats,
}

#[derive(Default)]
pub(crate) struct Facts {
    keys: HashMap<u64, Fact, RandomState>,
    order: VecDeque<u64>,
    prefixes: Vec<Prefix>,
    pub(crate) causes: MissCauses,
    pub(crate) reloads: Reloads,
    pub(crate) repeats: Repeats,
    pub(crate) what_if: WhatIf,
    /// Hits by the tenth of its life that the value was in.
    pub(crate) ages: [u64; 10],
}

impl Facts {
    /// A get that was answered with a value of this life.
    pub(crate) fn hit(&mut self, hash: u64, life: Life, now: Tick, text: impl FnOnce() -> String) {
        let fact = self.followed(hash, text);
        fact.gets = fact.gets.saturating_add(1);
        fact.state = State::Stored(life.fresh_until, life.ends);
        let Some(millis) = life.millis() else { return };
        let age = now.since(life.created).as_millis() as u64;
        let part = age as f64 / millis.max(1) as f64;
        fact.was_asked_late |= part >= AHEAD;
        if fact.longer_until == Tick::ZERO {
            fact.longer_until = later(life.created, millis * 2);
        }
        let is_past_twice = now >= fact.longer_until;
        if is_past_twice {
            // What was not loaded anew when this value was has ended before it.
            fact.longer_until = later(now, millis * 2);
        }
        let is_past_half = fact.shorter_until > Tick::ZERO && now >= fact.shorter_until;
        if is_past_half || fact.shorter_until == Tick::ZERO {
            fact.shorter_until = later(now, millis / 2);
        }
        self.what_if.longer -= i64::from(is_past_twice);
        self.what_if.shorter += i64::from(is_past_half);
        self.ages[((part * 10.0) as usize).min(9)] += 1;
    }

    /// A get that found nothing.
    pub(crate) fn missed(&mut self, hash: u64, now: Tick, text: impl FnOnce() -> String) {
        let fact = self.followed(hash, text);
        fact.gets = fact.gets.saturating_add(1);
        let (state, was_late) = (fact.state, fact.was_asked_late);
        let is_spared = now < fact.longer_until;
        let is_known_absent = now < fact.absent_until;
        match state {
            State::Unknown => self.causes.unknown += 1,
            State::Invalidated => self.causes.invalidated += 1,
            State::Stored(until, _) if now < until => self.causes.evicted += 1,
            // Nobody used it. A longer life would not have kept it.
            State::Stored(_, ends) if now < ends => self.causes.expired += 1,
            State::Stored(..) => {
                self.causes.expired += 1;
                self.what_if.longer += i64::from(is_spared);
                self.what_if.ahead += i64::from(was_late);
            }
            State::Absent => {
                self.causes.absent += 1;
                self.what_if.negative += i64::from(is_known_absent);
            }
            State::Unclear => self.causes.unclear += 1,
        }
    }

    /// A value of this life was stored.
    pub(crate) fn stored(&mut self, hash: u64, life: Life, now: Tick) {
        let Some(fact) = self.keys.get_mut(&hash) else {
            return;
        };
        fact.state = State::Stored(life.fresh_until, life.ends);
        fact.was_asked_late = false;
        let Some(millis) = life.millis() else { return };
        if now >= fact.longer_until {
            fact.longer_until = later(now, millis * 2);
        }
        if now >= fact.shorter_until {
            fact.shorter_until = later(now, millis / 2);
        } else {
            // With half the life it would have been loaded a moment ago, and not now.
            self.what_if.shorter -= 1;
        }
    }

    /// A load brought a value, with what tells it from others where that is known; or what was there
    /// is still true.
    pub(crate) fn loaded(&mut self, hash: u64, print: Option<u64>, is_unmodified: bool) {
        let Some(fact) = self.keys.get_mut(&hash) else {
            return;
        };
        let was_stored = matches!(fact.state, State::Stored(..));
        let former = if is_unmodified {
            fact.print
        } else {
            std::mem::replace(&mut fact.print, print)
        };
        // What was invalidated is known to be old: that says nothing of the time to live.
        if !was_stored {
            return;
        }
        if is_unmodified {
            self.reloads.unchanged += 1;
        } else if let (Some(former), Some(print)) = (former, print) {
            if former == print {
                self.reloads.unchanged += 1;
            } else {
                self.reloads.changed += 1;
            }
        } else {
            self.reloads.unknown += 1;
        }
    }

    /// A load said that the key has no value.
    pub(crate) fn absent(&mut self, hash: u64, now: Tick) {
        if let Some(fact) = self.keys.get_mut(&hash) {
            fact.state = State::Absent;
            if now >= fact.absent_until {
                fact.absent_until = later(now, NEGATIVE_MILLIS);
            }
        }
    }

    /// The key's value was taken away by hand.
    pub(crate) fn invalidated(&mut self, hash: u64) {
        if let Some(fact) = self.keys.get_mut(&hash) {
            Self::invalidate(fact);
        }
    }

    pub(crate) fn all_invalidated(&mut self) {
        self.keys.values_mut().for_each(Self::invalidate);
    }

    fn invalidate(fact: &mut Fact) {
        if fact.state != State::Unknown {
            fact.state = State::Invalidated;
        }
        for until in [
            &mut fact.longer_until,
            &mut fact.shorter_until,
            &mut fact.absent_until,
        ] {
            *until = Tick::ZERO;
        }
    }

    /// Whether the key is followed.
    pub(crate) fn knows(&self, hash: u64) -> bool {
        self.keys.contains_key(&hash)
    }

    /// Keeps the keys that are still sampled.
    pub(crate) fn retain(&mut self, is_sampled: impl Fn(u64) -> bool) {
        self.keys.retain(|&hash, _| is_sampled(hash));
        self.order.retain(|&hash| is_sampled(hash));
    }

    /// Some of what happened to the keys was not looked at: all that is left is that they are known.
    pub(crate) fn lose_sight(&mut self) {
        for fact in self.keys.values_mut() {
            Self::invalidate(fact);
            fact.state = State::Unclear;
            fact.was_asked_late = false;
            fact.print = None;
        }
    }

    /// Begins the sums anew, and keeps the keys.
    pub(crate) fn forget_sums(&mut self) {
        self.causes = MissCauses::default();
        self.reloads = Reloads::default();
        self.repeats = Repeats::default();
        self.what_if = WhatIf::default();
        self.ages = [0; 10];
        for prefix in &mut self.prefixes {
            prefix.repeats = Repeats::default();
        }
    }

    /// Gives the sums half their weight.
    pub(crate) fn fade(&mut self) {
        self.causes.halve();
        self.reloads.halve();
        self.repeats.halve();
        self.what_if.halve();
        self.ages.iter_mut().for_each(|age| *age /= 2);
        self.prefixes
            .iter_mut()
            .for_each(|prefix| prefix.repeats.halve());
    }

    pub(crate) fn prefixes(&self) -> Vec<KeyPrefix> {
        let prefixes = self.prefixes.iter().map(|prefix| KeyPrefix {
            prefix: prefix.text.to_string(),
            repeats: prefix.repeats,
        });
        prefixes.collect()
    }

    fn followed(&mut self, hash: u64, text: impl FnOnce() -> String) -> &mut Fact {
        if !self.keys.contains_key(&hash) {
            if self.order.len() == KEYS_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.judge(oldest);
            }
            self.order.push_back(hash);
        }
        let prefixes = &mut self.prefixes;
        self.keys.entry(hash).or_insert_with(|| Fact {
            state: State::Unknown,
            gets: 0,
            prefix: prefix_number(prefixes, &text()),
            longer_until: Tick::ZERO,
            shorter_until: Tick::ZERO,
            absent_until: Tick::ZERO,
            was_asked_late: false,
            print: None,
        })
    }

    /// A key that so many others have come after: was it asked for twice?
    fn judge(&mut self, hash: u64) {
        let Some(fact) = self.keys.remove(&hash) else {
            return;
        };
        let is_once = fact.gets < 2;
        self.repeats.count(is_once);
        let prefix = fact.prefix.map(usize::from);
        if let Some(prefix) = prefix.and_then(|number| self.prefixes.get_mut(number)) {
            prefix.repeats.count(is_once);
        }
    }
}

fn later(tick: Tick, millis: u64) -> Tick {
    Tick::from_millis(tick.as_millis().saturating_add(millis))
}

/// The number of a text's prefix; `None` if it has none, or there are too many.
fn prefix_number(prefixes: &mut Vec<Prefix>, text: &str) -> Option<u16> {
    let prefix = prefix_of(text)?;
    let known = prefixes.iter().position(|known| *known.text == *prefix);
    let number = known.or_else(|| {
        (prefixes.len() < PREFIXES_MAX).then(|| {
            prefixes.push(Prefix {
                text: prefix.into(),
                repeats: Repeats::default(),
            });
            prefixes.len() - 1
        })
    })?;
    u16::try_from(number).ok()
}

/// What a key's text begins with, up to its first `:` or `/` that is not its first character.
pub(crate) fn prefix_of(text: &str) -> Option<&str> {
    let end = text
        .char_indices()
        .skip(1)
        .find(|(_, c)| matches!(c, ':' | '/'))
        .map(|(at, _)| at + 1)?;
    (end <= PREFIX_BYTES_MAX).then(|| &text[..end])
}

#[cfg(test)]
mod tests;
