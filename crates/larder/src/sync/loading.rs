//! What this thread is loading right now, so that it does not wait for itself. Knows no flights.

use std::any::Any;
use std::cell::RefCell;

crate::shim::thread_local! {
    /// As deep as loaders that call a cache are nested.
    static HERE: RefCell<Vec<Item>> = RefCell::default();
}

struct Item {
    cache: usize,
    key: Box<dyn Any>,
}

/// A load that runs on this thread, until it is dropped.
pub(super) struct Loading {
    depth: usize,
}

impl Loading {
    pub(super) fn begin<K: 'static>(cache: usize, key: K) -> Self {
        HERE.with(|items| {
            let mut items = items.borrow_mut();
            let depth = items.len();
            let key = Box::new(key);
            items.push(Item { cache, key });
            Self { depth }
        })
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        // Taken out first: a key's own `Drop` runs when the list is free again.
        drop(HERE.with(|items| items.borrow_mut().split_off(self.depth)));
    }
}

/// Whether a load of `key` for the cache at this address runs on this thread.
pub(super) fn is_loaded_here<K: Eq + 'static>(cache: usize, key: &K) -> bool {
    HERE.with(|items| {
        items
            .borrow()
            .iter()
            .any(|item| item.cache == cache && item.key.downcast_ref::<K>() == Some(key))
    })
}
