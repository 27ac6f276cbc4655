//! `cargo xtask test`: all tests, doctests too, after their set-up.

use std::path::PathBuf;

use crate::{models, setup, shell, switches};

/// What the long form sets: how long threads race, and how many histories are tried.
const LONG: [(&str, &str); 2] = [("LARDER_PROOF_SECONDS", "60"), ("PROPTEST_CASES", "5000")];

/// The variable that names the only kind of server that tests start.
const STORE: &str = "LARDER_STORE";

/// Runs the tests; `arguments` go to `cargo test`. Without any, or with `--long` alone, those of the shared
/// store run on Valkey too, where it is installed, and the models of loom and shuttle.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let programs = setup::programs()?;
    let (long, arguments): (Vec<_>, Vec<_>) =
        arguments.iter().partition(|argument| *argument == "--long");
    let is_long = !long.is_empty();
    let mut tests = shell::cargo(&["test", "--workspace", "--exclude", "larder-bench"]);
    tests.args(&arguments).envs(programs.clone());
    if is_long {
        tests.envs(LONG);
    }
    shell::run(tests)?;
    if arguments.is_empty() {
        on_valkey(programs)?;
        models::loom(is_long)?;
        models::shuttle(is_long)?;
    }
    if is_long && arguments.is_empty() {
        switches::run()?;
    }
    Ok(())
}

fn on_valkey(programs: Vec<(&str, PathBuf)>) -> anyhow::Result<()> {
    let is_named = std::env::var_os("VALKEY_SERVER").is_some();
    let is_chosen = std::env::var_os(STORE).is_some();
    if is_chosen || (!is_named && shell::find_program(&["valkey-server"], &[]).is_none()) {
        return Ok(());
    }
    println!("==> on Valkey");
    let mut tests = shell::cargo(&["test", "-p", "larder-redis"]);
    tests.envs(programs).env(STORE, "valkey");
    shell::run(tests)
}
