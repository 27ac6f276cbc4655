//! Measurements of a running daemon.

mod context;

pub(crate) use context::run as context;
