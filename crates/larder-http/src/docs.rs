//! `/docs` and `/openapi.json`: all routes, of the gateway and of the services, in one document.

use axum::Router;
use utoipa::OpenApi as _;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Info, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{admin, events, health, history, metrics};

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
    admin::entry,
    admin::remove,
    admin::invalidate,
    admin::clear,
    events::events,
    metrics::metrics,
    metrics::is_enabled,
    metrics::set_enabled,
    history::history,
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

/// Anyone may have the page: it holds no data, and asks for a token itself.
pub(crate) fn routes(document: OpenApi) -> Router {
    SwaggerUi::new("/docs")
        .url("/openapi.json", document)
        .config(Config::default().use_base_layout())
        .into()
}
