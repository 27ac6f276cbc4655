//! The spans of what is slower than memory, emitted through `tracing` at the level `debug`: a hit in memory
//! has none. Knows their names and fields, and no caches; where nobody subscribes to one it is
//! disabled, and costs a look at a flag.

use tracing::field::Empty;
use tracing::{Span, debug_span};

use crate::entry::{Entry, Source};
use crate::error::Error;

/// A get that memory does not settle.
pub(crate) fn get(cache: &str) -> Span {
    debug_span!(target: "larder", "cache get", cache, outcome = Empty, tier = Empty)
}

/// Notes in its span how a get was answered.
pub(crate) fn answered<V>(span: &Span, answer: Result<Option<&Entry<V>>, &Error>) {
    if span.is_disabled() {
        return;
    }
    let (outcome, tier) = match answer {
        Ok(None) => ("miss", None),
        Ok(Some(entry)) if entry.is_stale => ("stale", Some(entry.source)),
        Ok(Some(entry)) if entry.source == Source::Loader => ("miss", Some(entry.source)),
        Ok(Some(entry)) => ("hit", Some(entry.source)),
        Err(Error::Absent) => ("absent", None),
        Err(_) => ("error", None),
    };
    span.record("outcome", outcome);
    if let Some(tier) = tier {
        span.record("tier", tier.name());
    }
}

/// A load, for all who wait for it.
pub(crate) fn load(cache: &str) -> Span {
    debug_span!(target: "larder", "cache load", cache, outcome = Empty)
}

/// A reading of the disk.
pub(crate) fn disk(cache: &str) -> Span {
    debug_span!(target: "larder", "disk read", cache)
}

/// A round trip to the store that processes share.
pub(crate) fn remote(cache: &str, call: &'static str) -> Span {
    debug_span!(target: "larder", "remote", cache, call)
}

/// A write or an invalidation that others are to hear of.
pub(crate) fn write(cache: &str, call: &'static str) -> Span {
    debug_span!(target: "larder", "cache write", cache, call)
}

/// An invalidation of another process, as it takes effect here: in the trace of what caused it there.
pub(crate) fn applied(cache: &str, traceparent: &str) -> Span {
    debug_span!(target: "larder", parent: None, "invalidation applied", cache, traceparent)
}
