//! One request to the origin, and what of its response is stored: for all who wait for it.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderName, Method, Request, StatusCode, header, request, response};
use axum::response::Response;
use larder::{Fence, Loaded, Tick};
use tower::{Service, ServiceExt as _};

use super::gather::{Gathered, gather};
use super::key::Key;
use super::rules::{self, Arrival, Verdict};
use super::slot::{Brought, Slot};
use super::stored::{CachedResponse, Kind, Stored};
use super::{CacheTags, Settings};

/// For how long it is remembered that the responses of a URL are not stored.
const PASS_TTL: Duration = Duration::from_secs(10);
/// For how long it is remembered what the responses of a URL vary by. It is a hint: where it holds no
/// more, a response is stored under more keys than it needs.
const VARIES_TTL: Duration = Duration::from_hours(24);

/// The response is not stored, and nothing is remembered of that.
#[derive(Debug, thiserror::Error)]
#[error("the response is not stored")]
pub(super) struct Unstored {
    /// What the origin answered; `None`: it failed.
    pub(super) status: Option<StatusCode>,
}

/// A request on its way to the origin.
pub(super) struct Load<S, B, E> {
    pub(super) layer: Arc<Settings>,
    pub(super) inner: S,
    pub(super) head: Arc<request::Parts>,
    pub(super) key: Key,
    /// The response that it replaces.
    pub(super) former: Option<Arc<Stored>>,
    pub(super) slot: Slot<E>,
    pub(super) body: PhantomData<fn() -> B>,
}

/// A response as it came.
struct Came {
    head: response::Parts,
    body: Body,
    arrival: Arrival,
    at: Tick,
}

impl Came {
    /// The response that this one says still holds.
    fn confirming(self, former: &Stored) -> Self {
        let (mut head, body) = former.confirmed(self.head.headers);
        head.extensions = self.head.extensions;
        Self {
            head,
            body: Body::from(body),
            ..self
        }
    }
}

