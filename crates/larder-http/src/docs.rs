//! `/docs` and `/openapi.json`: all routes, of the gateway and of the services, in one document.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::{Router, middleware};
use utoipa::OpenApi as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{self, Info, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{admin, advice, events, health, heat, history, loads, metrics};

/// The gateway's own routes.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    health::live,
    health::ready,
    health::health,
    health::info,
    admin::list,
    admin::show,
    admin::stats,
    admin::entries,
    admin::entry::entry,
    admin::changes::remove,
    admin::changes::put,
    admin::changes::invalidate,
    admin::changes::clear,
    admin::changes::warm,
    admin::changes::reset,
    admin::audit::audit,
    admin::config::config,
    admin::status::status,
    advice::keys,
    advice::recommendations,
    loads::loads,
    events::events,
    metrics::metrics,
    metrics::is_enabled,
    metrics::set_enabled,
    history::history,
    heat::latency,
))]
struct Own;

/// The document of a program's `name` and `version`, with what its services say of theirs.
pub(crate) fn document(
    name: &str,
    version: &str,
    services: impl IntoIterator<Item = OpenApi>,
) -> OpenApi {
    let mut all = Own::openapi();
    for service in services {
        all.merge(service);
    }
    for_each_operation(&mut all, name_by_tag);
    for_each_operation(&mut all, tell_refusals);
    let mut info = Info::new(name, version);
    info.description = Some(
        "Errors are RFC 9457 problems. A token goes into `Authorization: Bearer TOKEN`; what needs \
         which role stands with each route."
            .into(),
    );
    all.info = info;
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = all.components.get_or_insert_default();
    components.add_security_scheme("token", bearer);
    all
}

fn for_each_operation(document: &mut OpenApi, mut change: impl FnMut(&mut Operation)) {
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
        ];
        operations.into_iter().flatten().for_each(&mut change);
    }
}

/// Puts an operation's tag before its id: services have handlers of the same names, and generators of
/// clients want each id once.
fn name_by_tag(operation: &mut Operation) {
    let tag = operation.tags.as_ref().and_then(|tags| tags.first());
    if let (Some(id), Some(tag)) = (&mut operation.operation_id, tag) {
        *id = format!("{tag}_{id}");
    }
}

/// What needs a token is refused alike wherever it is.
fn tell_refusals(operation: &mut Operation) {
    if operation.security.as_ref().is_none_or(Vec::is_empty) {
        return;
    }
    for (status, description) in [
        ("401", "No token came with it, or one that is not good."),
        (
            "403",
            "The token's role does not suffice, or a page of another site asks.",
        ),
    ] {
        let response = openapi::Response::new(description).into();
        let responses = &mut operation.responses.responses;
        responses.entry(status.to_owned()).or_insert(response);
    }
}

/// What the page may do: it has styles in its elements, and no other page may show it, in which a click
/// could be led to what it sends.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Anyone may have the page: it holds no data, and asks for a token itself.
pub(crate) fn routes(document: OpenApi) -> Router {
    let pages = SwaggerUi::new("/docs")
        .url("/openapi.json", document)
        .config(Config::default().use_base_layout());
    Router::from(pages).layer(middleware::map_response(confined))
}

async fn confined(mut response: Response) -> Response {
    let policy = HeaderValue::from_static(POLICY);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}
