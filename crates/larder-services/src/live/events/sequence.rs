//! The sender's numbers: what came twice, what is missing, what came late.

/// Numbers behind the newest of which it is known whether they came.
const WINDOW: u32 = 64;
/// So many duplicates in a row, each the one after the last, are a sender that has begun anew.
const AGAIN: u32 = 3;
/// More than so many are not missing: it is another sender's number.
const MISSING_MAX: u32 = 1 << 20;

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
    /// The sender has begun anew: the number is far from the newest, or the third of those that all came
    /// before.
    Restarted,
}

/// The numbers seen so far. They wrap around.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    newest: Option<i32>,
    /// Bit n: whether the number n behind the newest came.
    seen: u64,
    /// The last duplicate, and how many stood in a row with it.
    again: Option<(i32, u32)>,
}

impl Sequence {
    /// Takes in the next number that has arrived. O(1).
    pub fn arrive(&mut self, number: i32) -> Arrival {
        let again = self.again.take();
        let Some(newest) = self.newest else {
            self.begin(number);
            return Arrival::InOrder;
        };
        let ahead = number.wrapping_sub(newest);
        if ahead > 0 {
            let ahead = ahead.cast_unsigned();
            if ahead - 1 > MISSING_MAX {
                self.begin(number);
                return Arrival::Restarted;
            }
            self.newest = Some(number);
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            return match ahead - 1 {
                0 => Arrival::InOrder,
                missing => Arrival::After { missing },
            };
        }
        let behind = ahead.unsigned_abs();
        if behind >= WINDOW {
            self.begin(number);
            return Arrival::Restarted;
        }
        let bit = 1 << behind;
        if self.seen & bit != 0 {
            let row = again.filter(|(last, _)| last.wrapping_add(1) == number);
            let row = row.map_or(1, |(_, row)| row + 1);
            if row == AGAIN {
                self.begin(number);
                return Arrival::Restarted;
            }
            self.again = Some((number, row));
            return Arrival::Duplicate;
        }
        self.seen |= bit;
        Arrival::Late
    }

    fn begin(&mut self, number: i32) {
        (self.newest, self.seen) = (Some(number), 1);
    }
}
