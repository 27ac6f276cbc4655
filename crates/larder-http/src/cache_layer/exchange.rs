//! The way of one GET or HEAD: look, serve; else load, or validate; else pass by.

use std::marker::PhantomData;
use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderName, Method, Request, StatusCode, request};
use axum::response::{IntoResponse as _, Response};
use larder::{Entry, Error, Source};
use tokio::runtime::Handle;
use tower::{Service, ServiceExt as _};

use super::control::Control;
use super::key::Key;
use super::load::{Load, Unstored};
use super::rules::{self, Use};
use super::slot::{Brought, Slot};
use super::status::Status;
use super::stored::{CachedResponse, Kind, Stored};
use super::{Settings, refreshing, serve};
use crate::problem::Problem;

/// How often the responses of a URL may turn out to vary by more than was known.
const TURNS_MAX: usize = 4;

/// One request that may be answered from the cache.
pub(super) struct Exchange<S, B> {
    pub(super) layer: Arc<Settings>,
    pub(super) inner: S,
    pub(super) head: Arc<request::Parts>,
    /// The client's directives, as far as they count.
    pub(super) asked: Control,
    pub(super) body: PhantomData<fn() -> B>,
}

/// A response that may stand in, of this age.
type StandIn = (Arc<Stored>, Duration);

