//! The section `[otlp]`.

use std::path::Path;
use std::time::Duration;

use super::kinds::{Kind, Span, quoted, text};
use super::layers::Given;
use super::reader::Reader;

/// The section `[otlp]`.
#[derive(Debug)]
pub(crate) struct Otlp {
    /// The collector that metrics and traces are pushed to, without `/v1/metrics`; none means that they are not.
    pub(crate) endpoint: Option<String>,
    /// Time between two pushes of metrics.
    pub(crate) interval: Duration,
    /// The share of traces that is pushed of those that begin here, 0 to 1.
    pub(crate) traces_sample: f64,
}

pub(super) fn read(reader: &mut Reader) -> Otlp {
    let interval = Span {
        min: Duration::from_secs(1),
        max: Duration::from_hours(1),
    };
    Otlp {
        endpoint: reader.read("otlp.endpoint", &Collector, (None, "nothing is pushed")),
        interval: reader.read("otlp.interval", &interval, (Duration::from_secs(10), "")),
        traces_sample: reader.read("otlp.traces_sample", &Share, (0.0, "no traces are pushed")),
    }
}

/// A part of a whole.
struct Share;

impl Kind for Share {
    type Value = f64;

    fn expected(&self) -> String {
        "a share from 0 to 1, as text: \"0.01\"".to_owned()
    }

    fn read(&self, given: &Given, _: &Path) -> Option<f64> {
        let share: f64 = match given {
            Given::Integer(whole) => f64::from(i32::try_from(*whole).ok()?),
            given => text(given)?.trim().parse().ok()?,
        };
        (0.0..=1.0).contains(&share).then_some(share)
    }

    fn show(&self, value: &f64) -> Option<String> {
        Some(quoted(&value.to_string()))
    }
}

/// The URL of a collector.
struct Collector;

impl Kind for Collector {
    type Value = Option<String>;

    fn expected(&self) -> String {
        "the URL of a collector such as \"http://127.0.0.1:4318\": http, and without a user (one \
         that is far away is reached through one on this machine)"
            .to_owned()
    }

    fn read(&self, given: &Given, _: &Path) -> Option<Self::Value> {
        let url = text(given)?;
        let uri: ureq::http::Uri = url.parse().ok()?;
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        let is_good = uri.scheme_str() == Some("http") && uri.query().is_none();
        let has_user = uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'));
        (is_good && has_host && !has_user).then(|| Some(url.to_owned()))
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        value.as_deref().map(quoted)
    }
}
