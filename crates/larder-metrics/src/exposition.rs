//! The text that scrapers read: Prometheus' (0.0.4) and `OpenMetrics` (1.0).
//!
//! It reads the handles of a registry, and what others bring. What stands before each value is made
//! once for each series and kept ([`Lines`]), so that an export copies texts and writes numbers. Must
//! not know HTTP or caches.

mod accept;
mod lines;
mod names;
mod number;

pub use accept::negotiate;
pub(crate) use lines::Lines;
pub(crate) use names::{Shape, Spelling, Taken};
pub use number::Number;

use crate::registry::{Registry, TagSlice};
use crate::samples::{Samples, Sink};
use crate::{Kind, Metric};

/// A text format of scrapers.
///
/// The UTF-8 ones are for scrapers that ask for `escaping=allow-utf-8`: names keep their dots there, and
/// stand in quotes.
///
/// ```
/// use larder_metrics::TextFormat;
/// let asked = "application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
/// assert_eq!(TextFormat::negotiate(asked), TextFormat::OpenMetrics);
/// assert_eq!(TextFormat::negotiate("*/*"), TextFormat::Prometheus);
/// let asked = "text/plain;version=1.0.0;escaping=allow-utf-8,text/plain;version=0.0.4;q=0.5";
/// assert_eq!(TextFormat::negotiate(asked), TextFormat::PrometheusUtf8);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFormat {
    /// Prometheus' text format 0.0.4.
    Prometheus,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
    /// Prometheus' text format 1.0.0, names as they are.
    PrometheusUtf8,
    /// `OpenMetrics` 1.0, names as they are.
    OpenMetricsUtf8,
}

impl TextFormat {
    /// All of them, the one that is taken where nothing tells first.
    pub const ALL: [Self; 4] = [
        Self::Prometheus,
        Self::OpenMetrics,
        Self::PrometheusUtf8,
        Self::OpenMetricsUtf8,
    ];

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
            Self::PrometheusUtf8 => {
                "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
            }
            Self::OpenMetricsUtf8 => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
            }
        }
    }

    /// The one that an `Accept` header prefers, Prometheus' where it does not say.
    pub fn negotiate(accept: &str) -> Self {
        Self::ALL[negotiate(accept, &Self::ALL.map(Self::content_type))]
    }

    pub(crate) const fn is_open(self) -> bool {
        matches!(self, Self::OpenMetrics | Self::OpenMetricsUtf8)
    }

    pub(crate) const fn spelling(self) -> Spelling {
        match self {
            Self::Prometheus | Self::OpenMetrics => Spelling::Underscores,
            Self::PrometheusUtf8 | Self::OpenMetricsUtf8 => Spelling::Native,
        }
    }
}

/// An export in a text format: the figures of a registry, and others besides.
///
/// Names of a registry are written with `_` for `.`, unless the format is one that has them as they are;
/// counters end in `_total`, timings in `_seconds`.
/// Of two that are one name then, the later has `_2` behind it. Timings are histograms in seconds
/// whose counts are exact at every `le`; from 1 µs to 60 s, 22 of them. `OpenMetrics` has the newest
/// [traced](crate::Timing::record_traced) duration of each besides. A snapshot's figures that are in no
/// registry come through [`Sink`].
///
/// ```
/// use larder_metrics::{Exposition, Registry, Sink, TextFormat};
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
    /// What a registry's limits refused, as [`of`](Self::of) adds it.
    pub const LIMITS: [Metric; 2] = [
        Metric::counter(
            "larder_metrics_overflowed",
            "Look-ups that were given the series tagged overflow, because their family was full.",
        ),
        Metric::counter(
            "larder_metrics_refused",
            "Look-ups of new names that were refused, because the registry was full.",
        ),
    ];

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
        let [overflowed, families] = Self::LIMITS;
        exposition.counter(overflowed.name, overflowed.help, |samples| {
            for (family, overflowed) in refused.overflowed {
                samples.add(&[("family", &family)], overflowed);
            }
        });
        exposition.counter(families.name, families.help, |samples| {
            samples.add(&[], refused.families);
        });
        exposition
    }

    /// Adds a family, with nothing at all if it turns out to have no samples. Each name may be given
    /// once.
    fn family(&mut self, kind: Kind, name: &str, help: &str, add: impl FnOnce(&mut Samples<'_>)) {
        let spelling = self.format.spelling();
        let is_free = |name: &str| match &self.registry {
            Some(registry) => !registry.exports(name, spelling),
            None => true,
        };
        let shape = match kind {
            Kind::Timing => Shape::Summary,
            _ => Shape::of(kind),
        };
        let name = self.taken.claim(shape, name, spelling, is_free);
        let begun = self.text.len();
        header(&mut self.text, self.format, shape, &name, help);
        let headed = self.text.len();
        add(&mut Samples::as_text(kind, &mut self.text, &name));
        if self.text.len() == headed {
            self.text.truncate(begun);
        }
    }

    /// The whole, UTF-8.
    pub fn finish(mut self) -> Vec<u8> {
        if self.format.is_open() {
            self.text.extend_from_slice(b"# EOF\n");
        }
        self.text
    }
}

impl Sink for Exposition {
    fn counter(&mut self, name: &str, help: &str, add: impl FnOnce(&mut Samples<'_>)) {
        self.family(Kind::Counter, name, help, add);
    }

    fn gauge(&mut self, name: &str, help: &str, add: impl FnOnce(&mut Samples<'_>)) {
        self.family(Kind::Gauge, name, help, add);
    }

    /// As a summary.
    fn timing(&mut self, name: &str, help: &str, add: impl FnOnce(&mut Samples<'_>)) {
        self.family(Kind::Timing, name, help, add);
    }
}

/// One line of a family's samples.
pub(crate) fn write_sample(
    text: &mut Vec<u8>,
    name: &str,
    suffix: &str,
    tags: TagSlice<'_>,
    value: Number,
) {
    lines::name(text, name, suffix, tags.iter().copied());
    value.write(text);
    text.push(b'\n');
}

/// What stands before the samples of a family.
pub(crate) fn header(text: &mut Vec<u8>, format: TextFormat, shape: Shape, name: &str, help: &str) {
    let is_open = format.is_open();
    // Prometheus names a counter as its samples are named, OpenMetrics by what they have in common.
    let total = if shape == Shape::Counter && !is_open {
        "_total"
    } else {
        ""
    };
    let mut line = |word: &str, rest: &dyn Fn(&mut Vec<u8>)| {
        text.extend_from_slice(b"# ");
        text.extend_from_slice(word.as_bytes());
        text.push(b' ');
        let quote = if names::is_plain(name) {
            &b""[..]
        } else {
            b"\""
        };
        text.extend_from_slice(quote);
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(total.as_bytes());
        text.extend_from_slice(quote);
        text.push(b' ');
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
