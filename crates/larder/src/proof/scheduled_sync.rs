//! loom's or shuttle's locks with the face of `parking_lot`'s. Nothing times out here.

use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError};
use std::time::Instant;

#[cfg(larder_loom)]
use loom::sync as scheduled;
#[cfg(larder_shuttle)]
use shuttle::sync as scheduled;

pub(crate) use scheduled::atomic;

/// As in `parking_lot`, a panic elsewhere is nothing to a lock: where all threads of a model share
/// one of the system's, each of them looks as if it panicked while one does.
fn unpoisoned<G>(locked: LockResult<G>) -> G {
    locked.unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
pub(crate) struct Mutex<T>(scheduled::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(scheduled::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(unpoisoned(self.0.lock())))
    }
}

/// Empty while a condition variable waits with it.
pub(crate) struct MutexGuard<'a, T>(Option<scheduled::MutexGuard<'a, T>>);

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().unwrap()
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().unwrap()
    }
}

pub(crate) struct RwLock<T>(scheduled::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(scheduled::RwLock::new(value))
    }

    pub(crate) fn read(&self) -> scheduled::RwLockReadGuard<'_, T> {
        unpoisoned(self.0.read())
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        unpoisoned(self.0.get_mut())
    }

    pub(crate) fn write(&self) -> scheduled::RwLockWriteGuard<'_, T> {
        unpoisoned(self.0.write())
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

pub(crate) struct Condvar(scheduled::Condvar);

impl Default for Condvar {
    fn default() -> Self {
        Self(scheduled::Condvar::new())
    }
}

/// Whether a wait has timed out: it has not.
pub(crate) struct Waited;

impl Waited {
    #[expect(clippy::unused_self, reason = "as in what it stands for")]
    pub(crate) const fn timed_out(&self) -> bool {
        false
    }
}

impl Condvar {
    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let waiting = self.0.wait(guard.0.take().unwrap());
        guard.0 = Some(unpoisoned(waiting));
    }

    pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _: Instant) -> Waited {
        self.wait(guard);
        Waited
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }
}
