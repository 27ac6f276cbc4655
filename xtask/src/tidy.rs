//! `cargo xtask tidy`: rules of the house that no compiler checks.
//!
//! Each check returns the complaints that it has; none stops at the first.

mod edges;
mod links;
mod modules;
mod rules;
mod scenarios;
mod sources;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::shell;

/// Directories that hold nothing of ours.
const SKIPPED: [&str; 2] = ["target", "node_modules"];

/// A file of the repository.
struct File {
    /// From the root, with `/` between names.
    path: String,
    text: String,
}

impl File {
    fn is_document(&self) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|extension| extension == "md")
    }
}

/// Runs every check and reports all complaints.
pub(crate) fn run() -> anyhow::Result<()> {
    let files = read_files(shell::root())?;
    let mut complaints = edges::check()?;
    complaints.extend(modules::check(&files));
    complaints.extend(links::check(&files, shell::root()));
    complaints.extend(rules::check(&files));
    complaints.extend(scenarios::check(&files));
    complaints.extend(sources::check(&files));
    if complaints.is_empty() {
        println!("tidy: {} files, nothing to complain about", files.len());
        return Ok(());
    }
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    bail!("{} complaints", complaints.len())
}

/// Every `.rs`, `.ts` and `.md` file of ours.
fn read_files(root: &Path) -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let entries = std::fs::read_dir(&directory)
            .with_context(|| format!("cannot list {}", directory.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                if !name.starts_with('.') && !SKIPPED.contains(&name.as_ref()) {
                    directories.push(path);
                }
            } else if is_ours(&path) {
                files.push(read(&path, root)?);
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn is_ours(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("rs" | "ts" | "md"))
}

fn read(path: &Path, root: &Path) -> anyhow::Result<File> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let from_root: PathBuf = path.strip_prefix(root)?.to_owned();
    let names: Vec<_> = from_root
        .iter()
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    Ok(File {
        path: names.join("/"),
        text,
    })
}