impl<S, B, R> Exchange<S, B>
where
    S: Service<Request<B>, Response = Response<R>, Future: Send, Error: Send>
        + Clone
        + Send
        + Sync
        + 'static,
    B: Default + Send + 'static,
    R: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    pub(super) async fn answer(&self, mut key: Key) -> Result<Response, S::Error> {
        for _ in 0..TURNS_MAX {
            match self.turn(&key).await {
                Break(answer) => return answer,
                Continue(names) => key = key.with(&names, &self.head.headers),
            }
        }
        self.forward(Status::forwarded("miss")).await
    }

    /// Answers with what the key has, or what the origin says; or learns that more fields count.
    ///
    /// What another client's request has brought may have been under way before this one came: it is used as
    /// what is stored is. Where that has to be validated, this client waits for a request that begins later.
    async fn turn(&self, key: &Key) -> ControlFlow<Result<Response, S::Error>, Arc<[HeaderName]>> {
        let slot = Slot::default();
        let (mut found, mut why, mut stand_in) = (self.look(key, &slot).await, "miss", None);
        // Whether what was found last was stored after this client came: what replaces it began later still.
        let (mut came_since, mut is_validated) = (false, false);
        loop {
            let entry = match found {
                Ok(Some(entry)) => entry,
                Ok(None) => return Break(self.not_held(why).await),
                Err(error) => return Break(self.failed(&error, &slot, why, stand_in).await),
            };
            let brought = slot.take();
            let is_loaded = entry.source == Source::Loader;
            let is_own = !matches!(brought, Brought::Nothing);
            let stored = match (brought, entry.value.0) {
                (Brought::Own(answer), _) => {
                    return Break(
                        answer.map(|response| self.own(response, Status::forwarded(why))),
                    );
                }
                (Brought::Stored(stored), _) | (_, Kind::Response(stored)) => stored,
                (_, Kind::Varies(names)) => return Continue(names),
                (_, Kind::Pass) => return Break(self.pass(Status::forwarded("miss")).await),
            };
            let age = stored.terms.initial_age.saturating_add(entry.age);
            let usage = if is_own || came_since {
                Use::Serve
            } else {
                rules::usage(&stored.terms, age, &self.asked)
            };
            if usage == Use::ServeStale {
                self.refresh(key, &stored);
            }
            if matches!(usage, Use::Serve | Use::ServeStale) {
                let status = Status::found(is_loaded.then_some(why), is_own);
                return Break(Ok(self.serve(&stored, age, status)));
            }
            let is_fresh = age < stored.terms.lifetime;
            why = if is_fresh { "request" } else { "stale" };
            if self.only_looks() {
                return Break(self.not_held(why).await);
            }
            stand_in = (usage == Use::Fallback).then(|| (stored.clone(), age));
            came_since = is_validated || is_loaded;
            is_validated = true;
            found = self.validate(key, stored, &slot).await.map(Some);
        }
    }

    /// Whether a miss loads nothing: the response to HEAD has nothing to store.
    fn only_looks(&self) -> bool {
        self.head.method == Method::HEAD || self.asked.only_if_cached
    }

    async fn look(
        &self,
        key: &Key,
        slot: &Slot<S::Error>,
    ) -> Result<Option<Entry<CachedResponse>>, Error> {
        let entry = self.layer.cache.entry(key.text());
        if self.only_looks() {
            return entry.get().await;
        }
        let load = self.load(key, None, slot);
        entry.or_load(|_| load.run()).await.map(Some)
    }

    /// Fetches a stored response anew, once for all who found it so.
    async fn validate(
        &self,
        key: &Key,
        stored: Arc<Stored>,
        slot: &Slot<S::Error>,
    ) -> Result<Entry<CachedResponse>, Error> {
        let next = stored.next();
        let load = self.load(key, Some(stored), slot);
        let entry = self.layer.cache.entry(key.text()).at(next);
        entry.or_load(|_| load.run()).await
    }

    /// As [`validate`](Self::validate), in the background.
    fn refresh(&self, key: &Key, stored: &Arc<Stored>) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let Some(place) = refreshing::enter(&self.layer, key.text()) else {
            return;
        };
        let (next, text) = (stored.next(), key.text().to_owned());
        let load = self.load(key, Some(stored.clone()), &Slot::default());
        let layer = self.layer.clone();
        runtime.spawn(async move {
            let entry = layer.cache.entry(&*text).at(next);
            if let Err(error) = entry.or_load(|_| load.run()).await {
                tracing::debug!(cache = layer.cache.name(), %error, "a stale response stays");
            }
            drop(place);
        });
    }

    fn load(
        &self,
        key: &Key,
        former: Option<Arc<Stored>>,
        slot: &Slot<S::Error>,
    ) -> Load<S, B, S::Error> {
        Load {
            layer: self.layer.clone(),
            inner: self.inner.clone(),
            head: self.head.clone(),
            key: key.clone(),
            former,
            slot: slot.clone(),
            body: PhantomData,
        }
    }

    /// Answers where nothing is stored and nothing is to be loaded.
    async fn not_held(&self, why: &'static str) -> Result<Response, S::Error> {
        if self.asked.only_if_cached {
            let detail =
                "no response is stored that may be used, and `only-if-cached` asks for no other";
            let problem = Problem::new(StatusCode::GATEWAY_TIMEOUT, "only-if-cached", detail);
            return Ok(self.told(problem.into_response(), Status::default()));
        }
        self.forward(Status::forwarded(why)).await
    }

    /// Answers where a load has brought nothing to store: with a response that may stand in for an origin
    /// that fails, else what the origin said to this client.
    async fn failed(
        &self,
        error: &Error,
        slot: &Slot<S::Error>,
        why: &'static str,
        stand_in: Option<StandIn>,
    ) -> Result<Response, S::Error> {
        let status = Status::forwarded(why);
        let answered = match error {
            Error::Load(error) => error
                .downcast_ref()
                .and_then(|error: &Unstored| error.status),
            _ => None,
        };
        let is_origin_s = matches!(
            error,
            Error::Load(_) | Error::LoadPanicked | Error::Timeout { .. }
        );
        if let Some((stored, age)) = stand_in
            && is_origin_s
            && answered.is_none_or(rules::is_failure)
        {
            let status = Status { answered, ..status };
            return Ok(self.serve(&stored, age, status));
        }
        if let Brought::Own(answer) = slot.take() {
            return answer.map(|response| self.own(response, status));
        }
        let (code, kind) = match error {
            Error::Timeout { .. } => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
            Error::LoadPanicked => (StatusCode::INTERNAL_SERVER_ERROR, "panicked"),
            // The cache is no reason to answer nothing.
            error => {
                tracing::debug!(cache = self.layer.cache.name(), %error, "a request passes by");
                return self.pass(status).await;
            }
        };
        let problem = Problem::new(code, kind, error.to_string());
        Ok(self.told(problem.into_response(), status))
    }

    /// The client's own request goes to the origin, as nothing can be shared.
    async fn pass(&self, status: Status) -> Result<Response, S::Error> {
        self.forward(status.detailed("pass")).await
    }

    /// The client's own request goes to the origin, and its response to the client.
    async fn forward(&self, status: Status) -> Result<Response, S::Error> {
        let request = Request::from_parts((*self.head).clone(), B::default());
        let response = self.inner.clone().oneshot(request).await?;
        Ok(self.told(response.map(Body::new), status))
    }

    fn serve(&self, stored: &Stored, age: Duration, status: Status) -> Response {
        let response = serve::answer(stored, &self.head, age);
        self.told(response, status.of_age(&stored.terms, age))
    }

    /// A response that was asked for without the client's conditions, and is not stored.
    fn own(&self, response: Response, status: Status) -> Response {
        self.told(serve::conditional(response, &self.head), status)
    }

    fn told(&self, response: Response, status: Status) -> Response {
        status.tell(self.layer.cache.name(), response)
    }
}
