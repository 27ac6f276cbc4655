//! What stands before the values of a family's series, made once for each.
//!
//! It knows no values but those it is given to write.

use std::time::UNIX_EPOCH;

use crate::buckets::BOUNDS;
use crate::exemplars::Exemplar;
use crate::family::Metric;
use crate::tags::Tags;

use super::names::{self, Shape};
use super::number;

/// The texts of a family's series, one behind the other: one for a counter or a gauge, three for a
/// timing (its buckets up to `le="`, its sum, its count).
#[derive(Debug, Default)]
pub(crate) struct Lines {
    text: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    /// How many series it has the texts of.
    pub(crate) series: usize,
}

impl Lines {
    /// Adds the texts of a series.
    pub(crate) fn push(&mut self, name: &str, shape: Shape, tags: &Tags) {
        let suffixes: &[&str] = match shape {
            Shape::Counter => &["_total"],
            Shape::Gauge | Shape::Summary => &[""],
            Shape::Histogram => &["_bucket", "_sum", "_count"],
        };
        for suffix in suffixes {
            if *suffix == "_bucket" {
                let has_labels = labels(&mut self.text, name, suffix, tags.iter());
                self.text.push(if has_labels { b',' } else { b'{' });
                self.text.extend_from_slice(b"le=\"");
            } else {
                self::name(&mut self.text, name, suffix, tags.iter());
            }
            self.ends.push(self.text.len());
        }
        self.series += 1;
    }

    /// Writes the series' values, in the order in which the series were added.
    pub(crate) fn write<'a>(
        &self,
        out: &mut Vec<u8>,
        metrics: impl Iterator<Item = &'a Metric>,
        has_exemplars: bool,
    ) {
        out.reserve(self.text.len() + self.ends.len() * ROOM);
        let mut begin = 0;
        let mut texts = self.ends.iter().map(|&end| {
            let text = &self.text[begin..end];
            begin = end;
            text
        });
        let mut next = || texts.next().unwrap_or_default();
        for metric in metrics {
            match metric {
                Metric::Counter(counter) => {
                    out.extend_from_slice(next());
                    number::whole(out, counter.value());
                }
                Metric::UpDownCounter(counter) => {
                    out.extend_from_slice(next());
                    number::integer(out, counter.value());
                }
                Metric::Gauge(gauge) => {
                    out.extend_from_slice(next());
                    number::real(out, gauge.value());
                }
                Metric::Timing(timing) => {
                    let held = timing.cumulative();
                    let bucket = next();
                    let bounds = BOUNDS.iter().map(|(_, seconds)| *seconds);
                    let counts = bounds.zip(held.up_to).chain([("+Inf", held.count)]);
                    let exemplars = if has_exemplars {
                        timing.exemplars()
                    } else {
                        None
                    };
                    for (place, (bound, count)) in counts.enumerate() {
                        out.extend_from_slice(bucket);
                        out.extend_from_slice(bound.as_bytes());
                        out.extend_from_slice(b"\"} ");
                        number::whole(out, count);
                        if let Some(exemplar) = exemplars.and_then(|all| all.get(place)) {
                            self::exemplar(out, exemplar);
                        }
                        out.push(b'\n');
                    }
                    out.extend_from_slice(next());
                    number::seconds(out, held.sum);
                    out.push(b'\n');
                    out.extend_from_slice(next());
                    number::whole(out, held.count);
                }
            }
            out.push(b'\n');
        }
    }
}

/// ` # {trace_id="…"} value time`.
fn exemplar(out: &mut Vec<u8>, exemplar: Exemplar) {
    let Exemplar {
        trace_id,
        nanos,
        at,
    } = exemplar;
    out.extend_from_slice(format!(" # {{trace_id=\"{trace_id:032x}\"}} ").as_bytes());
    number::seconds(out, nanos.into());
    out.push(b' ');
    let since_epoch = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    number::seconds(out, since_epoch.as_millis() * 1_000_000);
}

/// Room for a number and its line's end.
const ROOM: usize = 12;

/// `name{key="value"} `, with the blank before the value.
pub(super) fn name<'a>(
    out: &mut Vec<u8>,
    name: &str,
    suffix: &str,
    tags: impl Iterator<Item = (&'a str, &'a str)>,
) {
    let has_labels = labels(out, name, suffix, tags);
    out.extend_from_slice(if has_labels { b"} " } else { b" " });
}

/// `name{key="value"`, without the closing brace; returns whether there is one to close.
fn labels<'a>(
    out: &mut Vec<u8>,
    name: &str,
    suffix: &str,
    tags: impl Iterator<Item = (&'a str, &'a str)>,
) -> bool {
    let is_plain = names::is_plain(name);
    out.extend_from_slice(if is_plain { b"" } else { b"{\"" });
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(suffix.as_bytes());
    out.extend_from_slice(if is_plain { b"" } else { b"\"" });
    let mut before = if is_plain { b'{' } else { b',' };
    for (key, value) in tags {
        out.push(before);
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"=\"");
        escape(out, value, true);
        out.push(b'"');
        before = b',';
    }
    before == b','
}

/// Writes a text on one line: `\` and line breaks are escaped, and quotes where they end the text.
pub(super) fn escape(out: &mut Vec<u8>, text: &str, escapes_quotes: bool) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'"' if escapes_quotes => out.extend_from_slice(b"\\\""),
            byte => out.push(byte),
        }
    }
}
