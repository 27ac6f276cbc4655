//! What listeners and observers are told.

use std::sync::{Arc, Mutex};

use larder::{Cache, Happening, ManualClock, Policy, RemovalCause};

use super::{MINUTE, held_load, reading, ready};

type Seen<T> = Arc<Mutex<Vec<T>>>;

fn listened(
    capacity: u64,
    clock: &ManualClock,
) -> (Cache<String, u64>, Seen<(String, RemovalCause)>) {
    let seen = Seen::default();
    let cache = Cache::builder("test")
        .max_capacity(capacity)
        .policy(Policy::ttl(MINUTE))
        .clock(clock.clock())
        .eviction_listener({
            let seen = seen.clone();
            move |key: &String, _: &u64, cause| seen.lock().unwrap().push((key.clone(), cause))
        })
        .build()
        .unwrap();
    (cache, seen)
}

#[tokio::test]
async fn a_listener_is_told_why_each_entry_left() {
    let clock = ManualClock::new();
    let (cache, seen) = listened(2, &clock);
    let causes = || std::mem::take(&mut *seen.lock().unwrap());
    cache.insert("a".into(), 1).await.unwrap();
    cache.insert("a".into(), 2).await.unwrap();
    assert_eq!(causes(), [("a".into(), RemovalCause::Replaced)]);
    cache.invalidate("a").await.unwrap();
    assert_eq!(causes(), [("a".into(), RemovalCause::Removed)]);
    for key in ["a", "b", "c"] {
        cache.insert(key.into(), 1).await.unwrap();
    }
    assert_eq!(causes()[0].1, RemovalCause::Capacity);
    clock.advance(2 * MINUTE);
    cache.insert("d".into(), 1).await.unwrap();
    assert_eq!(causes()[0].1, RemovalCause::Expired);
    cache.clear().await.unwrap();
    assert!(
        causes()
            .iter()
            .all(|(_, cause)| *cause == RemovalCause::Removed)
    );
    assert!(cache.is_empty());
}

#[tokio::test]
async fn an_entry_found_invalid_by_its_tag_leaves_and_the_listener_is_told() {
    let clock = ManualClock::new();
    let (cache, seen) = listened(10, &clock);
    cache.entry("a").tags(["t"]).insert(1).await.unwrap();
    cache.invalidate_tag("t").await.unwrap();
    assert_eq!(cache.peek("a"), None);
    assert_eq!(
        *seen.lock().unwrap(),
        [("a".into(), RemovalCause::Invalidated)]
    );
    assert_eq!(cache.len(), 0);
}

#[tokio::test]
async fn a_listener_that_panics_harms_nothing() {
    let cache = Cache::<u64, u64>::builder("test")
        .max_capacity(1)
        .eviction_listener(|_, _, _| panic!("listener"))
        .build()
        .unwrap();
    for key in 0..5 {
        cache.insert(key, key).await.unwrap();
    }
    cache.clear().await.unwrap();
    assert_eq!(
        cache
            .get_or_load(&7, |_| async { Ok::<_, String>(7) })
            .await
            .unwrap(),
        7
    );
}

#[tokio::test]
async fn a_listener_may_use_the_cache() {
    let spill = Cache::<u64, u64>::builder("spill").build().unwrap();
    let own = Arc::new(std::sync::OnceLock::<Cache<u64, u64>>::new());
    let cache = Cache::<u64, u64>::builder("test")
        .max_capacity(1)
        .eviction_listener({
            let (spill, own) = (spill.clone(), own.clone());
            move |key, value, _| {
                assert_ne!(own.get().unwrap().peek(key), Some(*value));
                let put = std::pin::pin!(spill.insert(*key, *value));
                let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
                assert!(put.poll(&mut cx).is_ready());
            }
        })
        .build()
        .unwrap();
    own.set(cache.clone()).unwrap();
    for key in 0..5 {
        cache.insert(key, key).await.unwrap();
    }
    assert_eq!(spill.len(), 4);
}

#[tokio::test]
async fn an_observer_is_told_of_loads_failures_and_fences() {
    let seen = Seen::<String>::default();
    let cache = Cache::<String, u64>::builder("test")
        .observer({
            let seen = seen.clone();
            move |happening| {
                let told = match happening {
                    Happening::Loaded { key, .. } => format!("loaded {key}"),
                    Happening::LoadFailed { key, .. } => format!("failed {key}"),
                    Happening::Fenced { key } => format!("fenced {key}"),
                    other => format!("{other:?}"),
                };
                seen.lock().unwrap().push(told);
            }
        })
        .build()
        .unwrap();
    cache.get_or_load("a", ready(1)).await.unwrap();
    let down = |_| std::future::ready(Err::<u64, _>("down"));
    cache.get_or_load("b", down).await.unwrap_err();
    let (load, loader) = held_load();
    let reader = reading(&cache, "c", loader);
    let load = load.begun().await;
    cache.invalidate("c").await.unwrap();
    load.release(1);
    reader.await.unwrap().unwrap();
    let expected = ["loaded a", "failed b", "loaded c", "fenced c"];
    while seen.lock().unwrap().len() < expected.len() {
        tokio::task::yield_now().await;
    }
    assert_eq!(*seen.lock().unwrap(), expected);
}
