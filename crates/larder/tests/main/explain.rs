//! Why a key was missed, and what is known of one that is held.

use std::time::Duration;

use larder::{Builder, Cache, Loaded, ManualClock, MissReason, Policy, Source};

use super::{MINUTE, held_load, reading, ready};

fn explained(
    set: impl FnOnce(Builder<String, u64>) -> Builder<String, u64>,
) -> (Cache<String, u64>, ManualClock) {
    let clock = ManualClock::new();
    let builder = Cache::builder("test")
        .policy(Policy::ttl(MINUTE))
        .clock(clock.clock())
        .explain(true);
    (set(builder).build().unwrap(), clock)
}

async fn why(cache: &Cache<String, u64>, key: &str) -> MissReason {
    assert_eq!(cache.peek(key), None);
    cache.explain(key).await.unwrap().last_miss.unwrap().reason
}

/// I6
#[tokio::test]
async fn the_last_miss_is_told_with_its_reason() {
    let (cache, clock) = explained(|builder| builder);
    assert_eq!(why(&cache, "a").await, MissReason::NeverLoaded);
    let put = || cache.entry("a").tags(["t", "u"]);
    put().insert(1).await.unwrap();
    cache.invalidate("a").await.unwrap();
    assert_eq!(why(&cache, "a").await, MissReason::Removed);
    put().insert(1).await.unwrap();
    clock.advance(MINUTE);
    assert_eq!(why(&cache, "a").await, MissReason::Expired);
    let by = |by: &str, ago| MissReason::Invalidated { by: by.into(), ago };
    let five = Duration::from_secs(5);
    put().insert(1).await.unwrap();
    cache.invalidate_tag("u").await.unwrap();
    clock.advance(five);
    assert_eq!(why(&cache, "a").await, by("tag u", five));
    put().insert(1).await.unwrap();
    cache.invalidate_prefix("a").await.unwrap();
    assert_eq!(why(&cache, "a").await, by("prefix a", Duration::ZERO));
    put().insert(1).await.unwrap();
    cache.invalidate_matching("?").await.unwrap();
    assert_eq!(why(&cache, "a").await, by("pattern ?", Duration::ZERO));
    put().insert(1).await.unwrap();
    cache.invalidate_all_tags(["t", "u"]).await.unwrap();
    assert_eq!(why(&cache, "a").await, by("tags t and u", Duration::ZERO));
    for bump in [false, true] {
        put().insert(1).await.unwrap();
        if bump {
            cache.bump_version().await.unwrap();
        } else {
            cache.clear().await.unwrap();
        }
        assert_eq!(
            why(&cache, "a").await,
            by("all before then", Duration::ZERO)
        );
    }
    clock.advance(five);
    let miss = cache.explain("a").await.unwrap().last_miss.unwrap();
    assert_eq!(miss.ago, five);
}

/// I6
#[tokio::test]
async fn evictions_fences_failures_and_other_versions_are_told_apart() {
    let (cache, _clock) = explained(|builder| builder.max_capacity(1));
    cache.insert("a".into(), 1).await.unwrap();
    cache.insert("b".into(), 1).await.unwrap();
    let gone = if cache.peek("a").is_none() { "a" } else { "b" };
    assert_eq!(why(&cache, gone).await, MissReason::Evicted);

    let down = |_| std::future::ready(Err::<u64, _>("down"));
    cache.get_or_load("c", down).await.unwrap_err();
    assert_eq!(why(&cache, "c").await, MissReason::LoadFailed);

    let none = |_| std::future::ready(Ok::<_, String>(Loaded::<u64>::absent()));
    cache.get_or_load_optional("n", none).await.unwrap();
    assert_eq!(why(&cache, "n").await, MissReason::NoValue);

    let (load, loader) = held_load();
    let reader = reading(&cache, "d", loader);
    let load = load.begun().await;
    assert!(cache.explain("d").await.unwrap().is_loading);
    cache.invalidate("d").await.unwrap();
    load.release(1);
    reader.await.unwrap().unwrap();
    while cache.stats().fenced == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(why(&cache, "d").await, MissReason::Fenced);

    cache.entry("e").at(1).insert(1).await.unwrap();
    assert!(cache.entry("e").at(2).get().await.unwrap().is_none());
    let miss = cache.explain("e").await.unwrap().last_miss.unwrap();
    assert_eq!(miss.reason, MissReason::OtherVersion);

    let (heavy, _clock) = explained(|builder| builder.weigher(|_, _| 7).max_capacity(5));
    heavy.insert("f".into(), 1).await.unwrap();
    assert_eq!(why(&heavy, "f").await, MissReason::TooHeavy);
}

