//! `cargo xtask loom` and `cargo xtask shuttle`: the places where the cache's threads meet, in every
//! interleaving, and with more threads in many that are chosen at random.
//!
//! The crate is built with `--cfg larder_loom` or `--cfg larder_shuttle`, its dependencies as they
//! are; optimised, for the models' threads have small stacks.

use std::process::Command;

use anyhow::Context as _;
use serde_json::Value;

use crate::shell;

/// Switches between threads that none of them asked for, at most, in the long form.
const LONG_PREEMPTIONS: &str = "4";
/// Schedules of each of shuttle's models in the long form.
const LONG_SCHEDULES: &str = "50000";

/// Every interleaving; the long form looks at more executions of each model.
pub(crate) fn loom(is_long: bool) -> anyhow::Result<()> {
    let mut models = built("larder_loom", "proof::loom")?;
    if is_long {
        models.env("LOOM_MAX_PREEMPTIONS", LONG_PREEMPTIONS);
    }
    shell::run(models)
}

/// Random schedules; more of them in the long form.
pub(crate) fn shuttle(is_long: bool) -> anyhow::Result<()> {
    let mut models = built("larder_shuttle", "proof::shuttle")?;
    if is_long {
        models.env("LARDER_SCHEDULES", LONG_SCHEDULES);
    }
    shell::run(models)
}

/// Builds the crate's tests with this setting; the program that runs those of this module.
fn built(setting: &str, module: &str) -> anyhow::Result<Command> {
    let mut build = shell::cargo(&["rustc", "--package", "larder", "--lib"]);
    build.args([
        "--profile",
        "test",
        "--message-format",
        "json-render-diagnostics",
    ]);
    build.args(["--", "--cfg", setting, "-C", "opt-level=2"]);
    let messages = shell::output(build)?;
    let program = String::from_utf8(messages)?
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(str::to_owned))
        .next_back()
        .context("cargo names no test program")?;
    let mut models = Command::new(program);
    models
        .arg(module)
        .current_dir(shell::root().join("crates/larder"));
    Ok(models)
}
