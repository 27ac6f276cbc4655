//! A shard's table: the entries inline, found by hash, in slots that keep their number until the
//! table is made anew with another size.
//!
//! Beside each slot stand its queue link and, where there is a weigher, its weight; beside each group
//! of slots a bound on when the first of them expires. The table must not know which entry is worth
//! keeping, nor the time.

use super::entry::Entry;
use super::group::{Group, SLOTS, Slots};
use super::queue::Link;
use crate::clock::Tick;

/// Expiry bounds count in steps of this many milliseconds, so that entries that expire close to each
/// other are found by one look.
const BOUND_SHIFT: u32 = 8;
/// Of the slots, at most this share (in 1/64) is used: 56/64.
const MAX_LOAD: usize = 56;

pub(super) struct Table<K, V> {
    groups: Box<[Group]>,
    slots: Box<[Option<Entry<K, V>>]>,
    pub(super) links: Box<[Link]>,
    /// Empty where every entry weighs 1.
    weights: Box<[u32]>,
    /// For each group, no later than the first expiry in it, in steps rounded up.
    bounds: Box<[u32]>,
    len: usize,
}

impl<K, V> Table<K, V> {
    /// Room for `entries`; none for 0.
    pub(super) fn with_room_for(entries: usize, weighed: bool) -> Self {
        let groups = (entries * 64).div_ceil(SLOTS * MAX_LOAD);
        let slots = groups * SLOTS;
        Self {
            groups: vec![Group::default(); groups].into(),
            slots: (0..slots).map(|_| None).collect(),
            links: vec![Link::ALONE; slots].into(),
            weights: vec![0; if weighed { slots } else { 0 }].into(),
            bounds: vec![u32::MAX; groups].into(),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many entries it takes before it must be made anew.
    pub(super) fn room(&self) -> usize {
        self.slots.len() * MAX_LOAD / 64
    }

    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }

    #[inline]
    pub(super) fn find(
        &self,
        hash: u64,
        is_key: impl Fn(&K) -> bool,
    ) -> Option<(usize, &Entry<K, V>)> {
        let mut at = self.home(hash);
        for _ in 0..self.groups.len() {
            let group = self.groups[at];
            for i in group.matches(tag(hash)) {
                let slot = at * SLOTS + i;
                if let Some(entry) = &self.slots[slot]
                    && is_key(&entry.key)
                {
                    return Some((slot, entry));
                }
            }
            if !group.has_overflowed() {
                return None;
            }
            at = self.after(at);
        }
        None
    }

    /// Puts an entry, whose key must not be in the table, into a free slot. There must be room.
    pub(super) fn insert(&mut self, hash: u64, entry: Entry<K, V>, weight: u32) -> usize {
        let mut at = self.home(hash);
        let slot = loop {
            if let Some(i) = self.groups[at].free().next() {
                self.groups[at].set(i, tag(hash));
                break at * SLOTS + i;
            }
            self.groups[at].pass();
            at = self.after(at);
        };
        self.slots[slot] = Some(entry);
        self.len += 1;
        self.note(slot, weight);
        slot
    }

    /// Writes down the weight and the expiry of the entry in `slot`, which is new or has a new value.
    pub(super) fn note(&mut self, slot: usize, weight: u32) {
        if let Some(noted) = self.weights.get_mut(slot) {
            *noted = weight;
        }
        let expires = steps_up(self.entry(slot).expires_at());
        let bound = &mut self.bounds[slot / SLOTS];
        *bound = expires.min(*bound);
    }

    /// Empties `slot`, in which an entry of this hash must stand.
    pub(super) fn take(&mut self, hash: u64, slot: usize) -> Entry<K, V> {
        let home = slot / SLOTS;
        let mut at = self.home(hash);
        while at != home {
            self.groups[at].unpass();
            at = self.after(at);
        }
        self.groups[home].set(slot % SLOTS, 0);
        self.len -= 1;
        self.slots[slot]
            .take()
            .expect("a slot that is taken holds an entry")
    }

    #[inline]
    pub(super) fn entry(&self, slot: usize) -> &Entry<K, V> {
        self.slots[slot]
            .as_ref()
            .expect("a slot in a queue holds an entry")
    }

    #[inline]
    pub(super) fn entry_mut(&mut self, slot: usize) -> &mut Entry<K, V> {
        self.slots[slot]
            .as_mut()
            .expect("a slot in a queue holds an entry")
    }

    #[inline]
    pub(super) fn weight(&self, slot: usize) -> u32 {
        self.weights.get(slot).copied().unwrap_or(1)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry<K, V>> {
        self.slots.iter().flatten()
    }

    /// Whether an entry of the group may have expired by `now`.
    #[inline]
    pub(super) fn may_have_expired(&self, group: usize, now: Tick) -> bool {
        u64::from(self.bounds[group]) <= now.as_millis() >> BOUND_SHIFT
    }

    /// The slots of a group whose entries have expired by `now`; with them gone, its bound is exact.
    pub(super) fn expired_in(
        &mut self,
        group: usize,
        now: Tick,
    ) -> impl Iterator<Item = usize> + use<K, V> {
        let mut expired = Slots::default();
        let mut bound = u32::MAX;
        for i in self.groups[group].occupied() {
            let expires = self.entry(group * SLOTS + i).expires_at();
            if expires <= now {
                expired.insert(i);
            } else {
                bound = bound.min(steps_up(expires));
            }
        }
        self.bounds[group] = bound;
        expired.map(move |i| group * SLOTS + i)
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        let low = hash & u64::from(u32::MAX);
        (low * self.groups.len() as u64 >> 32) as usize
    }

    fn after(&self, group: usize) -> usize {
        if group + 1 == self.groups.len() {
            0
        } else {
            group + 1
        }
    }
}

#[inline]
fn tag(hash: u64) -> u8 {
    ((hash >> 32) as u8).max(1)
}

fn steps_up(tick: Tick) -> u32 {
    u32::try_from(tick.as_millis().div_ceil(1 << BOUND_SHIFT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
impl<K, V> Table<K, V> {
    /// Panics where the groups, slots and bounds do not agree. `hash_of` is what entries were put in by.
    pub(super) fn validate(&self, hash_of: impl Fn(&K) -> u64) {
        let occupied = (0..self.groups.len())
            .flat_map(|g| self.groups[g].occupied().map(move |i| g * SLOTS + i));
        let holding = (0..self.slots.len()).filter(|&slot| self.slots[slot].is_some());
        let holding: Vec<_> = holding.collect();
        assert_eq!(
            occupied.collect::<Vec<_>>(),
            holding,
            "tags stand for entries"
        );
        assert_eq!(holding.len(), self.len);
        assert!(self.len <= self.room());
        for slot in holding {
            let entry = self.entry(slot);
            let hash = hash_of(&entry.key);
            let found = self.find(hash, |key| std::ptr::eq(key, &raw const entry.key));
            assert_eq!(
                found.map(|(at, _)| at),
                Some(slot),
                "an entry is found by its hash"
            );
            assert!(
                self.bounds[slot / SLOTS] <= steps_up(entry.expires_at()),
                "a bound is never late"
            );
        }
        if self.len == 0 {
            assert!(
                self.groups.iter().all(|group| !group.has_overflowed()),
                "removals leave nothing behind"
            );
        }
    }
}
