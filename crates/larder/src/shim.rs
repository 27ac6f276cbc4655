//! The locks and atomics whose interleavings the tests go through: the usual ones, and
//! loom's or shuttle's in a build with `--cfg larder_loom` or `--cfg larder_shuttle` (`cargo xtask
//! loom`, `cargo xtask shuttle`).
//!
//! What is left out of it is held across nothing that is in it. Knows nothing of the rest.

#[cfg(not(any(larder_loom, larder_shuttle)))]
pub(crate) mod sync {
    pub(crate) use std::sync::atomic;

    pub(crate) use parking_lot::{Condvar, Mutex, RwLock};
}

#[cfg(any(larder_loom, larder_shuttle))]
#[path = "proof/scheduled_sync.rs"]
pub(crate) mod sync;

#[cfg(not(any(larder_loom, larder_shuttle)))]
pub(crate) use std::thread_local;

#[cfg(larder_loom)]
pub(crate) use loom::thread_local;

#[cfg(larder_shuttle)]
pub(crate) use shuttle::thread_local;
