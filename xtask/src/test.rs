//! `cargo xtask test`: all tests, doctests too, after their set-up.

use crate::{models, setup, shell, switches};

/// What the long form sets: how long threads race, and how many histories are tried.
const LONG: [(&str, &str); 2] = [("LARDER_PROOF_SECONDS", "60"), ("PROPTEST_CASES", "5000")];

/// Runs the tests; `arguments` go to `cargo test`. Without any, or with `--long` alone, the models of
/// loom and shuttle run too.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let programs = setup::programs()?;
    let (long, arguments): (Vec<_>, Vec<_>) =
        arguments.iter().partition(|argument| *argument == "--long");
    let is_long = !long.is_empty();
    let mut tests = shell::cargo(&["test", "--workspace", "--exclude", "larder-bench"]);
    tests.args(&arguments).envs(programs);
    if is_long {
        tests.envs(LONG);
    }
    shell::run(tests)?;
    if arguments.is_empty() {
        models::loom(is_long)?;
        models::shuttle(is_long)?;
    }
    if is_long && arguments.is_empty() {
        switches::run()?;
    }
    Ok(())
}
