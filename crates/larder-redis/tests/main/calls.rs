//! Each script's branches, as a cache sees them.

use std::time::Duration;

use larder::remote::{Acquired, Filled, Read, Want};
use larder_testkit::poll;

use crate::main::recorder::{LIMIT, Node, entry, header, want};
use crate::main::sites::{Site, on_both};

const LONG: Option<Duration> = Some(Duration::from_mins(1));

fn unlike(token: u64, version: u64) -> Want {
    Want {
        unlike: Some(version),
        ..want(token)
    }
}

on_both!(an_entry_is_read_whole_or_by_its_header);
async fn an_entry_is_read_whole_or_by_its_header(server: Site) {
    let node = Node::up(&server);
    assert_eq!(node.link.read("7", None).await.unwrap(), Read::Nothing);
    node.stores("7", 1).await;
    let Read::Entry(whole, Some(left)) = node.link.read("7", None).await.unwrap() else {
        panic!("no entry");
    };
    assert_eq!(whole, entry(1, "payload"));
    assert!(left > Duration::from_secs(40) && left <= LONG.unwrap());
    let same = node.link.read("7", Some(1)).await.unwrap();
    assert!(matches!(same, Read::Same(found, Some(_)) if found == header(1, "")));
    let other = node.link.read("7", Some(2)).await.unwrap();
    assert!(matches!(other, Read::Entry(found, _) if found == whole));
    let asked = [("7", None), ("8", Some(1)), ("7", Some(1)), ("7", Some(2))];
    let many = node.link.read_many(&asked).await.unwrap();
    assert!(matches!(
        &many[..],
        [
            Read::Entry(..),
            Read::Nothing,
            Read::Same(..),
            Read::Entry(..)
        ]
    ));
    assert_eq!(node.link.read_many(&[]).await.unwrap(), []);
}

on_both!(an_entry_without_an_end_is_kept);
async fn an_entry_without_an_end_is_kept(server: Site) {
    let node = Node::up(&server);
    assert_eq!(node.acquires("7", 1).await, Acquired::Ours);
    let filled = node
        .link
        .fill("7", 1, entry(1, ""), None, None)
        .await
        .unwrap();
    assert_eq!(filled, Filled::Stored);
    let read = node.link.read("7", None).await.unwrap();
    assert_eq!(read, Read::Entry(entry(1, ""), None));
    assert_eq!(node.acquires("8", 1).await, Acquired::Ours);
    let ages = Some(Duration::MAX);
    let filled = node
        .link
        .fill("8", 1, entry(1, ""), ages, None)
        .await
        .unwrap();
    assert_eq!(filled, Filled::Stored);
}

on_both!(a_lease_is_one_token_s_until_it_fills_or_releases);
async fn a_lease_is_one_token_s_until_it_fills_or_releases(server: Site) {
    let node = Node::up(&server);
    let for_9 = Want {
        lookup: Some(9),
        ..want(1)
    };
    for _ in 0..2 {
        assert_eq!(node.link.acquire("7", for_9).await.unwrap(), Acquired::Ours);
    }
    let other = node.acquires("7", 2).await;
    assert!(matches!(other, Acquired::Leased(left, Some(9)) if left > Duration::from_secs(3)));
    assert_eq!(node.fills("7", 2, "").await, Filled::Overtaken);
    node.link.release("7", 2).await.unwrap();
    assert!(matches!(node.acquires("7", 2).await, Acquired::Leased(..)));
    node.link.release("7", 1).await.unwrap();
    assert_eq!(node.acquires("7", 2).await, Acquired::Ours);
    assert!(matches!(
        node.acquires("7", 1).await,
        Acquired::Leased(_, None)
    ));
    assert_eq!(node.fills("7", 2, "a").await, Filled::Stored);
    assert_eq!(node.fills("7", 2, "a").await, Filled::Overtaken);
    assert!(
        matches!(node.acquires("7", 3).await, Acquired::Stands(found, Some(_)) if found == entry(2, "a"))
    );
    let replacing = node.link.acquire("7", unlike(3, 2)).await.unwrap();
    assert_eq!(replacing, Acquired::Ours);
    assert_eq!(node.fills("7", 3, "b").await, Filled::Stored);
    assert_eq!(node.version("7").await, Some(3));
}

