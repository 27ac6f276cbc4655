//! The roster as it is now, without reading it each time.
//!
//! It must not know what the roster says.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;

use super::roster::{Contents, Roster, RosterError};

pub(super) struct Watched {
    roster: Roster,
    last: Mutex<(Mark, Arc<Contents>)>,
}

/// What changes with every change: a roster is never written in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark(Option<(u64, u64, SystemTime)>);

impl Watched {
    /// # Errors
    /// The file is there and cannot be read.
    pub(super) fn open(roster: Roster) -> Result<Self, RosterError> {
        let mark = Mark::of(roster.path());
        let contents = Arc::new(roster.read()?);
        let last = Mutex::new((mark, contents));
        Ok(Self { roster, last })
    }

    /// What the file says. One that cannot be read keeps what was known: the log says why.
    pub(super) fn now(&self) -> Arc<Contents> {
        let mark = Mark::of(self.roster.path());
        let mut last = self.last.lock();
        if last.0 != mark {
            match self.roster.read() {
                Ok(contents) => last.1 = Arc::new(contents),
                Err(error) => tracing::error!(%error, "the accounts are as they were before"),
            }
            last.0 = mark;
        }
        last.1.clone()
    }
}

impl Mark {
    fn of(path: &Path) -> Self {
        let read = || -> io::Result<_> {
            let found = fs::metadata(path)?;
            Ok((serial(&found), found.len(), found.modified()?))
        };
        Self(read().ok())
    }
}

#[cfg(unix)]
fn serial(found: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(found)
}

#[cfg(not(unix))]
fn serial(_: &fs::Metadata) -> u64 {
    0
}
