//! Sums by day, and within a day by model, project and session.
//!
//! Every total that a report shows is a sum of these cells. Entering and striking are exact
//! inverses, so that the books depend on what stands in them alone. They know numbers for names,
//! and not why a record stands.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::record::UNDATED;
use super::report::{Call, Cell, Day, Totals};

/// Model, project and session, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct CellKey {
    pub(super) model: u32,
    pub(super) project: u32,
    pub(super) session: u32,
}

/// What one standing record is worth, and where it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) at_ms: i64,
    pub(super) cell: CellKey,
    pub(super) value: Totals,
}

#[derive(Clone, Copy, Debug)]
struct Sums {
    totals: Totals,
    last_ms: i64,
}

/// One day.
#[derive(Debug, Default)]
struct Book {
    totals: Totals,
    cells: HashMap<CellKey, Sums, FixedState>,
    /// The day's messages by time.
    calls: BTreeSet<(i64, u32)>,
    /// The day as last published; none if it has changed since.
    published: Option<Arc<Day>>,
}

/// All days.
#[derive(Debug)]
pub(super) struct Books {
    zone: TimeZone,
    days: BTreeMap<Option<Date>, Book>,
    totals: Totals,
    /// The day that was looked up last, and its milliseconds.
    recent_day: (Range<i64>, Option<Date>),
}

/// Turns numbers into names.
pub(super) trait Naming {
    fn named_cell(&self, key: CellKey, totals: Totals, last_activity: Option<Timestamp>) -> Cell;
    fn named_call(&self, slot: u32) -> Call;
}

impl Books {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            days: BTreeMap::new(),
            totals: Totals::default(),
            recent_day: (0..0, None),
        }
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// Adds what now stands in `slot`.
    pub(super) fn enter(&mut self, slot: u32, entry: &Entry) {
        self.totals.add(&entry.value);
        let day = self.day_of(entry.at_ms);
        let book = self.days.entry(day).or_default();
        book.totals.add(&entry.value);
        book.calls.insert((entry.at_ms, slot));
        book.published = None;
        let empty = Sums {
            totals: Totals::default(),
            last_ms: UNDATED,
        };
        let sums = book.cells.entry(entry.cell).or_insert(empty);
        sums.totals.add(&entry.value);
        sums.last_ms = sums.last_ms.max(entry.at_ms);
    }

    /// Takes out what stood in `slot`, and enters what stands there now.
    pub(super) fn replace(
        &mut self,
        slot: u32,
        old: &Entry,
        new: &Entry,
        cell_of: impl Fn(u32) -> CellKey,
    ) {
        let day = self.day_of(old.at_ms);
        let book = self.days.entry(day).or_default();
        book.calls.remove(&(old.at_ms, slot));
        self.enter(slot, new);

        self.totals.subtract(&old.value);
        let book = self.days.entry(day).or_default();
        book.totals.subtract(&old.value);
        book.published = None;
        let Some(sums) = book.cells.get_mut(&old.cell) else {
            return;
        };
        sums.totals.subtract(&old.value);
        if sums.totals.messages == 0 {
            book.cells.remove(&old.cell);
        } else if sums.last_ms == old.at_ms {
            let of_cell = |call: &&(i64, u32)| cell_of(call.1) == old.cell;
            sums.last_ms = book
                .calls
                .iter()
                .rev()
                .find(of_cell)
                .map_or(UNDATED, |call| call.0);
        }
    }

    /// The days as they are now. Days that did not change are those of the last call.
    pub(super) fn publish(&mut self, naming: &impl Naming) -> Vec<Arc<Day>> {
        self.days.retain(|_, book| book.totals.messages > 0);
        let day = |(date, book): (&Option<Date>, &mut Book)| book.publish(*date, naming);
        self.days.iter_mut().map(day).collect()
    }

    /// The day of a moment in the books' zone.
    pub(super) fn day_of(&mut self, at_ms: i64) -> Option<Date> {
        if self.recent_day.0.contains(&at_ms) {
            return self.recent_day.1;
        }
        let zoned = moment(at_ms)?.to_zoned(self.zone.clone());
        let date = zoned.date();
        let start = |date: Date| {
            date.to_zoned(self.zone.clone())
                .map(|day| day.timestamp().as_millisecond())
        };
        let next = date.checked_add(1.day()).and_then(start);
        if let (Ok(start), Ok(next)) = (start(date), next) {
            self.recent_day = (start..next, Some(date));
        }
        Some(date)
    }
}

impl Book {
    fn publish(&mut self, date: Option<Date>, naming: &impl Naming) -> Arc<Day> {
        if let Some(day) = &self.published {
            return day.clone();
        }
        let cell = |(key, sums): (&CellKey, &Sums)| {
            naming.named_cell(*key, sums.totals, moment(sums.last_ms))
        };
        let newest = self.calls.iter().rev().take(Day::CALLS_MAX);
        let day = Arc::new(Day {
            date,
            totals: self.totals,
            cells: self.cells.iter().map(cell).collect(),
            calls: newest.map(|(_, slot)| naming.named_call(*slot)).collect(),
        });
        self.published = Some(day.clone());
        day
    }
}

/// The moment at `at_ms`, if it is one.
pub(super) fn moment(at_ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(at_ms).ok()
}
