//! The invalidation log: which stored values an invalidation of many has made invalid.
//!
//! One counter numbers invalidations and stored values alike. A value is valid unless an item with
//! a number above its own matches it, and "was anything invalidated since?" is one comparison.
//! Knows no values, no tiers and no flights.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{self, Display};

use crate::checks::{Check, Checks};
use crate::clock::Tick;
use crate::glob::Glob;
use crate::shim::sync::RwLock;
use crate::shim::sync::atomic::{AtomicU64, Ordering};

/// Tags that the log tells apart; past that the older half of them becomes "all before then".
const TAGS_MAX: usize = 65_536;
/// The same for prefixes, patterns and sets of tags, each of which a look at an older entry costs a
/// comparison.
const LISTED_MAX: usize = 64;

/// A namespace's invalidations, numbered.
///
/// # Why a publisher mints first and asks afterwards
/// A publisher that asked first could be overtaken: asked (unfenced), *an invalidation runs whole*,
/// minted a number above it, stored the old value as if it were newer. It therefore mints, then
/// asks. An invalidation in progress is announced in `pending` before it takes its number: whoever
/// mints a number above it has synchronised with that announcement and sees either it or its end.
#[derive(Default)]
pub(crate) struct InvalidationLog {
    number: Apart,
    /// The newest item's number: what has this number or a higher one is valid without a look.
    horizon: AtomicU64,
    /// What has a lower number than this is invalid.
    floor: AtomicU64,
    pending: AtomicU64,
    items: RwLock<Items>,
    checks: Checks,
}

/// Every store writes to it, so it stands apart from what every get reads: two cache lines, since
/// processors prefetch lines in pairs.
#[derive(Default)]
#[repr(align(128))]
struct Apart(AtomicU64);

#[derive(Default)]
struct Items {
    tags: HashMap<Box<str>, Mark>,
    soft_tags: HashMap<Box<str>, Mark>,
    listed: Vec<(Listed, Mark)>,
    /// When the floor was last raised.
    floor_raised: Tick,
}

/// An item's number, and when it was recorded.
#[derive(Clone, Copy)]
struct Mark {
    number: u64,
    when: Tick,
}

/// What an invalidation matches.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    All,
    Tag(Box<str>),
    /// As [`Item::Tag`], but what it matches may still be served as stale.
    SoftTag(Box<str>),
    Listed(Listed),
}

/// What a value is compared with one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    Prefix(Box<str>),
    Glob(Glob),
    /// All of these tags, sorted.
    AllOf(Box<[Box<str>]>),
}

impl Listed {
    fn matches(&self, tags: &[Box<str>], text: &str) -> bool {
        match self {
            Self::Prefix(prefix) => text.starts_with(&**prefix),
            Self::Glob(glob) => glob.matches(text),
            Self::AllOf(all) => all.iter().all(|tag| tags.binary_search(tag).is_ok()),
        }
    }
}

impl Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all before then"),
            Self::Tag(tag) | Self::SoftTag(tag) => write!(f, "tag {tag}"),
            Self::Listed(Listed::Prefix(prefix)) => write!(f, "prefix {prefix}"),
            Self::Listed(Listed::Glob(glob)) => write!(f, "pattern {}", glob.source()),
            Self::Listed(Listed::AllOf(tags)) => write!(f, "tags {}", tags.join(" and ")),
        }
    }
}

/// The item that made a value invalid, and when it was recorded.
#[derive(Clone, Debug)]
pub(crate) struct Blame {
    pub(crate) item: Item,
    pub(crate) when: Tick,
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
    pub(crate) fn new(checks: Checks) -> Self {
        Self {
            checks,
            ..Self::default()
        }
    }

    /// With the items of an earlier life, which come in the order of their numbers. No value or item
    /// of it has a number above `number`.
    pub(crate) fn restored(
        mut self,
        number: u64,
        floor: u64,
        items: impl IntoIterator<Item = (u64, Item)>,
        when: Tick,
    ) -> Self {
        let (mut floor, mut horizon) = (floor, floor);
        let kept = self.items.get_mut();
        for (number, item) in items {
            floor = floor.max(kept.add(item, Mark { number, when }).unwrap_or(0));
            horizon = horizon.max(number);
        }
        self.floor = floor.into();
        self.horizon = horizon.into();
        self.number.0 = number.max(horizon).into();
        self
    }

