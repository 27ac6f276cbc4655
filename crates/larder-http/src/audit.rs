//! What was changed by request: who asked for what, and what came of it; also what was refused.
//!
//! ```text
//! front ─► Change ─► the handler says what it is about ─► AuditLog: the newest in memory ─► a thread ─► file
//! ```
//! A request waits for none of it. It must not know what a change does.

mod change;
mod file;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::auth::Role;
use crate::writer::Writer;

pub(crate) use change::Change;
use file::Lines;

/// Actions that are told.
const NEWEST: usize = 1_000;
/// Actions that wait to be written.
const WAITING_MAX: usize = 1_024;
/// Refused requests that are noted in a [`REFUSED_PERIOD`]; more are counted. Whoever may change nothing
/// must not push out of the log what was changed.
const REFUSED_MAX: usize = 120;
const REFUSED_PERIOD: Duration = Duration::from_mins(1);

/// What a request asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// RFC 3339, when it was answered.
    pub(crate) at: String,
    /// Whose token it came with.
    pub(crate) actor: String,
    pub(crate) role: Option<Role>,
    pub(crate) request_id: String,
    /// `invalidate`, `clear`, `delete`, `put`, `warm`, `reset`, `metrics`; of a service the last word of its route.
    pub(crate) action: String,
    pub(crate) cache: Option<String>,
    /// What of the cache: `key 7`, `tag team:7`, as far as it was read; of a service `POST /api/stop`.
    pub(crate) scope: Option<String>,
    pub(crate) dry_run: bool,
    /// Entries that it met.
    pub(crate) matched: Option<u64>,
    /// `done`, `everywhere`, `here`, `counted`; `refused` or `failed`.
    pub(crate) outcome: String,
    /// Of the answer.
    pub(crate) status: u16,
}

/// What was changed by request. In memory, and in a file if it is given one.
pub(crate) struct AuditLog {
    kept: Mutex<Kept>,
    /// Of lines.
    writer: Option<Writer<String>>,
}

struct Kept {
    /// Oldest first.
    newest: VecDeque<Record>,
    /// Neither in the file nor, if they were refused, in memory.
    dropped: u64,
    /// Lines of the file that say nothing.
    unreadable: u64,
    refused: usize,
    refused_since: Instant,
}

/// What there is to tell.
pub(crate) struct Told {
    /// Newest first.
    pub(crate) actions: Vec<Record>,
    pub(crate) dropped: u64,
    pub(crate) unreadable: u64,
}

impl Default for AuditLog {
    fn default() -> Self {
        Self::of(file::Read::default(), None)
    }
}

impl AuditLog {
    /// One that goes on where the file at `path` ends. Blocks on the disk.
    pub(crate) fn in_file(path: PathBuf) -> Self {
        let (read, trouble) = match file::read(&path, NEWEST) {
            Ok(read) => (read, None),
            Err(error) => (file::Read::default(), Some(error)),
        };
        let mut lines = Lines::at(path);
        let name = ("larder-audit", "the audit log");
        let write = move |line: String| lines.add(&line);
        Self::of(read, Some(Writer::start(name, WAITING_MAX, trouble, write)))
    }

    fn of(read: file::Read, writer: Option<Writer<String>>) -> Self {
        let kept = Kept {
            newest: read.actions.into(),
            dropped: 0,
            unreadable: read.unreadable,
            refused: 0,
            refused_since: Instant::now(),
        };
        Self {
            kept: Mutex::new(kept),
            writer,
        }
    }

    /// Notes an action. Never waits for the disk.
    pub(crate) fn add(&self, action: Record) {
        let mut kept = self.kept.lock();
        if action.outcome == "refused" && !kept.may_note_refused() {
            kept.dropped += 1;
            return;
        }
        if let Some(writer) = &self.writer
            && !serde_json::to_string(&action).is_ok_and(|line| writer.hand(line))
        {
            kept.dropped += 1;
        }
        if kept.newest.len() >= NEWEST {
            kept.newest.pop_front();
        }
        kept.newest.push_back(action);
    }

    pub(crate) fn tell(&self) -> Told {
        let kept = self.kept.lock();
        Told {
            actions: kept.newest.iter().rev().cloned().collect(),
            dropped: kept.dropped,
            unreadable: kept.unreadable,
        }
    }

    /// Why actions are not in the file, if they are not.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.writer.as_ref()?.trouble()
    }
}

impl Kept {
    fn may_note_refused(&mut self) -> bool {
        if self.refused_since.elapsed() >= REFUSED_PERIOD {
            (self.refused, self.refused_since) = (0, Instant::now());
        }
        self.refused += 1;
        self.refused <= REFUSED_MAX
    }
}

#[cfg(test)]
mod tests;
