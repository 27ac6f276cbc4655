//! Larder's remote tier: a Redis or Valkey server that processes share.
//!
//! [`Redis`] says where the server is; a cache that it is handed to joins it under its own name. Nothing
//! connects before that, and a server that is not there is a state of the link and no error: the cache
//! goes on without it, says so, and the link comes up by itself when the server does.
//!
//! ```no_run
//! use larder::Cache;
//! use larder_redis::Redis;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let redis = Redis::at("rediss://user:password@cache.example:6380/1")?.prefix("shop");
//! let users = Cache::<u64, String>::builder("users").remote(redis.clone()).build()?;
//! let items = Cache::<u64, String>::builder("items").remote(redis).build()?; // the same connections
//! # Ok(()) }
//! ```
//!
//! # What the server must be
//! Redis 7.0 or Valkey 7.2, or newer: alone, under sentinels, or a cluster of them. Its user needs the
//! keys under the prefix, and `+@read +@write +@scripting +@connection +info +scan`; in a cluster
//! `+cluster|slots +cluster|info +cluster|myid` too. Where it may not tell of changes (`CLIENT
//! TRACKING`), values are kept for a moment only. Recommended: `maxmemory-policy allkeys-lru`;
//! `client-output-buffer-limit`s as they are; with replicas `min-replicas-to-write 1` and
//! `min-replicas-max-lag 1`, as a primary that is cut off is believed so long.
//!
//! Each value has two connections to the server, or to every primary of the cluster, however many
//! caches have joined. When one is lost, does not answer within the X of the caches' promise, or turns
//! out to lead elsewhere, all are given up and made anew: after 50 ms at first, then twice as long each
//! time, 600 ms at most, by chance up to half of it less.

mod asleep;
mod beat;
mod board;
mod calls;
mod checks;
mod cluster;
mod commands;
mod driver;
mod epoch;
mod frames;
mod keys;
mod life;
mod link;
mod member;
mod node;
mod opening;
mod pipe;
mod push;
mod refusal;
mod remote;
mod replies;
mod samples;
mod scan;
mod scripts;
mod sending;
mod sentinel;
mod slots;
mod tcp;
mod tending;
mod tls;
mod url;
mod wire;

/// The page of the book, whose program is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/remote.md")]
mod page {}

pub use remote::Redis;
pub use samples::Trail;
pub use url::{UrlError, without_login};
