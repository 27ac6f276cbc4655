use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn ended(number: u64, fresh_until: Tick) -> Ended {
    Ended {
        key: key_everywhere(&number.to_string(), None),
        hash: number,
        took: Duration::from_millis(5),
        fresh_until,
    }
}

/// Loads that go by, one each `pace`, of keys by turns, that live for `life`.
fn loaded(keys: u64, loads: u64, pace: Duration, life: Duration) -> (Loads, Tick) {
    let (mut all, mut now) = (Loads::new(1, Tick::ZERO), Tick::ZERO);
    for number in 0..loads {
        now = now.after(pace);
        all.settle(now);
        all.note(&ended(number % keys, now.after(life)), now);
    }
    (all, now)
}

#[test]
fn the_hash_of_a_key_is_the_same_in_every_process() {
    // Written down, so that another version of this program that has other hashes is noticed.
    assert_eq!(key_everywhere("user:7", None), 29_187_807_295_497_908);
    assert_ne!(
        key_everywhere("user:7", Some(0)),
        key_everywhere("user:7", None)
    );
    assert_ne!(
        key_everywhere("user:7", Some(1)),
        key_everywhere("user:7", Some(2))
    );
}

#[test]
fn few_loads_are_all_there_with_their_causes() {
    let (mut loads, mut now) = (Loads::new(1, Tick::ZERO), Tick::ZERO);
    let mut note = |loads: &mut Loads, after: u64| {
        now = now.after(SECOND * after as u32);
        loads.note(&ended(7, now.after(10 * SECOND)), now);
    };
    note(&mut loads, 0);
    note(&mut loads, 5);
    note(&mut loads, 10);
    loads.invalidated(7);
    loads.invalidated(8);
    note(&mut loads, 1);
    note(&mut loads, 1);
    loads.all_invalidated();
    note(&mut loads, 20);
    let recent = loads.recent(now);
    let causes: Vec<_> = recent.loads.iter().map(|load| load.cause.name()).collect();
    assert_eq!(
        causes,
        [
            "new",
            "early",
            "expired",
            "invalidated",
            "early",
            "invalidated"
        ]
    );
    assert_eq!((recent.one_in, recent.over), (1, 37 * SECOND));
    assert_eq!(recent.loads[0].ago, 37 * SECOND);
    assert_eq!(recent.loads[0].life, Some(10 * SECOND));
}

#[test]
fn many_loads_are_remembered_for_some_lives_of_which_keys_are_left_out() {
    let (mut loads, now) = loaded(100_000, 200_000, SECOND / 100, 50 * SECOND);
    let recent = loads.recent(now);
    assert!(recent.loads.len() <= LOADS_MAX);
    // 20,000 loads in four lives are to be 1,024 at most.
    assert!((32..=64).contains(&recent.one_in), "{}", recent.one_in);
    assert!(recent.over >= 200 * SECOND, "{:?}", recent.over);
    let all_sampled = recent
        .loads
        .iter()
        .all(|load| load.key % recent.one_in == 0);
    assert!(all_sampled);
    assert!(
        recent
            .loads
            .is_sorted_by_key(|load| std::cmp::Reverse(load.ago))
    );
    let oldest = recent.loads[0].ago;
    assert!(oldest <= recent.over && oldest + 10 * SECOND >= recent.over);
}

#[test]
fn a_few_keys_of_short_life_are_not_left_out() {
    let (mut loads, now) = loaded(5, 10_000, SECOND / 5, SECOND);
    let recent = loads.recent(now);
    assert_eq!((recent.one_in, recent.loads.len()), (1, LOADS_MAX));
    assert!(
        loads.keys.len() == 5 && loads.keys.values().map(|known| known.rows).sum::<u32>() == 1_024
    );
}

#[test]
fn a_sample_that_has_become_small_is_made_of_more_keys() {
    let (mut loads, mut now) = loaded(100_000, 200_000, SECOND / 100, 50 * SECOND);
    assert!(loads.shift() >= 5);
    for number in 0..8_000 {
        now = now.after(SECOND);
        loads.settle(now);
        loads.note(&ended(number % 1_000, now.after(50 * SECOND)), now);
    }
    let recent = loads.recent(now);
    assert!(recent.one_in <= 2, "{}", recent.one_in);
    assert!(recent.loads.len() > LOADS_MAX / 4, "{}", recent.loads.len());
}

#[test]
fn what_is_an_hour_old_is_forgotten() {
    let (mut loads, now) = loaded(10, 100, SECOND, SECOND);
    let later = now.after(Duration::from_hours(2));
    let recent = loads.recent(later);
    assert_eq!((recent.loads.len(), recent.over), (0, KEPT));
    assert!(loads.keys.is_empty());
}
