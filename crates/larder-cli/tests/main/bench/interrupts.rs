//! A run that is broken off by Ctrl-C.

use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use larder_testkit::poll;
use serde_json::Value;

use super::small::{Seen, Small, home};
use crate::run::larder;

/// Starts a run, and interrupts it once the server has seen so many requests at `/slow`.
fn interrupted(small: &Small, arguments: &[&str], after: u64) -> Output {
    let home = home();
    let url = format!("{}/slow", small.url);
    let mut command = larder(home.path(), &["bench", "run", &url, "--json", "-"]);
    command.args(arguments).args(["--warm-up", "0s"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let child = child.expect("it starts");
    let seen = poll("requests come", Duration::from_mins(1), || {
        (Seen::count(&small.seen.slow) >= after).then_some(())
    });
    interrupt(&child);
    let ended = child.wait_with_output().expect("it ends");
    seen.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&ended.stderr)));
    ended
}

fn interrupt(child: &Child) {
    let mut kill = Command::new("kill");
    let asked = kill.args(["-INT", &child.id().to_string()]).status();
    assert!(asked.expect("kill runs").success());
}

#[test]
fn an_interrupted_run_reports_the_repetitions_that_were_complete() {
    // Two requests a repetition and one before: the sixth belongs to the third.
    let run = ["-n", "2", "-c", "1", "-r", "1000"];
    let ended = interrupted(&Small::start(), &run, 6);
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    let report: Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    assert_eq!(report["is_interrupted"], true);
    assert_eq!(report["plan"]["repetitions"], 1_000);
    let side = &report["sides"][0];
    let complete = side["repetitions"].as_array().expect("a list").len();
    assert!((2..1_000).contains(&complete), "{complete}");
    assert_eq!(side["requests"], 2 * complete);
    let words = format!("interrupted: the report is of {complete} of 1000 repetitions");
    assert!(said.contains(&words), "{said}");
}

/// An open loop, which has its thread to itself.
#[test]
fn a_run_that_is_interrupted_in_its_first_repetition_says_that_there_is_no_report() {
    for rate in ["20", "0.001"] {
        let run = ["--rate", rate, "-z", "1h", "-r", "2"];
        let ended = interrupted(&Small::start(), &run, 2);
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(130), "{said}");
        assert!(said.contains("there is no report"), "{said}");
        assert!(ended.stdout.is_empty());
    }
}
