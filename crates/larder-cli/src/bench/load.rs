//! Requests over time: as quickly as answers come (closed loop), or as they are due (open loop).
//!
//! In the open loop a request's latency counts from when it was due, so that a server that stands still
//! is seen by all who would have come meanwhile (no coordinated omission). This module must not know
//! HTTP; its clock is tokio's, which tests turn by hand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

use super::tally::{Answered, Failure, Tally};

/// Before a connection tries again after a quick failure.
const PAUSE: Duration = Duration::from_millis(10);
/// For how long an open loop keeps its thread to itself: whoever stops the run waits no longer.
const TURN: Duration = Duration::from_millis(50);

/// What is done to the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) pace: Pace,
    pub(super) length: Length,
    /// How long an answer may take, and how long after an open loop's end a request may still be sent.
    pub(super) timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Pace {
    /// Each connection asks again when it has its answer.
    Closed,
    /// So many a second.
    Open(f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Requests(u64),
    Time(Duration),
}

/// A connection that asks.
pub(super) trait Exchange: Send + 'static {
    /// Makes ready for a request, which is not timed in a closed loop.
    fn prepare(&mut self, number: u64) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Asks what was made ready and reads the answer to its end. Dropping it gives the answer up.
    fn exchange(&mut self) -> impl Future<Output = Result<Answered, Failure>> + Send;
}

/// Waits for when a request is due.
pub(super) trait Wait {
    async fn until(&self, due: Instant);
}

/// Sleeps the thread, which must be none of the runtime's workers: the runtime's own timer is a
/// millisecond late. Others of the thread have their turn meanwhile.
pub(super) struct ThreadSleep;

impl Wait for ThreadSleep {
    async fn until(&self, due: Instant) {
        loop {
            let left = due.saturating_duration_since(Instant::now());
            std::thread::sleep(left.min(TURN));
            if left <= TURN {
                return;
            }
            yield_now().await;
        }
    }
}

/// What came of it.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    pub(super) tally: Tally,
    /// From the first request to the last answer, without what making ready took.
    pub(super) took: Duration,
    /// How late the open loop itself was with requests, in nanoseconds.
    pub(super) lag: Option<Histogram<u64>>,
}

/// What the connections share.
struct Run {
    load: Load,
    begun: Instant,
    next: AtomicU64,
    /// Nanoseconds of all connections.
    preparing: AtomicU64,
    done: Arc<AtomicU64>,
    tally: Mutex<Tally>,
    /// Open loop: a permit for each request that is due.
    due: Semaphore,
}

/// Sends with each of `connections` until the length is reached; `done` counts answers meanwhile.
/// Gives the connections back. Whoever drops it stops it.
pub(super) async fn run<E: Exchange>(
    load: Load,
    connections: Vec<E>,
    wait: impl Wait,
    done: &Arc<AtomicU64>,
) -> (Measured, Vec<E>) {
    let run = Arc::new(Run {
        load,
        begun: Instant::now(),
        next: AtomicU64::new(0),
        preparing: AtomicU64::new(0),
        done: Arc::clone(done),
        tally: Mutex::default(),
        due: Semaphore::new(0),
    });
    let count = connections.len();
    let mut tasks = JoinSet::new();
    for connection in connections {
        let run = Arc::clone(&run);
        match load.pace {
            Pace::Closed => tasks.spawn(closed(run, connection)),
            Pace::Open(rate) => tasks.spawn(open(run, connection, rate)),
        };
    }
    let lag = match load.pace {
        Pace::Closed => None,
        Pace::Open(rate) => Some(release(&run, rate, count, wait).await),
    };
    let connections = tasks.join_all().await;
    let preparing = Duration::from_nanos(run.preparing.load(Ordering::Relaxed));
    let took = run.begun.elapsed().saturating_sub(preparing / count as u32);
    let tally = std::mem::take(&mut *run.tally.lock().unwrap_or_else(PoisonError::into_inner));
    (Measured { tally, took, lag }, connections)
}

impl Run {
    /// The next request's number, until the length is reached.
    fn next(&self) -> Option<u64> {
        let is_over = match self.load.length {
            Length::Requests(_) => false,
            Length::Time(time) => self.begun.elapsed() >= time,
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let is_past = matches!(self.load.length, Length::Requests(count) if number >= count);
        (!is_over && !is_past).then_some(number)
    }

    fn record(&self, outcome: &Result<Answered, Failure>, took: Duration) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.record(outcome, took);
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    async fn exchange<E: Exchange>(&self, connection: &mut E) -> Result<Answered, Failure> {
        let answer = timeout(self.load.timeout, connection.exchange()).await;
        answer.unwrap_or(Err(Failure::TimedOut))
    }

    /// How many requests an open loop has.
    fn total(&self, rate: f64) -> u64 {
        match self.load.length {
            Length::Requests(count) => count,
            // A request is due at the very beginning.
            Length::Time(time) => (time.as_secs_f64() * rate).ceil() as u64,
        }
    }

    fn due(&self, number: u64, rate: f64) -> Instant {
        self.begun + Duration::from_secs_f64(number as f64 / rate)
    }
}

async fn closed<E: Exchange>(run: Arc<Run>, mut connection: E) -> E {
    while let Some(number) = run.next() {
        let begun = Instant::now();
        let ready = connection.prepare(number).await;
        run.preparing
            .fetch_add(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
        let begun = Instant::now();
        let outcome = match ready {
            Ok(()) => run.exchange(&mut connection).await,
            Err(failure) => Err(failure),
        };
        run.record(&outcome, begun.elapsed());
        pause(&outcome).await;
    }
    connection
}

async fn open<E: Exchange>(run: Arc<Run>, mut connection: E, rate: f64) -> E {
    let total = run.total(rate);
    let last = run.due(total, rate) + run.load.timeout;
    while let Ok(permit) = run.due.acquire().await {
        permit.forget();
        let number = run.next.fetch_add(1, Ordering::Relaxed);
        if number >= total {
            break;
        }
        let due = run.due(number, rate);
        let outcome = if Instant::now() >= last {
            Err(Failure::NotSent)
        } else {
            match connection.prepare(number).await {
                Ok(()) => run.exchange(&mut connection).await,
                Err(failure) => Err(failure),
            }
        };
        run.record(&outcome, due.elapsed());
        pause(&outcome).await;
    }
    connection
}

/// Lets requests go as they are due, and then the connections.
async fn release(run: &Run, rate: f64, connections: usize, wait: impl Wait) -> Histogram<u64> {
    let mut lag = Histogram::new(3).expect("1 to 5 digits can be kept");
    let mut turn = Instant::now() + TURN;
    for number in 0..run.total(rate) {
        let due = run.due(number, rate);
        wait.until(due).await;
        let now = Instant::now();
        let late = now.saturating_duration_since(due).as_nanos() as u64;
        let recorded = lag.record(late);
        recorded.expect("a histogram that grows by itself holds any number");
        run.due.add_permits(1);
        if now >= turn {
            yield_now().await;
            turn = now + TURN;
        }
    }
    run.due.add_permits(connections);
    lag
}

async fn pause(outcome: &Result<Answered, Failure>) {
    if outcome.as_ref().is_err_and(Failure::is_quick) {
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
#[path = "load/tests.rs"]
mod tests;
