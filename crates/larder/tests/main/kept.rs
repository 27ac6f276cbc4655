//! Values kept fresh at an interval, and loaded anew on demand.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder::{Error, KeepFresh, LoadCx};

use super::{MINUTE, cache, held_load, ready as value};

type Load = Arc<dyn Fn() -> std::future::Ready<Result<u64, &'static str>> + Send + Sync>;

fn counting() -> (Arc<AtomicU64>, Load) {
    let loads = Arc::new(AtomicU64::new(0));
    let load = {
        let loads = loads.clone();
        move || ready(Ok(loads.fetch_add(1, Ordering::Relaxed) + 1))
    };
    (loads, Arc::new(load))
}

/// D12
#[tokio::test(start_paused = true)]
async fn a_kept_value_is_loaded_at_its_interval_until_nobody_asks() {
    let (cache, (loads, load)) = (cache(), counting());
    let setting = KeepFresh::every(Duration::from_secs(30)).stop_after_idle(10 * MINUTE);
    let kept = cache
        .keep_fresh("a".into(), setting, move |_| load())
        .unwrap();
    assert_eq!(loads.load(Ordering::Relaxed), 0, "nobody has asked yet");
    assert_eq!(kept.get().await.unwrap(), 1);
    tokio::time::sleep(Duration::from_secs(95)).await;
    assert_eq!(cache.peek("a"), Some(4), "whoever asks");
    assert_eq!(kept.get().await.unwrap(), 4);
    tokio::time::sleep(9 * MINUTE).await;
    assert!(kept.is_refreshing());
    tokio::time::sleep(2 * MINUTE).await;
    assert!(!kept.is_refreshing());
    let stopped = loads.load(Ordering::Relaxed);
    tokio::time::sleep(60 * MINUTE).await;
    assert_eq!(loads.load(Ordering::Relaxed), stopped);
    assert_eq!(kept.get().await.unwrap(), stopped);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(loads.load(Ordering::Relaxed), stopped + 1, "it goes on");
    drop(kept);
    tokio::time::sleep(MINUTE).await;
    assert_eq!(loads.load(Ordering::Relaxed), stopped + 1);
}

/// D5, D6
#[tokio::test(start_paused = true)]
async fn a_load_that_fails_leaves_the_value_and_the_next_one_comes() {
    let cache = cache();
    let turns = Arc::new(AtomicU64::new(0));
    let load = {
        let turns = turns.clone();
        move |_| {
            let turn = turns.fetch_add(1, Ordering::Relaxed);
            assert_ne!(turn, 2, "a loader's own panic");
            ready(if turn == 1 { Err("down") } else { Ok(turn) })
        }
    };
    let setting = KeepFresh::every(Duration::from_secs(1));
    let kept = cache.keep_fresh("a".into(), setting, load).unwrap();
    assert_eq!(kept.get().await.unwrap(), 0);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(
        (kept.get().await.unwrap(), turns.load(Ordering::Relaxed)),
        (0, 3)
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(kept.get().await.unwrap(), 3);
}

#[tokio::test]
async fn a_refresh_loads_though_the_value_is_fresh_and_keeps_it_when_it_fails() {
    let cache = cache();
    cache.insert("a".into(), 1).await.unwrap();
    let down = |cx: LoadCx<String, u64>| {
        assert_eq!(cx.stale(), Some(&1), "what would be replaced");
        ready(Err::<u64, _>("down"))
    };
    assert!(cache.refresh("a", down).await.is_err());
    assert_eq!(cache.peek("a"), Some(1));
    assert_eq!(cache.refresh("a", value(2)).await.unwrap(), 2);
    assert_eq!(cache.peek("a"), Some(2));
}

/// D6
#[tokio::test(start_paused = true)]
async fn a_value_is_refreshed_however_often_others_are_invalidated() {
    let (cache, (loads, load)) = (cache(), counting());
    let setting = KeepFresh::every(Duration::from_secs(2));
    let kept = cache
        .keep_fresh("a".into(), setting, move |_| load())
        .unwrap();
    kept.get().await.unwrap();
    for _ in 0..9 {
        cache.invalidate_tag("of others").await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(loads.load(Ordering::Relaxed), 5);
    cache.invalidate_tag("of others").await.unwrap();
    assert_eq!(cache.refresh("a", value(7)).await.unwrap(), 7);
}

/// C1, I11
#[tokio::test]
async fn a_closed_cache_says_so_holds_nothing_and_stores_nothing() {
    let cache = cache();
    cache.insert("a".into(), 1).await.unwrap();
    let (load, loader) = held_load();
    let reader = super::reading(&cache, "b", loader);
    let load = load.begun().await;
    cache.close().await.unwrap();
    load.release(2);
    let running = reader.await.unwrap();
    assert!(matches!(running, Ok(2) | Err(Error::Closed)), "{running:?}");
    assert_eq!(
        (cache.peek("a"), cache.peek("b"), cache.len()),
        (None, None, 0)
    );
    let is_closed =
        |result: Result<(), Error>| assert!(matches!(result, Err(Error::Closed)), "{result:?}");
    is_closed(cache.get("a").await.map(drop));
    is_closed(cache.get_or_load("a", value(1)).await.map(drop));
    is_closed(cache.insert("a".into(), 1).await.map(drop));
    is_closed(cache.refresh("a", value(1)).await.map(drop));
    is_closed(cache.get_many(["a"]).await.map(drop));
    let none = |_| ready(Ok::<[(String, u64); 0], &str>([]));
    is_closed(cache.get_or_load_many(["a".into()], none).await.map(drop));
    assert_eq!(cache.len(), 0);
    let blocking = larder::sync::Cache::<u64, u64>::builder("test")
        .build()
        .unwrap();
    blocking.close().unwrap();
    is_closed(blocking.get_or_load(&1, |_| Ok::<_, &str>(1)).map(drop));
}