/// I6
#[tokio::test]
async fn what_is_held_is_told_whole() {
    let (cache, clock) = explained(|builder| builder.weigher(|_, value| *value as u32));
    let load = |_| async { Ok::<_, String>(Loaded::from(5).tags(["t"]).etag("v1")) };
    cache.entry("a").at(9).or_load(load).await.unwrap();
    clock.advance(MINUTE / 4);
    let explanation = cache.explain("a").await.unwrap();
    let held = explanation.held.clone().unwrap();
    assert_eq!((held.source, held.age), (Source::Memory, MINUTE / 4));
    assert_eq!(held.remaining, Some(MINUTE * 3 / 4));
    assert_eq!((held.weight, held.at), (5, Some(9)));
    assert_eq!(
        (held.tags, held.etag.as_deref()),
        (vec!["t".to_owned()], Some("v1"))
    );
    assert!(held.load_cost.is_some());
    assert!(
        explanation.to_string().contains("fresh for 45s"),
        "{explanation}"
    );
    let stats = cache.stats();
    assert_eq!(
        (stats.hits, stats.misses),
        (0, 1),
        "to ask why is not a get"
    );
}

#[tokio::test]
async fn without_the_setting_no_miss_is_remembered_and_the_rest_is_told() {
    let cache = super::cache();
    assert_eq!(cache.peek("a"), None);
    assert_eq!(cache.explain("a").await.unwrap().last_miss, None);
    cache.get_or_load("a", ready(1)).await.unwrap();
    let held = cache.explain("a").await.unwrap().held.unwrap();
    assert_eq!((held.remaining, held.load_cost), (None, None));
}

/// I6
#[tokio::test]
async fn a_load_that_fails_is_told_at_once_and_while_a_stale_value_stands_in() {
    let down = |_| std::future::ready(Err::<u64, _>("down"));
    let last = async |cache: &Cache<String, u64>| cache.explain("a").await.unwrap().last_miss;
    let (cache, clock) =
        explained(|builder| builder.policy(Policy::ttl(MINUTE).stale_if_error(10 * MINUTE)));
    for _ in 0..2 {
        cache.get_or_load("a", down).await.unwrap_err();
        assert_eq!(last(&cache).await.unwrap().reason, MissReason::LoadFailed);
    }
    cache.insert("a".into(), 1).await.unwrap();
    clock.advance(2 * MINUTE);
    for _ in 0..2 {
        assert_eq!(cache.get_or_load("a", down).await.unwrap(), 1);
        assert_eq!(last(&cache).await.unwrap().reason, MissReason::LoadFailed);
    }
}

/// I6
#[tokio::test]
async fn what_a_version_bump_has_swept_away_and_a_loader_that_panics_are_told() {
    let (cache, _clock) = explained(|builder| builder.max_capacity(400));
    cache.insert("a".into(), 1).await.unwrap();
    cache.bump_version().await.unwrap();
    for key in 0..30 {
        cache.insert(format!("other {key}"), 1).await.unwrap();
    }
    let by = |by: &str| MissReason::Invalidated {
        by: by.into(),
        ago: Duration::ZERO,
    };
    assert_eq!(cache.len(), 30, "it was swept away");
    assert_eq!(why(&cache, "a").await, by("all before then"));
    let panics = |_| async {
        assert!(std::hint::black_box(false), "a loader's own");
        Ok::<u64, String>(1)
    };
    cache.get_or_load("b", panics).await.unwrap_err();
    let miss = cache.explain("b").await.unwrap().last_miss.unwrap();
    assert_eq!(miss.reason, MissReason::LoadFailed);
}
