//! What is counted of keys whose story is known.

use super::*;

fn at(second: u64) -> Tick {
    Tick::from_millis(second * 1_000)
}

/// Asks for a key and, where nothing fresh is held, loads it for `ttl` seconds.
fn ask(facts: &mut Facts, held: &mut Option<Life>, second: u64, ttl: u64) {
    let now = at(second);
    if let Some(life) = held.filter(|life| life.fresh_until > now) {
        return facts.hit(7, life, now, String::new);
    }
    facts.missed(7, now, String::new);
    let life = Life {
        created: now,
        fresh_until: at(second + ttl),
        ends: at(second + ttl),
        at: None,
    };
    facts.stored(7, life, now);
    *held = Some(life);
}

/// The misses of a key that is asked for each `step` seconds with this life.
fn misses(step: usize, ttl: u64) -> (Facts, u64) {
    let (mut facts, mut held) = (Facts::default(), None);
    (0..6_000)
        .step_by(step)
        .for_each(|second| ask(&mut facts, &mut held, second, ttl));
    let misses = facts.causes.expired + facts.causes.unknown;
    (facts, misses)
}

#[test]
fn what_twice_and_half_the_life_would_do_is_what_they_do() {
    for step in [1, 7, 20, 45, 70, 150] {
        let (facts, now) = misses(step, 60);
        let (longer, shorter) = (misses(step, 120).1, misses(step, 30).1);
        let spared = facts.what_if.longer.cast_unsigned();
        assert!(
            now.abs_diff(longer + spared) <= 2,
            "step {step}: {now} misses, {longer} with twice the life, {spared} spared"
        );
        let added = facts.what_if.shorter.cast_unsigned();
        assert!(
            shorter.abs_diff(now + added) <= 2,
            "step {step}: {now} misses, {shorter} with half the life, {added} added"
        );
    }
}

#[test]
fn a_key_that_is_asked_for_late_in_its_life_would_be_refreshed_ahead() {
    let (often, _) = misses(5, 60);
    assert_eq!(often.what_if.ahead.cast_unsigned(), often.causes.expired);
    let (seldom, _) = misses(45, 60); // at 45 s it is too early, at 90 s too late
    assert!(seldom.what_if.ahead == 0 && seldom.causes.expired > 50);
}

#[test]
fn hits_are_counted_by_the_tenth_of_life_and_late_ones_for_this_life_alone() {
    let (mut facts, mut held) = (Facts::default(), None);
    for second in [0, 3, 9, 33, 51, 57, 61] {
        ask(&mut facts, &mut held, second, 60);
    }
    assert_eq!(facts.ages, [1, 1, 0, 0, 0, 1, 0, 0, 1, 1]);
    assert_eq!((facts.causes.expired, facts.what_if.ahead), (1, 1));
    // The second life ends unasked.
    ask(&mut facts, &mut held, 125, 60);
    assert_eq!((facts.causes.expired, facts.what_if.ahead), (2, 1));
    // At four fifths it is late enough.
    ask(&mut facts, &mut held, 125 + 48, 60);
    ask(&mut facts, &mut held, 125 + 70, 60);
    assert_eq!((facts.causes.expired, facts.what_if.ahead), (3, 2));
}

#[test]
fn each_miss_has_a_cause() {
    let mut facts = Facts::default();
    let life = Life {
        created: at(0),
        fresh_until: at(60),
        ends: at(60),
        at: None,
    };
    let miss = |facts: &mut Facts, second| facts.missed(7, at(second), String::new);
    miss(&mut facts, 0);
    facts.stored(7, life, at(0));
    miss(&mut facts, 30);
    miss(&mut facts, 61);
    facts.invalidated(7);
    miss(&mut facts, 62);
    facts.absent(7, at(62));
    miss(&mut facts, 70);
    miss(&mut facts, 200);
    let MissCauses {
        unknown,
        expired,
        evicted,
        invalidated,
        absent,
        ..
    } = facts.causes;
    assert_eq!(
        (unknown, expired, evicted, invalidated, absent),
        (1, 1, 1, 1, 2)
    );
    assert_eq!(facts.what_if.negative, 1, "200 s is past 30 s");
}

#[test]
fn an_absence_is_remembered_from_the_load_that_would_have_been_the_last() {
    let mut facts = Facts::default();
    facts.missed(7, at(0), String::new);
    facts.absent(7, at(0));
    // It is not remembered, so that it is loaded anew: at 20 s it would have been known, at 40 s not.
    for second in [20, 40] {
        facts.missed(7, at(second), String::new);
        facts.absent(7, at(second));
    }
    assert_eq!((facts.what_if.negative, facts.causes.absent), (1, 2));
}

#[test]
fn what_is_invalidated_before_it_was_ever_held_is_unknown_yet() {
    let mut facts = Facts::default();
    facts.missed(7, at(0), String::new);
    facts.invalidated(7);
    facts.missed(7, at(1), String::new);
    assert_eq!((facts.causes.unknown, facts.causes.invalidated), (2, 0));
}

