//! `cargo xtask ci`: what must hold before a change lands.

use std::time::Instant;

use anyhow::Context as _;

use crate::{shell, test, tidy};

type Step = (&'static str, fn() -> anyhow::Result<()>);

const STEPS: [Step; 5] = [
    ("format", format),
    ("lint", lint),
    ("tidy", tidy::run),
    ("document", document),
    ("test", || test::run(&[])),
];

/// Runs the steps in order up to the first that fails, and says how long each
/// took.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut summary = Vec::new();
    for (name, step) in STEPS {
        println!("==> {name}");
        let started = Instant::now();
        let result = step();
        let seconds = started.elapsed().as_secs_f64();
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        summary.push(format!("    {name:<10} {word:<7} {seconds:>7.1} s"));
        if let Err(error) = result {
            println!("{}", summary.join("\n"));
            return Err(error).with_context(|| format!("step `{name}`"));
        }
    }
    println!("==> all steps passed\n{}", summary.join("\n"));
    Ok(())
}

fn format() -> anyhow::Result<()> {
    shell::run(shell::cargo(&["fmt", "--all", "--check"]))
}

fn lint() -> anyhow::Result<()> {
    let arguments = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    shell::run(shell::cargo(&arguments))
}

fn document() -> anyhow::Result<()> {
    let mut doc = shell::cargo(&["doc", "--workspace", "--no-deps"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    shell::run(doc)
}