on_both!(a_lease_is_renewed_by_its_token_alone);
async fn a_lease_is_renewed_by_its_token_alone(server: Site) {
    let node = Node::up(&server);
    let minute = Duration::from_mins(1);
    assert_eq!(node.acquires("7", 1).await, Acquired::Ours);
    assert!(node.link.renew("7", 1, minute).await.unwrap());
    let other = node.acquires("7", 2).await;
    assert!(matches!(other, Acquired::Leased(left, _) if left > minute / 2));
    assert!(!node.link.renew("7", 2, minute).await.unwrap());
    assert!(!node.link.renew("8", 1, minute).await.unwrap());
    assert_eq!(server.names(), 1);
    node.link.release("7", 1).await.unwrap();
    assert!(!node.link.renew("7", 1, minute).await.unwrap());
}

on_both!(whatever_is_newer_ends_a_lease);
async fn whatever_is_newer_ends_a_lease(server: Site) {
    let node = Node::up(&server);
    for what in [
        "invalidate",
        "supplant",
        "soften",
        "foreign DEL",
        "foreign SET",
        "run out",
    ] {
        node.link.invalidate(&["7"], None).await.unwrap();
        node.stores("7", 1).await;
        let lease = match what {
            "run out" => Duration::from_millis(1),
            _ => Duration::from_secs(5),
        };
        let again = Want {
            lease,
            ..unlike(2, 1)
        };
        assert_eq!(node.link.acquire("7", again).await.unwrap(), Acquired::Ours);
        match what {
            "invalidate" => node.link.invalidate(&["7"], None).await.unwrap(),
            "supplant" => node.link.supplant("7", want(3), None).await.unwrap(),
            "soften" => {
                assert!(
                    node.link
                        .soften("7", 1, header(1, "s"), None)
                        .await
                        .unwrap()
                );
            }
            "foreign DEL" => drop(server.cli(&["DEL", "tc:e:{u:7}"])),
            "foreign SET" => drop(server.cli(&["SET", "tc:e:{u:7}", "x"])),
            _ => {
                let is_gone = || (server.cli(&["EXISTS", "tc:l:{u:7}"]) == "0").then_some(());
                poll("the lease to run out", LIMIT, is_gone).unwrap();
            }
        }
        assert_eq!(node.fills("7", 2, "").await, Filled::Overtaken, "{what}");
    }
}

on_both!(an_insert_is_an_invalidation_with_a_lease_of_its_own);
async fn an_insert_is_an_invalidation_with_a_lease_of_its_own(server: Site) {
    let node = Node::up(&server);
    node.stores("7", 1).await;
    node.link.supplant("7", want(2), None).await.unwrap();
    assert_eq!(node.version("7").await, None);
    assert!(matches!(node.acquires("7", 3).await, Acquired::Leased(..)));
    node.link.supplant("7", want(4), None).await.unwrap();
    assert_eq!(node.fills("7", 2, "").await, Filled::Overtaken);
    assert_eq!(node.fills("7", 4, "").await, Filled::Stored);
    assert_eq!(node.version("7").await, Some(4));
}

on_both!(many_keys_are_invalidated_at_once);
async fn many_keys_are_invalidated_at_once(server: Site) {
    let node = Node::up(&server);
    let keys: Vec<String> = (0..1_000).map(|key| key.to_string()).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    for key in [0, 199, 200, 999] {
        node.stores(keys[key], 1).await;
    }
    node.link.invalidate(&keys, None).await.unwrap();
    let asked: Vec<_> = keys.iter().map(|key| (*key, None)).collect();
    let all = node.link.read_many(&asked).await.unwrap();
    assert!(all.iter().all(|read| *read == Read::Nothing));
    assert_eq!(all.len(), 1_000);
    assert_eq!(server.names(), 0);
}

on_both!(a_seal_tells_whether_the_lease_was_unbroken_and_stores_nothing);
async fn a_seal_tells_whether_the_lease_was_unbroken_and_stores_nothing(server: Site) {
    let node = Node::up(&server);
    assert_eq!(node.acquires("7", 1).await, Acquired::Ours);
    assert!(node.link.seal("7", 1).await.unwrap());
    assert!(!node.link.seal("7", 1).await.unwrap());
    assert_eq!(server.names(), 0);
}

