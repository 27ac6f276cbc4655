//! What the ledger's records are worth, and how that is shown: sums by day, and what is archived.
//!
//! It reads the ledger and never changes what stands in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::super::books::{Books, CellKey, Entry, Naming, moment};
use super::super::prices::Rates;
use super::super::record::{Cost, Record};
use super::super::report::{ArchivedDay, Call, Cell, Day, Totals};
use super::{Ledger, Source};

impl Ledger {
    /// The sums over everything that stands.
    pub(in super::super) fn totals(&self) -> Totals {
        self.books.totals()
    }

    /// The days as they are now.
    pub(in super::super) fn publish(&mut self) -> Vec<Arc<Day>> {
        let mut books = std::mem::replace(&mut self.books, Books::new(TimeZone::UTC));
        let days = books.publish(self);
        self.books = books;
        days
    }

    /// What stands of files that are gone and is in no other file; none if that has not changed
    /// since the last call.
    pub(in super::super) fn archive(&mut self) -> Option<Arc<[ArchivedDay]>> {
        if !std::mem::take(&mut self.archive_moved) {
            return None;
        }
        let mut days: BTreeMap<Option<Date>, (Totals, BTreeSet<u32>)> = BTreeMap::new();
        for slot in 0..self.slots.len() as u32 {
            let record = self.slots[slot as usize].record;
            if self.is_archived(slot, &record) {
                let day = self.books.day_of(record.at_ms);
                let (totals, files) = days.entry(day).or_default();
                totals.add(&self.entry(&record).value);
                files.insert(record.file);
            }
        }
        let day = |(date, (totals, files)): (_, (_, BTreeSet<u32>))| ArchivedDay {
            date,
            totals,
            files: files.into_iter().collect(),
        };
        Some(days.into_iter().map(day).collect())
    }

    fn is_archived(&self, slot: u32, record: &Record) -> bool {
        let exists = |file: &u32| self.sources[*file as usize].exists;
        !exists(&record.file)
            && !self
                .copies
                .get(&slot)
                .is_some_and(|files| files.iter().any(exists))
    }
}

impl Naming for Ledger {
    fn named_cell(&self, key: CellKey, totals: Totals, last_activity: Option<Timestamp>) -> Cell {
        Cell {
            model: self.models.name(key.model).clone(),
            project: self.projects.name(key.project).clone(),
            session: self.sessions.name(key.session).clone(),
            totals,
            last_activity,
        }
    }

    fn named_call(&self, slot: u32) -> Call {
        let record = &self.slots[slot as usize].record;
        let (cost, priced) = cost_of(record, &self.rates);
        let cell = cell_of(record, &self.sources);
        Call {
            at: moment(record.at_ms),
            model: self.models.name(cell.model).clone(),
            project: self.projects.name(cell.project).clone(),
            session: self.sessions.name(cell.session).clone(),
            tokens: record.tokens,
            cost,
            priced,
        }
    }
}

/// What a record adds to the sums, and where.
pub(super) fn entry_of(record: &Record, sources: &[Source], rates: &[Option<Rates>]) -> Entry {
    let (cost, priced) = cost_of(record, rates);
    Entry {
        at_ms: record.at_ms,
        cell: cell_of(record, sources),
        value: Totals {
            messages: 1,
            tokens: record.tokens,
            cost,
            unpriced_messages: u64::from(!priced),
        },
    }
}

pub(super) fn cell_of(record: &Record, sources: &[Source]) -> CellKey {
    let project = sources[record.file as usize].project;
    CellKey {
        model: record.model,
        project,
        session: record.session,
    }
}

/// The record's cost, and whether it is known.
fn cost_of(record: &Record, rates: &[Option<Rates>]) -> (Cost, bool) {
    match (record.stated_cost, &rates[record.model as usize]) {
        (Some(stated), _) => (Cost::from_picodollars(stated.into()), true),
        (None, Some(rates)) => (rates.cost(record), true),
        (None, None) => (Cost::default(), false),
    }
}
