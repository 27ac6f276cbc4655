//! `cargo xtask fuzz`: the targets of `fuzz/`, one after the other.
//!
//! It must not know what they check. The sanitizers, which need another compiler, are off: there is
//! no unsafe code of ours to watch.

use anyhow::{Context as _, bail, ensure};

use crate::shell;

const TARGETS: [&str; 8] = [
    "als", "codec", "config", "envelope", "glob", "key", "log_item", "osc",
];
const SECONDS: u32 = 60;

/// Runs each target for as many seconds, or the one that is named; stops at the first finding.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    ensure!(
        shell::find_program(&["cargo-fuzz"], &[]).is_some(),
        "there is no cargo-fuzz: `cargo install cargo-fuzz`"
    );
    let (seconds, target) = match arguments {
        [] => (SECONDS, None),
        [seconds] => (parsed(seconds)?, None),
        [seconds, target] => (parsed(seconds)?, Some(target.as_str())),
        _ => bail!("expected at most a number of seconds and a target"),
    };
    if let Some(target) = target {
        let names = TARGETS.join(", ");
        ensure!(TARGETS.contains(&target), "expected a target of {names}");
    }
    let chosen = TARGETS
        .into_iter()
        .filter(|name| target.is_none_or(|target| target == *name));
    for name in chosen {
        println!("==> {name}");
        let mut fuzz = shell::cargo(&["fuzz", "run", "--sanitizer", "none", name, "--"]);
        fuzz.arg(format!("-max_total_time={seconds}"));
        fuzz.args(["-print_final_stats=1", "-verbosity=0"]);
        // What instruments the code is not held back on a stable compiler, its switches are.
        fuzz.env("RUSTC_BOOTSTRAP", "1");
        shell::run(fuzz)?;
    }
    Ok(())
}

fn parsed(seconds: &str) -> anyhow::Result<u32> {
    seconds
        .parse()
        .with_context(|| format!("expected a number of seconds, got `{seconds}`"))
}
