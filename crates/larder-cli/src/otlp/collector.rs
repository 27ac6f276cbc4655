//! A collector of OTLP over HTTP: sends it messages, and says in the log when it cannot be reached and when
//! it can again. What is in them is not known here.

use std::time::{Duration, Instant};

/// A collector that takes longer is given up until the next push.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Collector {
    /// What is sent, as the log names it.
    what: &'static str,
    url: String,
    agent: ureq::Agent,
    /// Since when it fails, where the log knows of it already.
    failing_since: Option<Instant>,
}

impl Collector {
    pub(super) fn new(endpoint: &str, path: &str, what: &'static str) -> Self {
        Self {
            what,
            url: format!("{}{path}", endpoint.trim_end_matches('/')),
            agent: ureq::Agent::config_builder()
                .timeout_global(Some(PATIENCE))
                .http_status_as_error(false)
                .build()
                .into(),
            failing_since: None,
        }
    }

    /// Whether it took the message. Blocks until it has answered, 5 s at most.
    pub(super) fn send(&mut self, message: &[u8]) -> bool {
        let request = self.agent.post(&self.url);
        let request = request.header("Content-Type", "application/x-protobuf");
        let problem = match request.send(message) {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!(
                "it answers with status {}",
                answer.status().as_u16()
            )),
            Err(error) => Some(error.to_string()),
        };
        let (what, url, is_sent) = (self.what, &self.url, problem.is_none());
        match (problem, self.failing_since) {
            (Some(problem), None) => {
                tracing::warn!(url, problem, "{what} cannot be pushed; trying on");
                self.failing_since = Some(Instant::now());
            }
            (None, Some(since)) => {
                let failed_for = since.elapsed();
                tracing::info!(url, ?failed_for, "{what} are pushed again");
                self.failing_since = None;
            }
            _ => {}
        }
        is_sent
    }
}
