//! What stands before the values of a family's series, made once for each.
//!
//! It knows no values but those it is given to write.

use crate::buckets::BOUNDS;
use crate::family::Metric;
use crate::tags::Tags;

use super::names::Shape;
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
                labels(&mut self.text, name, suffix, tags.iter());
                let before = if tags.is_empty() { '{' } else { ',' };
                self.text.push(before as u8);
                self.text.extend_from_slice(b"le=\"");
            } else {
                self::name(&mut self.text, name, suffix, tags.iter());
            }
            self.ends.push(self.text.len());
        }
        self.series += 1;
    }

    /// Writes the series' values, in the order in which the series were added.
    pub(crate) fn write<'a>(&self, out: &mut Vec<u8>, metrics: impl Iterator<Item = &'a Metric>) {
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
                Metric::Gauge(gauge) => {
                    out.extend_from_slice(next());
                    number::real(out, gauge.value());
                }
                Metric::Timing(timing) => {
                    let held = timing.cumulative();
                    let bucket = next();
                    let bounds = BOUNDS.iter().map(|(_, seconds)| *seconds);
                    let counts = bounds.zip(held.up_to).chain([("+Inf", held.count)]);
                    for (bound, count) in counts {
                        out.extend_from_slice(bucket);
                        out.extend_from_slice(bound.as_bytes());
                        out.extend_from_slice(b"\"} ");
                        number::whole(out, count);
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
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(suffix.as_bytes());
    let mut before = b'{';
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
