//! A response for one client: whole, without its body, or that the client has it already.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request};
use axum::response::Response;

use super::stored::Stored;
use crate::etag;

/// What a 304 says of a response besides that (RFC 9110 §15.4.5).
const KEPT_ON_304: [HeaderName; 7] = [
    header::CACHE_CONTROL,
    header::CONTENT_LOCATION,
    header::DATE,
    header::ETAG,
    header::EXPIRES,
    header::LAST_MODIFIED,
    header::VARY,
];

/// The answer that `stored`, of this age, is to a request.
pub(super) fn answer(stored: &Stored, head: &request::Parts, age: Duration) -> Response {
    let mut response = Response::new(Body::empty());
    if has_it(stored, head) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.headers_mut() = kept(&stored.headers);
    } else {
        *response.status_mut() = stored.status;
        *response.headers_mut() = stored.headers.clone();
        if head.method != Method::HEAD {
            *response.body_mut() = Body::from(stored.body.clone());
        } else if stored.status != StatusCode::NO_CONTENT {
            // RFC 9110 §8.6: a 204 has none.
            let length = HeaderValue::from(stored.body.len());
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, length);
        }
    }
    let age = HeaderValue::from(age.as_secs());
    response.headers_mut().insert(header::AGE, age);
    response
}

/// Whether the client has the response: `If-None-Match`, and without it `If-Modified-Since`.
fn has_it(stored: &Stored, head: &request::Parts) -> bool {
    if stored.status != StatusCode::OK {
        return false;
    }
    if head.headers.contains_key(header::IF_NONE_MATCH) {
        return names_it(&stored.headers, &head.headers);
    }
    stored.is_unmodified_since(&head.headers)
}

fn names_it(response: &HeaderMap, request: &HeaderMap) -> bool {
    let etag = response.get(header::ETAG);
    let etag = etag.and_then(|etag| etag.to_str().ok());
    etag.is_some_and(|etag| etag::is_known(request, etag))
}

/// A response that is not stored, and was asked for without the client's conditions: as a 304 if the
/// client has it.
pub(super) fn conditional(response: Response, head: &request::Parts) -> Response {
    if response.status() != StatusCode::OK || !names_it(response.headers(), &head.headers) {
        return response;
    }
    let mut unmodified = Response::new(Body::empty());
    *unmodified.status_mut() = StatusCode::NOT_MODIFIED;
    let cookies = response.headers().get_all(header::SET_COOKIE).iter();
    let cookies = cookies.map(|cookie| (header::SET_COOKIE, cookie.clone()));
    let mut headers = kept(response.headers());
    for (name, cookie) in cookies {
        headers.append(name, cookie);
    }
    *unmodified.headers_mut() = headers;
    unmodified
}

fn kept(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in KEPT_ON_304 {
        for value in headers.get_all(&name) {
            kept.append(&name, value.clone());
        }
    }
    kept
}
