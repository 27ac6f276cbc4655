//! Writes on their way to the file: in order, bounded, and seen by readers before they are durable.
//!
//! A later write of a key takes the place of an earlier one that has not been made yet, and is made
//! in its turn: so what waits for either is durable when that turn is. Must not know files, codecs
//! or time.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use foldhash::quality::RandomState;
use parking_lot::{Condvar, Mutex};
use tokio::sync::{Semaphore, watch};

use super::tables::Which;
use crate::clock::Tick;
use crate::tier::{Dues, Logged, Receipt, Room, Stored, TakenIn, Undurable, Write};

/// Operations that wait at most; past that values are dropped, and invalidations wait.
pub(super) const QUEUE_MAX: usize = 4_096;
/// Values of more bytes than this take the places of several operations: what waits has about 256 MiB
/// at most.
const PLACE_BYTES: u64 = 64 << 10;
/// Places that one operation takes at most.
const PLACES_MAX: u64 = 1_024;
/// Operations in one commit at most.
pub(super) const BATCH_MAX: usize = 1_000;
/// How long values wait for company before a commit.
const LINGER: Duration = Duration::from_millis(5);
/// The same for what somebody waits for, while more and more come.
const LINGER_AWAITED: Duration = Duration::from_millis(2);
/// More come no longer when none came for this long.
const PAUSE: Duration = Duration::from_micros(200);
/// Operations that the writer is woken for while it waits for company: it encodes them meanwhile.
const CHUNK: usize = 64;
/// The receipt of a write that was not taken in.
const REFUSED: Receipt = Receipt(u64::MAX);

/// Why no more writes are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The file is gone: nothing of it comes back.
    Removed,
    /// The file is there, and holds what it should not.
    Left(Arc<str>),
    Closed,
}

/// What is to be written.
#[derive(Debug)]
pub(super) enum Operation {
    /// The newest that is known of the key.
    Key(Arc<str>),
    Reclaim {
        key: Arc<str>,
        which: Which,
    },
    Record(Logged),
    Owe(Dues),
    /// Nothing: it is waited for.
    Flush,
}

/// An operation in its turn.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) number: u64,
    pub(super) operation: Operation,
    places: usize,
}

/// What the file will hold of a key.
#[derive(Debug)]
pub(super) enum Newest<V> {
    Put(Arc<Stored<V>>),
    Gone,
    /// What it holds now, stale from this tick on.
    Expired(Tick),
}

impl<V> Clone for Newest<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Put(stored) => Self::Put(stored.clone()),
            Self::Gone => Self::Gone,
            Self::Expired(at) => Self::Expired(*at),
        }
    }
}

impl<V> Newest<V> {
    fn into_stored(self) -> Option<Arc<Stored<V>>> {
        match self {
            Self::Put(stored) => Some(stored),
            Self::Gone | Self::Expired(_) => None,
        }
    }
}

/// What the writer has to do next.
#[derive(Debug)]
pub(super) enum Work {
    Batch(Vec<Turn>),
    /// Nothing came for a while.
    Idle,
    /// Nothing more will come.
    Over,
}

#[derive(Debug, Default)]
struct Progress {
    /// All up to this number is durable.
    settled: u64,
    end: Option<End>,
}

pub(super) struct Queue<V> {
    waiting: Mutex<Waiting<V>>,
    arrived: Condvar,
    room: Arc<Semaphore>,
    /// Bytes of the values that were encoded last, on average.
    mean_bytes: AtomicU64,
    progress: watch::Sender<Progress>,
}

struct Waiting<V> {
    turns: VecDeque<Turn>,
    /// By key, with the number of its operation; until that is durable.
    newest: HashMap<Arc<str>, (u64, Newest<V>), RandomState>,
    last: u64,
    /// Somebody waits for what has a number up to this.
    awaited: u64,
    /// Operations in the last batch: as many may come together again.
    last_batch: usize,
    /// How many operations the writer sleeps for.
    wakes_at: usize,
    /// The writer lingers for values alone: one that is awaited wakes it sooner.
    is_lazy: bool,
    is_over: bool,
}

