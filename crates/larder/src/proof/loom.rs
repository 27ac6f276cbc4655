//! Every interleaving, and every outcome that the memory orders allow, of a few threads: loom.
//!
//! `cargo xtask loom` runs these. The places where threads can meet are those of
//! [`shim::sync`](crate::shim::sync). A fence of sequential consistency stands in the origin: it is
//! what a database, being asked across a socket, does to its two sides.

use std::sync::Arc;

use loom::sync::Mutex;
use loom::sync::atomic::{AtomicU64, Ordering, fence};
use loom::thread;

use crate::checks::{Check, Checks};
use crate::clock::Tick;
use crate::flight::{Began, Boarding, Flights, Landing};
use crate::loader::Loaded;
use crate::log::{InvalidationLog, Item, Listed, Standing};
use crate::sync;

/// Looks at all executions with at most this many switches that no thread asked for;
/// `LOOM_MAX_PREEMPTIONS` sets another number.
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 20_000;
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.check(model);
}

#[derive(Default)]
struct Origin(AtomicU64);

impl Origin {
    fn read(&self) -> u64 {
        fence(Ordering::SeqCst);
        self.0.load(Ordering::Relaxed)
    }

    fn write(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }
}

fn tags() -> [Box<str>; 1] {
    ["t".into()]
}

/// In which order a publisher takes its number and asks the log.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    MintAndAsk,
    AskAndMint,
}

/// A load and its publishing against one invalidation; then a look at what is stored.
fn publishing(checks: Checks, order: Order, item: fn() -> Item) {
    explore(3, move || {
        let log = Arc::new(InvalidationLog::new(checks));
        let (origin, stored) = (Arc::new(Origin::default()), Arc::new(Mutex::new(None)));
        let loading = {
            let (log, origin, stored) = (log.clone(), origin.clone(), stored.clone());
            thread::spawn(move || {
                let stamp = log.stamp();
                let value = origin.read();
                let early = (order == Order::MintAndAsk).then(|| log.mint());
                let mut stored = stored.lock().unwrap();
                if log.is_unfenced(stamp, &tags(), || "key".into()) {
                    *stored = Some((value, early.unwrap_or_else(|| log.mint())));
                }
            })
        };
        origin.write(1);
        log.record([item()], Tick::ZERO);
        let look = || {
            let found = *stored.lock().unwrap();
            let standing = |number| log.standing(number, &tags(), || "key".into());
            let value = found.filter(|(_, number)| standing(*number) == Standing::Valid);
            assert_ne!(value.map(|(value, _)| value), Some(0), "it is served again");
        };
        look();
        loading.join().unwrap();
        look();
    });
}

fn tag() -> Item {
    Item::Tag("t".into())
}

#[test]
fn what_an_item_matches_is_not_valid_once_it_is_recorded() {
    for item in [
        tag,
        || Item::All,
        || Item::Listed(Listed::Prefix("k".into())),
    ] {
        publishing(Checks::default(), Order::MintAndAsk, item);
    }
}

#[test]
#[should_panic(expected = "served again")]
fn a_publisher_that_does_not_ask_what_was_recorded_is_found() {
    publishing(Checks::without(Check::Stamp), Order::MintAndAsk, tag);
}

#[test]
#[should_panic(expected = "served again")]
fn a_publisher_that_does_not_see_an_item_being_recorded_is_found() {
    publishing(Checks::without(Check::Pending), Order::MintAndAsk, tag);
}

#[test]
#[should_panic(expected = "served again")]
fn a_publisher_that_asks_before_it_mints_is_found() {
    publishing(Checks::default(), Order::AskAndMint, tag);
}

#[test]
#[should_panic(expected = "served again")]
fn a_log_that_forgets_its_floor_is_found() {
    publishing(Checks::without(Check::Floor), Order::MintAndAsk, || {
        Item::All
    });
}

#[test]
fn what_a_tag_has_made_invalid_stays_so_while_everything_is_cleared() {
    explore(3, || {
        let log = Arc::new(InvalidationLog::default());
        let number = log.mint();
        log.record([tag()], Tick::ZERO);
        let clearing = {
            let log = log.clone();
            thread::spawn(move || log.record([Item::All], Tick::ZERO))
        };
        let standing = log.standing(number, &tags(), || "key".into());
        assert_eq!(standing, Standing::Invalid);
        clearing.join().unwrap();
    });
}

