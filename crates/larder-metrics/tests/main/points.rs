//! What points are made of: late seconds, several points in one, and which series are asked for.

use std::time::Duration;

use larder_metrics::{Error, Query, Timeline, TimelineFile, TrackKind};

use crate::manual;
use crate::timeline::{asked, column};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn five_seconds_at_once_are_filled_and_six_are_a_gap() -> Result<(), Error> {
    for (pause, filled) in [(5, 5), (6, 0)] {
        let (clock, registry) = manual();
        let mut timeline = Timeline::new();
        let events = registry.counter("events")?;
        for seconds in [1, 1, pause, 1] {
            timeline.record(&registry.snapshot());
            clock.advance(SECOND * seconds);
            events.add(u64::from(seconds) * 2);
        }
        timeline.record(&registry.snapshot());
        let points = pause as usize + 3;
        let tracks = asked(&registry, &timeline, "events", 1, points);
        let rates = column(&tracks[0], "per_second");
        assert_eq!(rates[..2], [Some(2.0); 2]);
        let known = rates[3..points - 1].iter().flatten().count();
        assert_eq!(known, if filled > 0 { filled - 1 } else { 0 }, "{rates:?}");
        assert_eq!(rates[points - 1], Some(2.0));
    }
    Ok(())
}

#[test]
fn of_several_points_in_one_the_extremes_stay_and_the_mean_is_of_what_happened() -> Result<(), Error>
{
    let (clock, registry) = manual();
    let mut timeline = Timeline::new();
    let loads = registry.timing("loads")?;
    for second in 0..=20_u32 {
        // Quick and many at first, then slow and few.
        let (count, millis, level) = if second < 10 {
            (9, 10, 1.0)
        } else {
            (1, 100, 5.0)
        };
        registry.set("level", &[], level)?;
        timeline.record(&registry.snapshot());
        (0..count).for_each(|_| loads.record(Duration::from_millis(millis)));
        clock.advance(SECOND);
    }
    let now = registry.snapshot().taken_at;
    let query = Query {
        name: "loads",
        tags: &[],
        from: now - SECOND * 21,
        step: SECOND * 20,
        points: 1,
    };
    let loads = &timeline.query(&query)[0];
    let near = |name: &str, expected: f32| {
        let value = column(loads, name)[0].expect("it was recorded");
        assert!((value / expected - 1.0).abs() < 0.03, "{name}: {value}");
    };
    near("per_second", 5.0);
    near("mean", 0.019);
    for name in ["p50", "p95", "p99"] {
        near(name, 0.1);
    }
    let level = &timeline.query(&Query {
        name: "level",
        ..query
    })[0];
    let figures = ["min", "mean", "max"].map(|name| column(level, name)[0]);
    assert_eq!(figures, [Some(1.0), Some(3.0), Some(5.0)]);
    Ok(())
}

#[test]
fn a_name_of_many_series_is_told_once() -> Result<(), Error> {
    let (clock, registry) = manual();
    let mut timeline = Timeline::new();
    for id in ["a", "b", "c"] {
        registry.count("gets", &[("id", id)], 1)?;
    }
    registry.set("level", &[], 1.0)?;
    timeline.record(&registry.snapshot());
    clock.advance(SECOND);
    let query = Query {
        name: "gets",
        tags: &[("id", "b")],
        from: registry.snapshot().taken_at,
        step: SECOND,
        points: 1,
    };
    let tracks = timeline.query(&query);
    assert_eq!(tracks.len(), 1, "of those tags alone");
    assert_eq!(tracks[0].tags.get("id"), Some("b"));
    let names = timeline.names();
    let names: Vec<_> = names.iter().map(|(name, kind)| (&**name, *kind)).collect();
    let expected = [("gets", TrackKind::Counter), ("level", TrackKind::Gauge)];
    assert_eq!(names, expected);
    Ok(())
}

#[test]
fn a_point_that_begins_within_a_coarser_one_has_what_begins_after_it() -> Result<(), Error> {
    let (clock, registry) = manual();
    let mut timeline = Timeline::new();
    let events = registry.counter("events")?;
    let begun = registry.snapshot().taken_at;
    for second in 0..40 {
        timeline.record(&registry.snapshot());
        events.add(if second < 10 { 1 } else { 3 });
        clock.advance(SECOND);
    }
    let query = Query {
        name: "events",
        tags: &[],
        from: begun + SECOND * 5,
        step: SECOND * 10,
        points: 1,
    };
    let rates = column(&timeline.query(&query)[0], "per_second");
    assert_eq!(rates, [Some(3.0)]);
    Ok(())
}

#[test]
fn a_file_that_names_a_series_as_none_can_be_named_is_read_without_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("metrics.history");
    let series = r#"{"series":{"id":0,"name":"NAME","kind":"counter"}}"#;
    let lines = ["gets", "", "a b", "2nd"].map(|name| series.replace("NAME", name));
    let header = r#"{"larder_timeline":{"version":1}}"#;
    let text = format!("{header}\n{}\n", lines.join("\n"));
    std::fs::write(&path, text).expect("it can be written");
    let file = TimelineFile::open(&path).expect("it is read");
    assert_eq!(file.lines_skipped(), 3);
    assert_eq!(file.read(|timeline| timeline.names().len()), 1);
}
