//! `/v1/caches/{name}/loads`, and advice that other instances have a part in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{Method, StatusCode};
use larder::{Cache, Policy, RecentLoads};
use larder_http::{Access, Gateway, Hosts, Role, read_loads};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{get, house, request, send};

/// A cache that has loaded these keys from an origin that takes a millisecond.
async fn loaded(keys: std::ops::Range<u64>) -> Cache<u64, String> {
    let policy = Policy::ttl(Duration::from_mins(5));
    let cache = Cache::builder("numbers").policy(policy).build().unwrap();
    for key in keys {
        let origin = |_| async {
            std::thread::sleep(Duration::from_millis(1));
            Ok::<_, std::io::Error>("value".to_owned())
        };
        cache.get_or_load(&key, origin).await.unwrap();
    }
    cache
}

fn gateway(cache: &Cache<u64, String>) -> (Gateway, watch::Sender<bool>) {
    let (stop, stopping) = watch::channel(false);
    let access = Access::new(super::TOKEN, Some(Role::Viewer));
    let gateway = Gateway::new("test", "1.2.3", access, Hosts::default(), stopping);
    (gateway.cache(cache.clone()), stop)
}

/// What another instance tells over HTTP, and how often it was asked.
async fn telling(cache: Cache<u64, String>) -> (RecentLoads, Arc<AtomicUsize>) {
    let (gateway, _stop) = gateway(&cache);
    let (status, told) = get(&gateway.into_router(), "/v1/caches/numbers/loads").await;
    assert_eq!(status, StatusCode::OK);
    (read_loads(&told.to_string()).unwrap(), Arc::default())
}

async fn recommendations(router: &Router) -> Value {
    let (status, answer) = get(router, "/v1/recommendations").await;
    assert_eq!(status, StatusCode::OK);
    answer
}

fn ids(answer: &Value) -> Vec<&str> {
    let all = answer["recommendations"].as_array().unwrap().iter();
    all.map(|one| one["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn loads_are_told_by_hash_with_their_age() {
    let (gateway, _stop) = gateway(&loaded(0..2).await);
    let (status, told) = get(&gateway.into_router(), "/v1/caches/numbers/loads").await;
    assert_eq!((status, &told["one_in"]), (StatusCode::OK, &json!(1)));
    let load = &told["loads"][1];
    assert_eq!(
        (&load["life_ms"], &load["cause"]),
        (&json!(300_000), &json!("new"))
    );
    assert!(
        load["took_ms"].as_f64() >= Some(1.0) && load["ago_ms"].is_u64(),
        "{load}"
    );
    assert_eq!(load["key"].as_str().map(str::len), Some(16));
    let house = house(None);
    let answered = send(
        &house.router,
        request(Method::GET, "/v1/caches/numbers/loads", None),
    )
    .await;
    assert_eq!(answered.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn where_another_instance_loads_the_same_keys_a_shared_store_is_recommended() {
    let (told, asked) = telling(loaded(0..110).await).await;
    let (gateway, _stop) = gateway(&loaded(0..110).await);
    let times = asked.clone();
    let router = gateway
        .peer("http://10.0.0.2:7070", move |caches| {
            times.fetch_add(1, Ordering::Relaxed);
            assert_eq!(caches, ["numbers"]);
            let told = told.clone();
            async move { Ok(vec![("numbers".to_owned(), told)]) }
        })
        .peer("http://10.0.0.3:7070", |_| async {
            Err("it is down".to_owned())
        })
        .into_router();
    for _ in 0..3 {
        let answer = recommendations(&router).await;
        assert_eq!(ids(&answer), ["remote:numbers"], "{answer}");
        assert_eq!(
            answer["recommendations"][0]["docs"],
            "docs/recommendations/remote.md"
        );
        assert_eq!(
            answer["peers"],
            json!([
                { "url": "http://10.0.0.2:7070", "error": null },
                { "url": "http://10.0.0.3:7070", "error": "it is down" },
            ])
        );
    }
    assert_eq!(
        asked.load(Ordering::Relaxed),
        1,
        "within 30 s once is enough"
    );
}

#[tokio::test]
async fn where_another_instance_loads_other_keys_nothing_is_said() {
    let (told, _) = telling(loaded(1_000..1_110).await).await;
    let (gateway, _stop) = gateway(&loaded(0..110).await);
    let router = gateway.peer("http://10.0.0.2:7070", move |_| {
        let told = told.clone();
        async move { Ok(vec![("numbers".to_owned(), told)]) }
    });
    let answer = recommendations(&router.into_router()).await;
    assert_eq!(ids(&answer), [""; 0]);
}

#[tokio::test]
async fn an_instance_that_names_itself_as_its_peer_is_one() {
    let cache = loaded(0..210).await;
    let (own, _) = telling(cache.clone()).await;
    let (gateway, _stop) = gateway(&cache);
    let router = gateway.peer("http://127.0.0.1:7070", move |_| {
        let own = own.clone();
        async move { Ok(vec![("numbers".to_owned(), own)]) }
    });
    assert_eq!(ids(&recommendations(&router.into_router()).await), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_answers_is_waited_for_once_and_for_two_seconds() {
    let (gateway, _stop) = gateway(&loaded(0..2).await);
    let silent = gateway.peer("http://10.0.0.9:7070", |_| std::future::pending());
    let (router, began) = (silent.into_router(), tokio::time::Instant::now());
    for _ in 0..3 {
        let answer = recommendations(&router).await;
        assert_eq!(answer["peers"][0]["error"], "no answer within 2 s");
    }
    let took = began.elapsed();
    assert!((2..4).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test]
async fn of_many_peers_sixteen_are_asked_and_without_one_there_are_none() {
    let (plain, _stop) = gateway(&loaded(0..1).await);
    assert_eq!(
        recommendations(&plain.into_router()).await["peers"],
        json!([])
    );
    let (many, _stop) = gateway(&loaded(0..1).await);
    let many = (0..20).fold(many, |gateway, number| {
        gateway.peer(format!("http://10.0.0.{number}"), |_| async {
            Ok(Vec::new())
        })
    });
    let answer = recommendations(&many.into_router()).await;
    assert_eq!(answer["peers"].as_array().unwrap().len(), 16);
}
