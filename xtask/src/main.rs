//! Development tasks: `cargo xtask test`, `tidy`, `ci`.
//!
//! It must not be needed to build or run anything else.

mod ci;
mod fuzz;
mod miri;
mod models;
mod setup;
mod shell;
mod switches;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::bail;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [ARGS]   run all tests, installing what they need first where possible;
                ARGS go to `cargo test`; with --long, more cases and more time
  loom          every interleaving of the places where the cache's threads meet
  shuttle       the same with more threads, in ten thousand random schedules
  miri          the unit tests that Miri can run; needs a nightly toolchain with it
  fuzz [SECONDS] [TARGET]
                every parser and codec with input that a fuzzer chooses, for a
                minute each; needs cargo-fuzz, and g++ or clang++
  tidy          check what the compiler can't: crate graph, links, file sizes
  ci            formatting, lints, tidy, documentation and tests, each timed";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> anyhow::Result<()> {
    match arguments.split_first() {
        Some((command, rest)) if command == "test" => test::run(rest),
        Some((command, [])) if command == "loom" => models::loom(false),
        Some((command, [])) if command == "shuttle" => models::shuttle(false),
        Some((command, [])) if command == "miri" => miri::run(),
        Some((command, rest)) if command == "fuzz" => fuzz::run(rest),
        Some((command, [])) if command == "tidy" => tidy::run(),
        Some((command, [])) if command == "ci" => ci::run(),
        Some((command, [])) if ["help", "--help", "-h"].contains(&command.as_str()) => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("unknown arguments\n{USAGE}"),
    }
}
