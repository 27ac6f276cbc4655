//! Many clients at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use larder::Cache;
use larder_http::{CacheLayer, CachedResponse};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use super::{Answer, read, until};

/// A service whose calls wait until they are let go.
struct Gated {
    router: Router,
    cache: Cache<String, CachedResponse>,
    gate: Arc<Semaphore>,
    calls: Arc<AtomicUsize>,
}

fn gated(answer: impl Fn(usize) -> Response + Clone + Send + Sync + 'static) -> Gated {
    let (gate, calls) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (opened, counted) = (gate.clone(), calls.clone());
    let handler = move |_: Request| {
        let call = counted.fetch_add(1, Ordering::SeqCst) + 1;
        let (answer, opened) = (answer(call), opened.clone());
        async move {
            opened.acquire().await.unwrap().forget();
            answer
        }
    };
    let cache = Cache::builder("pages").build().unwrap();
    let layer = CacheLayer::new(cache.clone());
    Gated {
        router: Router::new().fallback(handler).layer(layer),
        cache,
        gate,
        calls,
    }
}

impl Gated {
    fn ask(&self) -> tokio::task::JoinHandle<Answer> {
        let router = self.router.clone();
        tokio::spawn(async move {
            let request = Request::builder().uri("/").body(Body::empty()).unwrap();
            read(router.oneshot(request).await.unwrap()).await
        })
    }

    /// Asked by this many, of whom one is at the service and the others wait for it.
    async fn asked_by(&self, clients: u64) -> Vec<tokio::task::JoinHandle<Answer>> {
        let asking = (0..clients).map(|_| self.ask()).collect();
        until(|| self.cache.stats().coalesced == clients - 1).await;
        asking
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// B1
#[tokio::test]
async fn a_hundred_clients_that_miss_together_are_one_call_of_the_service() {
    let site =
        gated(|call| ([(header::CACHE_CONTROL, "max-age=60")], call.to_string()).into_response());
    let asking = site.asked_by(100).await;
    site.gate.add_permits(100);
    let mut collapsed = 0;
    for answer in asking {
        let answer = answer.await.unwrap();
        assert_eq!(answer.body, "1");
        collapsed += usize::from(answer.told().contains("collapsed"));
    }
    assert_eq!((site.calls(), collapsed), (1, 99));
}

/// I8
#[tokio::test]
async fn a_response_that_is_not_stored_goes_to_one_client_though_others_waited_with_it() {
    for (name, value) in [("cache-control", "private"), ("set-cookie", "session=1")] {
        let site = gated(move |call| ([(name, value)], call.to_string()).into_response());
        let asking = site.asked_by(20).await;
        site.gate.add_permits(100);
        let mut bodies = Vec::new();
        for answer in asking {
            bodies.push(answer.await.unwrap().body.parse::<usize>().unwrap());
        }
        bodies.sort_unstable();
        assert_eq!(bodies, (1..=20).collect::<Vec<_>>(), "{name}");
    }
}

#[tokio::test]
async fn an_error_goes_to_one_client_and_is_asked_for_anew() {
    let site = gated(|_| StatusCode::BAD_GATEWAY.into_response());
    let asking = site.asked_by(3).await;
    site.gate.add_permits(100);
    for answer in asking {
        assert_eq!(answer.await.unwrap().status, 502);
    }
    assert_eq!(site.calls(), 3);
    assert_eq!(site.ask().await.unwrap().status, 502);
    assert_eq!(site.calls(), 4);
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_nothing_for_the_others() {
    let site =
        gated(|call| ([(header::CACHE_CONTROL, "max-age=60")], call.to_string()).into_response());
    let first = site.ask();
    until(|| site.calls() == 1).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let second = site.ask();
    site.gate.add_permits(1);
    assert_eq!(second.await.unwrap().body, "1");
    assert_eq!(site.calls(), 1);
}

#[tokio::test]
async fn a_panic_of_the_service_is_an_answer_and_is_not_stored() {
    let site = gated(|call| {
        assert!(call > 1, "the first call panics");
        ([(header::CACHE_CONTROL, "max-age=60")], call.to_string()).into_response()
    });
    site.gate.add_permits(100);
    assert_eq!(site.ask().await.unwrap().status, 500);
    assert_eq!(site.ask().await.unwrap().body, "2");
}
