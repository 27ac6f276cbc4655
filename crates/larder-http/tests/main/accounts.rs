//! Users, their sessions and opaque tokens, through the gateway.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, header};
use axum::routing::{get, post};
use larder::ManualClock;
use larder_http::{Access, Accounts, Gateway, Hosts, Mount, Role, Roster, RosterError};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

use super::{TOKEN, json as read, request, send};

const PASSWORD: &str = "correct horse battery";

struct House {
    directory: TempDir,
    roster: Roster,
    time: ManualClock,
    router: Router,
}

fn house() -> House {
    let directory = tempfile::tempdir().unwrap();
    let time = ManualClock::new();
    let router = router(&directory, &time);
    let roster = Roster::of(directory.path());
    House {
        directory,
        roster,
        time,
        router,
    }
}

/// A daemon on this state directory.
fn router(directory: &TempDir, time: &ManualClock) -> Router {
    let accounts = Accounts::open(directory.path(), time.clock()).unwrap();
    let known = accounts.clone();
    let access = Access::new(TOKEN, None).issuer(move |token| known.bearer(token));
    let (_, stopping) = watch::channel(false);
    let answer = || async { "served" };
    let service = Mount::new()
        .reads(Router::new().route("/read", get(answer)))
        .changes(Router::new().route("/change", post(answer)))
        .administration(Router::new().route("/reset", post(answer)));
    let gateway = Gateway::new("test", "1.2.3", access, Hosts::default(), stopping);
    gateway.mount(service).mount(accounts.mount()).into_router()
}

impl House {
    async fn post(&self, path: &str, body: &Value) -> Response<Body> {
        let request = Request::post(path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()));
        send(&self.router, request.unwrap()).await
    }

    async fn login(&self, name: &str, password: &str) -> (StatusCode, Value) {
        let body = json!({ "username": name, "password": password });
        read(self.post("/api/auth/login", &body).await).await
    }

    /// Logs in: the access token and the refresh token.
    async fn session(&self, name: &str) -> [String; 2] {
        let (status, issued) = self.login(name, PASSWORD).await;
        assert_eq!(status, StatusCode::OK, "{issued}");
        ["access_token", "refresh_token"].map(|member| issued[member].as_str().unwrap().to_owned())
    }

    /// How a read, a change and a reset with this token are answered.
    async fn statuses(&self, token: &str) -> [u16; 3] {
        let asked = [
            (Method::GET, "/read"),
            (Method::POST, "/change"),
            (Method::POST, "/reset"),
        ];
        let mut statuses = [0; 3];
        for (status, (method, path)) in statuses.iter_mut().zip(asked) {
            let answer = send(&self.router, request(method, path, Some(token))).await;
            *status = answer.status().as_u16();
        }
        statuses
    }

    async fn refusal(&self, token: &str) -> String {
        let refused = send(&self.router, request(Method::GET, "/read", Some(token))).await;
        let (status, problem) = read(refused).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        problem["detail"].as_str().unwrap().to_owned()
    }
}

/// I5
#[tokio::test]
async fn a_user_who_logs_in_may_do_what_the_role_says() {
    let house = house();
    for (name, role, expected) in [
        ("vera", Role::Viewer, [200, 403, 403]),
        ("otto", Role::Operator, [200, 200, 403]),
        ("ada", Role::Admin, [200, 200, 200]),
    ] {
        house.roster.add_user(name, role, PASSWORD).unwrap();
        let (status, issued) = house.login(name, PASSWORD).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            (&issued["token_type"], &issued["expires_in"]),
            (&json!("bearer"), &json!(1_800))
        );
        let token = issued["access_token"].as_str().unwrap();
        assert_eq!(house.statuses(token).await, expected, "{name}");
    }
}

