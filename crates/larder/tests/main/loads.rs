//! Advice on a store that instances share: it speaks where they load the same keys, and never of one alone.

use std::convert::Infallible;
use std::time::Duration;

use larder::recommend::{Level, LoadCause, Observed, RecentLoad, Recommendation, recommend};
use larder::remote::RemoteStats;
use larder::sync::Cache;
use larder::{AnyCache, ManualClock, Policy, RecentLoads};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// A load of a key, so many seconds ago, that took 10 ms and brought what lives for a minute.
fn load(key: u64, ago: u64) -> RecentLoad {
    let mut load = RecentLoad::default();
    load.key = key;
    load.ago = SECOND * ago as u32;
    load.took = Duration::from_millis(10);
    load.life = Some(MINUTE);
    load
}

/// An instance that tells all loads of the last ten minutes.
fn told(instance: u64, loads: impl IntoIterator<Item = RecentLoad>) -> RecentLoads {
    let mut told = RecentLoads::default();
    (told.instance, told.one_in) = (instance, 1);
    told.over = 10 * MINUTE;
    told.loads = loads.into_iter().collect();
    told
}

fn advised(loads: impl Into<Vec<RecentLoads>>) -> Option<Recommendation> {
    let mut seen = Observed::default();
    seen.name = "users".into();
    seen.loads = loads.into();
    let mut advice = recommend(&seen);
    assert!(advice.len() <= 1, "{advice:?}");
    advice.pop()
}

fn evidence(advice: &Recommendation, name: &str) -> f64 {
    let found = advice.evidence.iter().find(|seen| seen.name == name);
    found
        .unwrap_or_else(|| panic!("no {name}: {advice:?}"))
        .value
}

/// Each of the keys once.
fn each(keys: std::ops::Range<u64>, ago: u64) -> impl Iterator<Item = RecentLoad> {
    keys.map(move |key| load(key, ago))
}

#[test]
fn what_two_instances_load_within_a_life_wants_a_store_that_they_share() {
    let advice = advised([told(1, each(0..100, 50)), told(2, each(0..100, 20))]).unwrap();
    assert_eq!(
        (&*advice.id, advice.level),
        ("remote:users", Level::Warning)
    );
    let change = advice.change.as_ref().unwrap();
    assert_eq!((change.setting, &*change.from), ("remote", "none"));
    for (name, value) in [
        ("loads", 200.0),
        ("repeated", 100.0),
        ("repeated_share", 0.5),
        ("instances", 2.0),
        ("loading", 2_000.0),
        ("loading_repeated", 1_000.0),
    ] {
        assert!(
            (evidence(&advice, name) - value).abs() < 1e-6,
            "{name}: {advice:?}"
        );
    }
    // 200 loads of 10 ms in ten minutes, and half of them.
    let [rate, loading] = &advice.predicted[..] else {
        panic!("{advice:?}")
    };
    assert!((rate.from - 200.0 / 600.0).abs() < 1e-9 && (rate.to - 100.0 / 600.0).abs() < 1e-9);
    assert!((loading.from - 2_000.0 / 600.0).abs() < 1e-6, "{loading:?}");
}

#[test]
fn other_keys_others_lives_and_what_was_invalidated_are_no_reason() {
    let one = || told(1, each(0..100, 50));
    let changed = |change: fn(&mut RecentLoad)| {
        let mut other = told(2, each(0..100, 20));
        other.loads.iter_mut().for_each(change);
        advised([one(), other])
    };
    assert!(changed(|_| {}).is_some());
    assert_eq!(changed(|load| load.key += 1_000), None, "other keys");
    assert_eq!(changed(|load| load.cause = LoadCause::Invalidated), None);
    assert_eq!(changed(|load| load.ago = 200 * SECOND), None, "long before");
    let short = |mut told: RecentLoads| {
        told.loads
            .iter_mut()
            .for_each(|load| load.life = Some(10 * SECOND));
        told
    };
    assert_eq!(
        advised([short(one()), short(told(2, each(0..100, 20)))]),
        None
    );
    let quick = |mut told: RecentLoads| {
        told.loads
            .iter_mut()
            .for_each(|load| load.took = Duration::from_micros(300));
        told
    };
    let quick = [quick(one()), quick(told(2, each(0..100, 20)))];
    assert_eq!(advised(quick), None, "a trip to a store takes as long");
    let mut few = [one(), told(2, each(0..99, 20))];
    assert_eq!(advised(few.clone()), None, "199 loads");
    few[1].loads.push(load(99, 20));
    assert!(advised(few).is_some());
}

#[test]
fn a_share_under_a_fifth_is_no_reason_and_one_under_a_half_no_warning() {
    let with = |common: u64| {
        let others = each(1_000..1_000 + 100 - common, 20);
        advised([
            told(1, each(0..100, 50)),
            told(2, each(0..common, 20).chain(others)),
        ])
    };
    assert_eq!(with(39), None);
    assert_eq!(with(40).unwrap().level, Level::Info);
    assert_eq!(with(99).unwrap().level, Level::Info);
    assert_eq!(with(100).unwrap().level, Level::Warning);
}

#[test]
fn what_a_store_would_spare_is_not_what_every_load_has_before_it() {
    // By turns each 40 s, a key lives for a minute: half of the loads would find the other's.
    let turn = |instance: u64| {
        let times = (0..5).flat_map(move |turn| each(0..30, 400 - 80 * turn - 40 * instance));
        told(instance, times)
    };
    let advice = advised([turn(0), turn(1)]).unwrap();
    assert!(
        (evidence(&advice, "repeated_share") - 0.5).abs() < 1e-9,
        "{advice:?}"
    );
}

