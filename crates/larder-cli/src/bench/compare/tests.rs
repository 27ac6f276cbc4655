use super::*;
use crate::bench::report::samples::{repetition, report, with_failures};

/// Repetitions with these latencies, each of a thousand requests.
fn one_side(latencies: &[u64]) -> Report {
    let runs = latencies.iter().map(|ms| repetition(&[*ms; 1_000]));
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
    let change = found[0].ratio.expect("a ratio").value;
    assert!(
        (change - 1.2).abs() < 1e-3 && (found[0].after / found[0].before - change).abs() < 1e-9
    );
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
fn what_may_be_much_worse_or_better_is_undecided_and_so_is_one_repetition() {
    let before = one_side(&[100, 150, 60, 130, 70]);
    let after = one_side(&[120, 160, 70, 140, 80]);
    let found = changes(&before, &after, 0.05);
    assert_eq!(of(&found, "mean"), Verdict::Undecided);
    assert_eq!(found[0].undecided_because, None);
    assert_eq!(of(&changes(&before, &after, 3.0), "mean"), Verdict::Same);
    let found = changes(&one_side(&[100]), &one_side(&[900]), 0.05);
    assert_eq!(of(&found, "mean"), Verdict::Undecided);
    assert_eq!(found[0].undecided_because, Some("one repetition"));
    let found = changes(&one_side(&[100]), &one_side(&[900, 910]), 0.05);
    assert_eq!(of(&found, "mean"), Verdict::Undecided, "one on either side");
}

#[test]
fn a_percentile_of_few_requests_is_undecided() {
    let side = |ms: u64, requests: usize| {
        let runs = [0, 1, 2].map(|more| repetition(&vec![ms + more; requests]));
        report(&[("measured", runs.to_vec())])
    };
    for (requests, decided) in [
        (1_000, vec!["p50", "p95", "p99"]),
        (999, vec!["p50", "p95"]),
        (199, vec!["p50"]),
        (19, vec![]),
    ] {
        let found = changes(&side(100, requests), &side(200, 1_000), 0.05);
        for figure in ["p50", "p95", "p99"] {
            let expected = if decided.contains(&figure) {
                Verdict::Worse
            } else {
                Verdict::Undecided
            };
            assert_eq!(of(&found, figure), expected, "{figure} of {requests}");
        }
        assert_eq!(of(&found, "mean"), Verdict::Worse);
    }
}

/// The tolerance is 5 %.
#[test]
fn each_verdict_is_about_the_whole_interval() {
    let judge = |low: f64, high: f64, good| {
        let (low, high) = (Some(low), Some(high));
        let value = 1.0;
        verdict(Estimate { value, low, high }, good, 0.05)
    };
    for (low, high, verdict) in [
        (0.97, 1.04, Verdict::Same),
        (0.795, 3.922, Verdict::Undecided),
        (1.02, 1.04, Verdict::Same),
        (1.03, 1.07, Verdict::Undecided),
        (1.06, 1.07, Verdict::Worse),
        (0.90, 0.94, Verdict::Better),
    ] {
        assert_eq!(judge(low, high, Good::Less), verdict, "{low} to {high}");
    }
    assert_eq!(judge(1.06, 1.07, Good::More), Verdict::Better);
    assert_eq!(judge(0.90, 0.94, Good::More), Verdict::Worse);
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
    assert_eq!(verdict(with([0, 1, 0])), Verdict::Undecided);
    let found = changes(&before, &with([2, 2, 2]), 0.05);
    let errors = found.iter().find(|change| change.figure == "errors");
    let after = errors.map(|change| change.after);
    assert_eq!(after, Some(0.5), "of all requests");
    let from_some = changes(&with([1, 2, 1]), &before, 0.05);
    assert_eq!(of(&from_some, "errors"), Verdict::Better);
    let json = serde_json::to_value(&from_some).expect("JSON");
    let errors = json.as_array().and_then(|changes| changes.last());
    assert_eq!(errors.expect("errors")["ratio"], serde_json::Value::Null);
}

#[test]
fn errors_are_those_of_all_requests_as_the_report_has_them() {
    let side = |requests: [usize; 2], failures: [u64; 2]| {
        let runs = [0, 1].map(|at| {
            let good = requests[at] - failures[at] as usize;
            with_failures(repetition(&vec![10; good]), failures[at])
        });
        report(&[("measured", runs.to_vec())])
    };
    let (before, after) = (side([100, 300], [10, 10]), side([50, 350], [1, 39]));
    let found = changes(&before, &after, 0.05);
    let errors = found.iter().find(|change| change.figure == "errors");
    let errors = errors.expect("errors");
    let shown = [&before, &after].map(|report| report.sides[0].error_rate.expect("a rate"));
    assert!((errors.before - shown[0]).abs() < 1e-12 && (errors.after - shown[1]).abs() < 1e-12);
    assert!((shown[0] - 0.05).abs() < 1e-12 && (shown[1] - 0.1).abs() < 1e-12);
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
