//! Advice: each rule speaks of a cache that needs it, is silent of one that does not, and what it
//! predicts is what the change does.

mod bounds;

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder::recommend::{Level, Observed, Recommendation, recommend};
use larder::sync::Cache;
use larder::{AnyCache, Loaded, ManualClock, Policy, TierStats};

use super::learned::{Random, zipf};
use super::{held_load, reading, ready};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

fn advice(cache: &dyn AnyCache, rule: &str) -> Recommendation {
    let all = recommend(&Observed::of(cache));
    let found = all.iter().find(|one| one.rule == rule).cloned();
    found.unwrap_or_else(|| panic!("{rule} is silent: {all:?}; {:?}", cache.learned()))
}

fn rules(cache: &dyn AnyCache) -> Vec<&'static str> {
    let all = recommend(&Observed::of(cache));
    all.into_iter().map(|one| one.rule).collect()
}

fn hit_rate(cache: &dyn AnyCache) -> f64 {
    cache.stats().hit_rate().unwrap()
}

/// That the hit rate is predicted which the changed cache has, and the present one right.
fn is_kept(advice: &Recommendation, now: f64, changed: f64) {
    let predicted = &advice.predicted[0];
    assert_eq!(predicted.name, "hit_rate");
    assert!(
        (predicted.from - now).abs() < 0.03,
        "{now:.3} now: {advice:?}"
    );
    let to = predicted.to;
    assert!(
        (to - changed).abs() < 0.03,
        "{changed:.3} with the change: {advice:?}"
    );
}

fn of_capacity(capacity: u64, stream: &[u64]) -> Cache<u64, u64> {
    let clock = ManualClock::new();
    let cache = Cache::builder("users")
        .max_capacity(capacity)
        .clock(clock.clock())
        .build()
        .unwrap();
    for key in stream {
        clock.advance(Duration::from_millis(1));
        cache
            .get_or_load(key, |key| Ok::<_, Infallible>(*key))
            .unwrap();
    }
    cache
}

#[test]
fn a_loop_over_more_keys_than_fit_wants_more_capacity() {
    let stream: Vec<u64> = (0..60).flat_map(|_| 0..150).collect();
    let cache = of_capacity(100, &stream);
    let advice = advice(&cache, "capacity");
    assert_eq!(
        (&*advice.id, advice.level),
        ("capacity:users", Level::Critical)
    );
    let change = advice.change.as_ref().unwrap();
    assert_eq!(
        (change.setting, &*change.from, &*change.to),
        ("max_capacity", "100", "200")
    );
    let with = of_capacity(200, &stream);
    is_kept(&advice, hit_rate(&cache), hit_rate(&with));
    assert_eq!(rules(&with), Vec::<&str>::new());
}

#[test]
fn where_a_quarter_would_hit_as_much_memory_can_be_given_back() {
    let mut random = Random::seeded(3);
    let stream: Vec<u64> = (0..30_000)
        .map(|at| {
            if at % 20 == 0 {
                1_000_000 + at
            } else {
                random.next() % 100
            }
        })
        .collect();
    let cache = of_capacity(1_000, &stream);
    let advice = advice(&cache, "memory");
    assert_eq!(advice.level, Level::Info);
    assert_eq!(advice.change.as_ref().unwrap().to, "250");
    is_kept(
        &advice,
        hit_rate(&cache),
        hit_rate(&of_capacity(250, &stream)),
    );
    assert!(
        !rules(&of_capacity(100_000, &stream)).contains(&"memory"),
        "it is not full"
    );
}

/// Twenty keys, each asked for every seven seconds, whose origin's state changes after `changes`.
fn of_life(policy: Policy, changes: Duration) -> (Cache<u64, u64>, ManualClock) {
    let clock = ManualClock::new();
    let cache = Cache::builder("users")
        .policy(policy)
        .clock(clock.clock())
        .build()
        .unwrap();
    for round in 0..400_u32 {
        clock.advance(7 * SECOND);
        let state = u64::from(round) * 7 / changes.as_secs();
        for key in 0..20 {
            let load = |_: &u64| Ok::<_, Infallible>(Loaded::from(key).etag(state.to_string()));
            cache.get_or_load(&key, load).unwrap();
        }
    }
    (cache, clock)
}

#[test]
fn what_is_reloaded_unchanged_may_live_longer() {
    let never = Duration::from_hours(1_000);
    let (cache, _) = of_life(Policy::ttl(MINUTE), never);
    let advice = advice(&cache, "ttl_longer");
    let change = advice.change.as_ref().unwrap();
    assert_eq!(
        (change.setting, &*change.from, &*change.to),
        ("ttl", "1m", "2m")
    );
    let (with, _) = of_life(Policy::ttl(2 * MINUTE), never);
    is_kept(&advice, hit_rate(&cache), hit_rate(&with));
    assert!(!rules(&of_life(Policy::forever(), never).0).contains(&"ttl_longer"));
}

