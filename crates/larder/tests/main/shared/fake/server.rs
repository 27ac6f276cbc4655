//! A server's data, and what its scripts do with them. Knows no connections and no caches.

use std::collections::BTreeMap;
use std::time::Duration;

use larder::remote::{
    Acquired, Filled, HEAD_BYTES, LogNews, LogPlace, Read, RecordId, Want, head, version_of,
};

use super::log::Log;

/// What is asked of a server.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Read(String, Option<u64>),
    ReadMany(Vec<(String, Option<u64>)>),
    Acquire(String, Want),
    /// No bytes: the lease ends, and nothing is stored.
    Fill(String, u64, Option<Vec<u8>>, Option<Duration>),
    Extend(String, u64, u64, Vec<u8>, Option<Duration>),
    Renew(String, u64, Duration),
    Release(String, u64),
    Invalidate(Vec<String>, Option<Want>),
    Soften(String, u64, Vec<u8>),
    Reclaim(String, Vec<u8>),
    Log(Option<LogPlace>, Vec<Vec<u8>>),
    Scan(u64),
    Append(Vec<u8>),
    Beat,
    /// From now on this connection is told of changes.
    Track,
    /// It is done by this node, in this trace.
    Traced(Box<Self>, usize, String),
}

impl Op {
    /// Whether a server that refuses it has left an invalidation undone.
    pub(crate) fn is_owed(&self) -> bool {
        match self {
            Self::Invalidate(..) | Self::Soften(..) | Self::Beat | Self::Track => true,
            Self::Log(_, items) => !items.is_empty(),
            Self::Traced(op, ..) => op.is_owed(),
            _ => false,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Read(Read),
    ReadMany(Vec<Read>),
    Acquired(Acquired),
    Filled(Filled),
    Is(bool),
    Log(LogNews),
    Scanned(u64, Vec<(String, Vec<u8>)>),
    Bytes(u64),
    Appended(RecordId),
    Beat(u64, Option<LogPlace>),
    Refused,
}

/// What is told to those who track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Push {
    Key(String),
    /// A key that this node has changed in this trace: told to the others.
    Traced(String, usize, String),
    Log,
    /// Everything may have changed.
    All,
}

/// How often each was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) reads: usize,
    /// Of many keys, each in one trip.
    pub(crate) readings_of_many: usize,
    pub(crate) acquires: usize,
    pub(crate) fills: usize,
    pub(crate) extensions: usize,
    pub(crate) renewals: usize,
    pub(crate) reclaims: usize,
    pub(crate) scans: usize,
    pub(crate) invalidations: usize,
    pub(crate) logs: usize,
    /// Of all these, those in a trace.
    pub(crate) traced: usize,
}

#[derive(Clone, Default)]
struct Space {
    entries: BTreeMap<String, Held>,
    leases: BTreeMap<String, Lease>,
    log: Option<Log>,
    records: Vec<(RecordId, Vec<u8>)>,
}

#[derive(Clone)]
struct Held {
    bytes: Vec<u8>,
    until: Option<u64>,
}

#[derive(Clone)]
struct Lease {
    token: u64,
    until: u64,
    seen: Vec<u8>,
    /// When what was seen expires; -1 is never, -2 is nothing seen.
    seen_until: i64,
    lookup: Option<u64>,
}

/// A scan goes through the entries in so many steps.
const SCAN_PAGES: u64 = 4;

#[derive(Default)]
pub(crate) struct Server {
    spaces: BTreeMap<String, Space>,
    snapshot: BTreeMap<String, Space>,
    /// Which life of its data it is in.
    pub(crate) life: u64,
    nonce: u64,
    /// Logs are told apart by their bases alone, and not by the life of the data.
    pub(crate) has_plain_logs: bool,
    /// Stores nothing more.
    pub(crate) is_full: bool,
    /// Does nothing, as a replica does.
    pub(crate) is_read_only: bool,
    /// The largest entry that is stored.
    pub(crate) largest: Option<usize>,
    pub(crate) calls: Calls,
}