#[tokio::test]
async fn accounts_that_cannot_be_read_stay_as_they_were_and_the_status_says_why() {
    let house = house();
    let token = house.roster.add_token("ci", Role::Admin).unwrap();
    let status = async || {
        let ask = request(Method::GET, "/v1/status", Some(TOKEN));
        let (_, told) = read(send(&house.router, ask).await).await;
        (told["state"].clone(), told["reasons"].to_string())
    };
    assert_eq!(house.statuses(&token).await, [200, 200, 200]);
    assert_eq!(status().await.0, "ready");
    let path = house.directory.path().join("accounts.json");
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, "{\n\"users\": [,\n").unwrap();
    let (state, reasons) = status().await;
    assert_eq!(state, "degraded");
    let says = ["accounts: as they were before", "accounts.json", "line 2"];
    assert!(says.iter().all(|part| reasons.contains(part)), "{reasons}");
    assert_eq!(house.statuses(&token).await, [200, 200, 200]);
    std::fs::write(&path, good).unwrap();
    assert_eq!(status().await.0, "ready");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_told_the_same() {
    let house = house();
    house.roster.add_user("ada", Role::Admin, PASSWORD).unwrap();
    let mut wrong = house.login("ada", "correct horse").await;
    let mut unknown = house.login("eve", PASSWORD).await;
    assert_eq!(wrong.0, StatusCode::UNAUTHORIZED);
    for (_, problem) in [&mut wrong, &mut unknown] {
        problem["request_id"] = Value::Null;
    }
    assert_eq!(wrong, unknown);
}

#[tokio::test]
async fn a_name_is_tried_ten_times_a_minute() {
    let house = house();
    house.roster.add_user("ada", Role::Admin, PASSWORD).unwrap();
    for _ in 0..10 {
        assert_eq!(
            house.login("ada", "a wrong one").await.0,
            StatusCode::UNAUTHORIZED
        );
    }
    let body = json!({ "username": "ada", "password": PASSWORD });
    let refused = house.post("/api/auth/login", &body).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "61");
    assert_eq!(
        house.login("eve", PASSWORD).await.0,
        StatusCode::UNAUTHORIZED
    );
    house.time.advance(Duration::from_mins(1));
    house.session("ada").await;
}

/// I5
#[tokio::test]
async fn an_access_token_ends_after_half_an_hour_and_a_session_after_seven_days() {
    let house = house();
    house
        .roster
        .add_user("otto", Role::Operator, PASSWORD)
        .unwrap();
    let [access, refresh] = house.session("otto").await;
    house.time.advance(Duration::from_mins(30));
    assert_eq!(house.refusal(&access).await, "this token has expired");
    assert!(house.refusal(&refresh).await.contains("refresh token"));

    let body = json!({ "refresh_token": refresh });
    let (status, renewed) = read(house.post("/api/auth/refresh", &body).await).await;
    assert_eq!(
        (status, &renewed["refresh_token"]),
        (StatusCode::OK, &json!(refresh))
    );
    let renewed = renewed["access_token"].as_str().unwrap();
    assert_eq!(house.statuses(renewed).await, [200, 200, 403]);

    let (status, _) = read(
        house
            .post("/api/auth/refresh", &json!({ "refresh_token": access }))
            .await,
    )
    .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    house.time.advance(Duration::from_hours(7 * 24));
    let (status, problem) = read(house.post("/api/auth/refresh", &body).await).await;
    assert_eq!(
        (status, &problem["detail"]),
        (StatusCode::UNAUTHORIZED, &json!("this token has expired"))
    );
}

