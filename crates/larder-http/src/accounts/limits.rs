//! How many passwords may be tried: a check costs 19 MiB and tens of milliseconds of a processor, and a
//! guesser has all the time there is.
//!
//! It must not know passwords.

use std::hash::BuildHasher;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use larder::{Clock, Tick};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Passwords checked at once.
const CHECKS_MAX: usize = 2;
/// Logins that wait for a check.
const WAITING_MAX: usize = 16;
/// Attempts for a name in a [`WINDOW`], those that succeed not counted.
pub(super) const ATTEMPTS_MAX: u32 = 10;
pub(super) const WINDOW: Duration = Duration::from_mins(1);
/// Names share so many counters: a flood of names needs no more room than one.
const COUNTERS: usize = 4_096;

pub(super) struct Limits {
    checks: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    counters: Mutex<Box<[Counter]>>,
    hasher: RandomState,
    clock: Clock,
}

#[derive(Clone, Copy, Default)]
struct Counter {
    since: Tick,
    attempts: u32,
}

/// Why an attempt is not made now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The name's attempts are used up for this long.
    Name(Duration),
    /// Too many others wait.
    Busy,
}

impl Limits {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            checks: Arc::new(Semaphore::new(CHECKS_MAX)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX + CHECKS_MAX)),
            counters: Mutex::new(vec![Counter::default(); COUNTERS].into()),
            hasher: RandomState::new(),
            clock,
        }
    }

    /// Waits for the turn of an attempt. The permits go where the check goes.
    ///
    /// # Errors
    /// The name has had its attempts, or the queue is full.
    pub(super) async fn admit(&self, name: &str) -> Result<[OwnedSemaphorePermit; 2], Refusal> {
        let place = self.waiting.clone().try_acquire_owned();
        let place = place.map_err(|_| Refusal::Busy)?;
        self.count(name)?;
        let check = self.checks.clone().acquire_owned().await;
        Ok([place, check.map_err(|_| Refusal::Busy)?])
    }

    fn count(&self, name: &str) -> Result<(), Refusal> {
        let now = self.clock.now();
        let mut counters = self.counters.lock();
        let counter = &mut counters[self.place(name)];
        let age = now.since(counter.since);
        if age >= WINDOW {
            *counter = Counter {
                since: now,
                attempts: 0,
            };
        } else if counter.attempts >= ATTEMPTS_MAX {
            return Err(Refusal::Name(WINDOW.saturating_sub(age)));
        }
        counter.attempts += 1;
        Ok(())
    }

    /// An attempt that succeeded was no guess.
    pub(super) fn forgive(&self, name: &str) {
        let mut counters = self.counters.lock();
        let attempts = &mut counters[self.place(name)].attempts;
        *attempts = attempts.saturating_sub(1);
    }

    fn place(&self, name: &str) -> usize {
        self.hasher.hash_one(name) as usize % COUNTERS
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use larder::ManualClock;

    use super::*;

    #[tokio::test]
    async fn a_name_has_its_attempts_a_minute_and_those_that_succeed_are_free() {
        let time = ManualClock::new();
        let limits = Limits::new(time.clock());
        for _ in 0..3 * ATTEMPTS_MAX {
            drop(limits.admit("ada").await.unwrap());
            limits.forgive("ada");
        }
        for _ in 0..ATTEMPTS_MAX {
            drop(limits.admit("ada").await.unwrap());
        }
        time.advance(Duration::from_secs(20));
        let refused = limits.admit("ada").await.unwrap_err();
        assert_eq!(refused, Refusal::Name(Duration::from_secs(40)));
        time.advance(Duration::from_secs(40));
        drop(limits.admit("ada").await.unwrap());
    }

    #[tokio::test]
    async fn a_flood_of_logins_is_refused_before_it_costs_anything() {
        let limits = Limits::new(ManualClock::new().clock());
        let mut held = Vec::new();
        for number in 0..CHECKS_MAX {
            held.push(limits.admit(&number.to_string()).await.unwrap());
        }
        let mut waiting: Vec<_> = (0..WAITING_MAX)
            .map(|number| Box::pin(limits.admit(["a", "b"][number % 2])))
            .collect();
        for one in &mut waiting {
            let mut context = Context::from_waker(Waker::noop());
            assert!(one.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(limits.admit("ada").await.unwrap_err(), Refusal::Busy);
        drop(held);
        drop(waiting.remove(0).await.unwrap());
    }
}
