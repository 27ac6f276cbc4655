//! Invalidations of many: tags, prefixes, patterns.

use larder::{Cache, Error, Loaded};
use tokio::task::JoinHandle;

use super::{HeldLoad, cache, held_load, reading, ready};

async fn tagged(entries: &[(&str, &str)]) -> Cache<String, u64> {
    let cache = cache();
    for (key, tag) in entries {
        cache.entry(*key).tags([*tag]).insert(1).await.unwrap();
    }
    cache
}

/// A load of `k` that has begun, and will give the tag `t`.
async fn loading_tagged(cache: &Cache<String, u64>) -> (HeldLoad, JoinHandle<Result<u64, Error>>) {
    let (held, load) = held_load();
    let tagging =
        move |cx| async move { load(cx).await.map(|value| Loaded::from(value).tags(["t"])) };
    let reader = reading(cache, "k", tagging);
    (held.begun().await, reader)
}

/// G1
#[tokio::test]
async fn no_way_of_reading_returns_what_its_tag_has_invalidated() {
    let cache = tagged(&[("a", "t"), ("b", "u")]).await;
    cache.invalidate_tag("t").await.unwrap();
    assert_eq!((cache.peek("a"), cache.peek("b")), (None, Some(1)));
    assert!(cache.get("a").await.unwrap().is_none());
    assert_eq!(cache.entries("", 10).len(), 1);
    assert!(cache.entry_info(&"a".into()).is_none());
    assert_eq!(cache.get_or_load("a", ready(2)).await.unwrap(), 2);
}

/// G2, G8
#[tokio::test]
async fn an_entry_made_after_the_invalidation_of_its_tag_is_served() {
    let cache = tagged(&[("a", "t")]).await;
    cache.invalidate_tag("t").await.unwrap();
    cache.entry("a").tags(["t"]).insert(2).await.unwrap();
    assert_eq!(cache.peek("a"), Some(2));
}

/// G3
#[tokio::test]
async fn tags_that_only_the_loader_knows_count() {
    let cache = cache();
    let load = |_| async { Ok::<_, std::fmt::Error>(Loaded::from(1).tags(["team:7"])) };
    cache.entry("a").tags(["all"]).or_load(load).await.unwrap();
    cache.invalidate_tag("team:7").await.unwrap();
    assert_eq!(cache.peek("a"), None);
    cache.entry("a").tags(["all"]).or_load(load).await.unwrap();
    cache.invalidate_tag("all").await.unwrap();
    assert_eq!(cache.peek("a"), None);
}

/// G4
#[tokio::test]
async fn a_tag_that_a_rewrite_has_dropped_no_longer_affects_the_entry() {
    let cache = tagged(&[("a", "old")]).await;
    cache.entry("a").tags(["new"]).insert(2).await.unwrap();
    cache.invalidate_tag("old").await.unwrap();
    assert_eq!(cache.peek("a"), Some(2));
    cache.invalidate_tag("new").await.unwrap();
    assert_eq!(cache.peek("a"), None);
}

/// C3
#[tokio::test]
async fn an_invalidated_tag_fences_a_load_that_will_give_it() {
    let cache = cache();
    let (held, reader) = loading_tagged(&cache).await;
    cache.invalidate_tag("t").await.unwrap();
    held.release(1);
    assert_eq!(
        reader.await.unwrap().unwrap(),
        1,
        "its own waiter gets the value"
    );
    assert_eq!((cache.peek("k"), cache.stats().fenced), (None, 1));
}

/// J2
#[tokio::test]
async fn who_joins_a_load_after_a_tag_was_invalidated_does_not_get_what_it_brings_with_that_tag() {
    let cache = cache();
    let (held, first) = loading_tagged(&cache).await;
    cache.invalidate_tag("t").await.unwrap();
    let late = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get_or_load("k", ready(2)).await }
    });
    while cache.stats().coalesced < 1 {
        tokio::task::yield_now().await;
    }
    held.release(1);
    assert_eq!(first.await.unwrap().unwrap(), 1);
    assert_eq!(late.await.unwrap().unwrap(), 2, "it loads anew");
}