impl<S, B, R> Load<S, B, S::Error>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    B: Default,
    R: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    pub(super) async fn run(self) -> Result<Loaded<CachedResponse>, Unstored> {
        let fence = self.layer.cache.fence();
        self.slot.put(Brought::Shared);
        let came = match self.fetch().await {
            Ok(came) => came,
            Err(error) => {
                self.slot.put(Brought::Own(Err(error)));
                return Err(Unstored { status: None });
            }
        };
        let (mut head, body) = (came.head, came.body);
        match rules::judge(&head, came.arrival, self.layer.default_ttl) {
            Verdict::Store(terms, names) if may_be_kept(&head, &body) => {
                match gather(body, self.layer.body_bytes_max).await {
                    Gathered::Whole(body) if is_as_long_as_it_says(&head, &body) => {
                        let reading = self.layer.cache.clock().now().since(came.at);
                        let terms = terms.later_by(reading);
                        let generation = self.former.as_ref().map_or(0, |former| former.next());
                        let tags = self.tags(&head);
                        rules::set_date(&mut head.headers, came.arrival.wall);
                        let stored = Stored::new(head, body, terms, generation);
                        Ok(self.keep(Arc::new(stored), &names, tags, fence).await)
                    }
                    Gathered::Whole(body) => Ok(self.pass(head, Body::from(body))),
                    Gathered::Passing(body) => Ok(self.pass(head, body)),
                }
            }
            Verdict::Store(..) | Verdict::Pass => Ok(self.pass(head, body)),
            Verdict::Leave => {
                let status = Some(head.status);
                let response = Response::from_parts(head, body);
                self.slot.put(Brought::Own(Ok(response)));
                Err(Unstored { status })
            }
        }
    }

    /// The origin's response, which is the former one if the origin says that it holds. What it says of
    /// another is no answer: then it is asked for the whole.
    async fn fetch(&self) -> Result<Came, S::Error> {
        let validated = self.former.as_ref().filter(|f| f.terms.has_validator);
        let came = self.ask(validated).await?;
        let Some(former) = validated.filter(|_| came.head.status == StatusCode::NOT_MODIFIED)
        else {
            return Ok(came);
        };
        if former.is_named_by(&came.head.headers) {
            Ok(came.confirming(former))
        } else {
            self.ask(None).await
        }
    }

    /// Asks the origin, as the client does without its conditions, for the response is for others too; only
    /// whether it is still `former`, where there is one.
    async fn ask(&self, former: Option<&Arc<Stored>>) -> Result<Came, S::Error> {
        let mut head = (*self.head).clone();
        head.method = Method::GET;
        head.headers.remove(header::IF_NONE_MATCH);
        head.headers.remove(header::IF_MODIFIED_SINCE);
        if let Some(former) = former {
            former.ask_whether_it_holds(&mut head.headers);
        }
        let request = Request::from_parts(head, B::default());
        let clock = self.layer.cache.clock();
        let asked = clock.now();
        let response = self.inner.clone().oneshot(request).await?;
        let (head, body) = response.map(Body::new).into_parts();
        let at = clock.now();
        let arrival = Arrival {
            wall: clock.wall(),
            delay: at.since(asked),
        };
        Ok(Came {
            head,
            body,
            arrival,
            at,
        })
    }

    fn tags(&self, head: &response::Parts) -> Vec<Box<str>> {
        let given = head.extensions.get::<CacheTags>();
        let given = given.into_iter().flat_map(|tags| tags.0.iter().cloned());
        [self.key.tag().into()].into_iter().chain(given).collect()
    }

    /// Stores it: under the load's own key, or where more fields count than stand in that, under one
    /// that has them too.
    async fn keep(
        &self,
        stored: Arc<Stored>,
        names: &[HeaderName],
        tags: Vec<Box<str>>,
        fence: Fence,
    ) -> Loaded<CachedResponse> {
        let ttl = stored.terms.kept_for();
        let value = CachedResponse(Kind::Response(stored.clone()));
        if self.key.has(names) {
            return Loaded::from(value).ttl(ttl).tags(tags);
        }
        let further = self.key.with(names, &self.head.headers);
        let entry = self.layer.cache.entry(further.text());
        let entry = entry.fenced_by(fence).ttl(ttl).tags(tags);
        if let Err(error) = entry.insert(value).await {
            tracing::debug!(cache = self.layer.cache.name(), %error, "a response is not stored");
        }
        self.slot.put(Brought::Stored(stored));
        Loaded::from(CachedResponse(Kind::Varies(names.into())))
            .ttl(VARIES_TTL)
            .tags([self.key.tag()])
    }

    /// Leaves it to the client whose request this is.
    fn pass(&self, head: response::Parts, body: Body) -> Loaded<CachedResponse> {
        let response = Response::from_parts(head, body);
        self.slot.put(Brought::Own(Ok(response)));
        Loaded::from(CachedResponse(Kind::Pass))
            .ttl(PASS_TTL)
            .tags([self.key.tag()])
    }
}

/// Whether a body is likely to end, its length being known or the response saying for how long it is fresh;
/// and its tags can be kept.
fn may_be_kept(head: &response::Parts, body: &Body) -> bool {
    let tags = head.extensions.get::<CacheTags>();
    if tags.is_some_and(|tags| !tags.are_kept()) {
        tracing::warn!(
            "a response has more tags, or longer ones, than a cache keeps: it is not stored"
        );
        return false;
    }
    body.size_hint().exact().is_some() || rules::is_explicit(&head.headers)
}

/// Whether a body that has ended is as long as its `Content-Length`, if it has one: else it broke off
/// (RFC 9111 §3.3).
fn is_as_long_as_it_says(head: &response::Parts, body: &Bytes) -> bool {
    let mut lengths = head.headers.get_all(header::CONTENT_LENGTH).iter();
    lengths.all(|length| {
        let length = length.to_str().ok();
        length.and_then(|length| length.trim().parse().ok()) == Some(body.len())
    })
}
