//! A response as it is stored, in memory and in the tiers under it. Knows no caches.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, response};
use serde::{Deserialize, Serialize};

use super::key::digest;
use super::rules::{Terms, date};

/// What a [`CacheLayer`](crate::CacheLayer) keeps in its cache: a response; that the responses of a URL
/// vary, and by which fields; or that they are not to be stored. Cloning is cheap.
///
/// It can be serialized, so that a disk or a store that processes share can stand under the cache.
///
/// ```
/// use larder::Cache;
/// use larder_http::CachedResponse;
///
/// let pages = Cache::<String, CachedResponse>::builder("pages")
///     .max_capacity(64 << 20) // bytes
///     .weigher(|url, response| response.weight(url))
///     .build()?;
/// # Ok::<_, larder::BuildError>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "Wire", try_from = "Wire")]
pub struct CachedResponse(pub(super) Kind);

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Response(Arc<Stored>),
    /// Further fields count: it is stored under their values too.
    Varies(Arc<[HeaderName]>),
    /// For a while responses go to their own clients alone.
    Pass,
}

impl CachedResponse {
    /// The bytes that it takes under this key, near enough for a weigher.
    pub fn weight(&self, key: &str) -> u32 {
        /// Of a header's names and values, which have places of their own.
        const FIELD_BYTES: usize = 64;
        let own = match &self.0 {
            Kind::Response(stored) => {
                let field = |(name, value): (&HeaderName, &HeaderValue)| {
                    FIELD_BYTES + name.as_str().len() + value.len()
                };
                let fields: usize = stored.headers.iter().map(field).sum();
                size_of::<Stored>() + stored.body.len() + fields
            }
            Kind::Varies(names) => names.len() * FIELD_BYTES,
            Kind::Pass => 0,
        };
        u32::try_from(key.len() + size_of::<Self>() + own).unwrap_or(u32::MAX)
    }
}

/// A response with what it may be used for.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) status: StatusCode,
    /// Without those that are for one connection, `Age` and `Content-Length`.
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) terms: Terms,
    /// How often it was fetched anew since it was first stored: what asks for the next time shares one
    /// fetch.
    pub(super) generation: u64,
}

impl Stored {
    pub(super) fn new(head: response::Parts, body: Bytes, terms: Terms, generation: u64) -> Self {
        let mut headers = lasting(head.headers);
        headers.remove(header::AGE);
        headers.remove(header::CONTENT_LENGTH);
        if head.status == StatusCode::OK && !headers.contains_key(header::ETAG) {
            // Weak: an encoder outside may change the bytes.
            let etag = format!("{OWN_ETAG}{}\"", digest(&body));
            headers.extend(HeaderValue::try_from(etag).map(|etag| (header::ETAG, etag)));
        }
        Self {
            status: head.status,
            headers,
            body,
            terms,
            generation,
        }
    }

    /// The generation of what replaces it.
    pub(super) const fn next(&self) -> u64 {
        self.generation.saturating_add(1)
    }

    /// Asks its origin to answer only if it holds no more.
    pub(super) fn ask_whether_it_holds(&self, request: &mut HeaderMap) {
        if !self.terms.has_validator {
            return;
        }
        for (own, asking) in [
            (header::ETAG, header::IF_NONE_MATCH),
            (header::LAST_MODIFIED, header::IF_MODIFIED_SINCE),
        ] {
            let value = self.headers.get(own);
            let is_own = |value: &&HeaderValue| value.as_bytes().starts_with(OWN_ETAG.as_bytes());
            if let Some(value) = value.filter(|value| !is_own(value)) {
                request.insert(asking, value.clone());
            }
        }
    }

    /// Whether a 304 is about this response (RFC 9111 §4.3.4): by the validator that it names. One that names
    /// none is about what was asked for.
    pub(super) fn is_named_by(&self, confirmation: &HeaderMap) -> bool {
        let both = |name: &HeaderName| {
            let named = confirmation.get(name)?.as_bytes().trim_ascii();
            let own = self.headers.get(name);
            Some((named, own.map(|own| own.as_bytes().trim_ascii())))
        };
        if let Some((named, own)) = both(&header::ETAG) {
            // A strong one names a response that has the same, a weak one whatever has its like.
            let weak = b"W/".as_slice();
            return match named.strip_prefix(weak) {
                Some(named) => {
                    own.is_some_and(|own| own.strip_prefix(weak).unwrap_or(own) == named)
                }
                None => own == Some(named),
            };
        }
        let dates = both(&header::LAST_MODIFIED);
        dates.is_none_or(|(named, own)| own.is_none_or(|own| own == named))
    }

