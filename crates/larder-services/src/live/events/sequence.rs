//! The sender's numbers: what came twice, what is missing, what came late.

/// Numbers behind the newest of which it is known whether they came.
const WINDOW: u32 = 64;

/// What a number says of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is the next, or the first of all.
    InOrder,
    /// So many before it are missing.
    After {
        /// How many.
        missing: u32,
    },
    /// It has come before.
    Duplicate,
    /// It was counted as missing, and newer ones are applied already.
    Late,
    /// It is far behind the newest: the sender has begun anew.
    Restarted,
}

/// The numbers seen so far. They wrap around.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    newest: Option<i32>,
    /// Bit n: whether the number n behind the newest came.
    seen: u64,
}

impl Sequence {
    /// Takes in the next number that has arrived. O(1).
    pub fn arrive(&mut self, number: i32) -> Arrival {
        let Some(newest) = self.newest else {
            (self.newest, self.seen) = (Some(number), 1);
            return Arrival::InOrder;
        };
        let ahead = number.wrapping_sub(newest);
        if ahead > 0 {
            self.newest = Some(number);
            let ahead = ahead.cast_unsigned();
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            return match ahead - 1 {
                0 => Arrival::InOrder,
                missing => Arrival::After { missing },
            };
        }
        let behind = ahead.unsigned_abs();
        if behind >= WINDOW {
            (self.newest, self.seen) = (Some(number), 1);
            return Arrival::Restarted;
        }
        let bit = 1 << behind;
        if self.seen & bit != 0 {
            return Arrival::Duplicate;
        }
        self.seen |= bit;
        Arrival::Late
    }
}