impl Server {
    pub(crate) fn do_it(&mut self, ns: &str, op: Op, now: u64) -> (Reply, Vec<Push>) {
        if self.is_read_only {
            return (Reply::Refused, Vec::new());
        }
        self.count(&op);
        self.nonce += 1;
        let (life, nonce) = (self.life, self.nonce);
        let log_life = if self.has_plain_logs { 0 } else { life };
        let has_room =
            |bytes: &[u8]| !self.is_full && self.largest.is_none_or(|max| bytes.len() <= max);
        let may_fill = match &op {
            Op::Fill(_, _, Some(bytes), _) | Op::Extend(_, _, _, bytes, _) => has_room(bytes),
            _ => true,
        };
        let mut pushes = Vec::new();
        let space = self.spaces.entry(ns.to_owned()).or_default();
        space.expire(now, &mut pushes);
        let reply = match op {
            Op::Traced(op, by, trace) => {
                let (reply, told) = self.do_it(ns, *op, now);
                let in_trace = |push: &Push| match push {
                    Push::Key(key) => Some(Push::Traced(key.clone(), by, trace.clone())),
                    _ => None,
                };
                let traced: Vec<_> = told.iter().filter_map(in_trace).collect();
                return (reply, [told, traced].concat());
            }
            Op::Read(key, have) => Reply::Read(space.read(&key, have, now)),
            Op::ReadMany(keys) => {
                let read = keys.iter().map(|(key, have)| space.read(key, *have, now));
                Reply::ReadMany(read.collect())
            }
            Op::Acquire(key, want) => Reply::Acquired(space.acquire(&key, want, now)),
            Op::Fill(..) | Op::Extend(..) if !may_fill => Reply::Filled(Filled::Refused),
            Op::Fill(key, token, bytes, life) => {
                let is_unbroken = space.fill(&key, token, bytes, life, now, &mut pushes);
                Reply::Filled(stored(is_unbroken))
            }
            Op::Extend(key, token, version, header, life) => {
                let is_extended =
                    space.extend(&key, (token, version), &header, life, now, &mut pushes);
                Reply::Filled(stored(is_extended))
            }
            Op::Renew(key, token, lasts) => {
                let lease = space.leases.get_mut(&key);
                let lease = lease.filter(|lease| lease.token == token);
                Reply::Is(lease.is_some_and(|lease| {
                    lease.until = now + lasts.as_millis() as u64;
                    true
                }))
            }
            Op::Release(key, token) => {
                space
                    .leases
                    .retain(|of, lease| *of != key || lease.token != token);
                Reply::Is(true)
            }
            Op::Invalidate(keys, want) => {
                space.invalidate(&keys, want, now, &mut pushes);
                Reply::Is(true)
            }
            Op::Soften(key, version, header) => {
                Reply::Is(space.soften(&key, version, &header, &mut pushes))
            }
            Op::Reclaim(key, header) => Reply::Bytes(space.reclaim(key, &header, &mut pushes)),
            Op::Log(known, items) => {
                Reply::Log(space.log(log_life, nonce, known, items, &mut pushes))
            }
            Op::Scan(page) => {
                let next = (page + 1) % SCAN_PAGES;
                Reply::Scanned(next, space.page(page))
            }
            Op::Append(record) => {
                let last = space
                    .records
                    .last()
                    .map_or(RecordId::default(), |(id, _)| *id);
                let millis = last.millis.max(now);
                let number = if millis == last.millis {
                    last.number + 1
                } else {
                    0
                };
                space.records.push((RecordId { millis, number }, record));
                Reply::Appended(RecordId { millis, number })
            }
            Op::Beat | Op::Track => {
                let place = space.log.as_ref().map(|log| log.place(log_life));
                Reply::Beat(life, place)
            }
        };
        (reply, pushes)
    }

    fn count(&mut self, op: &Op) {
        let calls = &mut self.calls;
        *match op {
            Op::Read(..) => &mut calls.reads,
            Op::ReadMany(..) => &mut calls.readings_of_many,
            Op::Acquire(..) => &mut calls.acquires,
            Op::Fill(..) => &mut calls.fills,
            Op::Extend(..) => &mut calls.extensions,
            Op::Renew(..) => &mut calls.renewals,
            Op::Reclaim(..) => &mut calls.reclaims,
            Op::Scan(..) => &mut calls.scans,
            Op::Invalidate(..) => &mut calls.invalidations,
            Op::Log(..) => &mut calls.logs,
            Op::Traced(..) => &mut calls.traced,
            _ => return,
        } += 1;
    }

    /// Remembers its data, as a dump on disk does.
    pub(crate) fn dump(&mut self) {
        self.snapshot = self.spaces.clone();
    }

    /// Begins another life, with the data of the last dump.
    pub(crate) fn restart(&mut self) {
        self.spaces = self.snapshot.clone();
        self.life += 1;
    }

