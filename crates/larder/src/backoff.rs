//! Which keys' loaders failed a moment ago and are left alone while a stale value stands in.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::clock::Tick;

/// Keys remembered at once. Past that those that are over go, or else all: a loader is then
/// called more often than wanted, never less.
const KEYS_MAX: usize = 4_096;

/// Pauses, by the hash of their key. Two keys of one hash share a pause.
#[derive(Default)]
pub(crate) struct Backoff(Mutex<HashMap<u64, Tick>>);

impl Backoff {
    pub(crate) fn pause(&self, hash: u64, now: Tick, until: Tick) {
        let mut pauses = self.0.lock();
        if pauses.len() >= KEYS_MAX {
            pauses.retain(|_, until| *until > now);
        }
        if pauses.len() >= KEYS_MAX {
            pauses.clear();
        }
        pauses.insert(hash, until);
    }

    pub(crate) fn is_paused(&self, hash: u64, now: Tick) -> bool {
        self.0.lock().get(&hash).is_some_and(|until| *until > now)
    }
}
