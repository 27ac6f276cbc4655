//! Servers that will not, and what people are told.

use larder::remote::{Acquired, Filled};
use larder_redis::Redis;
use larder_testkit::servers::{Options, RedisServer};

use crate::main::recorder::{Heard, Node, X, entry, server};

fn joins(url: &str) -> Node {
    Node::join(&Redis::at(url).unwrap().prefix("tc"), "u", X)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_named_and_the_right_one_heals() {
    let server = RedisServer::start(Options::new().password("right")).unwrap();
    let host = server.addr();
    let node = joins(&format!("redis://:wrong@{host}"));
    node.is_down_for("user or password is wrong");
    let none = joins(&format!("redis://{host}"));
    none.is_down_for("password");
    assert!(
        none.link
            .read("7", None)
            .await
            .unwrap_err()
            .0
            .contains("password")
    );
    server.cli(&["CONFIG", "SET", "requirepass", "wrong"]);
    node.comes_up(1);
    node.stores("7", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_a_state() {
    let addr = {
        let gone = server();
        gone.addr()
    };
    let node = joins(&format!("redis://{addr}"));
    node.is_down_for("nothing listens there");
    let state = node.link.state();
    assert_eq!(
        (state.is_up, state.opened, state.is_tracked),
        (false, 0, false)
    );
    assert!(node.link.invalidate(&["7"], None).await.is_err());
    assert!(node.link.caught_up().await.is_err());
    assert_eq!(node.link.incarnation("7"), 0);
    assert_eq!(node.recorder.count(&Heard::Ended), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_no_server_to_name() {
    let primary = server();
    let replica = RedisServer::start(Options::new().replica_of(&primary)).unwrap();
    joins(&replica.url()).is_down_for("it is a replica: name the primary");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_scripts_have_other_names_is_told_apart() {
    for command in ["EVALSHA", "INFO"] {
        let options = Options::new().rename_command(command, "");
        let server = RedisServer::start(options).unwrap();
        let node = joins(&server.url());
        node.is_down_for("EVAL, EVALSHA and INFO under their own names");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_rights_is_told_which_it_needs() {
    let options = Options::new().user("app", "secret", "~other:* +@all");
    let server = RedisServer::start(options).unwrap();
    let node = joins(&server.url());
    node.is_down_for("allow it the keys under Larder's prefix");
    let text = node.link.state().reason.unwrap();
    assert!(!text.contains("secret"), "{text}");
}

/// J11
#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_stores_nothing_and_still_invalidates_and_beats() {
    let server = server();
    let node = Node::up(&server);
    node.stores("old", 1).await;
    assert_eq!(node.acquires("7", 2).await, Acquired::Ours);
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(node.fills("7", 2, "").await, Filled::Refused);
    let reason = node.link.state().reason.unwrap();
    assert!(reason.contains("raise its maxmemory"), "{reason}");
    assert!(node.link.state().is_up);
    assert!(node.link.seal("7", 2).await.unwrap());
    node.link.invalidate(&["old"], None).await.unwrap();
    node.hears(&Heard::Key("old".to_owned()));
    node.link.log(None, &[vec![1]], None).await.unwrap();
    assert_eq!(node.version("old").await, None);
    node.link
        .supplant("8", crate::main::recorder::want(3), None)
        .await
        .unwrap();
    assert_eq!(node.fills("8", 3, "").await, Filled::Refused);
    node.recorder.forget();
    node.link.caught_up().await.unwrap();
    assert_eq!(node.recorder.count(&Heard::Ended), 0);
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(node.fills("8", 3, "").await, Filled::Stored);
    assert_eq!(node.link.state().reason, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_too_large_is_not_sent() {
    let server = server();
    let redis = Redis::at(&server.url()).unwrap().max_value_bytes(100);
    let node = Node::join(&redis, "u", X);
    node.comes_up(1);
    assert_eq!(node.acquires("7", 1).await, Acquired::Ours);
    let large = "x".repeat(101 - entry(1, "").len());
    assert_eq!(node.fills("7", 1, &large).await, Filled::Refused);
    assert_eq!(node.fills("7", 1, &large[1..]).await, Filled::Stored);
}

/// 2.10: without tracking the link is up and says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_tell_of_changes_is_used_all_the_same() {
    let rules = "~tc:* +@all -client|tracking";
    let options = Options::new().user("app", "secret", rules);
    let server = RedisServer::start(options).unwrap();
    let node = joins(&server.url());
    node.comes_up(1);
    let state = node.link.state();
    assert!(state.is_up && !state.is_tracked, "{state:?}");
    node.stores("7", 1).await;
    let place = node.link.log(None, &[vec![1]], None).await.unwrap().place;
    node.hears(&Heard::Log(Some(place)));
    assert!(node.link.caught_up().await.is_err());
    node.recorder.forget();
    let tick = loop {
        let heard = node.recorder.heard();
        let mut ticks = heard.iter().rev().filter_map(|one| match one {
            Heard::Vouched(tick) => Some(*tick),
            _ => None,
        });
        if let Some(tick) = ticks.next() {
            assert!(
                heard.contains(&Heard::Now(tick)),
                "it vouches for itself: {heard:?}"
            );
            break tick;
        }
        tokio::task::yield_now().await;
    };
    assert!(tick > 1);
    assert!(!node.recorder.has_heard(&Heard::Key("7".to_owned())));
}

/// The rights that the crate's documentation names are enough.
#[tokio::test(flavor = "multi_thread")]
async fn the_rights_that_are_asked_for_are_enough() {
    let rules = "~tc:* +@read +@write +@scripting +@connection +info +scan";
    let options = Options::new().user("app", "secret", rules);
    let server = RedisServer::start(options).unwrap();
    let node = joins(&server.url());
    node.comes_up(1);
    assert!(node.link.state().is_tracked);
    node.stores("7", 1).await;
    node.link.log(None, &[vec![1]], None).await.unwrap();
    let (_, found) = node.link.scan(0).await.unwrap();
    assert_eq!(found.len(), 1);
    node.link.invalidate(&["7"], None).await.unwrap();
    node.link.caught_up().await.unwrap();
    assert!(node.recorder.has_heard(&Heard::Key("7".to_owned())));
}

/// While it reads its data in, it answers nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_loading_its_data_is_waited_for() {
    let options = Options::new()
        .config("enable-debug-command yes")
        .config("key-load-delay 100")
        .config("loading-process-events-interval-bytes 1024");
    let server = RedisServer::start(options).unwrap();
    server.cli(&["DEBUG", "POPULATE", "15000"]);
    server.cli(&["SAVE"]);
    let node = joins(&server.url());
    node.comes_up(1);
    std::thread::scope(|scope| {
        let restarted = scope.spawn(|| server.restart());
        node.is_down_for("it is loading its data");
        restarted.join().unwrap().unwrap();
    });
    node.comes_up(2);
    node.stores("7", 1).await;
}

/// Rights that are taken away while the link stands are noticed, named, and used when they are back.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_loses_its_rights_is_told_and_goes_on_when_it_has_them_again() {
    for lost in ["-@scripting", "-evalsha", "resetkeys"] {
        let options = Options::new().user("app", "secret", "~tc:* +@all");
        let server = RedisServer::start(options).unwrap();
        let node = joins(&server.url());
        node.comes_up(1);
        node.stores("7", 1).await;
        server.cli(&["ACL", "SETUSER", "app", lost]);
        node.ends();
        node.is_down_for("allow it the keys under Larder's prefix");
        server.cli(&["ACL", "SETUSER", "app", "~tc:*", "+@all"]);
        node.comes_up(2);
        assert_eq!(node.version("7").await, Some(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_may_run_no_scripts_is_told_so() {
    let options = Options::new().user("app", "secret", "~tc:* +@all -@scripting");
    let server = RedisServer::start(options).unwrap();
    joins(&server.url()).is_down_for("+@scripting");
}

/// A script is known by its hash or taught by its text: one of the ways is enough.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_can_be_taught_in_one_way_is_taught_in_that() {
    for gone in [&["EVAL"][..], &["SCRIPT"]] {
        let options = gone.iter().fold(Options::new(), |options, command| {
            options.rename_command(command, "")
        });
        let server = RedisServer::start(options).unwrap();
        let node = joins(&server.url());
        node.comes_up(1);
        node.stores("7", 1).await;
    }
    let neither = Options::new()
        .rename_command("EVAL", "")
        .rename_command("SCRIPT", "");
    let server = RedisServer::start(neither).unwrap();
    joins(&server.url()).is_down_for("EVAL, EVALSHA and INFO under their own names");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_a_cluster_is_no_server_of_its_own() {
    let node = RedisServer::start(Options::new().config("cluster-enabled yes")).unwrap();
    joins(&node.url()).is_down_for("cluster");
}