    pub(crate) fn flush(&mut self) {
        self.spaces.clear();
    }

    pub(crate) fn lose_log(&mut self, ns: &str) {
        self.spaces.entry(ns.to_owned()).or_default().log = None;
    }

    /// Sets the log back by an item, as an older copy of it is.
    pub(crate) fn roll_log_back(&mut self, ns: &str) {
        let space = self.spaces.entry(ns.to_owned()).or_default();
        if let Some(log) = &mut space.log {
            log.items.remove(&log.top);
            log.top -= 1;
        }
    }

    /// What another program stores, or takes out.
    pub(crate) fn put_foreign(&mut self, ns: &str, key: &str, bytes: Option<&[u8]>) {
        let entries = &mut self.spaces.entry(ns.to_owned()).or_default().entries;
        match bytes {
            Some(bytes) => {
                let held = Held {
                    bytes: bytes.to_vec(),
                    until: None,
                };
                entries.insert(key.to_owned(), held);
            }
            None => drop(entries.remove(key)),
        }
    }

    /// The stream of samples.
    pub(crate) fn records(&self, ns: &str) -> Vec<(RecordId, Vec<u8>)> {
        let space = self.spaces.get(ns);
        space.map_or_else(Vec::new, |space| space.records.clone())
    }

    pub(crate) fn bytes_of(&self, ns: &str, key: &str) -> Option<Vec<u8>> {
        Some(self.spaces.get(ns)?.entries.get(key)?.bytes.clone())
    }

    pub(crate) fn is_leased(&self, ns: &str, key: &str) -> bool {
        self.spaces
            .get(ns)
            .is_some_and(|space| space.leases.contains_key(key))
    }
}

impl Space {
    fn expire(&mut self, now: u64, pushes: &mut Vec<Push>) {
        self.entries.retain(|key, held| {
            let is_live = held.until.is_none_or(|until| now < until);
            if !is_live {
                pushes.push(Push::Key(key.clone()));
            }
            is_live
        });
        self.leases.retain(|_, lease| now < lease.until);
    }

    fn head(&self, key: &str) -> Vec<u8> {
        let held = self.entries.get(key);
        held.map_or(Vec::new(), |held| {
            held.bytes.iter().take(HEAD_BYTES).copied().collect()
        })
    }

    fn left(&self, key: &str, now: u64) -> Option<Duration> {
        let until = self.entries.get(key)?.until?;
        Some(Duration::from_millis(until - now))
    }

    fn read(&self, key: &str, have: Option<u64>, now: u64) -> Read {
        let Some(held) = self.entries.get(key) else {
            return Read::Nothing;
        };
        let left = self.left(key, now);
        match have {
            Some(have) if self.head(key) == head(have) && held.bytes.len() > HEAD_BYTES + 1 => {
                Read::Same(header(&held.bytes), left)
            }
            _ => Read::Entry(held.bytes.clone(), left),
        }
    }

    fn acquire(&mut self, key: &str, want: Want, now: u64) -> Acquired {
        let seen = self.head(key);
        let is_wanted = !seen.is_empty() && want.unlike.is_none_or(|unlike| seen != head(unlike));
        if let (true, Some(held)) = (is_wanted, self.entries.get(key)) {
            return Acquired::Stands(held.bytes.clone(), self.left(key, now));
        }
        if let Some(lease) = self
            .leases
            .get(key)
            .filter(|lease| lease.token != want.token)
        {
            return Acquired::Leased(Duration::from_millis(lease.until - now), lease.lookup);
        }
        let seen_until = match self.entries.get(key) {
            None => -2,
            Some(held) => held.until.map_or(-1, u64::cast_signed),
        };
        self.lease(key, want, now, seen, seen_until);
        Acquired::Ours
    }

    fn lease(&mut self, key: &str, want: Want, now: u64, seen: Vec<u8>, seen_until: i64) {
        let lease = Lease {
            token: want.token,
            until: now + want.lease.as_millis() as u64,
            seen,
            seen_until,
            lookup: want.lookup,
        };
        self.leases.insert(key.to_owned(), lease);
    }

