//! How requests went, over the life of the process.

use std::time::Duration;

use axum::http::StatusCode;
use larder_metrics::Counter;

/// The figures of all requests. Cloning gives a handle to the same figures.
#[derive(Clone, Default)]
pub struct Requests {
    successful: Counter,
    failed: Counter,
    nanos: Counter,
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

impl Requests {
    pub(crate) fn record(&self, status: StatusCode, took: Duration) {
        if status.as_u16() < 400 {
            self.successful.increment();
        } else {
            self.failed.increment();
        }
        self.nanos.add(took.as_nanos() as u64);
    }

    /// The figures now.
    pub fn figures(&self) -> RequestFigures {
        let (successful, failed) = (self.successful.value(), self.failed.value());
        let total = successful + failed;
        RequestFigures {
            total,
            successful,
            failed,
            avg_response_time_ms: self.nanos.value() as f64 / 1e6 / total.max(1) as f64,
        }
    }
}
