//! Finds the programs that tests use, and installs them where that is
//! possible.
//!
//! It must not know what the tests do with them.

mod parsers;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::shell;

/// A program that some test runs.
struct Program {
    /// How it is called on the search path, best first.
    names: &'static [&'static str],
    /// Where it lies when it is not on the search path.
    files: &'static [&'static str],
    /// The Debian package that has it.
    package: &'static str,
    /// What needs it.
    purpose: &'static str,
    /// The variable that tells the tests where it is.
    variable: &'static str,
}

const PROGRAMS: [Program; 7] = [
    Program {
        names: &["chromium", "chromium-browser", "google-chrome", "chrome"],
        files: &[
            "/usr/lib/chromium/chromium",
            "/snap/bin/chromium",
            "/Applications/Chromium.app/Contents/MacOS/Chromium",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        ],
        package: "chromium",
        purpose: "the dashboard's tests",
        variable: "CHROMIUM",
    },
    Program {
        names: &["python3"],
        files: &["/usr/bin/python3", "/usr/local/bin/python3"],
        package: "python3",
        purpose: "the independent count that the usage totals are held against",
        variable: "PYTHON3",
    },
    Program {
        names: &["redis-server", "valkey-server"],
        files: &["/usr/local/bin/redis-server"],
        package: "redis-server",
        purpose: "the tests against a real Redis, its sentinels (the same program) and its cluster",
        variable: "REDIS_SERVER",
    },
    Program {
        names: &["postgres"],
        files: &[
            "/usr/lib/postgresql/18/bin/postgres",
            "/usr/lib/postgresql/17/bin/postgres",
            "/usr/lib/postgresql/16/bin/postgres",
            "/usr/lib/postgresql/15/bin/postgres",
        ],
        package: "postgresql",
        purpose: "the tests against a real PostgreSQL",
        variable: "POSTGRES",
    },
    Program {
        names: &["promtool"],
        files: &[],
        package: "prometheus",
        purpose: "the tests that Prometheus can read the metrics",
        variable: "PROMTOOL",
    },
    Program {
        names: &["prometheus"],
        files: &[],
        package: "prometheus",
        purpose: "the test that a real Prometheus scrapes the daemon",
        variable: "PROMETHEUS",
    },
    Program {
        names: &["tmux"],
        files: &[],
        package: "tmux",
        purpose: "the tests of `larder top` in a real terminal",
        variable: "TMUX_PROGRAM",
    },
];

/// The variables that tell the tests where their programs are. One that is
/// set already is left as it is.
pub(crate) fn programs() -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    let wanted = PROGRAMS
        .iter()
        .filter(|program| std::env::var_os(program.variable).is_none());
    let mut found = wanted
        .map(|program| Ok((program.variable, find_or_install(program)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    if std::env::var_os(parsers::VARIABLE).is_none() {
        found.push((parsers::VARIABLE, parsers::find_or_install()?));
    }
    Ok(found)
}

fn find_or_install(program: &Program) -> anyhow::Result<PathBuf> {
    let find = || shell::find_program(program.names, program.files);
    if let Some(found) = find() {
        return Ok(found);
    }
    let Program {
        package,
        purpose,
        variable,
        ..
    } = program;
    if !can_install()? {
        bail!(
            "{purpose} need {package}: install the package `{package}`, or set ${variable} to the \
             program"
        );
    }
    println!("installing {package} for {purpose}");
    shell::run(apt(&["update", "-q"]))?;
    shell::run(apt(&[
        "install",
        "-y",
        "-q",
        "--no-install-recommends",
        package,
    ]))?;
    find().with_context(|| format!("{package} was installed, but its program was not found"))
}

/// Whether this is root on a system with Debian's packages.
fn can_install() -> anyhow::Result<bool> {
    let has_apt = Path::new("/etc/debian_version").exists()
        && shell::find_program(&["apt-get"], &[]).is_some();
    if !has_apt {
        return Ok(false);
    }
    let mut id = Command::new("id");
    id.arg("-u");
    Ok(shell::output(id)?.trim_ascii() == b"0")
}

fn apt(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}
