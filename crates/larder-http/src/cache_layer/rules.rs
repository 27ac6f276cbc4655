//! What a shared cache may store and serve (RFC 9111 §3 and §4, RFC 5861). Pure: heads of messages and
//! durations in, a verdict out; knows no caches and no bodies.

use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request, response};

use super::control::{Control, TIME_MAX, delta_seconds};

/// The most fields that a response may vary by.
const VARY_MAX: usize = 16;
/// What is past its time is kept for this long if its origin can be asked whether it still holds.
const KEPT_FOR_VALIDATION: Duration = Duration::from_hours(1);

/// For how long a response is stored, and what it may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// Its age when it came.
    pub(super) initial_age: Duration,
    /// The age from which on it is stale.
    pub(super) lifetime: Duration,
    /// For how long it is served stale while it is fetched anew.
    pub(super) while_revalidating: Duration,
    /// For how long it stands in for an origin that fails.
    pub(super) if_error: Duration,
    /// Whether its origin can be asked whether it still holds.
    pub(super) has_validator: bool,
}

impl Terms {
    /// For how long it is of any use.
    pub(super) fn kept_for(&self) -> Duration {
        let fresh = self.lifetime.saturating_sub(self.initial_age);
        let validated = if self.has_validator {
            KEPT_FOR_VALIDATION
        } else {
            Duration::ZERO
        };
        fresh.saturating_add(self.while_revalidating.max(self.if_error).max(validated))
    }

    /// As they are for a response that took so long to be read.
    pub(super) fn later_by(self, reading: Duration) -> Self {
        Self {
            initial_age: self.initial_age.saturating_add(reading),
            ..self
        }
    }
}

/// When a response came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) wall: SystemTime,
    /// How long after it was asked for.
    pub(super) delay: Duration,
}

/// What becomes of a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is stored, for requests that have the same values of these fields.
    Store(Terms, Vec<HeaderName>),
    /// It is for this client alone, and the next one of the same URL likely too.
    Pass,
    /// It is for this client alone, which says nothing of the next one.
    Leave,
}

/// Whether a response to a GET may be stored. `default_ttl` is for one of a known length that says
/// nothing of how long it is fresh.
pub(super) fn judge(
    head: &response::Parts,
    arrival: Arrival,
    default_ttl: Option<Duration>,
) -> Verdict {
    if !matches!(
        head.status.as_u16(),
        200 | 203 | 204 | 300 | 301 | 404 | 410
    ) {
        return Verdict::Leave;
    }
    let headers = &head.headers;
    let control = Control::of(headers);
    let is_barred = control.no_store
        || control.private
        || headers.contains_key(header::SET_COOKIE)
        || headers.contains_key(header::CONTENT_RANGE)
        || is_stream(headers);
    match varies_by(headers) {
        Some(names) if !is_barred => match terms(headers, control, arrival, default_ttl) {
            Some(terms) => Verdict::Store(terms, names),
            None => Verdict::Pass,
        },
        _ => Verdict::Pass,
    }
}

fn terms(
    headers: &HeaderMap,
    control: Control,
    arrival: Arrival,
    default_ttl: Option<Duration>,
) -> Option<Terms> {
    let explicit = control.s_maxage.or(control.max_age);
    let lifetime = explicit.or_else(|| expires_in(headers, arrival));
    let has_validator =
        headers.contains_key(header::ETAG) || headers.contains_key(header::LAST_MODIFIED);
    let lifetime = match lifetime.or(default_ttl) {
        _ if control.no_cache => Duration::ZERO,
        Some(lifetime) => lifetime,
        None => return None,
    };
    let is_strict = control.must_revalidate || control.no_cache;
    let window = |given: Option<Duration>| given.filter(|_| !is_strict).unwrap_or_default();
    let terms = Terms {
        initial_age: initial_age(headers, arrival),
        lifetime,
        while_revalidating: window(control.stale_while_revalidate),
        if_error: window(control.stale_if_error),
        has_validator,
    };
    (!terms.kept_for().is_zero()).then_some(terms)
}

/// Whether a response says itself for how long it is fresh.
pub(super) fn is_explicit(headers: &HeaderMap) -> bool {
    let control = Control::of(headers);
    control.s_maxage.is_some() || control.max_age.is_some() || headers.contains_key(header::EXPIRES)
}

/// Whether a body of this type is sent bit by bit, and may never end.
fn is_stream(headers: &HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE);
    let media = media.map(|media| media.as_bytes().to_ascii_lowercase());
    let streams: [&[u8]; 3] = [
        b"text/event-stream",
        b"multipart/x-mixed-replace",
        b"application/grpc",
    ];
    media.is_some_and(|media| streams.iter().any(|stream| media.starts_with(stream)))
}

