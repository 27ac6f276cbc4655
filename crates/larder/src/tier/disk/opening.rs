//! Opens a cache's file, whatever state it is in.
//!
//! A file that is damaged or is none of ours is renamed aside and the cache starts empty; one that
//! another process holds, or a directory that cannot be used, is an error. Must not know values.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use redb::Database;

use super::file::{File, settings};
use crate::tier::Recovered;

/// How long a process that is just ending may still hold the file.
const LOCK_WAIT: Duration = Duration::from_secs(1);
const LOCK_RETRY: Duration = Duration::from_millis(10);
/// Damaged files that are kept to be looked at.
const BAD_FILES_MAX: usize = 3;

/// What opens a file that is there, and makes one that is not.
pub(super) type Opener = dyn Fn(&Path) -> Result<Database, redb::DatabaseError> + Send + Sync;

/// Opens with redb's own backend.
pub(super) fn open_file(path: &Path) -> Result<Database, redb::DatabaseError> {
    settings().create(path)
}

/// Opens the file, or a new one in place of a bad one. Blocks: for the disk, and up to 1 s for a
/// lock.
///
/// # Errors
/// What a person can mend, as a text.
pub(super) fn open(path: &Path, schema: u64, opener: &Opener) -> Result<Opened, String> {
    match open_or_replace(path, schema, opener) {
        Ok((file, recovered)) => Ok(Opened::Ready(file, recovered)),
        Err(Refused::Full(reason)) => Ok(Opened::Full(File::none(path), reason)),
        Err(Refused::Unusable(reason) | Refused::Bad(reason)) => Err(reason),
    }
}

/// A file that was opened, or could not be because the disk is full: a start does not fail for that.
pub(super) enum Opened {
    Ready(File, Recovered),
    Full(File, String),
}

fn open_or_replace(
    path: &Path,
    schema: u64,
    opener: &Opener,
) -> Result<(File, Recovered), Refused> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)
            .map_err(|error| Refused::Unusable(format!("the directory cannot be made: {error}")))?;
    }
    let reason = match attempt(path, schema, opener) {
        Err(Refused::Bad(reason)) => reason,
        other => return other,
    };
    let aside = set_aside(path)
        .map_err(|error| Refused::Unusable(format!("{reason}; it cannot be renamed: {error}")))?;
    tracing::warn!(file = %path.display(), kept = %aside.display(), reason, "the disk tier's file is bad: the cache starts empty");
    attempt(path, schema, opener)
}

enum Refused {
    /// The file itself is bad.
    Bad(String),
    /// Something else is.
    Unusable(String),
    /// There is no room on the disk.
    Full(String),
}

fn attempt(path: &Path, schema: u64, opener: &Opener) -> Result<(File, Recovered), Refused> {
    let until = Instant::now() + LOCK_WAIT;
    loop {
        // redb may panic over pages that are damaged.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let database = opener(path)?;
            File::open(path, database, schema)
        }));
        match opened {
            Ok(Ok(opened)) => return Ok(opened),
            Ok(Err(redb::Error::DatabaseAlreadyOpen)) if Instant::now() < until => {
                std::thread::sleep(LOCK_RETRY);
            }
            Ok(Err(error)) => return Err(sorted(&error)),
            Err(_) => return Err(Refused::Bad("its pages are damaged".into())),
        }
    }
}

fn sorted(error: &redb::Error) -> Refused {
    match error {
        redb::Error::DatabaseAlreadyOpen => {
            Refused::Unusable("another process, or another cache of this one, holds it".into())
        }
        redb::Error::Io(io) if is_full(io.kind()) => Refused::Full(io.to_string()),
        redb::Error::Io(io) if !is_damage(io.kind()) => Refused::Unusable(io.to_string()),
        other => Refused::Bad(other.to_string()),
    }
}

fn is_damage(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
}

fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Renames a bad file to `<name>.bad-<n>` and keeps the newest few of those.
fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!("{name}.bad-");
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut kept: Vec<u64> = std::fs::read_dir(directory)?
        .flatten()
        .filter_map(|file| {
            file.file_name()
                .to_str()?
                .strip_prefix(&prefix)?
                .parse()
                .ok()
        })
        .collect();
    kept.sort_unstable();
    let next = kept.last().map_or(1, |last| last + 1);
    let aside = directory.join(format!("{prefix}{next}"));
    std::fs::rename(path, &aside)?;
    let surplus = (kept.len() + 1).saturating_sub(BAD_FILES_MAX);
    for number in &kept[..surplus] {
        std::fs::remove_file(directory.join(format!("{prefix}{number}")))?;
    }
    Ok(aside)
}
