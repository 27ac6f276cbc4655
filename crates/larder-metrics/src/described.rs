//! What a program exports, told before it has recorded any of it: for dashboards, alerts and documents. What
//! is recorded is not known here.

/// A metric as scrapers know it.
///
/// ```
/// use larder_metrics::{Form, Metric};
/// let gets = Metric { name: "larder_cache_gets", form: Form::Counter, help: "Gets." };
/// assert_eq!(gets.sample(), "larder_cache_gets_total");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// The family's name.
    pub name: &'static str,
    /// How it is exported.
    pub form: Form,
    /// What it counts or times.
    pub help: &'static str,
}

/// How a metric is exported to Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A count that only grows.
    Counter,
    /// A level.
    Gauge,
    /// Durations of a registry, as counts of those up to each of several.
    Histogram,
    /// Durations that are in no registry, as quantiles.
    Summary,
}

impl Metric {
    /// A counter; the name may end in `_total` or not.
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        let form = Form::Counter;
        Self { name, form, help }
    }

    /// A gauge.
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        let form = Form::Gauge;
        Self { name, form, help }
    }

    /// Durations of a registry.
    pub const fn histogram(name: &'static str, help: &'static str) -> Self {
        let form = Form::Histogram;
        Self { name, form, help }
    }

    /// Durations that a [`Sink`](crate::Sink) is given.
    pub const fn summary(name: &'static str, help: &'static str) -> Self {
        let form = Form::Summary;
        Self { name, form, help }
    }

    /// What a query calls its samples: a histogram's buckets.
    pub fn sample(&self) -> String {
        let name = self.name;
        match self.form {
            Form::Counter if name.ends_with("_total") => name.to_owned(),
            Form::Counter => format!("{name}_total"),
            Form::Gauge | Form::Summary => name.to_owned(),
            Form::Histogram => format!("{name}_bucket"),
        }
    }
}

impl Form {
    /// `counter`, `gauge`, `histogram` or `summary`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }
}
