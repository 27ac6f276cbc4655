//! Spans that have ended and wait to be sent: so many, and what is over is counted.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::Ended;

/// The most that wait.
const WAITING_MAX: usize = 4_096;

#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Vec<Ended>>,
    /// Those that are being sent.
    taken: AtomicU64,
    dropped: AtomicU64,
}

impl Queue {
    /// Never waits for who sends.
    pub(super) fn push(&self, ended: Ended) {
        let mut waiting = self.waiting.lock();
        if waiting.len() < WAITING_MAX {
            waiting.push(ended);
        } else {
            drop(waiting);
            self.drop_some(1);
        }
    }

    /// All that wait; those taken before have been sent, or dropped.
    pub(crate) fn take(&self) -> Vec<Ended> {
        let taken = mem::take(&mut *self.waiting.lock());
        self.taken.store(taken.len() as u64, Ordering::Relaxed);
        taken
    }

    /// How many wait or are being sent.
    pub(crate) fn left(&self) -> u64 {
        self.waiting.lock().len() as u64 + self.taken.load(Ordering::Relaxed)
    }

    /// Notes that so many were not sent.
    pub(crate) fn drop_some(&self, spans: usize) {
        self.dropped.fetch_add(spans as u64, Ordering::Relaxed);
    }

    /// How many were not sent since it was last asked.
    pub(crate) fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use larder_http::TraceParent;

    use super::*;

    #[test]
    fn what_is_over_the_limit_is_dropped_and_counted() {
        let queue = Queue::default();
        for _ in 0..WAITING_MAX + 3 {
            queue.push(Ended {
                name: "load",
                is_request: false,
                ids: TraceParent::new(true),
                parent_id: 0,
                start: SystemTime::now(),
                end: SystemTime::now(),
                attributes: Vec::new(),
            });
        }
        assert_eq!((queue.take_dropped(), queue.take_dropped()), (3, 0));
        assert_eq!((queue.take().len(), queue.take().len()), (WAITING_MAX, 0));
    }
}
