//! What a history is made of: calls, what loads bring, and what invalidations are for.

use std::time::Duration;

use larder::Loaded;
use proptest::prelude::*;

pub(super) const TTL: Duration = Duration::from_secs(100);
pub(super) const STALE: Duration = Duration::from_secs(50);
pub(super) const NEGATIVE: Duration = Duration::from_secs(40);
pub(super) const KEYS: [&str; 5] = ["a:1", "a:2", "b:1", "b:2", "c"];
pub(super) const TAGS: [&str; 3] = ["x", "y", "z"];
pub(super) const PREFIXES: [&str; 3] = ["a:", "b", ""];
/// Each with the keys that it matches.
pub(super) const GLOBS: [(&str, &[usize]); 3] =
    [("*:1", &[0, 2]), ("?", &[4]), ("[ab]:2", &[1, 3])];

/// A lookup version, if one is asked for.
pub(super) type At = Option<u64>;

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Get(usize, At),
    /// Keys as bits.
    GetMany(u8),
    Load(usize, At, Brings, Settings),
    /// Which keys are asked for, and which of them the loader brings; the others are absent. `None`:
    /// it fails.
    LoadMany(u8, Option<u8>, Settings),
    /// A load that lasts until it is released.
    Hold(usize, At, Settings),
    /// Ends one of the loads that are held, in whatever order.
    Release(usize, Brings),
    Insert(usize, At, Settings),
    /// A fence is taken, to insert from later.
    Fence,
    InsertFenced(usize, usize, Settings),
    Change(Change),
    Advance(u64),
    Restart(Restart),
}

/// What a loader comes back with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Brings {
    Value,
    Absent,
    Failure,
    NotModified,
}

/// How a cache ends before another one is built on what it leaves.
#[derive(Clone, Copy, Debug)]
pub(super) enum Restart {
    Close,
    FlushAndDrop,
}

/// A value's own settings: its time to live in seconds, and its tags as bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) ttl: Option<u64>,
    pub(super) tags: u8,
}

/// One load: the value that it brings, if it brings one, is its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) number: u64,
    pub(super) brings: Brings,
    pub(super) settings: Settings,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Key(usize),
    Tag(usize),
    /// Tags as bits.
    AnyTag(u8),
    AllTags(u8),
    Prefix(usize),
    Glob(usize),
    All,
    Version,
    Expire(usize),
    ExpireTag(usize),
}

/// The names of tags given as bits.
pub(super) fn tags(bits: u8) -> Vec<&'static str> {
    chosen(bits, &TAGS).collect()
}

/// The numbers of keys given as bits.
pub(super) fn keys(bits: u8) -> Vec<usize> {
    (0..KEYS.len())
        .filter(|key| bits & (1 << key) > 0)
        .collect()
}

fn chosen(bits: u8, of: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    let is_set = move |(bit, _): &(usize, &&str)| bits & (1 << bit) > 0;
    of.iter().enumerate().filter(is_set).map(|(_, text)| *text)
}

/// The entity tag of every value.
pub(super) fn etag(value: u64) -> String {
    format!("v{value}")
}

impl Settings {
    pub(super) const NONE: Self = Self { ttl: None, tags: 0 };

    pub(super) fn is_not_stored(self) -> bool {
        self.ttl == Some(0)
    }

    pub(super) fn ttl(self, usual: Duration) -> Duration {
        self.ttl.map_or(usual, Duration::from_secs)
    }
}

impl Load {
    pub(super) fn outcome(self) -> Result<Loaded<u64>, &'static str> {
        let loaded = match self.brings {
            Brings::Failure => return Err("no"),
            Brings::Value => Loaded::from(self.number).etag(etag(self.number)),
            Brings::Absent => Loaded::absent(),
            Brings::NotModified => Loaded::not_modified(),
        };
        let loaded = loaded.tags(tags(self.settings.tags));
        Ok(match self.settings.ttl {
            Some(seconds) => loaded.ttl(Duration::from_secs(seconds)),
            None => loaded,
        })
    }
}

impl Change {
    /// Whether it makes what has this key and these tags invalid, or stale.
    pub(super) fn matches(self, key: usize, settings: Settings) -> bool {
        match self {
            Self::Key(own) | Self::Expire(own) => own == key,
            Self::Tag(tag) | Self::ExpireTag(tag) => settings.tags & (1 << tag) > 0,
            Self::AnyTag(tags) => settings.tags & tags > 0,
            Self::AllTags(tags) => tags > 0 && settings.tags & tags == tags,
            Self::Prefix(prefix) => KEYS[key].starts_with(PREFIXES[prefix]),
            Self::Glob(glob) => GLOBS[glob].1.contains(&key),
            Self::All | Self::Version => true,
        }
    }

    /// Whether what it matches may still stand in where a load fails.
    pub(super) const fn is_soft(self) -> bool {
        matches!(self, Self::Expire(_) | Self::ExpireTag(_))
    }
}

fn key() -> impl Strategy<Value = usize> {
    0..KEYS.len()
}

fn at() -> impl Strategy<Value = At> {
    prop_oneof![3 => Just(None), 1 => (1..3_u64).prop_map(Some)]
}

fn settings() -> impl Strategy<Value = Settings> {
    let ttl = prop_oneof![3 => Just(None), 1 => Just(Some(0)), 3 => (1..200_u64).prop_map(Some)];
    (ttl, 0..8_u8).prop_map(|(ttl, tags)| Settings { ttl, tags })
}

fn brings() -> impl Strategy<Value = Brings> {
    prop_oneof![
        4 => Just(Brings::Value),
        2 => Just(Brings::Absent),
        1 => Just(Brings::Failure),
        2 => Just(Brings::NotModified),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => key().prop_map(Change::Key),
        4 => (0..TAGS.len()).prop_map(Change::Tag),
        1 => (0..8_u8).prop_map(Change::AnyTag),
        1 => (0..8_u8).prop_map(Change::AllTags),
        2 => (0..PREFIXES.len()).prop_map(Change::Prefix),
        2 => (0..GLOBS.len()).prop_map(Change::Glob),
        1 => Just(Change::All),
        1 => Just(Change::Version),
        2 => key().prop_map(Change::Expire),
        2 => (0..TAGS.len()).prop_map(Change::ExpireTag),
    ]
}

fn restart() -> impl Strategy<Value = Restart> {
    prop_oneof![Just(Restart::Close), Just(Restart::FlushAndDrop)]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let many = || 0..32_u8;
    prop_oneof![
        6 => (key(), at()).prop_map(|(key, at)| Step::Get(key, at)),
        2 => many().prop_map(Step::GetMany),
        10 => (key(), at(), brings(), settings())
            .prop_map(|(key, at, brings, settings)| Step::Load(key, at, brings, settings)),
        2 => (many(), proptest::option::weighted(0.8, many()), settings())
            .prop_map(|(keys, brought, settings)| Step::LoadMany(keys, brought, settings)),
        4 => (key(), at(), settings())
            .prop_map(|(key, at, settings)| Step::Hold(key, at, settings)),
        4 => (0..8_usize, brings()).prop_map(|(which, brings)| Step::Release(which, brings)),
        3 => (key(), at(), settings())
            .prop_map(|(key, at, settings)| Step::Insert(key, at, settings)),
        1 => Just(Step::Fence),
        2 => (0..4_usize, key(), settings())
            .prop_map(|(fence, key, settings)| Step::InsertFenced(fence, key, settings)),
        5 => change().prop_map(Step::Change),
        3 => (0..120_u64).prop_map(Step::Advance),
        2 => restart().prop_map(Step::Restart),
    ]
}
