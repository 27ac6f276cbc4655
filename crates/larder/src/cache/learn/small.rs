//! Whether the sample has become so small that more keys can be followed.
//!
//! It knows no keys, only how many are held.

use std::time::Duration;

use super::miniature::ENTRIES_MAX;
use crate::clock::Tick;

/// How often it is looked, as that is O([`ENTRIES_MAX`]).
const LOOKED_EACH: Duration = Duration::from_mins(1);
/// For how long it must have been small: a cache that was cleared fills again.
const SMALL_FOR: Duration = Duration::from_mins(10);
const SMALL: usize = ENTRIES_MAX / 16;

pub(super) struct Smallness {
    looked_at: Tick,
    since: Option<Tick>,
}

impl Smallness {
    pub(super) const fn new(now: Tick) -> Self {
        Self {
            looked_at: now,
            since: None,
        }
    }

    /// Looks, if that is due; returns by how much the power of two may fall that one key in is sampled.
    pub(super) fn look(&mut self, now: Tick, entries: impl FnOnce() -> usize) -> Option<u32> {
        if now.since(self.looked_at) < LOOKED_EACH {
            return None;
        }
        self.looked_at = now;
        let entries = entries();
        if entries > SMALL {
            self.since = None;
            return None;
        }
        let since = *self.since.get_or_insert(now);
        if now.since(since) < SMALL_FOR {
            return None;
        }
        self.since = None;
        // Up to half of what makes it coarser.
        Some((ENTRIES_MAX / 2 / entries.max(1)).ilog2())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_small_for_ten_minutes_may_grow_to_half_of_what_is_kept() {
        let mut small = Smallness::new(Tick::ZERO);
        let mut minute = 0;
        let mut look = |entries| {
            minute += 1;
            let now = Tick::ZERO.after(Duration::from_mins(minute));
            assert_eq!(small.look(now, || entries), None);
            (2..=11)
                .map(|_| {
                    minute += 1;
                    small.look(Tick::ZERO.after(Duration::from_mins(minute)), || entries)
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(look(SMALL + 1), [None; 10]);
        assert_eq!(look(SMALL)[..9], [None; 9]);
        assert_eq!(look(0)[9], Some(10));
        assert_eq!(look(SMALL)[9], Some(3));
    }

    #[test]
    fn it_is_looked_once_a_minute() {
        let mut small = Smallness::new(Tick::ZERO);
        let mut looks = 0;
        for second in 0..=600 {
            let now = Tick::ZERO.after(Duration::from_secs(second));
            small.look(now, || {
                looks += 1;
                ENTRIES_MAX
            });
        }
        assert_eq!(looks, 10);
    }
}