fn lands(checks: Checks) {
    explore(3, move || {
        let flights = Arc::new(Flights::<u64, u64>::new(10, checks));
        let (origin, stored) = (Arc::new(Origin::default()), Arc::new(Mutex::new(None)));
        let loading = {
            let (flights, origin, stored) = (flights.clone(), origin.clone(), stored.clone());
            thread::spawn(move || {
                let Boarding::Leads(lead, _) =
                    flights.board(7, &7, None, Began::default(), |_| true)
                else {
                    panic!("no other flight is there");
                };
                let value = origin.read();
                lead.land(|may_publish| {
                    if may_publish {
                        *stored.lock().unwrap() = Some(value);
                    }
                    value
                });
            })
        };
        origin.write(1);
        flights.fence::<_, u64, _>(7, &7, |_| *stored.lock().unwrap() = None);
        assert_ne!(*stored.lock().unwrap(), Some(0), "it is served again");
        loading.join().unwrap();
        assert_ne!(*stored.lock().unwrap(), Some(0), "it is served again");
    });
}

#[test]
fn a_flight_that_was_fenced_does_not_publish() {
    lands(Checks::default());
}

#[test]
#[should_panic(expected = "served again")]
fn a_flight_that_publishes_though_it_is_not_in_the_table_is_found() {
    lands(Checks::without(Check::Table));
}

/// B3
#[test]
fn who_waits_for_a_flight_whose_task_is_cancelled_is_told() {
    explore(3, || {
        let flights = Arc::new(Flights::<u64, u64>::new(10, Checks::default()));
        let Boarding::Leads(lead, ticket) = flights.board(7, &7, None, Began::default(), |_| true)
        else {
            panic!("no other flight is there");
        };
        let cancelled = thread::spawn(move || drop(lead));
        let late = match flights.board(7, &7, None, Began::default(), |_| true) {
            Boarding::Joined(ticket) => Some(ticket),
            Boarding::Leads(lead, ticket) => {
                lead.land(|_| 5);
                let landing = loom::future::block_on(ticket.landing());
                assert!(matches!(landing, Landing::Landed(5)));
                None
            }
            Boarding::Full => panic!("ten may run"),
        };
        for ticket in late.into_iter().chain([ticket]) {
            let landing = loom::future::block_on(ticket.landing());
            assert!(matches!(landing, Landing::Lost));
        }
        cancelled.join().unwrap();
    });
}

fn cache() -> sync::Cache<u64, u64> {
    let builder = sync::Cache::builder("loom").max_capacity(4);
    // What is learned of keys decides nothing here, and its lock is none that a model sees.
    builder
        .advise(false)
        .clock(crate::clock::ManualClock::new().clock())
        .build()
        .unwrap()
}

fn read(cache: &sync::Cache<u64, u64>, origin: &Origin) -> u64 {
    let load = |_: &u64| Ok::<_, String>(Loaded::from(origin.read()).tags(["t"]));
    cache.get_or_load(&7, load).unwrap()
}

type Change = fn(&sync::Cache<u64, u64>);

/// A get of the whole cache against one invalidation, and a get after it.
fn changing(change: Change) {
    explore(2, move || {
        let (cache, origin) = (cache(), Arc::new(Origin::default()));
        let reader = {
            let (cache, origin) = (cache.clone(), origin.clone());
            thread::spawn(move || read(&cache, &origin))
        };
        origin.write(1);
        change(&cache);
        assert_eq!(read(&cache, &origin), 1);
        reader.join().unwrap();
        assert_eq!(read(&cache, &origin), 1);
    });
}

/// C1, C8
#[test]
fn no_get_returns_what_was_invalidated_by_its_key_before_it_began() {
    changing(|cache| drop(cache.invalidate(&7)));
}

/// C3
#[test]
fn no_get_returns_what_was_invalidated_by_its_tag_before_it_began() {
    changing(|cache| drop(cache.invalidate_tag("t")));
}

/// C2
#[test]
fn no_get_returns_what_was_cleared_before_it_began() {
    changing(|cache| drop(cache.clear()));
}

/// C5
#[test]
fn no_get_returns_what_is_older_than_an_insert_before_it_began() {
    changing(|cache| drop(cache.insert(7, 1)));
}

/// C8
#[test]
fn who_joins_a_flight_that_finds_its_value_in_memory_gets_none_that_was_invalidated_before() {
    use crate::cache::load::Call;
    explore(3, || {
        let (cache, origin) = (cache(), Arc::new(Origin::default()));
        cache.insert(7, 0).unwrap();
        let missed_before_that = {
            let inner = cache.cache.inner.clone();
            thread::spawn(move || {
                let call = Call::plain(inner.memory.hash(&7_u64));
                let Boarding::Leads(lead, _) = inner.board(&7, &call, inner.log.stamp(), 0) else {
                    return;
                };
                if let Some(under_way) = inner.begin(lead, 7, call, None) {
                    under_way.end(Ok::<u64, String>(1));
                }
            })
        };
        origin.write(1);
        cache.invalidate(&7).unwrap();
        assert_eq!(read(&cache, &origin), 1);
        missed_before_that.join().unwrap();
    });
}
