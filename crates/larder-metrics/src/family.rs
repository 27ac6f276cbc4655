//! A family: the series of one name, and the limit on their number. It knows no other families.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::context::Context;
use crate::exposition::{Lines, Shape, Spelling, TextFormat};
use crate::snapshot::{FamilySnapshot, Series, Value};
use crate::tags::Tags;
use crate::{Counter, Gauge, Kind, Timing, UpDownCounter};

/// The tag of the series that takes what is over the limit.
const OVERFLOW: [(&str, &str); 1] = [("overflow", "true")];

#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) kind: Kind,
    /// Its names in exports to scrapers.
    pub(crate) exported: Exported,
    /// The place of each series.
    places: HashMap<Box<str>, usize>,
    /// In the order in which they were made.
    series: Vec<(Tags, Metric)>,
    overflowed: AtomicU64,
    /// Of the series that were there at the last export to a scraper.
    lines: Mutex<Lines>,
    /// The same where names are as they are; nobody may ever ask for them.
    native: Mutex<Lines>,
}

#[derive(Debug)]
pub(crate) struct Exported {
    pub(crate) underscores: String,
    pub(crate) native: String,
}

impl Exported {
    pub(crate) fn name(&self, spelling: Spelling) -> &str {
        match spelling {
            Spelling::Underscores => &self.underscores,
            Spelling::Native => &self.native,
        }
    }
}

#[derive(Debug)]
pub(crate) enum Metric {
    Counter(Counter),
    UpDownCounter(UpDownCounter),
    Gauge(Gauge),
    Timing(Timing),
}

/// A kind of handle, for what all kinds do alike.
pub(crate) trait Handle: Clone {
    const KIND: Kind;
    fn create(context: &Arc<Context>) -> Self;
    fn into_metric(self) -> Metric;
    fn from_metric(metric: &Metric) -> Option<&Self>;
}

impl Family {
    pub(crate) fn new(kind: Kind, exported: Exported) -> Self {
        Self {
            kind,
            exported,
            places: HashMap::new(),
            series: Vec::new(),
            overflowed: AtomicU64::new(0),
            lines: Mutex::default(),
            native: Mutex::default(),
        }
    }

    /// The series of `tags` if it exists, or the overflow series if the family is full.
    pub(crate) fn find<H: Handle>(&self, tags: &[(&str, &str)], limit: usize) -> Option<H> {
        if let Some(handle) = self.get(tags) {
            return Some(handle);
        }
        let overflow = if self.is_full(limit) {
            self.get(&OVERFLOW)
        } else {
            None
        };
        if overflow.is_some() {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
        }
        overflow
    }

    /// Adds the series of `tags`, or the overflow series if the family is full.
    pub(crate) fn add<H: Handle>(
        &mut self,
        tags: &[(&str, &str)],
        limit: usize,
        context: &Arc<Context>,
    ) -> H {
        let full = self.is_full(limit);
        let tags = if full { &OVERFLOW } else { tags };
        *self.overflowed.get_mut() += u64::from(full);
        let handle = H::create(context);
        self.places.insert(identity(tags), self.series.len());
        let metric = handle.clone().into_metric();
        self.series.push((Tags::of(tags), metric));
        handle
    }

    pub(crate) fn reset(&mut self) {
        *self.overflowed.get_mut() = 0;
        for (_, metric) in &self.series {
            match metric {
                Metric::Counter(counter) => counter.reset(),
                Metric::UpDownCounter(_) => {}
                Metric::Gauge(gauge) => gauge.reset(),
                Metric::Timing(timing) => timing.reset(),
            }
        }
    }

    pub(crate) fn snapshot(&self, name: &Arc<str>) -> FamilySnapshot {
        let mut series: Vec<_> = self
            .series
            .iter()
            .map(|(tags, metric)| Series {
                tags: tags.clone(),
                value: metric.value(),
            })
            .collect();
        series.sort_unstable_by(|a, b| a.tags.cmp(&b.tags));
        FamilySnapshot {
            name: name.clone(),
            kind: self.kind,
            series,
            overflowed: self.overflowed(),
        }
    }

    /// Writes all series as scrapers read them. Two exports at once wait for each other.
    pub(crate) fn write(&self, out: &mut Vec<u8>, format: TextFormat) {
        let mut lines = match format.spelling() {
            Spelling::Underscores => self.lines.lock(),
            Spelling::Native => self.native.lock(),
        };
        let (shape, name) = (Shape::of(self.kind), self.exported.name(format.spelling()));
        for (tags, _) in &self.series[lines.series..] {
            lines.push(name, shape, tags);
        }
        let metrics = self.series.iter().map(|(_, metric)| metric);
        lines.write(out, metrics, format.is_open());
    }

    /// Look-ups that were given the overflow series.
    pub(crate) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    fn is_full(&self, limit: usize) -> bool {
        self.series.len() >= limit
    }

    fn get<H: Handle>(&self, tags: &[(&str, &str)]) -> Option<H> {
        let place = *self.places.get(&*identity(tags))?;
        H::from_metric(&self.series[place].1).cloned()
    }
}

impl Metric {
    fn value(&self) -> Value {
        match self {
            Self::Counter(counter) => Value::Counter(counter.value()),
            Self::UpDownCounter(counter) => Value::UpDownCounter(counter.value()),
            Self::Gauge(gauge) => Value::Gauge(gauge.snapshot()),
            Self::Timing(timing) => Value::Timing(timing.snapshot()),
        }
    }
}

/// Sorted tags as one string; a key holds no `=`, and a value's length stands before it.
fn identity(tags: &[(&str, &str)]) -> Box<str> {
    let mut identity = String::new();
    for (key, value) in tags {
        identity.push_str(key);
        identity.push('=');
        identity.push_str(&value.len().to_string());
        identity.push(':');
        identity.push_str(value);
    }
    identity.into_boxed_str()
}

macro_rules! handle {
    ($kind:ident) => {
        impl Handle for $kind {
            const KIND: Kind = Kind::$kind;

            fn create(context: &Arc<Context>) -> Self {
                Self::within(context)
            }

            fn into_metric(self) -> Metric {
                Metric::$kind(self)
            }

            fn from_metric(metric: &Metric) -> Option<&Self> {
                match metric {
                    Metric::$kind(handle) => Some(handle),
                    _ => None,
                }
            }
        }
    };
}

handle!(Counter);
handle!(UpDownCounter);
handle!(Gauge);
handle!(Timing);
