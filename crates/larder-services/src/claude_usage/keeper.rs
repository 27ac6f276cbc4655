//! Between the counter and its state file: what to restore, what to save, when to write anew.
//!
//! It knows both, and neither reads a log nor decides what counts.

use std::io;
use std::path::PathBuf;

use super::codec::{Decoder, Encoder, Item, Kind, RECORD_BYTES};
use super::collector::Error;
use super::counter::Counter;
use super::files::Place;
use super::record::Record;
use super::state::{Frames, Store};

/// A state file that is smaller is not written anew for its size.
const REWRITE_BYTES_MIN: u64 = 1 << 20;
/// About what a file takes in the state.
const FILE_BYTES: u64 = 300;

/// Where the counts are kept.
#[derive(Debug)]
pub(super) struct Keeper {
    path: Option<PathBuf>,
    /// None while the file cannot be opened.
    store: Option<Store>,
    /// Why it could not be opened at first.
    failure: Option<Error>,
    /// What the file has.
    saved: Saved,
}

/// How many of each numbered kind the state file has, which are the counter's first ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Saved {
    models: usize,
    sessions: usize,
    projects: usize,
    files: usize,
}

impl Keeper {
    /// Restores what the file at `path` has. Without a path, nothing is kept.
    pub(super) fn open(path: Option<PathBuf>, counter: &mut Counter) -> Result<Self, Error> {
        let mut keeper = Self {
            path,
            store: None,
            failure: None,
            saved: Saved::default(),
        };
        match keeper.attach(counter) {
            Err(error @ Error::State { .. }) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the usage totals are not kept between runs until this is mended"
                );
                keeper.failure = Some(error);
            }
            other => other?,
        }
        Ok(keeper)
    }

    /// Why the state file could not be opened when this was made, and has not been since.
    pub(super) fn not_kept(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Opens the state file if it is not open.
    fn attach(&mut self, counter: &mut Counter) -> Result<(), Error> {
        let (None, Some(path)) = (&self.store, &self.path) else {
            return Ok(());
        };
        let fresh = counter.states.is_empty();
        let mut restoring = Restoring::new(counter);
        let store = Store::open(path, &mut |items| restoring.apply(items))?;
        self.saved = restoring.restored();
        self.store = Some(store);
        self.failure = None;
        if fresh {
            counter.ledger.mark_saved();
        } else {
            // The counter has numbers of its own, which the file does not share.
            self.saved = Saved::default();
        }
        Ok(())
    }

    fn detach_if_displaced(&mut self) {
        if self.store.as_ref().is_some_and(Store::is_displaced) {
            tracing::warn!(
                state = self.path.as_deref().map(|path| path.display().to_string()),
                "the usage state was removed or replaced while it was in use; it is written anew"
            );
            self.store = None;
        }
    }

    /// Writes what the state file lacks; all of it, if another file stands in its place.
    pub(super) fn save(&mut self, counter: &mut Counter) -> Result<(), Error> {
        self.detach_if_displaced();
        self.attach(counter)?;
        let Some(store) = &mut self.store else {
            return Ok(());
        };
        let now = Saved::of(counter);
        let nothing_new =
            now == self.saved && counter.unsaved.is_empty() && counter.ledger.unsaved().len() == 0;
        if nothing_new && counter.ledger.unsaved_copies().len() == 0 {
            return Ok(());
        }
        let is_renumbered = self.saved == Saved::default();
        if is_renumbered || !store.is_written() || store.length() > 2 * expected_bytes(counter) {
            counter.ledger.soil_all();
            counter.unsaved = (0..counter.states.len() as u32).collect();
            store.rewrite(|frames| encode(counter, Saved::default(), frames))?;
        } else {
            store.append(|frames| encode(counter, self.saved, frames))?;
        }
        counter.ledger.mark_saved();
        counter.unsaved.clear();
        self.saved = now;
        Ok(())
    }
}

fn expected_bytes(counter: &Counter) -> u64 {
    let live =
        counter.ledger.len() as u64 * RECORD_BYTES + counter.states.len() as u64 * FILE_BYTES;
    live.max(REWRITE_BYTES_MIN)
}

