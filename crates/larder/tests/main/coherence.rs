//! An invalidated value is not served again.

use super::{cache, held_load, reading, ready};

/// C1
#[tokio::test]
async fn an_invalidation_during_a_load_is_not_overwritten_by_it() {
    let cache = cache();
    let (held, load) = held_load();
    let reader = reading(&cache, "k", load);
    let held = held.begun().await;

    cache.invalidate("k").await.unwrap();
    held.release(1);

    assert_eq!(
        reader.await.unwrap().unwrap(),
        1,
        "its own waiter gets the value"
    );
    assert_eq!(cache.peek("k"), None);
    assert_eq!(cache.get_or_load("k", ready(2)).await.unwrap(), 2);
    assert_eq!(cache.stats().fenced, 1);
}

/// C1
#[tokio::test]
async fn a_get_after_an_invalidation_does_not_join_the_load_before_it() {
    let cache = cache();
    let (held, load) = held_load();
    let old = reading(&cache, "k", load);
    let held = held.begun().await;
    cache.invalidate("k").await.unwrap();

    assert_eq!(cache.get_or_load("k", ready(2)).await.unwrap(), 2);
    held.release(1);
    assert_eq!(old.await.unwrap().unwrap(), 1);
    assert_eq!(
        cache.peek("k"),
        Some(2),
        "the older load does not replace the newer one's value"
    );
}

/// C2
#[tokio::test]
async fn a_clear_during_a_load_is_not_overwritten_by_it() {
    let cache = cache();
    let (held, load) = held_load();
    let reader = reading(&cache, "k", load);
    let held = held.begun().await;

    cache.clear().await.unwrap();
    held.release(1);

    assert_eq!(reader.await.unwrap().unwrap(), 1);
    assert_eq!(cache.peek("k"), None);
    assert_eq!(cache.stats().fenced, 1);
}

/// C2
#[tokio::test]
async fn a_get_after_a_clear_does_not_join_the_load_before_it() {
    let cache = cache();
    let (held, load) = held_load();
    let old = reading(&cache, "k", load);
    let held = held.begun().await;
    cache.clear().await.unwrap();

    assert_eq!(cache.get_or_load("k", ready(2)).await.unwrap(), 2);
    held.release(1);
    old.await.unwrap().unwrap();
    assert_eq!(cache.peek("k"), Some(2));
}

/// C5
#[tokio::test]
async fn an_insert_during_a_load_wins_whichever_ends_first() {
    let cache = cache();
    let (held, load) = held_load();
    let reader = reading(&cache, "k", load);
    let held = held.begun().await;

    cache.insert("k".into(), 7).await.unwrap();
    assert_eq!(cache.peek("k"), Some(7));
    held.release(1);
    reader.await.unwrap().unwrap();

    assert_eq!(cache.peek("k"), Some(7));
}

/// C8
#[tokio::test]
async fn what_was_cached_is_gone_when_an_invalidation_returns() {
    let cache = cache();
    for key in ["a", "b"] {
        cache.insert(key.into(), 1).await.unwrap();
    }
    cache.invalidate("a").await.unwrap();
    assert_eq!((cache.peek("a"), cache.peek("b")), (None, Some(1)));
    cache.clear().await.unwrap();
    assert_eq!((cache.peek("b"), cache.len()), (None, 0));
}

/// C8
#[tokio::test]
async fn a_value_inserted_after_a_clear_is_served() {
    let cache = cache();
    cache.clear().await.unwrap();
    cache.insert("k".into(), 1).await.unwrap();
    assert_eq!(cache.peek("k"), Some(1));
    cache.clear().await.unwrap();
    assert_eq!(cache.peek("k"), None);
}
