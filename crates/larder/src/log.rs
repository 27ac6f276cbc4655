//! The invalidation log: which stored values an invalidation of many has made invalid.
//!
//! One counter numbers invalidations and stored values alike. A value is valid unless an item with
//! a number above its own matches it, and "was anything invalidated since?" is one comparison.
//! Knows no values, no tiers and no flights.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::glob::Glob;

/// Tags that the log tells apart; past that the older half of them becomes "all before then".
const TAGS_MAX: usize = 65_536;
/// The same for prefixes and patterns, each of which a look at an older entry costs a comparison.
const PATTERNS_MAX: usize = 64;

/// A namespace's invalidations, numbered.
///
/// # Why a publisher mints first and asks afterwards
/// A publisher that asked first could be overtaken: asked (unfenced), *an invalidation runs whole*,
/// minted a number above it, stored the old value as if it were newer. It therefore mints, then
/// asks. An invalidation in progress is announced in `pending` before it takes its number: whoever
/// mints a number above it has synchronised with that announcement and sees either it or its end.
#[derive(Default)]
pub(crate) struct InvalidationLog {
    number: AtomicU64,
    /// The newest item's number: what has this number or a higher one is valid without a look.
    horizon: AtomicU64,
    /// What has a lower number than this is invalid.
    floor: AtomicU64,
    pending: AtomicU64,
    items: RwLock<Items>,
}

#[derive(Default)]
struct Items {
    tags: HashMap<Box<str>, u64>,
    soft_tags: HashMap<Box<str>, u64>,
    patterns: Vec<(Pattern, u64)>,
}

/// What an invalidation matches.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    All,
    Tag(Box<str>),
    /// As [`Item::Tag`], but what it matches may still be served as stale.
    SoftTag(Box<str>),
    Pattern(Pattern),
}

/// What matches keys by their text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    Prefix(Box<str>),
    Glob(Glob),
}

impl Pattern {
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Prefix(prefix) => text.starts_with(&**prefix),
            Self::Glob(glob) => glob.matches(text),
        }
    }
}

/// What the log says of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    Valid,
    /// It was expired by a tag: stale, wherever its deadlines are.
    Expired,
    Invalid,
}

impl InvalidationLog {
    /// The number to capture before a load starts.
    pub(crate) fn stamp(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// A new number, for a value about to be stored.
    pub(crate) fn mint(&self) -> u64 {
        self.number.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The newest item's number.
    #[inline]
    pub(crate) fn horizon(&self) -> u64 {
        self.horizon.load(Ordering::Acquire)
    }

    /// What has a lower number than this is invalid, whatever it is.
    pub(crate) fn floor(&self) -> u64 {
        self.floor.load(Ordering::Acquire)
    }

    /// Records an item. When this returns every value with an earlier number that matches is
    /// invalid. O(1) amortised.
    pub(crate) fn record(&self, item: Item) {
        self.pending.fetch_add(1, Ordering::AcqRel);
        {
            let mut items = self.items.write();
            let number = self.mint();
            let floor = match item {
                Item::All => {
                    *items = Items::default();
                    Some(number)
                }
                item => items.add(item, number),
            };
            if let Some(floor) = floor {
                self.floor.fetch_max(floor, Ordering::AcqRel);
            }
            self.horizon.fetch_max(number, Ordering::AcqRel);
        }
        self.pending.fetch_sub(1, Ordering::AcqRel);
    }

    /// How a value with this number stands. `text` is the key's; it is asked for only if the log
    /// has patterns.
    pub(crate) fn standing<'a>(
        &self,
        number: u64,
        tags: &[Box<str>],
        text: impl FnOnce() -> Cow<'a, str>,
    ) -> Standing {
        self.standing_until(u64::MAX, number, tags, text)
    }

    /// As [`standing`](Self::standing), by the items up to `last` alone.
    pub(crate) fn standing_until<'a>(
        &self,
        last: u64,
        number: u64,
        tags: &[Box<str>],
        text: impl FnOnce() -> Cow<'a, str>,
    ) -> Standing {
        if number >= self.horizon().min(last) {
            return Standing::Valid;
        }
        if number < self.floor().min(last) {
            return Standing::Invalid;
        }
        self.items.read().standing(number, last, tags, text)
    }

    /// Whether what was read since `stamp` may be stored under a number minted before this call.
    pub(crate) fn is_unfenced<'a>(
        &self,
        stamp: u64,
        tags: &[Box<str>],
        text: impl FnOnce() -> Cow<'a, str>,
    ) -> bool {
        self.pending.load(Ordering::Acquire) == 0
            && self.standing(stamp, tags, text) == Standing::Valid
    }
}

impl Items {
    /// Adds an item; returns the new floor if older items had to go for it.
    fn add(&mut self, item: Item, number: u64) -> Option<u64> {
        match item {
            Item::All => None,
            Item::Tag(tag) => {
                self.tags.insert(tag, number);
                drop_older_half(&mut self.tags)
            }
            Item::SoftTag(tag) => {
                self.soft_tags.insert(tag, number);
                drop_older_half(&mut self.soft_tags)
            }
            Item::Pattern(pattern) => {
                self.patterns.retain(|(known, _)| *known != pattern);
                self.patterns.push((pattern, number));
                (self.patterns.len() > PATTERNS_MAX).then(|| self.patterns.remove(0).1 + 1)
            }
        }
    }

    /// By the items after number `after`, up to `last`.
    fn standing<'a>(
        &self,
        after: u64,
        last: u64,
        tags: &[Box<str>],
        text: impl FnOnce() -> Cow<'a, str>,
    ) -> Standing {
        let is_newer = |number: &u64| after < *number && *number <= last;
        let has = |items: &HashMap<Box<str>, u64>| {
            tags.iter().filter_map(|tag| items.get(tag)).any(is_newer)
        };
        if has(&self.tags) {
            return Standing::Invalid;
        }
        let mut newer = self
            .patterns
            .iter()
            .filter(|(_, number)| is_newer(number))
            .peekable();
        if newer.peek().is_some() {
            let text = text();
            if newer.any(|(pattern, _)| pattern.matches(&text)) {
                return Standing::Invalid;
            }
        }
        if has(&self.soft_tags) {
            Standing::Expired
        } else {
            Standing::Valid
        }
    }
}

/// Past the limit, forgets the older half; returns the floor that stands for what was forgotten.
fn drop_older_half(tags: &mut HashMap<Box<str>, u64>) -> Option<u64> {
    if tags.len() <= TAGS_MAX {
        return None;
    }
    let mut numbers: Vec<_> = tags.values().copied().collect();
    let (_, median, _) = numbers.select_nth_unstable(TAGS_MAX / 2);
    let last_dropped = *median;
    tags.retain(|_, number| *number > last_dropped);
    Some(last_dropped + 1)
}
