//! What a cache learns of its keys, held against what is so.

use std::time::Duration;

use larder::sync::Cache;
use larder::{Learned, ManualClock, Policy};

const MILLI: Duration = Duration::from_millis(1);

/// The same numbers in each run (splitmix64).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Keys by Zipf's law with this exponent.
pub(super) fn zipf(keys: u64, exponent: f64, count: usize, seed: u64) -> Vec<u64> {
    let mut sum = 0.0;
    let sums: Vec<f64> = (1..=keys)
        .map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        })
        .collect();
    let mut random = Random::seeded(seed);
    let draw = |_| {
        let drawn = random.fraction() * sum;
        // Scattered, so that popular keys are no neighbours.
        (sums.partition_point(|&sum| sum < drawn) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    };
    (0..count).map(draw).collect()
}

fn built(capacity: u64, clock: &ManualClock, advise: bool) -> Cache<u64, u64> {
    built_with(Policy::forever(), capacity, clock, advise)
}

fn built_with(policy: Policy, capacity: u64, clock: &ManualClock, advise: bool) -> Cache<u64, u64> {
    Cache::builder("test")
        .max_capacity(capacity)
        .policy(policy)
        .clock(clock.clock())
        .advise(advise)
        .build()
        .unwrap()
}

/// The hit rate of a cache of this capacity over the second half of the stream; a millisecond goes
/// by with so many gets.
fn ran(cache: &Cache<u64, u64>, clock: &ManualClock, stream: &[u64], gets_a_milli: usize) -> f64 {
    for (at, key) in stream.iter().enumerate() {
        if at % gets_a_milli == 0 {
            clock.advance(MILLI);
        }
        if at == stream.len() / 2 {
            cache.reset_stats();
        }
        let found = cache.get_or_load(key, |key| Ok::<_, std::io::Error>(*key));
        assert_eq!(found.unwrap(), *key);
    }
    cache.stats().hit_rate().unwrap()
}

/// What the cache predicts for a capacity and what a cache of that capacity has: at half, once, twice
/// and four times its own.
fn compared(stream: &[u64], capacity: u64, within: f64) -> Learned {
    compared_with(Policy::forever(), stream, capacity, within)
}

fn compared_with(policy: Policy, stream: &[u64], capacity: u64, within: f64) -> Learned {
    let clock = ManualClock::new();
    let cache = built_with(policy, capacity, &clock, true);
    ran(&cache, &clock, stream, 1);
    let learned = cache.learned().unwrap();
    assert_eq!(learned.curve.len(), 5);
    for point in &learned.curve[1..] {
        let other = built_with(policy, point.capacity, &clock, false);
        let so = ran(&other, &clock, stream, 1);
        assert!(
            (point.hit_rate - so).abs() < within,
            "×{}: {:.3} predicted, {so:.3} measured; one key in {}",
            point.scale,
            point.hit_rate,
            learned.one_in,
        );
    }
    learned
}

#[test]
fn the_hit_rate_at_other_capacities_is_that_of_caches_of_those_capacities() {
    let stream = zipf(20_000, 0.9, 120_000, 7);
    let learned = compared(&stream, 2_000, 0.06);
    assert!(learned.one_in > 1, "it sampled: {learned:?}");
    let small = zipf(2_000, 0.8, 60_000, 8);
    let learned = compared(&small, 100, 0.02);
    assert_eq!(learned.one_in, 1, "a small cache is seen whole");
}

/// From a cold start on, and without a reset: what the cache has learned of its gets in all.
fn learned_of(
    cache: &Cache<u64, u64>,
    clock: &ManualClock,
    stream: &[u64],
    a_milli: usize,
) -> Learned {
    for (at, key) in stream.iter().enumerate() {
        if at % a_milli == 0 {
            clock.advance(MILLI);
        }
        let found = cache.get_or_load(key, |key| Ok::<_, std::io::Error>(*key));
        assert_eq!(found.unwrap(), *key);
    }
    cache.learned().unwrap()
}

#[test]
fn a_cold_start_has_no_more_weight_than_its_gets() {
    // Later fewer keys are sampled, and later still not all the time.
    for (keys, count, a_milli) in [(6_000, 48_000, 1), (300, 400_000, 50)] {
        let clock = ManualClock::new();
        let cache = built(keys * 2, &clock, true);
        let mut random = Random::seeded(11);
        let stream: Vec<u64> = (0..count).map(|_| random.next() % keys).collect();
        let learned = learned_of(&cache, &clock, &stream, a_milli);
        let so = cache.stats().hit_rate().unwrap();
        let at_once = learned.curve[2].hit_rate;
        for told in [learned.hit_rate().unwrap(), at_once] {
            assert!(
                (told - so).abs() < 0.03,
                "{told} is told, {so} is so: {learned:?}"
            );
        }
    }
}

#[test]
fn a_key_is_new_once_however_often_a_busy_cache_is_looked_at() {
    let clock = ManualClock::new();
    let cache = built(32, &clock, true);
    let mut random = Random::seeded(12);
    let stream: Vec<u64> = (0..600_000).map(|_| random.next() % 455).collect();
    let learned = learned_of(&cache, &clock, &stream, 50);
    let causes = learned.causes;
    assert!(causes.unknown <= 455, "{causes:?}");
    assert!(causes.unclear > 0 && causes.evicted > 0, "{causes:?}");
}

