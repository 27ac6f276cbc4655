//! The loop of the interactive view, and the threads that feed it.
//!
//! It must leave the terminal as it found it, however it ends.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use ratatui::layout::{Position, Rect, Size};

use super::fetch::{Fetcher, Update, Wanted};
use super::screen::Screen;
use super::state::{Reaction, State};
use super::theme::Theme;

/// What may wait to be handled; a full queue makes the threads wait.
const QUEUE_MAX: usize = 64;
/// How often ages on the screen move on.
const TICK: Duration = Duration::from_secs(1);

enum Message {
    Key(KeyEvent),
    Resized,
    Fetched(Box<Update>),
    Stop,
    /// A thread panicked.
    Broken,
}

/// Tells the loop when the thread that holds it panics.
struct Watched(SyncSender<Message>);

impl Drop for Watched {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.send(Message::Broken);
        }
    }
}

/// Shows the view until the user quits or the process is told to end.
pub(super) fn run(
    state: State,
    fetcher: Fetcher,
    interval: Duration,
    theme: Theme,
) -> anyhow::Result<()> {
    let (sender, messages) = mpsc::sync_channel(QUEUE_MAX);
    let (wishes, asked) = mpsc::sync_channel(QUEUE_MAX);
    watch_signals(sender.clone())?;
    let wanted = state.wanted(true);
    let updates = Watched(sender.clone());
    spawn("fetch", move || {
        fetcher.run(wanted, interval, &asked, |update| {
            updates.0.send(Message::Fetched(Box::new(update))).is_ok()
        });
    })?;
    // Restores the terminal on a panic too.
    let mut terminal = ratatui::try_init().context("cannot set the terminal up")?;
    let keys = Watched(sender);
    let ended = spawn("keys", move || read_events(&keys.0)).and_then(|()| {
        View {
            state,
            theme,
            wishes,
        }
        .show(&mut terminal, &messages)
    });
    ratatui::restore();
    ended
}

struct View {
    state: State,
    theme: Theme,
    wishes: SyncSender<Wanted>,
}

impl View {
    fn show(
        &mut self,
        terminal: &mut DefaultTerminal,
        messages: &Receiver<Message>,
    ) -> anyhow::Result<()> {
        loop {
            terminal.draw(|frame| frame.render_widget(self.screen(), frame.area()))?;
            match messages.recv_timeout(TICK) {
                Ok(Message::Key(key)) => {
                    if self.press(key, terminal.size()?) == Reaction::Quit {
                        return Ok(());
                    }
                }
                Ok(Message::Fetched(update)) => self.state.take(*update),
                Ok(Message::Resized) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(Message::Broken) => bail!("a thread of the view panicked"),
            }
        }
    }

    fn press(&mut self, key: KeyEvent, size: Size) -> Reaction {
        self.state.body = self
            .screen()
            .frame(Rect::from((Position::ORIGIN, size)))
            .body;
        let reaction = self.state.press(key);
        if let Reaction::Fetch { all } = reaction {
            // A full queue means that the thread has newer wishes waiting.
            let _ = self.wishes.try_send(self.state.wanted(all));
        }
        reaction
    }

    fn screen(&self) -> Screen<'_> {
        Screen {
            state: &self.state,
            now: Instant::now(),
            theme: self.theme,
            interactive: true,
        }
    }
}

fn read_events(sender: &SyncSender<Message>) {
    loop {
        let message = match event::read() {
            Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => Message::Key(key),
            Ok(Event::Resize(..)) => Message::Resized,
            Ok(_) => continue,
            Err(_) => Message::Stop,
        };
        let is_last = matches!(message, Message::Stop);
        if sender.send(message).is_err() || is_last {
            return;
        }
    }
}

fn watch_signals(sender: SyncSender<Message>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot watch for signals")?;
    spawn("signals", move || {
        if runtime.block_on(told_to_end()).is_ok() {
            let _ = sender.send(Message::Stop);
        }
    })
}

#[cfg(unix)]
async fn told_to_end() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn told_to_end() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    let thread = thread::Builder::new().name(format!("top-{name}"));
    thread
        .spawn(work)
        .with_context(|| format!("cannot start the {name} thread"))?;
    Ok(())
}