/// J2
#[tokio::test]
async fn a_second_invalidation_of_a_tag_does_not_hide_the_first_from_who_joined_between_them() {
    let cache = cache();
    let (held, first) = loading_tagged(&cache).await;
    cache.invalidate_tag("t").await.unwrap();
    let between = reading(&cache, "k", ready(2));
    while cache.stats().coalesced < 1 {
        tokio::task::yield_now().await;
    }
    cache.invalidate_tag("t").await.unwrap();
    held.release(1);
    assert_eq!(first.await.unwrap().unwrap(), 1);
    assert_eq!(between.await.unwrap().unwrap(), 2, "it loads anew");
}

/// C4
#[tokio::test]
async fn a_prefix_and_a_pattern_fence_the_loads_of_their_keys_and_no_others() {
    for (pattern, is_prefix) in [("user:", true), ("u*:7", false)] {
        let cache = cache();
        let (held, load) = held_load();
        let reader = reading(&cache, "user:7", load);
        let held = held.begun().await;
        let invalidated = if is_prefix {
            cache.invalidate_prefix(pattern).await
        } else {
            cache.invalidate_matching(pattern).await
        };
        invalidated.unwrap();
        assert_eq!(
            cache.get_or_load("user:7", ready(2)).await.unwrap(),
            2,
            "a later get does not join"
        );
        held.release(1);
        reader.await.unwrap().unwrap();
        assert_eq!(cache.peek("user:7"), Some(2), "{pattern}");

        let (held, load) = held_load();
        let other = reading(&cache, "group:8", load);
        let held = held.begun().await;
        cache.invalidate_prefix("user:").await.unwrap();
        held.release(3);
        other.await.unwrap().unwrap();
        assert_eq!(cache.peek("group:8"), Some(3), "{pattern}");
    }
}

/// G10
#[tokio::test]
async fn a_prefix_is_the_texts_beginning_and_a_pattern_its_whole() {
    let cache = tagged(&[
        ("user:1", "t"),
        ("user:2", "t"),
        ("users", "t"),
        ("a user:1", "t"),
    ])
    .await;
    cache.invalidate_prefix("user:").await.unwrap();
    assert_eq!(
        (
            cache.peek("user:1"),
            cache.peek("users"),
            cache.peek("a user:1")
        ),
        (None, Some(1), Some(1))
    );
    cache.invalidate_matching("user?").await.unwrap();
    assert_eq!(
        (cache.peek("users"), cache.peek("a user:1")),
        (None, Some(1))
    );
    cache.invalidate_prefix("").await.unwrap();
    assert!(cache.is_empty());
}

#[tokio::test]
async fn keys_that_are_no_strings_are_matched_by_their_texts() {
    let cache = Cache::<u64, u64>::builder("test").build().unwrap();
    for key in [7, 70, 8] {
        cache.insert(key, key).await.unwrap();
    }
    cache.invalidate_prefix("7").await.unwrap();
    assert_eq!(
        (cache.peek(&7), cache.peek(&70), cache.peek(&8)),
        (None, None, Some(8))
    );
}

#[tokio::test]
async fn a_bad_pattern_invalidates_nothing_and_says_where_it_is_wrong() {
    let cache = tagged(&[("a", "t")]).await;
    for pattern in ["", "user[", "a]"] {
        assert!(
            matches!(
                cache.invalidate_matching(pattern).await,
                Err(Error::Pattern(_))
            ),
            "{pattern}"
        );
    }
    assert_eq!(cache.peek("a"), Some(1));
}

