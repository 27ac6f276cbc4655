//! Which stored responses are being fetched anew in the background: each once, and only so many.

use std::sync::Arc;

use super::Settings;

/// The most at once; past that a stale response waits for its next client.
const REFRESHING_MAX: usize = 256;

/// A place among them, left when it is dropped.
pub(super) struct Place {
    layer: Arc<Settings>,
    key: String,
}

/// A place for this key, if it has none and there is room.
pub(super) fn enter(layer: &Arc<Settings>, key: &str) -> Option<Place> {
    let mut refreshing = layer.refreshing.lock();
    if refreshing.len() >= REFRESHING_MAX || !refreshing.insert(key.to_owned()) {
        return None;
    }
    Some(Place {
        layer: layer.clone(),
        key: key.to_owned(),
    })
}

impl Drop for Place {
    fn drop(&mut self) {
        self.layer.refreshing.lock().remove(&self.key);
    }
}
