//! Histories with instances whose clocks are a quarter of an hour apart, whose batches are late and
//! overtake each other, judged: what is within the promise is never counted, what was planted is.

use fastrand::Rng;
use proptest::prelude::*;

use super::record::{Anchor, Tier};
use super::*;

/// What happens at the server begins at this time of its clock.
const START: u64 = 1_780_000_000_000;
const KEYS: usize = 3;
const NODES: usize = 4;
const X: u64 = 1_000;

/// A sample with the true times of the server's clock in it, of one instance.
struct True {
    node: usize,
    at: u64,
    sample: Sample,
}

/// Which version of a key stood when.
struct Stood {
    version: u64,
    /// When a write that made it old was acknowledged.
    old: Option<u64>,
    made: u64,
}

/// What happens to a clock on the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Clocks {
    Run,
    /// The server's is set on, by a quarter of an hour or two seconds.
    ServerIsSet,
    /// One machine sleeps for half a minute.
    OneStops,
}

fn key(number: usize) -> Box<str> {
    format!("k:{number}").into()
}

fn read(node: usize, number: usize, version: u64, began: u64) -> True {
    let read = Read {
        key: key(number),
        version,
        tier: Tier::Memory,
        began,
        ended: began.saturating_add(1),
        is_stale: false,
    };
    True {
        node,
        at: began.saturating_add(1),
        sample: Sample::Read(read),
    }
}

/// Writes and reads of three keys for `span` ms, as the protocol has them, of what has been old for
/// `allowed` ms at most; and reads of what has been old for longer than `planted` ms, so many.
fn happenings(
    random: &mut Rng,
    span: u64,
    allowed: u64,
    planted: Option<(u64, usize)>,
) -> Vec<True> {
    let mut all = Vec::new();
    let mut stood: Vec<Vec<Stood>> = (0..KEYS).map(|_| Vec::new()).collect();
    for (number, stood) in stood.iter_mut().enumerate() {
        let mut now = START + random.u64(..500);
        while now < START + span {
            let (node, version) = (random.usize(..NODES), random.u64(1..));
            let (asked, made) = (now, now + random.u64(1..300));
            let acknowledged = made + random.u64(1..50);
            if let Some(former) = stood.last_mut() {
                former.old.get_or_insert(acknowledged);
            }
            stood.push(Stood {
                version,
                old: None,
                made,
            });
            let stored = Stored {
                key: key(number),
                version,
                tags: None,
                asked,
                made,
                acknowledged: Some(acknowledged),
            };
            all.push(True {
                node,
                at: acknowledged,
                sample: Sample::Stored(stored),
            });
            // Writes that follow at once cannot be told apart from afar.
            now = acknowledged + random.u64(600..3_000);
            if random.bool() {
                let began = now;
                now += random.u64(1..40);
                all.push(invalidation(random, number, stood, (began, now)));
                now += random.u64(600..2_000);
            }
        }
    }
    for (number, stood) in stood.iter().enumerate() {
        for _ in 0..span / 50 {
            let (node, began) = (random.usize(..NODES), START + random.u64(..span));
            let may =
                |one: &&Stood| one.made < began && one.old.is_none_or(|old| began <= old + allowed);
            let standing: Vec<&Stood> = stood.iter().filter(may).collect();
            if !standing.is_empty() {
                let one = standing[random.usize(..standing.len())];
                all.push(read(node, number, one.version, began));
            }
        }
    }
    let (late, mut left) = planted.unwrap_or_default();
    while left > 0 {
        let (number, node) = (random.usize(..KEYS), random.usize(..NODES));
        let one = &stood[number][random.usize(..stood[number].len())];
        let began = START + random.u64(span / 4..span);
        if one.old.is_some_and(|old| began > old + late) {
            all.push(read(node, number, one.version, began));
            left -= 1;
        }
    }
    all
}

