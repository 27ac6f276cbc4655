//! `larder user` and `larder token`, beside a daemon that runs.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use super::daemon::Daemon;
use super::run::{Ended, end, larder};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A command on the state directory of the daemon of this home.
pub(crate) fn command(home: &Path, arguments: &[&str]) -> Ended {
    let mut command = larder(home, arguments);
    end(command.env("LARDER_STATE_DIR", home.join("state")))
}

/// As [`command`], with a line on standard input.
pub(crate) fn command_with(home: &Path, arguments: &[&str], line: &str) -> Ended {
    let mut command = larder(home, arguments);
    command.env("LARDER_STATE_DIR", home.join("state"));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{line}").unwrap();
    let ended = child.wait_with_output().unwrap();
    Ended {
        code: ended.status.code(),
        stdout: String::from_utf8(ended.stdout).unwrap(),
        stderr: String::from_utf8(ended.stderr).unwrap(),
    }
}

/// Status and body of a request with a token.
pub(crate) fn ask(
    daemon: &Daemon,
    method: &str,
    path: &str,
    token: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent: ureq::Agent = config.build().into();
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{}{path}", daemon.url));
    let request = if token.is_empty() {
        request
    } else {
        request.header("authorization", format!("Bearer {token}"))
    };
    let answer = match body {
        Some(body) => {
            let request = request.header("content-type", "application/json");
            agent.run(request.body(body.to_string()).unwrap())
        }
        None => agent.run(request.body(()).unwrap()),
    };
    let mut answer = answer.expect("the daemon answers");
    let body = answer.body_mut().read_to_string().unwrap();
    (
        answer.status().as_u16(),
        serde_json::from_str(&body).unwrap_or(Value::Null),
    )
}

#[test]
fn a_user_that_is_made_logs_in_and_one_that_is_removed_is_out() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let daemon = Daemon::start(home, &[]);
    let added = command_with(home, &["user", "add", "ada", "--role", "admin"], PASSWORD);
    assert_eq!(
        (added.code, &*added.stdout),
        (Some(0), "ada may log in as admin\n"),
        "{}",
        added.stderr
    );
    let login = json!({ "username": "ada", "password": PASSWORD });
    let (status, issued) = ask(&daemon, "POST", "/api/auth/login", "", Some(&login));
    assert_eq!(status, 200, "{issued}");
    let token = issued["access_token"].as_str().unwrap();
    let reset = "/api/performance/cache-stats";
    assert_eq!(ask(&daemon, "GET", reset, token, None).0, 200);
    let list = command(home, &["user", "list", "--json"]);
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(
        (&list[0]["name"], &list[0]["role"]),
        (&json!("ada"), &json!("admin"))
    );
    assert_eq!(command(home, &["user", "remove", "ada"]).code, Some(0));
    assert_eq!(ask(&daemon, "GET", reset, token, None).0, 401);
    assert_eq!(
        ask(&daemon, "POST", "/api/auth/login", "", Some(&login)).0,
        401
    );
}

#[test]
fn a_token_that_is_made_has_its_role_until_it_is_revoked() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let daemon = Daemon::start(home, &[]);
    let made = command(home, &["token", "make", "deploy", "--role", "operator"]);
    let token = made.stdout.trim();
    assert_eq!((made.code, token.len()), (Some(0), 64), "{}", made.stderr);
    let body = json!({ "name": "pc-1", "host": "a" });
    assert_eq!(
        ask(&daemon, "POST", "/api/workstations", token, Some(&body)).0,
        201
    );
    assert_eq!(
        ask(&daemon, "POST", "/api/performance/cache-clear", token, None).0,
        403
    );
    let list = command(home, &["token", "list"]).stdout;
    assert!(
        list.contains("deploy") && list.contains("operator") && !list.contains(token),
        "{list}"
    );
    assert_eq!(
        command(home, &["token", "revoke", "deploy"]).stdout,
        "deploy is revoked\n"
    );
    assert_eq!(
        ask(&daemon, "POST", "/api/workstations", token, Some(&body)).0,
        401
    );
}

#[test]
fn what_cannot_be_made_or_removed_is_wrong_usage_with_the_reason() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let short = command_with(home, &["user", "add", "ada", "--role", "viewer"], "short");
    assert!(
        short.code == Some(2) && short.stderr.contains("8 to 1024 bytes"),
        "{}",
        short.stderr
    );
    let role = command(home, &["user", "add", "ada", "--role", "king"]);
    assert!(
        role.code == Some(2) && role.stderr.contains("viewer, operator or admin"),
        "{}",
        role.stderr
    );
    let unknown = command(home, &["token", "revoke", "deploy"]);
    assert!(
        unknown.code == Some(2) && unknown.stderr.contains("no token \"deploy\""),
        "{}",
        unknown.stderr
    );
    assert_eq!(
        command(home, &["token", "make", "a", "--role", "viewer"]).code,
        Some(0)
    );
    let again = command(home, &["token", "make", "a", "--role", "viewer"]);
    assert!(
        again.code == Some(2) && again.stderr.contains("there already"),
        "{}",
        again.stderr
    );
}