/// With the directory of public traces named, on a real one too.
#[test]
fn so_it_is_on_a_recorded_stream_where_there_is_one() {
    let Some(directory) = std::env::var_os("LARDER_TRACES") else {
        return;
    };
    let file = std::path::Path::new(&directory).join("arc_OLTP.lis.zst");
    let text = zstd::decode_all(std::fs::File::open(file).unwrap()).unwrap();
    let numbers = |line: &str| -> Option<std::ops::Range<u64>> {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        let start = numbers.next()?.ok()?;
        Some(start..start + numbers.next()?.ok()?)
    };
    let text = String::from_utf8(text).unwrap();
    let stream: Vec<u64> = text.lines().filter_map(numbers).flatten().collect();
    for capacity in [1_000, 5_000] {
        compared(&stream[..400_000], capacity, 0.06);
    }
}

#[test]
fn a_busy_cache_is_looked_at_in_part_and_its_hottest_keys_and_hit_rates_are_found_yet() {
    let stream = zipf(5_000, 1.0, 400_000, 9);
    let clock = ManualClock::new();
    let cache = built(500, &clock, true);
    let rate = ran(&cache, &clock, &stream, 50);
    let keys = cache.key_figures();
    assert!(keys.one_in > 1);
    let count = |key: u64| stream[200_000..].iter().filter(|&&one| one == key).count();
    let most = (1..5_000_u64)
        .map(|rank| rank.wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .chain([0])
        .max_by_key(|&key| count(key))
        .unwrap();
    assert_eq!(keys.hottest[0].key, most.to_string());
    let share = count(most) as f64 / 200_000.0;
    let found = keys.hottest[0].share;
    assert!((found / share - 1.0).abs() < 0.4, "{found} for {share}");
    let learned = cache.learned().unwrap();
    let predicted = learned.curve[2].hit_rate;
    assert!(
        (predicted - rate).abs() < 0.08,
        "{predicted} for {rate}: {learned:?}"
    );
}

#[test]
fn a_large_cache_samples_the_fewer_keys_the_more_it_holds() {
    let clock = ManualClock::new();
    let cache = built(10_000_000, &clock, true);
    let one_in = |cache: &Cache<u64, u64>| cache.learned().unwrap().one_in;
    for key in 0..300 {
        clock.advance(MILLI);
        cache.insert(key, key).unwrap();
        cache.peek(&key);
    }
    assert_eq!(one_in(&cache), 1);
    for key in 300..100_000 {
        clock.advance(MILLI);
        cache.insert(key, key).unwrap();
    }
    assert!((128..=512).contains(&one_in(&cache)), "{}", one_in(&cache));
}

#[test]
fn what_is_forgotten_by_a_clear_is_missed_at_every_capacity() {
    let clock = ManualClock::new();
    let cache = built(100, &clock, true);
    for round in 0..3 {
        for key in 0..50 {
            clock.advance(MILLI);
            cache
                .get_or_load(&key, |key| Ok::<_, std::io::Error>(*key))
                .unwrap();
        }
        if round == 0 {
            cache.invalidate(&7).unwrap();
        } else {
            cache.clear().unwrap();
        }
    }
    let learned = cache.learned().unwrap();
    assert_eq!((learned.gets, learned.misses), (150.0, 50 + 1 + 50));
    assert_eq!(
        (learned.causes.unknown, learned.causes.invalidated),
        (50, 51)
    );
    let largest = learned.curve[4].hit_rate;
    assert!((largest - 49.0 / 150.0).abs() < 1e-9, "{largest}");
}

#[test]
fn a_cache_that_is_not_to_advise_learns_nothing_and_tells_of_what_it_holds() {
    let cache = Cache::<String, u64>::builder("test")
        .advise(false)
        .weigher(|_, weight| *weight as u32)
        .build()
        .unwrap();
    for (key, weight) in [("a:1", 5), ("a:2", 7), ("b:1", 100), ("plain", 1)] {
        cache.insert(key.into(), weight).unwrap();
        cache.peek(key);
    }
    assert_eq!(cache.learned(), None);
    let keys = cache.key_figures();
    assert!(keys.hottest.is_empty() && keys.is_complete);
    let prefix = |prefix: &str, entries, weight| (prefix.to_owned(), entries, weight);
    assert_eq!(
        keys.prefixes,
        [prefix("b:", 1, 100), prefix("a:", 2, 12), prefix("", 1, 1)]
    );
    assert_eq!(keys.largest[..2], [("b:1".into(), 100), ("a:2".into(), 7)]);
    assert_eq!((keys.scanned, keys.scanned_weight), (4, 113));
}

#[test]
fn entries_are_counted_by_the_time_that_they_have_left() {
    let clock = ManualClock::new();
    let cache = Cache::<u64, u64>::builder("test")
        .policy(Policy::ttl(Duration::from_mins(5)))
        .clock(clock.clock())
        .build()
        .unwrap();
    cache.insert(1, 1).unwrap();
    clock.advance(Duration::from_secs(295));
    cache.insert(2, 2).unwrap();
    cache.entry(&3).ttl(Duration::MAX).insert(3).unwrap();
    let filled: Vec<_> = cache.key_figures().remaining;
    let filled: Vec<_> = filled
        .into_iter()
        .filter(|(_, entries)| *entries > 0)
        .collect();
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(filled, [(seconds(10), 1), (seconds(600), 1), (None, 1)]);
}

#[test]
fn a_miss_for_another_lookup_version_is_one_at_any_capacity() {
    let clock = ManualClock::new();
    let cache = built(100, &clock, true);
    for at in 0..1_000 {
        clock.advance(MILLI);
        // Each version is asked for twice.
        for _ in 0..2 {
            let found = cache
                .entry(&7)
                .at(at)
                .or_load(|_| Ok::<_, std::io::Error>(at));
            assert_eq!(found.unwrap().value, at);
        }
    }
    for point in cache.learned().unwrap().curve {
        assert!((point.hit_rate - 0.5).abs() < 0.02, "{point:?}");
    }
}

/// Keys that come back after more than a thousand others are no keys that are asked for once.
#[test]
fn a_loop_that_more_room_would_hold_is_not_to_be_left_uncached() {
    let clock = ManualClock::new();
    let cache = built(300, &clock, true);
    let stream: Vec<u64> = (0..12_000).map(|at| at % 1_150).collect();
    let learned = learned_of(&cache, &clock, &stream, 1);
    assert!(learned.repeats.once > 5_000, "{learned:?}");
    let advice = larder::recommend::recommend(&larder::recommend::Observed::of(&cache));
    let rules: Vec<_> = advice.iter().map(|one| one.rule).collect();
    assert!(
        rules.contains(&"capacity") && !rules.contains(&"once"),
        "{rules:?}"
    );
}

#[test]
fn values_that_idle_are_predicted_to() {
    let idle = |millis| Policy::forever().time_to_idle(MILLI * millis);
    let stream = zipf(20_000, 0.9, 120_000, 10);
    compared_with(idle(1_500), &stream, 2_000, 0.06);
    let small = zipf(2_000, 0.8, 60_000, 11);
    let learned = compared_with(idle(150), &small, 400, 0.02);
    let largest = learned.curve[4].hit_rate;
    assert!(
        (learned.curve[2].hit_rate - largest).abs() < 0.01 && largest < 0.6,
        "it is the time to idle that bounds it: {learned:?}"
    );
    let both = Policy::ttl(MILLI * 400).time_to_idle(MILLI * 150);
    compared_with(both, &small, 400, 0.02);
}

#[test]
fn a_cache_that_held_very_many_and_holds_few_now_samples_its_keys_finely_again() {
    let clock = ManualClock::new();
    let minute = Duration::from_mins(1);
    let cache = built_with(Policy::ttl(5 * minute), 10_000_000, &clock, true);
    for key in 0..100_000 {
        clock.advance(MILLI);
        cache.insert(key, key).unwrap();
    }
    let one_in = cache.learned().unwrap().one_in;
    assert!(one_in >= 64, "{one_in}");
    clock.advance(20 * minute);
    for round in 0..600 {
        clock.advance(5 * Duration::from_secs(1));
        if round == 300 {
            cache.reset_stats();
        }
        for key in 0..300 {
            let load = |key: &u64| Ok::<_, std::io::Error>(*key);
            cache.get_or_load(&key, load).unwrap();
        }
    }
    let learned = cache.learned().unwrap();
    assert!(learned.one_in <= 8, "{learned:?}");
    let rate = cache.stats().hit_rate().unwrap();
    assert!(
        (learned.hit_rate().unwrap() - rate).abs() < 0.03,
        "{rate}: {learned:?}"
    );
    let predicted = learned.curve[2].hit_rate;
    assert!((predicted - rate).abs() < 0.03, "{predicted} for {rate}");
    assert_eq!(learned.causes.evicted, 0, "{learned:?}");
}

#[test]
fn keys_that_are_sampled_anew_are_not_taken_for_missed() {
    let clock = ManualClock::new();
    let minute = Duration::from_mins(1);
    let cache = built(10_000_000, &clock, true);
    for key in 0..20_000 {
        clock.advance(MILLI);
        cache.insert(key, key).unwrap();
    }
    assert!(cache.learned().unwrap().one_in > 8);
    let gone: Vec<u64> = (100..20_000).collect();
    for key in gone {
        cache.invalidate(&key).unwrap();
    }
    // A hundred are left, and always hit.
    for round in 0..500 {
        clock.advance(minute / 10);
        if round == 10 {
            cache.reset_stats();
        }
        for key in 0..100 {
            assert_eq!(cache.peek(&key), Some(key));
        }
    }
    let learned = cache.learned().unwrap();
    assert!(learned.one_in <= 2, "{learned:?}");
    assert_eq!(learned.misses, 0);
    for point in &learned.curve {
        assert!(point.hit_rate > 0.999, "{point:?}");
    }
}
