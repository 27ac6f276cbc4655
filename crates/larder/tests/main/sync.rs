//! The cache without a runtime keeps the same promises.

use std::convert::Infallible;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use larder::sync::Cache;
use larder::{AnyCache, Error, Loaded, ManualClock, Policy, Scope, Source};

use super::MINUTE;

type Answer = thread::JoinHandle<Result<u64, Error>>;

fn cache() -> Cache<String, u64> {
    Cache::builder("test").max_capacity(1_000).build().unwrap()
}

fn ready(value: u64) -> impl FnOnce(&String) -> Result<u64, Infallible> {
    move |_| Ok(value)
}

/// A load of "k" on a thread of its own, which has begun and ends when it is told its value.
struct Held {
    release: Sender<Result<u64, &'static str>>,
    thread: Answer,
}

impl Held {
    fn begin(cache: &Cache<String, u64>) -> Self {
        let (begin, begun) = mpsc::channel();
        let (release, released): (_, Receiver<Result<u64, &'static str>>) = mpsc::channel();
        let cache = cache.clone();
        let thread = thread::spawn(move || {
            cache.get_or_load("k", |_| {
                begin.send(()).unwrap();
                released.recv().expect("the load is dropped: it panics")
            })
        });
        begun.recv().unwrap();
        Self { release, thread }
    }

    fn end(self, result: Result<u64, &'static str>) -> Result<u64, Error> {
        self.release.send(result).unwrap();
        self.thread.join().unwrap()
    }
}

/// Threads that ask for "k" and wait for the load that runs.
fn followers(cache: &Cache<String, u64>, count: u64) -> Vec<Answer> {
    let before = cache.stats().coalesced;
    let follow = |_| {
        let cache = cache.clone();
        thread::spawn(move || cache.get_or_load("k", ready(0)))
    };
    let followers = (0..count).map(follow).collect();
    while cache.stats().coalesced < before + count {
        thread::yield_now();
    }
    followers
}

/// B1
#[test]
fn threads_that_miss_a_key_together_run_one_load() {
    let cache = cache();
    let held = Held::begin(&cache);
    let followers = followers(&cache, 20);

    assert_eq!(held.end(Ok(5)).unwrap(), 5);
    for follower in followers {
        assert_eq!(follower.join().unwrap().unwrap(), 5);
    }
    let stats = cache.stats();
    assert_eq!((stats.loads, stats.misses, stats.coalesced), (1, 21, 20));
}

/// B2
#[test]
fn a_load_does_not_keep_other_keys_waiting() {
    let cache = cache();
    let held = Held::begin(&cache);
    assert_eq!(cache.get_or_load("other", ready(2)).unwrap(), 2);
    assert_eq!(held.end(Ok(1)).unwrap(), 1);
}

/// B4
#[test]
fn a_panic_is_its_callers_and_the_key_is_free_again() {
    let cache = cache();
    let Held { release, thread } = Held::begin(&cache);
    let follower = followers(&cache, 1).pop().unwrap();
    drop(release);

    assert!(thread.join().is_err());
    let answer = follower.join().unwrap();
    assert!(matches!(answer, Err(Error::LoadPanicked)), "{answer:?}");
    assert_eq!(cache.get_or_load("k", ready(2)).unwrap(), 2);
    let stats = cache.stats();
    assert_eq!((stats.loads, stats.load_panics), (2, 1));
}

/// B5, A9
#[test]
fn all_who_wait_get_the_loaders_own_error_and_the_next_call_loads_again() {
    let cache = cache();
    let held = Held::begin(&cache);
    let mut answers = followers(&cache, 3);
    answers.push(thread::spawn(move || held.end(Err("no such key"))));
    for answer in answers {
        let Err(Error::Load(error)) = answer.join().unwrap() else {
            panic!("not the loader's error");
        };
        assert_eq!(error.downcast_ref::<&str>(), Some(&"no such key"));
    }
    assert_eq!(cache.get_or_load("k", ready(2)).unwrap(), 2);
    assert_eq!(cache.stats().load_errors, 1);
}

/// E5
#[test]
fn a_wait_is_bounded_and_the_late_load_is_stored() {
    let cache = Cache::builder("test")
        .policy(Policy::forever().hard_timeout(Duration::ZERO))
        .build()
        .unwrap();
    let held = Held::begin(&cache);
    let answer = cache.get_or_load("k", ready(0));
    assert!(matches!(answer, Err(Error::Timeout { .. })), "{answer:?}");

    assert_eq!(
        held.end(Ok(5)).unwrap(),
        5,
        "the one that loads is not cut off"
    );
    assert_eq!(cache.peek("k"), Some(5));
    assert_eq!(cache.stats().timeouts, 1);
}

#[test]
fn a_loader_that_asks_for_its_own_key_is_told_so() {
    let cache = cache();
    let answer = cache.get_or_load("k", |_| cache.get_or_load("k", ready(1)));
    let Err(Error::Load(error)) = answer else {
        panic!("{answer:?}");
    };
    let inner = error.downcast_ref::<Error>();
    assert!(matches!(inner, Some(Error::Reentered)), "{error}");
    assert_eq!(cache.get_or_load("k", ready(2)).unwrap(), 2);
}

#[test]
fn a_loader_may_load_other_keys_and_the_same_key_of_another_cache() {
    let (cache, other) = (cache(), cache());
    let value = cache.get_or_load("k", |_| {
        let part = cache.get_or_load("part", ready(1))?;
        let same = other.get_or_load("k", ready(2))?;
        Ok::<_, Error>(part + same)
    });
    assert_eq!(value.unwrap(), 3);
    assert_eq!((cache.peek("part"), other.peek("k")), (Some(1), Some(2)));
}

#[test]
fn a_key_may_be_asked_for_again_after_its_loader_panicked_on_this_thread() {
    let cache = cache();
    let load = || cache.get_or_load("k", |_| -> Result<u64, Infallible> { panic!("broken") });
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(load)).unwrap_err();
    assert_eq!(cache.get_or_load("k", ready(2)).unwrap(), 2);
}

