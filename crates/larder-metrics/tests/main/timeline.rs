use std::fs;
use std::time::Duration;

use larder_metrics::{
    Error, ManualClock, Query, Registry, Timeline, TimelineFile, Track, TrackKind, Window, Windows,
};

use crate::manual;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: u64 = 3_600;

/// The last `points` points before now.
pub(super) fn asked(
    registry: &Registry,
    timeline: &Timeline,
    name: &str,
    step: u64,
    points: usize,
) -> Vec<Track> {
    let step = Duration::from_secs(step);
    let from = registry.snapshot().taken_at - step * points as u32;
    timeline.query(&Query {
        name,
        tags: &[],
        from,
        step,
        points,
    })
}

pub(super) fn column(track: &Track, name: &str) -> Vec<Option<f32>> {
    let mut columns = track.columns.iter();
    let found = columns.find(|column| column.name == name);
    found.expect(name).values.clone()
}

#[test]
fn a_point_has_the_rate_of_a_counter_the_range_of_a_gauge_and_the_percentiles_of_a_timing()
-> Result<(), Error> {
    let (clock, registry) = manual();
    let mut timeline = Timeline::new();
    let (events, loads) = (registry.counter("events")?, registry.timing("loads")?);
    events.add(1_000_000);
    for second in 0..=60 {
        registry.set("level", &[], f64::from(second % 10))?;
        timeline.record(&registry.snapshot());
        events.add(if second < 50 { 4 } else { 20 });
        for step in 1..=100 {
            let slow = if second < 50 { 1 } else { 10 };
            loads.record(Duration::from_millis(step * slow));
        }
        clock.advance(SECOND);
    }
    registry.set("level", &[], 0.0)?;
    timeline.record(&registry.snapshot());
    let now = registry.snapshot().taken_at;
    let from = now - SECOND * 61;
    let query = Query {
        name: "events",
        tags: &[],
        from,
        step: SECOND * 10,
        points: 6,
    };
    let rates = column(&timeline.query(&query)[0], "per_second");
    assert_eq!(
        rates,
        [4.0, 4.0, 4.0, 4.0, 4.0, 20.0].map(Some),
        "what was before is not counted"
    );
    let levels = &timeline.query(&Query {
        name: "level",
        ..query
    })[0];
    assert_eq!(column(levels, "mean"), [Some(4.5); 6]);
    assert_eq!(column(levels, "min"), [Some(0.0); 6]);
    assert_eq!(column(levels, "max"), [Some(9.0); 6]);
    let loads = &timeline.query(&Query {
        name: "loads",
        ..query
    })[0];
    assert_eq!(loads.kind, TrackKind::Timing);
    assert_eq!(column(loads, "per_second"), [Some(100.0); 6]);
    for (name, expected) in [
        ("mean", 0.0505),
        ("p50", 0.05),
        ("p95", 0.095),
        ("p99", 0.099),
    ] {
        let near = |value: Option<f32>, expected: f32| {
            let value = value.expect("it was recorded");
            assert!(
                (value - expected).abs() < expected * 0.02,
                "{name} {value} {expected}"
            );
        };
        let values = column(loads, name);
        near(values[0], expected);
        near(values[5], expected * 10.0);
    }
    Ok(())
}

#[test]
fn seconds_that_were_missed_are_filled_if_they_are_few_and_a_gap_if_they_are_many()
-> Result<(), Error> {
    let (clock, registry) = manual();
    let mut timeline = Timeline::new();
    let events = registry.counter("events")?;
    for pause in [1, 1, 1, 3, 1, 30, 1, 1] {
        timeline.record(&registry.snapshot());
        clock.advance(SECOND * pause);
        events.add(u64::from(pause) * 2);
    }
    timeline.record(&registry.snapshot());
    let rates = column(
        &asked(&registry, &timeline, "events", 1, 39)[0],
        "per_second",
    );
    assert_eq!(
        rates[..7],
        [Some(2.0); 7],
        "three seconds at once are three"
    );
    assert_eq!(rates[8..37], [None; 29], "a stopped machine did nothing");
    assert_eq!(rates[37..], [Some(2.0); 2]);
    Ok(())
}

