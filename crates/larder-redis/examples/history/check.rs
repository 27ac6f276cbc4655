//! Every read held against every invalidation.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::origin::Origin;
use crate::record::{Event, KEYS};

/// Violations that are shown.
const SHOWN: usize = 10;
/// Events of the key that are shown with each, and for how long before it.
const TRAIL: usize = 40;
const TRAIL_NS: u64 = 5_000_000_000;

/// What became of the promise.
pub(crate) struct Report {
    reads: BTreeMap<char, u64>,
    everywhere: u64,
    here: u64,
    failed: u64,
    torn: u64,
    stale: Vec<String>,
    updates: (u64, u64),
}

/// The newest version that must be seen from a time on: versions by time, each above those before.
#[derive(Default)]
struct Newest(Vec<(u64, u64)>);

impl Newest {
    fn of(mut known: Vec<(u64, u64)>) -> Self {
        known.sort_unstable();
        let mut newest: Vec<(u64, u64)> = Vec::new();
        for (time, version) in known {
            if newest.last().is_none_or(|(_, last)| version > *last) {
                newest.push((time, version));
            }
        }
        Self(newest)
    }

    /// What a read that began then may not be older than.
    fn at(&self, time: u64) -> Option<(u64, u64)> {
        let later = self.0.partition_point(|(known, _)| *known < time);
        later.checked_sub(1).map(|at| self.0[at])
    }
}

pub(crate) fn read(
    paths: &[PathBuf],
    staleness: Duration,
    origin: &Origin,
) -> std::io::Result<Report> {
    let histories: Vec<Vec<Event>> = paths
        .iter()
        .map(|path| {
            Ok(std::fs::read_to_string(path)?
                .lines()
                .filter_map(Event::read)
                .collect())
        })
        .collect::<std::io::Result<_>>()?;
    let mut report = Report {
        reads: BTreeMap::new(),
        everywhere: 0,
        here: 0,
        failed: 0,
        torn: 0,
        stale: Vec::new(),
        updates: origin.updates(),
    };
    for key in 0..KEYS {
        check_key(key, &histories, staleness.as_nanos() as u64, &mut report);
    }
    for event in histories.iter().flatten() {
        match event {
            Event::Read { source, .. } => *report.reads.entry(*source).or_default() += 1,
            Event::Invalidated {
                is_everywhere: true,
                ..
            } => report.everywhere += 1,
            Event::Invalidated { .. } => report.here += 1,
            Event::Torn { .. } => report.torn += 1,
            Event::Failed => report.failed += 1,
        }
    }
    Ok(report)
}

fn check_key(key: u64, histories: &[Vec<Event>], staleness: u64, report: &mut Report) {
    let invalidated = |history: &Vec<Event>, only_everywhere: bool| -> Vec<(u64, u64)> {
        let of_key = history.iter().filter_map(|event| match *event {
            Event::Invalidated {
                key: of,
                version,
                acknowledged,
                is_everywhere,
            } if of == key && (is_everywhere || !only_everywhere) => Some((acknowledged, version)),
            _ => None,
        });
        of_key.collect()
    };
    let late = |(time, version)| (time + staleness, version);
    let all = histories.iter().flat_map(|h| invalidated(h, true));
    let everywhere = Newest::of(all.map(late).collect());
    for (instance, history) in histories.iter().enumerate() {
        let own = Newest::of(invalidated(history, false));
        for event in history {
            let Event::Read {
                key: of,
                version,
                began,
                source,
            } = *event
            else {
                continue;
            };
            if of != key {
                continue;
            }
            let bounds = [
                ("to all", everywhere.at(began)),
                ("to itself", own.at(began)),
            ];
            let older = bounds.into_iter().find_map(|(whom, bound)| {
                let (since, least) = bound?;
                (version < least).then_some((whom, since, least))
            });
            if let Some((whom, since, least)) = older {
                let late = (began - since) as f64 / 1e9;
                let before = before(histories, key, began);
                report.stale.push(format!(
                    "instance {instance}, key {key}: version {version} from {source}, though {least} was \
                     due {whom} {late:.3} s before the read began at {began}{before}"
                ));
            }
        }
    }
}

/// What the instances did with the key just before: instance, what, and how long before.
fn before(histories: &[Vec<Event>], key: u64, began: u64) -> String {
    let mut lines = Vec::new();
    for (instance, history) in histories.iter().enumerate() {
        for event in history {
            let (time, what) = match *event {
                Event::Read {
                    key: of,
                    version,
                    began,
                    source,
                } if of == key => (began, format!("read {version} from {source}")),
                Event::Invalidated {
                    key: of,
                    version,
                    acknowledged,
                    is_everywhere,
                } if of == key => {
                    let whose = if is_everywhere { "everywhere" } else { "here" };
                    (
                        acknowledged,
                        format!("invalidated before {version} {whose}"),
                    )
                }
                _ => continue,
            };
            if time <= began && began - time < TRAIL_NS {
                lines.push((time, format!("instance {instance} {what}")));
            }
        }
    }
    lines.sort();
    let last = lines.len().saturating_sub(TRAIL);
    let line = |(time, what): &(u64, String)| {
        let ago = (began - time) as f64 / 1e9;
        format!("\n    -{ago:.3} s: {what}")
    };
    lines[last..].iter().map(line).collect()
}

impl Report {
    pub(crate) fn holds(&self) -> bool {
        let is_worth_something = self.everywhere > 0 && !self.reads.is_empty();
        self.stale.is_empty()
            && self.torn == 0
            && self.updates.0 == self.updates.1
            && is_worth_something
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: u64 = self.reads.values().sum();
        writeln!(f, "reads: {total} ({:?})", self.reads)?;
        writeln!(f, "gets that failed: {}", self.failed)?;
        writeln!(
            f,
            "invalidations everywhere: {}, here: {}",
            self.everywhere, self.here
        )?;
        writeln!(
            f,
            "updates of the origin: {}, lost: {}",
            self.updates.0,
            self.updates.0 - self.updates.1
        )?;
        writeln!(f, "values in pieces: {}", self.torn)?;
        write!(f, "stale reads: {}", self.stale.len())?;
        for line in self.stale.iter().take(SHOWN) {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}
