//! HTTP responses in a cache, as clients and the service behind see it.

mod aging;
mod changing;
mod forging;
mod never;
mod serving;
mod sharing;
mod storing;
mod validating;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use larder::{Cache, ManualClock, Policy};
use larder_http::{CacheLayer, CachedResponse};
use tower::ServiceExt as _;

/// A service behind a layer.
pub(super) struct Site {
    pub(super) router: Router,
    pub(super) cache: Cache<String, CachedResponse>,
    pub(super) clock: ManualClock,
    calls: Arc<AtomicUsize>,
}

/// What a client has got.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn told(&self) -> &str {
        self.header("cache-status")
    }
}

/// A layer as a test sets it, before a service that answers as `origin` says; its body has the number of
/// the call.
pub(super) fn site_with<R: IntoResponse>(
    set: impl FnOnce(CacheLayer) -> CacheLayer,
    origin: impl Fn(&Request, usize) -> R + Clone + Send + Sync + 'static,
) -> Site {
    let clock = ManualClock::new();
    let cache = Cache::builder("pages").clock(clock.clock());
    let cache = cache.policy(Policy::forever()).build().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let handler = move |request: Request| {
        let answer = origin(&request, counted.fetch_add(1, Ordering::SeqCst) + 1).into_response();
        async move { answer }
    };
    let router = Router::new()
        .fallback(handler)
        .layer(set(CacheLayer::new(cache.clone())));
    Site {
        router,
        cache,
        clock,
        calls,
    }
}

pub(super) fn site<R: IntoResponse>(
    origin: impl Fn(&Request, usize) -> R + Clone + Send + Sync + 'static,
) -> Site {
    site_with(|layer| layer, origin)
}

/// A service whose answers say this of caching.
pub(super) fn site_of(control: &'static str) -> Site {
    site(move |_: &Request, call| ([(header::CACHE_CONTROL, control)], call.to_string()))
}

impl Site {
    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(super) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        read(self.router.clone().oneshot(request).await.unwrap()).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[("host", "shop")]).await
    }

    pub(super) async fn get_with(&self, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", "/", headers).await
    }
}

/// Lets other tasks run until it is so.
pub(super) async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if is_so() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it does not come about");
}

pub(super) async fn read(response: Response) -> Answer {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}
