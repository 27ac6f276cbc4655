//! Which log files there are, and how far each has been read.
//!
//! It looks at directories and lengths; it opens no log.

use std::collections::HashSet;
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// How many bytes before the point reached are compared before a file is read on.
pub(super) const TAIL_MAX: usize = 256;
/// How deep directories are walked; what lies deeper is said to be unreadable.
const DEPTH_MAX: usize = 32;
/// The project of a log that lies in no directory of its own.
const NO_PROJECT: &str = "(no project)";

/// What tells one content of a path from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) device: u64,
    pub(super) inode: u64,
    /// Nanoseconds since 1970.
    pub(super) modified_ns: i64,
    /// Bytes.
    pub(super) length: u64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let (device, inode) = identity(metadata);
        let modified = metadata
            .modified()
            .ok()
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified_ns = modified.map_or(0, |since| {
            i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
        });
        Self {
            device,
            inode,
            modified_ns,
            length: metadata.len(),
        }
    }

    pub(super) fn same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// What names the file whatever its path; None where the system does not tell.
    pub(super) fn identity(&self) -> Option<(u64, u64)> {
        (self.inode != 0).then_some((self.device, self.inode))
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// What stands at `path`, links followed: device and inode, as far as the system tells. None if
/// nothing does, or it cannot be looked at.
pub(super) fn identity_at(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| identity(&metadata))
}

/// In which part of a line the point reached lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Within {
    /// At its start.
    #[default]
    Nothing,
    /// Behind a last line that was taken in without its newline.
    Taken,
    /// In a line that is too long and is skipped.
    TooLong,
}

/// How far a file has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reached {
    /// Up to here, lines have been taken in.
    pub(super) offset: u64,
    /// A hash of the bytes before it, [`TAIL_MAX`] at most.
    pub(super) tail: u64,
    pub(super) within: Within,
}

/// What lines without a message id are told apart by, besides what they say: a file keeps it when
/// it is moved, so that they do not count again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// The file whose path names it.
    pub(super) file: u32,
    /// Not 0 for another file that came to that path later.
    pub(super) successor: u32,
}

/// A log file that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FileState {
    pub(super) stamp: Stamp,
    pub(super) reached: Reached,
    /// The number of the reading from the start that is under way.
    pub(super) reading: u32,
    pub(super) exists: bool,
    /// Lines taken in by this reading.
    pub(super) lines: u64,
    /// Lines skipped by this reading.
    pub(super) skipped: u64,
    /// None for its own path.
    pub(super) place: Option<Place>,
}

/// What to do about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: it is as it was.
    Keep,
    /// Read on from the point reached, if what lies before it is unchanged.
    ReadOn,
    /// Read it from the start.
    Restart,
}

impl FileState {
    /// What `now` asks for.
    pub(super) fn step(&self, now: &Stamp) -> Step {
        if *now == self.stamp {
            Step::Keep
        } else if now.same_file(&self.stamp) && now.length > self.stamp.length {
            Step::ReadOn
        } else {
            Step::Restart
        }
    }
}

/// A log file as found on disk.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
}

/// What a look at the disk gave.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) files: Vec<Found>,
    /// Where everything was looked at: a known file there that was not found is gone.
    pub(super) scope: Scope,
    /// What could not be looked at, and why.
    pub(super) unreadable: Vec<(PathBuf, io::Error)>,
    /// Those of the roots that exist, if all were looked for.
    pub(super) found_roots: Option<Vec<PathBuf>>,
}

/// Which part of the disk was looked at.
#[derive(Debug, Default)]
pub(super) enum Scope {
    #[default]
    Everywhere,
    /// What is under these directories, and these files.
    Under(Vec<PathBuf>),
}

impl Findings {
    /// Whether a known file that was not found was out of sight, rather than gone.
    pub(super) fn hides(&self, path: &Path) -> bool {
        self.unreadable
            .iter()
            .any(|(place, _)| path.starts_with(place))
    }
}

/// Looks through every directory of `roots`. Links are followed, after everything else, and no
/// directory is looked at twice.
pub(super) fn walk(roots: &[PathBuf]) -> Findings {
    let mut walk = Walk::default();
    let mut found_roots = Vec::new();
    for root in roots {
        match root.canonicalize() {
            Ok(real) => {
                found_roots.push(root.clone());
                walk.enter(&real, DEPTH_MAX);
            }
            Err(error) => walk.fail(root, error),
        }
    }
    walk.follow_links();
    Findings {
        found_roots: Some(found_roots),
        ..walk.findings
    }
}

