//! A shard's table: the entries inline, found by hash, in slots that keep their number until the
//! table is made anew with another size.
//!
//! A key's slot is in the group that its hash names or, where that was full, in a later one. Each group
//! counts the keys that passed it by, and a search goes on only where there are some; so a removal
//! leaves no tombstone. (The scheme is that of Meta's F14.)
//!
//! Beside each slot stand its queue link and, where there is a weigher, its weight; beside each group
//! a bound on when the first of its entries expires. The table must not know which entry is worth
//! keeping, nor the time.

use super::departed::Cause;
use super::entry::{Bar, Cold, Entry, Meta};
use super::group::{Group, SLOTS, Slots};
use super::queue::{Link, Linked};
use crate::clock::Tick;

/// Expiry bounds count in steps of this many milliseconds, so that entries that expire close to each
/// other are found by one look.
const BOUND_SHIFT: u32 = 8;
/// Of a group's slots, as many are used on average at most.
const MAX_LOAD: usize = 13;
/// The hash's bits from here on choose the step to the next group.
const STEP_SHIFT: u32 = 40;

pub(super) struct Table<K, V> {
    groups: Box<[Group]>,
    blocks: Box<[Block<K, V>]>,
    pub(super) beside: Box<[Beside]>,
    /// Empty until an entry comes with a note.
    notes: Box<[u32]>,
    /// Empty until an entry comes with a cost.
    costs: Box<[u8]>,
    /// For each group, the keys in later ones that wanted a slot in it. At 255 the count stays for
    /// good, and searches only get longer.
    passed: Box<[u8]>,
    /// Empty where every entry weighs 1.
    weights: Box<[u32]>,
    /// For each group, no later than the first expiry in it, in steps rounded up.
    bounds: Box<[u32]>,
    /// No later than the first of the bounds.
    soonest: u32,
    /// The first of the bounds that the sweep has seen, and of those noted since it began.
    soonest_swept: u32,
    /// The group that the sweep looks at next.
    hand: usize,
    len: usize,
}

/// What a writer needs of a slot and a hit does not, on one cache line.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    /// What is cold of the entry but its note and its cost.
    times: u64,
    link: Link,
}

impl Beside {
    const EMPTY: Self = Self {
        times: 0,
        link: Link::ALONE,
    };
}

impl Linked for Beside {
    #[inline]
    fn link(&self) -> Link {
        self.link
    }

    #[inline]
    fn link_mut(&mut self) -> &mut Link {
        &mut self.link
    }
}

/// The slots of a group, aligned so that an entry of 32 bytes lies on one cache line.
#[repr(align(64))]
struct Block<K, V>([Option<Entry<K, V>>; SLOTS]);

