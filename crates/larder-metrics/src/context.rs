//! What all handles of a registry share: the switch and the clock.
//!
//! It does not know what is recorded, or where.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::Clock;

#[derive(Debug)]
pub(crate) struct Context {
    enabled: AtomicBool,
    clock: Clock,
}

impl Context {
    pub(crate) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            enabled: AtomicBool::new(true),
            clock,
        })
    }

    #[inline]
    pub(crate) fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }

    pub(crate) fn set_enabled(&self, enabled: bool) {
        self.enabled.store(enabled, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }
}
