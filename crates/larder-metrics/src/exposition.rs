//! The text that scrapers read: Prometheus' (0.0.4) and `OpenMetrics` (1.0).
//!
//! It reads the handles of a registry, and what others bring. What stands before each value is made
//! once for each series and kept ([`Lines`]), so that an export copies texts and writes numbers. Must
//! not know HTTP or caches.

mod accept;
mod lines;
mod names;
mod number;

use std::time::Duration;

pub use accept::negotiate;
pub(crate) use lines::Lines;
pub(crate) use names::{Shape, Taken};
pub use number::Number;

use crate::registry::{Registry, TagSlice};

/// A text format of scrapers.
///
/// ```
/// use larder_metrics::TextFormat;
/// let asked = "application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
/// assert_eq!(TextFormat::negotiate(asked), TextFormat::OpenMetrics);
/// assert_eq!(TextFormat::negotiate("*/*"), TextFormat::Prometheus);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFormat {
    /// Prometheus' text format 0.0.4.
    Prometheus,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

impl TextFormat {
    /// The media type, as it stands in a response's `Content-Type`.
    ///
    /// ```
    /// use larder_metrics::TextFormat;
    /// assert_eq!(TextFormat::Prometheus.content_type(), "text/plain; version=0.0.4; charset=utf-8");
    /// ```
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The one that an `Accept` header prefers, Prometheus' where it does not say.
    pub fn negotiate(accept: &str) -> Self {
        let formats = [Self::Prometheus, Self::OpenMetrics];
        formats[negotiate(accept, &formats.map(Self::content_type))]
    }
}

/// An export in a text format: the figures of a registry, and others besides.
///
/// Names of a registry are written with `_` for `.`; counters end in `_total`, timings in `_seconds`.
/// Of two that are one name then, the later has `_2` behind it. Timings are histograms in seconds
/// whose counts are exact at every `le`; from 1 µs to 60 s, 22 of them.
///
/// ```
/// use larder_metrics::{Exposition, Registry, TextFormat};
///
/// let registry = Registry::new();
/// registry.describe("events.received", "Events that came in.")?;
/// registry.count("events.received", &[("type", "midi")], 3)?;
/// let mut text = Exposition::of(&registry, TextFormat::Prometheus);
/// text.gauge("queue_length", "Events that wait.", |samples| samples.add(&[("queue", "in")], 7_u64));
/// let text = String::from_utf8(text.finish())?;
/// assert!(text.starts_with("# HELP events_received_total Events that came in.\n"));
/// assert!(text.contains("\nevents_received_total{type=\"midi\"} 3\n"));
/// assert!(text.ends_with("queue_length{queue=\"in\"} 7\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Exposition {
    text: Vec<u8>,
    format: TextFormat,
    /// Whose names are taken already.
    registry: Option<Registry>,
    taken: Taken,
}

impl Exposition {
    /// An empty one.
    pub fn new(format: TextFormat) -> Self {
        Self {
            text: Vec::new(),
            format,
            registry: None,
            taken: Taken::default(),
        }
    }

    /// All series of `registry` now; names sorted, the series of a name in the order in which they
    /// were made. Then what its limits refused: `larder_metrics_overflowed_total` by family, and
    /// `larder_metrics_refused_total`. O(series); new series wait meanwhile, recording does not.
    pub fn of(registry: &Registry, format: TextFormat) -> Self {
        let mut exposition = Self::new(format);
        let refused = registry.write(&mut exposition.text, format);
        exposition.registry = Some(registry.clone());
        exposition.counter(
            "larder_metrics_overflowed",
            "Look-ups that were given the series tagged overflow, because their family was full.",
            |samples| {
                for (family, overflowed) in refused.overflowed {
                    samples.add(&[("family", &family)], overflowed);
                }
            },
        );
        exposition.counter(
            "larder_metrics_refused",
            "Look-ups of new names that were refused, because the registry was full.",
            |samples| samples.add(&[], refused.families),
        );
        exposition
    }