#[test]
fn a_reset_and_a_clock_that_is_set_back_are_survived() -> Result<(), Error> {
    let (clock, registry) = manual();
    let mut timeline = Timeline::new();
    let (events, loads) = (registry.counter("events")?, registry.timing("loads")?);
    for second in 0..10 {
        timeline.record(&registry.snapshot());
        if second == 5 {
            registry.reset();
        }
        events.add(2);
        loads.record(SECOND);
        clock.advance(SECOND);
    }
    timeline.record(&registry.snapshot());
    let rates = column(
        &asked(&registry, &timeline, "events", 1, 10)[0],
        "per_second",
    );
    assert_eq!(rates, [Some(2.0); 10]);
    let rates = column(
        &asked(&registry, &timeline, "loads", 1, 10)[0],
        "per_second",
    );
    assert_eq!(rates, [Some(1.0); 10]);

    // Another registry, whose clock begins anew.
    let (clock, back) = manual();
    let again = back.counter("events")?;
    for _ in 0..4 {
        timeline.record(&back.snapshot());
        again.add(7);
        clock.advance(SECOND);
    }
    let rates = column(&asked(&back, &timeline, "events", 1, 5)[0], "per_second");
    assert_eq!(
        rates[1..],
        [Some(7.0), Some(7.0), Some(7.0), None],
        "what lies ahead is gone"
    );
    Ok(())
}

/// The tags of many and the series over the limit.
#[test]
fn a_million_label_values_take_no_more_than_the_limits_allow() -> Result<(), Error> {
    let (clock, registry) = manual();
    let (mut timeline, mut windows) = (Timeline::with_series_max(64), Windows::new());
    registry.count("a.first", &[], 1)?;
    for value in 0..1_000_000_u32 {
        registry.count("events", &[("id", &value.to_string())], 1)?;
        if value % 100_000 == 0 {
            timeline.record(&registry.snapshot());
            windows.record(registry.snapshot());
            clock.advance(SECOND);
        }
    }
    timeline.record(&registry.snapshot());
    windows.record(registry.snapshot());
    let snapshot = registry.snapshot();
    assert_eq!(
        snapshot.families[1].series.len(),
        1_001,
        "1,000 and the one for the others"
    );
    assert_eq!(
        snapshot.counter("events", &[("overflow", "true")]),
        Some(999_000)
    );
    assert_eq!(snapshot.families[1].overflowed, 999_000);
    assert_eq!(asked(&registry, &timeline, "events", 1, 10).len(), 63);
    assert_eq!(timeline.series_refused(), 1_002 - 64);
    let window = windows.last(Window::Minute).expect("it has begun");
    assert_eq!(
        window
            .families
            .iter()
            .map(|family| family.series.len())
            .sum::<usize>(),
        1_002
    );
    Ok(())
}

#[test]
fn a_series_that_is_silent_for_an_hour_gives_its_place_to_a_new_one() -> Result<(), Error> {
    let (clock, registry) = manual();
    let mut timeline = Timeline::with_series_max(1);
    registry.count("old", &[], 1)?;
    timeline.record(&registry.snapshot());
    let later = Registry::with(larder_metrics::Limits::default(), clock.clock());
    later.count("new", &[], 1)?;
    clock.advance(SECOND * 3_000);
    timeline.record(&later.snapshot());
    assert_eq!(timeline.series_refused(), 1);
    clock.advance(SECOND * 700);
    timeline.record(&later.snapshot());
    assert_eq!(timeline.series_refused(), 0);
    assert_eq!(&*timeline.names()[0].0, "new");
    Ok(())
}

/// An hour of load with nobody scraping, and a hundred days of a little.
#[test]
fn memory_does_not_grow_once_the_rings_are_full() -> Result<(), Error> {
    let (clock, registry) = manual();
    let (mut timeline, mut windows) = (Timeline::new(), Windows::new());
    let (events, loads) = (registry.counter("events")?, registry.timing("loads")?);
    let mut run = |seconds: u64, step: u64| {
        for _ in 0..seconds / step {
            events.add(step);
            loads.record(Duration::from_micros(step));
            timeline.record(&registry.snapshot());
            windows.record(registry.snapshot());
            clock.advance(SECOND * step as u32);
        }
        timeline.points()
    };
    run(HOUR, 1);
    let hour = run(0, 1);
    assert!(hour <= 2 * (600 + 360 + 60 + 1), "{hour}");
    run(24 * HOUR, 10);
    let day = run(0, 1);
    let next = run(24 * HOUR, 10);
    assert!(next - day <= 2 * 24, "only hours are added: {day} {next}");
    run(100 * 24 * HOUR, 600);
    assert_eq!(run(HOUR, 1), run(HOUR, 1));
    assert!(run(0, 1) <= 2 * 4_560, "{}", run(0, 1));
    Ok(())
}

