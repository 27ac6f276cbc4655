//! A thread that writes to the disk what it is handed, so that nobody else waits for one: not a request,
//! however long a disk stands still, and a shutdown for a short time only.
//!
//! It must not know what it writes.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// A write that has not ended after this long is told of.
const SLOW: Duration = Duration::from_secs(3);
/// How long whoever ends it waits until what it was handed is written.
const END_MAX: Duration = Duration::from_secs(2);

/// Takes items of `T` to be written.
pub(crate) struct Writer<T> {
    /// `None` once it ends.
    items: Option<SyncSender<T>>,
    state: Arc<State>,
}

struct State {
    /// What is written, for the log.
    what: &'static str,
    now: Mutex<Now>,
    ended: Condvar,
}

#[derive(Default)]
struct Now {
    trouble: Option<String>,
    /// Since when an item is being written.
    busy_since: Option<Instant>,
    has_ended: bool,
}

impl<T: Send + 'static> Writer<T> {
    /// A thread `name` that has `write` write each item of `what`; so many may wait. `trouble` is what is
    /// known to be wrong before the first.
    pub(crate) fn start(
        (name, what): (&str, &'static str),
        waiting_max: usize,
        trouble: Option<io::Error>,
        mut write: impl FnMut(T) -> io::Result<()> + Send + 'static,
    ) -> Self {
        let (sender, items) = mpsc::sync_channel::<T>(waiting_max);
        let state = Arc::new(State {
            what,
            now: Mutex::default(),
            ended: Condvar::new(),
        });
        state.note(trouble.map_or(Ok(()), Err));
        let ending = Ending(state.clone());
        let thread = thread::Builder::new().name(name.to_owned());
        let started = thread.spawn(move || {
            let Ending(state) = &ending;
            for item in items {
                state.now.lock().busy_since = Some(Instant::now());
                let written = write(item);
                state.note(written);
            }
        });
        if let Err(error) = started {
            state.note(Err(error));
        }
        let items = Some(sender);
        Self { items, state }
    }

    /// Has the item written; false if too many wait, or nobody writes. Never waits.
    pub(crate) fn hand(&self, item: T) -> bool {
        let items = self.items.as_ref();
        items.is_some_and(|items| items.try_send(item).is_ok())
    }

    /// Why items are not written, if they are not.
    pub(crate) fn trouble(&self) -> Option<String> {
        let now = self.state.now.lock();
        let busy = now.busy_since.map(|since| since.elapsed());
        match busy.filter(|busy| *busy >= SLOW) {
            Some(busy) => Some(format!(
                "the disk has not taken it for {} s",
                busy.as_secs()
            )),
            None => now.trouble.clone(),
        }
    }
}

impl<T> Drop for Writer<T> {
    /// Waits until what was handed is written, for 2 s at most.
    fn drop(&mut self) {
        self.items = None;
        let mut now = self.state.now.lock();
        let is_open = |now: &mut Now| !now.has_ended;
        let waited = self.state.ended.wait_while_for(&mut now, is_open, END_MAX);
        if waited.timed_out() {
            let what = self.state.what;
            tracing::warn!("the disk does not take {what}: the last of it is left to the system");
        }
    }
}

impl State {
    /// Remembers whether an item was written, and says in the log when that changes.
    fn note(&self, written: io::Result<()>) {
        let what = self.what;
        let trouble = written.err().map(|error| error.to_string());
        let before = {
            let mut now = self.now.lock();
            now.busy_since = None;
            std::mem::replace(&mut now.trouble, trouble.clone())
        };
        match (before, trouble) {
            (None, Some(error)) => tracing::warn!(error, "{what} is in memory alone"),
            (Some(_), None) => tracing::info!("{what} is written again"),
            _ => {}
        }
    }
}

/// Says that the thread has ended, whatever ended it.
struct Ending(Arc<State>);

impl Drop for Ending {
    fn drop(&mut self) {
        let Self(state) = self;
        if thread::panicking() {
            tracing::error!("the thread that writes {} panicked", state.what);
        }
        state.now.lock().has_ended = true;
        state.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHAT: (&str, &str) = ("test", "the test's file");

    #[test]
    fn a_disk_that_stands_still_makes_nobody_wait_and_is_told_of() {
        let (release, held) = mpsc::channel::<()>();
        let (begun, began) = mpsc::channel();
        let writer = Writer::start(WHAT, 4, None, move |_: u32| {
            let _ = begun.send(());
            let _ = held.recv();
            Ok(())
        });
        assert!(writer.hand(0));
        began.recv().unwrap();
        let taken = (1..100).filter(|item| writer.hand(*item)).count();
        assert_eq!(taken, 4, "so many wait, and more are refused");
        assert_eq!(writer.trouble(), None, "it was just begun");
        writer.state.now.lock().busy_since = Instant::now().checked_sub(Duration::from_secs(9));
        let trouble = writer.trouble().unwrap();
        assert!(trouble.contains("has not taken it for 9 s"), "{trouble}");
        let ending = Instant::now();
        drop(writer);
        assert!(ending.elapsed() >= END_MAX, "it was to have a chance");
        drop(release);
    }

    #[test]
    fn what_was_handed_is_written_when_it_ends_and_the_last_failure_is_told() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let (into, (told, tell)) = (written.clone(), mpsc::channel());
        let writer = Writer::start(WHAT, 100, None, move |item: u32| {
            into.lock().push(item);
            if item == 6 {
                told.send(()).unwrap();
                return Err(io::Error::other("full"));
            }
            Ok(())
        });
        (0..7).for_each(|item| assert!(writer.hand(item)));
        told_of(&tell, &writer, Some("full"));
        (7..50).for_each(|item| assert!(writer.hand(item)));
        drop(writer);
        assert_eq!(*written.lock(), (0..50).collect::<Vec<_>>());
    }

    fn told_of(tell: &mpsc::Receiver<()>, writer: &Writer<u32>, expected: Option<&str>) {
        tell.recv().unwrap();
        while writer.trouble().as_deref() != expected {
            thread::yield_now();
        }
    }
}
