//! What each tab shows, at several sizes, and when something is wrong.

use std::time::Duration;

use super::*;

#[test]
fn the_overview_tells_state_savings_rates_and_latencies_at_80_by_24() {
    let now = Instant::now();
    let shown = frame(&full(Tab::Overview, now), now, 80, 24);
    assert_eq!(shown.lines().count(), 24);
    assert_shows(
        &shown,
        &[
            "[1 Overview] 2 Caches  3 Keys  4 Advice  5 Backends  6 Usage",
            "last 5m ● live",
            "◐ degraded  larder 0.1.0  up 1h 2m  viewer (no token)",
            "shared store: connection refused",
            "Time saved     2.3s  2.40ms × 973 hits, since the start",
            "Hit ratio     90.0%",
            "Gets         10.0/s",
            "Loads        1.00/s",
            "Evictions    0.60/s  0.50/s capacity · 0.10/s expired",
            "Errors !     0.40/s  0.20 loads · 0.20 5xx (2.80 4xx)",
            "Hits p99     3.30µs  p50 850ns · p95 2.10µs · slowest: prices",
            "Loads p99    7.70ms  p50 1.80ms · p95 4.20ms · slowest: prices",
            "Answers p99  2.50ms",
            "Origin   10.0%",
        ],
    );
}

#[test]
fn the_overview_keeps_its_figures_at_40_by_12() {
    let now = Instant::now();
    let shown = frame(&full(Tab::Overview, now), now, 40, 12);
    assert!(
        shown.lines().all(|line| line.chars().count() <= 40),
        "{shown}"
    );
    assert_shows(
        &shown,
        &[
            "[1 Overview] 2 3 4 5 6",
            "● live",
            "Hit ratio     90.0%",
            "Hits p99",
            "shared store: connection refused",
        ],
    );
}

#[test]
fn every_tab_says_why_the_daemon_is_degraded_where_there_is_a_line_for_it() {
    let now = Instant::now();
    for tab in Tab::ALL {
        for (width, height) in [(40, 24), (60, 16), (100, 30)] {
            let shown = frame(&full(tab, now), now, width, height);
            assert_shows(&shown, &["◐ degraded", "connection", "refused"]);
        }
        let low = frame(&full(tab, now), now, 40, 6);
        assert_eq!(low.contains("refused"), tab == Tab::Overview, "{low}");
    }
}

#[test]
fn a_frame_for_a_pipe_is_as_wide_as_its_names_need() {
    let now = Instant::now();
    let mut state = empty(Tab::Overview);
    let long = "a".repeat(150);
    let mut update = update(&state, now);
    if let Asked::New(caches) = &mut update.caches {
        caches.caches[0].name.clone_from(&long);
    }
    state.take(update);
    let shown = crate::top::whole_frame(&state, true);
    assert_shows(&shown, &[&long]);
    assert!(!shown.contains('…'), "{shown}");
}

#[test]
fn the_caches_are_a_row_each_and_lose_columns_before_names() {
    let now = Instant::now();
    let state = full(Tab::Caches, now);
    assert_shows(
        &frame(&state, now, 80, 24),
        &[
            "cache",
            "hits",
            "gets/s",
            "entries",
            "loads/s",
            "errors",
            "saved",
            "▸prices",
            "90.0%",
        ],
    );
    let narrow = frame(&state, now, 40, 12);
    assert_shows(&narrow, &["▸prices", "90.0%", "10.0", "unused", "–"]);
    assert!(!narrow.contains("loads/s"), "{narrow}");
}

#[test]
fn one_cache_tells_who_answered_how_quickly_and_what_left_it() {
    let now = Instant::now();
    let mut state = full(Tab::Caches, now);
    press(&mut state, KeyCode::Enter);
    let shown = frame(&state, now, 80, 24);
    assert_shows(
        &shown,
        &[
            " 90.0% hits · 10.0/s gets · 2.3s saved",
            "1.00/s loads · 0.20/s failed · 0.05/s coalesced",
            "7 of 10.0K (0.1%) · entries live 1m 0s · memory",
            "Memory   80.0%",
            "Origin   10.0%",
            "hits     850ns  2.10µs  3.30µs",
            "capacity 50 (0.50/s) · expired 10 (0.10/s)",
        ],
    );
    assert_shows(&frame(&state, now, 40, 12), &["prices", "90.0% hits"]);
    press(&mut state, KeyCode::Esc);
    assert_shows(&frame(&state, now, 80, 24), &["▸prices", "unused"]);
}

#[test]
fn keys_are_ranked_three_ways_and_cannot_drive_the_terminal() {
    let now = Instant::now();
    let mut state = full(Tab::Keys, now);
    let hottest = frame(&state, now, 80, 24);
    assert_shows(
        &hottest,
        &[
            "prices: [hottest] largest slowest",
            "▸user:7",
            "1.52K gets/s  30.5%",
            "日本",
            "one get in 512",
        ],
    );
    assert!(!hottest.contains('\u{1b}'));
    press(&mut state, KeyCode::Right);
    assert_shows(
        &frame(&state, now, 40, 12),
        &["page:1", "123,456", "of the first 100,000 entries"],
    );
    press(&mut state, KeyCode::Right);
    assert_shows(&frame(&state, now, 80, 24), &["report", "1.25s"]);
}