/// Looks at `paths` alone, and through those that are directories.
pub(super) fn look_at(paths: Vec<PathBuf>) -> Findings {
    let mut walk = Walk::default();
    let mut under = Vec::new();
    for path in paths {
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                walk.enter(&path, DEPTH_MAX);
                under.push(path);
            }
            Ok(metadata) => walk.note(&path, &metadata),
            Err(error) => {
                walk.fail(&path, error);
                under.push(path);
            }
        }
    }
    walk.follow_links();
    Findings {
        scope: Scope::Under(under),
        ..walk.findings
    }
}

#[derive(Default)]
struct Walk {
    findings: Findings,
    entered: HashSet<(u64, u64)>,
    links: Vec<(PathBuf, usize)>,
}

impl Walk {
    /// Looks through a directory, `depth` levels deep; at 0 it is too deep.
    fn enter(&mut self, directory: &Path, depth: usize) {
        let entries = fs::metadata(directory).and_then(|metadata| {
            let (device, inode) = identity(&metadata);
            if inode != 0 && self.entered.contains(&(device, inode)) {
                return Ok(None);
            }
            if depth == 0 {
                let reason = format!("it lies more than {DEPTH_MAX} directories deep");
                return Err(io::Error::other(reason));
            }
            self.entered.insert((device, inode));
            fs::read_dir(directory).map(Some)
        });
        let entries = match entries {
            Ok(Some(entries)) => entries,
            Ok(None) => return,
            Err(error) => return self.fail(directory, error),
        };
        for entry in entries {
            match entry.and_then(|entry| self.look(&entry, depth)) {
                Ok(()) => {}
                Err(error) => self.fail(directory, error),
            }
        }
    }

    fn look(&mut self, entry: &DirEntry, depth: usize) -> io::Result<()> {
        let kind = entry.file_type()?;
        if kind.is_dir() {
            self.enter(&entry.path(), depth - 1);
        } else if kind.is_symlink() {
            self.links.push((entry.path(), depth - 1));
        } else if is_log(Path::new(&entry.file_name())) {
            match entry.metadata() {
                Ok(metadata) => self.note(&entry.path(), &metadata),
                Err(error) => self.fail(&entry.path(), error),
            }
        }
        Ok(())
    }

    fn follow_links(&mut self) {
        while let Some((path, depth)) = self.links.pop() {
            match fs::metadata(&path) {
                Ok(metadata) if !metadata.is_dir() => self.note(&path, &metadata),
                // Without inodes a loop could not be told.
                Ok(metadata) if identity(&metadata).1 != 0 => self.enter(&path, depth),
                Ok(_) => {}
                Err(error) => self.fail(&path, error),
            }
        }
    }

    fn note(&mut self, path: &Path, metadata: &Metadata) {
        if metadata.is_file() && is_log(path) {
            self.findings.files.push(Found {
                path: path.to_owned(),
                stamp: Stamp::of(metadata),
            });
        }
    }

    /// What does not exist is no failure: it was removed meanwhile, or is not there yet.
    fn fail(&mut self, path: &Path, error: io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            self.findings.unreadable.push((path.to_owned(), error));
        }
    }
}

fn is_log(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "jsonl")
}

/// The project of a log, and its session for lines that name none: the first directory under
/// `projects`, and what comes after it.
pub(super) fn project_and_session(path: &Path, roots: &[PathBuf]) -> (String, String) {
    let below = roots
        .iter()
        .filter_map(|root| path.strip_prefix(root).ok())
        .min_by_key(|below| below.as_os_str().len());
    let parts: Vec<_> = below
        .unwrap_or(path)
        .iter()
        .map(|part| part.to_string_lossy())
        .collect();
    let (project, session) = match parts.as_slice() {
        [project, session, ..] => (project.to_string(), session.as_ref()),
        [session] => (NO_PROJECT.to_owned(), session.as_ref()),
        [] => (NO_PROJECT.to_owned(), ""),
    };
    (
        project,
        session.strip_suffix(".jsonl").unwrap_or(session).to_owned(),
    )
}
