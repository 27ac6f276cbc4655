//! All figures of the gateway in one snapshot. What becomes of it is not known here.

use std::sync::Arc;

use larder::AnyCache;
use larder_metrics::{Registry, Sink, Snapshot};

use crate::requests::Requests;

/// The figures of a gateway: of its registry, its requests and its caches. Cloning gives a handle to
/// the same figures.
#[derive(Clone)]
pub struct Figures {
    pub(crate) registry: Registry,
    pub(crate) requests: Requests,
    pub(crate) caches: Arc<[Arc<dyn AnyCache>]>,
}

impl Figures {
    /// What they are now. O(series).
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = self.registry.snapshot();
        self.add_to(&mut snapshot);
        snapshot
    }

    /// Adds those that are not in the registry.
    pub(crate) fn add_to(&self, sink: &mut impl Sink) {
        self.requests.export(sink);
        larder::export(self.caches.iter().map(|cache| &**cache), sink);
    }
}