impl<V: Clone> Queue<V> {
    pub(super) fn new() -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                turns: VecDeque::new(),
                newest: HashMap::default(),
                last: 0,
                awaited: 0,
                last_batch: 0,
                wakes_at: 0,
                is_lazy: false,
                is_over: false,
            }),
            arrived: Condvar::new(),
            room: Arc::new(Semaphore::new(QUEUE_MAX)),
            mean_bytes: AtomicU64::new(0),
            progress: watch::Sender::new(Progress::default()),
        }
    }

    /// Waits for room; none is to be had once the queue is over.
    pub(super) async fn room(&self) -> Room {
        let room = self.room.clone().acquire_many_owned(self.places());
        Room(room.await.ok())
    }

    pub(super) fn room_now(&self) -> Option<Room> {
        match self.room.clone().try_acquire_many_owned(self.places()) {
            Ok(permit) => Some(Room(Some(permit))),
            Err(tokio::sync::TryAcquireError::Closed) => Some(Room(None)),
            Err(tokio::sync::TryAcquireError::NoPermits) => None,
        }
    }

    /// What is known of the key that the file may not hold yet.
    pub(super) fn newest(&self, key: &str) -> Option<Newest<V>> {
        let waiting = self.waiting.lock();
        waiting.newest.get(key).map(|(_, newest)| newest.clone())
    }

    /// Places for a value as large as those that were encoded last: one that waits is not yet bytes.
    fn places(&self) -> u32 {
        let mean = self.mean_bytes.load(Ordering::Relaxed);
        mean.div_ceil(PLACE_BYTES).clamp(1, PLACES_MAX) as u32
    }

    /// Learns how large a value was. By the one writer.
    pub(super) fn encoded(&self, bytes: usize) {
        let mean = self.mean_bytes.load(Ordering::Relaxed);
        let mean = (mean * 7 + bytes as u64) / 8;
        self.mean_bytes.store(mean, Ordering::Relaxed);
    }

    /// Takes a write of a key in. `is_awaited`: somebody waits for it to be durable.
    pub(super) fn write(
        &self,
        key: Arc<str>,
        write: Write<V>,
        room: Room,
        is_awaited: bool,
    ) -> TakenIn<V> {
        let mut waiting = self.waiting.lock();
        let newest = match write {
            Write::Put(stored) => Newest::Put(Arc::new(stored)),
            Write::Remove => Newest::Gone,
            Write::Expire(at) => match waiting.newest.get(&key) {
                Some((_, Newest::Put(stored))) => {
                    let fresh_until = stored.fresh_until.min(at);
                    Newest::Put(Arc::new(Stored {
                        fresh_until,
                        ..(**stored).clone()
                    }))
                }
                Some((_, Newest::Gone)) => Newest::Gone,
                Some((_, Newest::Expired(before))) => Newest::Expired(at.min(*before)),
                None => Newest::Expired(at),
            },
        };
        let Some(number) = waiting.push(Operation::Key(key.clone()), room, is_awaited) else {
            let former = newest.into_stored();
            return TakenIn {
                receipt: REFUSED,
                former,
            };
        };
        let former = waiting.newest.insert(key, (number, newest));
        let wakes = waiting.wakes(is_awaited);
        drop(waiting);
        if wakes {
            self.arrived.notify_one();
        }
        TakenIn {
            receipt: Receipt(number),
            former: former.and_then(|(_, newest)| newest.into_stored()),
        }
    }

    /// Takes anything else in.
    pub(super) fn push(&self, operation: Operation, room: Room, is_awaited: bool) -> Receipt {
        let mut waiting = self.waiting.lock();
        let number = waiting.push(operation, room, is_awaited);
        let wakes = waiting.wakes(is_awaited);
        drop(waiting);
        if wakes {
            self.arrived.notify_one();
        }
        number.map_or(REFUSED, Receipt)
    }

    /// What is to be written of a key, with the number of the operation that brought it. `None` if
    /// an earlier turn has written it.
    pub(super) fn due(&self, key: &str) -> Option<(u64, Newest<V>)> {
        self.waiting.lock().newest.get(key).cloned()
    }

    /// The operations that wait, at most [`BATCH_MAX`]. Blocks, no longer than `idle`, for the first.
    pub(super) fn take(&self, idle: Duration) -> Work {
        let mut waiting = self.waiting.lock();
        let until = Instant::now() + idle;
        while waiting.turns.is_empty() {
            (waiting.wakes_at, waiting.is_lazy) = (1, false);
            if waiting.is_over {
                return Work::Over;
            }
            if self.arrived.wait_until(&mut waiting, until).timed_out() && waiting.turns.is_empty()
            {
                return Work::Idle;
            }
        }
        let count = waiting.turns.len().min(BATCH_MAX);
        Work::Batch(waiting.turns.drain(..count).collect())
    }

    /// Adds to a batch what has come since, up to [`BATCH_MAX`]. `began`: when the batch was taken.
    /// Blocks for as long as a commit may wait for more. False if the batch is complete.
    pub(super) fn join(&self, batch: &mut Vec<Turn>, began: Instant) -> bool {
        let mut waiting = self.waiting.lock();
        let missing = BATCH_MAX.saturating_sub(batch.len());
        while waiting.turns.is_empty()
            && missing > 0
            && let Some((linger, pause)) = waiting.linger(batch)
        {
            let until = (began + linger).min(Instant::now() + pause);
            waiting.is_lazy = linger == LINGER;
            waiting.wakes_at = if waiting.is_lazy { missing } else { CHUNK };
            if self.arrived.wait_until(&mut waiting, until).timed_out() {
                break;
            }
        }
        let count = waiting.turns.len().min(missing);
        batch.extend(waiting.turns.drain(..count));
        waiting.last_batch = batch.len();
        count > 0
    }

    /// The operations are durable; of each of these keys, what the operation of that number brought.
    pub(super) fn settle(&self, batch: &[Turn], written: &[(Arc<str>, u64)]) {
        let Some(Turn { number: last, .. }) = batch.last() else {
            return;
        };
        let mut done = Vec::new();
        let mut waiting = self.waiting.lock();
        for (key, number) in written {
            if waiting.newest.get(key).is_some_and(|(of, _)| of == number) {
                done.push(waiting.newest.remove(key));
            }
        }
        drop(waiting);
        let places = batch.iter().map(|turn| turn.places).sum();
        self.room.add_permits(places);
        self.progress
            .send_modify(|progress| progress.settled = *last);
    }

    /// No more writes are taken in, and those that wait will not be made.
    pub(super) fn end(&self, end: End) {
        let mut waiting = self.waiting.lock();
        waiting.is_over = true;
        let (turns, newest) = (
            std::mem::take(&mut waiting.turns),
            std::mem::take(&mut waiting.newest),
        );
        drop(waiting);
        self.room.close();
        self.arrived.notify_one();
        self.progress.send_modify(|progress| {
            progress.end.get_or_insert(end);
        });
        drop((turns, newest));
    }

    /// No more writes are taken in; those that wait are made.
    pub(super) fn stop(&self) {
        self.waiting.lock().is_over = true;
        self.room.close();
        self.arrived.notify_one();
    }

    /// Waits until the write is durable, or cannot come back.
    pub(super) async fn settled(&self, receipt: Receipt) -> Result<(), Undurable> {
        let mut progress = self.progress.subscribe();
        let is_over = |progress: &Progress| progress.settled >= receipt.0 || progress.end.is_some();
        let Ok(progress) = progress.wait_for(is_over).await else {
            return Err(Undurable("the disk tier is closed".into()));
        };
        match &progress.end {
            _ if progress.settled >= receipt.0 => Ok(()),
            Some(End::Left(reason)) => Err(Undurable(reason.clone())),
            Some(End::Removed) | None => Ok(()),
            Some(End::Closed) => Err(Undurable("the disk tier is closed".into())),
        }
    }

    /// Waits until the writer has ended.
    pub(super) async fn ended(&self) -> Option<End> {
        let mut progress = self.progress.subscribe();
        let ended = progress.wait_for(|progress| progress.end.is_some()).await;
        ended.ok().and_then(|progress| progress.end.clone())
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.lock().turns.len()
    }
}

impl<V> Waiting<V> {
    fn push(&mut self, operation: Operation, room: Room, is_awaited: bool) -> Option<u64> {
        let permit = room.0?;
        if self.is_over {
            return None;
        }
        let places = permit.num_permits();
        permit.forget();
        self.last += 1;
        let number = self.last;
        if is_awaited {
            self.awaited = number;
        }
        self.turns.push_back(Turn {
            number,
            operation,
            places,
        });
        Some(number)
    }

    /// Whether the writer, if it sleeps, has slept enough.
    fn wakes(&self, is_awaited: bool) -> bool {
        self.turns.len() >= self.wakes_at || is_awaited && self.is_lazy
    }

    /// How long a batch may wait for more to come, in all and without any. One that is waited for
    /// does so only where several came together, now or the last time.
    fn linger(&self, batch: &[Turn]) -> Option<(Duration, Duration)> {
        let first = batch.first().map_or(0, |turn| turn.number);
        if self.is_over {
            None
        } else if self.awaited < first {
            Some((LINGER, LINGER))
        } else {
            (self.last_batch.max(batch.len()) > 1).then_some((LINGER_AWAITED, PAUSE))
        }
    }
}
