//! A Python that has the strict parsers of `PyPI`'s `prometheus-client`.
//!
//! It must not know what they read.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use crate::shell;

/// The variable that tells the tests where it is.
pub(super) const VARIABLE: &str = "PROMETHEUS_CLIENT";

const PACKAGE: &str = "prometheus-client==0.26.*";

/// The Python of an environment under `target`, which is made if it is not there.
pub(super) fn find_or_install() -> anyhow::Result<PathBuf> {
    let place = shell::root().join("target/prometheus-client");
    let python = place.join("bin/python");
    let mut import = Command::new(&python);
    import.args(["-c", "import prometheus_client"]);
    if python.is_file() && shell::run(import).is_ok() {
        return Ok(python);
    }
    println!("installing {PACKAGE} for the tests that strict parsers read the metrics");
    let mut make = Command::new(std::env::var_os("PYTHON3").unwrap_or_else(|| "python3".into()));
    make.args(["-m", "venv"]).arg(&place);
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", PACKAGE]);
    shell::run(make)
        .and_then(|()| shell::run(install))
        .with_context(|| {
            format!(
                "{PACKAGE} is needed: install it, and set ${VARIABLE} to the Python that has it"
            )
        })?;
    Ok(python)
}
