//! What a namespace is told, and in which order.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use larder::remote::Remote;
use larder_redis::Redis;
use larder_testkit::poll;
use larder_testkit::proxy::{Direction, FaultProxy};

use crate::main::recorder::{Heard, LIMIT, Node, Recorder, X, server};
use crate::main::sites::{Site, on_both};

fn key(key: &str) -> Heard {
    Heard::Key(key.to_owned())
}

on_both!(every_way_in_which_an_entry_changes_is_told);
async fn every_way_in_which_an_entry_changes_is_told(server: Site) {
    let (node, other) = (Node::up(&server), Node::up(&server));
    node.link.invalidate(&["missing"]).await.unwrap();
    other.hears(&key("missing"));
    node.stores("filled", 1).await;
    other.hears(&key("filled"));
    server.cli(&["SET", "tc:e:{u:foreign}", "x", "PX", "30"]);
    other.hears(&key("foreign"));
    other.recorder.forget();
    server.cli(&["GET", "tc:e:{u:foreign}"]);
    other.hears(&key("foreign")); // it has expired
    node.link.log(None, &[vec![1]], None).await.unwrap();
    other.hears(&Heard::Log(None));
}

on_both!(a_lease_is_not_told);
async fn a_lease_is_not_told(server: Site) {
    let (node, other) = (Node::up(&server), Node::up(&server));
    node.acquires("7", 1).await;
    other.link.caught_up().await.unwrap();
    assert!(!other.recorder.has_heard(&key("7")));
}

on_both!(what_changed_before_is_told_when_it_is_caught_up);
/// A change that the server has made before is told before the answer can be seen.
async fn what_changed_before_is_told_when_it_is_caught_up(server: Site) {
    let (node, other) = (Node::up(&server), Node::up(&server));
    for round in 0..100 {
        let name = round.to_string();
        other.link.invalidate(&[&name]).await.unwrap();
        node.link.caught_up().await.unwrap();
        assert!(node.recorder.has_heard(&key(&name)), "{round}");
    }
}

