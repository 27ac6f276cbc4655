//! How far a scan has come, for whoever waits for it.
//!
//! It knows nothing of files or logs: it is a set of counters that the scan moves on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counters of the scan under way, shared by `Arc`. Reading them never blocks.
#[derive(Debug, Default)]
pub struct Progress {
    files_done: AtomicU64,
    files_total: AtomicU64,
    bytes_done: AtomicU64,
    bytes_total: AtomicU64,
    finished: AtomicBool,
}

/// [`Progress`] at one moment. The fields are read one by one, so that they may be a few files
/// apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgressSnapshot {
    /// Files read to their end.
    pub files_done: u64,
    /// Files to read.
    pub files_total: u64,
    /// Bytes read.
    pub bytes_done: u64,
    /// Bytes to read, as far as the files' lengths told when the scan began.
    pub bytes_total: u64,
    /// Whether a refresh has ended since the collector was opened.
    pub finished: bool,
}

impl Progress {
    /// The counters now.
    pub fn snapshot(&self) -> ProgressSnapshot {
        ProgressSnapshot {
            files_done: self.files_done.load(Ordering::Relaxed),
            files_total: self.files_total.load(Ordering::Relaxed),
            bytes_done: self.bytes_done.load(Ordering::Relaxed),
            bytes_total: self.bytes_total.load(Ordering::Relaxed),
            finished: self.finished.load(Ordering::Acquire),
        }
    }

    pub(super) fn begin(&self, files: u64, bytes: u64) {
        self.files_done.store(0, Ordering::Relaxed);
        self.bytes_done.store(0, Ordering::Relaxed);
        self.files_total.store(files, Ordering::Relaxed);
        self.bytes_total.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn bytes_read(&self, bytes: u64) {
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn file_read(&self) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn finish(&self) {
        self.finished.store(true, Ordering::Release);
    }
}
