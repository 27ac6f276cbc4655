//! Events as they come, applied in order: what is a duplicate, what is missing, what waits.
//!
//! It knows no sockets and never waits: whoever drives it gives it datagrams, and calls it again when
//! something is due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use larder::{Clock, Tick};
use serde_json::{Value as Json, json};

use super::als::Set;
use super::apply::{apply, parameter, state_changed};
use super::diff::{Diff, diff};
use super::events::debounce::{Debounce, Waiting};
use super::events::osc::{self, Argument, Message};
use super::events::sequence::{Arrival, Sequence};
use super::events::{Event, EventError, event, label, numbered};
use super::figures::Figures;
use super::shared::{Open, Shared, State, Tell};
use super::tree::{Kind, Tree, Value};

/// Of a parameter that moves, this long's last value counts.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// With more events missing than this the tree is no longer trusted.
const MISSING_MAX: u32 = 5;
/// Two reloads for missing events are at least this far apart.
const RELOAD_PACE: Duration = Duration::from_secs(1);

/// The events of one sender, and the tree that they are applied to.
pub(crate) struct Session {
    shared: Arc<Shared>,
    figures: Figures,
    clock: Clock,
    sequence: Sequence,
    debounce: Debounce,
    reload_due: Option<Tick>,
    reloaded: Option<Tick>,
}

/// What became of an event.
enum Outcome {
    Processed,
    NoSet,
    Unknown,
    Failed(String),
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, clock: Clock) -> Self {
        Self {
            figures: shared.figures.clone(),
            shared,
            clock,
            sequence: Sequence::default(),
            debounce: Debounce::new(DEBOUNCE),
            reload_due: None,
            reloaded: None,
        }
    }

    /// Takes in a datagram.
    pub(crate) fn datagram(&mut self, bytes: &[u8]) {
        if let Err(error) = osc::read(bytes, |message| self.message(&message)) {
            self.figures.malformed.increment();
            tracing::debug!(%error, "a datagram is malformed");
        }
    }

    fn message(&mut self, message: &Message<'_>) {
        let begun = Instant::now();
        let numbered = match numbered(message) {
            Ok(numbered) => numbered,
            Err(error) => {
                self.figures.received.increment();
                self.figures
                    .by_type("events.received.by_type", message.path);
                return self.failed(message.path, &error.to_string());
            }
        };
        let label = label(numbered.path);
        self.figures.received.increment();
        self.figures.by_type("events.received.by_type", label);
        if let Some(number) = numbered.number
            && !self.is_next(number)
        {
            return;
        }
        let outcome = match event(numbered.path, numbered.arguments) {
            Ok(event) => self.event(event, numbered.path, numbered.arguments, numbered.number),
            Err(EventError::Unknown) => Outcome::Unknown,
            Err(error) => Outcome::Failed(error.to_string()),
        };
        match outcome {
            Outcome::Processed => {
                self.figures.processed.increment();
                self.figures.by_type("events.processed.by_type", label);
                self.figures.processed_in(label, begun.elapsed());
            }
            Outcome::NoSet => self.figures.ignored_no_ast.increment(),
            Outcome::Unknown => self.figures.unhandled.increment(),
            Outcome::Failed(why) => self.failed(label, &why),
        }
    }

    fn failed(&self, label: &str, why: &str) {
        self.figures.errors.increment();
        self.figures
            .by_type("errors.event_processing.by_type", label);
        tracing::debug!(event = label, why, "an event was not processed");
    }

    /// Whether the event of this number is to be applied.
    fn is_next(&mut self, number: i32) -> bool {
        match self.sequence.arrive(number) {
            Arrival::InOrder => {}
            Arrival::After { missing } => {
                self.figures.lost.add(missing.into());
                if missing > MISSING_MAX {
                    self.want_reload();
                }
            }
            Arrival::Restarted => {
                self.figures.restarts.increment();
                self.want_reload();
            }
            Arrival::Duplicate => {
                self.figures.duplicate.increment();
                return false;
            }
            Arrival::Late => {
                self.figures.late.increment();
                return false;
            }
        }
        true
    }

    fn want_reload(&mut self) {
        let now = self.clock.now();
        let paced = self.reloaded.map_or(now, |last| last.after(RELOAD_PACE));
        self.reload_due.get_or_insert(paced.max(now));
    }

    fn event(
        &mut self,
        event: Event,
        path: &str,
        arguments: &[Argument<'_>],
        number: Option<i32>,
    ) -> Outcome {
        if let Event::Parameter(at, value) = event {
            return self.move_parameter(at, value, number);
        }
        if is_structural(&event) {
            // What waits was said of the tracks and devices as they are still.
            self.settle(None);
        }
        self.change(
            |open| match event {
                Event::Playing(now) => {
                    let before = open.playing.replace(now);
                    Ok(state("transport.playing", json!(before), json!(now)))
                }
                Event::Position(now) => {
                    let before = open.position.replace(now);
                    Ok(state("transport.position", json!(before), json!(now)))
                }
                Event::Cursor => {
                    let place = path.trim_start_matches("/live/").replace('/', ".");
                    let now = arguments.iter().map(argument).collect();
                    Ok(state(&place, Json::Null, now))
                }
                event => apply(&mut open.tree, event).map_err(|misfit| misfit.to_string()),
            },
            number,
        )
    }

    fn move_parameter(&mut self, at: [usize; 3], value: Value, number: Option<i32>) -> Outcome {
        let is_there = self.shared.read(|state| {
            let open = state.open.as_ref()?;
            Some(parameter(&open.tree, at).map(|_| ()))
        });
        match is_there {
            None => return Outcome::NoSet,
            Some(Err(misfit)) => return Outcome::Failed(misfit.to_string()),
            Some(Ok(())) => {}
        }
        match self.debounce.hold(at, value, number, self.clock.now()) {
            None => Outcome::Processed,
            Some(waiting) => self.set_parameter(waiting),
        }
    }

    fn set_parameter(&self, waiting: Waiting) -> Outcome {
        let Waiting {
            parameter,
            value,
            seq_num,
            ..
        } = waiting;
        let event = Event::Parameter(parameter, value);
        self.change(
            |open| apply(&mut open.tree, event).map_err(|misfit| misfit.to_string()),
            seq_num,
        )
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Open) -> Result<Diff, String>,
        number: Option<i32>,
    ) -> Outcome {
        self.shared.write(|state, tell| {
            let Some(open) = &mut state.open else {
                return Outcome::NoSet;
            };
            match change(open) {
                Ok(mut diff) => {
                    for change in &mut diff.changes {
                        change.seq_num = number;
                    }
                    tell.diff(&diff);
                    Outcome::Processed
                }
                Err(why) => Outcome::Failed(why),
            }
        })
    }

    /// Applies the values that have waited long enough; with `None` all that wait.
    fn settle(&mut self, now: Option<Tick>) {
        let settled = match now {
            Some(now) => self.debounce.take_due(now),
            None => self.debounce.take_all(),
        };
        for waiting in settled {
            if let Outcome::Failed(why) = self.set_parameter(waiting) {
                self.failed("/live/device/param", &why);
            }
        }
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self) {
        self.settle(Some(self.clock.now()));
    }

    /// When to tick next, or to reload.
    pub(crate) fn due(&self) -> Option<Tick> {
        [self.debounce.due(), self.reload_due]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether the file is to be read again now, because too much is missing. Says so once.
    pub(crate) fn takes_reload(&mut self) -> bool {
        let now = self.clock.now();
        let is_due = self.reload_due.is_some_and(|due| due <= now);
        if is_due {
            (self.reload_due, self.reloaded) = (None, Some(now));
        }
        is_due
    }

    /// Puts a set in the place of the one that was open, and tells everyone: the changes if it is the
    /// same file, else the whole.
    pub(crate) fn opened(&mut self, set: Set, path: Option<std::path::PathBuf>, took: Duration) {
        self.debounce.clear();
        self.figures.loads.increment();
        self.figures.load_duration.record(took);
        self.shared.write(|state, tell| {
            let mut open = Open::new(set, path, took);
            replace(state, &mut open, tell);
            state.load_error = None;
            state.open = Some(open);
        });
    }

    /// Keeps what is open, and says why the file that it follows was not loaded.
    pub(crate) fn not_followed(&self, why: &str) {
        self.shared
            .write(|state, _| state.load_error = Some(why.to_owned()));
    }
}

