//! Real servers and a fault proxy, for tests, benches and examples.
//!
//! [`servers`] starts Redis or Valkey (alone, as a primary with replicas and
//! sentinels, as a cluster) and Postgres, each in a temporary directory on a
//! free port of loopback. [`proxy`] stands between a client and a server and
//! does to the connection what networks do.
//!
//! Everything here blocks: it is std, with threads of its own, so that it
//! serves tests with any runtime or none, and tests whose clock stands still.
//! A call that waits polls a state, up to a limit, and says what it waited for
//! when it gives up. Whatever a test starts ends with the value that stands
//! for it, and also if the test's process is killed.
//!
//! It must not know what is tested with it: no crate of the workspace.
//!
//! ```
//! use larder_testkit::proxy::{Direction, FaultProxy};
//! use larder_testkit::servers::{Options, RedisServer};
//!
//! # fn main() -> Result<(), larder_testkit::Error> {
//! let redis = RedisServer::start(Options::new())?;
//! let proxy = FaultProxy::to(redis.addr())?;
//! // A client connects to proxy.addr().
//! proxy.black_hole(Direction::ToClient); // its requests arrive, the answers do not
//! proxy.heal();
//! redis.kill();
//! redis.restart()?;
//! assert_eq!(redis.cli(&["DBSIZE"]), "0");
//! # Ok(())
//! # }
//! ```
#![cfg(unix)]

mod error;
mod ports;
mod process;
pub mod proxy;
mod resp;
pub mod servers;
mod wait;

pub use error::Error;
pub use wait::poll;
