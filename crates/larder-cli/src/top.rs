//! `larder top`: what the caches of a running daemon do and save, in the terminal.
//!
//! It must not block on the network while it draws: a thread asks the daemon,
//! another reads the keys, and the loop in [`terminal`] draws what it has.

mod fetch;
mod json;
mod known;
mod list;
mod press;
mod reading;
mod screen;
mod state;
mod table;
mod tabs;
mod terminal;
mod theme;
mod trail;

use std::io::{IsTerminal as _, Write as _};
use std::time::Instant;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget as _;

use crate::args::{self, Tab};
use crate::client::{Client, Target};
use crate::config::Environment;
use crate::exit::Usage;

use fetch::Fetcher;
use screen::Screen;
use state::State;
use theme::Theme;

/// The size of a frame that no terminal sets the size of, and the width that it may grow to so that
/// nothing is cut.
const PLAIN_SIZE: (u16, u16) = (120, 40);
const PLAIN_WIDTH_MAX: u16 = 400;

/// Shows the view until the user quits; with `--once` or `--json` prints what it would show.
pub(crate) fn run(args: &args::Top, environment: &Environment) -> anyhow::Result<()> {
    let client = Client::new(Target::find(&args.server, environment)?);
    let tab = args.tab.unwrap_or(Tab::Overview);
    let state = State::new(client.url(), tab, args.window, args.range);
    let fetcher = Fetcher::new(client);
    if args.json {
        let document = json::document(&fetched(state, fetcher)?);
        return Ok(writeln!(std::io::stdout().lock(), "{document:#}")?);
    }
    if args.once {
        let state = fetched(state, fetcher)?;
        let all_caches = args.tab.is_none();
        let frame = match terminal_width() {
            Some(width) => plain_frame(&state, width, all_caches),
            None => whole_frame(&state, all_caches),
        };
        return Ok(std::io::stdout().lock().write_all(frame.as_bytes())?);
    }
    if !std::io::stdout().is_terminal() {
        let text = "the output is no terminal: `larder top --once` prints one frame as text, --json the figures";
        return Err(Usage(text.to_owned()).into());
    }
    let colours = environment.get("NO_COLOR").is_none();
    terminal::run(state, fetcher, args.interval, Theme::new(colours))
}

/// The state after one look, if that told what the tab shows.
fn fetched(mut state: State, mut fetcher: Fetcher) -> anyhow::Result<State> {
    state.take(fetcher.fetch(&state.wanted(true), Instant::now()));
    match state.take_error() {
        Some(error) => Err(error.into()),
        None => Ok(state),
    }
}

fn terminal_width() -> Option<u16> {
    let (columns, _) = ratatui::crossterm::terminal::size().ok()?;
    let is_terminal = std::io::stdout().is_terminal();
    is_terminal.then(|| columns.clamp(40, 200))
}

/// As wide as it takes to cut no name, or as few as can be.
fn whole_frame(state: &State, all_caches: bool) -> String {
    let widths = (PLAIN_SIZE.0..=PLAIN_WIDTH_MAX).step_by(40);
    let frames = widths.map(|width| plain_frame(state, width, all_caches));
    let cuts = |frame: &String| frame.matches('…').count();
    frames.min_by_key(cuts).unwrap_or_default()
}

/// The screen as lines of text without any control sequence; if all caches are wanted, as high as they
/// need.
fn plain_frame(state: &State, width: u16, all_caches: bool) -> String {
    let screen = Screen {
        state,
        now: Instant::now(),
        theme: Theme::new(false),
        interactive: false,
    };
    let height = if all_caches {
        // Header, two lines of what went wrong, footer.
        tabs::overview_height(&screen, width).saturating_add(4)
    } else {
        PLAIN_SIZE.1
    };
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    screen.render(buffer.area, &mut buffer);
    text(&buffer).trim_end().to_owned() + "\n"
}

/// A buffer's rows without the blanks at their ends.
fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width).max(1);
    let rows: Vec<_> = buffer.content().chunks(width).map(row_text).collect();
    rows.join("\n")
}

/// The cells that a wide character covers are not blanks.
fn row_text(cells: &[Cell]) -> String {
    let mut row = String::new();
    let mut column = 0;
    while let Some(cell) = cells.get(column) {
        row.push_str(cell.symbol());
        column += Span::raw(cell.symbol()).width().max(1);
    }
    row.truncate(row.trim_end().len());
    row
}

#[cfg(test)]
mod tests;