#[test]
fn older_times_are_answered_by_coarser_points_and_gaps_stay_gaps() -> Result<(), Error> {
    let (clock, registry) = manual();
    let mut timeline = Timeline::new();
    let events = registry.counter("events")?;
    for minute in 0..180 {
        for _ in 0..60 {
            if !(100..110).contains(&minute) {
                timeline.record(&registry.snapshot());
            }
            events.add(if minute < 90 { 1 } else { 3 });
            clock.advance(SECOND);
        }
    }
    timeline.record(&registry.snapshot());
    let rates = column(
        &asked(&registry, &timeline, "events", 60, 180)[0],
        "per_second",
    );
    assert_eq!(rates[1..90], [Some(1.0); 89]);
    assert_eq!(rates[91..99], [Some(3.0); 8]);
    assert_eq!(rates[100..110], [None; 10]);
    assert_eq!(rates[111..179], [Some(3.0); 68]);
    // A second of two hours ago is told by its minute.
    let now = registry.snapshot().taken_at;
    let from = now - SECOND * 60 * 120;
    let query = Query {
        name: "events",
        tags: &[],
        from,
        step: SECOND,
        points: 5,
    };
    assert_eq!(
        column(&timeline.query(&query)[0], "per_second"),
        [Some(1.0); 5]
    );
    Ok(())
}

fn fill(file: &TimelineFile, clock: &ManualClock, registry: &Registry, seconds: u64) {
    let events = registry.counter("events").expect("it is a name");
    let loads = registry
        .timing_with("loads", &[("of", "a \"quoted\"\nnäme")])
        .expect("it is one");
    for _ in 0..seconds {
        file.record(&registry.snapshot())
            .expect("it can be written");
        events.add(5);
        loads.record(SECOND / 100);
        clock.advance(SECOND);
    }
}

fn minutes(registry: &Registry, file: &TimelineFile, points: usize) -> Vec<Vec<Track>> {
    let names = ["events", "loads"];
    names
        .map(|name| file.read(|timeline| asked(registry, timeline, name, 60, points)))
        .to_vec()
}

/// I7
#[test]
fn a_file_keeps_all_but_the_last_seconds_of_a_process_that_is_killed() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("metrics.history");
    let (clock, registry) = manual();
    let file = TimelineFile::open(&path).expect("it is new");
    fill(&file, &clock, &registry, 2 * HOUR);
    let before = minutes(&registry, &file, 120);
    // A process that is killed runs no destructor.
    std::mem::forget(file);

    let file = TimelineFile::open(&path).expect("it was written");
    assert_eq!(file.lines_skipped(), 0);
    fill(&file, &clock, &registry, 1);
    let after = minutes(&registry, &file, 120);
    let seconds = file.read(|timeline| asked(&registry, timeline, "events", 1, 60));
    let seconds = column(&seconds[0], "per_second");
    assert_eq!(
        seconds[..40],
        [Some(5.0); 40],
        "their ten seconds tell of them"
    );
    for (before, after) in before.iter().flatten().zip(after.iter().flatten()) {
        assert_eq!(before.tags, after.tags);
        for (before, after) in before.columns.iter().zip(&after.columns) {
            assert_eq!(
                before.values[2..119],
                after.values[2..119],
                "{}",
                before.name
            );
            assert!(after.values[2..119].iter().all(Option::is_some));
        }
    }
}

#[test]
fn a_torn_file_loses_its_last_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("metrics.history");
    let (clock, registry) = manual();
    let file = TimelineFile::open(&path).expect("it is new");
    fill(&file, &clock, &registry, 600);
    drop(file);
    let text = fs::read(&path).expect("it is there");
    let lines = text.split(|byte| *byte == b'\n').count() - 1;
    for length in (0..text.len()).step_by(2_003) {
        fs::write(&path, &text[..length]).expect("it can be written");
        let whole = text[..length].split(|byte| *byte == b'\n').count() - 1;
        let file = TimelineFile::open(&path).expect("a torn file is no error");
        assert!(
            file.lines_skipped() <= 1,
            "{length}: {}",
            file.lines_skipped()
        );
        // All but the first are series and points.
        assert!(points(&file) <= whole * 2);
        if whole > lines / 2 {
            assert!(points(&file) > 30, "{length}");
        }
    }
}

/// I7
#[test]
fn a_file_of_another_version_and_a_damaged_one_are_left_beside_under_another_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("metrics.history");
    let (clock, registry) = manual();
    let file = TimelineFile::open(&path).expect("it is new");
    assert_eq!(file.set_aside(), None);
    fill(&file, &clock, &registry, 600);
    drop(file);
    let ours = fs::read(&path).expect("it is there");
    let torn = [&ours[..], b"\xff\n{}\n"].concat();
    let points = TimelineFile::open(&path)
        .map(|file| points(&file))
        .expect("it is good");
    for (bytes, name, version, kept) in [
        (
            &b"{\"larder_timeline\":{\"version\":9}}\n{\"tens\":[1,2]}\n"[..],
            "metrics.history.version-9",
            Some(9),
            0,
        ),
        (
            &b"\xff\xfe\n\n{}\nnull\n"[..],
            "metrics.history.damaged",
            None,
            0,
        ),
        (&torn[..], "metrics.history.damaged", None, points),
    ] {
        fs::write(&path, bytes).expect("it can be written");
        let file = TimelineFile::open(&path).expect("it is left beside");
        let aside = file.set_aside().expect("it was not used as it is");
        assert_eq!(aside.path, directory.path().join(name));
        assert_eq!(aside.version, version);
        assert_eq!(fs::read(&aside.path).expect("it is kept"), bytes);
        assert_eq!(self::points(&file), kept);
        drop(file);
        let file = TimelineFile::open(&path).expect("it was written");
        assert_eq!(file.set_aside(), None, "it is good again");
    }
    let files = fs::read_dir(directory.path()).expect("it is there").count();
    assert_eq!(files, 3, "one of each");
}

