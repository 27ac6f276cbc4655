//! Filling a cache before it is asked.

use std::future::ready;

use larder::{LoadCx, Loaded};

use super::cache;

#[tokio::test]
async fn what_was_written_or_invalidated_since_the_fence_is_left_alone() {
    let cache = cache();
    let fence = cache.fence();
    cache.insert("written".into(), 2).await.unwrap();
    cache.invalidate("invalidated").await.unwrap();
    cache.invalidate_tag("t").await.unwrap();
    let rows = ["written", "invalidated", "tagged", "fine"]
        .map(|key| (key.to_owned(), Loaded::from(1)))
        .map(|(key, row)| match &*key {
            "tagged" => (key, row.tags(["t"])),
            _ => (key, row),
        });
    let mut told = Vec::new();
    let warmed = cache
        .warm(fence, rows, |so_far| told.push(so_far.done))
        .await
        .unwrap();
    assert_eq!((warmed.done, warmed.stored), (4, 1));
    assert_eq!(told, [1, 2, 3, 4]);
    let values = ["written", "invalidated", "tagged", "fine"].map(|key| cache.peek(key));
    assert_eq!(values, [Some(2), None, None, Some(1)]);
}

#[tokio::test]
async fn keys_are_loaded_but_for_those_that_are_cached_and_failures_are_counted() {
    let cache = cache();
    cache.insert("a".into(), 1).await.unwrap();
    let load = |cx: LoadCx<String, u64>| {
        ready(match cx.key().as_str() {
            "b" => Ok(Some(2)),
            "c" => Ok(None),
            _ => Err("down"),
        })
    };
    let names = ["a", "b", "c", "d"].map(str::to_owned);
    let mut calls = 0;
    let warmed = cache.warm_keys(names, load, |_| calls += 1).await;
    assert_eq!((warmed.done, warmed.stored, warmed.failed), (4, 2, 1));
    assert_eq!((calls, cache.stats().loads), (4, 3));
}

#[tokio::test]
async fn a_large_list_goes_in_whole() {
    let cache = larder::Cache::<u64, u64>::builder("test")
        .max_capacity(1_000_000)
        .build()
        .unwrap();
    let fence = cache.fence();
    let rows = (0..20_000).map(|key| (key, key));
    let warmed = cache.warm(fence, rows, |_| {}).await.unwrap();
    assert_eq!((warmed.stored, cache.stats().fenced), (20_000, 0));
}
