//! The thread that keeps actions in their file, so that no request waits for the disk.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

use super::Record;
use super::file::Lines;

/// Actions that wait to be written.
const WAITING_MAX: usize = 1_024;

pub(super) struct Writer {
    /// `None` once it ends.
    lines: Option<SyncSender<String>>,
    thread: Option<JoinHandle<()>>,
    trouble: Arc<Mutex<Option<String>>>,
}

impl Writer {
    /// `trouble` is what kept the file from being read.
    pub(super) fn start(path: PathBuf, trouble: Option<io::Error>) -> Self {
        let (sender, lines) = mpsc::sync_channel::<String>(WAITING_MAX);
        let troubles = Arc::new(Mutex::new(None));
        note(&troubles, trouble.map_or(Ok(()), Err));
        let noted = troubles.clone();
        let thread = thread::Builder::new()
            .name("larder-audit".to_owned())
            .spawn(move || {
                let mut file = Lines::at(path);
                for line in lines {
                    note(&noted, file.add(&line));
                }
            })
            .map_err(|error| note(&troubles, Err(error)));
        Self {
            lines: Some(sender),
            thread: thread.ok(),
            trouble: troubles,
        }
    }

    /// Has the action written; false if too many wait, or nobody writes.
    pub(super) fn write(&self, action: &Record) -> bool {
        let line = serde_json::to_string(action);
        let lines = self.lines.as_ref();
        line.is_ok_and(|line| lines.is_some_and(|lines| lines.try_send(line).is_ok()))
    }

    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().clone()
    }
}

impl Drop for Writer {
    /// Waits until what was noted is written.
    fn drop(&mut self) {
        self.lines = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the audit log's thread panicked");
        }
    }
}

/// Remembers whether the file takes lines, and says in the log when that changes.
fn note(trouble: &Mutex<Option<String>>, written: io::Result<()>) {
    let mut trouble = trouble.lock();
    let now = written.err().map(|error| error.to_string());
    match (&*trouble, &now) {
        (None, Some(error)) => tracing::warn!(error, "the audit log is in memory alone"),
        (Some(_), None) => tracing::info!("the audit log is written again"),
        _ => {}
    }
    *trouble = now;
}