#[tokio::test]
async fn a_user_who_is_removed_is_out_at_once_also_when_another_gets_the_name() {
    let house = house();
    house.roster.add_user("ada", Role::Admin, PASSWORD).unwrap();
    let [access, refresh] = house.session("ada").await;
    house.roster.remove_user("ada").unwrap();
    assert_eq!(
        house.refusal(&access).await,
        "the user of this token was removed"
    );
    house
        .roster
        .add_user("ada", Role::Viewer, "another password")
        .unwrap();
    assert_eq!(
        house.refusal(&access).await,
        "the user of this token was removed"
    );
    let refused = house
        .post("/api/auth/refresh", &json!({ "refresh_token": refresh }))
        .await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn sessions_outlive_the_daemon_and_end_with_its_key() {
    let house = house();
    house.roster.add_user("ada", Role::Admin, PASSWORD).unwrap();
    let [access, _] = house.session("ada").await;
    let house = House {
        router: router(&house.directory, &house.time),
        ..house
    };
    assert_eq!(house.statuses(&access).await, [200, 200, 200]);
    std::fs::remove_file(house.directory.path().join("sessions.key")).unwrap();
    let house = House {
        router: router(&house.directory, &house.time),
        ..house
    };
    assert_eq!(
        house.refusal(&access).await,
        "this token was not signed here"
    );
}

/// I5
#[tokio::test]
async fn a_token_of_another_algorithm_is_refused_with_the_reason() {
    let house = house();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhZGEiLCJyb2xlIjoiYWRtaW4ifQ.";
    assert!(house.refusal(none).await.contains("expected HS256"));
}

#[tokio::test]
async fn an_opaque_token_has_its_role_until_it_is_revoked() {
    let house = house();
    let token = house.roster.add_token("deploy", Role::Operator).unwrap();
    assert_eq!(token.len(), 64);
    assert_eq!(house.statuses(&token).await, [200, 200, 403]);
    let other = house.roster.add_token("monitor", Role::Viewer).unwrap();
    assert_eq!(house.statuses(&other).await, [200, 403, 403]);
    let kept = std::fs::read_to_string(house.directory.path().join("accounts.json")).unwrap();
    assert!(!kept.contains(&token), "only its digest is kept");
    house.roster.revoke_token("deploy").unwrap();
    assert_eq!(house.refusal(&token).await, "this token is not known here");
    assert_eq!(house.statuses(&other).await, [200, 403, 403]);
}

#[tokio::test]
async fn a_login_that_is_none_is_told_what_was_expected() {
    let house = house();
    for (body, status) in [
        (
            json!({ "username": "ada" }),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            json!({ "username": "ada", "password": 7 }),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            json!({ "username": "ada", "password": "x", "role": "admin" }),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            json!({ "username": "ada", "password": "x".repeat(2_000) }),
            StatusCode::UNAUTHORIZED,
        ),
        (
            json!({ "username": "ada", "password": "x".repeat(10 << 20) }),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ] {
        let refused = house.post("/api/auth/login", &body).await;
        assert_eq!(refused.status(), status);
        assert_eq!(
            refused.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
    }
}

#[test]
fn names_are_taken_once_and_what_is_not_there_is_not_removed() {
    let directory = tempfile::tempdir().unwrap();
    let roster = Roster::of(directory.path());
    roster.add_user("ada", Role::Admin, PASSWORD).unwrap();
    let again = roster.add_user("ada", Role::Viewer, PASSWORD).unwrap_err();
    assert_eq!(again.to_string(), "user \"ada\" is there already");
    assert!(matches!(
        roster.add_user("a b", Role::Admin, PASSWORD),
        Err(RosterError::Name(_))
    ));
    assert!(matches!(
        roster.add_user("eve", Role::Admin, "short"),
        Err(RosterError::Password)
    ));
    assert!(matches!(
        roster.remove_user("eve"),
        Err(RosterError::Unknown { .. })
    ));
    assert!(matches!(
        roster.revoke_token("ada"),
        Err(RosterError::Unknown { .. })
    ));
    let users = roster.users().unwrap();
    assert_eq!(
        (users.len(), &*users[0].name, users[0].role),
        (1, "ada", Role::Admin)
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let found = std::fs::metadata(directory.path().join("accounts.json")).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn two_who_change_the_roster_at_once_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for who in ["a", "b", "c", "d"] {
            let roster = Roster::of(directory.path());
            scope.spawn(move || {
                for number in 0..10 {
                    roster
                        .add_token(&format!("{who}{number}"), Role::Viewer)
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(Roster::of(directory.path()).tokens().unwrap().len(), 40);
}

#[tokio::test]
async fn a_roster_that_cannot_be_read_lets_nobody_new_in_and_is_named() {
    let house = house();
    let token = house.roster.add_token("deploy", Role::Operator).unwrap();
    assert_eq!(house.statuses(&token).await[0], 200);
    let path = house.directory.path().join("accounts.json");
    std::fs::write(&path, "{ not json").unwrap();
    assert_eq!(house.statuses(&token).await[0], 200, "what was known stays");
    let error = house.roster.users().unwrap_err().to_string();
    assert!(error.contains("accounts.json"), "{error}");
    assert!(Accounts::open(house.directory.path(), house.time.clock()).is_err());
}
