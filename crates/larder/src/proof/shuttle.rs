//! More threads than loom can take, in ten thousand random schedules of each model: shuttle.
//!
//! `cargo xtask shuttle` runs these. The places where threads can meet are those of
//! [`shim::sync`](crate::shim::sync); that nobody is left waiting is shuttle's to see. The loads of
//! `Cache` run on tokio, which knows no other scheduler: the flights that they are in are shown
//! here under tasks of shuttle's own, and the rest by `sync::Cache`, which has the same path.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use shuttle::future::{block_on, spawn, yield_now};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use shuttle::{Config, Runner, thread};

use crate::checks::{Check, Checks};
use crate::error::Error;
use crate::flight::{Began, Boarding, Flights, Landing, Lead};
use crate::loader::Loaded;
use crate::sync::Cache;

/// Schedules of each model: `LARDER_SCHEDULES`, so many unless set.
const SCHEDULES: usize = 10_000;
/// Switches of threads that a bug takes, at most, where they are chosen for that.
const DEPTH: usize = 3;
const STACK_BYTES: usize = 1 << 18;
const READERS: usize = 5;

/// Half of the schedules are random; the others favour few switches at odd places. (PCT: Burckhardt
/// and others, "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", 2010.)
fn explore(model: impl Fn() + Clone + Send + Sync + 'static) {
    let schedules = std::env::var("LARDER_SCHEDULES").ok();
    let schedules = schedules.map_or(SCHEDULES, |text| text.parse().expect("a number"));
    let config = || {
        let mut config = Config::new();
        config.stack_size = STACK_BYTES;
        config.silence_warnings = true;
        config
    };
    Runner::new(RandomScheduler::new(schedules / 2), config()).run(model.clone());
    Runner::new(PctScheduler::new(DEPTH, schedules / 2), config()).run(model);
}

fn cache(without: Option<Check>) -> Cache<u64, u64> {
    let builder = Cache::builder("shuttle").max_capacity(4);
    // What is learned of keys decides nothing here, and its lock is none that a model sees.
    let builder = builder.advise(false);
    let builder = builder.clock(crate::clock::ManualClock::new().clock());
    let builder = match without {
        Some(check) => builder.without(check),
        None => builder,
    };
    builder.build().unwrap()
}

/// A3, B1
#[test]
fn one_load_runs_for_all_who_ask_together() {
    explore(|| {
        let (cache, loads) = (cache(None), Arc::new(AtomicUsize::new(0)));
        let readers = (0..READERS).map(|_| {
            let (cache, loads) = (cache.clone(), loads.clone());
            thread::spawn(move || {
                let load = |_: &u64| {
                    loads.fetch_add(1, SeqCst);
                    thread::yield_now();
                    Ok::<_, String>(5)
                };
                cache.get_or_load(&7, load).unwrap()
            })
        });
        let readers: Vec<_> = readers.collect();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), 5);
        }
        assert_eq!(loads.load(SeqCst), 1);
    });
}

/// B2
#[test]
fn a_loader_that_panics_leaves_nobody_waiting_and_the_key_free() {
    explore(|| {
        let cache = cache(None);
        let readers = (0..READERS).map(|number| {
            let cache = cache.clone();
            thread::spawn(move || {
                let load = |_: &u64| {
                    thread::yield_now();
                    if number % 2 == 0 {
                        resume_unwind(Box::new("no"));
                    }
                    Ok::<_, String>(5)
                };
                let get = || cache.get_or_load(&7, load);
                match catch_unwind(AssertUnwindSafe(get)) {
                    Ok(Ok(5) | Err(Error::LoadPanicked)) => {}
                    Ok(other) => panic!("{other:?}"),
                    Err(_) => assert_eq!(number % 2, 0, "its own loader panics"),
                }
            })
        });
        let readers: Vec<_> = readers.collect();
        for reader in readers {
            reader.join().unwrap();
        }
        let load = |_: &u64| Ok::<_, String>(5);
        assert_eq!(cache.get_or_load(&7, load).unwrap(), 5);
    });
}

/// A load by the leader's own task.
async fn fly(lead: Lead<u64, u64>, landed: Arc<AtomicUsize>) {
    for _ in 0..3 {
        yield_now().await;
    }
    landed.fetch_add(1, SeqCst);
    lead.land(|_| 5);
}

