//! Measurements against peers.