/// Of the key, by its name, its prefix or a pattern.
fn invalidation(random: &mut Rng, number: usize, stood: &mut [Stood], at: (u64, u64)) -> True {
    let (began, acknowledged) = at;
    let what = match random.u8(..3) {
        0 => Scope::Key(key(number)),
        1 => Scope::Prefix(key(number)),
        _ => Scope::Pattern(format!("?:{number}").into()),
    };
    for one in stood.iter_mut() {
        one.old.get_or_insert(acknowledged);
    }
    let invalidated = Invalidated {
        what,
        began,
        acknowledged,
    };
    True {
        node: random.usize(..NODES),
        at: acknowledged,
        sample: Sample::Invalidated(invalidated),
    }
}

/// From the server's time to what an instance's clock shows.
struct Own {
    shift: u64,
    stops: Option<(u64, u64)>,
}

impl Own {
    fn tick(&self, time: u64) -> u64 {
        let stood_still = self
            .stops
            .map_or(0, |(from, to)| time.clamp(from, to) - from);
        // The coarse clock: ten milliseconds are one.
        (time - START + self.shift - stood_still) / 10 * 10
    }

    fn sample(&self, sample: &Sample) -> Sample {
        let mut sample = sample.clone();
        let ticks: &mut [&mut u64] = match &mut sample {
            Sample::Read(read) => &mut [&mut read.began, &mut read.ended],
            Sample::Stored(stored) => {
                if let Some(at) = &mut stored.acknowledged {
                    *at = self.tick(*at);
                }
                &mut [&mut stored.asked, &mut stored.made]
            }
            Sample::Invalidated(one) => &mut [&mut one.began, &mut one.acknowledged],
        };
        for tick in ticks {
            **tick = self.tick(**tick);
        }
        sample
    }
}

/// The stream that the server has of it.
fn stream(
    random: &mut Rng,
    mut all: Vec<True>,
    span: u64,
    clocks: Clocks,
) -> Vec<(RecordId, Vec<u8>)> {
    all.sort_by_key(|one| one.at);
    let set_at = START + span / 2;
    let set_by = [900_000, 2_000][random.usize(..2)];
    let shown = |time: u64| {
        let is_set = clocks == Clocks::ServerIsSet && time >= set_at;
        time + if is_set { set_by } else { 0 }
    };
    let mut records = Vec::new();
    for node in 0..NODES {
        let from = START + random.u64(span / 4..span / 2);
        let own = Own {
            shift: 900_000 + random.u64(..1_800_000),
            stops: (clocks == Clocks::OneStops && node == 1).then_some((from, from + 30_000)),
        };
        let samples: Vec<&True> = all.iter().filter(|one| one.node == node).collect();
        let mut samples = samples.into_iter().peekable();
        let (mut now, mut number, mut anchor) = (START, 0, None);
        while now < START + span + 12_000 {
            number += 1;
            let mut batch = Batch {
                instance: node as u64,
                number,
                staleness: X,
                made: own.tick(now),
                anchor,
                ..Batch::default()
            };
            while let Some(one) = samples.next_if(|one| one.at <= now) {
                batch.samples.push(own.sample(&one.sample));
            }
            let is_slow = random.u8(..20) == 0;
            let sent = now + if is_slow { random.u64(..3_000) } else { 0 };
            let arrived = sent + random.u64(..100);
            let answered = arrived + random.u64(..100);
            records.push((arrived, batch));
            let (sent, answered_tick) = (own.tick(sent), own.tick(answered));
            // The number is filled in below, where the order is known.
            anchor = Some(Anchor {
                at: (shown(arrived), 0),
                sent,
                answered: answered_tick,
            });
            now = answered + random.u64(100..400);
        }
    }
    records.sort_by_key(|(arrived, _)| *arrived);
    let mut last = RecordId::default();
    let stamped = records.into_iter().map(|(arrived, batch)| {
        let millis = shown(arrived).max(last.millis);
        let number = if millis == last.millis {
            last.number + 1
        } else {
            0
        };
        last = RecordId { millis, number };
        (last, batch.to_bytes())
    });
    stamped.collect()
}

