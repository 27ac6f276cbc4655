//! The daemon's metrics, pushed to a collector over OTLP (HTTP, protobuf). Knows no services.

mod encode;
mod message;

use std::time::{Duration, Instant};

use larder_http::Figures;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::config::Otlp;

/// A collector that takes longer is given up until the next push.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts pushing, if there is a collector, until `stopping`; then once more.
pub(crate) fn start(
    config: &Otlp,
    figures: Figures,
    instance: String,
    mut stopping: watch::Receiver<bool>,
) -> Option<JoinHandle<()>> {
    let endpoint = config.endpoint.as_ref()?;
    let mut push = Push {
        url: format!("{}/v1/metrics", endpoint.trim_end_matches('/')),
        figures,
        instance,
        agent: ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .build()
            .into(),
        failing_since: None,
    };
    let mut interval = tokio::time::interval(config.interval);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    Some(tokio::spawn(async move {
        let mut is_last = false;
        while !is_last {
            tokio::select! {
                _ = interval.tick() => {}
                // An error means that whoever would say so is gone, which is the end too.
                _ = stopping.wait_for(|stopping| *stopping) => is_last = true,
            }
            let pushed = tokio::task::spawn_blocking(move || {
                push.push();
                push
            });
            push = match pushed.await {
                Ok(push) => push,
                Err(error) => return tracing::error!(%error, "metrics are pushed no more"),
            };
        }
    }))
}

struct Push {
    url: String,
    figures: Figures,
    instance: String,
    agent: ureq::Agent,
    /// Since when, where the log knows of it already.
    failing_since: Option<Instant>,
}

impl Push {
    /// Sends what the figures are now. One that fails is not sent again: the next one has it all.
    fn push(&mut self) {
        let body = encode::encode(&self.figures.snapshot(), &self.instance);
        let request = self.agent.post(&self.url);
        let request = request.header("Content-Type", "application/x-protobuf");
        let problem = match request.send(&body[..]) {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!(
                "it answers with status {}",
                answer.status().as_u16()
            )),
            Err(error) => Some(error.to_string()),
        };
        match (problem, self.failing_since) {
            (Some(problem), None) => {
                tracing::warn!(
                    url = self.url,
                    problem,
                    "metrics cannot be pushed; trying on"
                );
                self.failing_since = Some(Instant::now());
            }
            (None, Some(since)) => {
                let failed_for = since.elapsed();
                tracing::info!(url = self.url, ?failed_for, "metrics are pushed again");
                self.failing_since = None;
            }
            _ => {}
        }
    }
}