    /// The number to capture before a load starts.
    pub(crate) fn stamp(&self) -> u64 {
        self.number.0.load(Ordering::Acquire)
    }

    /// A new number, for a value about to be stored.
    #[inline]
    pub(crate) fn mint(&self) -> u64 {
        self.number.0.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The newest item's number.
    #[inline]
    pub(crate) fn horizon(&self) -> u64 {
        self.horizon.load(Ordering::Acquire)
    }

    /// What has a lower number than this is invalid, whatever it is.
    #[inline]
    pub(crate) fn floor(&self) -> u64 {
        self.floor.load(Ordering::Acquire)
    }

    /// Records items. When this returns every value with an earlier number that one of them matches
    /// is invalid; no reader sees some of them and not the others. O(1) amortised for each. Returns
    /// the last one's number.
    pub(crate) fn record(&self, new: impl IntoIterator<Item = Item>, when: Tick) -> u64 {
        self.pending.fetch_add(1, Ordering::AcqRel);
        let mut last = 0;
        {
            let mut items = self.items.write();
            for item in new {
                last = self.mint();
                if let Some(floor) = items.add(item, Mark { number: last, when }) {
                    self.floor.fetch_max(floor, Ordering::AcqRel);
                }
            }
            self.horizon.fetch_max(last, Ordering::AcqRel);
        }
        self.pending.fetch_sub(1, Ordering::AcqRel);
        last
    }

    /// Takes in an item that another log has numbered. Numbers rise.
    pub(crate) fn learn(&self, number: u64, item: Item, when: Tick) {
        let mut items = self.items.write();
        if let Some(floor) = items.add(item, Mark { number, when }) {
            self.floor.fetch_max(floor, Ordering::AcqRel);
        }
        self.number.0.fetch_max(number, Ordering::AcqRel);
        self.horizon.fetch_max(number, Ordering::AcqRel);
    }

    /// What has a lower number than `floor` is invalid, as another log says.
    pub(crate) fn raise_floor(&self, floor: u64) {
        let _items = self.items.write();
        self.floor.fetch_max(floor, Ordering::AcqRel);
        self.number.0.fetch_max(floor, Ordering::AcqRel);
        self.horizon.fetch_max(floor, Ordering::AcqRel);
    }

    /// Makes everything invalid for good: what is stored and what is on its way.
    pub(crate) fn close(&self) {
        let _items = self.items.write();
        self.floor.store(u64::MAX, Ordering::Release);
        self.horizon.store(u64::MAX, Ordering::Release);
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.floor() == u64::MAX
    }

    /// What made a value with this number invalid, if something did and it is still remembered.
    pub(crate) fn blame<'a>(
        &self,
        number: u64,
        tags: &[Box<str>],
        text: impl FnOnce() -> Cow<'a, str>,
    ) -> Option<Blame> {
        let items = self.items.read();
        if number < self.floor() {
            return Some(Blame {
                item: Item::All,
                when: items.floor_raised,
            });
        }
        items.blame(number, tags, text)
    }

    /// When a value with this number was made stale by one of its tags.
    pub(crate) fn expired_since(&self, number: u64, tags: &[Box<str>]) -> Option<Tick> {
        let items = self.items.read();
        let marks = tags.iter().filter_map(|tag| items.soft_tags.get(tag));
        let newer = marks.filter(|mark| mark.number > number);
        newer.map(|mark| mark.when).min()
    }

