//! Larder over HTTP: one [`Gateway`] before all routes, with access by role, request figures,
//! health, the admin API under `/v1`, the live stream and the dashboard.
//!
//! Services bring a [`Mount`]; the gateway knows nothing of them.
//!
//! ```no_run
//! use std::time::Duration;
//! use larder_http::{Access, Gateway, Hosts, Role, serve};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (stop, stopping) = tokio::sync::watch::channel(false);
//! let access = Access::new("a token of 256 random bits", Some(Role::Viewer));
//! let cache = larder::Cache::<String, u64>::builder("prices").build()?;
//! let gateway = Gateway::new("shop", "1.0.0", access, Hosts::default(), stopping).cache(cache);
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:7070").await?;
//! let ctrl_c = async move { let _ = tokio::signal::ctrl_c().await; stop.send_replace(true); };
//! serve(listener, gateway.into_router(), ctrl_c, Duration::from_secs(5)).await?;
//! # Ok(()) }
//! ```

mod accounts;
mod admin;
mod advice;
mod audit;
mod auth;
mod body;
mod cache_layer;
mod dashboard;
mod docs;
pub mod etag;
mod events;
mod figures;
mod gateway;
mod health;
mod heat;
mod history;
mod host;
mod loads;
mod metrics;
mod mount;
mod peers;
mod problem;
mod requests;
mod server;
mod trace;
mod warmer;
mod wire;
mod writer;

pub use accounts::{Accounts, Member, Roster, RosterError};
pub use admin::config::Setting;
pub use advice::shown as shown_advice;
pub use auth::{Access, Bearer, Role, admin_token};
pub use body::{JsonBody, short_bodies};
pub use cache_layer::{CacheLayer, CacheService, CacheTags, CachedResponse, by_credentials};
pub use events::Events;
pub use figures::Figures;
pub use gateway::Gateway;
pub use health::{Check, Standing};
pub use host::Hosts;
pub use loads::{BadLoads, read_loads};
pub use mount::Mount;
pub use problem::Problem;
pub use requests::{RequestFigures, Requests, exported};
pub use server::serve;
pub use trace::TraceParent;

/// The page of the book on the layer: what it shows compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/http.md")]
mod book {}