#[tokio::test]
async fn too_many_tags_are_refused_and_nothing_is_stored() {
    let cache = cache();
    let many = || (0..65).map(|number| number.to_string());
    assert!(matches!(
        cache.entry("a").tags(many()).insert(1).await,
        Err(Error::Tags { .. })
    ));
    assert!(matches!(
        cache.entry("a").tags(["x".repeat(257)]).insert(1).await,
        Err(Error::Tags { .. })
    ));
    let load = move |_| async move { Ok::<_, std::fmt::Error>(Loaded::from(1).tags(many())) };
    assert!(matches!(
        cache.get_or_load("a", load).await,
        Err(Error::Tags { .. })
    ));
    assert_eq!(cache.peek("a"), None);
    cache
        .entry("a")
        .tags(["same"; 100])
        .insert(1)
        .await
        .unwrap();
    assert_eq!(
        cache.peek("a"),
        Some(1),
        "one tag, however often it is named"
    );
}

/// J9
#[tokio::test]
async fn an_invalidation_that_the_log_has_forgotten_still_holds() {
    let cache = tagged(&[("a", "first"), ("b", "other")]).await;
    cache.invalidate_tag("first").await.unwrap();
    for number in 0..70_000 {
        cache
            .invalidate_tag(&format!("tag {number}"))
            .await
            .unwrap();
    }
    assert_eq!(cache.peek("a"), None);
    cache.entry("a").tags(["first"]).insert(2).await.unwrap();
    assert_eq!(cache.peek("a"), Some(2));

    for number in 0..100 {
        cache
            .invalidate_prefix(&format!("prefix {number}"))
            .await
            .unwrap();
        cache.insert(format!("prefix {number}"), 3).await.unwrap();
    }
    assert_eq!(cache.peek("prefix 99"), Some(3));
}

/// G8
#[tokio::test]
async fn entries_that_an_invalidation_passes_by_stay_and_are_told_apart_once() {
    let cache = tagged(&[("a", "t"), ("b", "u")]).await;
    let version = cache.get("b").await.unwrap().unwrap().version;
    cache.invalidate_tag("t").await.unwrap();
    cache.peek("b");
    let restamped = cache.get("b").await.unwrap().unwrap().version;
    assert!(restamped > version, "the next look is one comparison");
    cache.invalidate_tag("u").await.unwrap();
    assert_eq!(cache.peek("b"), None);
}

/// G1
#[tokio::test]
async fn tags_are_invalidated_by_any_of_several_or_by_all_of_them() {
    let fill = || async {
        let cache = cache();
        for (key, tags) in [
            ("a", vec!["t"]),
            ("b", vec!["t", "u", "v"]),
            ("c", vec!["v"]),
        ] {
            cache.entry(key).tags(tags).insert(1).await.unwrap();
        }
        cache
    };
    let left = |cache: &Cache<String, u64>| ["a", "b", "c"].map(|key| cache.peek(key).is_some());
    let cache = fill().await;
    cache.invalidate_all_tags(["u", "t"]).await.unwrap();
    assert_eq!(left(&cache), [true, false, true]);
    cache.entry("b").tags(["t", "u"]).insert(2).await.unwrap();
    assert_eq!(cache.peek("b"), Some(2), "what came later is not meant");
    let cache = fill().await;
    cache.invalidate_any_tag(["u", "v"]).await.unwrap();
    assert_eq!(left(&cache), [true, false, false]);
    let cache = fill().await;
    cache.invalidate_all_tags([""; 0]).await.unwrap();
    cache.invalidate_any_tag([""; 0]).await.unwrap();
    assert_eq!(left(&cache), [true, true, true]);
}

#[tokio::test]
async fn of_a_very_long_prefix_the_beginning_counts_and_nothing_it_names_stays() {
    let cache = cache();
    let prefix = "é".repeat(600);
    for key in [prefix.clone() + "tail", "é".repeat(512), "other".to_owned()] {
        cache.insert(key, 1).await.unwrap();
    }
    cache.invalidate_prefix(&prefix).await.unwrap();
    assert_eq!(cache.peek(&(prefix + "tail")), None);
    assert_eq!(cache.peek(&"é".repeat(512)), None);
    assert_eq!(cache.peek("other"), Some(1));
}