    /// Adds a counter's samples. The name has no `_total`; that is written behind it.
    pub fn counter(&mut self, name: &str, help: &str, add: impl FnOnce(&mut Samples<'_>)) {
        self.family(Shape::Counter, name, help, add);
    }

    /// Adds a gauge's samples.
    pub fn gauge(&mut self, name: &str, help: &str, add: impl FnOnce(&mut Samples<'_>)) {
        self.family(Shape::Gauge, name, help, add);
    }

    /// Adds summaries of durations, in seconds. The name ends in `_seconds`.
    pub fn summary(&mut self, name: &str, help: &str, add: impl FnOnce(&mut Samples<'_>)) {
        self.family(Shape::Summary, name, help, add);
    }

    /// Adds a family, with nothing at all if it turns out to have no samples. Each name may be given
    /// once.
    fn family(&mut self, shape: Shape, name: &str, help: &str, add: impl FnOnce(&mut Samples<'_>)) {
        let is_free = |name: &str| match &self.registry {
            Some(registry) => !registry.exports(name),
            None => true,
        };
        let name = self.taken.claim(shape, name, is_free);
        let begun = self.text.len();
        header(&mut self.text, self.format, shape, &name, help);
        let headed = self.text.len();
        let text = &mut self.text;
        add(&mut Samples { text, shape, name });
        if self.text.len() == headed {
            self.text.truncate(begun);
        }
    }

    /// The whole, UTF-8.
    pub fn finish(mut self) -> Vec<u8> {
        if self.format == TextFormat::OpenMetrics {
            self.text.extend_from_slice(b"# EOF\n");
        }
        self.text
    }
}

/// The samples of one family in an [`Exposition`].
///
/// Tags are few, and their keys are as [`Tags`](crate::Tags) has them; what they hold may be any text.
#[derive(Debug)]
pub struct Samples<'a> {
    text: &'a mut Vec<u8>,
    shape: Shape,
    name: String,
}

impl Samples<'_> {
    /// A counter's or a gauge's value.
    pub fn add(&mut self, tags: TagSlice<'_>, value: impl Into<Number>) {
        let total = if self.shape == Shape::Counter {
            "_total"
        } else {
            ""
        };
        self.sample(total, tags, value.into());
    }

    /// A summary: how many, their sum, and the durations that a part of them (`"0.99"`) did not
    /// exceed.
    pub fn add_summary(
        &mut self,
        tags: TagSlice<'_>,
        count: u64,
        sum: Duration,
        quantiles: &[(&str, Duration)],
    ) {
        for (quantile, duration) in quantiles {
            let tags = [tags, &[("quantile", *quantile)]].concat();
            self.sample("", &tags, Number::Nanos(duration.as_nanos()));
        }
        self.sample("_sum", tags, Number::Nanos(sum.as_nanos()));
        self.sample("_count", tags, Number::Whole(count));
    }

    fn sample(&mut self, suffix: &str, tags: TagSlice<'_>, value: Number) {
        lines::name(self.text, &self.name, suffix, tags.iter().copied());
        value.write(self.text);
        self.text.push(b'\n');
    }
}

/// What stands before the samples of a family.
pub(crate) fn header(text: &mut Vec<u8>, format: TextFormat, shape: Shape, name: &str, help: &str) {
    let is_open = format == TextFormat::OpenMetrics;
    // Prometheus names a counter as its samples are named, OpenMetrics by what they have in common.
    let total = if shape == Shape::Counter && !is_open {
        "_total"
    } else {
        ""
    };
    let mut line = |word: &str, rest: &dyn Fn(&mut Vec<u8>)| {
        text.extend_from_slice(b"# ");
        for part in [word, " ", name, total, " "] {
            text.extend_from_slice(part.as_bytes());
        }
        rest(text);
        text.push(b'\n');
    };
    line("HELP", &|text| lines::escape(text, help, is_open));
    line("TYPE", &|text| {
        text.extend_from_slice(shape.word().as_bytes());
    });
    if is_open && name.ends_with("_seconds") {
        line("UNIT", &|text| text.extend_from_slice(b"seconds"));
    }
}
