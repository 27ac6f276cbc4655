//! What LRU, and the optimum that knows what comes (Belady's), hit on a stream of keys.
//!
//! Keys are numbered from 0 without gaps. This module must not know where they come from.

use std::collections::{BinaryHeap, HashMap};

/// A stream of keys by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    numbers: HashMap<u64, u32>,
    pub(crate) requests: Vec<u32>,
}

impl Keys {
    /// Adds a request; false where there are as many as can be.
    pub(crate) fn push(&mut self, key: u64) -> bool {
        if self.requests.len() >= REQUESTS_MAX {
            return false;
        }
        let next = self.numbers.len() as u32;
        self.requests.push(*self.numbers.entry(key).or_insert(next));
        true
    }

    /// How many different keys there are.
    pub(crate) fn unique(&self) -> usize {
        self.numbers.len()
    }
}

/// A place or key that does not exist.
const NEVER: u32 = u32::MAX;
/// More requests than places can be told apart.
pub(crate) const REQUESTS_MAX: usize = NEVER as usize - 1;

/// Hits of a cache of `capacity` keys whose least recently used one leaves.
pub(crate) fn lru(keys: &Keys, capacity: usize) -> u64 {
    // Key `end` closes the ring: the newest stands after it, the oldest before it.
    let end = keys.unique();
    let mut ring: Vec<(u32, u32)> = vec![(NEVER, NEVER); end + 1];
    ring[end] = (end as u32, end as u32);
    let (mut held, mut hits) = (0, 0);
    for &key in &keys.requests {
        if ring[key as usize].0 == NEVER {
            held += 1;
        } else {
            hits += 1;
            unlink(&mut ring, key);
        }
        let newest = ring[end].1;
        ring[key as usize] = (end as u32, newest);
        ring[newest as usize].0 = key;
        ring[end].1 = key;
        if held > capacity {
            held -= 1;
            let oldest = ring[end].0;
            unlink(&mut ring, oldest);
        }
    }
    hits
}

fn unlink(ring: &mut [(u32, u32)], key: u32) {
    let (before, after) = std::mem::replace(&mut ring[key as usize], (NEVER, NEVER));
    ring[before as usize].1 = after;
    ring[after as usize].0 = before;
}

/// Hits of a cache of `capacity` keys out of which the one leaves, the newest among them, that is used
/// again last. No cache hits more often.
pub(crate) fn optimum(keys: &Keys, next_uses: &[u32], capacity: usize) -> u64 {
    let mut is_held = vec![false; keys.unique()];
    // What was used since is no longer in the future, so it stands below all that is held.
    let mut by_next_use = BinaryHeap::new();
    let (mut held, mut hits) = (0, 0);
    for (at, &key) in keys.requests.iter().enumerate() {
        if std::mem::replace(&mut is_held[key as usize], true) {
            hits += 1;
        } else {
            held += 1;
        }
        by_next_use.push((next_uses[at], key));
        if held > capacity
            && let Some((_, last)) = by_next_use.pop()
        {
            is_held[last as usize] = false;
            held -= 1;
        }
        if by_next_use.len() > 2 * capacity + 1024 {
            by_next_use.retain(|&(next, _)| next as usize > at);
        }
    }
    hits
}

/// For each request, the place of the next one of its key.
pub(crate) fn next_uses(keys: &Keys) -> Vec<u32> {
    let mut coming = vec![NEVER; keys.unique()];
    let mut next = vec![NEVER; keys.requests.len()];
    for (at, &key) in keys.requests.iter().enumerate().rev() {
        next[at] = std::mem::replace(&mut coming[key as usize], at as u32);
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(stream: &[u64]) -> Keys {
        let mut keys = Keys::default();
        assert!(stream.iter().all(|&key| keys.push(key)));
        keys
    }

    fn hits(stream: &[u64], capacity: usize) -> (u64, u64) {
        let keys = keys(stream);
        (
            lru(&keys, capacity),
            optimum(&keys, &next_uses(&keys), capacity),
        )
    }

    #[test]
    fn lru_keeps_what_was_used_last_and_the_optimum_what_will_be_used_first() {
        assert_eq!(hits(&[1, 2, 1, 3, 1, 2], 2), (2, 3));
        assert_eq!(hits(&[1, 2, 3, 1, 2, 3, 1, 2, 3], 2), (0, 4));
        assert_eq!(hits(&[7, 7, 8, 7], 1), (1, 2));
        assert_eq!(hits(&[7, 7, 8, 7], 0), (0, 0));
        assert_eq!(hits(&[], 3), (0, 0));
    }

    #[test]
    fn the_optimum_agrees_with_a_search_of_all_choices() {
        let mut random = 7_u64;
        for _ in 0..50 {
            let stream: Vec<u64> = (0..14)
                .map(|_| {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    random >> 61
                })
                .collect();
            let keys = keys(&stream);
            let best = search(&keys.requests, &mut Vec::new(), 3);
            assert_eq!(optimum(&keys, &next_uses(&keys), 3), best, "{stream:?}");
        }
    }

    fn search(requests: &[u32], held: &mut Vec<u32>, capacity: usize) -> u64 {
        let Some((key, rest)) = requests.split_first() else {
            return 0;
        };
        if held.contains(key) {
            return 1 + search(rest, held, capacity);
        }
        let bypass = search(rest, &mut held.clone(), capacity);
        if held.len() < capacity {
            let mut with = held.clone();
            with.push(*key);
            return bypass.max(search(rest, &mut with, capacity));
        }
        let replaced = (0..held.len()).map(|i| {
            let mut with = held.clone();
            with[i] = *key;
            search(rest, &mut with, capacity)
        });
        replaced.fold(bypass, u64::max)
    }
}
