use super::*;
use crate::bench::report::samples::{example, repetition, report, with_failures};

fn judge(condition: &str, report: &Report) -> Judged {
    let threshold: Threshold = condition.parse().expect(condition);
    threshold.judge(report)
}

#[test]
fn a_condition_is_on_what_is_cached_unless_it_names_a_side() {
    let report = example();
    for (condition, is_met) in [
        ("p99<51ms", true),
        ("p99<48000us", false),
        ("p99 <= 0.0502 s", true),
        ("mean>44999µs", true),
        ("uncached.p50<=275ms", false),
        ("uncached.p50<276ms", true),
        ("speedup>6.3", true),
        ("speedup>=6.34x", false),
        ("cached.rps>22", true),
        ("rps>23", false),
        ("errors<=0", true),
        ("errors>=0", true),
        ("errors<0.1%", true),
    ] {
        assert_eq!(judge(condition, &report).is_met, is_met, "{condition}");
    }
    assert_eq!(
        judge("speedup>10", &report).to_string(),
        "speedup>10: missed, 6.33x found"
    );
    assert_eq!(
        judge("p99<51ms", &report).to_string(),
        "p99<51ms: met, 48.0ms found"
    );
}

#[test]
fn errors_are_a_share_or_a_number() {
    let report = report(&[("measured", vec![with_failures(repetition(&[1; 98]), 2)])]);
    for (condition, is_met) in [
        ("errors<2%", false),
        ("errors<=2%", true),
        ("errors<2", false),
        ("errors<3", true),
    ] {
        assert_eq!(judge(condition, &report).is_met, is_met, "{condition}");
    }
}

#[test]
fn a_figure_that_could_not_be_measured_meets_nothing() {
    let nothing = report(&[("measured", vec![with_failures(repetition(&[]), 2)])]);
    for condition in ["p99<2s", "p99>0ns", "speedup>0"] {
        let judged = judge(condition, &nothing);
        assert!(!judged.is_met, "{condition}");
        assert_eq!(judged.found, "nothing");
    }
}

#[test]
fn what_is_no_condition_is_told_what_is_expected() {
    for (bad, said) in [
        ("", "expected FIGURE<LIMIT"),
        ("p99", "expected FIGURE<LIMIT"),
        ("p99<2", r#"p99: expected a time such as "2ms""#),
        ("p99<ms", "p99: expected a time"),
        ("p98<2ms", "expected mean, sd, min, p50"),
        ("other.p99<2ms", "expected mean, sd, min, p50"),
        ("errors<x%", "errors: expected a number"),
        ("rps>-1", "rps: expected a number"),
        ("rps>inf", "rps: expected a number"),
        ("speedup>NaN", "speedup: expected a number"),
    ] {
        let error = bad.parse::<Threshold>().expect_err(bad);
        assert!(error.contains(said), "{bad}: {error}");
    }
}
