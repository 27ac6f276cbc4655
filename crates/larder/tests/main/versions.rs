//! Values made from a version of something, and served for that version alone.

use larder::{Applied, Cache, ManualClock, Policy};

use super::{MINUTE, cache, held_load, ready};

/// J13
#[tokio::test]
async fn a_load_at_one_version_is_not_joined_by_callers_of_another() {
    let cache = cache();
    let (load, loader) = held_load();
    let first = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get_or_load_at("k", 1, loader).await }
    });
    let load = load.begun().await;
    assert_eq!(cache.get_or_load_at("k", 2, ready(20)).await.unwrap(), 20);
    load.release(10);
    assert_eq!(first.await.unwrap().unwrap(), 10);
    assert_eq!(
        cache.get_or_load_at("k", 2, ready(99)).await.unwrap(),
        20,
        "the load that began last keeps the place"
    );
}

#[tokio::test]
async fn a_value_is_served_for_the_version_that_it_was_made_from() {
    let cache = cache();
    for (at, loaded, served) in [(1, 10, 10), (1, 11, 10), (2, 20, 20), (1, 12, 12)] {
        let value = cache.get_or_load_at("k", at, ready(loaded)).await.unwrap();
        assert_eq!(value, served, "at {at}");
    }
    assert!(cache.entry("k").at(2).get().await.unwrap().is_none());
    assert_eq!(
        cache.entry("k").at(1).get().await.unwrap().unwrap().value,
        12
    );
    assert_eq!(cache.len(), 1, "the older ones are gone");
}

#[tokio::test]
async fn a_stale_value_of_another_version_does_not_stand_in() {
    let clock = ManualClock::new();
    let cache = Cache::<String, u64>::builder("test")
        .policy(Policy::ttl(MINUTE).stale_if_error(10 * MINUTE))
        .clock(clock.clock())
        .build()
        .unwrap();
    cache.entry("k").at(1).insert(10).await.unwrap();
    clock.advance(2 * MINUTE);
    let down = |_| std::future::ready(Err::<u64, _>("down"));
    assert!(cache.get_or_load_at("k", 2, down).await.is_err());
    assert_eq!(cache.get_or_load_at("k", 1, down).await.unwrap(), 10);
}

/// C1
#[tokio::test]
async fn an_invalidation_fences_the_loads_of_all_versions() {
    let cache = cache();
    let (one, load_one) = held_load();
    let (two, load_two) = held_load();
    let read = |at, load| {
        let cache = cache.clone();
        tokio::spawn(async move { cache.get_or_load_at("k", at, load).await })
    };
    let readers = [read(1, load_one), read(2, load_two)];
    let (one, two) = (one.begun().await, two.begun().await);
    cache.invalidate("k").await.unwrap();
    one.release(10);
    two.release(20);
    for reader in readers {
        reader.await.unwrap().unwrap();
    }
    assert!(cache.is_empty());
    assert_eq!(cache.stats().fenced, 2);
}

#[tokio::test]
async fn reads_and_rewrites_of_many_versions_at_once_serve_each_its_own() {
    let cache = cache();
    let mut readers = Vec::new();
    for turn in 0..200_u64 {
        let cache = cache.clone();
        readers.push(tokio::spawn(async move {
            let at = turn % 3;
            let value = cache.get_or_load_at("k", at, ready(at * 10)).await.unwrap();
            assert_eq!(value, at * 10);
        }));
    }
    for reader in readers {
        reader.await.unwrap();
    }
}

/// What an entry holds of its version is used again by another once the entry is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn versions_that_come_and_go_on_many_threads_serve_each_its_own() {
    let cache = Cache::<String, u64>::builder("versions")
        .max_capacity(8)
        .build()
        .unwrap();
    let mut readers = Vec::new();
    for reader in 0..8_u64 {
        let cache = cache.clone();
        readers.push(tokio::spawn(async move {
            for turn in 0..2_000_u64 {
                let (key, at) = ((turn * 7 + reader) % 16, turn / 3 % 5);
                let value = key * 100 + at;
                let name = key.to_string();
                let loaded = cache.get_or_load_at(&name, at, ready(value)).await;
                assert_eq!(loaded.unwrap(), value);
            }
        }));
    }
    for reader in readers {
        reader.await.unwrap();
    }
}

/// G12
#[tokio::test]
async fn after_a_version_bump_the_old_is_gone_and_what_was_read_before_is_refused() {
    let cache = cache();
    cache.insert("a".into(), 1).await.unwrap();
    let fence = cache.fence();
    let version = cache.bump_version().await.unwrap();
    assert_eq!(cache.peek("a"), None);
    assert_eq!(cache.namespace_version(), version);
    let late = cache.entry("b").fenced_by(fence).insert(1).await.unwrap();
    assert_eq!((late, cache.peek("b")), (Applied::Fenced, None));
    let fence = cache.fence();
    let now = cache.entry("b").fenced_by(fence).insert(2).await.unwrap();
    assert_eq!((now, cache.peek("b")), (Applied::Everywhere, Some(2)));
}

/// C1, C3, C4
#[tokio::test]
async fn an_insert_of_what_was_read_before_an_invalidation_is_refused() {
    let cache = cache();
    for turn in 0..6 {
        let fence = cache.fence();
        match turn {
            0 => _ = cache.invalidate("k").await.unwrap(),
            1 => _ = cache.invalidate_tag("t").await.unwrap(),
            2 => _ = cache.invalidate_prefix("k").await.unwrap(),
            3 => _ = cache.expire("k").await.unwrap(),
            4 => _ = cache.insert("k".into(), 9).await.unwrap(),
            _ => _ = cache.invalidate_all_tags(["t", "u"]).await.unwrap(),
        }
        let put = cache.entry("k").tags(["t", "u"]).fenced_by(fence);
        assert_eq!(put.insert(1).await.unwrap(), Applied::Fenced, "{turn}");
    }
    assert_eq!(cache.stats().fenced, 6);
}

#[tokio::test]
async fn that_an_older_version_has_no_value_does_not_remove_that_of_a_newer_one() {
    let cache = Cache::<String, u64>::builder("test")
        .policy(Policy::forever().negative_ttl(MINUTE))
        .build()
        .unwrap();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let (begin, begun) = tokio::sync::oneshot::channel();
    let nothing = |_| async {
        begin.send(()).unwrap();
        released.await.unwrap();
        Ok::<_, std::convert::Infallible>(None::<u64>)
    };
    let first = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get_or_load_at("k", 1, nothing).await }
    });
    begun.await.unwrap();
    assert_eq!(cache.get_or_load_at("k", 2, ready(20)).await.unwrap(), 20);
    release.send(()).unwrap();
    assert!(matches!(first.await.unwrap(), Err(larder::Error::Absent)));
    assert_eq!(cache.peek("k"), Some(20));
}
