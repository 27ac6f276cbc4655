//! What caching saves, measured: in a running daemon, or in services of this process.

mod context;
mod seeds;

pub(crate) use context::run as context;
pub(crate) use seeds::run as seeds;