impl<K, V> Table<K, V> {
    /// Room for `entries`; none for 0.
    pub(super) fn with_room_for(entries: usize, weighed: bool) -> Self {
        let groups = if entries == 0 {
            0
        } else {
            entries.div_ceil(MAX_LOAD) | 1
        };
        let slots = groups * SLOTS;
        Self {
            groups: vec![Group::default(); groups].into(),
            blocks: (0..groups)
                .map(|_| Block([const { None }; SLOTS]))
                .collect(),
            beside: vec![Beside::EMPTY; slots].into(),
            notes: Box::default(),
            costs: Box::default(),
            passed: vec![0; groups].into(),
            weights: vec![0; if weighed { slots } else { 0 }].into(),
            bounds: vec![u32::MAX; groups].into(),
            soonest: u32::MAX,
            soonest_swept: u32::MAX,
            hand: 0,
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many entries it takes before it must be made anew.
    pub(super) fn room(&self) -> usize {
        self.groups.len() * MAX_LOAD
    }

    #[inline]
    pub(super) fn find(
        &self,
        hash: u64,
        is_key: impl Fn(&K) -> bool,
    ) -> Option<(usize, &Entry<K, V>)> {
        let home = self.home(hash);
        let found = self.find_in(home, hash, &is_key);
        if found.is_some() || self.passed.get(home).is_none_or(|&passed| passed == 0) {
            return found;
        }
        self.find_after(home, hash, is_key)
    }

    #[inline]
    fn find_in(
        &self,
        group: usize,
        hash: u64,
        is_key: impl Fn(&K) -> bool,
    ) -> Option<(usize, &Entry<K, V>)> {
        let (tags, Block(slots)) = (self.groups.get(group)?, self.blocks.get(group)?);
        for i in tags.matches(tag(hash)) {
            if let Some(entry) = &slots[i]
                && is_key(&entry.key)
            {
                return Some((group * SLOTS + i, entry));
            }
        }
        None
    }

    /// The rest of a search, which few keys need.
    #[inline(never)]
    fn find_after(
        &self,
        home: usize,
        hash: u64,
        is_key: impl Fn(&K) -> bool,
    ) -> Option<(usize, &Entry<K, V>)> {
        let mut at = home;
        for _ in 1..self.groups.len() {
            at = self.after(at, hash);
            let found = self.find_in(at, hash, &is_key);
            if found.is_some() || self.passed[at] == 0 {
                return found;
            }
        }
        None
    }

    /// Puts an entry, whose key must not be in the table, into a free slot. There must be room.
    #[expect(
        clippy::inline_always,
        reason = "handed over in memory, the processor waits for what was just written of the entry"
    )]
    #[inline(always)]
    pub(super) fn insert(
        &mut self,
        hash: u64,
        entry: Entry<K, V>,
        cold: Cold,
        weight: u32,
    ) -> usize {
        let mut at = self.home(hash);
        let slot = loop {
            if let Some(i) = self.groups[at].free().next() {
                self.groups[at].set(i, tag(hash));
                break at * SLOTS + i;
            }
            self.passed[at] = self.passed[at].saturating_add(1);
            at = self.after(at, hash);
        };
        let gone_at = entry.gone_at(cold);
        *self.slot_mut(slot) = Some(entry);
        self.len += 1;
        self.note(slot, cold, gone_at, weight);
        slot
    }

    /// Writes down what goes with the entry in `slot`, which is new or has a new value, and is gone at
    /// `gone_at`.
    #[inline]
    pub(super) fn note(&mut self, slot: usize, cold: Cold, gone_at: Tick, weight: u32) {
        self.beside[slot].times = cold.times;
        let has_extras = (cold.note, cold.cost) != (0, 0);
        if has_extras || !self.notes.is_empty() || !self.costs.is_empty() {
            self.note_extras(slot, cold);
        }
        if let Some(noted) = self.weights.get_mut(slot) {
            *noted = weight;
        }
        self.lower_bounds(slot, gone_at);
    }

    /// Out of line, as many caches give neither.
    #[inline(never)]
    fn note_extras(&mut self, slot: usize, cold: Cold) {
        write(&mut self.notes, slot, cold.note, self.beside.len());
        write(&mut self.costs, slot, cold.cost, self.beside.len());
    }

    /// Lowers the bounds to when the entry in `slot` is gone.
    pub(super) fn expect_death(&mut self, slot: usize) {
        self.lower_bounds(slot, self.gone_at(slot));
    }

    #[inline]
    fn lower_bounds(&mut self, slot: usize, gone_at: Tick) {
        let gone = steps_up(gone_at);
        let bound = &mut self.bounds[slot / SLOTS];
        // Otherwise it was noted when the bound was lowered, or will be when the sweep sees it.
        if gone < *bound {
            *bound = gone;
            self.soonest = gone.min(self.soonest);
            self.soonest_swept = gone.min(self.soonest_swept);
        }
    }

    /// Empties `slot`, in which an entry of this hash must stand; what is cold of it stays to be read.
    #[inline]
    pub(super) fn take(&mut self, hash: u64, slot: usize) -> Entry<K, V> {
        let home = slot / SLOTS;
        let mut at = self.home(hash);
        while at != home {
            if self.passed[at] < u8::MAX {
                self.passed[at] -= 1;
            }
            at = self.after(at, hash);
        }
        self.groups[home].set(slot % SLOTS, 0);
        self.len -= 1;
        self.slot_mut(slot)
            .take()
            .expect("a slot that is taken holds an entry")
    }

