//! What stands under the caches of the daemon and its services, from the configuration.
//!
//! Services are handed [`Tiers`] and know no servers. The store is optional and lazy: one that is not
//! there is a state, which `/health/ready` names, and no error.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use larder::{Cache, Policy, Sharing, Tiers};
use larder_redis::Redis;
use serde::{Deserialize, Serialize};

use crate::config::{Remote, Secret};
use crate::traces;

/// How often a daemon looks whether its card is there.
const SIGN_PACE: Duration = Duration::from_secs(1);
/// Its card is gone so long after it; made anew at half of it.
const SIGN_LASTS: Duration = Duration::from_mins(1);
/// Cards that a daemon holds: its own, and what others ask it for.
const CARDS_MAX: u64 = 100;

/// The store that is shared.
pub(super) struct Store {
    pub(super) tiers: Tiers,
    /// For people: no password is in it.
    pub(super) address: String,
    /// The same, with what its keys begin with.
    pub(super) name: String,
}

/// What a daemon that shares a store says of itself there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Card {
    version: String,
    address: SocketAddr,
    pid: u32,
}

/// The store that the configuration names, if it names one. Nothing is connected yet.
///
/// # Errors
/// A file with a password or with authorities cannot be read.
pub(super) fn store(remote: &Remote) -> anyhow::Result<Option<Store>> {
    let (Some(Secret(url)), Some(redis)) = (&remote.url, server(remote)?) else {
        return Ok(None);
    };
    let sharing = Sharing::over(redis)
        .staleness(remote.staleness)
        .cut_off(remote.cut_off)
        .trace_context(traces::current);
    let sharing = if remote.strict {
        sharing.strict()
    } else {
        sharing
    };
    let address = larder_redis::without_login(url);
    Ok(Some(Store {
        tiers: Tiers::default().remote(sharing),
        name: format!("{address}, keys {}:…", remote.prefix),
        address,
    }))
}

/// The server that the configuration names, if it names one. Nothing is connected yet.
///
/// # Errors
/// A file with a password or with authorities cannot be read.
pub(crate) fn server(remote: &Remote) -> anyhow::Result<Option<Redis>> {
    let Some(Secret(url)) = &remote.url else {
        return Ok(None);
    };
    let mut redis = Redis::at(url)?.prefix(&remote.prefix);
    if let Some(password) = password(remote)? {
        redis = redis.login(remote.user.as_deref(), &password);
    }
    if let Some(path) = &remote.ca_file {
        let pem = std::fs::read(path)
            .with_context(|| format!("cannot read remote.ca_file {}", path.display()))?;
        redis = redis.trusting(pem);
    }
    Ok(Some(redis))
}

/// What replaces the URL's password, if something does.
fn password(remote: &Remote) -> anyhow::Result<Option<String>> {
    if let Some(path) = &remote.password_file {
        return first_line(path).map(Some);
    }
    let given = remote.password.as_ref().map(|Secret(text)| text.clone());
    Ok(given.or_else(|| remote.user.as_ref().map(|_| String::new())))
}

fn first_line(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read remote.password_file {}", path.display()))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The cache `daemons`, in which each daemon that shares the store keeps its card. It holds the link
/// whether or not a service shares anything, so that health and statistics always say how it is.
///
/// # Errors
/// None with settings that the configuration lets through.
pub(super) fn sign_on(
    tiers: &Tiers,
    address: SocketAddr,
) -> Result<Cache<String, Card>, larder::BuildError> {
    let daemons = Cache::builder("daemons")
        .max_capacity(CARDS_MAX)
        .policy(Policy::ttl(SIGN_LASTS).refresh_ahead(0.5))
        .explain(true)
        .values_as_json()
        .tiers(tiers)
        .build()?;
    let pid = std::process::id();
    let card = Card {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        address,
        pid,
    };
    let (cards, key) = (daemons.clone(), format!("{address}/{pid}"));
    tokio::spawn(async move {
        let mut pace = tokio::time::interval(SIGN_PACE);
        loop {
            pace.tick().await;
            let card = card.clone();
            let load = move |_| async move { Ok::<_, Infallible>(card) };
            // What is wrong with the store is told by its link.
            let _ = cards.get_or_load(&key, load).await;
        }
    });
    Ok(daemons)
}
