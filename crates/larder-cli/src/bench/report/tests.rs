use std::time::Duration;

use super::samples::{example, repetition, report, with_failures};
use super::*;
use crate::bench::tally::Answered;
use crate::bench::{csv, html, markdown, text};

fn about(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 1e-3, "{found}, {expected}");
}

#[test]
fn figures_are_those_of_the_latencies() {
    let report = example();
    let [uncached, cached] = &report.sides[..] else {
        panic!("two sides");
    };
    let latency = uncached.latency_ms.expect("timed");
    about(latency.mean, 285.0);
    // Of 280, 290, 270, 300 with n - 1.
    about(
        latency.standard_deviation.expect("four"),
        (500.0_f64 / 3.0).sqrt(),
    );
    about(latency.min, 270.0);
    // Of the repetitions: 280 and 270, 290 and 300.
    about(latency.p50, 275.0);
    about(latency.p99, 295.0);
    about(latency.max, 300.0);
    assert_eq!(
        (uncached.requests, uncached.bytes, uncached.failed()),
        (4, 40, 0)
    );
    let rps = cached.requests_per_second.expect("time passed");
    about(rps.mean, 2.0 / 0.09);
    let speedup = report.speedup.expect("two sides");
    about(speedup.mean.expect("a mean").value, 285.0 / 45.0);
    about(
        speedup.requests_per_second.expect("rates").value,
        285.0 / 45.0,
    );
}

/// The figure of each row, by hand: repetitions of other lengths and of other spreads.
#[test]
fn each_row_s_speed_up_is_the_quotient_of_its_columns() {
    let uncached = [vec![10; 300], vec![20; 100], vec![900; 3]].map(|ms| repetition(&ms));
    let cached = [vec![1; 400], vec![4; 2], vec![2; 50]].map(|ms| repetition(&ms));
    let both = report(&[("uncached", uncached.to_vec()), ("cached", cached.to_vec())]);
    let latencies = |side: usize| both.sides[side].latency_ms.expect("timed");
    about(latencies(0).mean, 310.0);
    about(latencies(1).mean, 7.0 / 3.0);
    about(latencies(0).max, 900.0);
    let speedup = both.speedup.expect("two sides");
    for (name, gain) in [
        ("mean", speedup.mean),
        ("p50", speedup.p50),
        ("p99", speedup.p99),
    ] {
        let [uncached, cached] = [0, 1].map(|side| latencies(side).named(name).expect(name));
        about(gain.expect(name).value, uncached / cached);
    }
    let rate = |side: usize| both.sides[side].requests_per_second.expect("a rate").mean;
    about(
        speedup.requests_per_second.expect("rates").value,
        rate(1) / rate(0),
    );
    let condition: crate::bench::Threshold = "speedup>132".parse().expect("a condition");
    let judged = condition.judge(&both);
    assert!(judged.is_met, "{judged}");
}

#[test]
fn a_repetition_without_a_good_answer_leaves_the_quotient_right() {
    let uncached = vec![
        repetition(&[100; 9]),
        repetition(&[]),
        repetition(&[200; 9]),
    ];
    let cached = vec![repetition(&[]), repetition(&[10; 9]), repetition(&[20; 9])];
    let speedup = report(&[("uncached", uncached), ("cached", cached)]).speedup;
    let mean = speedup.expect("two sides").mean.expect("a mean");
    about(mean.value, 150.0 / 15.0);
    assert!(mean.low < Some(10.0) && mean.high > Some(10.0));
}

#[test]
fn an_interrupted_run_says_so_in_every_form_that_people_read() {
    let mut report = example();
    report.is_interrupted = true;
    report.plan.repetitions = 5;
    let words = "Interrupted: of 5 repetitions 2 were complete";
    for page in [
        text::page(&report),
        markdown::page(&report),
        html::page(&report),
    ] {
        assert!(page.contains(words), "{page}");
    }
    let rows = csv::lines(&report).lines().count();
    assert_eq!(rows, 1 + 2 * 2);
}

#[test]
fn names_under_an_axis_do_not_touch() {
    let page = html::page(&report(&[("measured", vec![repetition(&vec![7; 90_000])])]));
    let plot = page.split("<svg").nth(1).expect("a plot");
    let names = plot
        .split("<text ")
        .skip(1)
        .filter(|text| text.contains("middle"));
    let names: Vec<(f64, usize)> = names
        .map(|text| {
            let x = text.split('"').nth(1).expect("a place");
            let name = text.split(['>', '<']).nth(1).expect("a name");
            (x.parse().expect("a number"), name.chars().count())
        })
        .collect();
    assert!(names.len() >= 4, "{names:?}");
    for pair in names.windows(2) {
        let reach = 4.0 * (pair[0].1 + pair[1].1) as f64;
        assert!(pair[1].0 - pair[0].0 > reach, "{pair:?}");
    }
}

#[test]
fn what_failed_is_counted_and_no_rate_is_made_of_it() {
    let runs = vec![with_failures(repetition(&[100, 100]), 2)];
    let report = report(&[("measured", runs)]);
    let side = &report.sides[0];
    assert_eq!(
        (side.requests, side.failed(), side.error_rate),
        (4, 2, Some(0.5))
    );
    about(side.requests_per_second.expect("time passed").mean, 10.0);
    assert_eq!(side.errors["cut"], 2);
    let page = text::page(&report);
    assert!(page.contains("50.000 % of the requests had no good answer"));
    assert!(page.contains("So it looks quicker than it is."));
}