#[test]
fn where_a_store_is_shared_nothing_is_said_of_one() {
    let mut seen = Observed::default();
    seen.loads = vec![told(1, each(0..100, 50)), told(2, each(0..100, 20))];
    assert_eq!(recommend(&seen).len(), 1);
    seen.stats.remote = Some(RemoteStats::default());
    assert_eq!(recommend(&seen), []);
}

#[test]
fn of_a_finer_sample_and_a_longer_time_that_part_counts_which_is_common() {
    let mut coarse = told(2, each(0..1_600, 20).filter(|load| load.key % 4 == 0));
    (coarse.one_in, coarse.over) = (4, MINUTE);
    let old = each(0..1_600, 300);
    let fine = told(1, old.chain(each(0..1_600, 50)));
    let advice = advised([fine, coarse]).unwrap();
    assert!(
        (evidence(&advice, "loads") - 800.0).abs() < 1e-9,
        "{advice:?}"
    );
    assert!(
        (evidence(&advice, "repeated") - 400.0).abs() < 1e-9,
        "{advice:?}"
    );
    // 800 loads in a minute, of one key in four.
    assert!(
        (advice.predicted[0].from - 800.0 * 4.0 / 60.0).abs() < 1e-9,
        "{advice:?}"
    );
}

#[test]
fn what_was_loaded_before_another_started_is_found_by_it_and_not_counted() {
    let mut late = told(2, each(0..300, 20));
    late.over = MINUTE / 2;
    let advice = advised([told(1, each(0..150, 50)), late]).unwrap();
    assert!(
        (evidence(&advice, "loads") - 300.0).abs() < 1e-9,
        "{advice:?}"
    );
    assert!(
        (evidence(&advice, "repeated") - 150.0).abs() < 1e-9,
        "{advice:?}"
    );
}

#[test]
fn an_instance_that_has_just_started_does_not_silence_the_others() {
    let mut fresh = told(3, each(0..5, 1));
    fresh.over = 2 * SECOND;
    let advice = advised([fresh, told(1, each(0..100, 50)), told(2, each(0..100, 20))]).unwrap();
    assert!(
        (evidence(&advice, "instances") - 2.0).abs() < 1e-9,
        "{advice:?}"
    );
}

proptest! {
    #[test]
    fn of_one_instance_nothing_is_said_however_often_it_is_told_of(
        loads in prop::collection::vec((0..20_u64, 0..600_u64, 0..4_u8), 0..600),
        times in 1..5_usize,
        one_in in prop::sample::select(vec![0, 1, 2, 3, 8]),
    ) {
        let of = |(key, ago, cause): (u64, u64, u8)| {
            let mut load = load(key, ago);
            let causes = [LoadCause::New, LoadCause::Expired, LoadCause::Early, LoadCause::Invalidated];
            load.cause = causes[usize::from(cause)];
            load
        };
        let mut one = told(7, loads.into_iter().map(of));
        one.one_in = one_in;
        prop_assert_eq!(advised(vec![one; times]), None);
    }
}

/// A cache whose origin takes a millisecond.
fn instance(clock: &ManualClock) -> Cache<String, u64> {
    let builder = Cache::builder("users").policy(Policy::ttl(MINUTE));
    builder.clock(clock.clock()).build().unwrap()
}

fn ask(cache: &Cache<String, u64>, keys: std::ops::Range<u64>) {
    for key in keys {
        let origin = |_: &String| {
            std::thread::sleep(Duration::from_millis(1));
            Ok::<_, Infallible>(key)
        };
        cache.get_or_load(&*format!("user:{key}"), origin).unwrap();
    }
}

#[test]
fn caches_that_know_nothing_of_each_other_tell_of_the_same_keys() {
    let clock = ManualClock::new();
    let (one, other) = (instance(&clock), instance(&clock));
    ask(&one, 0..120);
    clock.advance(10 * SECOND);
    one.invalidate("user:0").unwrap();
    ask(&one, 0..1);
    ask(&other, 0..120);
    let mut seen = Observed::of(&one);
    assert_eq!(recommend(&seen), [], "of one alone");
    seen.loads.push(other.recent_loads());
    let advice = recommend(&seen);
    assert_eq!(advice[0].id, "remote:users");
    assert!((evidence(&advice[0], "loads") - 241.0).abs() < 1e-9);
    assert!((evidence(&advice[0], "repeated") - 120.0).abs() < 1e-9);
    let keys = |cache: &dyn AnyCache| -> Vec<u64> {
        let recent = cache.recent_loads();
        recent.loads.iter().map(|load| load.key).collect()
    };
    assert_eq!(keys(&one)[..120], keys(&other)[..]);
    let last = one.recent_loads().loads[120];
    assert_eq!(
        (last.cause, last.life),
        (LoadCause::Invalidated, Some(MINUTE))
    );
    one.reset_stats();
    assert_eq!(keys(&one), [0_u64; 0]);
}

#[test]
fn what_takes_no_time_to_load_is_not_noted_nor_is_what_the_builder_was_told_not_to() {
    let clock = ManualClock::new();
    let silent = Cache::<String, u64>::builder("users")
        .advise(false)
        .build()
        .unwrap();
    ask(&silent, 0..2);
    assert_eq!(silent.recent_loads(), RecentLoads::default());
    let cache = instance(&clock);
    // A machine that is busy may take long for a few.
    for key in 0..1_000 {
        let load = |_: &String| Ok::<_, Infallible>(key);
        cache.get_or_load(&*key.to_string(), load).unwrap();
    }
    let noted = cache.recent_loads().loads.len();
    assert!(noted < 500, "{noted}");
}
