//! The service `assistant_context`, through a gateway. Its knowledge base is on `SQLite` alone: the full-text
//! search, FTS5, is `SQLite`'s own, and other databases are asked by `PostgREST`.

mod accounting;
mod caching;
mod failures;
mod house;
mod input;
mod knowledge;
mod server;
mod shapes;

use house::House;
use server::{Says, Server};
