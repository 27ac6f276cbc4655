//! The view's state and frames, without a terminal, a server or a clock.

use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;
use ratatui::widgets::Widget as _;
use serde::de::DeserializeOwned;

use super::fetch::Update;
use super::screen::Screen;
use super::state::{Panel, Reaction, State};
use super::text;
use super::theme::Theme;
use crate::args::Range;
use crate::client::{Error, Problem, Stats};

const STATS: &str = include_str!("../../tests/main/answers/stats.json");
const HISTORY: &str = include_str!("../../tests/main/answers/history.json");
const CACHES: &str = include_str!("../../tests/main/answers/caches.json");

fn parse<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("the shape that the daemon has")
}

fn update(at: Instant, range: Range, stats: Result<Option<Stats>, Error>) -> Update {
    Update {
        at,
        range,
        stats,
        history: Ok(Some(parse(HISTORY))),
        caches: Ok(Some(parse(CACHES))),
    }
}

fn full(at: Instant) -> State {
    let mut state = State::new("http://127.0.0.1:7070", Range::All);
    state.take(update(at, Range::All, Ok(Some(parse(STATS)))));
    state
}

fn unreachable() -> Error {
    Error::Unreachable {
        url: "http://127.0.0.1:7070".to_owned(),
        reason: "Connection refused".to_owned(),
    }
}

fn not_ready(body: &str) -> Error {
    Error::NotReady(Box::new(Problem::parse(503, body)))
}

fn frame(state: &State, now: Instant, width: u16, height: u16) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    let screen = Screen {
        state,
        now,
        theme: Theme::new(true),
        interactive: true,
    };
    screen.render(area, &mut buffer);
    text(&buffer)
}

fn press(state: &mut State, code: KeyCode) -> Reaction {
    state.press(KeyEvent::from(code), |_| 1)
}

#[track_caller]
fn assert_shows(frame: &str, parts: &[&str]) {
    for part in parts {
        assert!(frame.contains(part), "{part} in\n{frame}");
    }
}

#[test]
fn everything_has_a_place_at_60_by_20() {
    let now = Instant::now();
    let frame = frame(&full(now), now, 60, 20);
    assert_eq!(frame.lines().count(), 20);
    assert_shows(
        &frame,
        &[
            "[all]",
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
fn no_size_makes_the_view_panic() {
    let now = Instant::now();
    let mut states = [full(now), full(now), State::new("http://x", Range::Today)];
    let body = r#"{"title":"t","looked_in":["/a","/b"],"hint":"h",
        "progress":{"files_done":1,"files_total":2,"bytes_done":1,"bytes_total":2}}"#;
    states[1].is_help_open = true;
    states[1].take(update(now, Range::All, Err(unreachable())));
    states[2].take(update(now, Range::Today, Err(not_ready(body))));
    for state in &states {
        for width in [0, 1, 2, 9, 23, 40, 59, 97, 98, 120, 300] {
            for height in [0, 1, 2, 5, 9, 20, 24, 30, 80] {
                frame(state, now, width, height);
            }
        }
    }
}

#[test]
fn an_outage_keeps_the_last_data_and_shows_its_growing_age() {
    let now = Instant::now();
    let mut state = full(now);
    state.take(update(
        now + Duration::from_secs(2),
        Range::All,
        Err(unreachable()),
    ));
    let later = now + Duration::from_secs(30);
    let frame = frame(&state, later, 100, 30);
    assert_shows(
        &frame,
        &[
            "data 30s old",
            "○ no answer",
            "Connection refused",
            "$1,234.50",
        ],
    );
}

#[test]
fn an_unchanged_answer_ends_an_outage() {
    let now = Instant::now();
    let mut state = full(now);
    state.take(update(now, Range::All, Err(unreachable())));
    state.take(update(now, Range::All, Ok(None)));
    assert_shows(&frame(&state, now, 100, 30), &["● live", "$1,234.50"]);
}

#[test]
fn while_nothing_changes_the_history_tells_how_old_the_totals_are() {
    let now = Instant::now();
    let mut state = full(now);
    let later = now + Duration::from_mins(10);
    state.take(update(later, Range::All, Ok(None)));
    assert_shows(
        &frame(&state, later, 100, 30),
        &["data 0.0s old ● live", "up 1d 4h"],
    );
}

#[test]
fn the_first_scan_shows_how_far_it_is() {
    let now = Instant::now();
    let mut state = State::new("http://x", Range::All);
    let body = r#"{"title":"First scan","detail":"reading the logs",
        "progress":{"files_done":5,"files_total":20,"bytes_done":1048576,"bytes_total":4194304}}"#;
    state.take(update(now, Range::All, Err(not_ready(body))));
    let frame = frame(&state, now, 80, 20);
    assert_shows(
        &frame,
        &[
            "reading the logs",
            "5 of 20 files, 1.00 MiB of 4.00 MiB",
            "25%",
        ],
    );
}

#[test]
fn without_logs_the_places_looked_in_and_the_way_on_are_shown() {
    let now = Instant::now();
    let mut state = State::new("http://x", Range::All);
    let body = r#"{"title":"No logs found","looked_in":["/home/dev/.claude/projects"],
        "hint":"start with --demo"}"#;
    state.take(update(now, Range::All, Err(not_ready(body))));
    let frame = frame(&state, now, 80, 20);
    assert_shows(
        &frame,
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
    assert!(!frame(&full(now), now, 120, 40).contains('\u{1b}'));
}

#[test]
fn a_range_key_asks_for_it_and_answers_for_another_range_are_passed_over() {
    let now = Instant::now();
    let mut state = full(now);
    assert_eq!(press(&mut state, KeyCode::Char('w')), Reaction::Fetch);
    assert_shows(
        &frame(&state, now, 100, 30),
        &["[week]", "As logged, all time", "loading"],
    );
    let mut late: Stats = parse(STATS);
    late.totals.usage.cost_usd = 99.0;
    state.take(update(now, Range::All, Ok(Some(late))));
    assert_shows(&frame(&state, now, 100, 30), &["$1,234.50", "loading"]);
    state.take(update(now, Range::Week, Ok(Some(parse(STATS)))));
    assert_shows(
        &frame(&state, now, 100, 30),
        &["As logged, 7 days", "● live"],
    );
}

#[test]
fn scrolling_ends_at_the_last_row_and_turns_at_once() {
    let mut state = full(Instant::now());
    for _ in 0..10 {
        press(&mut state, KeyCode::Down);
    }
    assert_eq!(state.offset(Panel::Models, 1), 1);
    press(&mut state, KeyCode::Up);
    assert_eq!(state.offset(Panel::Models, 1), 0);
    press(&mut state, KeyCode::End);
    assert_eq!(state.offset(Panel::Models, 1), 1);
    assert_eq!(state.offset(Panel::Models, 5), 0);
}

#[test]
fn tab_goes_round_the_lists() {
    let mut state = full(Instant::now());
    for expected in [Panel::Projects, Panel::Days, Panel::Caches, Panel::Models] {
        press(&mut state, KeyCode::Tab);
        assert_eq!(state.focus, expected);
    }
    press(&mut state, KeyCode::Left);
    assert_eq!(state.focus, Panel::Caches);
}

#[test]
fn escape_closes_the_help_before_it_quits() {
    let now = Instant::now();
    let mut state = full(now);
    press(&mut state, KeyCode::Char('?'));
    assert_shows(&frame(&state, now, 60, 20), &["Keys", "q, Esc"]);
    assert_eq!(press(&mut state, KeyCode::Esc), Reaction::Draw);
    assert_eq!(press(&mut state, KeyCode::Esc), Reaction::Quit);
}
