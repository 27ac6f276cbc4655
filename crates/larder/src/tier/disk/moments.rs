//! Ticks of this process as wall times that the next one understands, and back.
//!
//! Wall time is asked for once, when the file is opened. From then on ticks alone move: within one
//! life of the process the wall clock's jumps change nothing.

use std::time::UNIX_EPOCH;

use crate::clock::{Clock, Tick};
use crate::tier::envelope::NEVER_MS;

/// The moment at which the file was opened, in both times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    wall_ms: u64,
    tick: Tick,
    /// Values with a higher version are of this life.
    number: u64,
}

impl Moments {
    pub(super) fn new(clock: &Clock, number: u64) -> Self {
        let wall = clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            wall_ms: wall.as_millis() as u64,
            tick: clock.now(),
            number,
        }
    }

    /// The wall time of a tick.
    pub(super) fn to_wall(self, tick: Tick) -> u64 {
        if tick == Tick::NEVER {
            return NEVER_MS;
        }
        (self.wall_ms + tick.as_millis()).saturating_sub(self.tick.as_millis())
    }

    /// The tick of a wall time.
    pub(super) fn to_tick(self, wall_ms: u64) -> Tick {
        if wall_ms == NEVER_MS {
            return Tick::NEVER;
        }
        let millis = u128::from(wall_ms) + u128::from(self.tick.as_millis());
        let millis = millis.saturating_sub(self.wall_ms.into());
        Tick::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// How much too late the times of a value are: one of an earlier life that claims to have been
    /// made after this life began was made before the wall clock jumped back. It lives no longer
    /// than it would have from now on.
    pub(super) fn ahead(self, version: u64, created_ms: u64) -> u64 {
        if version > self.number {
            return 0;
        }
        created_ms.saturating_sub(self.wall_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_tick_comes_back_whatever_the_wall_clock_does_meanwhile() {
        let manual = ManualClock::new();
        let moments = Moments::new(&manual.clock(), 5);
        let tick = manual
            .clock()
            .now()
            .after(std::time::Duration::from_secs(9));
        manual.set_wall(UNIX_EPOCH);
        assert_eq!(moments.to_tick(moments.to_wall(tick)), tick);
        assert_eq!(moments.to_tick(moments.to_wall(Tick::NEVER)), Tick::NEVER);
        assert_eq!(moments.ahead(6, u64::MAX), 0, "it is of this life");
        assert_eq!(moments.ahead(5, moments.to_wall(tick)), 9_000);
    }
}