fn audited(seed: u64, planted: Option<(u64, usize)>, clocks: Clocks) -> Report {
    let mut random = Rng::with_seed(seed);
    let span = 40_000;
    let allowed = if clocks == Clocks::Run { X } else { X / 2 };
    let all = happenings(&mut random, span, allowed, planted);
    let mut auditor = Auditor::default();
    for (id, record) in stream(&mut random, all, span, clocks) {
        auditor.take(id, &record);
        if random.u8(..10) == 0 {
            auditor.take(id, &record);
        }
    }
    auditor.judge_all();
    auditor.report()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_is_within_the_promise_is_never_counted(seed in any::<u64>()) {
        let report = audited(seed, None, Clocks::Run);
        prop_assert_eq!((report.inconsistent, report.broken), ([0; 3], 0), "{:#?}", report.cases);
        prop_assert!(report.reads > 1_000 && report.writes > 30, "{:?}", report);
        prop_assert_eq!((report.dropped, report.instances), (0, NODES));
    }

    #[test]
    fn what_is_read_long_after_it_was_old_is_counted_by_its_age(seed in any::<u64>(), count in 1..30_usize) {
        let report = audited(seed, Some((1_700, count)), Clocks::Run);
        prop_assert_eq!((report.inconsistent[0], report.broken), (count as u64, count as u64));
        let report = audited(seed, Some((10_700, count)), Clocks::Run);
        prop_assert_eq!((report.inconsistent[1], report.inconsistent[2]), (count as u64, 0));
        let cases = report.cases.iter();
        prop_assert!(cases.map(|case| case.reads).sum::<u64>() <= count as u64);
        prop_assert!(!report.cases.is_empty() && report.cases.iter().all(|case| case.late > AGES[1]));
    }

    #[test]
    fn a_clock_that_was_set_accuses_nobody(seed in any::<u64>(), stops in any::<bool>()) {
        let clocks = if stops { Clocks::OneStops } else { Clocks::ServerIsSet };
        let report = audited(seed, None, clocks);
        prop_assert_eq!((report.inconsistent, report.broken), ([0; 3], 0), "{:#?}", report.cases);
        prop_assert!(report.dropped > 0);
    }
}

proptest! {
    #[test]
    fn no_numbers_bring_it_down(
        batches in proptest::collection::vec(
            (any::<[u64; 9]>(), any::<Option<u64>>(), 0..3_u64, any::<bool>()), 1..12,
        ),
    ) {
        let mut auditor = Auditor::default();
        for (at, (numbers, acknowledged, instance, is_anchored)) in batches.into_iter().enumerate() {
            let [made, lost, server, sent, answered, asked, version, staleness, millis] = numbers;
            let mut one = stored(version, &[], START);
            if let Sample::Stored(stored) = &mut one {
                (stored.asked, stored.acknowledged) = (asked, acknowledged);
            }
            let anchor = Anchor { at: (server, 0), sent, answered };
            let batch = Batch {
                instance, number: at as u64, staleness, made, lost,
                anchor: is_anchored.then_some(anchor),
                samples: vec![one, invalidated(Scope::All, sent >> 1), read_at(version, made | 2)],
                ..Batch::default()
            };
            auditor.take(RecordId { millis, number: 0 }, &batch.to_bytes());
        }
        auditor.judge_all();
        let _ = auditor.report();
    }
}

/// A record of one instance whose clock is the server's.
fn record(number: u64, at: u64, samples: Vec<Sample>) -> (RecordId, Vec<u8>) {
    let batch = Batch {
        instance: 1,
        number,
        staleness: X,
        made: at,
        anchor: Some(Anchor {
            at: (START, 0),
            sent: START,
            answered: START,
        }),
        samples,
        ..Batch::default()
    };
    let id = RecordId {
        millis: at,
        number: 0,
    };
    (id, batch.to_bytes())
}

fn invalidated(what: Scope, at: u64) -> Sample {
    Sample::Invalidated(Invalidated {
        what,
        began: at,
        acknowledged: at + 10,
    })
}

fn stored(version: u64, tags: &[&str], at: u64) -> Sample {
    Sample::Stored(Stored {
        key: key(0),
        version,
        tags: Some(tags.iter().map(|tag| (*tag).into()).collect()),
        asked: at,
        made: at + 5,
        acknowledged: Some(at + 10),
    })
}

fn report_of(samples: Vec<Sample>) -> Report {
    let mut auditor = Auditor::default();
    let (id, record) = record(1, START + 100_000, samples);
    auditor.take(id, &record);
    auditor.judge_all();
    auditor.report()
}

