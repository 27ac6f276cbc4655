//! A server that is alone, or a cluster that many tests share: what holds of one holds of the other.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use larder_redis::Redis;
use larder_testkit::servers::{Options, RedisCluster, RedisServer, available};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::main::recorder::{Reached, server};

/// Runs a test on a server that is alone, and in a cluster.
macro_rules! on_both {
    ($test:ident) => {
        mod $test {
            #[tokio::test(flavor = "multi_thread")]
            async fn alone() {
                super::$test($crate::main::sites::Site::alone()).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn in_a_cluster() {
                super::$test($crate::main::sites::Site::in_a_cluster().await).await;
            }
        }
    };
}
pub(crate) use on_both;

/// Those who shake it have it alone, and leave it whole.
static CLUSTER: OnceLock<RwLock<RedisCluster>> = OnceLock::new();
/// Each who uses the cluster has names of its own.
static PREFIXES: AtomicU64 = AtomicU64::new(0);

fn cluster() -> &'static RwLock<RedisCluster> {
    CLUSTER.get_or_init(|| {
        let binaries = available().unwrap();
        RwLock::new(RedisCluster::start(&binaries[0]).unwrap())
    })
}

fn own_prefix() -> String {
    format!("c{}", PREFIXES.fetch_add(1, Ordering::SeqCst))
}

/// One with TLS and a user.
static GUARDED: OnceLock<RwLock<RedisCluster>> = OnceLock::new();
/// The user of that one, and what the documentation says that it needs.
pub(crate) const USER: &str = "app";
const RIGHTS: &str = "~c* +@read +@write +@scripting +@connection +info +scan \
                      +cluster|slots +cluster|info +cluster|myid";

fn guarded() -> &'static RwLock<RedisCluster> {
    GUARDED.get_or_init(|| {
        let options = Options::new().tls().user(USER, "secret", RIGHTS);
        let binaries = available().unwrap();
        let cluster = RedisCluster::start_with(options.binary(&binaries[0]));
        RwLock::new(cluster.unwrap())
    })
}

/// Seeds are two of the nodes: the first was a replica at the start.
fn url(cluster: &RedisCluster) -> String {
    let nodes = cluster.nodes();
    let first = nodes[4].url();
    let (scheme, place) = first.split_once("://").unwrap();
    format!("{scheme}+cluster://{place},{}", nodes[1].addr())
}

/// Where a test takes place.
pub(crate) struct Site {
    place: Place,
    prefix: String,
}

enum Place {
    Alone(Box<RedisServer>),
    Cluster(RwLockReadGuard<'static, RedisCluster>),
}

impl Site {
    pub(crate) fn alone() -> Self {
        Self {
            place: Place::Alone(Box::new(server())),
            prefix: "tc".to_owned(),
        }
    }

    pub(crate) async fn in_a_cluster() -> Self {
        Self {
            place: Place::Cluster(cluster().read().await),
            prefix: own_prefix(),
        }
    }

    /// Sends a command where its first name belongs, or everywhere if it has none; names begin with
    /// `tc:`, whatever the prefix is.
    pub(crate) fn cli(&self, command: &[&str]) -> String {
        let cluster = match &self.place {
            Place::Alone(server) => return server.cli(command),
            Place::Cluster(cluster) => cluster,
        };
        let own = |word: &str| match word.strip_prefix("tc:") {
            Some(rest) => format!("{}:{rest}", self.prefix),
            None => word.to_owned(),
        };
        let command: Vec<String> = command.iter().map(|word| own(word)).collect();
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let is_name = |word: &&&str| word.starts_with(&self.prefix);
        if let Some(name) = words.iter().find(is_name) {
            return primary_of(cluster, name).cli(&words);
        }
        let all = cluster.nodes().iter().map(|node| node.cli(&words));
        all.last().unwrap_or_default()
    }

    /// How many names there are.
    pub(crate) fn names(&self) -> usize {
        let pattern = format!("{}:*", self.prefix);
        let count = |server: &RedisServer| server.cli(&["KEYS", &pattern]).lines().count();
        match &self.place {
            Place::Alone(server) => count(server),
            Place::Cluster(cluster) => {
                let role = |node: &&RedisServer| node.cli(&["ROLE"]).starts_with("master");
                cluster.nodes().iter().filter(role).map(count).sum()
            }
        }
    }
}

impl Reached for Site {
    fn url(&self) -> String {
        match &self.place {
            Place::Alone(server) => server.url(),
            Place::Cluster(cluster) => url(cluster),
        }
    }

    fn prefix(&self) -> String {
        self.prefix.clone()
    }
}

/// The cluster, for a test that shakes it.
pub(crate) struct Shaken {
    pub(crate) cluster: RwLockWriteGuard<'static, RedisCluster>,
    prefix: String,
}

impl Shaken {
    pub(crate) async fn alone() -> Self {
        Self {
            cluster: cluster().write().await,
            prefix: own_prefix(),
        }
    }

    /// The cluster with TLS, and its user.
    pub(crate) async fn guarded() -> Self {
        Self {
            cluster: guarded().write().await,
            prefix: own_prefix(),
        }
    }

    pub(crate) fn primaries(&self) -> impl Iterator<Item = &RedisServer> {
        let nodes = self.cluster.nodes().iter();
        nodes.filter(|node| node.cli(&["ROLE"]).starts_with("master"))
    }

    /// Whether the primary of this name has it.
    pub(crate) fn has(&self, rest: &str) -> bool {
        let name = self.name(rest);
        primary_of(&self.cluster, &name).cli(&["EXISTS", &name]) == "1"
    }

    pub(crate) fn name(&self, rest: &str) -> String {
        format!("{}:{rest}", self.prefix)
    }

    pub(crate) fn slot_of(&self, rest: &str) -> u16 {
        slot_of(&self.cluster, &self.name(rest))
    }

    /// The place among the nodes of the primary that has this name.
    pub(crate) fn place_of(&self, rest: &str) -> usize {
        let addr = primary_of(&self.cluster, &self.name(rest)).addr();
        let mut nodes = self.cluster.nodes().iter();
        nodes.position(|node| node.addr() == addr).unwrap()
    }

    /// The place of a primary that has not this name.
    pub(crate) fn place_of_another(&self, rest: &str) -> usize {
        let owner = self.place_of(rest);
        let names = (0..).map(|n| format!("{n}"));
        let mut places = names.map(|name| self.place_of(&name));
        places.find(|place| *place != owner).unwrap()
    }
}

impl Reached for Shaken {
    fn url(&self) -> String {
        url(&self.cluster)
    }

    fn prefix(&self) -> String {
        self.prefix.clone()
    }

    fn redis(&self) -> Redis {
        let redis = Redis::at(&self.url()).unwrap().prefix(&self.prefix);
        match self.cluster.nodes()[0].authority() {
            Some(authority) => redis.trusting(std::fs::read(authority).unwrap()),
            None => redis,
        }
    }
}

fn slot_of(cluster: &RedisCluster, name: &str) -> u16 {
    let mut running = cluster.nodes().iter().filter(|node| node.is_running());
    let slot = running.next().unwrap().cli(&["CLUSTER", "KEYSLOT", name]);
    slot.parse().unwrap()
}

fn primary_of<'a>(cluster: &'a RedisCluster, name: &str) -> &'a RedisServer {
    cluster.primary_of(slot_of(cluster, name)).unwrap()
}
