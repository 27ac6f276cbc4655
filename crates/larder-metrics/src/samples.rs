//! Figures that are in no registry, on their way into an export. What the export looks like is its own
//! business.

use crate::distribution::TimingSnapshot;
use crate::exposition::{Number, write_sample};
use crate::registry::TagSlice;
use crate::snapshot::{Series, Value};
use crate::tags::Tags;
use crate::{GaugeSnapshot, Kind};

/// What takes figures that are in no registry: the text of an [`Exposition`](crate::Exposition), or a
/// [`Snapshot`](crate::Snapshot).
///
/// ```
/// use larder_metrics::{Exposition, Registry, Sink, TextFormat};
///
/// fn add(sink: &mut impl Sink) {
///     sink.gauge("queue_length", "Events that wait.", |samples| samples.add(&[], 7_u64));
/// }
///
/// let registry = Registry::new();
/// let mut snapshot = registry.snapshot();
/// add(&mut snapshot);
/// assert_eq!(snapshot.gauge("queue_length", &[]).unwrap().value, 7.0);
/// let mut text = Exposition::new(TextFormat::Prometheus);
/// add(&mut text);
/// assert!(text.finish().ends_with(b"queue_length 7\n"));
/// ```
pub trait Sink {
    /// Adds a counter's samples, whole numbers. The name has no `_total`.
    fn counter(&mut self, name: &str, help: &str, add: impl FnOnce(&mut Samples<'_>));

    /// Adds a gauge's samples.
    fn gauge(&mut self, name: &str, help: &str, add: impl FnOnce(&mut Samples<'_>));

    /// Adds durations. The name ends in `_seconds`.
    fn timing(&mut self, name: &str, help: &str, add: impl FnOnce(&mut Samples<'_>));
}

/// The samples of one family on their way into a [`Sink`].
///
/// Tags are few, and their keys are as [`Tags`] has them; what they hold may be any text.
#[derive(Debug)]
pub struct Samples<'a> {
    kind: Kind,
    to: To<'a>,
}

#[derive(Debug)]
enum To<'a> {
    Text {
        text: &'a mut Vec<u8>,
        name: &'a str,
    },
    Series(&'a mut Vec<Series>),
}

/// The quantiles that a text has of durations.
const QUANTILES: [(&str, f64); 3] = [("0.5", 0.5), ("0.95", 0.95), ("0.99", 0.99)];

impl<'a> Samples<'a> {
    pub(crate) const fn as_text(kind: Kind, text: &'a mut Vec<u8>, name: &'a str) -> Self {
        let to = To::Text { text, name };
        Self { kind, to }
    }

    pub(crate) const fn as_series(kind: Kind, series: &'a mut Vec<Series>) -> Self {
        let to = To::Series(series);
        Self { kind, to }
    }

    /// A counter's or a gauge's value.
    pub fn add(&mut self, tags: TagSlice<'_>, value: impl Into<Number>) {
        let value = value.into();
        match &mut self.to {
            To::Text { text, name } => {
                let total = if self.kind == Kind::Counter {
                    "_total"
                } else {
                    ""
                };
                write_sample(text, name, total, tags, value);
            }
            To::Series(series) => {
                let value = match self.kind {
                    Kind::Counter => Value::Counter(match value {
                        Number::Whole(count) => count,
                        value => value.as_f64() as u64,
                    }),
                    _ => Value::Gauge(GaugeSnapshot {
                        value: value.as_f64(),
                        min: None,
                        max: None,
                        updated_at: None,
                    }),
                };
                series.push(Series {
                    tags: sorted(tags),
                    value,
                });
            }
        }
    }

    /// Durations: as text their number, their sum, the median, the 95th and the 99th percentile.
    pub fn add_timing(&mut self, tags: TagSlice<'_>, timing: &TimingSnapshot) {
        match &mut self.to {
            To::Text { text, name } => {
                for (label, q) in QUANTILES {
                    if let Some(duration) = timing.quantile(q) {
                        let tags = [tags, &[("quantile", label)]].concat();
                        write_sample(text, name, "", &tags, duration.into());
                    }
                }
                write_sample(text, name, "_sum", tags, timing.sum().into());
                write_sample(text, name, "_count", tags, timing.count().into());
            }
            To::Series(series) => series.push(Series {
                tags: sorted(tags),
                value: Value::Timing(timing.clone()),
            }),
        }
    }
}

fn sorted(tags: TagSlice<'_>) -> Tags {
    let mut tags = tags.to_vec();
    tags.sort_unstable();
    Tags::of(&tags)
}
