//! Real servers: Redis or Valkey in the shapes that people run, Postgres.
//!
//! Each listens on loopback, on a free port, and keeps its files in a temporary
//! directory; none reads the system's configuration. Nothing is written to stay:
//! the directory goes with the value.
//!
//! It must not know what the tests do with a server.

mod cluster;
mod node;
mod options;
mod postgres;
mod programs;
mod redis;
mod sentinels;
mod tls;

pub use cluster::RedisCluster;
pub use options::Options;
pub use postgres::Postgres;
pub use programs::{Binary, Flavor, available};
pub use redis::RedisServer;
pub use sentinels::Sentinels;
