//! `get`, `ttl`, `explain`, `warm`; `config check`; `completions` and `man`.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::daemon::Daemon;
use super::metrics::wait_for;
use super::run::{Ended, end, larder};

/// Runs a command against the daemon, as its admin.
fn ask(home: &Path, daemon: &Daemon, arguments: &[&str]) -> Ended {
    let state = home.join("state");
    let server = ["--url", &daemon.url, "--state-dir", state.to_str().unwrap()];
    end(larder(home, arguments).args(server))
}

/// I3
#[test]
fn a_key_is_got_timed_explained_and_its_cache_warmed() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    let run = |arguments: &[&str]| ask(home.path(), &daemon, arguments);
    let warmed = wait_for("database", || {
        let ended = run(&["warm", "workstations"]);
        (ended.code == Some(0)).then_some(ended.stdout)
    });
    assert_eq!(warmed, "warmed 1 key of workstations, which holds 1\n");
    let refused = run(&["warm", "assistant_context"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("cannot be warmed"),
        "{}",
        refused.stderr
    );

    let key = ["workstations", "workstations_list"];
    let got = run(&[&["get"], &key[..]].concat());
    assert_eq!(
        (got.code, &*got.stdout),
        (Some(0), "[]\n"),
        "{}",
        got.stderr
    );
    assert!(got.stderr.contains("in Memory"), "{}", got.stderr);
    let ttl = run(&[&["ttl"], &key[..]].concat());
    assert!(
        ttl.stdout.contains("4m") || ttl.stdout.contains("5m"),
        "{}",
        ttl.stdout
    );
    let explained = run(&[&["explain"], &key[..]].concat());
    assert!(
        explained.stdout.starts_with("workstations_list: in Memory"),
        "{}",
        explained.stdout
    );
    for command in ["get", "ttl", "explain"] {
        let ended = run(&[&[command], &key[..], &["--json"]].concat());
        let known: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(known["held"]["tier"], "memory", "{command}");
    }
}

#[test]
fn a_key_that_is_not_held_or_none_has_its_exit_code() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    for (arguments, code, says) in [
        (
            ["get", "workstations", "workstations_9"],
            5,
            "holds nothing",
        ),
        (
            ["ttl", "workstations", "workstations_9"],
            5,
            "holds nothing",
        ),
        (["explain", "workstations", "workstations_9"], 0, ""),
        (["get", "workstations", "a/../b ?&"], 2, "a/../b ?&"),
        (["get", "letters", "a"], 5, "no cache is named"),
        (["get", "workstations", ""], 2, "expected a key"),
    ] {
        let ended = ask(home.path(), &daemon, &arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(says),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_configuration_is_checked_without_a_daemon() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("larder.toml");
    let check = |text: &str| {
        fs::write(&file, text).unwrap();
        end(&mut larder(
            home.path(),
            &["config", "check", file.to_str().unwrap()],
        ))
    };
    let good = check("[log]\nlevel = \"debug\"\n");
    assert_eq!((good.code, &*good.stderr), (Some(0), ""));
    assert!(good.stdout.starts_with("good: 1 of "), "{}", good.stdout);
    let bad = check("\n[log]\nlevel = \"loud\"\nlvel = 1\n");
    assert_eq!((bad.code, &*bad.stdout), (Some(2), ""));
    for part in [
        "larder.toml:3: log.level = \"loud\"",
        "larder.toml:4: unknown key `log.lvel`",
    ] {
        assert!(bad.stderr.contains(part), "{part} in {}", bad.stderr);
    }
    let missing = end(&mut larder(
        home.path(),
        &["config", "check", "/nowhere.toml"],
    ));
    assert_eq!(missing.code, Some(2));
    assert!(
        missing.stderr.contains("/nowhere.toml"),
        "{}",
        missing.stderr
    );
    let unset = end(&mut larder(home.path(), &["config", "check"]));
    assert!(unset.stdout.starts_with("good: 0 of "), "{}", unset.stdout);
}

#[test]
fn shells_complete_and_the_manual_has_a_page_for_each_command() {
    let home = tempfile::tempdir().unwrap();
    let script = home.path().join("larder.bash");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = end(&mut larder(home.path(), &["completions", shell]));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.contains("live-set"), "{shell}");
        if shell == "bash" {
            fs::write(&script, ended.stdout).unwrap();
        }
    }
    let parsed = end(Command::new("bash").arg("-n").arg(&script));
    assert_eq!(parsed.code, Some(0), "{}", parsed.stderr);

    let main = end(&mut larder(home.path(), &["man"]));
    assert!(main.stdout.contains(".TH larder 1"), "{}", main.stdout);
    let pages = home.path().join("man/man1");
    let ended = end(&mut larder(
        home.path(),
        &["man", "--dir", pages.to_str().unwrap()],
    ));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for page in ["larder.1", "larder-explain.1", "larder-config-check.1"] {
        let text = fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.contains(".TH"), "{page}");
    }
    let taken = end(&mut larder(
        home.path(),
        &["man", "--dir", script.to_str().unwrap()],
    ));
    assert_eq!(taken.code, Some(1));
    assert!(taken.stderr.contains("larder.bash"), "{}", taken.stderr);
}
