//! What has ended and is not written yet: a queue of bounded length, for while the database is down.

use std::collections::VecDeque;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::simulator::Completed;

/// Tasks that wait at most; the oldest are dropped, and counted.
const TASKS_MAX: usize = 10_000;

/// A task that has ended, and when.
pub(super) struct Ended {
    pub(super) completed: Completed,
    pub(super) at: Timestamp,
}

/// Tasks that wait to be written.
#[derive(Default)]
pub(super) struct Outbox(Mutex<VecDeque<Ended>>);

impl Outbox {
    /// Adds what has ended; returns how many tasks were dropped.
    pub(super) fn push(&self, ended: impl IntoIterator<Item = Ended>) -> usize {
        let mut queue = self.0.lock();
        queue.extend(ended);
        let dropped = queue.len().saturating_sub(TASKS_MAX);
        queue.drain(..dropped);
        dropped
    }

    /// Takes the oldest, at most so many.
    pub(super) fn take(&self, tasks: usize) -> Vec<Ended> {
        let mut queue = self.0.lock();
        let tasks = tasks.min(queue.len());
        queue.drain(..tasks).collect()
    }

    /// Puts back what could not be written; returns how many tasks were dropped.
    pub(super) fn give_back(&self, batch: Vec<Ended>) -> usize {
        let mut queue = self.0.lock();
        let dropped = (queue.len() + batch.len()).saturating_sub(TASKS_MAX);
        for ended in batch.into_iter().skip(dropped).rev() {
            queue.push_front(ended);
        }
        dropped
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler_stats::simulator::Run;

    fn ended(tasks: usize) -> Vec<Ended> {
        let completed = Run::new("r".into(), 1_000.0, 1).advance(12.0, |fit| fit());
        let of = |completed| Ended {
            completed,
            at: Timestamp::UNIX_EPOCH,
        };
        completed.into_iter().take(tasks).map(of).collect()
    }

    #[test]
    fn what_is_over_the_limit_is_dropped_oldest_first_and_counted() {
        let outbox = Outbox::default();
        assert_eq!(outbox.push(ended(TASKS_MAX)), 0);
        let batch = outbox.take(50);
        let second = batch[30].completed.task.id.clone();
        assert_eq!((batch.len(), outbox.len()), (50, TASKS_MAX - 50));
        assert_eq!(outbox.push(ended(30)), 0);
        assert_eq!(outbox.give_back(batch), 30);
        assert_eq!(outbox.len(), TASKS_MAX);
        assert_eq!(outbox.take(1)[0].completed.task.id, second);
    }
}
