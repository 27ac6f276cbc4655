//! The service `assistant_context`, through a gateway.

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