impl Saved {
    fn of(counter: &Counter) -> Self {
        let ledger = &counter.ledger;
        Self {
            models: ledger.models.len(),
            sessions: ledger.sessions.len(),
            projects: ledger.projects.len(),
            files: ledger.sources().len(),
        }
    }
}

/// Writes names and files from `saved` on, and all that is unsaved.
fn encode(counter: &Counter, saved: Saved, frames: &mut Frames<'_>) -> io::Result<()> {
    let ledger = &counter.ledger;
    let names = [
        (Kind::Model, ledger.models.since(saved.models)),
        (Kind::Session, ledger.sessions.since(saved.sessions)),
        (Kind::Project, ledger.projects.since(saved.projects)),
    ];
    for (kind, names) in names {
        for name in names {
            Encoder(frames.items()?).name(kind, name);
        }
    }
    for source in &ledger.sources()[saved.files..] {
        Encoder(frames.items()?).file(&source.path, source.project);
    }
    for record in ledger.unsaved() {
        Encoder(frames.items()?).record(record);
    }
    for (record, file) in ledger.unsaved_copies() {
        Encoder(frames.items()?).copy(record, file);
    }
    for file in &counter.unsaved {
        let state = &counter.states[*file as usize];
        Encoder(frames.items()?).file_state(*file, state);
        if let Some(place) = state.place {
            Encoder(frames.items()?).place(*file, place);
        }
    }
    if let Some(at) = counter.updated_at {
        Encoder(frames.items()?).updated_at(at.as_millisecond());
    }
    Ok(())
}

/// Takes a state file's items into a counter, whatever numbers the counter gives them.
struct Restoring<'a> {
    counter: &'a mut Counter,
    /// How many files the counter knew before.
    known: u32,
    models: Vec<u32>,
    sessions: Vec<u32>,
    projects: Vec<u32>,
    files: Vec<u32>,
}

impl<'a> Restoring<'a> {
    fn new(counter: &'a mut Counter) -> Self {
        Self {
            known: counter.states.len() as u32,
            counter,
            models: Vec::new(),
            sessions: Vec::new(),
            projects: Vec::new(),
            files: Vec::new(),
        }
    }

    fn restored(&self) -> Saved {
        Saved {
            models: self.models.len(),
            sessions: self.sessions.len(),
            projects: self.projects.len(),
            files: self.files.len(),
        }
    }

    fn apply(&mut self, items: &[u8]) {
        self.counter
            .ledger
            .reserve(items.len() / RECORD_BYTES as usize);
        for item in Decoder(items) {
            // An item that names what the file does not have is left out: its file is read again.
            self.apply_item(item);
        }
    }

    fn apply_item(&mut self, item: Item<'_>) -> Option<()> {
        let ledger = &mut self.counter.ledger;
        match item {
            Item::Name(Kind::Model, name) => self.models.push(ledger.models.id(name)),
            Item::Name(Kind::Session, name) => self.sessions.push(ledger.sessions.id(name)),
            Item::Name(Kind::Project, name) => self.projects.push(ledger.projects.id(name)),
            Item::File { path, project } => {
                let project = *self.projects.get(project as usize)?;
                self.files.push(self.counter.file(&path, Some(project)));
            }
            Item::Record(record) => {
                let record = self.renumbered(record)?;
                self.counter.ledger.absorb(record);
            }
            Item::Copy { key, request, file } => {
                let file = *self.files.get(file as usize)?;
                ledger.absorb_copy(key, request, file);
            }
            Item::FileState { file, state } => {
                let file = *self.files.get(file as usize)?;
                if file < self.known {
                    self.counter.read_again(file, &state);
                } else {
                    self.counter.restore(file, state);
                }
            }
            Item::Place { file, place } => {
                let file = *self.files.get(file as usize)?;
                let of = *self.files.get(place.file as usize)?;
                if file >= self.known {
                    self.counter.states[file as usize].place = Some(Place { file: of, ..place });
                }
            }
            Item::UpdatedAt(at_ms) => self.counter.updated_at = super::books::moment(at_ms),
        }
        Some(())
    }

    fn renumbered(&self, record: Record) -> Option<Record> {
        Some(Record {
            model: *self.models.get(record.model as usize)?,
            session: *self.sessions.get(record.session as usize)?,
            file: *self.files.get(record.file as usize)?,
            ..record
        })
    }
}
