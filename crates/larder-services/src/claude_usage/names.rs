//! Names given out as small numbers, in the order in which they were first met.
//!
//! It knows nothing of what the names stand for.

use std::collections::HashMap;
use std::sync::Arc;

/// A table of distinct names.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, u32>,
}

impl Names {
    /// The number of `name`, given out now if it is new.
    pub(super) fn id(&mut self, name: &str) -> u32 {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = u32::try_from(self.names.len()).expect("fewer than 2^32 names");
        let name: Arc<str> = name.into();
        self.names.push(name.clone());
        self.ids.insert(name, id);
        id
    }

    pub(super) fn name(&self, id: u32) -> &Arc<str> {
        &self.names[id as usize]
    }

    /// The names from number `first` on.
    pub(super) fn since(&self, first: usize) -> &[Arc<str>] {
        &self.names[first..]
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}
