//! How requests went: in all, and by method, route and status.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use larder_metrics::{Counter, Exposition, Metric, Registry, Sink, Timing};

use crate::history;

const REQUESTS: Metric = Metric::counter("http_requests_total", "Requests, by route and status.");
const DURATION: Metric = Metric::histogram(
    "http_request_duration_seconds",
    "From a request's arrival to its response's head.",
);
const ANSWERS: Metric = Metric::counter(
    "http_answers",
    "Requests, by whether they ended well, and if not, whose mistake it was.",
);
const LATENCY: Metric = Metric::summary(
    "http_latency_seconds",
    "From any request's arrival to its response's head.",
);

/// All that a gateway's [figures](crate::Figures) have besides those of its services, for dashboards and
/// documents: of requests, of caches, of the history, and of what the metrics' limits refused.
pub fn exported() -> impl Iterator<Item = Metric> {
    let own = [REQUESTS, DURATION, ANSWERS, LATENCY];
    own.into_iter()
        .chain(larder::exported())
        .chain(history::OWN)
        .chain(Exposition::LIMITS)
}

/// What a request of no route is counted under.
const NO_ROUTE: &str = "unmatched";

/// The figures of all requests. Cloning gives a handle to the same figures.
#[derive(Clone)]
pub struct Requests {
    successful: Counter,
    /// Answered with 400 to 499: the client's mistake.
    client_errors: Counter,
    /// Answered with 500 or more.
    server_errors: Counter,
    latency: Timing,
    registry: Registry,
}

/// [`Requests`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RequestFigures {
    /// Requests answered.
    pub total: u64,
    /// Those answered with a status under 400.
    pub successful: u64,
    /// The others.
    pub failed: u64,
    /// Mean time to the response's head, in milliseconds; 0 before the first request.
    pub avg_response_time_ms: f64,
}

impl Default for Requests {
    fn default() -> Self {
        Self::in_registry(Registry::new())
    }
}

impl Requests {
    /// Figures that are kept in this registry too, as `http_requests_total` (tags `method`, `endpoint`,
    /// `status`) and `http_request_duration_seconds` (`method`, `endpoint`). `endpoint` is the route's
    /// template, and `unmatched` where there is none.
    pub fn in_registry(registry: Registry) -> Self {
        for metric in [REQUESTS, DURATION] {
            // Fails only where the registry is full, and then there is nothing to describe.
            let _ = registry.describe(metric.name, metric.help);
        }
        Self {
            successful: Counter::default(),
            client_errors: Counter::default(),
            server_errors: Counter::default(),
            latency: Timing::default(),
            registry,
        }
    }

    pub(crate) fn record(
        &self,
        method: &Method,
        route: Option<&str>,
        status: StatusCode,
        took: Duration,
        trace_id: u128,
    ) {
        match status.as_u16() {
            ..400 => &self.successful,
            400..500 => &self.client_errors,
            _ => &self.server_errors,
        }
        .increment();
        self.latency.record(took);
        let (method, endpoint) = (
            ("method", name(method)),
            ("endpoint", route.unwrap_or(NO_ROUTE)),
        );
        let tags = [method, endpoint, ("status", status.as_str())];
        // The names are valid, and more series than the registry holds share one.
        let _ = self.registry.count(REQUESTS.name, &tags, 1);
        if self.registry.is_enabled()
            && let Ok(timing) = self.registry.timing_with(DURATION.name, &tags[..2])
        {
            timing.record_traced(took, trace_id);
        }
    }

    /// Adds the figures of all requests together.
    pub(crate) fn export(&self, sink: &mut impl Sink) {
        sink.counter(ANSWERS.name, ANSWERS.help, |samples| {
            samples.add(&[("result", "ok")], self.successful.value());
            samples.add(&[("result", "client_error")], self.client_errors.value());
            samples.add(&[("result", "server_error")], self.server_errors.value());
        });
        sink.timing(LATENCY.name, LATENCY.help, |samples| {
            samples.add_timing(&[], &self.latency.snapshot());
        });
    }

    /// The figures now.
    pub fn figures(&self) -> RequestFigures {
        let successful = self.successful.value();
        let failed = self.client_errors.value() + self.server_errors.value();
        let total = successful + failed;
        RequestFigures {
            total,
            successful,
            failed,
            avg_response_time_ms: self.latency.snapshot().sum().as_secs_f64() * 1e3
                / total.max(1) as f64,
        }
    }
}

/// A client can invent methods; they are one.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_mistake_is_no_error_of_the_servers() {
        let requests = Requests::default();
        for status in [200, 304, 404, 422, 499, 500, 503, 503, 503, 599] {
            let status = StatusCode::from_u16(status).unwrap();
            requests.record(&Method::GET, None, status, Duration::ZERO, 0);
        }
        let mut snapshot = requests.registry.snapshot();
        requests.export(&mut snapshot);
        let ended = ["ok", "client_error", "server_error"]
            .map(|result| snapshot.counter(ANSWERS.name, &[("result", result)]));
        assert_eq!(ended, [Some(2), Some(3), Some(5)]);
        assert_eq!(requests.figures().failed, 8);
    }
}
