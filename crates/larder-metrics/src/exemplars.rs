//! Which requests stand for the counts of a histogram: the newest traced one of each bucket that is
//! exported. It knows no histogram.

use std::sync::OnceLock;
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::buckets::BOUNDS;

/// A duration whose trace is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exemplar {
    pub(crate) trace_id: u128,
    pub(crate) nanos: u64,
    pub(crate) at: SystemTime,
}

/// The newest of each bucket; 1.5 KiB, once there is one.
#[derive(Debug, Default)]
pub(crate) struct Exemplars(OnceLock<Box<[Mutex<Option<Exemplar>>; BOUNDS.len() + 1]>>);

impl Exemplars {
    /// Takes the place of the bucket's last one, unless that is being read or written just now.
    pub(crate) fn put(&self, exemplar: Exemplar) {
        let places = self.0.get_or_init(Box::default);
        let bucket = BOUNDS.partition_point(|(bound, _)| *bound < exemplar.nanos);
        if let Some(mut place) = places[bucket].try_lock() {
            *place = Some(exemplar);
        }
    }

    /// Those of the buckets, if there ever was one.
    pub(crate) fn seen(&self) -> Option<&Self> {
        self.0.get().map(|_| self)
    }

    pub(crate) fn get(&self, bucket: usize) -> Option<Exemplar> {
        *self.0.get()?.get(bucket)?.lock()
    }

    pub(crate) fn reset(&self) {
        for place in self.0.get().into_iter().flat_map(|places| places.iter()) {
            *place.lock() = None;
        }
    }
}
