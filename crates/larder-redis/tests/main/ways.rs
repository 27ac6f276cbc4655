//! Ways to a server: a socket, TLS, sentinels, a database.

use larder_redis::Redis;
use larder_testkit::servers::{Options, RedisServer, Sentinels, available};

use crate::main::recorder::{Heard, Node, X, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_of_the_machine_is_a_way() {
    let server = server();
    let path = server.unix_socket();
    let node = Node::up_at(&format!("unix://{}?db=3", path.display()), X);
    node.stores("7", 1).await;
    assert!(server.cli(&["INFO", "keyspace"]).contains("db3:keys=1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_number_is_used() {
    let server = server();
    let node = Node::up_at(&format!("{}/5", server.url()), X);
    node.stores("7", 1).await;
    assert!(server.cli(&["INFO", "keyspace"]).contains("db5:keys=1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_with_whom_one_trusts() {
    let server = RedisServer::start(Options::new().tls().password("p")).unwrap();
    let redis = Redis::at(&server.url()).unwrap().prefix("tc");
    let doubts = Node::join(&redis, "u", X);
    doubts.is_down_for("certificate");
    let pem = std::fs::read(server.authority().unwrap()).unwrap();
    let trusts = Node::join(&redis.trusting(pem), "u", X);
    trusts.comes_up(1);
    trusts.stores("7", 1).await;
    trusts.hears(&Heard::Key("7".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_lead_to_the_primary_and_after_a_failover_to_the_next() {
    for binary in available().unwrap() {
        let all = Sentinels::start(&binary).unwrap();
        let hosts: Vec<String> = all
            .sentinels()
            .iter()
            .map(|one| one.addr().to_string())
            .collect();
        let url = format!("redis+sentinel://{}/{}", hosts.join(","), all.name());
        let node = Node::up_at(&url, X);
        let first = node.link.incarnation("7");
        node.stores("7", 1).await;
        assert_eq!(all.primary().unwrap().cli(&["DBSIZE"]), "1");

        node.recorder.forget();
        let second = all.failover().unwrap();
        node.ends();
        node.comes_up(2);
        assert_ne!(node.link.incarnation("7"), first);
        node.link.invalidate(&["7"], None).await.unwrap();
        assert_eq!(second.cli(&["EXISTS", "tc:e:{u:7}"]), "0");

        let opened = node.link.state().opened;
        all.sentinels()[0].kill();
        second.kill();
        node.comes_up(opened + 1);
        node.stores("8", 2).await;
        let third = all.primary().unwrap();
        assert_ne!(third.addr(), second.addr());
        assert_eq!(third.cli(&["EXISTS", "tc:e:{u:8}"]), "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_no_sentinel_knows_is_told() {
    let server = server();
    let url = format!("redis+sentinel://{}/main", server.addr());
    let node = Node::join(&Redis::at(&url).unwrap(), "u", X);
    node.is_down_for("the sentinel");
}
