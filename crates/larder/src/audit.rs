//! Whether caches that share a store keep their promise, measured from outside while they run.
//!
//! ```text
//! instance ─ samples of 1 key in N ─► ring ─ batch ─► server's stream ─► Auditor ─► Report
//! ```
//! Every instance samples the same keys: what its gets returned, what it stored, what it invalidated.
//! The [`Auditor`] counts each read that began later than an age after the value that it returned was
//! acknowledged to be invalidated or replaced. The idea is that of Polaris, from Meta: "Cache made
//! consistent" (Lu Pan, 2022). It is pure: bytes in, verdicts out. What it can and cannot see stands in
//! `docs/audit.md`. Must not know servers, caches or clocks.

mod history;
pub(crate) mod record;
mod report;
mod timeline;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::remote::RecordId;
use history::{History, Sweep, Write, push};
use record::{Batch, Invalidated, Read, Sample, Scope, Stored};
use timeline::{Offset, Placed, Timeline};

pub use report::{AGES, Case, Happened, Report, What};

/// A read is judged when so much more has arrived: what it is to be held against may come after it.
const SETTLES_MS: u64 = 10_000;
const PENDING_MAX: usize = 65_536;
const KEYS_MAX: usize = 65_536;
/// A key that was not heard of for so long makes room for others, and how often one looks for such.
const QUIET_MS: u64 = 600_000;
const SWEPT_MS: u64 = 10_000;
const SWEEPS_MAX: usize = 1_024;
const CASES_MAX: usize = 16;

/// Judges the samples of one namespace. What it holds is bounded: 65,536 keys, and of each the last 64
/// writes and 128 versions; a read is held for ten seconds until what it is held against has arrived.
///
/// ```
/// use larder::audit::Auditor;
/// use larder::remote::RecordId;
///
/// let mut auditor = Auditor::default();
/// auditor.take(RecordId { millis: 1, number: 0 }, b"no batch"); // as the server's stream has it
/// auditor.judge_all();
/// assert_eq!(auditor.report().unreadable, 1);
/// ```
#[derive(Default)]
pub struct Auditor {
    timeline: Timeline,
    keys: HashMap<Box<str>, History>,
    /// When quiet keys were looked for.
    swept: u64,
    /// Invalidations of many.
    sweeps: VecDeque<Sweep>,
    pending: VecDeque<Pending>,
    report: Report,
}

/// A read that is to be judged.
struct Pending {
    arrived: u64,
    key: Box<str>,
    version: u64,
    /// The earliest that it can have begun.
    began: u64,
    staleness: Duration,
    happened: Happened,
}

/// Whose sample it is.
#[derive(Clone, Copy)]
struct By {
    arrived: u64,
    offset: Offset,
    instance: u64,
    process: u32,
    staleness: Duration,
}

impl By {
    fn happened(&self, at_ms: u64, what: What) -> Happened {
        Happened {
            at_ms,
            instance: self.instance,
            process: self.process,
            what,
        }
    }
}

impl Auditor {
    /// Takes the next record of the namespace's stream, in the stream's order, and judges the reads
    /// whose time has come.
    pub fn take(&mut self, id: RecordId, record: &[u8]) {
        let Some(batch) = Batch::from_bytes(record) else {
            self.report.unreadable += 1;
            return;
        };
        let offset = match self.timeline.place(id, &batch) {
            Placed::At(offset) => offset,
            Placed::Again => return,
            Placed::Anew(offset) => {
                self.begin_anew();
                offset
            }
            Placed::Refused => {
                self.report.dropped += batch.samples.len() as u64;
                return;
            }
        };
        self.report.lost = self.report.lost.saturating_add(batch.lost);
        let by = By {
            arrived: id.millis,
            offset,
            instance: batch.instance,
            process: batch.process,
            staleness: Duration::from_millis(batch.staleness),
        };
        for sample in batch.samples {
            match sample {
                Sample::Read(read) => self.read(&by, read),
                Sample::Stored(stored) => self.stored(&by, stored),
                Sample::Invalidated(invalidated) => self.invalidated(&by, invalidated),
            }
        }
        let until = id.millis.saturating_sub(SETTLES_MS);
        while let Some(read) = self.pending.pop_front_if(|read| read.arrived <= until) {
            self.judge(read);
        }
    }

    /// Judges the reads that wait for what may still arrive, as nothing will.
    pub fn judge_all(&mut self) {
        while let Some(read) = self.pending.pop_front() {
            self.judge(read);
        }
    }

    /// What it has come to so far.
    pub fn report(&self) -> Report {
        Report {
            keys: self.keys.len(),
            instances: self.timeline.instances(),
            ..self.report.clone()
        }
    }

    /// What was placed by a clock that was set since is no measure for what comes.
    fn begin_anew(&mut self) {
        self.report.dropped += self.pending.len() as u64 + self.keys.len() as u64;
        self.pending.clear();
        self.keys.clear();
        self.sweeps.clear();
    }

