//! `cargo xtask loom`: every interleaving of the places where the cache's threads meet.
//!
//! The crate is built with `--cfg larder_loom`, its dependencies as they are; optimised, for loom's
//! threads have small stacks.

use anyhow::Context as _;
use serde_json::Value;

use crate::shell;

/// Switches between threads that none of them asked for, at most, in the long form.
const LONG_PREEMPTIONS: &str = "4";

/// Builds and runs the models; the long form looks at more executions of each.
pub(crate) fn run(is_long: bool) -> anyhow::Result<()> {
    let mut build = shell::cargo(&["rustc", "--package", "larder", "--lib"]);
    build.args([
        "--profile",
        "test",
        "--message-format",
        "json-render-diagnostics",
    ]);
    build.args(["--", "--cfg", "larder_loom", "-C", "opt-level=2"]);
    let messages = shell::output(build)?;
    let program = String::from_utf8(messages)?
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(str::to_owned))
        .next_back()
        .context("cargo names no test program")?;
    let mut models = std::process::Command::new(program);
    models
        .arg("proof::loom")
        .current_dir(shell::root().join("crates/larder"));
    if is_long {
        models.env("LOOM_MAX_PREEMPTIONS", LONG_PREEMPTIONS);
    }
    shell::run(models)
}
