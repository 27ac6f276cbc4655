//! One connection for many callers: what they send goes out together, answers come back in its order.
//!
//! ```text
//! send ─► queue ─┐                             ┌─► server
//! send ─► queue ─┴─ the driver: one write ─────┘
//!                   one read ─► answers to their callers, pushes to whom they concern
//! ```
//! Must not know what is asked, nor how the connection was made.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;
use redis::Value;
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
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::new(Queue {
                bytes: Vec::new(),
                calls: VecDeque::new(),
                driver: Waker::noop().clone(),
                is_roused: false,
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

    fn put(&self, bytes: Vec<u8>, waiting: Waiting) {
        let mut queue = self.queue.lock();
        if queue.is_over {
            return;
        }
        if queue.bytes.is_empty() && bytes.len() > queue.bytes.capacity() {
            queue.bytes = bytes;
        } else {
            queue.bytes.extend_from_slice(&bytes);
        }
        queue.calls.push_back(waiting);
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
        queue.is_roused = !queue.bytes.is_empty();
        queue.is_roused.then_some(queue.calls.len())
    }

    /// Exchanges what is to be written for an empty buffer, and says when the last of it must have been
    /// answered.
    pub(crate) fn take(&self, buffer: &mut Vec<u8>) -> Option<Instant> {
        let mut queue = self.queue.lock();
        std::mem::swap(&mut queue.bytes, buffer);
        queue.calls.back().map(Waiting::due)
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
        let queue = self.queue.lock();
        if let Some(late) = queue.calls.iter().find(|call| call.due() <= now) {
            return Err(late.limit);
        }
        Ok(queue.calls.iter().map(Waiting::due).min())
    }

    /// Fails all calls, and those to come.
    pub(crate) fn end(&self) {
        self.room.close();
        let mut queue = self.queue.lock();
        queue.is_over = true;
        let failed = (
            std::mem::take(&mut queue.calls),
            std::mem::take(&mut queue.bytes),
        );
        drop(queue);
        drop(failed);
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
