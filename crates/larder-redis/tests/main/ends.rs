//! What ends a generation of connections, and that the next one comes.

use std::time::{Duration, Instant};

use larder_testkit::poll;
use larder_testkit::proxy::{Direction, FaultProxy};
use larder_testkit::servers::{Options, RedisServer};

use crate::main::recorder::{
    Heard, LIMIT, Node, X, is_data, is_tracker, kill_client, server, want,
};

/// Short where its end must be waited for.
const SHORT: Duration = Duration::from_millis(800);

fn through(proxy: &FaultProxy) -> Node {
    Node::up_at(&format!("redis://{}", proxy.addr()), SHORT)
}

#[tokio::test(flavor = "multi_thread")]
async fn losing_either_connection_ends_both() {
    let server = server();
    let node = Node::up(&server);
    let mut opened = 1;
    for is_it in [is_tracker, is_data] {
        kill_client(&server, is_it);
        opened += 1;
        node.comes_up(opened);
        assert_eq!(node.recorder.count(&Heard::Ended) as u64, opened - 1);
        node.stores(&opened.to_string(), opened).await;
    }
    let clients = server.cli(&["CLIENT", "LIST"]);
    assert_eq!(clients.matches("resp=3").count(), 2, "{clients}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_is_found_again_within_a_second_of_its_start() {
    let server = server();
    let node = Node::up(&server);
    server.kill();
    node.ends();
    assert!(node.link.read("7", None).await.is_err());
    node.is_down_for("nothing listens there");
    server.restart().unwrap();
    let begun = Instant::now();
    node.comes_up(2);
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    node.stores("7", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_life_of_the_data_is_another_incarnation() {
    let server = server();
    let node = Node::up(&server);
    let first = node.link.incarnation("7");
    assert_ne!(first, 0);
    server.restart().unwrap();
    node.comes_up(2);
    let second = node.link.incarnation("7");
    assert!(second != first && second != 0);
    let other = Node::up(&server);
    assert_eq!(other.link.incarnation("8"), second);
}

/// An older copy of a log goes on with other items under the numbers that are known.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_came_back_from_an_old_copy_is_another_log() {
    let server = server();
    let node = Node::up(&server);
    let tag = |name: &str| [b"\x01", name.as_bytes()].concat();
    let first = node.link.log(None, &[tag("a")], None).await.unwrap().place;
    server.cli(&["SAVE"]);
    let second = node
        .link
        .log(Some(first), &[tag("b")], None)
        .await
        .unwrap()
        .place;
    assert_eq!((second.base, second.top), (first.base, 2));
    server.restart().unwrap();
    node.comes_up(2);
    let other = node
        .link
        .log(None, &[tag("c"), tag("d")], None)
        .await
        .unwrap()
        .place;
    assert_eq!(other.top, 3);
    let news = node.link.log(Some(second), &[], None).await.unwrap();
    assert_ne!(news.place.base, first.base);
    assert!(news.is_whole);
    let items: Vec<_> = news.items.iter().map(|(number, _)| *number).collect();
    assert_eq!(items, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_is_out_after_x_and_calls_fail_by_then() {
    let server = server();
    let node = Node::up_at(&server.url(), SHORT);
    server.stop();
    let begun = Instant::now();
    let read = node.link.read("7", None).await;
    assert!(read.is_err());
    assert!(begun.elapsed() < SHORT * 3, "{:?}", begun.elapsed());
    node.ends();
    let at_once = Instant::now();
    assert!(node.link.read("7", None).await.is_err());
    assert!(at_once.elapsed() < SHORT / 4);
    server.cont();
    node.comes_up(2);
    node.stores("7", 1).await;
}

/// J10
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_goes_silent_alone_ends_both() {
    let server = server();
    let proxy = FaultProxy::to(server.addr()).unwrap();
    let node = through(&proxy);
    let tracker = |generation: u64| 2 * generation - 1;
    let data = |generation: u64| 2 * generation - 2;
    assert_eq!(proxy.counts().connections, 2);
    for (generation, number) in [(1, tracker(1)), (2, data(2))] {
        node.recorder.forget();
        proxy.half_open_one(number);
        node.ends();
        node.comes_up(generation + 1);
        assert_eq!(proxy.counts().connections, 2 * (generation + 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_an_answer_is_told_when_the_other_connection_is_lost() {
    let server = server();
    let proxy = FaultProxy::to(server.addr()).unwrap();
    let x = Duration::from_secs(20);
    let node = Node::up_at(&format!("redis://{}", proxy.addr()), x);
    proxy.half_open_one(0);
    let begun = Instant::now();
    let read = node.link.read("7", None);
    let lose = async { kill_client(&server, is_tracker) };
    let (read, ()) = tokio::join!(read, lose);
    assert!(read.is_err());
    assert!(begun.elapsed() < x / 2, "{:?}", begun.elapsed());
    assert!(node.recorder.has_heard(&Heard::Ended));
}

/// J10: no vouching comes through while nothing else does.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_vouched_for_beyond_what_has_arrived() {
    let server = server();
    let proxy = FaultProxy::to(server.addr()).unwrap();
    let node = through(&proxy);
    node.hears(&Heard::Vouched(3));
    proxy.black_hole(Direction::ToClient);
    node.recorder.forget();
    server.cli(&["SET", "tc:e:{u:7}", "x"]);
    node.ends();
    let heard = node.recorder.heard();
    let ended = heard.iter().position(|one| *one == Heard::Ended).unwrap();
    let later = |one: &Heard| matches!(one, Heard::Vouched(_));
    assert!(
        heard[..ended].iter().filter(|one| later(one)).count() <= 1,
        "{heard:?}"
    );
    assert!(!heard[ended..].iter().any(later), "{heard:?}");
    proxy.heal();
    node.comes_up(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_that_the_server_gives_up_ends_the_generation() {
    let limit = "client-output-buffer-limit normal 1mb 0 0";
    let server = RedisServer::start(Options::new().config(limit)).unwrap();
    let proxy = FaultProxy::to(server.addr()).unwrap();
    let node = Node::up_at(
        &format!("redis://{}", proxy.addr()),
        Duration::from_secs(30),
    );
    proxy.black_hole(Direction::ToClient);
    let big = "k".repeat(30_000);
    let begun = Instant::now();
    let is_closed = || {
        server.cli(&["SET", &format!("tc:e:{{u:{big}}}"), "x"]);
        let clients = server.cli(&["CLIENT", "LIST"]);
        (!clients.lines().any(is_tracker)).then_some(())
    };
    poll("the server to close the tracker", LIMIT, is_closed).unwrap();
    proxy.heal();
    node.ends();
    node.comes_up(2);
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "not by its time-out"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_ends_the_generation() {
    let server = server();
    let node = Node::up(&server);
    for (times, command) in [(2, "FLUSHALL"), (3, "FLUSHDB")] {
        node.recorder.forget();
        server.cli(&[command]);
        node.ends();
        node.comes_up(times);
    }
}

/// Nothing is pushed: the heartbeat finds another log, or none.
#[tokio::test(flavor = "multi_thread")]
async fn swapped_databases_are_seen_by_the_heartbeat() {
    let server = server();
    let node = Node::up(&server);
    let place = node.link.log(None, &[vec![1]], None).await.unwrap().place;
    node.hears(&Heard::Log(Some(place)));
    node.recorder.forget();
    server.cli(&["SWAPDB", "0", "1"]);
    node.hears(&Heard::Log(None));
    assert_eq!(node.recorder.count(&Heard::Ended), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_replica_begins_another_life_of_the_data() {
    let server = server();
    let node = Node::up(&server);
    let first = node.link.incarnation("7");
    let _replica = RedisServer::start(Options::new().replica_of(&server)).unwrap();
    node.ends();
    node.comes_up(2);
    assert_ne!(node.link.incarnation("7"), first);
}

/// Reads do not go on before an invalidation is replayed that was not acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn an_invalidation_that_is_refused_or_lost_ends_the_generation_before_it_returns() {
    let server = server();
    let node = Node::up_at(&server.url(), Duration::from_secs(20));
    for (opened, what) in [
        (2, "invalidate"),
        (3, "log"),
        (4, "supplant"),
        (5, "soften"),
    ] {
        node.recorder.forget();
        server.cli(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
        let is_refused = match what {
            "invalidate" => node.link.invalidate(&["7"], None).await.is_err(),
            "log" => node.link.log(None, &[vec![1]], None).await.is_err(),
            "supplant" => node.link.supplant("7", want(1), None).await.is_err(),
            _ => node.link.soften("7", 1, vec![], None).await.is_err(),
        };
        assert!(
            is_refused && node.recorder.has_heard(&Heard::Ended),
            "{what}"
        );
        node.is_down_for("too few replicas");
        server.cli(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
        node.comes_up(opened);
    }
    node.recorder.forget();
    let opened = node.link.state().opened;
    kill_client(&server, is_data);
    let lost = node.link.invalidate(&["7"], None).await;
    if lost.is_err() {
        assert!(node.recorder.has_heard(&Heard::Ended));
    }
    node.comes_up(opened + 1);
}

/// A read that is refused is a miss by outage, and the heartbeat finds the reason.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_becomes_a_replica_is_left_by_the_heartbeat() {
    let server = server();
    let node = Node::up(&server);
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    node.is_down_for("it is a replica");
    assert!(node.link.read("7", None).await.is_err());
    server.cli(&["REPLICAOF", "NO", "ONE"]);
    node.comes_up(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_link_is_not_closed_by_a_server_that_closes_idle_clients() {
    let server = RedisServer::start(Options::new().config("timeout 1")).unwrap();
    let node = Node::up_at(&server.url(), Duration::from_secs(1));
    let beats = || {
        node.recorder
            .heard()
            .iter()
            .filter(|one| matches!(one, Heard::Now(_)))
            .count()
    };
    poll("three seconds' heartbeats", LIMIT, || {
        (beats() >= 13).then_some(())
    })
    .unwrap();
    assert_eq!(node.recorder.count(&Heard::Ended), 0);
    node.stores("7", 1).await;
    assert!(node.link.state().round_trip.is_some_and(|time| time < X));
}
