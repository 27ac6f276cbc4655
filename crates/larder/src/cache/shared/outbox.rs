//! Invalidations that the shared store has not acknowledged: bounded, each once, to be sent before it is
//! read again.

use std::collections::HashSet;

use crate::tier::LogItem;

const KEYS_MAX: usize = 10_000;
const ITEMS_MAX: usize = 1_000;

#[derive(Default)]
pub(super) struct Outbox {
    keys: HashSet<Box<str>>,
    items: Vec<LogItem>,
}

impl Outbox {
    /// One key more; too many become an invalidation of all.
    pub(super) fn add_key(&mut self, key: &str) {
        if self.items.contains(&LogItem::All) || self.keys.contains(key) {
            return;
        }
        self.keys.insert(key.into());
        if self.keys.len() > KEYS_MAX {
            self.collapse();
        }
    }

    /// Items more; too many become an invalidation of all.
    pub(super) fn add_items(&mut self, items: impl IntoIterator<Item = LogItem>) {
        for item in items {
            if !self.items.contains(&item) {
                self.items.push(item);
            }
        }
        if self.items.contains(&LogItem::All) || self.items.len() > ITEMS_MAX {
            self.collapse();
        }
    }

    fn collapse(&mut self) {
        self.keys = HashSet::new();
        self.items = vec![LogItem::All];
    }

    /// A part of what waits. It stays until it is said to be [sent](Self::sent).
    pub(super) fn some(&self, keys: usize) -> (Vec<LogItem>, Vec<Box<str>>) {
        (
            self.items.clone(),
            self.keys.iter().take(keys).cloned().collect(),
        )
    }

    pub(super) fn sent(&mut self, items: &[LogItem], keys: &[Box<str>]) {
        self.items.retain(|item| !items.contains(item));
        for key in keys {
            self.keys.remove(key);
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
        assert_eq!(outbox.some(9), (vec![LogItem::All], Vec::new()));
        outbox.add_key("hidden by it");
        outbox.sent(&[LogItem::All], &[]);
        assert_eq!(outbox.len(), 0);
        outbox.add_items((0..=ITEMS_MAX).map(|n| LogItem::Tag(n.to_string().into())));
        assert_eq!(outbox.some(9).0, [LogItem::All]);
    }
}
