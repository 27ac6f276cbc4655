//! `cargo xtask miri`: the unit tests that Miri can run, under its eyes: undefined behaviour in what
//! the cache is built on, data races, leaks.
//!
//! It must not know what they check. Miri runs no foreign code and takes no locks on files: what is
//! compressed with Zstandard, and the disk tier, are left out.

use std::process::Command;

use anyhow::ensure;

use crate::shell;

/// What is run: the leaves, what goes through a file, and of the engine what takes few entries.
const TESTS: [&str; 16] = [
    "glob::tests::a_bad_pattern",
    "glob::tests::a_pattern_matches",
    "notes::",
    "policy::",
    "removal::",
    "tier::codec",
    "tier::envelope",
    "tier::log_item",
    "tier::memory::tests::a_note_stays",
    "tier::memory::tests::a_value_that_grows",
    "tier::memory::tests::a_weight_of_0",
    "tier::memory::tests::an_entry",
    "tier::memory::tests::capacity_0",
    "tier::memory::tests::only_the_version",
    "tier::memory::tests::threads_that_read",
    "tier::memory::tests::what_is_stored",
];
/// They compress with Zstandard.
const FOREIGN: [&str; 3] = [
    "any_bytes_decode",
    "what_compresses_well",
    "what_compression_does_not",
];
/// Of each property.
const CASES: &str = "2";

/// Runs them; takes minutes, for Miri interprets every step.
pub(crate) fn run() -> anyhow::Result<()> {
    let is_there = nightly(&["miri", "--version"]).output();
    ensure!(
        is_there.is_ok_and(|output| output.status.success()),
        "there is no Miri: `rustup toolchain install nightly --component miri,rust-src`"
    );
    let mut tests = nightly(&["miri", "test", "--package", "larder", "--lib", "--"]);
    tests.args(TESTS);
    for test in FOREIGN {
        tests.args(["--skip", test]);
    }
    tests.env("PROPTEST_CASES", CASES);
    tests.env("PROPTEST_FAILURE_PERSISTENCE", "off");
    // Seeds and clocks are the machine's.
    tests.env("MIRIFLAGS", "-Zmiri-disable-isolation");
    shell::run(tests)
}

/// The cargo of the nightly toolchain, which alone has Miri.
fn nightly(arguments: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command
        .args(["run", "nightly", "cargo"])
        .args(arguments)
        .current_dir(shell::root());
    command
}