    #[inline]
    pub(super) fn entry(&self, slot: usize) -> &Entry<K, V> {
        self.blocks[slot / SLOTS].0[slot % SLOTS]
            .as_ref()
            .expect("a slot in a queue holds an entry")
    }

    #[inline]
    pub(super) fn entry_mut(&mut self, slot: usize) -> &mut Entry<K, V> {
        self.slot_mut(slot)
            .as_mut()
            .expect("a slot in a queue holds an entry")
    }

    #[inline]
    pub(super) fn meta(&self, slot: usize, entry: &Entry<K, V>) -> Meta {
        entry.meta(self.cold(slot))
    }

    #[inline]
    pub(super) fn cold(&self, slot: usize) -> Cold {
        // Not by index: where nobody asks for what is cold, the look at it falls away.
        Cold {
            times: self.beside.get(slot).map_or(0, |beside| beside.times),
            note: self.noted(slot),
            cost: self.costs.get(slot).copied().unwrap_or_default(),
        }
    }

    /// The note that was given with the entry in `slot`.
    #[inline]
    pub(super) fn noted(&self, slot: usize) -> u32 {
        self.notes.get(slot).copied().unwrap_or_default()
    }

    #[inline]
    pub(super) fn entry_and_cold(&mut self, slot: usize) -> (&mut Entry<K, V>, Cold) {
        let cold = self.cold(slot);
        (self.entry_mut(slot), cold)
    }

    #[inline]
    fn gone_at(&self, slot: usize) -> Tick {
        self.entry(slot).gone_at(self.cold(slot))
    }

    /// Why the entry in `slot` is dead, if it is.
    #[inline]
    pub(super) fn death(&self, slot: usize, bar: Bar) -> Option<Cause> {
        self.entry(slot).death(self.cold(slot), bar)
    }

    #[inline]
    pub(super) fn weight(&self, slot: usize) -> u32 {
        self.weights.get(slot).copied().unwrap_or(1)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&Entry<K, V>, Meta, u32)> {
        let slots = self.blocks.iter().flat_map(|block| &block.0).enumerate();
        slots.filter_map(|(slot, held)| {
            let entry = held.as_ref()?;
            Some((entry, self.meta(slot, entry), self.weight(slot)))
        })
    }

    pub(super) fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry<K, V>> {
        self.blocks
            .iter_mut()
            .flat_map(|block| &mut block.0)
            .flatten()
    }

    /// The entries with their notes.
    pub(super) fn into_entries(self) -> impl Iterator<Item = (Entry<K, V>, u32)> {
        let Self { blocks, notes, .. } = self;
        let slots = blocks.into_iter().flat_map(|block| block.0).enumerate();
        slots.filter_map(move |(slot, held)| {
            held.map(|entry| (entry, notes.get(slot).copied().unwrap_or_default()))
        })
    }

    /// Has the sweep look at every entry, whatever the bounds were. O(groups).
    pub(super) fn suspect_all(&mut self) {
        self.bounds.fill(0);
        (self.soonest, self.soonest_swept) = (0, 0);
    }

    /// Whether an entry may be dead by `now`.
    #[inline]
    pub(super) fn may_have_dead(&self, now: Tick) -> bool {
        u64::from(self.soonest) <= now.as_millis() >> BOUND_SHIFT
    }

