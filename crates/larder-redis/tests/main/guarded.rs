//! A cluster that speaks TLS and lets in whom it knows.

use std::collections::BTreeSet;
use std::time::Duration;

use larder::{Applied, Cache, Policy, Sharing};
use larder_redis::{Redis, Trail};
use larder_testkit::poll;

use crate::main::caches::is_trusted;
use crate::main::recorder::{Heard, LIMIT, Node, Reached, X};
use crate::main::sites::{Shaken, USER};

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_with_every_primary_that_one_trusts() {
    let site = Shaken::guarded().await;
    let doubting = Redis::at(&site.url()).unwrap().prefix(&site.prefix());
    Node::join(&doubting, "u", X).is_down_for("certificate");

    let (node, other) = (Node::up(&site), Node::up(&site));
    let keys: Vec<String> = (0..60).map(|key| key.to_string()).collect();
    for key in &keys {
        node.stores(key, 1).await;
        other.hears(&Heard::Key(key.clone()));
    }
    let servers = keys.iter().map(|key| node.link.incarnation(key));
    assert_eq!(servers.collect::<BTreeSet<u64>>().len(), 3);

    let slot = site.slot_of("e:{u:7}");
    let to = site.place_of_another("e:{u:7}");
    site.cluster.move_slot(slot, to).unwrap();
    assert_eq!(node.version("7").await, Some(1));
    assert_eq!(node.recorder.count(&Heard::Ended), 0);
    site.cluster.failover(slot).unwrap();
    for one in [&node, &other] {
        one.ends();
        one.comes_up(2);
    }
    node.link.invalidate(&["7"], None).await.unwrap();
    other.hears(&Heard::Key("7".to_owned()));
    site.cluster.wait_until_whole().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_the_rights_that_are_documented_may_do_all_that_a_cache_does() {
    let site = Shaken::guarded().await;
    let cache: Cache<u64, u64> = Cache::builder("users")
        .policy(Policy::ttl(Duration::from_mins(10)))
        .remote(Sharing::over(site.redis()).staleness(X).audit(1))
        .build()
        .unwrap();
    let trusted = || is_trusted(&cache).then_some(());
    poll("a trusted link", LIMIT, trusted).unwrap();
    let all = Applied::Everywhere;
    let many: Vec<(u64, u64)> = (0..60).map(|key| (key, key)).collect();
    assert_eq!(cache.insert_many(many).await.unwrap(), all);
    let tagged = cache.entry(&7).tags(["t"]).insert(1).await.unwrap();
    assert_eq!(tagged, all);
    assert_eq!(cache.invalidate_tag("t").await.unwrap(), all);
    assert_eq!(cache.invalidate(&8).await.unwrap(), all);
    assert_eq!(cache.expire(&9).await.unwrap(), all);
    let found = cache.get_many(&[6, 7, 8]).await.unwrap();
    let found: Vec<Option<u64>> = found
        .into_iter()
        .map(|entry| entry.map(|e| e.value))
        .collect();
    assert_eq!(found, [Some(6), None, None]);
    let reclaimed = cache.reclaim(100_000).unwrap().done().await.unwrap();
    assert_eq!(reclaimed.entries, 1);

    let appended = || {
        let samples = cache.stats().remote?.samples?;
        (samples.taken > 0 && samples.taken == samples.appended).then_some(())
    };
    poll("all samples to be appended", LIMIT, appended).unwrap();
    let trail = Trail::of(&site.redis());
    assert_eq!(trail.namespaces().await.unwrap(), ["users"]);
    assert!(!trail.read("users", None, 100).await.unwrap().is_empty());
    let remote = cache.stats().remote.unwrap();
    assert_eq!((remote.link.opened, remote.link.errors), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_one_primary_takes_away_is_named_with_the_primary_and_comes_back() {
    let site = Shaken::guarded().await;
    let node = Node::up(&site);
    let keeper = &site.cluster.nodes()[site.place_of("e:{u:7}")];
    let change = |rule: &str| keeper.cli(&["ACL", "SETUSER", USER, rule]);
    for (times, right) in [(2, "cluster|slots"), (3, "cluster|info"), (4, "@scripting")] {
        node.recorder.forget();
        change(&format!("-{right}"));
        node.ends();
        node.is_down_for(&keeper.addr().to_string());
        let reason = node.link.state().reason.unwrap();
        assert!(reason.contains("+cluster in a cluster"), "{reason}");
        assert!(!reason.contains("secret"), "{reason}");
        change(&format!("+{right}"));
        node.comes_up(times);
    }
    node.stores("7", 1).await;
}
