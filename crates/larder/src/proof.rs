//! That an invalidated value is not served again: shown on the whole cache, and shown to be noticed
//! where it is not so.
//!
//! A checker that never fails shows nothing. So each is also run on a cache from which one
//! [check](crate::checks::Check) was taken out, and has to find that out.

#[cfg(not(any(larder_loom, larder_shuttle)))]
mod linearizable;
#[cfg(larder_loom)]
mod loom;
#[cfg(not(any(larder_loom, larder_shuttle)))]
mod shared_histories;
#[cfg(larder_shuttle)]
mod shuttle;
