use super::*;
use crate::bench::report::samples::{repetition, report, with_failures};

fn one_side(latencies: &[u64]) -> Report {
    let runs = latencies.iter().map(|ms| repetition(&[*ms, *ms]));
    report(&[("measured", runs.collect())])
}

fn of(changes: &[Change], figure: &str) -> Verdict {
    let found = changes.iter().find(|change| change.figure == figure);
    found.expect(figure).verdict
}

#[test]
fn what_is_surely_slower_by_more_than_is_tolerated_is_worse() {
    let before = one_side(&[100, 102, 98, 101, 99]);
    let slower = one_side(&[120, 122, 118, 121, 119]);
    let found = changes(&before, &slower, 0.05);
    for figure in ["mean", "p50", "p95", "p99", "good answers/s"] {
        assert_eq!(of(&found, figure), Verdict::Worse, "{figure}");
    }
    assert_eq!(of(&found, "errors"), Verdict::Same);
    assert!((found[0].ratio.value - 1.2).abs() < 1e-3);
    let back = changes(&slower, &before, 0.05);
    assert_eq!(of(&back, "mean"), Verdict::Better);
    assert_eq!(of(&back, "good answers/s"), Verdict::Better);
    assert_eq!(of(&changes(&before, &slower, 0.25), "mean"), Verdict::Same);
    assert_eq!(of(&changes(&slower, &before, 0.25), "mean"), Verdict::Same);
    let comparison = Comparison {
        changes: found,
        differences: Vec::new(),
    };
    let text = shown(&comparison, 5.0);
    assert!(text.contains("100ms    120ms  +20.0 %"), "{text}");
}

#[test]
fn what_varies_as_much_as_it_differs_is_the_same_and_one_repetition_is_unsure() {
    let before = one_side(&[100, 150, 60, 130, 70]);
    let after = one_side(&[120, 160, 70, 140, 80]);
    assert_eq!(of(&changes(&before, &after, 0.05), "mean"), Verdict::Same);
    let found = changes(&one_side(&[100]), &one_side(&[900]), 0.05);
    assert_eq!(of(&found, "mean"), Verdict::Unsure);
    let found = changes(&one_side(&[100]), &one_side(&[900, 910]), 0.05);
    assert_eq!(of(&found, "mean"), Verdict::Unsure, "one on either side");
}

#[test]
fn errors_where_there_were_none_are_worse_if_each_repetition_has_some() {
    let before = one_side(&[10, 10, 10]);
    let with = |failures: [u64; 3]| {
        let runs = failures.map(|count| with_failures(repetition(&[10, 10]), count));
        report(&[("measured", runs.to_vec())])
    };
    let verdict = |after| of(&changes(&before, &after, 0.05), "errors");
    assert_eq!(verdict(with([1, 2, 1])), Verdict::Worse);
    assert_eq!(verdict(with([0, 1, 0])), Verdict::Unsure);
    let found = changes(&before, &with([2, 2, 2]), 0.05);
    let errors = found.iter().find(|change| change.figure == "errors");
    let after = errors.map(|change| change.after);
    assert_eq!(after, Some(0.5), "of all requests");
}

#[test]
fn what_was_measured_alone_is_compared_with_what_is_cached() {
    let alone = one_side(&[10, 10]);
    let runs = || vec![repetition(&[5]), repetition(&[5])];
    let both = report(&[("uncached", runs()), ("cached", runs())]);
    assert_eq!(changes(&both, &alone, 0.05)[0].side, "cached");
    assert!(
        changes(&alone, &both, 0.05)
            .iter()
            .all(|change| change.verdict != Verdict::Worse)
    );
}

#[test]
fn a_plan_that_differs_is_told() {
    let before = one_side(&[10]);
    let mut after = one_side(&[10]);
    assert!(differences(&before, &after).is_empty());
    after.plan.connections = 50;
    after.machine.cores = 8;
    let told = differences(&before, &after).join("\n");
    assert!(told.contains("load: closed loop, 1 connection / closed loop, 50 connections"));
    assert!(told.contains("asked from: A processor, 2 cores"), "{told}");
}