    /// How a value with this number stands. `text` is the key's; it is asked for only if the log
    /// has patterns.
    pub(crate) fn standing<'a>(
        &self,
        number: u64,
        tags: &[Box<str>],
        text: impl FnOnce() -> Cow<'a, str>,
    ) -> Standing {
        if number >= self.horizon() {
            return Standing::Valid;
        }
        // The floor is asked under the lock: it stands for items that are dropped under it.
        let items = self.items.read();
        if number < self.floor() && self.checks.stands(Check::Floor) {
            return Standing::Invalid;
        }
        items.standing(number, tags, text)
    }

    /// Whether what was read since `stamp` may be stored under a number minted before this call.
    pub(crate) fn is_unfenced<'a>(
        &self,
        stamp: u64,
        tags: &[Box<str>],
        text: impl FnOnce() -> Cow<'a, str>,
    ) -> bool {
        let is_recording = self.pending.load(Ordering::Acquire) > 0;
        !(is_recording && self.checks.stands(Check::Pending))
            && (self.standing(stamp, tags, text) == Standing::Valid
                || !self.checks.stands(Check::Stamp))
    }
}

impl Items {
    /// Adds an item; returns the new floor if older items had to go for it.
    fn add(&mut self, item: Item, mark: Mark) -> Option<u64> {
        let floor = match item {
            Item::All => {
                *self = Self::default();
                Some(mark.number)
            }
            Item::Tag(tag) => {
                self.tags.insert(tag, mark);
                drop_older_half(&mut self.tags)
            }
            Item::SoftTag(tag) => {
                self.soft_tags.insert(tag, mark);
                drop_older_half(&mut self.soft_tags)
            }
            Item::Listed(item) => {
                self.listed.retain(|(known, _)| *known != item);
                self.listed.push((item, mark));
                (self.listed.len() > LISTED_MAX).then(|| self.listed.remove(0).1.number + 1)
            }
        };
        if floor.is_some() {
            self.floor_raised = mark.when;
        }
        floor
    }

    /// By the items after number `after`.
    fn standing<'a>(
        &self,
        after: u64,
        tags: &[Box<str>],
        text: impl FnOnce() -> Cow<'a, str>,
    ) -> Standing {
        let is_newer = |mark: &Mark| after < mark.number;
        let has = |items: &HashMap<Box<str>, Mark>| {
            tags.iter().filter_map(|tag| items.get(tag)).any(is_newer)
        };
        if has(&self.tags) {
            return Standing::Invalid;
        }
        let mut newer = self
            .listed
            .iter()
            .filter(|(_, mark)| is_newer(mark))
            .peekable();
        if newer.peek().is_some() {
            let text = text();
            if newer.any(|(item, _)| item.matches(tags, &text)) {
                return Standing::Invalid;
            }
        }
        if has(&self.soft_tags) {
            Standing::Expired
        } else {
            Standing::Valid
        }
    }

    /// The item after number `after` that makes a value invalid.
    fn blame<'a>(
        &self,
        after: u64,
        tags: &[Box<str>],
        text: impl FnOnce() -> Cow<'a, str>,
    ) -> Option<Blame> {
        let is_newer = |mark: &Mark| after < mark.number;
        let tag = tags.iter().find_map(|tag| {
            let mark = self.tags.get(tag).filter(|mark| is_newer(mark))?;
            Some((Item::Tag(tag.clone()), mark.when))
        });
        let listed = || {
            let text = text();
            let matching =
                |(item, mark): &&(Listed, Mark)| is_newer(mark) && item.matches(tags, &text);
            let (item, mark) = self.listed.iter().find(matching)?;
            Some((Item::Listed(item.clone()), mark.when))
        };
        let (item, when) = tag.or_else(listed)?;
        Some(Blame { item, when })
    }
}

/// Past the limit, forgets the older half; returns the floor that stands for what was forgotten.
fn drop_older_half(tags: &mut HashMap<Box<str>, Mark>) -> Option<u64> {
    if tags.len() <= TAGS_MAX {
        return None;
    }
    let mut numbers: Vec<_> = tags.values().map(|mark| mark.number).collect();
    let (_, median, _) = numbers.select_nth_unstable(TAGS_MAX / 2);
    let last_dropped = *median;
    tags.retain(|_, mark| mark.number > last_dropped);
    Some(last_dropped + 1)
}
