//! What a namespace is told, and in which order.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use larder::remote::{Filled, Remote, Want};
use larder_redis::Redis;
use larder_testkit::poll;
use larder_testkit::proxy::{Direction, FaultProxy};
use larder_testkit::servers::{Options, RedisServer};

use crate::main::recorder::{Heard, LIMIT, Node, Recorder, X, entry, header, server, want};
use crate::main::sites::{Site, on_both};

fn key(key: &str) -> Heard {
    Heard::Key(key.to_owned())
}

on_both!(every_way_in_which_an_entry_changes_is_told);
async fn every_way_in_which_an_entry_changes_is_told(server: Site) {
    let (node, other) = (Node::up(&server), Node::up(&server));
    node.link.invalidate(&["missing"], None).await.unwrap();
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

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Changes a key that has an entry of version 1 in one of four ways.
async fn changes(node: &Node, way: &str, trace: Option<&str>) {
    node.stores(way, 1).await;
    match way {
        "invalidate" => node.link.invalidate(&[way], trace).await.unwrap(),
        "supplant" => node.link.supplant(way, want(2), trace).await.unwrap(),
        "soften" => {
            let softening = node.link.soften(way, 1, header(1, "s"), trace);
            assert!(softening.await.unwrap());
        }
        _ => {
            let replacing = Want {
                unlike: Some(1),
                ..want(2)
            };
            node.link.acquire(way, replacing).await.unwrap();
            let filling = node.link.fill(way, 2, entry(2, ""), None, trace);
            assert_eq!(filling.await.unwrap(), Filled::Stored);
        }
    }
}

on_both!(a_change_in_a_trace_is_told_to_the_others_with_it_once_and_leaves_nothing_behind);
/// I4
async fn a_change_in_a_trace_is_told_to_the_others_with_it_once_and_leaves_nothing_behind(
    server: Site,
) {
    let (node, other) = (Node::up(&server), Node::up(&server));
    for way in ["invalidate", "supplant", "soften", "fill"] {
        changes(&node, way, Some(TRACE)).await;
        node.link.invalidate(&[way], None).await.unwrap();
        assert_eq!(server.names(), 0, "{way}");
        for node in [&node, &other] {
            node.link.caught_up().await.unwrap();
        }
        let traced = Heard::Traced(way.to_owned(), TRACE.to_owned());
        let heard = |node: &Node| [node.recorder.count(&traced), node.recorder.count(&key(way))];
        let (own, others) = (heard(&node), heard(&other));
        assert!(own[0] == 0 && own[1] >= 2, "{way}: {own:?}");
        // Told without it as well, as programs of before are.
        assert!(others[0] == 1 && others[1] >= 2, "{way}: {others:?}");
        for node in [&node, &other] {
            node.recorder.forget();
        }
    }
    let all = ["1", "2", "3"];
    node.link.invalidate(&all, Some(TRACE)).await.unwrap();
    other.link.caught_up().await.unwrap();
    for key in all {
        let traced = Heard::Traced(key.to_owned(), TRACE.to_owned());
        assert_eq!(other.recorder.count(&traced), 1, "{key}");
    }
    // What is no `traceparent` is not told.
    node.link.invalidate(&["7"], Some("a}b")).await.unwrap();
    other.link.caught_up().await.unwrap();
    assert!(other.recorder.has_heard(&key("7")));
}

/// I4
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_in_no_trace_costs_the_server_nothing_more() {
    let server = server();
    let node = Node::up(&server);
    let writes = async |way: &str, trace: Option<&str>| {
        node.link.invalidate(&[way], None).await.unwrap();
        server.cli(&["CONFIG", "RESETSTAT"]);
        changes(&node, way, trace).await;
        let stats = server.cli(&["INFO", "commandstats"]);
        let calls = |command: &str| {
            let mut lines = stats.lines();
            let name = format!("cmdstat_{command}:calls=");
            let rest = lines.find_map(|line| line.strip_prefix(&name));
            let count = rest.and_then(|rest| rest.split(',').next());
            count.map_or(0, |count| count.parse::<u64>().unwrap())
        };
        [calls("set"), calls("del"), calls("publish"), calls("xadd")]
    };
    for way in ["invalidate", "supplant", "soften", "fill"] {
        let [sets, deletes, ..] = writes(way, None).await;
        let traced = writes(way, Some(TRACE)).await;
        assert_eq!(traced, [sets + 1, deletes + 1, 0, 0], "{way}");
    }
}

/// I4: on a full server too, and with no more rights than the documentation says.
#[tokio::test(flavor = "multi_thread")]
async fn a_trace_needs_no_room_and_no_rights_of_its_own() {
    let rights = "~tc:* +@read +@write +@scripting +@connection +info +scan";
    let options = Options::new().user("app", "secret", rights);
    let server = RedisServer::start(options).unwrap();
    let (node, other) = (Node::up(&server), Node::up(&server));
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    node.link.invalidate(&["7"], Some(TRACE)).await.unwrap();
    other.hears(&Heard::Traced("7".to_owned(), TRACE.to_owned()));
    assert_eq!(node.recorder.count(&Heard::Ended), 0);
}

on_both!(what_changed_before_is_told_when_it_is_caught_up);
/// A change that the server has made before is told before the answer can be seen.
async fn what_changed_before_is_told_when_it_is_caught_up(server: Site) {
    let (node, other) = (Node::up(&server), Node::up(&server));
    for round in 0..100 {
        let name = round.to_string();
        other.link.invalidate(&[&name], None).await.unwrap();
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
    staying.link.invalidate(&["x"], None).await.unwrap();
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
