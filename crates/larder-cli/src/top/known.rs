//! The last good answer of one endpoint, and what has gone wrong since.
//!
//! It must not read a clock.

use std::time::{Duration, Instant};

use crate::client::Error;

/// What came of asking one endpoint.
#[derive(Debug)]
pub(super) enum Asked<T> {
    /// It was not asked, or nobody answered at all.
    Not,
    /// What is known still holds.
    Unchanged,
    New(T),
    Failed(Error),
}

#[derive(Debug)]
pub(super) struct Latest<T> {
    pub(super) value: Option<T>,
    pub(super) error: Option<Error>,
    /// When the value came.
    received: Option<Instant>,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self {
            value: None,
            error: None,
            received: None,
        }
    }
}

impl<T> Latest<T> {
    pub(super) fn take(&mut self, asked: Asked<T>, at: Instant) {
        match asked {
            Asked::Not => {}
            Asked::Unchanged => self.error = None,
            Asked::New(value) => {
                *self = Self {
                    value: Some(value),
                    error: None,
                    received: Some(at),
                };
            }
            Asked::Failed(error) => self.error = Some(error),
        }
    }

    /// How long the value has been here.
    pub(super) fn held(&self, now: Instant) -> Option<Duration> {
        Some(now.saturating_duration_since(self.received?))
    }
}