fn read_at(version: u64, at: u64) -> Sample {
    read(0, 0, version, at).sample
}

#[test]
fn an_invalidation_of_many_makes_old_what_it_is_for_and_nothing_else() {
    let old = |what: Scope| {
        let samples = vec![
            stored(7, &["eu", "team:1"], START + 1_000),
            invalidated(what, START + 2_000),
            read_at(7, START + 20_000),
        ];
        report_of(samples).inconsistent[1] == 1
    };
    let all_of = |tags: &[&str]| Scope::AllOf(tags.iter().map(|tag| (*tag).into()).collect());
    for (what, is_old) in [
        (Scope::All, true),
        (Scope::Tag("eu".into()), true),
        (Scope::Tag("e".into()), false),
        (all_of(&["eu", "team:1"]), true),
        (all_of(&["eu", "team:2"]), false),
        (all_of(&[]), false),
        (Scope::Prefix("k:".into()), true),
        (Scope::Prefix("l:".into()), false),
        (Scope::Pattern("?:0".into()), true),
        (Scope::Pattern("?:1".into()), false),
        (Scope::Pattern("[".into()), false),
        (Scope::Key(key(1)), false),
    ] {
        assert_eq!(old(what.clone()), is_old, "{what:?}");
    }
}

#[test]
fn a_version_of_which_it_is_not_known_that_it_is_older_is_not_accused() {
    let invalidation = || invalidated(Scope::Key(key(0)), START + 2_000);
    let unknown = report_of(vec![invalidation(), read_at(7, START + 20_000)]);
    assert_eq!(unknown.inconsistent, [0; 3]);
    let later = report_of(vec![
        invalidation(),
        stored(7, &[], START + 2_100),
        read_at(7, START + 20_000),
    ]);
    assert_eq!(later.inconsistent, [0; 3]);
    // That it was read before tells as much as that it was stored.
    let seen = report_of(vec![
        read_at(7, START + 1_000),
        invalidation(),
        read_at(7, START + 20_000),
    ]);
    assert_eq!((seen.inconsistent, seen.reads), ([1, 1, 0], 2));
    let case = &seen.cases[0];
    assert_eq!((&*case.key, case.version, case.reads), ("k:0", 7, 1));
    let told: Vec<String> = case
        .events
        .iter()
        .map(|event| event.what.to_string())
        .collect();
    assert!(told[1].contains("invalidated the key"), "{told:?}");
    assert_eq!(told.len(), 3);
}

#[test]
fn a_read_that_was_handed_out_as_stale_or_has_no_time_is_not_judged() {
    let mut stale = read_at(7, START + 20_000);
    if let Sample::Read(read) = &mut stale {
        read.is_stale = true;
    }
    let samples = || {
        vec![
            stored(7, &[], START + 1),
            invalidated(Scope::All, START + 2_000),
        ]
    };
    let report = report_of([samples(), vec![stale]].concat());
    assert_eq!((report.reads, report.stale), (0, 1));

    let mut auditor = Auditor::default();
    let batch = Batch {
        number: 1,
        samples: [samples(), vec![read_at(7, START + 20_000)]].concat(),
        ..Batch::default()
    };
    let id = RecordId {
        millis: START + 30_000,
        number: 0,
    };
    auditor.take(id, &batch.to_bytes());
    auditor.judge_all();
    let report = auditor.report();
    assert_eq!((report.reads, report.unplaced), (0, 1));
}

#[test]
fn what_is_held_is_bounded() {
    let mut auditor = Auditor::default();
    for number in 1..=200 {
        let samples = (0..1_000).map(|key| {
            let mut read = read_at(number, START + number);
            if let Sample::Read(read) = &mut read {
                read.key = format!("{number}:{key}").into();
            }
            read
        });
        let (id, record) = record(number, START + 1_000 + number, samples.collect());
        auditor.take(id, &record);
    }
    let report = auditor.report();
    assert_eq!(report.keys, KEYS_MAX);
    assert_eq!(report.dropped, 200_000 - KEYS_MAX as u64);
    assert!(auditor.pending.len() <= PENDING_MAX);
}
