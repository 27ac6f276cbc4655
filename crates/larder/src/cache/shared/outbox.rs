//! Invalidations that the shared store has not acknowledged: bounded, each once, to be sent before it is
//! read again.

use std::collections::BTreeMap;

use crate::tier::{Dues, LogItem, Owed};

const KEYS_MAX: usize = 10_000;
const ITEMS_MAX: usize = 1_000;

/// What waits, each with the number under which it was added last: what is added again while it is
/// being sent stays.
#[derive(Default)]
pub(super) struct Outbox {
    keys: BTreeMap<Box<str>, u64>,
    items: Vec<(LogItem, u64)>,
    added: u64,
}

/// A part of what waits.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) items: Vec<LogItem>,
    pub(super) keys: Vec<Box<str>>,
    up_to: u64,
}

impl Outbox {
    /// With what an earlier life of the cache owed.
    pub(super) fn recovered(owed: Vec<Owed>) -> Self {
        let mut outbox = Self::default();
        for owed in owed {
            match owed {
                Owed::Key(key) => drop(outbox.add_key(&key)),
                Owed::Item(item) => drop(outbox.add_items([item])),
            }
        }
        outbox
    }

    /// One key more; too many become an invalidation of all. Returns what is new.
    pub(super) fn add_key(&mut self, key: &str) -> Vec<Owed> {
        self.added += 1;
        let added = self.added;
        if let Some((_, number)) = self.all() {
            *number = added;
            return Vec::new();
        }
        self.keys.insert(key.into(), self.added);
        if self.keys.len() > KEYS_MAX {
            self.collapse();
        }
        vec![Owed::Key(key.into())]
    }

    /// Items more; too many become an invalidation of all. Returns what is new.
    pub(super) fn add_items(&mut self, items: impl IntoIterator<Item = LogItem>) -> Vec<Owed> {
        self.added += 1;
        let mut new = Vec::new();
        for item in items {
            self.items.retain(|(known, _)| *known != item);
            self.items.push((item.clone(), self.added));
            new.push(Owed::Item(item));
        }
        if self.all().is_some() || self.items.len() > ITEMS_MAX {
            self.collapse();
        }
        new
    }

    /// What is to be kept of what was added: that which still waits, or that it all has become one.
    pub(super) fn dues(&mut self, added: Vec<Owed>) -> Dues {
        if self.all().is_some() {
            return Dues {
                clears: true,
                owed: vec![Owed::Item(LogItem::All)],
                ..Dues::default()
            };
        }
        let waits = |owed: &Owed| match owed {
            Owed::Key(key) => self.keys.contains_key(key),
            Owed::Item(item) => self.items.iter().any(|(known, _)| known == item),
        };
        Dues {
            owed: added.into_iter().filter(waits).collect(),
            ..Dues::default()
        }
    }

    fn all(&mut self) -> Option<&mut (LogItem, u64)> {
        let mut items = self.items.iter_mut();
        items.find(|(item, _)| *item == LogItem::All)
    }

    fn collapse(&mut self) {
        self.keys = BTreeMap::new();
        self.items = vec![(LogItem::All, self.added)];
    }

    /// A part of what waits. It stays until it is said to be [sent](Self::sent).
    pub(super) fn some(&self, keys: usize) -> Part {
        Part {
            items: self.items.iter().map(|(item, _)| item.clone()).collect(),
            keys: self.keys.keys().take(keys).cloned().collect(),
            up_to: self.added,
        }
    }

    /// The part was sent; returns what of it does not wait any more.
    pub(super) fn sent(&mut self, part: &Part) -> Dues {
        let mut paid = Vec::new();
        self.items.retain(|(item, number)| {
            let is_sent = *number <= part.up_to && part.items.contains(item);
            if is_sent {
                paid.push(Owed::Item(item.clone()));
            }
            !is_sent
        });
        for key in &part.keys {
            if self
                .keys
                .get(key)
                .is_some_and(|number| *number <= part.up_to)
            {
                self.keys.remove(key);
                paid.push(Owed::Key(key.clone()));
            }
        }
        Dues {
            paid,
            ..Dues::default()
        }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len() + self.items.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_what_was_added_is_what_waits_then() {
        let mut outbox = Outbox::default();
        let (k, other) = (outbox.add_key("k"), outbox.add_key("other"));
        let part = outbox.some(1);
        assert_eq!(outbox.sent(&part).paid, k);
        assert!(outbox.dues(k).is_empty());
        assert_eq!(outbox.dues(other.clone()).owed, other);
        let all = outbox.add_items([LogItem::All]);
        for added in [other, all.clone()] {
            let dues = outbox.dues(added);
            assert_eq!((dues.clears, &dues.owed), (true, &all));
        }
        let restarted = Outbox::recovered(all);
        assert_eq!(restarted.some(9).items, [LogItem::All]);
    }

    #[test]
    fn what_waits_is_bounded_and_nothing_is_lost_when_it_overflows() {
        let mut outbox = Outbox::default();
        for number in 0..KEYS_MAX {
            outbox.add_key(&number.to_string());
            outbox.add_key("0");
        }
        assert_eq!(outbox.len(), KEYS_MAX);
        outbox.add_key("one more");
        let part = outbox.some(9);
        assert_eq!((&part.items, part.keys.len()), (&vec![LogItem::All], 0));
        outbox.sent(&part);
        assert_eq!(outbox.len(), 0);
        outbox.add_items((0..=ITEMS_MAX).map(|n| LogItem::Tag(n.to_string().into())));
        assert_eq!(outbox.some(9).items, [LogItem::All]);
    }

    #[test]
    fn what_is_added_while_it_is_being_sent_is_sent_again() {
        let mut outbox = Outbox::default();
        outbox.add_key("k");
        outbox.add_items([LogItem::Tag("t".into())]);
        let part = outbox.some(9);
        outbox.add_key("k");
        outbox.add_items([LogItem::Tag("t".into())]);
        outbox.sent(&part);
        assert_eq!(outbox.len(), 2);

        outbox.add_items([LogItem::All]);
        let part = outbox.some(9);
        outbox.add_key("hidden by it");
        outbox.sent(&part);
        assert_eq!(outbox.some(9).items, [LogItem::All]);
    }
}
