//! Invalidations that the shared store has not acknowledged: bounded, each once, to be sent before it is
//! read again.

use std::collections::BTreeMap;

use crate::tier::LogItem;

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
    /// One key more; too many become an invalidation of all.
    pub(super) fn add_key(&mut self, key: &str) {
        self.added += 1;
        let added = self.added;
        if let Some((_, number)) = self.all() {
            *number = added;
            return;
        }
        self.keys.insert(key.into(), self.added);
        if self.keys.len() > KEYS_MAX {
            self.collapse();
        }
    }

    /// Items more; too many become an invalidation of all.
    pub(super) fn add_items(&mut self, items: impl IntoIterator<Item = LogItem>) {
        self.added += 1;
        for item in items {
            self.items.retain(|(known, _)| *known != item);
            self.items.push((item, self.added));
        }
        if self.all().is_some() || self.items.len() > ITEMS_MAX {
            self.collapse();
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

    pub(super) fn sent(&mut self, part: &Part) {
        let is_sent = |number: u64| number <= part.up_to;
        self.items
            .retain(|(item, number)| !(is_sent(*number) && part.items.contains(item)));
        for key in &part.keys {
            if self.keys.get(key).is_some_and(|number| is_sent(*number)) {
                self.keys.remove(key);
            }
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