on_both!(an_answer_vouches_for_the_heartbeat_before);
/// Ticks are numbers here, one later each time that the link asks: an answer vouches for the heartbeat
/// before it.
async fn an_answer_vouches_for_the_heartbeat_before(server: Site) {
    let node = Node::up(&server);
    node.hears(&Heard::Vouched(5));
    let heard = node.recorder.heard();
    let (mut now, mut vouched) = (0, Vec::new());
    for one in &heard {
        match one {
            Heard::Now(tick) => now = *tick,
            Heard::Vouched(tick) if *tick > 1 => {
                assert_eq!(*tick, now - 1, "{heard:?}");
                vouched.push(*tick);
            }
            _ => {}
        }
    }
    assert!(vouched.len() >= 4 && vouched.is_sorted(), "{heard:?}");
    let opened = heard.iter().position(|one| *one == Heard::Opened);
    let first = heard
        .iter()
        .position(|one| matches!(one, Heard::Vouched(_)));
    assert!(opened < first, "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_are_sent_four_times_in_x_and_one_at_a_time() {
    let server = server();
    let proxy = FaultProxy::to(server.addr()).unwrap();
    let x = Duration::from_secs(1);
    let node = Node::up_at(&format!("redis://{}", proxy.addr()), x);
    node.recorder.forget();
    let begun = Instant::now();
    let beats = || {
        node.recorder
            .heard()
            .iter()
            .filter(|one| matches!(one, Heard::Now(_)))
            .count()
    };
    poll("nine heartbeats", LIMIT, || (beats() >= 9).then_some(())).unwrap();
    assert!(begun.elapsed() >= x * 19 / 10);
    proxy.latency(Direction::ToClient, x / 2);
    let before = beats();
    let begun = Instant::now();
    poll("more heartbeats", LIMIT, || {
        (beats() >= before + 3).then_some(())
    })
    .unwrap();
    assert!(
        begun.elapsed() >= x,
        "each waits for the answer of the one before"
    );
}

on_both!(a_heartbeat_tells_where_the_log_is_and_that_it_is_lost);
async fn a_heartbeat_tells_where_the_log_is_and_that_it_is_lost(server: Site) {
    let node = Node::up(&server);
    let place = node.link.log(None, &[vec![1]], None).await.unwrap().place;
    node.hears(&Heard::Log(Some(place)));
    server.cli(&["DEL", "tc:g:{u}"]);
    node.hears(&Heard::Log(None));
    node.recorder.forget();
    node.hears(&Heard::Log(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn caches_share_the_connections_and_hear_of_their_own_only() {
    let server = server();
    let redis = Redis::at(&server.url()).unwrap().prefix("tc");
    let first = Node::join(&redis, "one", X);
    first.comes_up(1);
    let second = Node::join(&redis.clone(), "one.more", X);
    second.comes_up(1);
    first.stores("7", 1).await;
    second.stores("8", 2).await;
    first.link.caught_up().await.unwrap();
    assert!(first.recorder.has_heard(&key("7")) && second.recorder.has_heard(&key("8")));
    assert!(!first.recorder.has_heard(&key("8")) && !second.recorder.has_heard(&key("7")));
    assert_eq!(second.version("7").await, None);
    let clients = server.cli(&["CLIENT", "LIST"]);
    assert_eq!(clients.matches("resp=3").count(), 2, "{clients}");
    assert_eq!(first.link.state().opened, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_can_be_joined_once_at_a_time() {
    let server = server();
    let redis = Redis::at(&server.url()).unwrap().prefix("tc");
    let first = Node::join(&redis, "u", X);
    first.comes_up(1);
    let text = Node::try_join(&redis, "u", X).err().unwrap();
    assert!(text.contains("another cache of this process"), "{text}");
    let staying = Node::join(&redis, "staying", X);
    staying.comes_up(1);
    drop(first);
    let again = Node::join(&redis, "u", X);
    again.comes_up(1);
    staying.link.invalidate(&["x"]).await.unwrap();
    again.stores("7", 1).await;
    again.hears(&key("7"));
    let text = Node::try_join(&redis, "a:b", X).err().unwrap();
    assert!(text.contains("namespace"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_closed_when_nobody_uses_them_and_made_when_somebody_does() {
    let server = server();
    let redis = Redis::at(&server.url()).unwrap().prefix("tc");
    let clients = || server.cli(&["CLIENT", "LIST"]).matches("resp=3").count();
    assert_eq!(clients(), 0);
    for _ in 0..3 {
        let node = Node::join(&redis, "u", X);
        node.comes_up(1);
        assert_eq!(clients(), 2);
        drop(node);
        poll("no connections", LIMIT, || (clients() == 0).then_some(())).unwrap();
    }
    let (node, again) = (Node::join(&redis, "u", X), Node::try_join(&redis, "u", X));
    assert!(again.is_err());
    node.comes_up(1);
    node.recorder.is_gone.store(true, Ordering::SeqCst);
    poll("no connections", LIMIT, || (clients() == 0).then_some(())).unwrap();
    let again = Node::join(&redis, "u", X);
    drop(node); // whose place has been taken
    again.comes_up(1);
}

/// What must be said before others use the link is, and they wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_replayed_before_any_call_goes_through() {
    let server = server();
    let (before, waits) = (Node::up(&server), Arc::new(Recorder::default()));
    before.stores("7", 1).await;
    waits.replays.lock().unwrap().push("7".to_owned());
    let redis = Redis::at(&server.url()).unwrap().prefix("tc");
    let node = Node::with(waits.clone(), &redis, "u", X).unwrap();
    let read = loop {
        if let Ok(read) = node.link.read("7", None).await {
            break read;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(read, larder::remote::Read::Nothing);
    assert!(waits.replays.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_can_give_a_link_up_that_opens() {
    let server = server();
    let gives_up = Arc::new(Recorder::default());
    gives_up.gives_up.store(true, Ordering::SeqCst);
    let redis = Redis::at(&server.url()).unwrap();
    let node = Node::with(gives_up.clone(), &redis, "u", X).unwrap();
    node.is_down_for("the cache gives it up");
    node.ends();
    assert!(node.link.read("7", None).await.is_err());
    gives_up.gives_up.store(false, Ordering::SeqCst);
    node.comes_up(1);
}

#[test]
fn without_a_runtime_the_first_call_that_has_one_connects() {
    let server = server();
    let redis = Redis::at(&server.url()).unwrap();
    let node = Node::join(&redis, "u", X);
    assert_eq!(
        node.link.state().reason.as_deref(),
        Some("not connected yet")
    );
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let opened = node.link.state().opened;
        runtime.block_on(async {
            assert!(node.link.read("7", None).await.is_err());
            node.comes_up(opened + 1);
            assert!(node.link.read("7", None).await.is_ok());
        });
        drop(runtime);
        assert!(!node.link.state().is_up, "its runtime has ended");
    }
}

#[test]
fn a_server_is_a_remote() {
    fn is_remote<T: Remote + Clone + std::fmt::Debug + 'static>(_: &T) {}
    let redis = Redis::at("redis://u:secret@localhost").unwrap();
    is_remote(&redis);
    assert_eq!(format!("{redis:?}"), "Redis(localhost:6379)");
}
