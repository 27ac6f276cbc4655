//! A value refreshed in the background.

use std::sync::Arc;
use std::time::Duration;

use larder::{ManualClock, Refreshed, Snapshots};
use tokio::sync::mpsc;

fn snapshots(capacity: usize) -> (Snapshots<u32>, ManualClock) {
    let clock = ManualClock::new();
    (
        Snapshots::builder("test")
            .capacity(capacity)
            .clock(clock.clock())
            .build(),
        clock,
    )
}

#[test]
fn the_ring_keeps_the_newest_and_is_bounded() {
    let (snapshots, clock) = snapshots(3);
    assert!(snapshots.latest().is_none());
    for value in 1..=5 {
        clock.advance(Duration::from_secs(1));
        assert_eq!(snapshots.update(value), u64::from(value));
    }
    let values: Vec<_> = snapshots.all().iter().map(|sample| *sample.value).collect();
    assert_eq!((values, snapshots.samples_taken()), (vec![3, 4, 5], 5));
}

#[test]
fn a_range_includes_both_its_ends() {
    let (snapshots, clock) = snapshots(10);
    let times: Vec<_> = (0..5)
        .map(|value| {
            clock.advance(Duration::from_secs(1));
            snapshots.update(value);
            clock.clock().wall()
        })
        .collect();
    let values = |from, to| {
        snapshots
            .range(from, to)
            .iter()
            .map(|sample| *sample.value)
            .collect::<Vec<_>>()
    };
    assert_eq!(values(times[1], times[3]), [1, 2, 3]);
    assert_eq!(values(times[3], times[1]), [0; 0]);
}

#[test]
fn a_confirmed_value_keeps_its_version_and_starts_its_age_anew() {
    let (snapshots, clock) = snapshots(10);
    snapshots.confirm();
    assert!(snapshots.latest().is_none());
    snapshots.update(1);
    clock.advance(Duration::from_secs(5));
    assert_eq!(snapshots.latest().unwrap().age, Duration::from_secs(5));
    snapshots.confirm();
    let latest = snapshots.latest().unwrap();
    assert_eq!(
        (latest.version, latest.age, snapshots.all().len()),
        (1, Duration::ZERO, 2)
    );
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_the_last_value_with_its_age() {
    let (snapshots, clock) = snapshots(10);
    snapshots
        .refresh_with(async { Ok::<_, String>(Refreshed::Changed(1)) })
        .await
        .unwrap();
    clock.advance(Duration::from_secs(9));
    let failed = snapshots
        .refresh_with(async { Err("the disk is gone") })
        .await;
    assert_eq!(failed.unwrap_err(), "the disk is gone");

    let (latest, health) = (snapshots.latest().unwrap(), snapshots.health());
    assert_eq!((*latest.value, latest.age), (1, Duration::from_secs(9)));
    assert_eq!((health.refreshes, health.failures), (1, 1));
    assert_eq!(health.last_error.as_deref(), Some("the disk is gone"));

    snapshots
        .refresh_with(async { Ok::<_, String>(Refreshed::Unchanged) })
        .await
        .unwrap();
    assert_eq!(snapshots.health().last_error, None);
}

#[test]
fn the_ring_may_keep_less_than_the_value() {
    let lengths = Snapshots::<String>::builder("test")
        .history_of(String::len)
        .build();
    lengths.update("four".into());
    assert_eq!(lengths.all()[0].value, 4);
    assert_eq!(*lengths.latest().unwrap().value, "four");
}

/// Runs until `count` more refreshes have begun.
async fn begun(refreshes: &mut mpsc::UnboundedReceiver<u32>, count: usize) -> u32 {
    let mut last = 0;
    for _ in 0..count {
        last = refreshes.recv().await.unwrap();
    }
    last
}

#[tokio::test(start_paused = true)]
async fn it_refreshes_at_its_interval_and_when_it_is_woken() {
    let snapshots = Snapshots::<u32>::builder("test")
        .interval(Duration::from_mins(1))
        .build();
    let (begin, mut refreshes) = mpsc::unbounded_channel();
    let mut turn = 0;
    let refresher = snapshots.spawn(move || {
        turn += 1;
        begin.send(turn).unwrap();
        std::future::ready(Ok::<_, String>(Refreshed::Changed(turn)))
    });
    let started = tokio::time::Instant::now();
    assert_eq!(begun(&mut refreshes, 3).await, 3);
    assert_eq!(started.elapsed().as_secs(), 120);
    snapshots.wake();
    assert_eq!(begun(&mut refreshes, 1).await, 4);
    assert!(
        started.elapsed() < Duration::from_secs(125),
        "a wake does not wait for the interval"
    );
    drop(refresher);
    assert_eq!(
        refreshes.recv().await,
        None,
        "dropping the handle ends the refresh"
    );
}

#[derive(Clone, Copy, PartialEq)]
enum Panics {
    Asked,
    Awaited,
    Projected,
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_panics_anywhere_counts_as_failed_and_the_next_one_runs() {
    for panics in [Panics::Asked, Panics::Awaited, Panics::Projected] {
        let snapshots = Snapshots::<u32>::builder("test")
            .interval(Duration::from_secs(1))
            .history_of(move |turn| assert!(panics != Panics::Projected || *turn != 1))
            .build();
        let mut follow = snapshots.subscribe();
        let mut turn = 0;
        let _refresher = snapshots.spawn(move || {
            turn += 1;
            assert!(panics != Panics::Asked || turn != 1);
            let turn = turn;
            async move {
                assert!(panics != Panics::Awaited || turn != 1);
                Ok::<_, String>(Refreshed::Changed(turn))
            }
        });
        follow.changed().await.unwrap();
        assert_eq!(*snapshots.latest().unwrap().value, 2);
        let health = snapshots.health();
        assert_eq!(health.failures, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn reading_never_waits_for_a_refresh() {
    let snapshots = Snapshots::<u32>::builder("test")
        .interval(Duration::from_secs(1))
        .build();
    snapshots.update(1);
    let (begin, mut refreshes) = mpsc::unbounded_channel();
    let hold = Arc::new(tokio::sync::Semaphore::new(0));
    let held = hold.clone();
    let _refresher = snapshots.spawn(move || {
        begin.send(0).unwrap();
        let held = held.clone();
        async move {
            held.acquire().await.unwrap().forget();
            Ok::<_, String>(Refreshed::Changed(2))
        }
    });
    begun(&mut refreshes, 1).await;
    assert_eq!(
        *snapshots.latest().unwrap().value,
        1,
        "the refresh is running, and the last value is there"
    );
    let mut follow = snapshots.subscribe();
    hold.add_permits(1);
    follow.changed().await.unwrap();
    assert_eq!(*snapshots.latest().unwrap().value, 2);
}

/// Reads the snapshots that it is in when it is dropped.
struct Reader(Option<Snapshots<Reader>>);

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(snapshots) = self.0.take() {
            assert!(snapshots.latest().is_some());
            assert!(!snapshots.all().is_empty());
        }
    }
}

#[test]
fn a_value_may_read_the_snapshots_while_it_is_dropped() {
    let snapshots = Snapshots::<Reader>::builder("test").capacity(1).build();
    for _ in 0..3 {
        snapshots.update(Reader(Some(snapshots.clone())));
        snapshots.confirm();
    }
    snapshots.update(Reader(None));
}