#[test]
fn lines_that_were_dropped_are_in_the_file_with_the_next_that_are_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("metrics.history");
    let (clock, registry) = manual();
    let events = registry.counter("events").expect("it is a name");
    let file = TimelineFile::open(&path).expect("it is new");
    let mut held = Vec::new();
    for second in 0..2_000 {
        match file.note(&registry.snapshot()) {
            Some(lines) if (500..700).contains(&second) => drop(lines),
            Some(lines) if (800..900).contains(&second) => held.push(lines),
            Some(lines) => file.write(lines).expect("it can be written"),
            None => {}
        }
        events.add(1);
        clock.advance(SECOND);
    }
    for late in held {
        file.write(late).expect("they are there already");
    }
    // The last point of each step is not complete.
    let asked =
        |file: &TimelineFile| file.read(|timeline| asked(&registry, timeline, "events", 10, 200));
    let before = asked(&file);
    drop(file);
    let again = TimelineFile::open(&path).expect("it was written");
    assert_eq!((again.lines_skipped(), again.set_aside()), (0, None));
    again
        .record(&registry.snapshot())
        .expect("it can be written");
    assert_eq!(
        column(&before[0], "per_second")[2..199],
        column(&asked(&again)[0], "per_second")[2..199]
    );
}

#[test]
fn a_file_that_is_deleted_is_written_anew_at_its_path() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("metrics.history");
    let (clock, registry) = manual();
    let file = TimelineFile::open(&path).expect("it is new");
    fill(&file, &clock, &registry, 600);
    fs::remove_file(&path).expect("it is there");
    fill(&file, &clock, &registry, 20);
    drop(file);
    let again = TimelineFile::open(&path).expect("it was written");
    assert!(points(&again) > 100, "{}", points(&again));
}

fn points(file: &TimelineFile) -> usize {
    file.read(Timeline::points)
}

#[test]
fn a_file_that_has_grown_is_written_anew() -> Result<(), Error> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("metrics.history");
    let (clock, registry) = manual();
    for id in 0..200 {
        registry.count("gets", &[("id", &id.to_string())], 1)?;
    }
    let file = TimelineFile::open(&path).expect("it is new");
    let (mut largest, mut last, mut shrunk) = (0, 0, 0);
    for _ in 0..2_400 {
        file.record(&registry.snapshot())
            .expect("it can be written");
        clock.advance(SECOND * 10);
        let length = fs::metadata(&path).expect("it is there").len();
        shrunk += u32::from(length < last);
        last = length;
        largest = largest.max(length);
    }
    assert!(shrunk > 0, "{largest}");
    let records = 201 * (360 + 400 + 7) * 16;
    assert!(largest < 2 * records + (1 << 20) + 65_536, "{largest}");
    Ok(())
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_and_tried_again() -> Result<(), Error> {
    let directory = tempfile::tempdir().expect("a directory");
    let inside = directory.path().join("inside");
    let path = inside.join("metrics.history");
    let file = TimelineFile::open(&path).expect("there may be a directory later");
    let (_, registry) = manual();
    registry.set("level", &[], 0.5)?;
    assert!(
        file.record(&registry.snapshot()).is_err(),
        "there is no directory"
    );
    drop(file);
    fs::create_dir(&inside).expect("it can be made");
    fs::write(inside.join("metrics.new"), "left by a crash").expect("it can be made");
    let (clock, registry) = manual();
    for id in 0..400 {
        registry.set("level", &[("id", &id.to_string())], 0.123_456)?;
    }
    let file = TimelineFile::open(&path).expect("what a crash left is in nobody's way");
    fs::remove_dir_all(&inside).expect("it can be removed");
    let record = || {
        clock.advance(SECOND * 10);
        file.record(&registry.snapshot())
    };
    let failed = (0..30).filter(|_| record().is_err()).count();
    assert_eq!(failed, 30, "its directory is gone");
    fs::create_dir(&inside).expect("it can be made");
    record().expect("it can be written again");
    let again = TimelineFile::open(&path).expect("it was written");
    assert!(points(&again) > 400 * 20);
    Ok(())
}
