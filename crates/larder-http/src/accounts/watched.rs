//! The roster as it is now, without reading it each time.
//!
//! It must not know what the roster says.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::roster::{Contents, Roster, RosterError};

pub(super) struct Watched {
    roster: Roster,
    /// Held while the disk is asked, by the one who asks: nobody waits for it.
    looking: Mutex<Mark>,
    /// Never held while the disk is asked.
    last: Mutex<Last>,
}

struct Last {
    contents: Arc<Contents>,
    /// Why these are not what the file says now.
    trouble: Option<String>,
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
        let trouble = None;
        Ok(Self {
            roster,
            looking: Mutex::new(mark),
            last: Mutex::new(Last { contents, trouble }),
        })
    }

    /// What the file says. One that cannot be read keeps what was known: the log says why. Where another
    /// caller is looking just now, whatever is known is told: nobody waits for that one's disk.
    pub(super) fn now(&self) -> Arc<Contents> {
        self.look();
        self.last.lock().contents.clone()
    }

    /// Why [`now`](Self::now) is not what the file says, if it is not.
    pub(super) fn trouble(&self) -> Option<String> {
        self.look();
        self.last.lock().trouble.clone()
    }

    fn look(&self) {
        if let Some(mut seen) = self.looking.try_lock() {
            off_the_runtime(|| self.look_since(&mut seen));
        }
    }

    fn look_since(&self, seen: &mut Mark) {
        let mark = Mark::of(self.roster.path());
        if *seen == mark {
            return;
        }
        let read = self.roster.read();
        let mut last = self.last.lock();
        match read {
            Ok(contents) => {
                last.contents = Arc::new(contents);
                last.trouble = None;
            }
            Err(error) => {
                tracing::error!(%error, "the accounts are as they were before");
                last.trouble = Some(error.to_string());
            }
        }
        *seen = mark;
    }
}

/// Runs what a disk may hold up, without holding up the other tasks of a runtime that has more threads.
fn off_the_runtime<T>(look: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(look),
        _ => look(),
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