    fn fill(
        &mut self,
        key: &str,
        token: u64,
        bytes: Option<Vec<u8>>,
        life: Option<Duration>,
        now: u64,
        pushes: &mut Vec<Push>,
    ) -> bool {
        let Some(lease) = self
            .leases
            .get(key)
            .filter(|lease| lease.token == token)
            .cloned()
        else {
            return false;
        };
        self.leases.remove(key);
        let stands = self.head(key);
        if stands != lease.seen {
            let has_expired = lease.seen_until >= 0 && now.cast_signed() >= lease.seen_until;
            if !stands.is_empty() || !has_expired {
                return false;
            }
        }
        if let Some(bytes) = bytes {
            self.put(key, bytes, life, now, pushes);
        }
        true
    }

    fn put(
        &mut self,
        key: &str,
        bytes: Vec<u8>,
        life: Option<Duration>,
        now: u64,
        pushes: &mut Vec<Push>,
    ) {
        let until = life.map(|life| now + life.as_millis() as u64);
        self.entries.insert(key.to_owned(), Held { bytes, until });
        pushes.push(Push::Key(key.to_owned()));
    }

    fn extend(
        &mut self,
        key: &str,
        (token, version): (u64, u64),
        new: &[u8],
        life: Option<Duration>,
        now: u64,
        pushes: &mut Vec<Push>,
    ) -> bool {
        let is_ours = self
            .leases
            .get(key)
            .is_some_and(|lease| lease.token == token);
        if is_ours {
            self.leases.remove(key);
        }
        if !is_ours || self.head(key) != head(version) {
            return false;
        }
        let bytes = self.with_header(key, new);
        self.put(key, bytes, life, now, pushes);
        true
    }

    fn with_header(&self, key: &str, new: &[u8]) -> Vec<u8> {
        let old = &self.entries[key].bytes;
        [new, &old[header(old).len()..]].concat()
    }

    /// The entries of a page: each is always on the same one.
    fn page(&self, page: u64) -> Vec<(String, Vec<u8>)> {
        let is_on = |key: &str| key.bytes().map(u64::from).sum::<u64>() % SCAN_PAGES == page;
        let entries = self.entries.iter().filter(|(key, _)| is_on(key));
        let entries = entries.map(|(key, held)| (key.clone(), header(&held.bytes)));
        entries.collect()
    }

    fn reclaim(&mut self, key: String, seen: &[u8], pushes: &mut Vec<Push>) -> u64 {
        let stands = self.entries.get(&key);
        let is_it = stands.is_some_and(|held| header(&held.bytes) == seen);
        if !is_it || self.leases.contains_key(&key) {
            return 0;
        }
        let held = self.entries.remove(&key);
        pushes.push(Push::Key(key));
        held.map_or(0, |held| held.bytes.len() as u64)
    }

    fn invalidate(
        &mut self,
        keys: &[String],
        want: Option<Want>,
        now: u64,
        pushes: &mut Vec<Push>,
    ) {
        for key in keys {
            self.entries.remove(key);
            self.leases.remove(key);
            pushes.push(Push::Key(key.clone()));
        }
        if let (Some(want), [key]) = (want, keys) {
            self.lease(key, want, now, Vec::new(), -2);
        }
    }

    fn soften(&mut self, key: &str, version: u64, new: &[u8], pushes: &mut Vec<Push>) -> bool {
        let stands = self.head(key);
        if !stands.is_empty() && stands != head(version) {
            return false;
        }
        self.leases.remove(key);
        if !stands.is_empty() {
            let bytes = self.with_header(key, new);
            if let Some(held) = self.entries.get_mut(key) {
                held.bytes = bytes;
            }
        }
        pushes.push(Push::Key(key.to_owned()));
        true
    }

    fn log(
        &mut self,
        life: u64,
        nonce: u64,
        known: Option<LogPlace>,
        items: Vec<Vec<u8>>,
        pushes: &mut Vec<Push>,
    ) -> LogNews {
        if self.log.is_none() || !items.is_empty() {
            pushes.push(Push::Log);
        }
        let log = self.log.get_or_insert_with(|| Log {
            base: nonce,
            ..Log::default()
        });
        for item in items {
            log.add(item);
        }
        log.since(life, known)
    }
}

fn stored(is_stored: bool) -> Filled {
    if is_stored {
        Filled::Stored
    } else {
        Filled::Overtaken
    }
}

/// The part of an entry that its own length field says is its header.
fn header(bytes: &[u8]) -> Vec<u8> {
    let length = match (version_of(bytes), bytes.get(HEAD_BYTES..HEAD_BYTES + 2)) {
        (Some(_), Some(&[low, high])) => usize::from(u16::from_le_bytes([low, high])),
        _ => 0,
    };
    bytes[..length.min(bytes.len())].to_vec()
}