#[test]
fn a_load_past_the_limit_is_refused() {
    let cache = Cache::builder("test").max_loads(1).build().unwrap();
    let held = Held::begin(&cache);
    let answer = cache.get_or_load("other", ready(0));
    assert!(
        matches!(answer, Err(Error::Overloaded { limit: 1 })),
        "{answer:?}"
    );
    held.end(Ok(1)).unwrap();
    assert_eq!(cache.get_or_load("other", ready(2)).unwrap(), 2);
}

/// C1
#[test]
fn an_invalidation_during_a_load_is_not_overwritten_by_it() {
    let cache = cache();
    let held = Held::begin(&cache);
    cache.invalidate("k").unwrap();
    assert_eq!(
        cache.get_or_load("k", ready(2)).unwrap(),
        2,
        "it does not join"
    );
    assert_eq!(held.end(Ok(1)).unwrap(), 1, "its own caller gets the value");
    assert_eq!(cache.peek("k"), Some(2));
    assert_eq!(cache.stats().fenced, 1);
}

/// C2
#[test]
fn a_clear_during_a_load_is_not_overwritten_by_it() {
    let cache = cache();
    let held = Held::begin(&cache);
    cache.clear().unwrap();
    assert_eq!(held.end(Ok(1)).unwrap(), 1);
    assert_eq!(cache.peek("k"), None);

    let held = Held::begin(&cache);
    cache.clear().unwrap();
    assert_eq!(
        cache.get_or_load("k", ready(3)).unwrap(),
        3,
        "it does not join"
    );
    held.end(Ok(2)).unwrap();
    assert_eq!(cache.peek("k"), Some(3));
    assert_eq!(cache.stats().fenced, 2);
}

/// C5
#[test]
fn an_insert_during_a_load_wins() {
    let cache = cache();
    let held = Held::begin(&cache);
    cache.insert("k".into(), 7).unwrap();
    assert_eq!(cache.peek("k"), Some(7));
    held.end(Ok(1)).unwrap();
    assert_eq!(cache.peek("k"), Some(7));
}

