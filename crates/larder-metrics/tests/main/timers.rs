use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use larder_metrics::{Error, ManualClock, Timing, timed};

use crate::manual;

const STEP: Duration = Duration::from_millis(250);

#[test]
fn a_dropped_timer_records_the_time_since_its_start() -> Result<(), Error> {
    let (clock, registry) = manual();
    let loads = registry.timing("loads")?;
    {
        let _timer = loads.start();
        clock.advance(STEP);
    }
    assert_eq!(
        (loads.snapshot().count(), loads.snapshot().sum()),
        (1, STEP)
    );
    Ok(())
}

#[test]
fn a_stopped_timer_records_once_and_returns_what_it_recorded() -> Result<(), Error> {
    let (clock, registry) = manual();
    let loads = registry.timing("loads")?;
    let timer = loads.start();
    clock.advance(STEP);
    assert_eq!(timer.stop(), STEP);
    assert_eq!(
        (loads.snapshot().count(), loads.snapshot().sum()),
        (1, STEP)
    );
    Ok(())
}

#[test]
fn a_discarded_timer_records_nothing() -> Result<(), Error> {
    let (_, registry) = manual();
    let loads = registry.timing("loads")?;
    loads.start().discard();
    assert_eq!(loads.snapshot().count(), 0);
    Ok(())
}

#[test]
fn work_that_panics_is_timed() -> Result<(), Error> {
    let (clock, registry) = manual();
    let work = || {
        clock.advance(STEP);
        std::panic::resume_unwind(Box::new("the work failed"))
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| registry.time("loads", work)));
    assert!(outcome.is_err());
    assert_eq!(registry.timing("loads")?.snapshot().sum(), STEP);
    Ok(())
}

#[test]
fn a_bad_name_is_refused_before_the_work_runs() {
    let (_, registry) = manual();
    let mut ran = false;
    assert!(registry.time("not a name", || ran = true).is_err());
    assert!(!ran);
}

#[test]
fn a_timer_started_while_disabled_records_nothing_even_if_enabled_meanwhile() -> Result<(), Error> {
    let (clock, registry) = manual();
    let loads = registry.timing("loads")?;
    registry.set_enabled(false);
    let timer = loads.start();
    registry.set_enabled(true);
    clock.advance(STEP);
    assert_eq!(timer.stop(), Duration::ZERO);
    assert_eq!(loads.snapshot().count(), 0);
    Ok(())
}

#[test]
fn a_future_is_timed_from_its_first_poll_to_its_end() -> Result<(), Error> {
    let (clock, registry) = manual();
    let loads = registry.timing("loads")?;
    let mut polls = 0;
    let mut load = pin!(loads.of(poll_fn(|_| {
        polls += 1;
        if polls < 3 {
            Poll::Pending
        } else {
            Poll::Ready("value")
        }
    })));
    let mut cx = Context::from_waker(Waker::noop());
    clock.advance(STEP);
    for _ in 0..2 {
        assert_eq!(load.as_mut().poll(&mut cx), Poll::Pending);
        clock.advance(STEP);
    }
    assert_eq!(load.as_mut().poll(&mut cx), Poll::Ready("value"));
    assert_eq!(
        (loads.snapshot().count(), loads.snapshot().sum()),
        (1, STEP * 2)
    );
    Ok(())
}

#[test]
fn a_future_dropped_in_the_middle_is_timed() -> Result<(), Error> {
    let (clock, registry) = manual();
    let loads = registry.timing("loads")?;
    let mut load = Box::pin(loads.of(pending::<()>()));
    assert!(
        load.as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    clock.advance(STEP);
    drop(load);
    assert_eq!(
        (loads.snapshot().count(), loads.snapshot().sum()),
        (1, STEP)
    );
    Ok(())
}

#[test]
fn a_future_never_polled_is_not_timed() -> Result<(), Error> {
    let (_, registry) = manual();
    let loads = registry.timing("loads")?;
    drop(loads.of(ready(())));
    assert_eq!(loads.snapshot().count(), 0);
    Ok(())
}

#[test]
fn a_timed_future_can_be_sent_to_a_task_that_outlives_its_caller() -> Result<(), Error> {
    fn spawnable<F: Future + Send + 'static>(future: F) -> F {
        future
    }
    let (_, registry) = manual();
    drop(spawnable(registry.timing("loads")?.of(ready(()))));
    Ok(())
}

/// What `#[timed]` times in these tests; each its own.
struct Works {
    timing: Timing,
    done: u64,
}

impl Works {
    #[timed(timing = self.timing)]
    fn work(&mut self, clock: &ManualClock, steps: u32) -> Result<u32, String> {
        self.done += 1;
        for step in 0..steps {
            clock.advance(STEP);
            if step == 2 {
                return Err("three are too many".to_owned());
            }
        }
        Ok(steps)
    }

    #[timed(timing = self.timing)]
    async fn wait(&self, clock: &ManualClock) -> u64 {
        let mut polled = false;
        poll_fn(|_| {
            clock.advance(STEP);
            if std::mem::replace(&mut polled, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        self.done
    }

    #[timed(timing = self.timing)]
    fn consume(self) -> u64 {
        let timing = 3;
        self.done + timing
    }
}

fn works() -> Result<(ManualClock, Works), Error> {
    let (clock, registry) = manual();
    let timing = registry.timing("works")?;
    Ok((clock, Works { timing, done: 0 }))
}

#[test]
fn a_timed_function_is_timed_however_it_ends_and_returns_what_it_returns() -> Result<(), Error> {
    let (clock, mut works) = works()?;
    assert_eq!(works.work(&clock, 2), Ok(2));
    assert!(works.work(&clock, 9).is_err());
    let held = works.timing.snapshot();
    assert_eq!((held.count(), held.sum()), (2, STEP * 5));
    let timing = works.timing.clone();
    assert_eq!(
        works.consume(),
        5,
        "the body may move what the timing is in"
    );
    assert_eq!(timing.snapshot().count(), 3);
    Ok(())
}

#[test]
fn of_a_timed_async_function_the_future_is_timed_and_not_its_creation() -> Result<(), Error> {
    let (clock, works) = works()?;
    let mut wait = pin!(works.wait(&clock));
    clock.advance(STEP * 100);
    assert_eq!(works.timing.snapshot().count(), 0, "nothing was polled yet");
    let mut context = Context::from_waker(Waker::noop());
    assert!(wait.as_mut().poll(&mut context).is_pending());
    clock.advance(STEP * 3);
    assert!(wait.as_mut().poll(&mut context).is_ready());
    let held = works.timing.snapshot();
    assert_eq!((held.count(), held.sum()), (1, STEP * 5));
    Ok(())
}

#[test]
fn a_timed_async_function_that_is_dropped_half_way_counts() -> Result<(), Error> {
    let (clock, works) = works()?;
    {
        let mut wait = pin!(works.wait(&clock));
        let mut context = Context::from_waker(Waker::noop());
        assert!(wait.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(works.timing.snapshot().sum(), STEP);
    Ok(())
}