#[test]
fn the_bytes_of_answers_that_are_no_good_were_sent_too() {
    let mut run = repetition(&[100]);
    let failed = Ok(Answered {
        status: 500,
        bytes: 7,
    });
    run.tally.record(&failed, Duration::from_millis(1));
    let side = &report(&[("measured", vec![run])]).sides[0];
    assert_eq!((side.bytes, side.failed()), (17, 1));
}

#[test]
fn a_side_without_a_good_answer_has_no_figures_and_breaks_no_form() {
    let failed = || vec![with_failures(repetition(&[]), 3)];
    let report = report(&[("uncached", failed()), ("cached", failed())]);
    assert_eq!(report.sides[1].latency_ms, None);
    for page in [
        text::page(&report),
        markdown::page(&report),
        html::page(&report),
    ] {
        assert!(
            page.contains("No speed-up: one side had no good answer."),
            "{page}"
        );
        assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
    }
    let json = serde_json::to_string(&report).expect("JSON");
    assert_eq!(serde_json::from_str::<Report>(&json).expect("read"), report);
}

#[test]
fn json_is_read_back_as_it_was() {
    let json = serde_json::to_string(&example()).expect("JSON");
    let read: Report = serde_json::from_str(&json).expect("read");
    assert_eq!(read.sides.len(), 2);
    assert_eq!(serde_json::to_string(&read).expect("JSON"), json);
}

#[test]
fn the_text_is_laid_out_as_a_report() {
    let page = text::page(&example());
    for part in [
        "LARDER BENCH REPORT\nGenerated: 2026-11-21 14:35:22\n═",
        "\nLATENCY\n─",
        "Speedup: cached is 6.33x faster in the mean; with 95 % confidence",
        "  Load: closed loop, 1 connection\n",
        "  Length: 4 requests, 2 times, in turns, without warm-up\n",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let words = |name: &str| -> Vec<String> {
        let line = page
            .lines()
            .find(|line| line.trim_start().starts_with(name));
        line.unwrap_or_else(|| panic!("{name}\n{page}"))
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(words("mean")[..4], ["mean", "285ms", "45.0ms", "6.33x"]);
    assert_eq!(words("std dev")[..4], ["std", "dev", "12.9ms", "4.16ms"]);
    assert_eq!(words("status 200"), ["status", "200", "4", "4"]);
}

#[test]
fn csv_has_a_line_for_each_repetition_with_as_many_cells_as_its_heading() {
    let lines = csv::lines(&example());
    let rows: Vec<Vec<&str>> = lines
        .lines()
        .map(|line| line.split(',').collect())
        .collect();
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{lines}");
    let mean = rows[0]
        .iter()
        .position(|name| *name == "mean_ms")
        .expect("a column");
    assert_eq!(
        (rows[1][0], rows[1][1], rows[1][mean]),
        ("uncached", "1", "285")
    );
    let empty = csv::lines(&report(&[("measured", vec![repetition(&[])])]));
    let widths: Vec<_> = empty.lines().map(|line| line.split(',').count()).collect();
    assert_eq!(widths[0], widths[1]);
}

#[test]
fn markdown_has_tables_in_which_a_url_is_only_shown() {
    let page = markdown::page(&example());
    assert!(
        page.contains("|  | uncached | cached | speed-up (95 %) |\n|---|---:|---:|---:|\n"),
        "{page}"
    );
    assert!(page.contains("| mean | 285ms | 45.0ms | 6.33x"), "{page}");
    assert!(
        page.contains("?&lt;cached>") && !page.contains("?<cached>"),
        "{page}"
    );
}

#[test]
fn the_page_has_three_plots_and_nothing_from_elsewhere() {
    let page = html::page(&example());
    assert_eq!(
        (page.matches("<svg").count(), page.matches("</svg>").count()),
        (3, 3)
    );
    assert!(page.contains("prefers-color-scheme: dark"));
    for foreign in [
        "<script", "<link", "<img", "src=", "href=", "url(", "@import", "<cached>",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    // Only as what was asked.
    let addresses = page.matches("http").count();
    assert_eq!(addresses, page.matches("GET http://x/?&lt;").count());
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
}

#[test]
fn the_curve_ends_where_no_request_is_beyond_it() {
    let side = &report(&[("measured", vec![repetition(&[7; 100])])]).sides[0];
    let last = side.percentiles.last().expect("a curve").percent;
    about(last, 99.0);
    let bars: u64 = side.histogram.iter().map(|bar| bar.requests).sum();
    assert_eq!((bars, side.histogram.len()), (100, 1));
    let bar = side.histogram[0];
    assert!(bar.from_ms <= 7.0 && bar.to_ms > 7.0, "{bar:?}");
}

#[test]
fn plots_place_latencies_by_decades_percentiles_by_nines_and_shares_of_their_side() {
    let page = html::page(&report(&[("measured", vec![repetition(&[7; 100])])]));
    for part in [
        ">1.00ms</text>",
        ">10.0ms</text>",
        "y1=\"22.0\"",
        "y1=\"232.0\"",
        "x=\"247.0\" y=\"250.0\" text-anchor=\"middle\">90 %</text>",
        "x=\"436.0\" y=\"250.0\" text-anchor=\"middle\">99 %</text>",
        ">100.0 %</text>",
        "\"side-1\"",
        ">1</text>",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    for other in ["\"side-0\"", ">0</text>", ">100ms</text>"] {
        assert!(!page.contains(other), "{other}\n{page}");
    }
}

#[test]
fn a_name_is_no_markup_in_any_form() {
    let report = report(&[("<b>|", vec![repetition(&[7])])]);
    let (page, table) = (html::page(&report), markdown::page(&report));
    assert!(!page.contains("<b>"), "{page}");
    assert!(!table.contains("<b") && !table.contains(">|>"), "{table}");
}