#[test]
fn advice_shows_evidence_change_and_effect_of_the_chosen_one() {
    let now = Instant::now();
    let mut state = full(Tab::Advice, now);
    assert_shows(
        &frame(&state, now, 80, 24),
        &[
            "▸prices is too small",
            "‼ critical",
            "! warning",
            "max_capacity: 100 → 200",
            "hit_rate: 60.0% → 97.0%",
            "evictions: 5.00K entries",
            "by capacity 200: 97.0%",
            "docs/recommendations/capacity.md",
        ],
    );
    press(&mut state, KeyCode::Down);
    assert_shows(
        &frame(&state, now, 40, 12),
        &["loads of unused", "load_mean: 2.50ms"],
    );
}

#[test]
fn backends_tell_their_state_in_words_too() {
    let now = Instant::now();
    let mut state = full(Tab::Backends, now);
    press(&mut state, KeyCode::Down);
    let shown = frame(&state, now, 80, 24);
    assert_shows(
        &shown,
        &[
            "● up",
            "▸shared store",
            "○ down",
            "open",
            "1.25ms",
            "behind: prices",
            "why: connection refused",
            "last error: timed out",
        ],
    );
    assert!(!shown.contains('\u{1b}'));
    assert_shows(&frame(&state, now, 40, 12), &["○ down", "1.25ms"]);
}

#[test]
fn no_size_makes_the_view_panic() {
    let now = Instant::now();
    let mut states: Vec<State> = Tab::ALL.into_iter().map(|tab| full(tab, now)).collect();
    states.extend(Tab::ALL.map(empty));
    let mut helped = full(Tab::Overview, now);
    helped.is_help_open = true;
    helped.take(lost(&helped, now));
    let mut opened = full(Tab::Caches, now);
    press(&mut opened, KeyCode::Enter);
    let mut explaining = full(Tab::Keys, now);
    press(&mut explaining, KeyCode::Char('e'));
    states.extend([helped, opened, explaining]);
    for state in &states {
        for width in [0, 1, 2, 9, 23, 40, 59, 97, 98, 120, 300] {
            for height in [0, 1, 2, 5, 9, 12, 20, 24, 30, 80] {
                frame(state, now, width, height);
            }
        }
    }
}

#[test]
fn an_outage_keeps_the_last_figures_and_shows_their_growing_age() {
    let now = Instant::now();
    for tab in Tab::ALL {
        let mut state = full(tab, now);
        let before = frame(&state, now, 100, 30);
        let kept = before.lines().nth(3).expect("a row of figures").to_owned();
        state.take(lost(&state, now + Duration::from_secs(2)));
        let shown = frame(&state, now + Duration::from_secs(30), 100, 30);
        assert_shows(
            &shown,
            &["30s old ○ no answer", "Connection refused", kept.trim_end()],
        );
        state.take(update(&state, now + Duration::from_secs(40)));
        assert!(!frame(&state, now, 100, 30).contains("no answer"));
    }
}

#[test]
fn a_refused_token_is_told_and_what_was_there_stays() {
    let now = Instant::now();
    let mut state = full(Tab::Caches, now);
    let mut refused = Update::new(state.wanted(true), now);
    refused.caches = Asked::Failed(Error::Refused {
        problem: problem(
            401,
            r#"{"title":"Unauthorized","detail":"a token is needed"}"#,
        ),
        advice: "give --token".to_owned(),
    });
    state.take(refused);
    assert_shows(
        &frame(&state, now, 80, 24),
        &["○ refused", "a token is needed", "give --token", "prices"],
    );
}

#[test]
fn what_an_older_daemon_does_not_tell_is_said_and_the_rest_is_there() {
    let now = Instant::now();
    let not_found = || Error::NotFound(problem(404, r#"{"title":"Not found"}"#));
    for (tab, said) in [
        (
            Tab::Overview,
            "no figures of the last 5m, but since the start: not found",
        ),
        (Tab::Keys, "This daemon tells nothing of keys: not found"),
        (Tab::Advice, "This daemon gives no advice: not found"),
        (
            Tab::Backends,
            "This daemon tells nothing of backends: not found",
        ),
    ] {
        let mut state = empty(tab);
        let mut update = Update::new(state.wanted(true), now);
        update.caches = Asked::New(parse(CACHES));
        update.status = Asked::Failed(not_found());
        update.figures = Asked::Failed(not_found());
        update.keys = Asked::Failed(not_found());
        update.advice = Asked::Failed(not_found());
        state.take(update);
        assert_shows(&frame(&state, now, 100, 30), &[said]);
    }
}

#[test]
fn sparklines_have_a_column_for_each_look_and_none_where_counts_fell() {
    let now = Instant::now();
    let mut state = empty(Tab::Overview);
    for (look, gets) in [(0, 1_000), (1, 1_010), (2, 1_040), (3, 5)] {
        let mut update = update(&state, now + Duration::from_secs(look));
        if let Asked::New(caches) = &mut update.caches {
            caches.caches[0].stats.gets = gets;
        }
        state.take(update);
    }
    let gets = state.trail.columns(20, |point| Some(point.gets));
    assert_eq!(gets, [Some(10.0), Some(30.0), None]);
    assert_eq!(
        state.trail.columns(2, |point| Some(point.gets)),
        [Some(10.0), Some(30.0)]
    );
}
