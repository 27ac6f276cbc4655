//! One connection for many callers: what they send goes out together, answers come back in its order.
//!
//! ```text
//! send ─► queue ─┐                             ┌─► server
//! send ─► queue ─┴─ the driver: one write ─────┘
//!                   one read ─► answers to their callers, pushes to whom they concern
//! ```
//! Who is alone writes itself, if it may. Must not know what is asked, nor how the connection was made.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;
use redis::Value;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;

use crate::commands::Commands;
use crate::frames::Foreign;

/// Calls that are under way at once; who has more waits for room.
const CALLS_MAX: u32 = 1_024;
/// A call of more bytes takes the room of several.
const CALL_BYTES: usize = 64 << 10;

/// What callers are told when it is over.
const LOST: &str = "the connection was lost";

/// The callers' side of a connection.
pub(crate) struct Pipe {
    queue: Mutex<Queue>,
    room: Semaphore,
}

/// What the driver has to do.
struct Queue {
    bytes: Vec<u8>,
    /// In the order in which they are answered.
    calls: VecDeque<Waiting>,
    driver: Waker,
    /// The driver knows that there is something.
    is_roused: bool,
    /// The driver has bytes that are not written yet.
    is_writing: bool,
    /// When the driver looks whether all is answered in time.
    due: Option<Instant>,
    /// Where a caller may write itself, if there is such a way.
    socket: Option<Arc<OwnedWriteHalf>>,
    is_over: bool,
}

/// Commands that were sent and wait for their answers.
struct Waiting {
    missing: usize,
    answers: Vec<Value>,
    sent: Instant,
    limit: Duration,
    room: u32,
    caller: oneshot::Sender<Vec<Value>>,
}

/// A call with its answers.
pub(crate) struct Answered(Vec<Value>, oneshot::Sender<Vec<Value>>);

impl Pipe {
    /// `socket`: the connection's, where bytes can be written to it as they are.
    pub(crate) fn new(socket: Option<Arc<OwnedWriteHalf>>) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::new(Queue {
                bytes: Vec::new(),
                calls: VecDeque::new(),
                driver: Waker::noop().clone(),
                is_roused: false,
                is_writing: false,
                due: None,
                socket,
                is_over: false,
            }),
            room: Semaphore::new(CALLS_MAX as usize),
        })
    }

    /// Sends commands and waits for their answers, one for each. If they are not there within `limit`
    /// of when they were sent the connection is over, and what was asked may have been done. Dropped, it
    /// may have been sent or not.
    pub(crate) async fn send(
        &self,
        commands: Commands,
        limit: Duration,
    ) -> Result<Vec<Value>, String> {
        let (count, bytes) = (commands.count(), commands.into_bytes());
        let room = u32::try_from(bytes.len() / CALL_BYTES).unwrap_or(u32::MAX);
        let room = room.saturating_add(1).min(CALLS_MAX);
        let taken = self.room.acquire_many(room).await;
        taken.map_err(|_| LOST.to_owned())?.forget();
        let (caller, answers) = oneshot::channel();
        self.put(
            bytes,
            Waiting {
                missing: count,
                answers: Vec::with_capacity(count),
                sent: Instant::now(),
                limit,
                room,
                caller,
            },
        );
        answers.await.map_err(|_| LOST.to_owned())
    }

    fn put(&self, mut bytes: Vec<u8>, waiting: Waiting) {
        let mut queue = self.queue.lock();
        if queue.is_over {
            return;
        }
        let written = queue.write_alone(&bytes, &waiting);
        queue.calls.push_back(waiting);
        if written == bytes.len() {
            return;
        }
        bytes.drain(..written);
        if queue.bytes.is_empty() && bytes.len() > queue.bytes.capacity() {
            queue.bytes = bytes;
        } else {
            queue.bytes.extend_from_slice(&bytes);
        }
        if !std::mem::replace(&mut queue.is_roused, true) {
            let driver = queue.driver.clone();
            drop(queue);
            driver.wake();
        }
    }

    /// Whether there is something to write, and how many calls are under way then; if there is nothing,
    /// this driver is woken when there is.
    pub(crate) fn to_write(&self, driver: &Waker) -> Option<usize> {
        let mut queue = self.queue.lock();
        if !queue.driver.will_wake(driver) {
            queue.driver.clone_from(driver);
        }
        queue.is_writing = false;
        queue.is_roused = !queue.bytes.is_empty();
        queue.is_roused.then_some(queue.calls.len())
    }

    /// Exchanges what is to be written for an empty buffer; and says when to look whether all is
    /// answered in time, if that is sooner than was said before.
    pub(crate) fn take(&self, buffer: &mut Vec<u8>) -> Option<Instant> {
        let mut queue = self.queue.lock();
        std::mem::swap(&mut queue.bytes, buffer);
        queue.is_writing = true;
        let last = queue.calls.back().map(Waiting::due)?;
        if queue.due.is_some_and(|due| due <= last) {
            return None;
        }
        queue.due = Some(last);
        queue.due
    }

    /// The calls that these values answer in full; an error if nobody has asked for them.
    pub(crate) fn answer(
        &self,
        values: &mut Vec<Value>,
        answered: &mut Vec<Answered>,
    ) -> Result<(), Foreign> {
        let mut room = 0;
        let mut queue = self.queue.lock();
        for value in values.drain(..) {
            let first = queue.calls.front_mut().ok_or(Foreign)?;
            first.answers.push(value);
            first.missing -= 1;
            if first.missing == 0
                && let Some(first) = queue.calls.pop_front()
            {
                room += first.room as usize;
                answered.push(Answered(first.answers, first.caller));
            }
        }
        drop(queue);
        self.room.add_permits(room);
        Ok(())
    }

    /// When the next call must have been answered; or the limit of one that has not been in time.
    pub(crate) fn overdue(&self, now: Instant) -> Result<Option<Instant>, Duration> {
        let mut queue = self.queue.lock();
        if let Some(late) = queue.calls.iter().find(|call| call.due() <= now) {
            return Err(late.limit);
        }
        queue.due = queue.calls.iter().map(Waiting::due).min();
        Ok(queue.due)
    }

    /// Fails all calls, and those to come.
    pub(crate) fn end(&self) {
        self.room.close();
        let mut queue = self.queue.lock();
        queue.is_over = true;
        let failed = (
            queue.socket.take(),
            std::mem::take(&mut queue.calls),
            std::mem::take(&mut queue.bytes),
        );
        drop(queue);
        drop(failed);
    }
}

