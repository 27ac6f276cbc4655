//! Other instances of the daemon: what they tell of the loads of their caches.
//!
//! It must not know what is made of that.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use larder::RecentLoads;
use larder_http::Gateway;

use crate::client::{Client, Error, Target, segment};
use crate::config;

/// The longest that one of them may take to tell all.
const LIMIT: Duration = Duration::from_secs(2);
/// The largest answer that is read: 1,024 loads are a third of it.
const BODY_BYTES_MAX: u64 = 256 << 10;

/// Another instance.
#[derive(Debug)]
pub(crate) struct Peer(Client);

impl Peer {
    /// The daemon at a URL that the configuration would take; nothing is sent yet.
    pub(crate) fn at(url: String, token: Option<String>) -> Self {
        Self(Client::bounded(
            Target::peer(url, token),
            LIMIT,
            BODY_BYTES_MAX,
        ))
    }

    /// What it loaded of those caches that it has; an empty list only finds out whether it answers. Blocks for
    /// no longer than twice [`LIMIT`].
    pub(crate) fn loads(&self, caches: &[String]) -> Result<Vec<(String, RecentLoads)>, String> {
        let until = Instant::now() + LIMIT;
        if caches.is_empty() {
            let answers = self.0.get_text("/v1/caches");
            return answers
                .map(|_| Vec::new())
                .map_err(|error| error.to_string());
        }
        let mut told = Vec::new();
        for cache in caches {
            if Instant::now() >= until {
                return Err(format!("no answer within {} s", LIMIT.as_secs()));
            }
            match recent_loads(&self.0, cache) {
                Ok(recent) => told.push((cache.clone(), recent)),
                Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(told)
    }
}

/// What a daemon's cache loaded lately.
pub(crate) fn recent_loads(client: &Client, cache: &str) -> Result<RecentLoads, Error> {
    let path = format!("/v1/caches/{}/loads", segment(cache));
    let text = client.get_text(&path)?;
    larder_http::read_loads(&text).map_err(|error| client.malformed(&path, &error))
}

/// Has the gateway ask the instances of `[recommend]`.
pub(crate) fn attach(gateway: Gateway, settings: &config::Recommend) -> anyhow::Result<Gateway> {
    let file = settings.peers_token_file.as_deref();
    let token = file.map(token_in).transpose()?;
    let attach = |gateway: Gateway, url: &String| {
        let peer = Arc::new(Peer::at(url.clone(), token.clone()));
        gateway.peer(url, move |caches| {
            let peer = peer.clone();
            async move {
                let asking = tokio::task::spawn_blocking(move || peer.loads(&caches));
                asking.await.unwrap_or_else(|error| Err(error.to_string()))
            }
        })
    };
    Ok(settings.peers.iter().fold(gateway, attach))
}

/// The token in a file's first line.
pub(crate) fn token_in(file: &Path) -> anyhow::Result<String> {
    let name = || format!("cannot read the peers' token in {}", file.display());
    let text = std::fs::read_to_string(file).with_context(name)?;
    let first = text.lines().next().unwrap_or_default().trim();
    crate::client::checked_token(first).with_context(name)
}
