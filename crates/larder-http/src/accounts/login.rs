//! `/api/auth/login` and `/api/auth/refresh`.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::limits::Refusal;
use super::sessions::{ACCESS, Kind};
use super::{Accounts, password};
use crate::body::JsonBody;
use crate::problem::Problem;

/// What the routes are, for people and programs.
pub(super) fn document() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(login, refresh))]
    struct Document;
    <Document as utoipa::OpenApi>::openapi()
}

pub(super) fn router(accounts: &Accounts) -> Router {
    Router::new()
        .route("/api/auth/login", post(login))
        .route("/api/auth/refresh", post(refresh))
        .with_state(accounts.clone())
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    username: String,
    password: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Refresh {
    refresh_token: String,
}

/// What a login brings.
#[derive(Serialize, utoipa::ToSchema)]
struct Issued {
    /// For `Authorization: Bearer`.
    access_token: String,
    /// For `/api/auth/refresh`, until seven days after the login.
    refresh_token: String,
    /// `bearer`.
    token_type: &'static str,
    /// Seconds that the access token is good.
    expires_in: u64,
}

#[utoipa::path(
    post, path = "/api/auth/login", tag = "auth",
    request_body = Login,
    responses(
        (status = OK, body = Issued, description = "An access token (30 minutes) and a refresh token (7 days)."),
        (status = UNAUTHORIZED, description = "No such user, or another password."),
        (status = TOO_MANY_REQUESTS, description = "Ten failed attempts with this name in a minute, or too many logins at once."),
    )
)]
async fn login(
    State(accounts): State<Accounts>,
    JsonBody(Login { username, password }): JsonBody<Login>,
) -> Result<Response, Problem> {
    let shared = &accounts.shared;
    if password.len() > password::BYTES_MAX {
        return Err(wrong());
    }
    let permits = shared
        .limits
        .admit(&username)
        .await
        .map_err(|refusal| too_many(&refusal))?;
    let contents = shared.roster.now();
    let (checked, name) = (contents.clone(), username.clone());
    let check = tokio::task::spawn_blocking(move || {
        // A client that goes away gives its place back only now.
        let _permits = permits;
        let user = checked.user(&name);
        password::matches(&password, user.map(|user| &*user.password))
    });
    let is_right = check.await.unwrap_or(false);
    let Some(user) = contents.user(&username).filter(|_| is_right) else {
        tracing::warn!(
            is_known = contents.user(&username).is_some(),
            "a login failed"
        );
        return Err(wrong());
    };
    shared.limits.forgive(&username);
    tracing::info!(user = user.name, "logged in");
    let refresh_token = shared.sessions.sign(&user.name, &user.id, Kind::Refresh);
    Ok(issued(&accounts, &user.name, &user.id, refresh_token))
}

#[utoipa::path(
    post, path = "/api/auth/refresh", tag = "auth",
    request_body = Refresh,
    responses(
        (status = OK, body = Issued, description = "A new access token, and the refresh token as it was given."),
        (status = UNAUTHORIZED, description = "The refresh token is not good, or its user was removed."),
    )
)]
async fn refresh(
    State(accounts): State<Accounts>,
    JsonBody(Refresh { refresh_token }): JsonBody<Refresh>,
) -> Result<Response, Problem> {
    let shared = &accounts.shared;
    let claims = shared.sessions.check(&refresh_token, Kind::Refresh);
    let claims = claims.and_then(|claims| shared.role_of_user(&claims).map(|_| claims));
    let claims =
        claims.map_err(|why| Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", why))?;
    Ok(issued(&accounts, &claims.sub, &claims.uid, refresh_token))
}

fn issued(accounts: &Accounts, name: &str, id: &str, refresh_token: String) -> Response {
    let issued = Issued {
        access_token: accounts.shared.sessions.sign(name, id, Kind::Access),
        refresh_token,
        token_type: "bearer",
        expires_in: ACCESS.as_secs(),
    };
    let mut response = Json(issued).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The same whether the name or the password is wrong.
fn wrong() -> Problem {
    let detail = "there is no user of this name with this password";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
}

fn too_many(refusal: &Refusal) -> Problem {
    let (detail, seconds) = match refusal {
        Refusal::Name(rest) => (
            "too many attempts to log in with this name",
            rest.as_secs() + 1,
        ),
        Refusal::Busy => ("too many logins at once", 1),
    };
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", detail)
        .retry_after(seconds as u32)
}
