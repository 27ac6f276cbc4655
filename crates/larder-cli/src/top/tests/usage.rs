//! The tab of usage.

use std::time::Duration;

use super::*;
use crate::client::Stats;
use crate::top::tabs::usage::Panel;

fn not_ready(body: &str) -> State {
    let mut state = empty(Tab::Usage);
    let mut update = Update::new(state.wanted(true), Instant::now());
    update.stats = Asked::Failed(Error::NotReady(problem(503, body)));
    state.take(update);
    state
}

#[test]
fn everything_has_a_place_at_60_by_20() {
    let now = Instant::now();
    let frame = frame(&full(Tab::Usage, now), now, 60, 20);
    assert_eq!(frame.lines().count(), 20);
    assert_shows(
        &frame,
        &[
            "[6 Usage]",
            "● live",
            "As logged",
            "$1,234.50",
            "34 unpriced",
            "up to an hour: $30.00",
            "claude-opus-4",
            "-home-dev-src-shop",
            "97.3%",
            "5.00K requests, 10 failed",
        ],
    );
}

#[test]
fn while_nothing_changes_the_history_tells_how_old_the_totals_are() {
    let now = Instant::now();
    let mut state = full(Tab::Usage, now);
    let later = now + Duration::from_mins(10);
    let mut unchanged = update(&state, later);
    unchanged.stats = Asked::Unchanged;
    state.take(unchanged);
    assert_shows(
        &frame(&state, later, 100, 30),
        &["0.0s old ● live", "up 1d 4h"],
    );
}

#[test]
fn the_first_scan_shows_how_far_it_is() {
    let state = not_ready(
        r#"{"title":"First scan","detail":"reading the logs",
        "progress":{"files_done":5,"files_total":20,"bytes_done":1048576,"bytes_total":4194304}}"#,
    );
    assert_shows(
        &frame(&state, Instant::now(), 80, 20),
        &[
            "reading the logs",
            "5 of 20 files, 1.00 MiB of 4.00 MiB",
            "25%",
        ],
    );
}

#[test]
fn without_logs_the_places_looked_in_and_the_way_on_are_shown() {
    let state = not_ready(
        r#"{"title":"No logs found","looked_in":["/home/dev/.claude/projects"],
        "hint":"start with --demo"}"#,
    );
    assert_shows(
        &frame(&state, Instant::now(), 80, 20),
        &[
            "No logs found",
            "/home/dev/.claude/projects",
            "start with --demo",
        ],
    );
}

#[test]
fn a_name_cannot_drive_the_terminal() {
    let now = Instant::now();
    assert!(!frame(&full(Tab::Usage, now), now, 120, 40).contains('\u{1b}'));
}

#[test]
fn a_range_key_asks_for_it_and_answers_for_another_range_are_passed_over() {
    let now = Instant::now();
    let mut state = full(Tab::Usage, now);
    let mut late = update(&state, now);
    let mut stats: Stats = parse(STATS);
    stats.totals.usage.cost_usd = 99.0;
    late.stats = Asked::New(stats);
    assert_eq!(
        press(&mut state, KeyCode::Char('w')),
        Reaction::Fetch { all: false }
    );
    assert_shows(
        &frame(&state, now, 100, 30),
        &["As logged, all time", "loading"],
    );
    state.take(late);
    assert_shows(&frame(&state, now, 100, 30), &["$1,234.50", "loading"]);
    state.take(update(&state, now));
    assert_shows(
        &frame(&state, now, 100, 30),
        &["As logged, 7 days", "● live"],
    );
}

#[test]
fn scrolling_ends_at_the_last_row_and_turns_at_once() {
    let mut state = full(Tab::Usage, Instant::now());
    state.body = Rect::new(0, 0, 60, 13);
    for _ in 0..10 {
        press(&mut state, KeyCode::Down);
    }
    assert_eq!(state.usage.offset(Panel::Models, 1, 2), 1);
    press(&mut state, KeyCode::Up);
    assert_eq!(state.usage.offset(Panel::Models, 1, 2), 0);
    press(&mut state, KeyCode::End);
    assert_eq!(state.usage.offset(Panel::Models, 1, 2), 1);
    assert_eq!(state.usage.offset(Panel::Models, 5, 2), 0);
}

#[test]
fn arrows_go_round_the_lists() {
    let mut state = full(Tab::Usage, Instant::now());
    for expected in [Panel::Projects, Panel::Days, Panel::Caches, Panel::Models] {
        press(&mut state, KeyCode::Right);
        assert_eq!(state.usage.focus, expected);
    }
    press(&mut state, KeyCode::Left);
    assert_eq!(state.usage.focus, Panel::Caches);
}
