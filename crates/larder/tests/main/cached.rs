//! `#[cached]` caches what a function returns, and nothing else of it changes.

use std::fmt::{self, Debug, Display};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder::{Cache, Clock, Error, ManualClock, Policy, cached, sync};

use super::MINUTE;

/// A test's cache and what its function did: each test has its own, since they run side by side.
struct Fixture<C> {
    cache: C,
    runs: AtomicU64,
}

impl<C> Fixture<C> {
    const fn new(cache: C) -> Self {
        let runs = AtomicU64::new(0);
        Self { cache, runs }
    }

    /// Counts a run of the body.
    fn run(&self) -> u64 {
        self.runs.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }
}

type Shared<K, V> = LazyLock<Fixture<Cache<K, V>>>;
type Blocking<K, V> = LazyLock<Fixture<sync::Cache<K, V>>>;

fn shared<K: larder::CacheKey, V: Clone + Send + Sync + 'static>() -> Fixture<Cache<K, V>> {
    Fixture::new(Cache::builder("cached").build().unwrap())
}

fn blocking<K: larder::CacheKey, V: Clone + Send + Sync + 'static>() -> Fixture<sync::Cache<K, V>> {
    Fixture::new(sync::Cache::builder("cached").build().unwrap())
}

#[derive(Clone, Debug, PartialEq)]
enum Trouble {
    NotFound(u64),
    Cache(String),
}

impl Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(self, f)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Cache(error.to_string())
    }
}

/// A9
#[tokio::test]
async fn an_async_functions_result_is_cached_and_its_errors_are_not() {
    static USERS: Shared<String, u64> = LazyLock::new(shared);

    #[cached(cache = USERS.cache, key = "user:{id}", ttl = "5m")]
    async fn user(id: u64) -> Result<u64, Trouble> {
        tokio::task::yield_now().await;
        match USERS.run() {
            1 => Err(Trouble::NotFound(id)),
            run => Ok(id + run),
        }
    }

    assert_eq!(user(10).await, Err(Trouble::NotFound(10)), "the body's own");
    assert_eq!(user(10).await, Ok(12));
    assert_eq!(user(10).await, Ok(12));
    assert_eq!((USERS.runs(), USERS.cache.peek("user:10")), (2, Some(12)));
    assert_eq!(user_uncached(10).await, Ok(13));
    assert_eq!(USERS.cache.peek("user:10"), Some(12));
    user_invalidate(10).await.unwrap();
    assert_eq!(user(10).await, Ok(14));
}

/// A8
#[tokio::test]
async fn none_is_a_value_and_not_computed_again() {
    static ASYNC: Shared<u64, Option<u64>> = LazyLock::new(shared);
    static SYNC: Blocking<String, Option<u64>> = LazyLock::new(blocking);

    #[cached(cache = ASYNC.cache)]
    async fn find(_id: u64) -> Option<u64> {
        ASYNC.run();
        tokio::task::yield_now().await;
        None
    }

    #[cached(cache = SYNC.cache)]
    fn find_now(name: String) -> Option<u64> {
        SYNC.run();
        String::from_utf8(name.into_bytes()).ok()?.parse().ok()
    }

    for _ in 0..3 {
        assert_eq!((find(1).await, find_now("x".into())), (None, None));
    }
    assert_eq!((ASYNC.runs(), SYNC.runs()), (1, 1));
    assert_eq!(ASYNC.cache.peek(&1), Some(None));
}

#[test]
fn a_sync_function_is_cached_without_a_runtime() {
    static CACHE: Blocking<String, u64> = LazyLock::new(blocking);

    #[cached(cache = CACHE.cache, key = "{a:?}:{b}")]
    fn join(a: &str, mut b: u64) -> Result<u64, Trouble> {
        b += CACHE.run();
        b.checked_sub(5).ok_or(Trouble::NotFound(a.len() as u64))
    }

    assert_eq!(join("x", 3), Err(Trouble::NotFound(1)));
    assert_eq!(join("x", 3), Ok(0));
    assert_eq!(join("x", 3), Ok(0));
    assert_eq!(CACHE.cache.peek("\"x\":3"), Some(0));
    join_invalidate("x", 3).unwrap();
    assert_eq!(join("x", 3), Ok(1));
}

