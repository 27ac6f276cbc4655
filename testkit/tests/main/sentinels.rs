//! A primary with replicas under sentinels.

use larder_testkit::poll;
use larder_testkit::servers::{Sentinels, available};

use crate::main::wire::{LIMIT, has};

#[test]
fn sentinels_replace_a_primary_when_asked_and_when_it_dies() {
    for binary in available().unwrap() {
        let all = Sentinels::start(&binary).unwrap();
        let first = all.primary().unwrap();
        assert!(std::ptr::eq(first, &raw const all.servers()[0]));
        first.cli(&["SET", "a", "1"]);
        for replica in &all.servers()[1..] {
            has(replica, "a", "1");
        }

        let second = all.failover().unwrap();
        assert_ne!(second.addr(), first.addr());
        has(second, "a", "1");
        assert!(first.cli(&["ROLE"]).starts_with("slave"));

        second.kill();
        // Sentinels end the connections of whom they promote.
        let has_it = || {
            let primary = all.primary().ok()?;
            let is_another = primary.addr() != second.addr();
            (is_another && primary.try_cli(&["GET", "a"]).ok()? == "1").then_some(())
        };
        poll("another primary with the key", LIMIT, has_it).unwrap();

        second.restart().unwrap();
        let returns = || {
            let role = second.try_cli(&["ROLE"]).ok()?;
            role.starts_with("slave").then_some(())
        };
        poll(
            "the ended primary to come back as a replica",
            LIMIT,
            returns,
        )
        .unwrap();
    }
}
