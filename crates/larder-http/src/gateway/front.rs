//! What every request passes, in this order: where it comes from, whose it is, what that is good for; and
//! what is noted of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::Gateway;
use crate::audit::Change;
use crate::auth::{self, Caller, Role};
use crate::problem::{Problem, REQUEST_ID};
use crate::trace::TraceParent;

/// Names the request, checks the host and the token, counts the answer, and notes what was changed.
pub(super) async fn front(
    State(gateway): State<Arc<Gateway>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let number = gateway.request_number.fetch_add(1, Ordering::Relaxed);
    let id = format!("{:08x}-{number:x}", gateway.request_prefix);
    let id_value = HeaderValue::try_from(&id).ok();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let parent = TraceParent::of(request.headers());
    let own = parent.map_or_else(|| gateway.new_trace(), TraceParent::child);
    let span = span(&id, &request, (own, parent));
    let change = Change::of(&mut request, &id).await;
    if let Some(change) = &change {
        request.extensions_mut().insert(change.clone());
    }
    let mut response = REQUEST_ID
        .scope(id, async {
            match let_in(&gateway, &mut request, change.as_ref()) {
                Ok(()) => next.run(request).await,
                Err(problem) => {
                    // Which role it would have needed is not known yet.
                    change.iter().for_each(Change::note);
                    problem.into_response()
                }
            }
        })
        .instrument(span.clone())
        .await;
    // No browser is to take an answer for a page or a script that does not say so.
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if let Some(id) = id_value {
        response.headers_mut().insert("x-request-id", id);
    }
    if let Ok(own) = HeaderValue::try_from(own.to_string()) {
        response.headers_mut().insert("traceparent", own);
    }
    let route = route.as_ref().map(MatchedPath::as_str);
    let (status, took) = (response.status(), started.elapsed());
    answered(&span, route, status);
    let is_kept = parent.is_some() || own.is_sampled;
    let trace_id = if is_kept { own.trace_id } else { 0 };
    if let Some(action) = change.and_then(|change| change.answered(status)) {
        gateway.audit.add(action);
    }
    gateway
        .requests
        .record(&method, route, status, took, trace_id);
    response
}

/// The request in the log and in its trace: a span of its own, under its client's if that names one.
fn span(id: &str, request: &Request, (own, parent): (TraceParent, Option<TraceParent>)) -> Span {
    tracing::info_span!(
        target: "larder_http",
        "request",
        request_id = id,
        trace_id = own.trace_id,
        span_id = own.span_id,
        parent_id = parent.map(|parent| parent.span_id),
        sampled = own.is_sampled,
        http.request.method = request.method().as_str(),
        url.path = request.uri().path(),
        http.route = Empty,
        http.response.status_code = Empty,
    )
}

fn answered(span: &Span, route: Option<&str>, status: StatusCode) {
    if let Some(route) = route {
        span.record("http.route", route);
    }
    span.record("http.response.status_code", status.as_u16());
    let _entered = span.enter();
    tracing::debug!(status = status.as_u16(), "a request was answered");
}

/// Checks where a request comes from, and notes who makes it.
fn let_in(
    gateway: &Gateway,
    request: &mut Request,
    change: Option<&Change>,
) -> Result<(), Problem> {
    let (headers, hosts) = (request.headers(), &gateway.hosts);
    hosts.check(request.uri(), headers)?;
    hosts.check_origin(headers)?;
    let caller = gateway.access.caller(headers, request.uri());
    if let Ok(caller) = &caller {
        if let Some(change) = change {
            change.by(caller);
        }
        if caller.name.is_none() && !request.method().is_safe() {
            hosts.check_page(headers)?;
        }
    }
    request.extensions_mut().insert(Known(caller));
    Ok(())
}

/// Who the front found to make a request, or what is wrong with the token.
#[derive(Clone)]
struct Known(Result<Caller, Problem>);

impl Known {
    fn of(request: &Request) -> Result<Caller, Problem> {
        let known = request.extensions().get::<Self>();
        known.map_or_else(|| Ok(Caller::default()), |known| known.0.clone())
    }
}

/// Refuses a token that is not good, even where none is needed: all but the open routes, where one
/// whose token has expired gets a new one.
pub(super) async fn known(mut request: Request, next: Next) -> Response {
    match Known::of(&request) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// Lets in who has the role, and has noted who asks for a change, let in or not.
pub(super) async fn admit(needed: Role, request: Request, next: Next) -> Response {
    if needed >= Role::Operator
        && let Some(change) = request.extensions().get::<Change>()
    {
        change.note();
    }
    let admitted = Known::of(&request).and_then(|caller| auth::check(&caller, needed));
    match admitted {
        Ok(()) => known(request, next).await,
        Err(problem) => problem.into_response(),
    }
}
