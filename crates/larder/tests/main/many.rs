//! Many keys in one call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use larder::{Applied, Error, Loaded};

use super::{cache, held_load, reading, ready};

fn keys(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.into()).collect()
}

#[tokio::test]
async fn one_load_brings_what_is_missing_and_no_more() {
    let cache = cache();
    cache.insert("a".into(), 1).await.unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let load = |missing: Vec<String>| {
        asked.lock().unwrap().push(missing);
        std::future::ready(Ok::<_, String>([("b".to_owned(), 2), ("x".to_owned(), 9)]))
    };
    let got = cache
        .get_or_load_many(keys(&["a", "b", "c", "b"]), load)
        .await
        .unwrap();
    assert_eq!(got, HashMap::from([("a".into(), 1), ("b".into(), 2)]));
    assert_eq!(*asked.lock().unwrap(), [keys(&["b", "c"])]);
    assert_eq!((cache.peek("b"), cache.peek("x")), (Some(2), None));
    let many = cache.get_many(["a", "b", "c"]).await.unwrap();
    let values: Vec<_> = many.into_iter().map(|e| e.map(|e| e.value)).collect();
    assert_eq!(values, [Some(1), Some(2), None]);
}

/// C5
#[tokio::test]
async fn many_inserts_fence_the_loads_of_their_keys_and_the_last_of_a_key_stays() {
    let cache = cache();
    let (load, loader) = held_load();
    let reader = reading(&cache, "b", loader);
    let load = load.begun().await;
    let entries = [("a", 1), ("b", 2), ("a", 3)].map(|(key, value)| (key.to_owned(), value));
    assert_eq!(
        cache.insert_many(entries).await.unwrap(),
        Applied::Everywhere
    );
    load.release(9);
    reader.await.unwrap().unwrap();
    assert_eq!((cache.peek("a"), cache.peek("b")), (Some(3), Some(2)));
    assert_eq!(cache.stats().inserts, 3);
    cache.close().await.unwrap();
    let late = cache.insert_many([("c".into(), 1)]).await;
    assert!(matches!(late, Err(Error::Closed)));
}

/// B1
#[tokio::test]
async fn a_load_of_one_key_that_runs_is_joined() {
    let cache = cache();
    let (load, loader) = held_load();
    let single = reading(&cache, "a", loader);
    let load = load.begun().await;
    let many = tokio::spawn({
        let cache = cache.clone();
        async move {
            let load = |missing: Vec<String>| {
                assert_eq!(missing, ["b"]);
                std::future::ready(Ok::<_, String>([("b".to_owned(), 2)]))
            };
            cache.get_or_load_many(keys(&["a", "b"]), load).await
        }
    });
    while cache.stats().coalesced == 0 {
        tokio::task::yield_now().await;
    }
    load.release(1);
    assert_eq!(many.await.unwrap().unwrap().len(), 2);
    assert_eq!(single.await.unwrap().unwrap(), 1);
}

/// C1, C3
#[tokio::test]
async fn what_is_invalidated_while_many_are_loaded_is_not_stored() {
    let cache = cache();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let (begin, begun) = tokio::sync::oneshot::channel();
    let many = tokio::spawn({
        let cache = cache.clone();
        let mut parts = Some((begin, released));
        async move {
            let load = move |missing: Vec<String>| {
                let (begin, released) = parts.take().unwrap();
                begin.send(()).unwrap();
                async move {
                    released.await.unwrap();
                    let tagged = |key: String| (key, Loaded::from(1).tags(["t"]));
                    let (first, rest) = missing.split_first().unwrap();
                    let rest = rest.iter().map(|key| (key.clone(), Loaded::from(1)));
                    Ok::<_, String>(rest.chain([tagged(first.clone())]).collect::<Vec<_>>())
                }
            };
            cache.get_or_load_many(keys(&["a", "b", "c"]), load).await
        }
    });
    begun.await.unwrap();
    cache.invalidate_tag("t").await.unwrap();
    cache.invalidate("b").await.unwrap();
    release.send(()).unwrap();
    assert_eq!(
        many.await.unwrap().unwrap().len(),
        3,
        "who asked before is answered"
    );
    assert_eq!(
        (cache.peek("a"), cache.peek("b"), cache.peek("c")),
        (None, None, Some(1))
    );
}

/// B4, B5
#[tokio::test]
async fn a_load_that_fails_or_panics_fails_for_all_and_leaves_every_key_free() {
    let cache = cache();
    let down = |_| std::future::ready(Err::<[(String, u64); 0], _>("down"));
    let failed = cache.get_or_load_many(keys(&["a", "b"]), down).await;
    let Err(Error::Load(error)) = failed else {
        panic!("{failed:?}")
    };
    assert_eq!(error.downcast_ref::<&str>(), Some(&"down"));
    let panics = |_| async {
        assert!(std::hint::black_box(false), "a loader's own");
        Ok::<[(String, u64); 0], String>([])
    };
    let panicked = cache.get_or_load_many(keys(&["a", "b"]), panics).await;
    assert!(matches!(panicked, Err(Error::LoadPanicked)), "{panicked:?}");
    for key in ["a", "b"] {
        assert_eq!(cache.get_or_load(key, ready(1)).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn what_is_past_the_limit_of_loads_is_refused_and_the_others_are_loaded() {
    let cache = larder::Cache::<String, u64>::builder("test")
        .max_loads(2)
        .build()
        .unwrap();
    let all = |missing: Vec<String>| {
        let brought: Vec<_> = missing.into_iter().map(|key| (key, 1)).collect();
        std::future::ready(Ok::<_, String>(brought))
    };
    let refused = cache.get_or_load_many(keys(&["a", "b", "c"]), all).await;
    assert!(
        matches!(refused, Err(Error::Overloaded { limit: 2 })),
        "{refused:?}"
    );
    while cache.stats().loads < 2 {
        tokio::task::yield_now().await;
    }
    let stats = cache.stats();
    assert_eq!((stats.load_panics, stats.overloads), (0, 1));
    assert_eq!((cache.peek("a"), cache.peek("b")), (Some(1), Some(1)));
}
