//! [`CacheLayer`]: HTTP responses in a [`larder::Cache`], before any tower service.
//!
//! What may be stored and served is RFC 9111's for a shared cache (`rules`); the cache makes one load of
//! many and fences what is invalidated. It knows nothing of the gateway and its routes.

mod authority;
mod change;
mod control;
mod exchange;
mod gather;
mod key;
mod load;
mod refreshing;
mod rules;
mod serve;
mod slot;
mod status;
mod stored;

use std::collections::HashSet;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Method, Request, request};
use axum::response::Response;
use futures_util::future::BoxFuture;
use larder::Cache;
use parking_lot::Mutex;
use tower::{Layer, Service, ServiceExt as _};

use change::Owed;
use control::Control;
use exchange::Exchange;
pub use key::by_credentials;
use key::{Key, Target};
use status::Status;
pub use stored::CachedResponse;

/// The longest body that is stored unless set, in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Stores HTTP responses in a cache, and answers with them: a [`tower::Layer`], for axum's routers too.
///
/// It is a shared cache by RFC 9111: stored are responses to GET that say for how long they are fresh
/// (`s-maxage`, `max-age`, `Expires`) and are for everybody. Never stored is what is `private`,
/// `no-store`, varies by `*` or sets a cookie; requests with `Authorization` or `Cookie` pass by, unless
/// [`authorized`](Self::authorized) says whom they are from, and so do requests whose host is not sure. Concurrent misses of a URL are one request to
/// the service. A change by POST, PUT, PATCH or DELETE invalidates what is stored for its URL, in all
/// processes that share the cache, also against loads that are running.
///
/// The service within is called on a task of its own where a response may be stored: a client that goes
/// away cancels nothing there.
///
/// ```
/// use axum::{Router, http::header, routing::get};
/// use larder::Cache;
/// use larder_http::{CacheLayer, CachedResponse};
///
/// let pages = Cache::<String, CachedResponse>::builder("pages")
///     .max_capacity(64 << 20) // bytes
///     .weigher(|url, response| response.weight(url))
///     .build()?;
/// let hello = || async { ([(header::CACHE_CONTROL, "max-age=60")], "hello") };
/// let router: Router = Router::new().route("/", get(hello)).layer(CacheLayer::new(pages));
/// # Ok::<_, larder::BuildError>(())
/// ```
#[derive(Clone)]
pub struct CacheLayer(Arc<Settings>);

/// Whom a request is from.
type Identity = Arc<dyn Fn(&request::Parts) -> Option<String> + Send + Sync>;

struct Settings {
    cache: Cache<String, CachedResponse>,
    default_ttl: Option<Duration>,
    body_bytes_max: usize,
    heeds_clients: bool,
    identity: Option<Identity>,
    /// The keys that are fetched anew in the background.
    refreshing: Mutex<HashSet<String>>,
}

impl CacheLayer {
    /// Stores in `cache`. Responses have times of their own, so its policy needs none.
    pub fn new(cache: Cache<String, CachedResponse>) -> Self {
        Self(Arc::new(Settings {
            cache,
            default_ttl: None,
            body_bytes_max: BODY_BYTES_MAX,
            heeds_clients: false,
            identity: None,
            refreshing: Mutex::default(),
        }))
    }

    fn with(self, set: impl FnOnce(&mut Settings)) -> Self {
        let old = &*self.0;
        let mut settings = Settings {
            cache: old.cache.clone(),
            identity: old.identity.clone(),
            refreshing: Mutex::default(),
            ..*old
        };
        set(&mut settings);
        Self(Arc::new(settings))
    }

    /// For how long a response is fresh that does not say so, if its length is known; not stored, unless
    /// set.
    #[must_use]
    pub fn default_ttl(self, ttl: Duration) -> Self {
        self.with(|settings| settings.default_ttl = Some(ttl))
    }

    /// The longest body that is stored, in bytes; 1 MiB unless set. A longer one is streamed through.
    #[must_use]
    pub fn max_body(self, bytes: usize) -> Self {
        self.with(|settings| settings.body_bytes_max = bytes)
    }

    /// Whether a client's own `Cache-Control` counts (`no-cache`, `no-store`, `max-age`, `min-fresh`,
    /// `only-if-cached`); not, unless set: else any client can send every request on to the service.
    #[must_use]
    pub fn client_directives(self, count: bool) -> Self {
        self.with(|settings| settings.heeds_clients = count)
    }