    fn history(&mut self, key: &str, now: u64) -> Option<&mut History> {
        if self.keys.len() >= KEYS_MAX && !self.keys.contains_key(key) {
            if now >= self.swept + SWEPT_MS {
                self.swept = now;
                let least = now.saturating_sub(QUIET_MS);
                self.keys.retain(|_, history| history.heard >= least);
            }
            if self.keys.len() >= KEYS_MAX {
                self.report.dropped += 1;
                return None;
            }
        }
        let history = self.keys.entry(key.into()).or_default();
        history.heard = now;
        Some(history)
    }

    fn read(&mut self, by: &By, read: Read) {
        let (began, ended) = (by.offset.span(read.began), by.offset.span(read.ended));
        let what = What::Read {
            version: read.version,
            source: read.tier.into(),
            is_stale: read.is_stale,
        };
        let happened = by.happened(began.to, what);
        let Some(history) = self.history(&read.key, by.arrived) else {
            return;
        };
        history.saw(read.version, ended.to, None);
        history.tell(happened.clone());
        if read.is_stale {
            self.report.stale += 1;
        } else if began.from == 0 {
            self.report.unplaced += 1;
        } else {
            if self.pending.len() == PENDING_MAX
                && let Some(first) = self.pending.pop_front()
            {
                self.judge(first);
            }
            self.pending.push_back(Pending {
                arrived: by.arrived,
                key: read.key,
                version: read.version,
                began: began.from,
                staleness: by.staleness,
                happened,
            });
        }
    }

    fn stored(&mut self, by: &By, stored: Stored) {
        let version = stored.version;
        let made = by.offset.span(stored.made).to;
        let write = stored.acknowledged.map(|at| Write {
            version: Some(version),
            began: by.offset.span(stored.asked).from,
            acknowledged: by.offset.span(at).to,
        });
        let (at, what) = match &write {
            Some(write) => (write.acknowledged, What::Stored { version }),
            None => (made, What::Made { version }),
        };
        let happened = by.happened(at, what);
        self.report.writes += 1;
        let Some(history) = self.history(&stored.key, by.arrived) else {
            return;
        };
        history.saw(version, made, stored.tags);
        history.tell(happened);
        if let Some(write) = write {
            history.wrote(write);
        }
    }

    fn invalidated(&mut self, by: &By, invalidated: Invalidated) {
        let Invalidated {
            what,
            began,
            acknowledged,
        } = invalidated;
        let write = Write {
            version: None,
            began: by.offset.span(began).from,
            acknowledged: by.offset.span(acknowledged).to,
        };
        let told = What::Invalidated { what: named(&what) };
        let happened = by.happened(write.acknowledged, told);
        self.report.writes += 1;
        if let Scope::Key(key) = &what {
            if let Some(history) = self.history(key, by.arrived) {
                history.tell(happened);
                history.wrote(write);
            }
        } else if let Some(sweep) = Sweep::new(what, write, happened) {
            push(&mut self.sweeps, sweep, SWEEPS_MAX);
        }
    }

    fn judge(&mut self, read: Pending) {
        self.report.reads += 1;
        let Some(history) = self.keys.get(&read.key) else {
            return;
        };
        let old_since = history.old_since(&read.key, read.version, &self.sweeps);
        let late = old_since.and_then(|since| read.began.checked_sub(since));
        let Some(late) = late.map(Duration::from_millis) else {
            return;
        };
        for (count, age) in self.report.inconsistent.iter_mut().zip(AGES) {
            *count += u64::from(late > age);
        }
        self.report.broken += u64::from(late > read.staleness);
        if late > AGES[0].min(read.staleness) {
            let events = history.events(&read.key, read.version, &self.sweeps);
            self.keep_case(read, late, events);
        }
    }

    /// Keeps it with the last cases, in place of an earlier one of the same version.
    fn keep_case(&mut self, read: Pending, late: Duration, events: Vec<Happened>) {
        let cases = &mut self.report.cases;
        let is_it = |case: &Case| case.version == read.version && *case.key == *read.key;
        let former = cases.iter().position(is_it).map(|at| cases.remove(at));
        if cases.len() == CASES_MAX {
            cases.remove(0);
        }
        cases.push(Case {
            key: read.key.into(),
            version: read.version,
            late,
            reads: 1 + former.map_or(0, |former| former.reads),
            read: read.happened,
            events,
        });
    }
}

fn named(what: &Scope) -> String {
    match what {
        Scope::Key(_) => "the key".to_owned(),
        Scope::All => "all".to_owned(),
        Scope::Tag(tag) => format!("tag {tag:?}"),
        Scope::AllOf(tags) => format!("tags {tags:?} together"),
        Scope::Prefix(prefix) => format!("prefix {prefix:?}"),
        Scope::Pattern(pattern) => format!("pattern {pattern:?}"),
    }
}
