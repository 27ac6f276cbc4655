//! What protects the shared store, taken out one at a time: the checker of histories over a real server
//! must notice each.
//!
//! It must not know what the checks are.

use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::shell;

/// The check that is taken out, the faults and the seed by which that is found.
const OUT: [(&str, &str, &str); 5] = [
    ("Gate", "processstop,holetoclient", "1"),
    ("Suspect", "none", "1"),
    ("SharedLog", "none", "1"),
    ("Life", "serveroldcopy", "1"),
    ("Tracker", "halfopentracker", "1"),
];
/// What is built and run.
const EXAMPLE: [&str; 6] = [
    "-p",
    "larder-redis",
    "--features",
    "switches",
    "--example",
    "history",
];
/// Of each history; what is missing shows sooner.
const SECONDS: &str = "40";

/// Runs a history with all of them, and one without each.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut build = shell::cargo(&["build", "--release"]);
    build.args(EXAMPLE);
    shell::run(build)?;
    ensure!(
        history(&[]).status()?.success(),
        "a promise of the shared store was broken"
    );
    for (check, faults, seed) in OUT {
        println!("==> without {check}");
        let arguments = ["--faults", faults, "--seed", seed, "--without", check];
        let status = history(&arguments)
            .status()
            .context("cannot run the checker")?;
        ensure!(
            status.code() == Some(1),
            "the checker has not noticed that {check} is missing: {status}"
        );
    }
    Ok(())
}

fn history(arguments: &[&str]) -> Command {
    let mut history = shell::cargo(&["run", "--release", "--quiet"]);
    history
        .args(EXAMPLE)
        .args(["--", "--instances", "3", "--seconds", SECONDS]);
    history.args(arguments);
    history
}