#[test]
fn what_is_reloaded_and_found_changed_should_live_shorter() {
    let (cache, _) = of_life(Policy::ttl(MINUTE), MINUTE);
    let advice = advice(&cache, "ttl_shorter");
    assert_eq!(advice.change.as_ref().unwrap().to, "30s");
    assert!(!rules(&cache).contains(&"ttl_longer"));
    let (with, _) = of_life(Policy::ttl(MINUTE / 2), MINUTE);
    is_kept(&advice, hit_rate(&cache), hit_rate(&with));
    let (slow, _) = of_life(Policy::ttl(MINUTE), 20 * MINUTE);
    assert!(!rules(&slow).contains(&"ttl_shorter"));
}

#[test]
fn a_value_that_nothing_tells_from_others_brings_no_advice_on_its_life() {
    let clock = ManualClock::new();
    let cache = Cache::<u64, u64>::builder("users")
        .policy(Policy::ttl(MINUTE))
        .clock(clock.clock())
        .build()
        .unwrap();
    for _ in 0..400 {
        clock.advance(7 * SECOND);
        for key in 0..20 {
            cache
                .get_or_load(&key, |key| Ok::<_, Infallible>(*key))
                .unwrap();
        }
    }
    let learned = cache.learned().unwrap();
    assert!(learned.reloads.unknown > 500, "{:?}", learned.reloads);
    assert!(!rules(&cache).iter().any(|rule| rule.starts_with("ttl")));
}

/// As [`of_life`], with a loader that takes a moment, refreshed in the background where the policy says so.
async fn of_wait(policy: Policy) -> larder::Cache<u64, u64> {
    let clock = ManualClock::new();
    let builder = larder::Cache::builder("users")
        .policy(policy)
        .clock(clock.clock());
    let cache = builder.build().unwrap();
    for round in 0..160 {
        clock.advance(5 * SECOND);
        for key in 0..8 {
            let load = move |_| async move {
                std::thread::sleep(Duration::from_millis(2)); // the origin's work
                Ok::<_, Infallible>(round)
            };
            cache.get_or_load(&key, load).await.unwrap();
            tokio::task::yield_now().await; // a refresh in the background ends
        }
    }
    cache
}

#[tokio::test]
async fn waits_for_what_has_just_expired_want_it_refreshed_ahead() {
    let cache = of_wait(Policy::ttl(MINUTE)).await;
    let advice = advice(&cache, "refresh_ahead");
    assert_eq!(advice.level, Level::Info);
    let with = of_wait(Policy::ttl(MINUTE).refresh_ahead(0.8)).await;
    is_kept(&advice, hit_rate(&cache), hit_rate(&with));
    assert!(!rules(&with).contains(&"refresh_ahead"));
}

fn of_absences(policy: Policy) -> Cache<u64, u64> {
    let clock = ManualClock::new();
    let cache = Cache::builder("users")
        .policy(policy)
        .clock(clock.clock())
        .build()
        .unwrap();
    for round in 0..200_u64 {
        clock.advance(4 * SECOND);
        for key in 0..20 {
            let found = cache
                .entry(&key)
                .or_load_optional(|key| Ok::<_, Infallible>((key % 2 == 0).then_some(round)));
            assert_eq!(found.unwrap().is_some(), key % 2 == 0);
        }
    }
    cache
}

#[test]
fn keys_that_have_no_value_and_are_asked_for_again_are_to_be_remembered() {
    let cache = of_absences(Policy::forever());
    let advice = advice(&cache, "negative");
    assert_eq!(advice.change.as_ref().unwrap().to, "30s");
    let with = of_absences(Policy::forever().negative_ttl(30 * SECOND));
    is_kept(&advice, hit_rate(&cache), hit_rate(&with));
    assert!(!rules(&with).contains(&"negative"));
}

/// Users that are asked for, and between them pages that a crawler asks for once; the hits of users.
fn crawled(are_crawled_cached: bool) -> (Cache<String, u64>, usize) {
    let clock = ManualClock::new();
    let cache = Cache::<String, u64>::builder("users")
        .max_capacity(200)
        .clock(clock.clock())
        .build()
        .unwrap();
    let (mut random, mut hits) = (Random::seeded(5), 0);
    for number in 0..8_000_u64 {
        clock.advance(Duration::from_millis(1));
        if number % 2 == 1 {
            let key = format!("user:{}", random.next() % 300);
            hits += usize::from(cache.entry_info(&key).is_some());
            cache
                .get_or_load(&key, |_| Ok::<_, Infallible>(number))
                .unwrap();
        } else if are_crawled_cached {
            let key = format!("crawl:{number}");
            cache
                .get_or_load(&key, |_| Ok::<_, Infallible>(number))
                .unwrap();
        }
    }
    (cache, hits)
}

