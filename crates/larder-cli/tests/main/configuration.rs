//! The configuration as users meet it: `config show` and a start that is
//! refused.

use std::path::Path;

use crate::run::{end, larder};

fn file(directory: &Path, text: &str) -> String {
    let path = directory.join("larder.toml");
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn every_value_is_shown_with_its_source() {
    let home = tempfile::tempdir().expect("a directory");
    let path = file(
        home.path(),
        "\n[claude_usage]\ninterval = \"5s\"\nhistory = 60\n",
    );
    let mut command = larder(
        home.path(),
        &["config", "show", "--effective", "--listen", "[::1]:80"],
    );
    let ended = end(command
        .env("LARDER_CONFIG", &path)
        .env("LARDER_CLAUDE_USAGE_HISTORY", "90"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines: Vec<String> = ended
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for expected in [
        "listen = \"[::1]:80\" # --listen".to_owned(),
        format!("interval = \"5s\" # {path}:3"),
        "history = 90 # $LARDER_CLAUDE_USAGE_HISTORY".to_owned(),
        "level = \"info\" # default".to_owned(),
    ] {
        assert!(lines.contains(&expected), "{expected} in\n{}", ended.stdout);
    }
}

#[test]
fn what_is_shown_can_be_used_as_a_file() {
    let home = tempfile::tempdir().expect("a directory");
    let show = ["config", "show", "--effective"];
    let shown = end(&mut larder(home.path(), &show)).stdout;
    let path = file(home.path(), &shown);
    let again = end(larder(home.path(), &show).env("LARDER_CONFIG", &path));
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let values = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| line.split("  #").next().unwrap_or("").trim().to_owned())
            .collect()
    };
    assert_eq!(values(&again.stdout), values(&shown));
}

#[test]
fn an_unknown_key_stops_the_start_with_its_place_and_the_nearest_key() {
    let home = tempfile::tempdir().expect("a directory");
    let path = file(home.path(), "[claude_usage]\nintervall = \"5s\"\n");
    let ended = end(&mut larder(home.path(), &["serve", "--config", &path]));
    assert_eq!(ended.code, Some(2));
    let expected = format!(
        "{path}:2: unknown key `claude_usage.intervall`; did you mean `claude_usage.interval`?"
    );
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
}

#[test]
fn anonymous_viewers_beyond_loopback_are_refused_at_the_start() {
    let home = tempfile::tempdir().expect("a directory");
    let mut command = larder(home.path(), &["serve", "--listen", "0.0.0.0:0"]);
    let ended = end(command.env("LARDER_AUTH_ANONYMOUS", "viewer"));
    assert_eq!(ended.code, Some(2));
    assert!(
        ended
            .stderr
            .contains("$LARDER_AUTH_ANONYMOUS: auth.anonymous = \"viewer\""),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let home = tempfile::tempdir().expect("a directory");
    let ended = end(&mut larder(
        home.path(),
        &["config", "show", "--config", "/no/such.toml"],
    ));
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("/no/such.toml"), "{}", ended.stderr);
}
