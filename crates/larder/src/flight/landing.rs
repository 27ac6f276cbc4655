//! How those who wait for a flight hear what came of it.
//!
//! Must not know keys, tables nor loads.

use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use crate::shim::sync::Mutex;

/// What came of a flight.
#[derive(Clone)]
pub(crate) enum Landing<T> {
    Landed(T),
    Panicked,
    /// The task that loaded was cancelled: whoever still wants the value starts anew.
    Lost,
}

/// Where a flight lands, once.
pub(super) struct Strip<T> {
    /// Set under the lock of those who wait; cloned without it, as a value's clone may take long.
    landing: OnceLock<Landing<T>>,
    waiting: Mutex<Waiting>,
}

/// Those who wait, each in its place; nothing is kept here for one that does not.
#[derive(Default)]
struct Waiting {
    places: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl<T> Strip<T> {
    pub(super) fn new() -> Self {
        Self {
            landing: OnceLock::new(),
            waiting: Mutex::new(Waiting::default()),
        }
    }

    pub(super) fn has_landed(&self) -> bool {
        self.landing.get().is_some()
    }

    /// Tells those who wait, and those who will.
    pub(super) fn land(&self, landing: Landing<T>) {
        let mut waiting = self.waiting.lock();
        let again = self.landing.set(landing);
        let places = std::mem::take(&mut waiting.places);
        drop(waiting);
        drop(again);
        places.into_iter().flatten().for_each(Waker::wake);
    }

    /// Waits in `place`, which is the caller's until it [leaves](Self::leave) it.
    pub(super) fn poll(&self, place: &mut Option<usize>, cx: &Context<'_>) -> Poll<Landing<T>>
    where
        T: Clone,
    {
        let mut waiting = self.waiting.lock();
        let Some(landing) = self.landing.get() else {
            let former = waiting.wait(place, cx.waker());
            drop(waiting);
            // What is dropped with it may wait here too.
            drop(former);
            return Poll::Pending;
        };
        drop(waiting);
        Poll::Ready(landing.clone())
    }

    pub(super) fn leave(&self, place: usize) {
        let mut waiting = self.waiting.lock();
        let left = waiting.places.get_mut(place).and_then(Option::take);
        if left.is_some() {
            waiting.free.push(place);
        }
        drop(waiting);
        drop(left);
    }
}

impl Waiting {
    fn wait(&mut self, place: &mut Option<usize>, waker: &Waker) -> Option<Waker> {
        let at = *place.get_or_insert_with(|| {
            self.free.pop().unwrap_or_else(|| {
                self.places.push(None);
                self.places.len() - 1
            })
        });
        let waits = &mut self.places[at];
        match waits {
            Some(same) if same.will_wake(waker) => None,
            _ => waits.replace(waker.clone()),
        }
    }
}

#[cfg(all(test, not(any(larder_loom, larder_shuttle))))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Barrier};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn waiter() -> (Arc<Woken>, Waker) {
        let woken = Arc::new(Woken::default());
        (woken.clone(), woken.into())
    }

    #[test]
    fn all_who_wait_are_woken_once_and_by_their_last_waker() {
        let strip = Strip::new();
        let ((first, a), (second, b), (late, c)) = (waiter(), waiter(), waiter());
        let (mut one, mut other) = (None, None);
        for waker in [&a, &a, &c] {
            assert!(
                strip
                    .poll(&mut one, &Context::from_waker(waker))
                    .is_pending()
            );
        }
        assert!(
            strip
                .poll(&mut other, &Context::from_waker(&b))
                .is_pending()
        );
        strip.land(Landing::Landed(5));
        let woken = [&first, &second, &late].map(|woken| woken.0.load(Ordering::SeqCst));
        assert_eq!(woken, [0, 1, 1]);
        for place in [&mut one, &mut other, &mut None] {
            let polled = strip.poll(place, &Context::from_waker(&a));
            assert!(matches!(polled, Poll::Ready(Landing::Landed(5))));
        }
    }

    #[test]
    fn who_leaves_is_not_woken_and_its_place_is_used_again() {
        let strip = Strip::<u8>::new();
        let (woken, waker) = waiter();
        for _ in 0..1_000 {
            let mut place = None;
            assert!(
                strip
                    .poll(&mut place, &Context::from_waker(&waker))
                    .is_pending()
            );
            strip.leave(place.unwrap());
        }
        assert_eq!(strip.waiting.lock().places.len(), 1);
        strip.land(Landing::Lost);
        assert_eq!(woken.0.load(Ordering::SeqCst), 0);
    }

    /// A value whose clone waits for the clone of another who waited: as slow ones wait in line.
    #[test]
    fn those_who_waited_take_their_clones_at_the_same_time() {
        struct Meets(Arc<Barrier>);
        impl Clone for Meets {
            fn clone(&self) -> Self {
                self.0.wait();
                Self(self.0.clone())
            }
        }
        let (strip, (_, waker)) = (Strip::new(), waiter());
        strip.land(Landing::Landed(Meets(Arc::new(Barrier::new(2)))));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    strip
                        .poll(&mut None, &Context::from_waker(&waker))
                        .is_ready()
                });
            }
        });
    }

    /// A task's last reference may be the waker that another takes the place of.
    #[test]
    fn a_waker_that_waits_here_itself_may_be_dropped_here() {
        struct Waits(Arc<Strip<u8>>);
        impl Wake for Waits {
            fn wake(self: Arc<Self>) {}
        }
        impl Drop for Waits {
            fn drop(&mut self) {
                self.0.leave(0);
            }
        }
        let strip = Arc::new(Strip::new());
        let mut place = None;
        for _ in 0..2 {
            let waker = Waker::from(Arc::new(Waits(strip.clone())));
            assert!(
                strip
                    .poll(&mut place, &Context::from_waker(&waker))
                    .is_pending()
            );
        }
        assert!(!strip.has_landed());
    }
}
