//! A cluster.

use larder_testkit::poll;
use larder_testkit::servers::{RedisCluster, available};

use crate::main::wire::LIMIT;

/// `CLUSTER KEYSLOT {a}…`
const SLOT_OF_A: u16 = 15_495;

#[test]
fn slots_move_and_primaries_change_while_keys_stay() {
    for binary in available().unwrap() {
        let cluster = RedisCluster::start(&binary).unwrap();
        let nodes = cluster.nodes();
        let third = cluster.primary_of(SLOT_OF_A).unwrap();
        assert_eq!(third.addr(), nodes[2].addr());
        for n in 0..150 {
            third.cli(&["SET", &format!("{{a}}{n}"), "1"]);
        }

        cluster.begin_move(SLOT_OF_A, 0).unwrap();
        assert_eq!(third.cli(&["GET", "{a}0"]), "1");
        let ask = third.try_cli(&["GET", "{a}absent"]).unwrap_err();
        assert!(ask.to_string().contains(": ASK 15495 "), "{ask}");
        cluster.end_move(SLOT_OF_A, 0).unwrap();
        let moved = third.try_cli(&["GET", "{a}0"]).unwrap_err();
        assert!(moved.to_string().contains(": MOVED 15495 "), "{moved}");
        assert_eq!(
            nodes[0].cli(&["CLUSTER", "COUNTKEYSINSLOT", "15495"]),
            "150"
        );
        let replicated = || {
            let count = nodes[3].cli(&["DBSIZE"]);
            (count == "150").then_some(())
        };
        poll("the replica to have the keys", LIMIT, replicated).unwrap();

        let replica = cluster.failover(SLOT_OF_A).unwrap();
        assert_eq!(replica.addr(), nodes[3].addr());
        assert_eq!(replica.cli(&["GET", "{a}149"]), "1");
        cluster.wait_until_whole().unwrap();

        replica.kill();
        let back = || {
            let owner = cluster.primary_of(SLOT_OF_A).ok()?;
            (owner.addr() == nodes[0].addr()).then_some(owner)
        };
        let owner = poll("the old primary to take over", LIMIT, back).unwrap();
        cluster.wait_until_whole().unwrap();
        assert_eq!(owner.cli(&["GET", "{a}0"]), "1");

        replica.restart().unwrap();
        cluster.wait_until_whole().unwrap();
        cluster.move_slot(SLOT_OF_A, 1).unwrap();
        assert_eq!(nodes[1].cli(&["GET", "{a}0"]), "1");
    }
}
