//! Pushes spans that have ended, each second. What a collector does not take is dropped and counted: none
//! waits for it.

use std::sync::Arc;
use std::time::Duration;

use larder_metrics::{Metric, Registry};
use prost::Message as _;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::collector::Collector;
use super::encode::{nanos, resource, scope};
use super::message::{Any, AnyValue, KeyValue};
use super::trace_message::{Request, ResourceSpans, ScopeSpans, Span, Status};
use crate::traces::{Attribute, Content, Ended, Queue};

/// Between two pushes.
const PACE: Duration = Duration::from_secs(1);
/// `SPAN_KIND_INTERNAL` and `SPAN_KIND_SERVER`.
const INTERNAL: i32 = 1;
const SERVER: i32 = 2;
/// `STATUS_CODE_ERROR`.
const ERROR: i32 = 2;
/// What became of spans.
pub(crate) const METRIC: Metric = Metric::counter(
    "larder_spans_total",
    "Spans, by whether a collector took them.",
);

/// Spans are pushed until it is stopped.
pub(crate) struct Sending {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Sending {
    pub(crate) fn start(
        endpoint: &str,
        queue: Arc<Queue>,
        registry: Registry,
        instance: String,
    ) -> Self {
        // Fails only where the registry is full, and then there is nothing to describe.
        let _ = registry.describe(METRIC.name, METRIC.help);
        let mut push = Push {
            collector: Collector::new(endpoint, "/v1/traces", "spans"),
            queue,
            registry,
            instance,
        };
        let (stop, mut stopped) = oneshot::channel();
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let task = tokio::spawn(async move {
            let mut is_last = false;
            while !is_last {
                tokio::select! {
                    _ = pace.tick() => {}
                    _ = &mut stopped => is_last = true,
                }
                let pushed = tokio::task::spawn_blocking(move || {
                    push.push();
                    push
                });
                push = match pushed.await {
                    Ok(push) => push,
                    Err(error) => return tracing::error!(%error, "spans are pushed no more"),
                };
            }
        });
        Self { stop, task }
    }

    /// Pushes what has ended so far, and stops.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the last spans were not pushed");
        }
    }
}

struct Push {
    collector: Collector,
    queue: Arc<Queue>,
    registry: Registry,
    instance: String,
}

impl Push {
    fn push(&mut self) {
        let ended = self.queue.take();
        if !ended.is_empty() {
            if self.collector.send(&encode(&ended, &self.instance)) {
                self.count("sent", ended.len() as u64);
            } else {
                self.queue.drop_some(ended.len());
            }
        }
        self.count("dropped", self.queue.take_dropped());
    }

    fn count(&self, result: &str, spans: u64) {
        if spans > 0 {
            // More series than the registry holds share one.
            let _ = self
                .registry
                .count(METRIC.name, &[("result", result)], spans);
        }
    }
}

fn encode(ended: &[Ended], instance: &str) -> Vec<u8> {
    let scope_spans = ScopeSpans {
        scope: Some(scope()),
        spans: ended.iter().map(span).collect(),
    };
    let resource_spans = ResourceSpans {
        resource: Some(resource(instance)),
        scope_spans: vec![scope_spans],
    };
    let request = Request {
        resource_spans: vec![resource_spans],
    };
    request.encode_to_vec()
}

fn span(ended: &Ended) -> Span {
    let parent = Some(ended.parent_id).filter(|parent| *parent != 0);
    let parent = parent.map_or_else(Vec::new, |parent| parent.to_be_bytes().to_vec());
    Span {
        trace_id: ended.ids.trace_id.to_be_bytes().to_vec(),
        id: ended.ids.span_id.to_be_bytes().to_vec(),
        parent_id: parent,
        name: ended.name.to_owned(),
        kind: if ended.is_request { SERVER } else { INTERNAL },
        start_nanos: nanos(ended.start),
        end_nanos: nanos(ended.end),
        attributes: ended.attributes.iter().map(attribute).collect(),
        status: has_failed(ended).then_some(Status { code: ERROR }),
    }
}

/// Whether it answered with a server's error, or its load brought one.
fn has_failed(ended: &Ended) -> bool {
    let mut attributes = ended.attributes.iter();
    attributes.any(|Attribute { name, content }| match content {
        Content::Whole(status) => *name == "http.response.status_code" && *status >= 500,
        Content::Text(outcome) => *name == "outcome" && outcome == "error",
        _ => false,
    })
}

fn attribute(attribute: &Attribute) -> KeyValue {
    let value = match &attribute.content {
        Content::Text(text) => Any::Text(text.clone()),
        Content::Switch(is_on) => Any::Switch(*is_on),
        Content::Whole(number) => Any::Whole(*number),
        Content::Real(number) => Any::Real(*number),
    };
    KeyValue {
        key: attribute.name.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
    }
}
