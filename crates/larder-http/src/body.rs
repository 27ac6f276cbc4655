//! A request's body: read as JSON, refused with a problem where it is none or too long.

use std::error::Error as _;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;

use crate::problem::{Problem, short};

/// The longest body, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 64 << 10;
/// How long a body may take.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// A body of `application/json`, read as `T`; of 64 KiB at most.
///
/// Refused are a longer one (413, before it is read if it says its length), one that takes more than 30 s
/// (408), another type (415), what breaks off or is no JSON (400) and JSON that is no `T` (422): each as a
/// [`Problem`] that says what was expected.
///
/// ```
/// use larder_http::JsonBody;
///
/// #[derive(serde::Deserialize)]
/// struct Word { text: String }
///
/// async fn handler(JsonBody(word): JsonBody<Word>) -> String { word.text }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::post(handler));
/// ```
pub struct JsonBody<T>(
    /// What the body says.
    pub T,
);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        check_head(request.headers())?;
        read(&whole(request.into_body()).await?).map(Self)
    }
}

/// For routes whose handlers read no body: one of up to 64 KiB is read and ignored, so that the connection can
/// serve the next request, and a longer one is refused (413, before it is read if it says its length).
pub fn short_bodies(routes: Router) -> Router {
    routes.route_layer(middleware::from_fn(ignore_short))
}

async fn ignore_short(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return too_long().into_response();
    }
    match whole(body).await {
        Ok(_) => next.run(Request::from_parts(head, Body::empty())).await,
        Err(problem) => problem.into_response(),
    }
}

/// The body to its end, if that comes in time.
async fn whole(body: Body) -> Result<Bytes, Problem> {
    let read = axum::body::to_bytes(body, BODY_BYTES_MAX);
    let read = tokio::time::timeout(BODY_TIME_MAX, read).await;
    let read = read.map_err(|_| {
        let detail = format!("the body did not end within {} s", BODY_TIME_MAX.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, "slow-body", detail)
    })?;
    read.map_err(|error| {
        let source = error.source();
        let limit = source.and_then(|source| source.downcast_ref::<LengthLimitError>());
        if limit.is_some() {
            return too_long();
        }
        Problem::bad_request("the body breaks off, or is not framed as HTTP/1.1 says")
    })
}

fn check_head(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if length.is_some_and(|length| length > BODY_BYTES_MAX as u64) {
        return Err(too_long());
    }
    let media = text(header::CONTENT_TYPE).and_then(|media| media.split(';').next());
    if media.is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    let detail = "expected a body with the header `Content-Type: application/json`";
    Err(Problem::new(status, "not-json", detail))
}

fn too_long() -> Problem {
    let detail = format!("expected a body of at most {} KiB", BODY_BYTES_MAX >> 10);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-long", detail)
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Problem::new(status, "unexpected-content", short(&error.to_string()));
        }
        Problem::bad_request(format!("expected JSON: {}", short(&error.to_string())))
    })
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    async fn status(media: &str, body: impl Into<Body>) -> Result<u32, StatusCode> {
        let request = Request::builder().header(header::CONTENT_TYPE, media);
        let request = request.body(body.into()).unwrap();
        let read = JsonBody::<u32>::from_request(request, &()).await;
        read.map(|JsonBody(number)| number)
            .map_err(|problem| problem.status())
    }

    #[tokio::test]
    async fn each_way_to_be_no_good_body_has_its_status() {
        let json = "application/json; charset=utf-8";
        assert_eq!(status(json, "7").await, Ok(7));
        assert_eq!(
            status("text/plain", "7").await,
            Err(StatusCode::UNSUPPORTED_MEDIA_TYPE)
        );
        assert_eq!(status(json, "x").await, Err(StatusCode::BAD_REQUEST));
        assert_eq!(status(json, "").await, Err(StatusCode::BAD_REQUEST));
        assert_eq!(
            status(json, "\"7\"").await,
            Err(StatusCode::UNPROCESSABLE_ENTITY)
        );
        let long = " ".repeat(BODY_BYTES_MAX) + "7";
        assert_eq!(status(json, long).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_breaks_off_or_never_ends_is_told_so() {
        let request = |body| {
            let request = Request::builder().header(header::CONTENT_TYPE, "application/json");
            request.body(Body::from_stream(body)).unwrap()
        };
        let broken = futures_util::stream::iter([Ok("7"), Err(std::io::Error::other("cut"))]);
        let refused = JsonBody::<u32>::from_request(request(broken.boxed()), &()).await;
        assert_eq!(refused.err().unwrap().status(), StatusCode::BAD_REQUEST);
        let endless = futures_util::stream::pending();
        let refused = JsonBody::<u32>::from_request(request(endless.boxed()), &()).await;
        assert_eq!(refused.err().unwrap().status(), StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test]
    async fn a_body_that_says_it_is_too_long_is_not_read() {
        let request = Request::builder()
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_LENGTH, 10 << 20);
        let unread = futures_util::stream::poll_fn(
            |_| -> std::task::Poll<Option<Result<Bytes, std::io::Error>>> { panic!("it is read") },
        );
        let request = request.body(Body::from_stream(unread)).unwrap();
        let read = JsonBody::<u32>::from_request(request, &()).await;
        assert_eq!(read.err().unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
