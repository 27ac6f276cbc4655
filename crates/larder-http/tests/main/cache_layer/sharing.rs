//! Many clients at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use larder::{Cache, ManualClock, Policy};
use larder_http::{CacheLayer, CachedResponse};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use super::{Answer, read, until};

/// A service whose calls wait until they are let go.
struct Gated {
    router: Router,
    cache: Cache<String, CachedResponse>,
    clock: ManualClock,
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
    let clock = ManualClock::new();
    let cache = Cache::builder("pages").clock(clock.clock());
    let cache = cache.policy(Policy::forever()).build().unwrap();
    let layer = CacheLayer::new(cache.clone());
    Gated {
        router: Router::new().fallback(handler).layer(layer),
        cache,
        clock,
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
        let before = self.cache.stats().coalesced;
        let asking = (0..clients).map(|_| self.ask()).collect();
        until(|| self.cache.stats().coalesced == before + clients - 1).await;
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

/// RFC 9111 §4.2.4, RFC 5861 §4: a stale response stands in for a service that fails, and for nothing
/// that it says: for those who waited with another too.
#[tokio::test]
async fn nothing_stale_stands_in_for_an_answer_that_is_no_failure_though_others_waited_with_it() {
    for status in [
        301, 302, 401, 403, 404, 410, 429, 451, 500, 501, 502, 503, 504,
    ] {
        let site = gated(move |call| {
            if call > 1 {
                return StatusCode::from_u16(status).unwrap().into_response();
            }
            let control = "max-age=10, stale-if-error=60";
            ([(header::CACHE_CONTROL, control)], "old").into_response()
        });
        site.gate.add_permits(100);
        site.ask().await.unwrap();
        site.gate.forget_permits(99);
        site.clock.advance(Duration::from_secs(11));
        let asking = site.asked_by(4).await;
        site.gate.add_permits(100);
        let stands_in = [500, 502, 503, 504].contains(&status);
        for answer in asking {
            let answer = answer.await.unwrap();
            let expected = if stands_in { 200 } else { status };
            assert_eq!(answer.status, expected, "{}", answer.told());
            if stands_in {
                let told = format!("larder/pages; fwd=stale; fwd-status={status}; ttl=-1");
                assert_eq!(answer.told(), told);
            }
        }
    }
}

/// RFC 9111 §5.2.2.4: what is not to be used without asking is not for a client that came after it was
/// asked for. Those clients wait for one call together, that begins later.
#[tokio::test]
async fn an_answer_that_is_to_be_asked_for_each_time_is_not_for_those_who_came_after_it_began() {
    let site = gated(|call| {
        let fields = [(header::CACHE_CONTROL, "no-cache"), (header::ETAG, "\"x\"")];
        (fields, call.to_string()).into_response()
    });
    for first in [1, 3] {
        let asking = site.asked_by(4).await;
        site.gate.add_permits(1);
        until(|| site.calls() == first + 1).await;
        site.gate.add_permits(1);
        let mut bodies = Vec::new();
        for answer in asking {
            bodies.push(answer.await.unwrap().body.parse::<usize>().unwrap());
        }
        bodies.sort_unstable();
        let second = first + 1;
        assert_eq!(bodies, [first, second, second, second]);
        assert_eq!(site.calls(), second);
    }
}
