//! How a thread waits for what a future brings: on a condition variable, with a limit. Knows
//! nothing of caches.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use crate::shim::sync::{Condvar, Mutex};

/// Lets a waker end a thread's wait.
#[derive(Default)]
struct Signal {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        *self.woken.lock() = true;
        self.changed.notify_one();
    }
}

impl Signal {
    /// Waits for a wake, or past `deadline` returns false. No deadline: for ever.
    fn wait_until(&self, deadline: Option<Instant>) -> bool {
        let mut woken = self.woken.lock();
        while !*woken {
            match deadline {
                None => self.changed.wait(&mut woken),
                Some(deadline) => {
                    if self.changed.wait_until(&mut woken, deadline).timed_out() && !*woken {
                        return false;
                    }
                }
            }
        }
        *woken = false;
        true
    }
}

/// What `future` brings, or `None` if it takes longer than `limit`. One that is ready is not late.
///
/// Works inside a runtime too, though it blocks the runtime's thread.
pub(super) fn at_most<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    // A task's budget is the task's: without this a spent one would keep the future from ever
    // becoming ready here.
    let mut future = pin!(tokio::task::unconstrained(future));
    let signal = Arc::new(Signal::default());
    let waker = Waker::from(signal.clone());
    let mut context = Context::from_waker(&waker);
    let deadline = Instant::now().checked_add(limit);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        if !signal.wait_until(deadline) {
            return None;
        }
    }
}

/// What a call of a memory-only cache brings: it awaits nothing, so that this does not block.
pub(super) fn for_ready<F: Future>(call: F) -> F::Output {
    at_most(Duration::MAX, call).expect("a wait without a deadline ends with its future")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[test]
    fn what_is_ready_is_taken_though_no_time_is_left() {
        assert_eq!(at_most(Duration::ZERO, std::future::ready(5)), Some(5));
    }

    #[test]
    fn what_never_comes_is_given_up_at_the_limit() {
        let never = std::future::pending::<()>();
        assert_eq!(at_most(Duration::from_millis(1), never), None);
    }

    #[test]
    fn a_wake_from_another_thread_ends_the_wait() {
        let (send, receive) = oneshot::channel();
        let sender = std::thread::spawn(move || send.send(5).unwrap());
        assert_eq!(for_ready(receive), Ok(5));
        sender.join().unwrap();
    }

    #[tokio::test]
    async fn a_task_that_has_spent_its_budget_still_sees_what_is_ready() {
        while tokio::task::coop::has_budget_remaining() {
            tokio::task::coop::consume_budget().await;
        }
        let (send, receive) = oneshot::channel();
        send.send(5).unwrap();
        assert_eq!(at_most(Duration::ZERO, receive), Some(Ok(5)));
    }
}
