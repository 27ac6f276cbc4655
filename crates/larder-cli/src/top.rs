//! `larder top`: usage and caches of a running daemon, in the terminal.
//!
//! It must not block on the network while it draws: a thread asks the daemon,
//! another reads the keys, and the loop in [`terminal`] draws what it has.

mod fetch;
mod hour;
mod layout;
mod panels;
mod screen;
mod state;
mod terminal;
mod theme;

use std::io::{IsTerminal as _, Write as _};
use std::time::Instant;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget as _;

use crate::args;
use crate::client::{Client, Target};
use crate::config::Environment;
use crate::exit::Usage;

use fetch::Fetcher;
use screen::Screen;
use state::State;
use theme::Theme;

/// The size of a frame that no terminal sets the size of.
const PLAIN_SIZE: (u16, u16) = (100, 40);

/// Shows the view until the user quits; with `--once` prints one frame.
pub(crate) fn run(args: &args::Top, environment: &Environment) -> anyhow::Result<()> {
    let client = Client::new(Target::find(&args.server, environment)?);
    let state = State::new(client.url(), args.range);
    let fetcher = Fetcher::new(client);
    if args.once {
        return once(state, fetcher);
    }
    if !std::io::stdout().is_terminal() {
        let text = "the output is no terminal: `larder top --once` prints one frame as text";
        return Err(Usage(text.to_owned()).into());
    }
    let colours = environment.get("NO_COLOR").is_none();
    terminal::run(state, fetcher, args.interval, Theme::new(colours))
}

fn once(mut state: State, mut fetcher: Fetcher) -> anyhow::Result<()> {
    state.take(fetcher.fetch(state.range, Instant::now()));
    if let Some(error) = state.stats.error.take() {
        return Err(error.into());
    }
    let width = match ratatui::crossterm::terminal::size() {
        Ok((columns, _)) if std::io::stdout().is_terminal() => columns.clamp(60, 200),
        _ => PLAIN_SIZE.0,
    };
    let frame = plain_frame(&state, Rect::new(0, 0, width, PLAIN_SIZE.1));
    Ok(std::io::stdout().lock().write_all(frame.as_bytes())?)
}

/// The screen as lines of text without any control sequence.
fn plain_frame(state: &State, area: Rect) -> String {
    let mut buffer = Buffer::empty(area);
    let screen = Screen {
        state,
        now: Instant::now(),
        theme: Theme::new(false),
        interactive: false,
    };
    screen.render(area, &mut buffer);
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
