//! What other instances of the program have loaded: asked for when someone wants recommendations, not
//! oftener than each [`LIFE`], and no longer than [`LIMIT`].
//!
//! How they are asked is not known here.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use larder::{Cache, Policy, RecentLoads};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::gateway::Gateway;

/// The most instances that are asked.
const PEERS_MAX: usize = 16;
/// The longest that is waited for one.
const LIMIT: Duration = Duration::from_secs(2);
/// For how long what they have told is good.
const LIFE: Duration = Duration::from_secs(30);
/// For how long it is shown after that, while they are asked anew: nobody waits twice for one that is down.
const STALE: Duration = Duration::from_mins(5);
const ERROR_CHARS_MAX: usize = 300;

type Telling = Pin<Box<dyn Future<Output = Result<Vec<(String, RecentLoads)>, String>> + Send>>;

/// Another instance.
struct Peer {
    url: String,
    ask: Box<dyn Fn(Vec<String>) -> Telling + Send + Sync>,
}

/// Other instances, and what they last told.
pub(crate) struct Peers {
    all: Vec<Arc<Peer>>,
    told: Cache<u8, Arc<Told>>,
}

/// What was told, with what this instance loaded until then.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// By cache, this instance's first.
    loads: BTreeMap<String, Vec<RecentLoads>>,
    /// Each peer's URL, and why it told nothing.
    peers: Vec<(String, Option<String>)>,
}

impl Default for Peers {
    fn default() -> Self {
        let told = Cache::builder("peers")
            .max_capacity(1)
            .policy(Policy::ttl(LIFE).stale_while_revalidate(STALE))
            .advise(false)
            .build();
        Self {
            all: Vec::new(),
            told: told.expect("the settings are right"),
        }
    }
}

impl Peers {
    /// Another to ask, if there are fewer than [`PEERS_MAX`].
    pub(crate) fn add<F>(
        &mut self,
        url: String,
        ask: impl Fn(Vec<String>) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<Vec<(String, RecentLoads)>, String>> + Send + 'static,
    {
        if self.all.len() == PEERS_MAX {
            tracing::warn!(url, "{PEERS_MAX} peers are asked, and this one is not");
            return;
        }
        let ask = Box::new(move |caches| Box::pin(ask(caches)) as Telling);
        self.all.push(Arc::new(Peer { url, ask }));
    }
}

impl Told {
    /// What the instances loaded of a cache; `None` if this one loaded nothing of it.
    pub(crate) fn of(&self, cache: &str) -> Option<&Vec<RecentLoads>> {
        self.loads.get(cache)
    }

    pub(crate) fn peers(&self) -> Vec<Value> {
        let peers = self.peers.iter();
        peers
            .map(|(url, error)| json!({ "url": url, "error": error }))
            .collect()
    }
}

impl Gateway {
    /// What the instances told no longer ago than [`LIFE`], or what they tell now.
    pub(crate) async fn told(self: &Arc<Self>) -> Arc<Told> {
        if self.peers.all.is_empty() {
            return Arc::default();
        }
        let gateway = self.clone();
        let ask = |_| async move { Ok::<_, Infallible>(Arc::new(gateway.ask_peers().await)) };
        let told = self.peers.told.get_or_load(&0, ask).await;
        told.unwrap_or_else(|error| {
            tracing::error!(%error, "the peers could not be asked");
            Arc::default()
        })
    }

    async fn ask_peers(&self) -> Told {
        let own = self
            .caches
            .iter()
            .map(|cache| (cache.name(), cache.recent_loads()));
        let own = own.filter(|(_, recent)| !recent.loads.is_empty());
        let mut loads: BTreeMap<_, _> = own
            .map(|(name, recent)| (name.to_owned(), vec![recent]))
            .collect();
        let names: Vec<String> = loads.keys().cloned().collect();
        let mut asking = JoinSet::new();
        for (number, peer) in self.peers.all.iter().enumerate() {
            let (peer, names) = (peer.clone(), names.clone());
            asking.spawn(async move { (number, peer.ask(names).await) });
        }
        let mut answers = asking.join_all().await;
        answers.sort_by_key(|(number, _)| *number);
        let mut peers = Vec::new();
        for (peer, (_, answer)) in self.peers.all.iter().zip(answers) {
            let error = match answer {
                Ok(told) => {
                    for (cache, recent) in told {
                        loads.entry(cache).and_modify(|all| all.push(recent));
                    }
                    None
                }
                Err(error) => Some(error.chars().take(ERROR_CHARS_MAX).collect()),
            };
            peers.push((peer.url.clone(), error));
        }
        Told { loads, peers }
    }
}

impl Peer {
    async fn ask(&self, caches: Vec<String>) -> Result<Vec<(String, RecentLoads)>, String> {
        let asking = tokio::time::timeout(LIMIT, (self.ask)(caches));
        asking
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", LIMIT.as_secs())))
    }
}