/// Boards until a flight lands, and cancels the loads that it leads itself this often.
async fn board(flights: Arc<Flights<u64, u64>>, landed: Arc<AtomicUsize>, mut cancels: usize) {
    loop {
        let ticket = match flights.board(7, &7, None, Began::default(), |_| true) {
            Boarding::Joined(ticket) => ticket,
            Boarding::Leads(lead, ticket) => {
                let load = spawn(fly(lead, landed.clone()));
                if cancels > 0 {
                    cancels -= 1;
                    yield_now().await;
                    load.abort();
                }
                ticket
            }
            Boarding::Full => panic!("ten may run"),
        };
        match ticket.landing().await {
            Landing::Landed(value) => return assert_eq!(value, 5),
            Landing::Lost => {}
            Landing::Panicked => panic!("nothing panics"),
        }
    }
}

/// B3
#[test]
fn who_waits_for_a_load_that_is_cancelled_boards_anew_and_gets_a_value() {
    explore(|| {
        let flights = Arc::new(Flights::<u64, u64>::new(10, Checks::default()));
        let landed = Arc::new(AtomicUsize::new(0));
        let boarded = (0..READERS).map(|number| {
            let (flights, landed) = (flights.clone(), landed.clone());
            spawn(board(flights, landed, number % 3))
        });
        let boarded: Vec<_> = boarded.collect();
        block_on(async {
            for one in boarded {
                one.await.unwrap();
            }
        });
        assert!(landed.load(SeqCst) > 0);
        assert!(!flights.is_loading(7, &7), "the key is free");
    });
}

/// How a key's value is changed.
#[derive(Clone, Copy)]
enum Change {
    Key,
    Tag,
    All,
    Insert,
}

/// Readers and a writer for each of these changes; no get is older than a change that was
/// acknowledged before it began.
fn changing(without: Option<Check>, changes: &'static [Change]) {
    explore(move || {
        let cache = cache(without);
        let origin = Arc::new(AtomicU64::new(0));
        let acknowledged = Arc::new(AtomicU64::new(0));
        let read = {
            let (cache, origin, acknowledged) =
                (cache.clone(), origin.clone(), acknowledged.clone());
            move || {
                let least = acknowledged.load(SeqCst);
                let load = |_: &u64| {
                    let value = origin.load(SeqCst);
                    Ok::<_, String>(Loaded::from(value).tags(["t"]))
                };
                let got = cache.get_or_load(&7, load).unwrap();
                assert!(got >= least, "{got} is served again after {least}");
            }
        };
        let readers: Vec<_> = (0..READERS - 1)
            .map(|_| thread::spawn(read.clone()))
            .collect();
        let writer = thread::spawn(move || {
            for change in changes {
                let value = origin.fetch_add(1, SeqCst) + 1;
                let done = match change {
                    Change::Key => cache.invalidate(&7),
                    Change::Tag => cache.invalidate_tag("t"),
                    Change::All => cache.clear(),
                    Change::Insert => cache.entry(&7).tags(["t"]).insert(value),
                };
                done.unwrap();
                acknowledged.store(value, SeqCst);
            }
        });
        read();
        writer.join().unwrap();
        for reader in readers {
            reader.join().unwrap();
        }
        read();
    });
}

/// C1 to C3, C5, C8
#[test]
fn no_get_is_older_than_a_change_that_was_acknowledged_before_it_began() {
    changing(
        None,
        &[Change::Insert, Change::Tag, Change::Key, Change::All],
    );
}

#[test]
#[should_panic(expected = "is served again")]
fn a_flight_that_publishes_though_its_key_was_invalidated_is_found() {
    changing(Some(Check::Table), &[Change::Key]);
}

#[test]
#[should_panic(expected = "is served again")]
fn a_load_that_publishes_though_its_tag_was_invalidated_is_found() {
    changing(Some(Check::Stamp), &[Change::Tag]);
}

#[test]
#[should_panic(expected = "is served again")]
fn a_get_that_joins_a_load_from_before_its_tag_was_invalidated_is_found() {
    changing(Some(Check::Joining), &[Change::Tag]);
}
