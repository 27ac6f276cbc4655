//! `cargo xtask test`: all tests, doctests too, after their set-up.

use crate::{setup, shell};

/// Runs the tests; `arguments` go to `cargo test`.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let programs = setup::programs()?;
    let mut tests = shell::cargo(&["test", "--workspace", "--exclude", "larder-bench"]);
    tests.args(arguments).envs(programs);
    shell::run(tests)
}