#[test]
fn a_life_that_was_cut_short_by_hand_says_nothing_of_the_next_one() {
    let mut facts = Facts::default();
    let life = |begins| Life {
        created: at(begins),
        fresh_until: at(begins + 60),
        ends: at(begins + 60),
        at: None,
    };
    facts.missed(7, at(0), String::new);
    facts.stored(7, life(0), at(0));
    facts.invalidated(7);
    facts.missed(7, at(61), String::new);
    facts.stored(7, life(61), at(61));
    facts.missed(7, at(125), String::new); // expired; with twice the life it would have had until 181
    assert_eq!((facts.causes.expired, facts.what_if.longer), (1, 1));
}

#[test]
fn prefixes_fade_and_are_forgotten_with_the_other_sums() {
    let mut facts = Facts::default();
    for n in 0..KEYS_MAX as u64 + 8 {
        facts.missed(n, at(0), || format!("page:{n}"));
    }
    let of = |facts: &Facts| {
        let all = facts.repeats;
        (all, facts.prefixes()[0].repeats)
    };
    let repeats = |keys| Repeats { keys, once: keys };
    assert_eq!(of(&facts), (repeats(8), repeats(8)));
    facts.fade();
    assert_eq!(of(&facts), (repeats(4), repeats(4)));
    facts.forget_sums();
    assert_eq!(of(&facts), (repeats(0), repeats(0)));
}

#[test]
fn reloads_are_told_apart_by_their_prints_alone() {
    let mut facts = Facts::default();
    let life = Life {
        created: at(0),
        fresh_until: at(60),
        ends: at(60),
        at: None,
    };
    facts.missed(7, at(0), String::new);
    for (print, is_unmodified) in [
        (Some(1), false), // the first
        (Some(1), false), // the same
        (Some(2), false), // another
        (None, true),     // not modified
        (Some(2), false), // the same still
        (None, false),    // nobody knows
    ] {
        facts.loaded(7, print, is_unmodified);
        facts.stored(7, life, at(0));
    }
    let Reloads {
        unchanged,
        changed,
        unknown,
        ..
    } = facts.reloads;
    assert_eq!((unchanged, changed, unknown), (3, 1, 1));
}

#[test]
fn keys_are_judged_when_many_others_have_come_and_counted_for_their_prefix() {
    let mut facts = Facts::default();
    let ask = |facts: &mut Facts, n: u64, text: String| facts.missed(n, at(0), || text);
    for n in 0..2 * KEYS_MAX as u64 {
        ask(&mut facts, n, format!("page:{n}"));
        if n % 4 == 0 {
            ask(&mut facts, n, format!("page:{n}"));
        }
    }
    let judged = KEYS_MAX as u64;
    let expected = Repeats {
        keys: judged,
        once: judged * 3 / 4,
    };
    assert_eq!(facts.repeats, expected);
    let prefixes = facts.prefixes();
    assert_eq!(
        (prefixes.len(), &*prefixes[0].prefix, prefixes[0].repeats),
        (1, "page:", expected)
    );
    assert_eq!(facts.keys.len(), KEYS_MAX);
}

#[test]
fn a_prefix_ends_after_the_first_colon_or_slash_that_is_not_the_first_character() {
    for (text, prefix) in [
        ("user:7:x", Some("user:")),
        ("/users/7", Some("/users/")),
        ("käse/alt", Some("käse/")),
        ("plain", None),
        (":", None),
        ("", None),
    ] {
        assert_eq!(prefix_of(text), prefix, "{text}");
    }
    assert_eq!(prefix_of(&format!("{}:", "x".repeat(64))), None);
    let mut prefixes = Vec::new();
    (0..1_000).for_each(|n| {
        prefix_number(&mut prefixes, &format!("{n}:"));
    });
    assert_eq!(prefixes.len(), PREFIXES_MAX);
}

#[test]
fn what_nobody_used_for_too_long_has_expired_and_would_have_with_twice_the_life() {
    let (mut facts, created) = (Facts::default(), at(0));
    let used = |second: u64| Life {
        created,
        fresh_until: at(second + 10),
        ends: at(60),
        at: None,
    };
    facts.missed(7, created, String::new);
    facts.stored(7, used(0), created);
    facts.hit(7, used(9), at(9), String::new);
    facts.missed(7, at(18), String::new); // within the time to idle: it had to make room
    facts.missed(7, at(30), String::new);
    facts.missed(7, at(61), String::new);
    let causes = (
        facts.causes.unknown,
        facts.causes.evicted,
        facts.causes.expired,
    );
    assert_eq!(causes, (1, 1, 2));
    assert_eq!(facts.what_if.longer, 1, "that of the time to live alone");
}