/// C1
#[test]
fn a_loader_that_invalidates_its_own_key_is_not_stored() {
    let cache = cache();
    let value = cache.get_or_load("k", |key| cache.invalidate(key).map(|_| 1_u64));
    assert_eq!((value.unwrap(), cache.peek("k")), (1, None));
}

/// D11
#[test]
fn the_loaders_time_to_live_wins_over_the_calls_and_that_over_the_policys() {
    let clock = ManualClock::new();
    let cache = Cache::<String, u64>::builder("test")
        .policy(Policy::ttl(3 * MINUTE))
        .clock(clock.clock())
        .build()
        .unwrap();
    cache.get_or_load("policy", ready(1)).unwrap();
    cache
        .entry("call")
        .ttl(2 * MINUTE)
        .or_load(ready(1))
        .unwrap();
    cache.entry("put").ttl(2 * MINUTE).insert(1).unwrap();
    let brief = |_: &String| Ok::<_, Infallible>(Loaded::from(1).ttl(MINUTE));
    cache
        .entry("loader")
        .ttl(2 * MINUTE)
        .or_load(brief)
        .unwrap();

    let alive = || ["loader", "call", "put", "policy"].map(|key| cache.peek(key).is_some());
    assert_eq!(alive(), [true; 4]);
    clock.advance(MINUTE);
    assert_eq!(alive(), [false, true, true, true]);
    clock.advance(MINUTE);
    assert_eq!(alive(), [false, false, false, true]);
    clock.advance(MINUTE);
    assert_eq!(alive(), [false; 4]);
}

#[test]
fn an_entry_tells_where_it_comes_from_and_how_old_it_is() {
    let clock = ManualClock::new();
    let cache = Cache::<u64, u64>::builder("test")
        .clock(clock.clock())
        .build()
        .unwrap();
    let load = |key: &u64| Ok::<_, Infallible>(key * 2);
    let entry = cache.entry(&4).or_load(load).unwrap();
    assert_eq!(
        (entry.value, entry.source, entry.age),
        (8, Source::Loader, Duration::ZERO)
    );
    clock.advance(MINUTE);
    let again = cache.entry(&4).or_load(load).unwrap();
    assert_eq!((again.source, again.age), (Source::Memory, MINUTE));
    assert_eq!(again.version, entry.version);
}

#[test]
fn a_weigher_bounds_what_is_held_and_a_bad_name_is_refused() {
    let cache = Cache::<u64, u64>::builder("test")
        .max_capacity(10)
        .weigher(|_, value| *value as u32)
        .build()
        .unwrap();
    cache.insert(1, 11).unwrap();
    cache.insert(2, 4).unwrap();
    assert_eq!(
        (cache.peek(&1), cache.peek(&2), cache.weight()),
        (None, Some(4), 4)
    );
    assert!(Cache::<u64, u64>::builder("no spaces").build().is_err());
}

#[tokio::test]
async fn a_tool_sees_and_changes_it_by_the_keys_text() {
    let cache = cache();
    for key in ["a", "b"] {
        cache.insert(key.into(), 1).unwrap();
    }
    let any: &dyn AnyCache = &cache;
    assert_eq!(
        (any.name(), any.len(), any.max_capacity()),
        ("test", 2, 1_000)
    );
    assert_eq!(any.entries("a", 10).len(), 1);
    any.invalidate(Scope::Key("a")).await.unwrap();
    assert!(any.entry_info("a").is_none() && any.entry_info("b").is_some());
    any.clear().await.unwrap();
    assert!(any.is_empty());
    assert_eq!(
        (
            any.stats().inserts,
            any.stats().invalidations,
            any.stats().clears
        ),
        (2, 1, 1)
    );
}

/// A task's budget is spent by the waits of the task; the thread's are not among them.
#[tokio::test]
async fn it_works_on_a_runtimes_thread() {
    let cache = cache();
    for round in 0..1_000 {
        cache.invalidate("k").unwrap();
        assert_eq!(cache.get_or_load("k", ready(round)).unwrap(), round);
    }
}
