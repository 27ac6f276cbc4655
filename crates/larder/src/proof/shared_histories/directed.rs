//! Histories that chance does not come by: what happens between two steps of one task.

use std::convert::Infallible;
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;

use super::X;
use super::fake::Fake;
use super::fake::way::Wire;
use crate::checks::Check;
use crate::{Cache, Sharing};

fn cache(fake: &Fake, without: Option<Check>) -> Cache<String, u64> {
    built(fake, without, Handle::current())
}

/// One whose own tasks run on this runtime.
fn built(fake: &Fake, without: Option<Check>, on: Handle) -> Cache<String, u64> {
    let sharing = Sharing::over(fake.seat()).staleness(Duration::from_millis(X));
    let builder = Cache::builder("users")
        .clock(fake.clock())
        .remote(sharing)
        .runtime(on);
    let builder = match without {
        Some(check) => builder.without(check),
        None => builder,
    };
    builder.build().unwrap()
}

/// Lets the tasks of another runtime run until they wait.
fn drive(other: &Runtime) {
    let turns = async {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| other.block_on(turns));
    });
}

/// The store says that it has a value; before the task that waits for that goes on, the link is lost,
/// and with it the news of an invalidation, and comes back. What is served X later.
fn stored_in_an_epoch_that_is_over(without: Option<Check>) -> Option<u64> {
    let new = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
    };
    let (here, other) = (new().unwrap(), new().unwrap());
    let fake = Fake::new();
    let (held, release) = oneshot::channel();
    let (a, get) = here.block_on(async {
        let a = built(&fake, without, other.handle().clone());
        fake.pass(10).await;
        drive(&other);
        fake.pass(X / 2).await;
        let load = move |_| async move { Ok::<_, Infallible>(release.await.unwrap()) };
        let getter = a.clone();
        let get = tokio::spawn(async move { getter.get_or_load("k", load).await });
        // A reading of what the store has, and then the load.
        for _ in 0..4 {
            fake.settle().await;
            drive(&other);
        }
        (a, get)
    });
    // The news of its own storing are lost as well.
    fake.hold_answers(0, Wire::Tracker);
    fake.hold_answers(0, Wire::Data);
    held.send(1).unwrap();
    drive(&other);
    fake.pump();
    assert!(
        fake.net().server.bytes_of("users", "k").is_some(),
        "it is stored"
    );
    let _context = here.enter();
    fake.net().hold_answers(0, Wire::Data, false);
    fake.pump();
    fake.cut_off(0);
    here.block_on(async {
        let b = cache(&fake, None);
        fake.pass(100).await;
        b.invalidate("k").await.unwrap();
        fake.heal(0).await;
        drive(&other);
        assert_eq!(get.await.unwrap().unwrap(), 1, "who waits gets it");
        fake.pass(X + 1).await;
        a.peek("k")
    })
}

/// F4 of the protocol's findings: the number of what is stored is taken before the look at the epoch.
#[test]
fn a_value_whose_epoch_is_over_when_it_is_stored_is_not_lifted_into_the_next() {
    assert_eq!(stored_in_an_epoch_that_is_over(None), None);
    let found = stored_in_an_epoch_that_is_over(Some(Check::Epoch));
    assert_eq!(found, Some(1), "it is found that the check is missing");
}

/// What is served after one's own invalidation has returned, that a reading has overtaken on its way.
async fn read_between_the_halves(without: Option<Check>) -> Option<u64> {
    let fake = Fake::new();
    let a = cache(&fake, without);
    fake.pass(10).await;
    a.insert("k".into(), 1).await.unwrap();
    fake.settle().await;
    fake.net().delays.push = vec![200];
    fake.be_unordered(50);
    let writer = a.clone();
    let invalidation = tokio::spawn(async move { writer.invalidate("k").await });
    fake.settle().await;
    fake.be_unordered(0);
    assert_eq!(
        a.get("k").await.unwrap().unwrap().value,
        1,
        "it asked before"
    );
    fake.pass(60).await;
    invalidation.await.unwrap().unwrap();
    a.peek("k")
}

/// J8
#[tokio::test(start_paused = true)]
async fn what_was_read_between_the_halves_of_an_invalidation_is_gone_when_it_returns() {
    assert_eq!(read_between_the_halves(None).await, None);
    let found = read_between_the_halves(Some(Check::Again)).await;
    assert_eq!(found, Some(1), "it is found that the check is missing");
}

/// The first step of an insert is acknowledged; before its task goes on, the server comes back with what
/// it had then, and has forgotten what another inserted later.
#[test]
fn an_insert_does_not_take_its_second_step_in_another_life_of_the_server() {
    let new = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
    };
    let (here, other) = (new().unwrap(), new().unwrap());
    let fake = Fake::new();
    // Its entry is not told apart by the log either.
    fake.net().server.has_plain_logs = true;
    here.block_on(async {
        let a = built(&fake, None, other.handle().clone());
        let b = cache(&fake, None);
        fake.pass(10).await;
        drive(&other);
        fake.pass(X / 2).await;
        drive(&other);
        fake.hold_answers(0, Wire::Data);
        let writer = a.clone();
        let insert = tokio::spawn(async move { writer.insert("k".into(), 1).await });
        fake.settle().await;
        drive(&other);
        fake.net().server.dump();
        b.insert("k".into(), 2).await.unwrap();
        fake.net().hold_answers(0, Wire::Data, false);
        fake.pump();
        fake.restart();
        fake.pass(500).await;
        drive(&other);
        fake.settle().await;
        insert.await.unwrap().unwrap();
        fake.pass(X + 1).await;
        let stored = b.get("k").await.unwrap().map(|entry| entry.value);
        assert_eq!(stored, None, "older than what was acknowledged");
    });
}