/// B1
#[tokio::test]
async fn callers_with_the_same_arguments_share_one_run() {
    static CACHE: Shared<String, u64> = LazyLock::new(shared);

    #[cached(cache = CACHE.cache)]
    async fn load(name: &str) -> u64 {
        while CACHE.cache.stats().coalesced < 2 {
            tokio::task::yield_now().await;
        }
        CACHE.run() + name.len() as u64
    }

    assert_eq!(tokio::join!(load("a"), load("a"), load("a")), (2, 2, 2));
    assert_eq!(CACHE.runs(), 1);
}

/// G1
#[test]
fn what_is_cached_has_the_tags_of_its_call() {
    static CACHE: Blocking<String, u64> = LazyLock::new(blocking);

    #[cached(cache = CACHE.cache, key = "{team}:{id}", tags("team:{team}", id))]
    fn member(team: &str, id: u64) -> u64 {
        CACHE.run() + team.len() as u64 * 10 + id * 100
    }

    assert_eq!(
        (member("a", 1), member("b", 1), member("b", 2)),
        (111, 112, 213)
    );
    CACHE.cache.invalidate_tag("team:a").unwrap();
    assert_eq!(
        (member("a", 1), member("b", 1), member("b", 2)),
        (114, 112, 213)
    );
    CACHE.cache.invalidate_tag("1").unwrap();
    assert_eq!(
        (member("a", 1), member("b", 1), member("b", 2)),
        (115, 116, 213)
    );
}

#[derive(Clone)]
struct Shop {
    prices: Cache<u64, String>,
    names: sync::Cache<String, String>,
    unit: &'static str,
}

impl Shop {
    fn new(clock: Clock) -> Self {
        let policy = Policy::ttl(10 * MINUTE);
        let prices = Cache::builder("prices").policy(policy).clock(clock);
        Self {
            prices: prices.build().unwrap(),
            names: sync::Cache::builder("names").build().unwrap(),
            unit: "€",
        }
    }

    fn names(&self) -> &sync::Cache<String, String> {
        &self.names
    }

    /// The price, with its unit.
    #[cached(cache = self.prices, key = item.id, ttl = "1m30s", skip(suffix))]
    async fn price(&self, item: &Item, suffix: &str) -> Result<String, Error> {
        tokio::task::yield_now().await;
        Ok(format!("{} {}{suffix}", item.id, self.unit))
    }

    #[cached(cache = self.names())]
    fn name<'a>(&'a self, of: &'a String) -> String {
        format!("{of} in {}", self.unit)
    }
}

#[derive(Clone)]
struct Item {
    id: u64,
}

#[tokio::test]
async fn a_method_uses_its_own_cache_and_what_it_borrows() {
    let clock = ManualClock::new();
    let shop = Shop::new(clock.clock());
    let item = Item { id: 4 };
    assert_eq!(shop.price(&item, "!").await.unwrap(), "4 €!");
    assert_eq!(shop.price(&item, "?").await.unwrap(), "4 €!", "skipped");
    assert_eq!(shop.price_uncached(&item, "?").await.unwrap(), "4 €?");
    shop.price_invalidate(&item).await.unwrap();
    assert_eq!(shop.price(&item, "?").await.unwrap(), "4 €?");

    clock.advance(MINUTE);
    assert!(shop.prices.peek(&4).is_some());
    clock.advance(MINUTE / 2);
    assert!(shop.prices.peek(&4).is_none(), "its own time to live");

    let key = "k".to_owned();
    assert_eq!(shop.name(&key), "k in €");
    assert_eq!(shop.names.peek("k").as_deref(), Some("k in €"));
    shop.name_invalidate(&key).unwrap();
    assert!(shop.names.is_empty());
}

#[test]
fn a_generic_function_is_cached() {
    static CACHE: Blocking<String, usize> = LazyLock::new(blocking);

    #[cached(cache = CACHE.cache, key = "{N}:{of}")]
    fn width<T, const N: usize>(of: T) -> usize
    where
        T: Display + Clone,
    {
        CACHE.run();
        of.to_string().len() * N
    }

    assert_eq!((width::<_, 2>("abc"), width::<_, 2>("abc")), (6, 6));
    assert_eq!((width::<_, 3>(12), CACHE.runs()), (6, 2));
    width_invalidate::<_, 3>(12).unwrap();
    assert_eq!(CACHE.cache.len(), 1);
}

