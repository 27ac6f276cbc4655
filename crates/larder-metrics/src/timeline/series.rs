//! One series: the points that are complete, and what is gathered for the next ones. It knows no other.

use std::sync::Arc;

use super::query::TrackKind;
use super::ring::{NOTHING, Ring, Row};
use super::{LEVELS, RESOLUTIONS};
use crate::distribution::TimingSnapshot;
use crate::snapshot::{Value, has_begun_anew};
use crate::tags::Tags;

/// Steps that one recording may fill: a recording that is a little late leaves no gap.
const LATE_MAX: u64 = 5;

#[derive(Debug)]
pub(super) struct Kept {
    /// Its number in the file.
    pub(super) id: u32,
    pub(super) name: Arc<str>,
    pub(super) tags: Tags,
    pub(super) kind: TrackKind,
    pub(super) rings: [Ring; LEVELS],
    /// What is gathered for the next point of each level; none until this process has recorded it.
    open: Option<[Open; LEVELS]>,
    /// When it was recorded last.
    seen: f64,
}

/// What is gathered for a point.
#[derive(Debug)]
struct Open {
    /// The number of its time step.
    step: u64,
    /// When gathering began.
    since: f64,
    gathered: Gathered,
}

#[derive(Debug)]
enum Gathered {
    /// What a counter held at the beginning.
    Counter(u64),
    /// What a gauge showed so far.
    Gauge {
        sum: f64,
        count: u32,
        min: f64,
        max: f64,
    },
    /// What a timing held at the beginning.
    Timing(TimingSnapshot),
}

impl Kept {
    pub(super) fn new(id: u32, name: &Arc<str>, tags: &Tags, kind: TrackKind) -> Self {
        Self {
            id,
            name: name.clone(),
            tags: tags.clone(),
            kind,
            rings: Default::default(),
            open: None,
            seen: f64::NEG_INFINITY,
        }
    }

    /// Adds what it holds now. What is there at the timeline's first recording happened before.
    pub(super) fn record(
        &mut self,
        now: f64,
        value: &Value,
        is_first: bool,
        note: &mut dyn FnMut(&Self, usize, u64, &Row),
    ) {
        self.seen = now;
        let Some(mut open) = self.open.take() else {
            let begin = |level: usize| Open::new(level, now, value, is_first);
            self.open = Some(std::array::from_fn(begin));
            return;
        };
        for (level, open) in open.iter_mut().enumerate() {
            let step = now as u64 / RESOLUTIONS[level].0;
            if step > open.step {
                let late = step - open.step;
                let (elapsed, filled) = if late <= LATE_MAX {
                    (now - open.since, late)
                } else {
                    (RESOLUTIONS[level].0 as f64, 1)
                };
                let row = open.gathered.row(value, elapsed);
                for done in open.step..open.step + filled {
                    self.push(level, done, &row);
                    note(self, level, done, &row);
                }
                *open = Open::new(level, now, value, true);
            } else {
                open.gathered.add(value);
            }
        }
        self.open = Some(open);
    }

    pub(super) fn push(&mut self, level: usize, step: u64, row: &Row) {
        self.rings[level].push(step, row, self.kind.columns().len(), RESOLUTIONS[level].1);
    }

    /// When the last of its points ended, or it was recorded.
    pub(super) fn last_end(&self) -> f64 {
        let columns = self.kind.columns().len();
        let rings = self.rings.iter().zip(RESOLUTIONS).skip(1);
        let ends = rings.map(|(ring, (seconds, _))| ring.end(columns) as f64 * seconds as f64);
        ends.fold(self.seen, f64::max)
    }

    pub(super) fn points(&self) -> usize {
        let columns = self.kind.columns().len();
        self.rings.iter().map(|ring| ring.len(columns)).sum()
    }

    /// Forgets what lies ahead of `now`; gathering begins anew.
    pub(super) fn forget_from(&mut self, now: f64) {
        let columns = self.kind.columns().len();
        for (ring, (seconds, _)) in self.rings.iter_mut().zip(RESOLUTIONS) {
            ring.truncate(now as u64 / seconds, columns);
        }
        self.seen = self.seen.min(now);
        for (open, (seconds, _)) in self.open.iter_mut().flatten().zip(RESOLUTIONS) {
            (open.step, open.since) = (now as u64 / seconds, now);
        }
    }
}

impl Open {
    /// Of a series that is new, what it holds was counted since; else it was before.
    fn new(level: usize, now: f64, value: &Value, is_before: bool) -> Self {
        let gathered = match value {
            Value::Counter(count) => Gathered::Counter(if is_before { *count } else { 0 }),
            Value::Timing(held) if is_before => Gathered::Timing(held.clone()),
            Value::Timing(_) => Gathered::Timing(TimingSnapshot::default()),
            Value::UpDownCounter(_) | Value::Gauge(_) => {
                let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
                Gathered::Gauge {
                    sum: 0.0,
                    count: 0,
                    min,
                    max,
                }
            }
        };
        let step = now as u64 / RESOLUTIONS[level].0;
        let mut open = Self {
            step,
            since: now,
            gathered,
        };
        open.gathered.add(value);
        open
    }
}

impl Gathered {
    /// Takes a gauge's value into account; counters and timings say at the end what was added.
    fn add(&mut self, value: &Value) {
        let value = match value {
            Value::Gauge(gauge) => gauge.value,
            Value::UpDownCounter(count) => *count as f64,
            _ => return,
        };
        if let Self::Gauge {
            sum,
            count,
            min,
            max,
        } = self
            && value.is_finite()
        {
            *sum += value;
            *count += 1;
            (*min, *max) = (min.min(value), max.max(value));
        }
    }

    /// The point, at whose end the series holds `value`.
    fn row(&self, value: &Value, elapsed: f64) -> Row {
        let mut row = NOTHING;
        match (self, value) {
            (Self::Counter(before), Value::Counter(count)) => {
                let added = if has_begun_anew(*count, *before) {
                    *count
                } else {
                    count.saturating_sub(*before)
                };
                row[0] = rate(added, elapsed);
            }
            (
                &Self::Gauge {
                    sum,
                    count,
                    min,
                    max,
                },
                _,
            ) if count > 0 => {
                row[0] = (sum / f64::from(count)) as f32;
                (row[1], row[2]) = (min as f32, max as f32);
            }
            (Self::Timing(before), Value::Timing(held)) => {
                let has_begun_again = held.count() < before.count();
                let nothing = TimingSnapshot::default();
                let added = held.since(if has_begun_again { &nothing } else { before });
                row[0] = rate(added.count(), elapsed);
                let quantiles = [0.5, 0.95, 0.99].map(|q| added.quantile(q));
                let figures = [added.mean()].into_iter().chain(quantiles);
                for (place, figure) in row[1..].iter_mut().zip(figures) {
                    *place = figure.map_or(f32::NAN, |figure| figure.as_secs_f32());
                }
            }
            _ => {}
        }
        row
    }
}

fn rate(added: u64, elapsed: f64) -> f32 {
    if elapsed > 0.0 {
        (added as f64 / elapsed) as f32
    } else {
        f32::NAN
    }
}
