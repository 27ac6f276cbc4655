use tracing::subscriber::with_default;
use tracing::{Instrument as _, debug_span, info_span};
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What ends while `run` runs; `sample` of what begins there is kept.
fn ended(sample: f64, run: impl FnOnce()) -> Vec<Ended> {
    let queue = Arc::<Queue>::default();
    let traces = Traces {
        queue: Some(queue.clone()),
        sample,
    };
    let filter = traces.filter();
    with_default(
        tracing_subscriber::registry().with(traces.with_filter(filter)),
        run,
    );
    queue.take()
}

fn request(ids: TraceParent) -> Span {
    info_span!(
        target: "larder_http",
        "request",
        request_id = "7",
        trace_id = ids.trace_id,
        span_id = ids.span_id,
        parent_id = 9_u64,
        sampled = ids.is_sampled,
        status = tracing::field::Empty,
    )
}

#[test]
fn what_a_request_does_is_in_its_trace_on_other_threads_too() {
    let ids = TraceParent::new(true);
    let ended = ended(0.0, || {
        let request = request(ids);
        let load =
            request.in_scope(|| debug_span!(target: "larder", "cache load", cache = "users"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {}.instrument(load));
        request.record("status", 200);
    });
    let [load, request] = &ended[..] else {
        panic!("{ended:?}");
    };
    assert_eq!((request.ids, request.parent_id), (ids, 9));
    assert!(request.is_request && !load.is_request);
    assert_eq!(
        (load.ids.trace_id, load.parent_id),
        (ids.trace_id, ids.span_id)
    );
    let attribute = |name, content| Attribute { name, content };
    assert_eq!(
        load.attributes,
        [attribute("cache", Content::Text("users".into()))]
    );
    let of_request = [
        attribute("request_id", Content::Text("7".into())),
        attribute("status", Content::Whole(200)),
    ];
    assert_eq!(request.attributes, of_request);
}

#[test]
fn a_request_ends_when_it_is_answered_and_not_with_what_it_leaves_running() {
    let ended = ended(0.0, || {
        let request = request(TraceParent::new(true));
        let refresh = request.in_scope(|| debug_span!(target: "larder", "cache load"));
        request.record("status", 200);
        drop(request);
        let ended = SystemTime::now();
        while SystemTime::now() <= ended {}
        drop(refresh);
    });
    let request = ended.iter().find(|span| span.is_request).unwrap();
    let took = request.end.duration_since(request.start).unwrap();
    let other = ended.iter().find(|span| !span.is_request).unwrap();
    assert!(request.end < other.end, "{took:?}");
}

/// I4
#[test]
fn what_another_process_caused_is_under_its_span() {
    let ended = ended(0.0, || {
        drop(debug_span!(target: "larder", parent: None, "applied", traceparent = PARENT));
        drop(debug_span!(target: "larder", "applied", traceparent = "nonsense"));
    });
    let [applied] = &ended[..] else {
        panic!("{ended:?}");
    };
    let parent = TraceParent::parse(PARENT).unwrap();
    assert_eq!(applied.ids.trace_id, parent.trace_id);
    assert_eq!(applied.parent_id, parent.span_id);
    assert_ne!(applied.ids.span_id, parent.span_id);
}

#[test]
fn only_what_is_sampled_is_kept_and_named_to_others() {
    for is_sampled in [true, false] {
        let ids = TraceParent::new(is_sampled);
        let ended = ended(0.0, || {
            let request = request(ids);
            let _entered = request.enter();
            let own = is_sampled.then(|| ids.to_string());
            assert_eq!(current(), own);
            drop(debug_span!(target: "larder", "cache load"));
            drop(debug_span!(target: "hyper", "not Larder's"));
        });
        assert_eq!(ended.len(), if is_sampled { 2 } else { 0 });
    }
    let begins_here = || drop(debug_span!(target: "larder", "cache load"));
    assert_eq!(ended(1.0, begins_here).len(), 1);
    assert_eq!(ended(0.0, begins_here).len(), 0);
    assert_eq!(current(), None);
}
