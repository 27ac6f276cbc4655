//! What keys do.

use super::*;
use crate::top::tabs;

fn names(state: &State) -> Vec<String> {
    let shown = tabs::caches::shown(state).into_iter();
    shown.map(|cache| cache.info.name).collect()
}

#[test]
fn digits_and_tab_choose_tabs_and_ask_for_what_they_show() {
    let mut state = full(Tab::Overview, Instant::now());
    assert_eq!(
        press(&mut state, KeyCode::Char('4')),
        Reaction::Fetch { all: false }
    );
    assert_eq!(state.tab, Tab::Advice);
    press(&mut state, KeyCode::Tab);
    assert_eq!(state.tab, Tab::Backends);
    press(&mut state, KeyCode::BackTab);
    assert_eq!(state.wanted(false).tab, Tab::Advice);
}

#[test]
fn caches_are_sorted_by_the_next_column_and_turned() {
    let mut state = full(Tab::Caches, Instant::now());
    assert_eq!(names(&state), ["prices", "unused"]);
    press(&mut state, KeyCode::Char('s'));
    press(&mut state, KeyCode::Char('S'));
    assert_eq!(names(&state), ["unused", "prices"]);
    let now = Instant::now();
    assert_shows(&frame(&state, now, 80, 24), &["cache▴"]);
    press(&mut state, KeyCode::Char('S'));
    press(&mut state, KeyCode::Char('s'));
    assert_shows(&frame(&state, now, 80, 24), &["hits▾"]);
    assert_eq!(names(&state), ["prices", "unused"]);
}

#[test]
fn a_filter_is_typed_kept_and_dropped_and_its_letters_are_no_commands() {
    let now = Instant::now();
    let mut state = full(Tab::Caches, now);
    type_in(&mut state, "/q");
    assert!(names(&state).is_empty());
    assert_shows(
        &frame(&state, now, 80, 24),
        &["filter: q", "0 of 2 caches: q"],
    );
    press(&mut state, KeyCode::Backspace);
    type_in(&mut state, "UNU");
    press(&mut state, KeyCode::Enter);
    assert_eq!(names(&state), ["unused"]);
    assert_eq!(press(&mut state, KeyCode::Esc), Reaction::Draw);
    assert_eq!(names(&state), ["prices", "unused"]);
    assert_eq!(press(&mut state, KeyCode::Esc), Reaction::Quit);
}

#[test]
fn the_window_key_asks_for_the_next_window_and_late_answers_are_passed_over() {
    let now = Instant::now();
    let mut state = full(Tab::Overview, now);
    let late = update(&state, now);
    assert_eq!(
        press(&mut state, KeyCode::Char('w')),
        Reaction::Fetch { all: true }
    );
    assert_eq!(state.window, Window::Hour);
    state.take(late);
    assert_shows(
        &frame(&state, now, 80, 24),
        &["since start ● live", "97.3%"],
    );
    state.take(update(&state, now));
    assert_shows(&frame(&state, now, 80, 24), &["last 60m ● live", "90.0%"]);
}

#[test]
fn while_it_is_paused_nothing_is_asked_by_itself() {
    let now = Instant::now();
    let mut state = full(Tab::Overview, now);
    assert_eq!(
        press(&mut state, KeyCode::Char('p')),
        Reaction::Fetch { all: false }
    );
    let wanted = state.wanted(false);
    assert!(wanted.is_paused && wanted.only_tab);
    let later = now + std::time::Duration::from_mins(1);
    assert_shows(&frame(&state, later, 80, 24), &["1m 0s old ‖ paused"]);
    assert_eq!(
        press(&mut state, KeyCode::Char('r')),
        Reaction::Fetch { all: true }
    );
    assert_eq!(
        press(&mut state, KeyCode::Char('p')),
        Reaction::Fetch { all: true }
    );
    assert!(!state.wanted(true).is_paused);
}

#[test]
fn the_chosen_key_is_explained_once_and_escape_closes_that() {
    let now = Instant::now();
    let mut state = full(Tab::Keys, now);
    press(&mut state, KeyCode::Down);
    assert_eq!(
        press(&mut state, KeyCode::Char('e')),
        Reaction::Fetch { all: false }
    );
    let wanted = state.wanted(false);
    assert_eq!(
        wanted.explain,
        Some(("prices".to_owned(), "evil\u{1b}[2J日本".to_owned()))
    );
    let mut answer = Update::new(wanted, now);
    answer.explained = Asked::New(parse(r#"{"text":"7: in Memory, version 1"}"#));
    state.take(answer);
    let shown = frame(&state, now, 80, 24);
    assert_shows(&shown, &["7: in Memory, version 1", "Esc closes"]);
    assert!(!shown.contains('\u{1b}'));
    assert_eq!(state.wanted(false).explain, None);
    assert_eq!(press(&mut state, KeyCode::Esc), Reaction::Draw);
    assert!(!frame(&state, now, 80, 24).contains("Esc closes"));
}

#[test]
fn keys_of_another_cache_are_asked_for_and_never_shown_under_its_name_before() {
    let now = Instant::now();
    let mut state = full(Tab::Keys, now);
    let late = update(&state, now);
    press(&mut state, KeyCode::Char('c'));
    assert_eq!(state.wanted(false).cache.as_deref(), Some("unused"));
    state.take(late);
    let mut answer = Update::new(state.wanted(false), now);
    answer.keys_of = Some("unused".to_owned());
    state.take(answer);
    let shown = frame(&state, now, 80, 24);
    assert_shows(&shown, &["Keys of unused", "Asking"]);
    assert!(!shown.contains("user:7"), "{shown}");
}

#[test]
fn escape_closes_the_help_before_it_quits() {
    let now = Instant::now();
    let mut state = full(Tab::Overview, now);
    press(&mut state, KeyCode::Char('?'));
    assert_shows(
        &frame(&state, now, 60, 20),
        &["Keys", "q, Esc", "explain the chosen key"],
    );
    assert_eq!(press(&mut state, KeyCode::Esc), Reaction::Draw);
    assert_eq!(press(&mut state, KeyCode::Esc), Reaction::Quit);
}
