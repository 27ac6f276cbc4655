//! How those who wait for a flight hear what came of it.
//!
//! Must not know keys, tables nor loads.

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
pub(super) struct Strip<T>(Mutex<State<T>>);

struct State<T> {
    landing: Option<Landing<T>>,
    /// Those who wait, each in its place; nothing is kept here for one that does not.
    waiting: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl<T> Strip<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            landing: None,
            waiting: Vec::new(),
            free: Vec::new(),
        }))
    }

    pub(super) fn has_landed(&self) -> bool {
        self.0.lock().landing.is_some()
    }

    /// Tells those who wait, and those who will.
    pub(super) fn land(&self, landing: Landing<T>) {
        let mut state = self.0.lock();
        let former = state.landing.replace(landing);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        drop(former);
        waiting.into_iter().flatten().for_each(Waker::wake);
    }

    /// Waits in `place`, which is the caller's until it [leaves](Self::leave) it.
    pub(super) fn poll(&self, place: &mut Option<usize>, cx: &Context<'_>) -> Poll<Landing<T>>
    where
        T: Clone,
    {
        let mut state = self.0.lock();
        if let Some(landing) = &state.landing {
            return Poll::Ready(landing.clone());
        }
        let former = state.wait(place, cx.waker());
        drop(state);
        // What is dropped with it may wait here too.
        drop(former);
        Poll::Pending
    }

    pub(super) fn leave(&self, place: usize) {
        let mut state = self.0.lock();
        let left = state.waiting.get_mut(place).and_then(Option::take);
        if left.is_some() {
            state.free.push(place);
        }
        drop(state);
        drop(left);
    }
}

impl<T> State<T> {
    fn wait(&mut self, place: &mut Option<usize>, waker: &Waker) -> Option<Waker> {
        let at = *place.get_or_insert_with(|| {
            self.free.pop().unwrap_or_else(|| {
                self.waiting.push(None);
                self.waiting.len() - 1
            })
        });
        let waits = &mut self.waiting[at];
        match waits {
            Some(same) if same.will_wake(waker) => None,
            _ => waits.replace(waker.clone()),
        }
    }
}

#[cfg(all(test, not(any(larder_loom, larder_shuttle))))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
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
        assert_eq!(strip.0.lock().waiting.len(), 1);
        strip.land(Landing::Lost);
        assert_eq!(woken.0.load(Ordering::SeqCst), 0);
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
