//! The service `workstations`, through a gateway: each fact about rows on `SQLite` and on a real `PostgreSQL`.

mod caching;
mod fields;
mod house;
mod outage;
mod performance;
mod rest;
mod sockets;
