//! Work that one caller does as it waits for it, and no longer than nobody else does: it is a task of its
//! own from when another comes who waits for it too, or its caller is gone.
//!
//! So the work of one caller needs no task, and nobody depends on whether another one's future is polled.
//! Must not know what the work is.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::runtime::Handle;

pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The place of such work.
pub(crate) struct Led {
    state: Mutex<State>,
    /// Where it is a task.
    runtime: Handle,
}

#[derive(Default)]
struct State {
    work: Option<Work>,
    is_handed_over: bool,
    /// The caller that does the work.
    caller: Option<Waker>,
}

impl Led {
    pub(crate) fn new(runtime: Handle) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            runtime,
        })
    }

    /// Makes it a task, unless it is one or is done. Waits for as long as the caller is at it just now.
    pub(crate) fn hand_over(&self) {
        let mut state = self.state.lock();
        state.is_handed_over = true;
        let (work, caller) = (state.work.take(), state.caller.take());
        drop(state);
        if let Some(work) = work {
            drop(self.runtime.spawn(work));
        }
        if let Some(caller) = caller {
            caller.wake();
        }
    }

    /// Does the work; returns when it is done, or a task. A panic in it ends it, as it does a task.
    pub(crate) async fn lead(&self, work: Work) {
        let _gone = HandsOver(self);
        self.take_on(work);
        poll_fn(|cx| self.poll(cx)).await;
    }

    fn take_on(&self, work: Work) {
        let mut state = self.state.lock();
        if !state.is_handed_over {
            state.work = Some(work);
            return;
        }
        drop(state);
        drop(self.runtime.spawn(work));
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        let Some(work) = &mut state.work else {
            return Poll::Ready(());
        };
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
        if let Ok(Poll::Pending) = polled {
            match &mut state.caller {
                Some(caller) => caller.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        let done = state.work.take();
        drop(state);
        drop(done);
        Poll::Ready(())
    }
}

/// Hands over when the caller is gone.
struct HandsOver<'a>(&'a Led);

impl Drop for HandsOver<'_> {
    fn drop(&mut self) {
        self.0.hand_over();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::{Notify, oneshot};

    use super::*;

    fn led() -> Arc<Led> {
        Led::new(Handle::current())
    }

    #[tokio::test]
    async fn alone_its_caller_does_it_without_a_task() {
        let (tell, told) = oneshot::channel();
        let work = async move {
            tokio::task::yield_now().await;
            let _ = tell.send(tokio::task::try_id());
        };
        let led = led();
        tokio::spawn(async move {
            let caller = tokio::task::try_id();
            led.lead(Box::pin(work)).await;
            assert!(caller.is_some());
            assert_eq!(told.await.unwrap(), caller);
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn it_ends_though_its_caller_is_gone_or_is_not_polled() {
        for is_gone in [true, false] {
            let (go, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            let (led, waits, tells) = (led(), go.clone(), done.clone());
            let work = async move {
                waits.notified().await;
                tells.notify_one();
            };
            let mut leading = Box::pin(led.lead(Box::pin(work)));
            let first = poll_fn(|cx| Poll::Ready(leading.as_mut().poll(cx))).await;
            assert!(first.is_pending());
            if is_gone {
                drop(leading);
                go.notify_one();
                done.notified().await;
            } else {
                led.hand_over();
                go.notify_one();
                done.notified().await;
                leading.await;
            }
        }
    }

    #[tokio::test]
    async fn a_caller_hears_that_it_is_a_task_by_now() {
        let led = led();
        let caller = led.clone();
        let waits =
            tokio::spawn(async move { caller.lead(Box::pin(std::future::pending())).await });
        while led.state.lock().caller.is_none() {
            tokio::task::yield_now().await;
        }
        led.hand_over();
        waits.await.unwrap();
    }

    #[tokio::test]
    async fn who_hands_over_before_it_begins_makes_it_a_task() {
        let (led, runs) = (led(), Arc::new(AtomicUsize::new(0)));
        led.hand_over();
        let (ran, (tell, told)) = (runs.clone(), oneshot::channel());
        let work = async move {
            ran.fetch_add(1, Ordering::SeqCst);
            let _ = tell.send(());
        };
        led.lead(Box::pin(work)).await;
        told.await.unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_panic_in_it_is_not_its_callers() {
        let led = led();
        led.lead(Box::pin(async { panic!("expected") })).await;
        assert!(led.state.lock().work.is_none());
    }
}