#[test]
fn a_recursive_function_fills_the_cache_on_its_way() {
    static CACHE: Blocking<u64, u64> = LazyLock::new(blocking);

    #[cached(cache = CACHE.cache)]
    fn fibonacci(n: u64) -> u64 {
        CACHE.run();
        if n < 2 {
            n
        } else {
            fibonacci(n - 1) + fibonacci(n - 2)
        }
    }

    assert_eq!((fibonacci(80), CACHE.runs()), (23_416_728_348_467_685, 81));
}

#[test]
fn arguments_may_have_any_name() {
    static CACHE: Blocking<String, u64> = LazyLock::new(blocking);

    #[cached(cache = CACHE.cache, key = "{cache}{key}{result}{entry}{error}{this}")]
    fn sum(cache: u64, key: u64, result: u64, entry: u64, error: u64, this: u64) -> u64 {
        cache + key + result + entry + error + this
    }

    assert_eq!(sum(1, 2, 3, 4, 5, 6), 21);
    assert_eq!(CACHE.cache.peek("123456"), Some(21));
}

/// An error that can't be cloned, as those of many libraries.
#[derive(Debug)]
struct Whole(Error);

impl From<Error> for Whole {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

type WholeResult<T> = Result<T, Whole>;

/// E3
#[test]
fn an_error_that_is_not_clone_is_inside_the_caches() {
    static CACHE: Blocking<u64, u64> = LazyLock::new(blocking);

    #[cached(cache = CACHE.cache)]
    fn broken(_id: u64) -> WholeResult<u64> {
        Err(Whole(Error::NoRuntime))
    }

    let Whole(Error::Load(load)) = broken(1).unwrap_err() else {
        panic!("not the loader's");
    };
    let body = load.downcast_ref::<Whole>().unwrap();
    assert!(matches!(body.0, Error::NoRuntime));
}

/// E5
#[tokio::test]
async fn where_the_cache_cannot_help_a_result_tells_it_and_a_plain_value_is_made() {
    static CACHE: Shared<u64, u64> = LazyLock::new(|| {
        let policy = Policy::forever().hard_timeout(Duration::ZERO);
        let cache = Cache::builder("slow").policy(policy).max_loads(1);
        Fixture::new(cache.build().unwrap())
    });

    #[cached(cache = CACHE.cache)]
    async fn plain(id: u64) -> u64 {
        tokio::task::yield_now().await;
        CACHE.run() + id
    }

    #[cached(cache = CACHE.cache)]
    async fn fallible(_id: u64) -> Result<u64, Trouble> {
        std::future::pending().await
    }

    let late = fallible(1).await.unwrap_err();
    assert!(
        matches!(&late, Trouble::Cache(why) if why.contains("no result within")),
        "{late}"
    );
    assert_eq!(plain(10).await, 11, "that load takes the only place");
    assert_eq!(
        (CACHE.cache.stats().overloads, CACHE.cache.peek(&10)),
        (1, None)
    );
}

#[test]
fn a_panic_in_the_body_is_the_callers() {
    static CACHE: Blocking<u64, u64> = LazyLock::new(blocking);

    #[cached(cache = CACHE.cache)]
    fn risky(id: u64) -> u64 {
        assert!(CACHE.run() > 1, "the first run fails");
        id
    }

    assert!(std::panic::catch_unwind(|| risky(3)).is_err());
    assert_eq!(risky(3), 3);
}

mod elsewhere {
    use super::*;

    pub(super) static CACHE: Blocking<String, u64> = LazyLock::new(blocking);

    #[cached(cache = CACHE.cache, key = "all")]
    #[must_use]
    pub(super) fn total() -> u64 {
        CACHE.run()
    }
}

#[test]
fn the_companions_are_as_visible_as_the_function() {
    assert_eq!((elsewhere::total(), elsewhere::total()), (1, 1));
    assert_eq!(elsewhere::total_uncached(), 2);
    elsewhere::total_invalidate().unwrap();
    assert_eq!(elsewhere::total(), 3);
}
