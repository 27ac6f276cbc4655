//! Reading what is new in files, a few at a time.
//!
//! It knows bytes and lines, and hands on what lines say in batches. What counts, and what was
//! counted before, is the ledger's business.

mod reading;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

pub(super) use self::reading::holds;
use self::reading::read;
use super::files::{FileState, Reached, Stamp, Step};
use super::line::Counts;
use super::progress::Progress;
use super::tail::Tail;

/// Up to this much is read without starting threads.
const INLINE_BYTES: u64 = 4 << 20;
/// Events that wait for the ledger.
const QUEUE_EVENTS: usize = 64;

/// A file to read.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) file: u32,
    pub(super) path: Arc<Path>,
    pub(super) state: FileState,
    pub(super) step: Step,
    /// The unfinished last line, if it is long and was looked at before.
    pub(super) tail: Option<Tail>,
    /// How much there was to read when the file was found.
    pub(super) bytes: u64,
}

/// What a line says, in the terms of its batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) message: MessageId,
    /// A hash of the request's id; 0 if there is none.
    pub(super) request: u64,
    pub(super) counts: Counts,
    pub(super) stated_cost: Option<u64>,
    pub(super) offset: u64,
    pub(super) at_ms: i64,
    /// The model among the batch's names.
    pub(super) model: Option<u8>,
    /// The session among the batch's names.
    pub(super) session: Option<u8>,
    pub(super) sidechain: bool,
}

/// What identifies a line's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageId {
    /// A hash of its id.
    Given(u128),
    /// It has none; a hash of the line.
    Missing(u128),
}

/// Lines of one file, in their order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) file: u32,
    pub(super) names: Vec<Box<str>>,
    pub(super) lines: Vec<Line>,
}

/// What reading hands on. The events of one file come in order.
#[derive(Debug)]
pub(super) enum Event {
    /// The file is read from its start.
    Restarted(u32),
    /// Lines that count.
    Lines(Batch),
    /// The file has been read.
    Done(Done),
}

/// The end of one file's reading.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) file: u32,
    pub(super) stamp: Stamp,
    pub(super) reached: Reached,
    pub(super) tail: Option<Tail>,
    pub(super) bytes: u64,
    pub(super) lines: u64,
    pub(super) skipped: u64,
    /// What ended it early. Lines up to the point reached were handed on all the same.
    pub(super) error: Option<io::Error>,
}

/// Reads the jobs' files. A small amount is read on this thread, with `buffer`; a larger one on
/// `threads`, the largest files first. `sink` is called on this thread.
pub(super) fn read_all(
    jobs: &[Job],
    threads: usize,
    buffer: &mut Vec<u8>,
    progress: &Progress,
    sink: &mut dyn FnMut(Event),
) {
    let bytes: u64 = jobs.iter().map(|job| job.bytes).sum();
    if threads == 1 || jobs.len() == 1 || bytes < INLINE_BYTES {
        for job in jobs {
            read(job, buffer, progress, sink);
        }
        return;
    }
    let mut order: Vec<&Job> = jobs.iter().collect();
    order.sort_unstable_by_key(|job| (std::cmp::Reverse(job.bytes), job.file));
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::sync_channel(QUEUE_EVENTS);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(jobs.len()) {
            let (order, next, sender) = (&order, &next, sender.clone());
            scope.spawn(move || {
                let mut buffer = Vec::new();
                // The receiver outlives the threads, so that sending cannot fail.
                let mut send = |event| drop(sender.send(event));
                while let Some(job) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    read(job, &mut buffer, progress, &mut send);
                }
            });
        }
        drop(sender);
        receiver.iter().for_each(sink);
    });
}