    /// The response that its origin says still holds, with what it says of it now (RFC 9111 §3.2).
    pub(super) fn confirmed(&self, by: HeaderMap) -> (response::Parts, Bytes) {
        let (mut head, ()) = axum::http::Response::new(()).into_parts();
        head.status = self.status;
        head.headers = self.headers.clone();
        // It is of now, whether it says so or not.
        head.headers.remove(header::DATE);
        // These are the body's, and a 304 has none.
        let of_body = [
            header::CONTENT_LENGTH,
            header::CONTENT_ENCODING,
            header::CONTENT_RANGE,
        ];
        let mut last = None;
        for (name, value) in lasting(by) {
            // The first line of a field comes with its name, further ones without.
            let is_first = name.is_some();
            let Some(name) = name.or_else(|| last.clone()) else {
                continue;
            };
            last = Some(name.clone());
            if of_body.contains(&name) {
            } else if is_first {
                head.headers.insert(name, value);
            } else {
                head.headers.append(name, value);
            }
        }
        (head, self.body.clone())
    }

    /// Whether a client whose copy is of this time has it.
    pub(super) fn is_unmodified_since(&self, request: &HeaderMap) -> bool {
        let modified = date(&self.headers, &header::LAST_MODIFIED);
        let since = date(request, &header::IF_MODIFIED_SINCE);
        modified
            .zip(since)
            .is_some_and(|(modified, since)| modified <= since)
    }
}

/// How the entity tags begin that are made here, of which an origin knows nothing.
const OWN_ETAG: &str = "W/\"larder-";

/// Fields that are not for one connection (RFC 9110 §7.6.1).
fn lasting(mut headers: HeaderMap) -> HeaderMap {
    let listed = headers.get_all(header::CONNECTION).iter();
    let listed = listed.filter_map(|line| line.to_str().ok());
    let listed = listed.flat_map(|line| line.split(','));
    let listed: Vec<_> = listed
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .collect();
    let known = [
        header::CONNECTION,
        header::PROXY_AUTHENTICATE,
        HeaderName::from_static("proxy-authentication-info"),
        HeaderName::from_static("proxy-connection"),
        HeaderName::from_static("keep-alive"),
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    for name in listed.iter().chain(&known) {
        headers.remove(name);
    }
    headers
}

/// [`CachedResponse`] as the tiers under memory keep it.
#[derive(Serialize, Deserialize)]
enum Wire {
    Response {
        status: u16,
        headers: Vec<(String, Bytes)>,
        body: Bytes,
        /// Age, lifetime and windows, in seconds.
        seconds: [u64; 4],
        has_validator: bool,
        generation: u64,
    },
    Varies(Vec<String>),
    Pass,
}

impl From<CachedResponse> for Wire {
    fn from(CachedResponse(kind): CachedResponse) -> Self {
        match kind {
            Kind::Response(stored) => {
                let field = |(name, value): (&HeaderName, &HeaderValue)| {
                    let value = Bytes::copy_from_slice(value.as_bytes());
                    (name.as_str().to_owned(), value)
                };
                let terms = stored.terms;
                let seconds = [
                    terms.initial_age,
                    terms.lifetime,
                    terms.while_revalidating,
                    terms.if_error,
                ];
                Self::Response {
                    status: stored.status.as_u16(),
                    headers: stored.headers.iter().map(field).collect(),
                    body: stored.body.clone(),
                    seconds: seconds.map(|time| time.as_secs()),
                    has_validator: terms.has_validator,
                    generation: stored.generation,
                }
            }
            Kind::Varies(names) => Self::Varies(names.iter().map(ToString::to_string).collect()),
            Kind::Pass => Self::Pass,
        }
    }
}

impl TryFrom<Wire> for CachedResponse {
    type Error = axum::http::Error;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        Ok(Self(match wire {
            Wire::Response {
                status,
                headers: fields,
                body,
                seconds,
                has_validator,
                generation,
            } => {
                let mut headers = HeaderMap::with_capacity(fields.len());
                for (name, value) in fields {
                    let value = HeaderValue::from_maybe_shared(value)?;
                    headers.append(HeaderName::try_from(name)?, value);
                }
                let [initial_age, lifetime, while_revalidating, if_error] =
                    seconds.map(Duration::from_secs);
                let terms = Terms {
                    initial_age,
                    lifetime,
                    while_revalidating,
                    if_error,
                    has_validator,
                };
                Kind::Response(Arc::new(Stored {
                    status: StatusCode::from_u16(status)?,
                    headers,
                    body,
                    terms,
                    generation,
                }))
            }
            Wire::Varies(names) => {
                let names = names.into_iter().map(HeaderName::try_from);
                Kind::Varies(names.collect::<Result<_, _>>()?)
            }
            Wire::Pass => Kind::Pass,
        }))
    }
}