fn replace(state: &State, open: &mut Open, tell: &Tell<'_>) {
    match &state.open {
        Some(before) if before.path == open.path => {
            (open.playing, open.position) = (before.playing, before.position);
            keep_playing(&before.tree, &mut open.tree);
            tell.diff(&diff(&before.tree, &open.tree));
        }
        _ => tell.whole(),
    }
}

/// What plays goes on playing when the file is read again: no file says what does.
fn keep_playing(before: &Tree, now: &mut Tree) {
    let mut playing = Vec::new();
    before.root().walk(&mut |node, _| {
        if node.kind() == Kind::ClipSlot
            && let Some(status @ Value::Int(1..)) = node.attributes().get("playing_status")
        {
            playing.push((node.id().to_owned(), status.clone()));
        }
    });
    for (id, status) in playing {
        if let Some((_, path)) = now.find(&id) {
            now.set(&path, "playing_status", status);
        }
    }
}

fn state(path: &str, before: Json, now: Json) -> Diff {
    let changes = if before == now && !now.is_null() {
        Vec::new()
    } else {
        vec![state_changed(path.to_owned(), before, now)]
    };
    Diff {
        modified: changes.len(),
        changes,
        ..Diff::default()
    }
}

fn argument(argument: &Argument<'_>) -> Json {
    match argument {
        Argument::Int(number) => json!(number),
        Argument::Float(number) => json!(number),
        Argument::Text(text) => json!(text),
        Argument::Bool(flag) => json!(flag),
    }
}

const fn is_structural(event: &Event) -> bool {
    matches!(
        event,
        Event::TrackAdded(..)
            | Event::TrackDeleted(..)
            | Event::DeviceAdded(..)
            | Event::DeviceDeleted(..)
    )
}

#[cfg(test)]
mod tests;
