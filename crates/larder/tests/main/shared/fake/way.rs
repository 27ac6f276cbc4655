//! Connections: ways in which messages keep their order, or do not.

use std::collections::VecDeque;

use super::server::{Op, Push, Reply};

/// A connection's two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Data,
    Tracker,
}

pub(crate) const WIRES: [Wire; 2] = [Wire::Data, Wire::Tracker];

/// A way in one direction: what is on it arrives in order.
pub(super) struct Way<T> {
    pub(super) messages: VecDeque<(u64, T)>,
    pub(super) last: u64,
    pub(super) is_held: bool,
    pub(super) held_until: u64,
}

impl<T> Default for Way<T> {
    fn default() -> Self {
        Self {
            messages: VecDeque::new(),
            last: 0,
            is_held: false,
            held_until: 0,
        }
    }
}

impl<T> Way<T> {
    pub(super) fn send(&mut self, due: u64, message: T, is_ordered: bool) {
        if is_ordered {
            self.last = self.last.max(due);
            self.messages.push_back((self.last, message));
        } else {
            let at = self.messages.partition_point(|(before, _)| *before <= due);
            self.messages.insert(at, (due, message));
        }
    }

    pub(super) fn due(&self) -> Option<u64> {
        let (due, _) = self.messages.front().filter(|_| !self.is_held)?;
        Some((*due).max(self.held_until))
    }
}

#[derive(Default)]
pub(super) struct Connection {
    pub(super) commands: Way<(u64, Op)>,
    pub(super) answers: Way<Told>,
    pub(super) is_tracking: bool,
}

pub(super) enum Told {
    Answer(u64, Reply),
    Push(Push),
}
