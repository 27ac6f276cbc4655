//! A cluster: all primaries vouch together, slots move, primaries change.

use std::sync::OnceLock;
use std::time::Duration;

use larder::remote::Read;
use larder_redis::Redis;
use larder_testkit::servers::{RedisCluster, available};

use crate::main::recorder::{Heard, Node, X};

/// One cluster for all who leave it as it was.
static WHOLE: OnceLock<RedisCluster> = OnceLock::new();

/// The first program's; started once.
pub(crate) fn whole() -> &'static RedisCluster {
    WHOLE.get_or_init(fresh)
}

fn fresh() -> RedisCluster {
    let binaries = available().unwrap();
    RedisCluster::start(&binaries[0]).unwrap()
}

/// Seeds are two of the nodes, the first a replica.
pub(crate) fn url(cluster: &RedisCluster) -> String {
    let nodes = cluster.nodes();
    format!("redis+cluster://{},{}", nodes[4].addr(), nodes[1].addr())
}

fn up(cluster: &RedisCluster, prefix: &str, staleness: Duration) -> Node {
    let redis = Redis::at(&url(cluster)).unwrap().prefix(prefix);
    let node = Node::join(&redis, "u", staleness);
    node.comes_up(1);
    node
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_go_to_the_primaries_of_their_slots_and_all_tell_of_changes() {
    let cluster = whole();
    let (node, other) = (up(cluster, "spread", X), up(cluster, "spread", X));
    let keys: Vec<String> = (0..60).map(|key| key.to_string()).collect();
    for key in &keys {
        node.stores(key, 1).await;
        other.hears(&Heard::Key(key.clone()));
    }
    for primary in &cluster.nodes()[..3] {
        let names = primary.cli(&["KEYS", "spread:e:*"]);
        assert!(names.lines().count() > 5, "{names}");
    }
    other.recorder.forget();
    let asked: Vec<(&str, Option<u64>)> = keys.iter().map(|key| (key.as_str(), None)).collect();
    let found = other.link.read_many(&asked).await.unwrap();
    assert!(found.iter().all(|read| matches!(read, Read::Entry(..))));
    let all: Vec<&str> = keys.iter().map(String::as_str).collect();
    other.link.invalidate(&all).await.unwrap();
    node.link.caught_up().await.unwrap();
    for key in &keys {
        assert!(node.recorder.has_heard(&Heard::Key(key.clone())), "{key}");
    }
    let found = node.link.read_many(&asked).await.unwrap();
    assert!(found.iter().all(|read| *read == Read::Nothing));
}
