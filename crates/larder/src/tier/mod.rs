//! The places that hold values.
//!
//! A tier stores and finds; it must not know policies, loaders or observers.

pub(crate) mod memory;
