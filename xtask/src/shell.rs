//! Runs other programs in the workspace's root.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// The workspace's root.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// The cargo that runs this program, ready to be run in the root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(root());
    command
}

/// Runs it to its end; anything but success is an error that names it.
pub(crate) fn run(mut command: Command) -> anyhow::Result<()> {
    let name = format!("{command:?}");
    let status = command
        .status()
        .with_context(|| format!("cannot run {name}"))?;
    ensure!(status.success(), "{name}: {status}");
    Ok(())
}

/// What it prints to stdout.
pub(crate) fn output(mut command: Command) -> anyhow::Result<Vec<u8>> {
    let name = format!("{command:?}");
    command.stderr(std::process::Stdio::inherit());
    let output = command
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    ensure!(output.status.success(), "{name}: {}", output.status);
    Ok(output.stdout)
}

/// The program of one of these names on the search path, or one of these
/// files.
pub(crate) fn find_program(names: &[&str], files: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path)
        .flat_map(|directory| names.iter().map(move |name| directory.join(name)));
    on_path
        .chain(files.iter().map(PathBuf::from))
        .find(|file| file.is_file())
}
