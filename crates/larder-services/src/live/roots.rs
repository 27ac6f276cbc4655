//! Which files a caller may name: sets under the configured directories, and nothing else.

use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Bytes of a path.
const PATH_BYTES_MAX: usize = 4_096;

/// The directories under which callers may name sets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roots(Vec<PathBuf>);

/// Why a file may not be named, or is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("expected the absolute path of a Live Set, ending in .als, without `..`")]
    NoSetPath,
    #[error("{0} is not under the directories that sets may be opened from (live.roots)")]
    Outside(String),
    #[error("there is no file {0}")]
    Absent(String),
    #[error("{0} cannot be read: {1}")]
    Unreadable(String, String),
}

impl Roots {
    pub(crate) fn new(roots: Vec<PathBuf>) -> Self {
        Self(roots)
    }

    /// The file that a text names, with links followed. Nothing outside the roots is looked at, and no
    /// file that is not called `.als`. Blocks on the disk.
    pub(crate) fn file(&self, text: &str) -> Result<PathBuf, Refused> {
        let path = Path::new(text);
        let is_plain = path
            .components()
            .all(|part| !matches!(part, Component::ParentDir | Component::CurDir));
        let is_set = path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("als"));
        if text.len() > PATH_BYTES_MAX
            || text.contains('\0')
            || !path.is_absolute()
            || !is_plain
            || !is_set
        {
            return Err(Refused::NoSetPath);
        }
        let outside = || Refused::Outside(text.to_owned());
        let real_roots: Vec<PathBuf> = self
            .0
            .iter()
            .filter_map(|root| root.canonicalize().ok())
            .collect();
        if !is_under(path, &self.0) && !is_under(path, &real_roots) {
            return Err(outside());
        }
        let real = path.canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                Refused::Absent(text.to_owned())
            }
            _ => Refused::Unreadable(text.to_owned(), error.kind().to_string()),
        })?;
        let is_set = real
            .extension()
            .map(OsStr::to_ascii_lowercase)
            .is_some_and(|ending| ending == "als");
        if !is_under(&real, &real_roots) || !is_set {
            return Err(outside());
        }
        // A pipe would be waited for.
        if !real.is_file() {
            return Err(Refused::Absent(text.to_owned()));
        }
        Ok(real)
    }
}

fn is_under(path: &Path, roots: &[PathBuf]) -> bool {
    roots.iter().any(|root| path.starts_with(root))
}
