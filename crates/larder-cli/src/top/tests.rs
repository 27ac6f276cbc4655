//! The view's state and frames, without a terminal, a server or a clock.

mod frames;
mod pressing;
mod sums;
mod usage;

use std::time::Instant;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;
use ratatui::widgets::Widget as _;
use serde::de::DeserializeOwned;

use super::fetch::Update;
use super::known::Asked;
use super::screen::Screen;
use super::state::{Reaction, State};
use super::text;
use super::theme::Theme;
use crate::args::{Range, Tab, Window};
use crate::client::{Error, Problem};

const URL: &str = "http://127.0.0.1:7070";
const STATS: &str = include_str!("../../tests/main/answers/stats.json");
const HISTORY: &str = include_str!("../../tests/main/answers/history.json");
const CACHES: &str = include_str!("../../tests/main/answers/caches.json");
const STATUS: &str = include_str!("tests/status.json");
const WINDOW: &str = include_str!("tests/window.json");
const KEYS: &str = include_str!("tests/keys.json");
const ADVICE: &str = include_str!("tests/advice.json");

fn parse<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("the shape that the daemon has")
}

/// Everything that a daemon tells.
fn update(state: &State, at: Instant) -> Update {
    let mut update = Update::new(state.wanted(true), at);
    update.status = Asked::New(parse(STATUS));
    update.caches = Asked::New(parse(CACHES));
    update.figures = Asked::New(parse(WINDOW));
    update.stats = Asked::New(parse(STATS));
    update.history = Asked::New(parse(HISTORY));
    update.keys_of = Some("prices".to_owned());
    update.keys = Asked::New(parse(KEYS));
    update.advice = Asked::New(parse(ADVICE));
    update
}

/// A look that nobody answered.
fn lost(state: &State, at: Instant) -> Update {
    let mut update = Update::new(state.wanted(true), at);
    update.lost = Some(Error::Unreachable {
        url: URL.to_owned(),
        reason: "Connection refused".to_owned(),
    });
    update
}

fn problem(status: u16, body: &str) -> Box<Problem> {
    Box::new(Problem::parse(status, body))
}

fn empty(tab: Tab) -> State {
    State::new(URL, tab, Window::FiveMinutes, Range::All)
}

fn full(tab: Tab, at: Instant) -> State {
    let mut state = empty(tab);
    state.take(update(&state, at));
    state
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
    state.press(KeyEvent::from(code))
}

fn type_in(state: &mut State, text: &str) {
    for c in text.chars() {
        press(state, KeyCode::Char(c));
    }
}

#[track_caller]
fn assert_shows(frame: &str, parts: &[&str]) {
    for part in parts {
        assert!(frame.contains(part), "{part} in\n{frame}");
    }
}