    /// Stores responses to requests that name a user too, each for its own: `identity` says whose it is,
    /// and `None` that it is everybody's, or if it has `Authorization` or `Cookie`, that it passes by.
    /// [`by_credentials`] takes the two fields themselves.
    ///
    /// What is stored for one identity is never served to another. `private` is not stored even so.
    ///
    /// ```
    /// # use larder_http::{CacheLayer, CachedResponse};
    /// # let pages = larder::Cache::<String, CachedResponse>::builder("pages").build()?;
    /// let layer = CacheLayer::new(pages).authorized(larder_http::by_credentials);
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    #[must_use]
    pub fn authorized(
        self,
        identity: impl Fn(&request::Parts) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.with(|settings| settings.identity = Some(Arc::new(identity)))
    }
}

impl<S> Layer<S> for CacheLayer {
    type Service = CacheService<S>;

    fn layer(&self, inner: S) -> CacheService<S> {
        CacheService {
            inner,
            layer: self.0.clone(),
        }
    }
}

/// Tags of a response in the cache, as an extension of it: by them the program invalidates all that was
/// made from a thing. At most 60, of at most 256 bytes each; more are not kept, and neither is a response
/// that has them.
///
/// ```
/// use axum::{Extension, response::IntoResponse};
/// use larder_http::CacheTags;
///
/// async fn team() -> impl IntoResponse {
///     (Extension(CacheTags::new(["team:7"])), "…") // then: pages.invalidate_tag("team:7").await?
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct CacheTags(Arc<[Box<str>]>);

impl CacheTags {
    /// These tags.
    pub fn new<T: Into<Box<str>>>(tags: impl IntoIterator<Item = T>) -> Self {
        Self(tags.into_iter().map(Into::into).collect())
    }

    /// Whether a cache keeps so many, and so long ones.
    fn are_kept(&self) -> bool {
        self.0.len() <= 60 && self.0.iter().all(|tag| tag.len() <= 256)
    }
}

/// A service behind a [`CacheLayer`].
#[derive(Clone)]
pub struct CacheService<S> {
    inner: S,
    layer: Arc<Settings>,
}

impl<S, B, R> Service<Request<B>> for CacheService<S>
where
    S: Service<Request<B>, Response = Response<R>, Future: Send, Error: Send>
        + Clone
        + Send
        + Sync
        + 'static,
    B: HttpBody + Default + Send + 'static,
    R: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response, S::Error>>;

    /// Always: the service within is waited for where it is called.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(answer(self.layer.clone(), self.inner.clone(), request))
    }
}

/// What is done with a request.
enum Way {
    /// It is answered from the cache, if that may be: for this target and identity, by these directives.
    Cache(Target, Option<String>, Control),
    /// It goes to the service, for this reason.
    By(&'static str),
}

impl Settings {
    fn way(&self, head: &request::Parts, has_body: bool) -> Way {
        if head.method != Method::GET && head.method != Method::HEAD {
            return Way::By("method");
        }
        if has_body || rules::passes_by(head) {
            return Way::By("bypass");
        }
        let Some(target) = Target::of(head) else {
            return Way::By("bypass");
        };
        let identity = self.identity.as_ref().and_then(|identity| identity(head));
        if identity.is_none() && rules::is_personal(&head.headers) {
            return Way::By("bypass");
        }
        let asked = if self.heeds_clients {
            Control::of(&head.headers)
        } else {
            Control::default()
        };
        if asked.no_store {
            return Way::By("request");
        }
        Way::Cache(target, identity, asked)
    }
}

async fn answer<S, B, R>(
    layer: Arc<Settings>,
    inner: S,
    request: Request<B>,
) -> Result<Response, S::Error>
where
    S: Service<Request<B>, Response = Response<R>, Future: Send, Error: Send>
        + Clone
        + Send
        + Sync
        + 'static,
    B: HttpBody + Default + Send + 'static,
    R: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let (mut head, body) = request.into_parts();
    match layer.way(&head, !body.is_end_stream()) {
        Way::Cache(target, identity, asked) => {
            target.name_host(&mut head.headers);
            let exchange = Exchange {
                layer,
                inner,
                head: Arc::new(head),
                asked,
                body: PhantomData,
            };
            let key = Key::of(&target, identity.as_deref());
            exchange.answer(key).await
        }
        Way::By(why) => {
            let owed =
                (!head.method.is_safe()).then(|| Owed::new(&layer.cache, key::tags_of(&head)));
            let answer = inner.oneshot(Request::from_parts(head, body)).await;
            if let Some(owed) = owed {
                owed.settle(answer.as_ref().ok().map(Response::status))
                    .await;
            }
            let status = Status::forwarded(why);
            answer.map(|response| status.tell(layer.cache.name(), response.map(Body::new)))
        }
    }
}
