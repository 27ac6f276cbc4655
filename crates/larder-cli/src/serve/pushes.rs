//! What the daemon pushes to a collector: its metrics and its spans; and the last of both when it stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use larder_http::Gateway;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::otlp;
use crate::traces::Queue;

/// What all pushes together may take once requests have ended; what is left then is dropped.
const LAST_MAX: Duration = Duration::from_secs(3);

pub(super) struct Pushes {
    metrics: Option<JoinHandle<()>>,
    spans: Option<otlp::Sending>,
    waiting: Option<Arc<Queue>>,
}

pub(super) fn start(
    config: &Config,
    gateway: &Gateway,
    address: SocketAddr,
    stopping: watch::Receiver<bool>,
    spans: Option<Arc<Queue>>,
) -> Pushes {
    let waiting = spans.clone();
    Pushes {
        metrics: push_metrics(config, gateway, address, stopping),
        spans: send_spans(config, gateway, address, spans),
        waiting,
    }
}

impl Pushes {
    /// Pushes what there is, and stops: within 3 s, however long a collector takes.
    pub(super) async fn stop(self) {
        let Self {
            metrics,
            spans,
            waiting,
        } = self;
        let metrics = async {
            if let Some(pushing) = metrics
                && let Err(error) = pushing.await
            {
                tracing::warn!(%error, "the last metrics were not pushed");
            }
        };
        let spans = async {
            if let Some(spans) = spans {
                spans.stop().await;
            }
        };
        let both = async { tokio::join!(metrics, spans) };
        if tokio::time::timeout(LAST_MAX, both).await.is_err() {
            let spans = waiting.map_or(0, |spans| spans.left());
            tracing::warn!(
                spans,
                "the collector does not take the last metrics and spans within {} s: they are dropped",
                LAST_MAX.as_secs()
            );
        }
    }
}

/// What other crates record through the crate `metrics` is in the same export, and all of it is pushed.
fn push_metrics(
    config: &Config,
    gateway: &Gateway,
    address: SocketAddr,
    stopping: watch::Receiver<bool>,
) -> Option<JoinHandle<()>> {
    let recorder = larder_metrics::Recorder::new(gateway.registry());
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("the metrics of other crates go elsewhere");
    }
    let figures = gateway.figures();
    otlp::start(&config.otlp, figures, address.to_string(), stopping)
}

fn send_spans(
    config: &Config,
    gateway: &Gateway,
    address: SocketAddr,
    spans: Option<Arc<Queue>>,
) -> Option<otlp::Sending> {
    let endpoint = config.otlp.endpoint.as_ref()?;
    let registry = gateway.registry();
    Some(otlp::Sending::start(
        endpoint,
        spans?,
        registry,
        address.to_string(),
    ))
}