    /// Sweeps on over at most `most` groups, and stops at the first that may hold what is dead: gives
    /// what is. That must then be taken out.
    pub(super) fn sweep(
        &mut self,
        most: usize,
        bar: Bar,
    ) -> impl Iterator<Item = usize> + use<K, V> {
        let mut dead = Slots::default();
        let mut group = 0;
        for _ in 0..most.min(self.groups.len()) {
            group = self.hand;
            self.hand = if group + 1 == self.groups.len() {
                0
            } else {
                group + 1
            };
            let is_due = u64::from(self.bounds[group]) <= bar.now.as_millis() >> BOUND_SHIFT;
            if is_due {
                dead = self.dead_in(group, bar);
            }
            self.soonest_swept = self.soonest_swept.min(self.bounds[group]);
            if self.hand == 0 {
                self.soonest = std::mem::replace(&mut self.soonest_swept, u32::MAX);
            }
            if is_due {
                break;
            }
        }
        dead.map(move |i| group * SLOTS + i)
    }

    /// The slots of a group whose entries are dead; with them gone, its bound is exact.
    fn dead_in(&mut self, group: usize, bar: Bar) -> Slots {
        let mut dead = Slots::default();
        let mut bound = u32::MAX;
        for i in self.groups[group].occupied() {
            let slot = group * SLOTS + i;
            if self.death(slot, bar).is_some() {
                dead.insert(i);
            } else {
                bound = bound.min(steps_up(self.gone_at(slot)));
            }
        }
        self.bounds[group] = bound;
        dead
    }

    #[inline]
    fn slot_mut(&mut self, slot: usize) -> &mut Option<Entry<K, V>> {
        &mut self.blocks[slot / SLOTS].0[slot % SLOTS]
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        let low = hash & u64::from(u32::MAX);
        ((low * self.groups.len() as u64) >> 32) as usize
    }

    /// The group that a key looks at after a full one. The step is a power of two and the number of
    /// groups odd, so all groups come in turn; different steps keep full groups from gathering.
    fn after(&self, group: usize, hash: u64) -> usize {
        let after = group + (1 << (hash >> STEP_SHIFT & 7));
        // A division takes longer than all the rest.
        if after < self.groups.len() {
            after
        } else {
            after % self.groups.len()
        }
    }
}

/// Writes to an array that stays empty until something but 0 comes.
fn write<T: Copy + Default + PartialEq>(to: &mut Box<[T]>, slot: usize, what: T, slots: usize) {
    if to.is_empty() && what != T::default() {
        *to = vec![T::default(); slots].into();
    }
    if let Some(written) = to.get_mut(slot) {
        *written = what;
    }
}

#[inline]
fn tag(hash: u64) -> u8 {
    ((hash >> 32) as u8).max(1)
}

#[inline]
fn steps_up(tick: Tick) -> u32 {
    let steps = (tick.as_millis() + (1 << BOUND_SHIFT) - 1) >> BOUND_SHIFT;
    steps.min(u64::from(u32::MAX)) as u32
}

#[cfg(test)]
impl<K, V> Table<K, V> {
    /// Panics where the groups, slots and bounds do not agree. `hash_of` is what entries were put in by.
    pub(super) fn validate(&self, hash_of: impl Fn(&K) -> u64) {
        let slots = 0..self.groups.len() * SLOTS;
        let is_tagged = |slot: usize| {
            self.groups[slot / SLOTS]
                .occupied()
                .any(|i| i == slot % SLOTS)
        };
        let is_held = |slot: usize| self.blocks[slot / SLOTS].0[slot % SLOTS].is_some();
        assert!(
            slots.clone().all(|slot| is_tagged(slot) == is_held(slot)),
            "tags stand for entries"
        );
        let holding: Vec<_> = slots.filter(|&slot| is_held(slot)).collect();
        assert_eq!(holding.len(), self.len);
        assert!(self.len <= self.room());
        assert!(
            self.bounds.iter().all(|&bound| self.soonest <= bound),
            "the soonest bound is known"
        );
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
                self.bounds[slot / SLOTS] <= steps_up(self.gone_at(slot)),
                "a bound is never late"
            );
        }
        if self.len == 0 {
            assert!(
                self.passed.iter().all(|&passed| passed == 0),
                "removals leave nothing behind"
            );
        }
    }
}
