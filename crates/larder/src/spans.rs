//! The spans of what is slower than memory, emitted through `tracing` at the level `debug`: a hit in memory
//! has none. Knows their names and fields, and no caches; where nobody subscribes to one it is
//! disabled, and costs a look at a flag.

use tracing::field::Empty;
use tracing::{Span, debug_span};

use crate::entry::{Entry, Source};
use crate::error::Error;

/// Where the values of several keys were found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tiers {
    memory: u64,
    disk: u64,
    remote: u64,
    loader: u64,
}

impl Tiers {
    pub(crate) fn of(sources: impl Iterator<Item = Source>) -> Self {
        sources.fold(Self::default(), |mut tiers, source| {
            tiers.add(source);
            tiers
        })
    }

    pub(crate) const fn add(&mut self, source: Source) {
        let count = match source {
            Source::Memory => &mut self.memory,
            Source::Disk => &mut self.disk,
            Source::Remote => &mut self.remote,
            Source::Loader => &mut self.loader,
        };
        *count += 1;
    }
}

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

/// A get of so many keys that memory does not settle.
pub(crate) fn get_many(cache: &str, keys: usize) -> Span {
    debug_span!(
        target: "larder",
        "cache get",
        cache,
        keys,
        outcome = Empty,
        memory = Empty,
        disk = Empty,
        remote = Empty,
        loader = Empty,
        missing = Empty,
    )
}

/// Notes in its span how a get of so many keys was answered.
pub(crate) fn answered_many(span: &Span, keys: usize, answer: Result<Tiers, &Error>) {
    let Ok(tiers) = answer else {
        span.record("outcome", "error");
        return;
    };
    let Tiers {
        memory,
        disk,
        remote,
        loader,
    } = tiers;
    let cached = memory + disk + remote;
    let missing = (keys as u64).saturating_sub(cached + loader);
    let is_hit = missing + loader == 0;
    span.record("outcome", if is_hit { "hit" } else { "miss" });
    span.record("memory", memory);
    span.record("disk", disk);
    span.record("remote", remote);
    span.record("loader", loader);
    span.record("missing", missing);
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
