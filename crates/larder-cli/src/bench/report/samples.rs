//! Reports for tests, out of latencies that are given.

use std::time::Duration;

use super::*;
use crate::bench::tally::{Answered, Failure};

/// A repetition of good answers of 10 bytes with these latencies, one after another.
pub(in crate::bench) fn repetition(latencies_ms: &[u64]) -> Measured {
    let mut tally = Tally::default();
    let good = Ok(Answered {
        status: 200,
        bytes: 10,
    });
    for ms in latencies_ms {
        tally.record(&good, Duration::from_millis(*ms));
    }
    Measured {
        tally,
        took: Duration::from_millis(latencies_ms.iter().sum()),
        lag: None,
    }
}

/// The same with requests that failed by a broken answer.
pub(in crate::bench) fn with_failures(mut measured: Measured, failures: u64) -> Measured {
    for _ in 0..failures {
        let cut = Err(Failure::Cut(String::new()));
        measured.tally.record(&cut, Duration::from_millis(1));
    }
    measured
}

/// A report of one or two sides.
pub(in crate::bench) fn report(sides: &[(&str, Vec<Measured>)]) -> Report {
    let made: Vec<_> = sides
        .iter()
        .map(|(name, runs)| Side::new(name, format!("GET http://x/?<{name}>"), None, runs))
        .collect();
    let speedup = match &made[..] {
        [uncached, cached] => Some(Speedup::of(uncached, cached)),
        _ => None,
    };
    Report {
        larder_bench: FORMAT,
        generated: "2026-11-21 14:35:22".to_owned(),
        version: "0.1.0".to_owned(),
        machine: Machine {
            processor: "A processor".to_owned(),
            cores: 2,
            system: "linux x86_64".to_owned(),
        },
        plan: Described {
            connections: 1,
            rate: None,
            requests: Some(4),
            duration_seconds: None,
            warm_up_seconds: 0.0,
            repetitions: made.first().map_or(0, |side| side.repetitions.len() as u32),
            timeout_seconds: 10.0,
            keys: None,
            seed: 1,
        },
        sides: made,
        is_interrupted: false,
        speedup,
        thresholds: Vec::new(),
    }
}

/// What the worked example of the documentation has: 285 ms against 45 ms.
pub(in crate::bench) fn example() -> Report {
    let uncached = [[280, 290], [270, 300]].map(|ms| repetition(&ms));
    let cached = [[44, 46], [40, 50]].map(|ms| repetition(&ms));
    report(&[("uncached", uncached.to_vec()), ("cached", cached.to_vec())])
}
