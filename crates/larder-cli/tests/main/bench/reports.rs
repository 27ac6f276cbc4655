//! The reports, their thresholds, and two of them compared.

use serde_json::Value;

use super::small::{Seen, Small, bench, home};

#[test]
fn every_form_of_the_report_is_written() {
    let (home, small) = (home(), Small::start());
    let url = format!("{}/page", small.url);
    let ended = bench(
        home.path(),
        &[
            "run",
            &url,
            "--uncached",
            "header",
            "-n",
            "2",
            "-r",
            "2",
            "--warm-up",
            "0s",
            "--json",
            "a.json",
            "--markdown",
            "a.md",
            "--csv",
            "a.csv",
            "--html",
            "a.html",
        ],
    );
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.stdout.contains("LARDER BENCH REPORT") && !ended.stdout.contains('\u{1b}'));
    for (name, part) in [
        ("a.json", "\"larder_bench\": 1"),
        ("a.md", "requests.\n\n|  | uncached | cached |"),
        ("a.csv", "side,repetition,"),
        ("a.html", "<!doctype html>"),
    ] {
        let text = std::fs::read_to_string(home.path().join(name)).expect(name);
        assert!(text.contains(part), "{name}: {text}");
    }
    let ended = bench(home.path(), &["compare", "a.json", "a.json"]);
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("cached mean"), "{}", ended.stdout);
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_the_run() {
    let (home, small) = (home(), Small::start());
    let url = format!("{}/quick", small.url);
    let ended = bench(
        home.path(),
        &[
            "run",
            &url,
            "--html",
            "no/such/place.html",
            "--json",
            "a.json",
        ],
    );
    assert_eq!(ended.code, Some(1));
    let said = "the report no/such/place.html cannot be written";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert_eq!(Seen::count(&small.seen.quick), 0);
    assert!(
        !home.path().join("a.json").exists(),
        "nothing is left behind"
    );
    let context = [
        "context",
        "--url",
        &small.url,
        "--report",
        "no/such/place.txt",
    ];
    let ended = bench(home.path(), &context);
    assert!(
        ended
            .stderr
            .contains("the report no/such/place.txt cannot be written")
    );
    for (targets, said) in [
        (
            ["--json", "a", "--csv", "a"],
            "a: two reports cannot go to one file",
        ),
        (
            ["--json", "-", "--csv", "-"],
            "only one report can go to standard output",
        ),
    ] {
        let ended = bench(
            home.path(),
            &[&["run", url.as_str()], &targets[..]].concat(),
        );
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}

#[test]
fn a_missed_threshold_has_an_exit_code_of_its_own_and_the_report_all_the_same() {
    let (home, small) = (home(), Small::start());
    let url = format!("{}/page", small.url);
    let run = [
        "run",
        &url,
        "--uncached",
        "header",
        "-n",
        "3",
        "-r",
        "2",
        "--warm-up",
        "0s",
    ];
    let met = [
        "--threshold",
        "uncached.p50>59ms",
        "--threshold",
        "errors<1%",
    ];
    let ended = bench(home.path(), &[&run[..], &met[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("uncached.p50>59ms: met, "),
        "{}",
        ended.stdout
    );
    let ended = bench(
        home.path(),
        &[&run[..], &met[..], &["--threshold", "speedup>1000000"]].concat(),
    );
    assert_eq!(ended.code, Some(7));
    assert!(
        ended.stderr.contains("threshold speedup>1000000: missed, "),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("errors<1%"), "{}", ended.stderr);
    assert!(ended.stdout.contains("LARDER BENCH REPORT"));
}

#[test]
fn compare_finds_what_got_slower() {
    let (home, small) = (home(), Small::start());
    for (name, path) in [("quick", "quick"), ("slow", "slow")] {
        let (url, file) = (format!("{}/{path}", small.url), format!("{name}.json"));
        let run = [
            "run",
            &url,
            "-n",
            "20",
            "-r",
            "5",
            "--warm-up",
            "0s",
            "--json",
            &file,
        ];
        assert_eq!(bench(home.path(), &run).code, Some(0));
    }
    let worse = bench(home.path(), &["compare", "quick.json", "slow.json"]);
    assert_eq!(worse.code, Some(7), "{}", worse.stdout);
    // The median of 20 requests, and of fewer the others tell nothing.
    assert!(worse.stderr.contains("measured p50"), "{}", worse.stderr);
    let p99 = worse
        .stdout
        .lines()
        .find(|line| line.contains("measured p99"));
    assert!(
        p99.is_some_and(|line| line.ends_with("undecided (too few requests)")),
        "{}",
        worse.stdout
    );
    assert!(
        worse.stdout.contains("not alike: asked: measured GET"),
        "{}",
        worse.stdout
    );
    let better = bench(
        home.path(),
        &["compare", "slow.json", "quick.json", "--json"],
    );
    assert_eq!(better.code, Some(0), "{}", better.stderr);
    let found: Value = serde_json::from_str(&better.stdout).expect("JSON");
    let changes = found["changes"].as_array().expect("changes");
    let p50 = changes.iter().find(|change| change["figure"] == "p50");
    assert_eq!(p50.expect("p50")["verdict"], "better");

    for (text, said) in [
        ("", "bad.json: expected a report"),
        (
            "{}",
            "bad.json: expected a report that `larder bench run --json` wrote",
        ),
        (r#"{"larder_bench":1}"#, "missing field"),
        (
            r#"{"larder_bench":2}"#,
            "it has format 2, and this program reads format 1",
        ),
    ] {
        std::fs::write(home.path().join("bad.json"), text).expect("written");
        let ended = bench(home.path(), &["compare", "quick.json", "bad.json"]);
        assert_eq!(ended.code, Some(2), "{text}");
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}
