//! The daemon's metrics and spans, pushed to a collector over OTLP (HTTP, protobuf). Knows no services.

mod collector;
mod encode;
mod message;
mod spans;
mod trace_message;

use larder_http::Figures;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::config::Otlp;
use collector::Collector;
pub(crate) use spans::{METRIC as SPANS, Sending};

/// Starts pushing, if there is a collector, until `stopping`; then once more.
pub(crate) fn start(
    config: &Otlp,
    figures: Figures,
    instance: String,
    mut stopping: watch::Receiver<bool>,
) -> Option<JoinHandle<()>> {
    let endpoint = config.endpoint.as_ref()?;
    let mut push = Push {
        collector: Collector::new(endpoint, "/v1/metrics", "metrics"),
        figures,
        instance,
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
    collector: Collector,
    figures: Figures,
    instance: String,
}

impl Push {
    /// Sends what the figures are now. One that fails is not sent again: the next one has it all.
    fn push(&mut self) {
        let body = encode::encode(&self.figures.snapshot(), &self.instance);
        self.collector.send(&body);
    }
}