on_both!(an_entry_is_extended_under_a_lease_and_keeps_its_payload);
async fn an_entry_is_extended_under_a_lease_and_keeps_its_payload(server: Site) {
    let node = Node::up(&server);
    node.stores("7", 1).await;
    assert_eq!(
        node.link.acquire("7", unlike(2, 1)).await.unwrap(),
        Acquired::Ours
    );
    let longer = || header(1, "longer");
    let extend = || {
        node.link
            .extend("7", 2, 1, longer(), Some(Duration::from_mins(10)))
    };
    assert_eq!(extend().await.unwrap(), Filled::Stored);
    let Read::Entry(found, Some(left)) = node.link.read("7", None).await.unwrap() else {
        panic!("no entry");
    };
    assert_eq!(found, [longer(), b"payload".to_vec()].concat());
    assert!(left > Duration::from_secs(500));
    assert_eq!(
        extend().await.unwrap(),
        Filled::Overtaken,
        "without a lease"
    );
    assert_eq!(
        node.link.acquire("7", unlike(2, 1)).await.unwrap(),
        Acquired::Ours
    );
    node.link.invalidate(&["7"], None).await.unwrap();
    assert_eq!(
        extend().await.unwrap(),
        Filled::Overtaken,
        "after an invalidation"
    );
}

on_both!(softening_changes_the_header_of_the_version_that_stands);
async fn softening_changes_the_header_of_the_version_that_stands(server: Site) {
    let node = Node::up(&server);
    node.stores("7", 1).await;
    assert!(!node.link.soften("7", 2, header(2, ""), None).await.unwrap());
    assert!(
        node.link
            .soften("7", 1, header(1, "soft"), None)
            .await
            .unwrap()
    );
    let read = node.link.read("7", Some(1)).await.unwrap();
    assert!(matches!(read, Read::Same(found, Some(_)) if found == header(1, "soft")));
    assert!(
        node.link
            .soften("none", 1, header(1, ""), None)
            .await
            .unwrap()
    );
}

on_both!(what_is_of_no_use_is_found_and_reclaimed);
async fn what_is_of_no_use_is_found_and_reclaimed(server: Site) {
    let node = Node::up(&server);
    let other = Node::up(&server);
    for key in 0..300 {
        let key = format!("k{key}");
        node.stores(&key, 1).await;
    }
    let long = "x".repeat(3_000);
    assert_eq!(node.acquires("long", 2).await, Acquired::Ours);
    let filled = node
        .link
        .fill("long", 2, header(2, &long), LONG, None)
        .await
        .unwrap();
    assert_eq!(filled, Filled::Stored);
    server.cli(&["SET", "tc:e:{u:foreign}", "x"]);
    server.cli(&["SET", "tc:e:{uv:k}", "LdR\u{1}12345678"]);
    let (mut found, mut cursor) = (Vec::new(), 0);
    loop {
        let (next, some) = node.link.scan(cursor).await.unwrap();
        found.extend(some);
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 301, "{found:?}");
    assert_eq!(found[300], ("long".to_owned(), header(2, &long)));
    assert_eq!(found[0], ("k0".to_owned(), header(1, "")));
    for other in [header(2, ""), header(1, "o"), Vec::new()] {
        assert_eq!(node.link.reclaim("k0", &other).await.unwrap(), 0);
    }
    let again = node.link.acquire("k0", unlike(3, 1)).await.unwrap();
    assert_eq!(again, Acquired::Ours);
    let reclaimed = node.link.reclaim("k0", &header(1, "")).await.unwrap();
    assert_eq!(reclaimed, 0, "it is leased");
    node.link.release("k0", 3).await.unwrap();
    assert_eq!(other.version("k0").await, Some(1));
    let reclaimed = node.link.reclaim("k0", &header(1, "")).await.unwrap();
    assert!(reclaimed >= header(1, "").len() as u64);
    assert_eq!(other.version("k0").await, None);
}

fn item(text: &str) -> Vec<u8> {
    [b"\x01", text.as_bytes()].concat()
}

on_both!(the_log_tells_what_is_new_and_all_when_it_is_another_log);
async fn the_log_tells_what_is_new_and_all_when_it_is_another_log(server: Site) {
    let node = Node::up(&server);
    let first = node.link.log(None, &[], None).await.unwrap();
    assert!(first.is_whole && first.items.is_empty());
    assert_eq!((first.place.top, first.floor), (0, 0));
    let two = [item("a"), item("b")];
    let news = node.link.log(Some(first.place), &two, None).await.unwrap();
    assert_eq!(news.items, [(1, item("a")), (2, item("b"))]);
    assert_eq!((news.place.base, news.place.top), (first.place.base, 2));
    assert!(!news.is_whole);
    let again = node
        .link
        .log(Some(news.place), &[item("a")], None)
        .await
        .unwrap();
    assert_eq!(again.items, [(3, item("a"))]);
    let all = node.link.log(None, &[], None).await.unwrap();
    assert_eq!(all.items, [(2, item("b")), (3, item("a"))]);
    assert!(all.is_whole);
    let none = node.link.log(Some(all.place), &[], None).await.unwrap();
    assert!(none.items.is_empty() && !none.is_whole);

    let cleared = node
        .link
        .log(Some(all.place), &[vec![0]], None)
        .await
        .unwrap();
    assert_eq!((cleared.place.top, cleared.floor), (4, 4));
    server.cli(&["DEL", "tc:g:{u}"]);
    let lost = node
        .link
        .log(Some(cleared.place), &[item("c")], None)
        .await
        .unwrap();
    assert_ne!(lost.place.base, first.place.base);
    assert_eq!((lost.place.top, lost.is_whole), (1, true));
    assert_eq!(lost.items, [(1, item("c"))]);
}

