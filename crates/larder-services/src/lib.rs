//! Real services built on Larder's public API.