#[test]
fn keys_that_are_asked_for_once_are_named_by_their_prefix_and_not_to_be_cached() {
    let (cache, _) = crawled(true);
    let advice = advice(&cache, "once");
    assert!(advice.title.contains("\"crawl:\""), "{advice:?}");
    let stored = &advice.predicted[0];
    assert!(
        stored.to < 0.3,
        "of five keys that came four were crawled: {advice:?}"
    );
    let (all, without) = (crawled(true).1, crawled(false).1);
    assert!(
        without >= all,
        "{without} hits of users, {all} where crawled pages are cached too"
    );
    let small = zipf(300, 0.8, 20_000, 6);
    assert!(!rules(&of_capacity(100, &small)).contains(&"once"));
}

#[test]
fn loads_that_are_fenced_off_often_are_told_of() {
    let cache = Cache::<u64, u64>::builder("users").build().unwrap();
    for key in 0..200 {
        let load = |key: &u64| {
            if key.is_multiple_of(4) {
                cache.invalidate(key).unwrap(); // another has changed it meanwhile
            }
            Ok::<_, Infallible>(*key)
        };
        cache.get_or_load(&key, load).unwrap();
    }
    let advice = advice(&cache, "fenced");
    assert_eq!(
        (advice.evidence[0].name, advice.evidence[0].value),
        ("fenced", 50.0)
    );
}

#[tokio::test]
async fn gets_refused_since_too_many_loads_run_are_told_of() {
    let cache = larder::Cache::<String, u64>::builder("users")
        .max_loads(1)
        .build()
        .unwrap();
    let (held, load) = held_load();
    let waiting = reading(&cache, "slow", load);
    let held = held.begun().await;
    for key in 0..20 {
        let refused = cache.get_or_load(&*key.to_string(), ready(7)).await;
        assert!(matches!(
            refused,
            Err(larder::Error::Overloaded { limit: 1 })
        ));
    }
    held.release(1);
    waiting.await.unwrap().unwrap();
    assert_eq!(advice(&cache, "overloads").level, Level::Critical);
}

#[test]
fn the_hit_rate_is_told_in_three_tiers() {
    for (hits, level) in [
        (300, Some(Level::Warning)),
        (700, Some(Level::Info)),
        (900, None),
    ] {
        let mut seen = Observed::default();
        (seen.stats.hits, seen.stats.misses) = (hits, 1_000 - hits);
        let found = recommend(&seen).first().map(|one| (one.rule, one.level));
        assert_eq!(
            found,
            level.map(|level| ("hit_rate", level)),
            "{hits} of 1,000"
        );
        (seen.stats.hits, seen.stats.misses) = (hits / 10, 100 - hits / 10);
        assert_eq!(recommend(&seen), [], "of 100 gets nothing follows");
    }
}

#[test]
fn values_that_do_not_reach_the_disk_and_a_disk_that_has_failed_are_told_of() {
    let mut seen = Observed::default();
    let mut disk = TierStats::default();
    (disk.puts, disk.put_drops) = (950, 50);
    seen.stats.disk = Some(disk.clone());
    let found = recommend(&seen);
    assert_eq!((found[0].rule, found[0].level), ("disk", Level::Info));
    disk.put_drops = 1;
    seen.stats.disk = Some(disk.clone());
    assert_eq!(recommend(&seen), []);
    disk.degraded = Some("no space left".into());
    seen.stats.disk = Some(disk);
    let found = recommend(&seen);
    assert_eq!(found[0].level, Level::Critical);
    assert!(found[0].title.contains("no space left"));
}

#[test]
fn of_a_healthy_cache_and_of_one_that_was_hardly_used_there_is_nothing_to_say() {
    let stream = zipf(400, 1.0, 30_000, 4);
    let healthy = of_capacity(500, &stream);
    assert_eq!(rules(&healthy), ["memory"; 0]);
    let hardly: Vec<u64> = (0..6).flat_map(|_| 0..150).collect();
    assert_eq!(rules(&of_capacity(100, &hardly)), [""; 0]);
}

#[test]
fn the_most_urgent_comes_first() {
    let loads = AtomicU64::new(0);
    let clock = ManualClock::new();
    let cache = Cache::<u64, u64>::builder("users")
        .max_capacity(100)
        .clock(clock.clock())
        .build()
        .unwrap();
    for key in (0..60).flat_map(|_| 0..150) {
        clock.advance(Duration::from_millis(1));
        let load = |key: &u64| {
            if loads.fetch_add(1, Ordering::Relaxed).is_multiple_of(4) {
                cache.invalidate(key).unwrap();
            }
            Ok::<_, Infallible>(*key)
        };
        cache.get_or_load(&key, load).unwrap();
    }
    let levels: Vec<Level> = recommend(&Observed::of(&cache))
        .iter()
        .map(|one| one.level)
        .collect();
    assert!(levels.len() > 1 && levels.is_sorted(), "{levels:?}");
}