impl Queue {
    /// Writes a call that is the only one at once, which saves it the way through the driver, and says
    /// how many bytes went out. Its time is kept by the driver, who must be about to look at it.
    fn write_alone(&self, bytes: &[u8], call: &Waiting) -> usize {
        let is_alone = self.calls.is_empty() && self.bytes.is_empty() && !self.is_writing;
        let is_timed = self.due.is_some_and(|due| due <= call.due());
        match &self.socket {
            Some(socket) if is_alone && is_timed => socket.try_write(bytes).unwrap_or(0),
            _ => 0,
        }
    }
}

impl Waiting {
    fn due(&self) -> Instant {
        self.sent + self.limit
    }
}

impl Answered {
    /// Hands the answers over, unless nobody waits for them any more.
    pub(crate) fn tell(self) {
        let Self(answers, caller) = self;
        let _ = caller.send(answers);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::tcp::Tcp;

    /// No driver is there.
    #[tokio::test]
    async fn a_call_that_is_alone_is_written_by_its_caller_and_the_next_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).await;
        let (mut theirs, _) = listener.accept().await.unwrap();
        let tcp = Tcp::new(ours.unwrap());
        tcp.socket().writable().await.unwrap();
        let pipe = Pipe::new(Some(tcp.socket()));
        let send = |text: &'static str| {
            let pipe = pipe.clone();
            let commands = Commands::of(&[b"ECHO", text.as_bytes()]);
            let bytes = commands.clone().into_bytes();
            let send = async move { pipe.send(commands, Duration::from_mins(1)).await };
            (tokio::spawn(send), bytes)
        };
        pipe.queue.lock().due = Some(Instant::now());
        let (_alone, bytes) = send("alone");
        let mut heard = vec![0; bytes.len()];
        theirs.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, bytes);
        assert!(!pipe.queue.lock().is_roused);

        let (_second, bytes) = send("second");
        while pipe.queue.lock().calls.len() < 2 {
            tokio::task::yield_now().await;
        }
        let queue = pipe.queue.lock();
        assert_eq!((&queue.bytes, queue.is_roused), (&bytes, true));
    }

    #[tokio::test]
    async fn whose_time_nobody_would_look_at_leaves_it_to_the_driver() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).await;
        let tcp = Tcp::new(ours.unwrap());
        let limit = Duration::from_mins(1);
        for due in [None, Some(Instant::now() + 2 * limit)] {
            let pipe = Pipe::new(Some(tcp.socket()));
            pipe.queue.lock().due = due;
            let sends = pipe.clone();
            let ping = Commands::of(&[b"PING"]);
            let _call = tokio::spawn(async move { sends.send(ping, limit).await });
            while pipe.queue.lock().calls.is_empty() {
                tokio::task::yield_now().await;
            }
            assert!(pipe.queue.lock().is_roused);
        }
    }
}
