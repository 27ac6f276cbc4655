//! The locks, atomics and channel whose interleavings the tests go through: the usual ones, and
//! loom's in a build with `--cfg larder_loom` (`cargo xtask loom`).
//!
//! What is left out of it is held across nothing that is in it. Knows nothing of the rest.

#[cfg(not(larder_loom))]
pub(crate) mod sync {
    pub(crate) use std::sync::atomic;

    pub(crate) use parking_lot::{Condvar, Mutex, RwLock};
    pub(crate) use tokio::sync::watch;
}

#[cfg(larder_loom)]
#[path = "proof/loom_sync.rs"]
pub(crate) mod sync;

#[cfg(not(larder_loom))]
pub(crate) use std::thread_local;

#[cfg(larder_loom)]
pub(crate) use loom::thread_local;