on_both!(a_trace_comes_with_the_items_that_it_recorded_and_is_no_item);
async fn a_trace_comes_with_the_items_that_it_recorded_and_is_no_item(server: Site) {
    let node = Node::up(&server);
    let first = node.link.log(None, &[item("a")], None).await.unwrap();
    let (known, two) = (Some(first.place), [item("b"), item("c")]);
    let own = node.link.log(known, &two, Some("00-1-2-01")).await.unwrap();
    let news = node.link.log(known, &[], Some("of nothing")).await.unwrap();
    assert_eq!(news, own);
    assert_eq!(news.items, [(2, item("b")), (3, item("c"))]);
    assert_eq!(news.traces, [(3, "00-1-2-01".into())]);
    assert_eq!(news.place.top, 3);
    // Programs that know of no traces take what begins with `+`, and no more.
    let kept = server.cli(&["ZRANGEBYSCORE", "tc:g:{u}", "1", "+inf"]);
    let kept: Vec<&str> = kept.lines().map(|member| &member[..1]).collect();
    assert_eq!(kept, ["+", "+", "+", "^"]);
    let later = node.link.log(Some(news.place), &[item("d")], None).await;
    assert_eq!(later.unwrap().traces, []);
    let cleared = node
        .link
        .log(Some(news.place), &[vec![0]], Some("00-3-4-01"))
        .await
        .unwrap();
    assert_eq!(
        (cleared.items.len(), cleared.traces),
        (0, vec![(5, "00-3-4-01".into())])
    );
}

on_both!(a_log_is_bounded_and_its_floor_stands_for_what_it_dropped);
async fn a_log_is_bounded_and_its_floor_stands_for_what_it_dropped(server: Site) {
    let node = Node::up(&server);
    let mut place = None;
    for round in 0..5 {
        let items: Vec<_> = (0..1_000).map(|n| item(&format!("{round}-{n}"))).collect();
        place = Some(node.link.log(place, &items, None).await.unwrap().place);
    }
    let all = node.link.log(None, &[], None).await.unwrap();
    assert_eq!(all.place.top, 5_000);
    assert!(all.items.len() <= 4_096 && all.floor > 0);
    assert_eq!(all.floor as usize + all.items.len(), 5_000);
    assert!(all.items.iter().all(|(number, _)| *number > all.floor));
}

on_both!(keys_and_payloads_of_any_bytes_come_back);
async fn keys_and_payloads_of_any_bytes_come_back(server: Site) {
    let node = Node::up(&server);
    for key in ["", "a b", "}{:", "\r\n$3", "ключ", "*"] {
        assert_eq!(node.acquires(key, 5).await, Acquired::Ours);
        let blob = [header(5, "\r\n"), (0..=255).collect::<Vec<u8>>()].concat();
        let filled = node
            .link
            .fill(key, 5, blob.clone(), LONG, None)
            .await
            .unwrap();
        assert_eq!(filled, Filled::Stored);
        let read = node.link.read(key, None).await.unwrap();
        assert!(
            matches!(read, Read::Entry(found, _) if found == blob),
            "{key:?}"
        );
    }
}

on_both!(a_server_that_forgot_the_scripts_is_taught_them_again);
async fn a_server_that_forgot_the_scripts_is_taught_them_again(server: Site) {
    let node = Node::up(&server);
    server.cli(&["SCRIPT", "FLUSH"]);
    node.stores("7", 1).await;
    server.cli(&["SCRIPT", "FLUSH"]);
    let asked = [("7", None), ("8", None)];
    let many = node.link.read_many(&asked).await.unwrap();
    assert!(matches!(&many[..], [Read::Entry(..), Read::Nothing]));
    server.cli(&["SCRIPT", "FLUSH"]);
    node.link.caught_up().await.unwrap();
    assert_eq!(node.link.state().errors, 0);
    assert_eq!(node.link.state().opened, 1);
}
