//! The spans of requests and caches as they run: to which trace each belongs, and what it was, once it
//! has ended. Knows no network.

mod fields;
mod queue;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use larder_http::TraceParent;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Metadata, Span, Subscriber};
use tracing_subscriber::filter::{FilterFn, LevelFilter};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, Registry, SpanRef};

use crate::config::Otlp;
use fields::Fields;
pub(crate) use fields::{Attribute, Content};
pub(crate) use queue::Queue;

/// Whether a span is a request's: the gateway's, which is there whatever is traced.
pub(crate) fn is_request(metadata: &Metadata<'_>) -> bool {
    metadata.name() == "request" && metadata.target().starts_with("larder_http")
}

/// The layer that follows spans.
pub(crate) struct Traces {
    /// Where those that are sampled go; without it only requests have spans, for the log.
    queue: Option<Arc<Queue>>,
    /// The share that is sampled of what begins here and not with a request.
    sample: f64,
}

/// A span that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) name: &'static str,
    pub(crate) is_request: bool,
    pub(crate) ids: TraceParent,
    /// 0 for a root.
    pub(crate) parent_id: u64,
    pub(crate) start: SystemTime,
    pub(crate) end: SystemTime,
    pub(crate) attributes: Vec<Attribute>,
}

/// What is known of a span that has not.
struct Running {
    ids: TraceParent,
    parent_id: u64,
    request_id: Option<Arc<str>>,
    start: SystemTime,
    began: Instant,
    /// When it was last told of: what it began and does not wait for keeps it open.
    told_after: Option<Duration>,
    attributes: Vec<Attribute>,
}

/// The request that a line of the log belongs to.
pub(crate) struct Request {
    pub(crate) id: Arc<str>,
    pub(crate) trace: u128,
}

/// The request of a span, if it is one's.
pub(crate) fn request_of<'a, R: LookupSpan<'a>>(span: &SpanRef<'a, R>) -> Option<Request> {
    let extensions = span.extensions();
    let running = extensions.get::<Running>()?;
    Some(Request {
        id: running.request_id.clone()?,
        trace: running.ids.trace_id,
    })
}

/// The present span as another process may name it as its parent, if it is sampled.
pub(crate) fn current() -> Option<String> {
    let of = |(id, dispatch): (&Id, &Dispatch)| {
        let span = dispatch.downcast_ref::<Registry>()?.span(id)?;
        let extensions = span.extensions();
        let ids = extensions.get::<Running>()?.ids;
        ids.is_sampled.then(|| ids.to_string())
    };
    Span::current().with_subscriber(of)?
}

impl Traces {
    /// Of all that Larder does, and where it goes, if there is a collector and a share of traces for it; else
    /// of requests alone, for the log.
    pub(crate) fn of_config(otlp: &Otlp) -> (Self, Option<Arc<Queue>>) {
        let is_wanted = otlp.endpoint.is_some() && otlp.traces_sample > 0.0;
        let queue = is_wanted.then(Arc::<Queue>::default);
        let traces = Self {
            queue: queue.clone(),
            sample: otlp.traces_sample,
        };
        (traces, queue)
    }

    /// Which spans it has to be told of.
    pub(crate) fn filter(&self) -> FilterFn<impl Fn(&Metadata<'_>) -> bool + 'static> {
        let is_all = self.queue.is_some();
        let filter = FilterFn::new(move |metadata| {
            let is_own = is_all && metadata.target().starts_with("larder");
            metadata.is_span() && (is_own || is_request(metadata))
        });
        filter.with_max_level_hint(if is_all {
            LevelFilter::DEBUG
        } else {
            LevelFilter::INFO
        })
    }

    /// What trace a new span belongs to: its own fields' say, its parent's, or a new one.
    fn place(&self, fields: &Fields, parent: Option<TraceParent>) -> (TraceParent, u64) {
        if let Some(ids) = fields.ids {
            return (ids, fields.parent_id);
        }
        match parent.or(fields.remote_parent) {
            Some(parent) => (parent.child(), parent.span_id),
            None => (TraceParent::new(fastrand::f64() < self.sample), 0),
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Traces {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let fields = Fields::of(attributes, self.queue.is_some());
        let parent = span.parent().and_then(|parent| {
            let extensions = parent.extensions();
            extensions.get::<Running>().map(|running| running.ids)
        });
        let (ids, parent_id) = self.place(&fields, parent);
        let is_kept = self.queue.is_some() && ids.is_sampled;
        span.extensions_mut().insert(Running {
            ids,
            parent_id,
            request_id: fields.request_id,
            start: SystemTime::now(),
            began: Instant::now(),
            told_after: None,
            attributes: if is_kept {
                fields.attributes
            } else {
                Vec::new()
            },
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if let Some(running) = extensions.get_mut::<Running>()
            && self.queue.is_some()
            && running.ids.is_sampled
        {
            running.told_after = Some(running.began.elapsed());
            running.attributes.extend(Fields::recorded(values));
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let (Some(queue), Some(span)) = (&self.queue, context.span(&id)) else {
            return;
        };
        let running = span.extensions_mut().remove::<Running>();
        if let Some(running) = running.filter(|running| running.ids.is_sampled) {
            let told_after = running.told_after;
            let took = told_after.unwrap_or_else(|| running.began.elapsed());
            queue.push(Ended {
                name: span.name(),
                is_request: is_request(span.metadata()),
                ids: running.ids,
                parent_id: running.parent_id,
                start: running.start,
                end: running.start + took,
                attributes: running.attributes,
            });
        }
    }
}

#[cfg(test)]
mod tests;