/// The age of a response when it came (RFC 9111 §4.2.3): since its `Date`, or by its `Age` and what went by
/// since it was asked for, whichever is more. Of an `Age` the first value counts, and one that is no number
/// does not (§5.1).
fn initial_age(headers: &HeaderMap, arrival: Arrival) -> Duration {
    let age = headers.get(header::AGE).and_then(|age| age.to_str().ok());
    let age = age.and_then(|ages| delta_seconds(ages.split(',').next()?.trim()));
    let corrected = age.unwrap_or_default() + arrival.delay;
    let made = date(headers, &header::DATE);
    let apparent = made.and_then(|made| arrival.wall.duration_since(made).ok());
    // A date has no fractions of a second.
    let apparent = Duration::from_secs(apparent.unwrap_or_default().as_secs());
    apparent.max(corrected).min(TIME_MAX)
}

/// `Expires` as a time from when the response was made. A date that cannot be read is in the past.
fn expires_in(headers: &HeaderMap, arrival: Arrival) -> Option<Duration> {
    headers.get(header::EXPIRES)?;
    let made = date(headers, &header::DATE).unwrap_or(arrival.wall);
    let until = date(headers, &header::EXPIRES).and_then(|end| end.duration_since(made).ok());
    Some(until.unwrap_or_default().min(TIME_MAX))
}

/// A field that is a date.
pub(super) fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

/// Gives a response that has no date, or none that can be read, the one of when it came (RFC 9110 §6.6.1).
pub(super) fn set_date(headers: &mut HeaderMap, came: SystemTime) {
    /// The seconds since 1970 of the year 10000, which no date can tell.
    const YEAR_10000: u64 = 253_402_300_800;
    let is_told = |since_1970: Duration| since_1970.as_secs() < YEAR_10000;
    let can_be_told = came
        .duration_since(SystemTime::UNIX_EPOCH)
        .is_ok_and(is_told);
    if date(headers, &header::DATE).is_none()
        && can_be_told
        && let Ok(came) = HeaderValue::try_from(httpdate::fmt_http_date(came))
    {
        headers.insert(header::DATE, came);
    }
}

/// The fields that a response varies by, in order; `None` if they are all, too many, or none that there
/// can be.
fn varies_by(headers: &HeaderMap) -> Option<Vec<HeaderName>> {
    let mut names = Vec::new();
    for line in headers.get_all(header::VARY) {
        for name in line.to_str().ok()?.split(',').map(str::trim) {
            if !name.is_empty() {
                // `*` is no name of a field, though one that could be sent.
                let name = HeaderName::try_from(name).ok();
                names.push(name.filter(|name| name != "*")?);
            }
        }
    }
    names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
    (names.len() <= VARY_MAX).then_some(names)
}

/// Whether a response means that its origin fails, for which a stale one may stand in (RFC 5861 §4).
pub(super) fn is_failure(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// What a stored response may be used for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Serve,
    /// Serve it, and fetch it anew meanwhile.
    ServeStale,
    /// Fetch it anew; it may stand in if that fails.
    Fallback,
    /// Fetch it anew.
    Nothing,
}

/// What may be done for a client with a response of this age. `asked` is empty where a client's
/// directives count for nothing.
pub(super) fn usage(terms: &Terms, age: Duration, asked: &Control) -> Use {
    let is_young = asked.max_age.is_none_or(|max| age <= max)
        && asked
            .min_fresh
            .is_none_or(|min| age.saturating_add(min) <= terms.lifetime);
    if asked.no_cache || !is_young {
        return Use::Nothing;
    }
    let past = age.saturating_sub(terms.lifetime);
    if age < terms.lifetime {
        Use::Serve
    } else if past < terms.while_revalidating {
        Use::ServeStale
    } else if past < terms.if_error {
        Use::Fallback
    } else {
        Use::Nothing
    }
}

/// Whether a request has to do with no stored response, whatever that is: what it asks for is a part,
/// another protocol, or depends on the state at its origin.
pub(super) fn passes_by(head: &request::Parts) -> bool {
    let fields = [
        header::RANGE,
        header::IF_RANGE,
        header::IF_MATCH,
        header::IF_UNMODIFIED_SINCE,
        header::UPGRADE,
        header::EXPECT,
    ];
    fields.iter().any(|field| head.headers.contains_key(field))
}

/// Whether a request names its user.
pub(super) fn is_personal(headers: &HeaderMap) -> bool {
    let fields = [
        header::AUTHORIZATION,
        header::COOKIE,
        header::PROXY_AUTHORIZATION,
    ];
    fields.iter().any(|field| headers.contains_key(field))
}
