//! What is known of files and lines, and how a reading changes it.
//!
//! It plans what to read, gives each line its key and hands it to the ledger. It opens no file.

mod same;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::collector::Refreshed;
use super::files::{FileState, Findings, Scope, Stamp, Step, project_and_session};
use super::ledger::{Ledger, key_of_place};
use super::record::Record;
use super::report::{Report, Scan};
use super::scan::{Batch, Done, Event, Job, Line, MessageId};
use super::tail::Tail;

/// The model of a line that names none.
const NO_MODEL: &str = "unknown";
/// How many warnings a refresh gives.
const WARNINGS_MAX: usize = 20;

/// Files, how far they were read, and what was counted.
#[derive(Debug)]
pub(super) struct Counter {
    pub(super) ledger: Ledger,
    pub(super) states: Vec<FileState>,
    by_path: HashMap<Arc<Path>, u32>,
    /// Long unfinished last lines.
    tails: HashMap<u32, Tail>,
    /// Files whose state is not saved as it is.
    pub(super) unsaved: HashSet<u32>,
    /// The number of the next reading of a file from its start.
    next_reading: u32,
    directories: Arc<[PathBuf]>,
    /// The directories as the paths of found files begin.
    real_directories: Vec<PathBuf>,
    pub(super) found_roots: Vec<PathBuf>,
    /// What could not be read when it was last looked at.
    unreadable: HashSet<PathBuf>,
    pub(super) updated_at: Option<Timestamp>,
    /// What the refresh under way has done.
    pub(super) tally: Refreshed,
    looked_at: HashSet<u32>,
}

impl Counter {
    pub(super) fn new(ledger: Ledger, directories: Arc<[PathBuf]>) -> Self {
        let real_directories = real(&directories);
        Self {
            ledger,
            states: Vec::new(),
            by_path: HashMap::new(),
            tails: HashMap::new(),
            unsaved: HashSet::new(),
            next_reading: 1,
            directories,
            real_directories,
            found_roots: Vec::new(),
            unreadable: HashSet::new(),
            updated_at: None,
            tally: Refreshed::default(),
            looked_at: HashSet::new(),
        }
    }

    /// The number of the file at `path`, which is added if it is new.
    pub(super) fn file(&mut self, path: &Path, project: Option<u32>) -> u32 {
        if let Some(file) = self.by_path.get(path) {
            return *file;
        }
        let project = project.unwrap_or_else(|| {
            let (project, _) = project_and_session(path, &self.real_directories);
            self.ledger.projects.id(&project)
        });
        let path: Arc<Path> = path.into();
        let file = self.ledger.add_source(path.clone(), project, false);
        self.by_path.insert(path, file);
        self.states.push(FileState::default());
        file
    }

    /// Sets what the state knows of a file.
    pub(super) fn restore(&mut self, file: u32, state: FileState) {
        self.states[file as usize] = state;
        self.ledger.set_exists(file, state.exists);
        // Readings are numbered on from the highest ever given.
        self.next_reading = self.next_reading.max(state.reading.saturating_add(1));
    }

    /// A file that was read before the state was found: what both say of it may overlap in ways
    /// that only a new reading tells.
    pub(super) fn read_again(&mut self, file: u32, kept: &FileState) {
        self.next_reading = self.next_reading.max(kept.reading.saturating_add(1));
        self.states[file as usize].stamp = Stamp::default();
        self.unsaved.insert(file);
    }

    pub(super) fn begin(&mut self) {
        self.tally = Refreshed::default();
        self.looked_at.clear();
    }

    /// What has to be read, given what was found.
    pub(super) fn plan(&mut self, findings: &Findings) -> Vec<Job> {
        if let Some(roots) = &findings.found_roots {
            self.found_roots.clone_from(roots);
            self.real_directories = real(&self.directories);
            self.unreadable.clear();
        }
        for (path, error) in &findings.unreadable {
            self.warn(path, error);
        }
        let files = self.number(&findings.files);
        let mut jobs = Vec::new();
        for (file, stamp) in files {
            if self.looked_at.insert(file) {
                jobs.extend(self.job(file, &stamp));
            }
        }
        jobs
    }

    fn job(&mut self, file: u32, now: &Stamp) -> Option<Job> {
        if !self.states[file as usize].exists {
            self.set_exists(file, true);
            // It may have been read under another path meanwhile.
            self.states[file as usize].stamp = Stamp::default();
        }
        let state = self.states[file as usize];
        let step = state.step(now);
        let start = match step {
            Step::Keep => return None,
            Step::ReadOn => state.reached.offset,
            Step::Restart => 0,
        };
        let path = self.ledger.sources()[file as usize].path.clone();
        let bytes = now.length.saturating_sub(start);
        Some(Job {
            file,
            path,
            state,
            step,
            tail: self.tails.get(&file).copied(),
            bytes,
        })
    }

    /// Takes in what reading hands on.
    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Restarted(file) => self.restart(file),
            Event::Lines(batch) => self.count(&batch),
            Event::Done(done) => self.end(done),
        }
    }

    fn restart(&mut self, file: u32) {
        let state = &mut self.states[file as usize];
        self.tally.files_lost += u64::from(state.reached.offset > 0);
        (state.lines, state.skipped, state.reading) = (0, 0, self.next_reading);
        self.next_reading = self.next_reading.saturating_add(1);
    }

    fn count(&mut self, batch: &Batch) {
        let models: Vec<_> = batch.names.iter().map(|_| None).collect();
        let mut ids = Ids {
            models: models.clone(),
            sessions: models,
            path_session: None,
        };
        for line in &batch.lines {
            let model = match line.model {
                Some(name) => *ids.models[usize::from(name)]
                    .get_or_insert_with(|| self.ledger.models.id(&batch.names[usize::from(name)])),
                None => self.ledger.models.id(NO_MODEL),
            };
            let session = match line.session {
                Some(name) => *ids.sessions[usize::from(name)].get_or_insert_with(|| {
                    self.ledger.sessions.id(&batch.names[usize::from(name)])
                }),
                None => *ids
                    .path_session
                    .get_or_insert_with(|| self.session_of_path(batch.file)),
            };
            let record = self.record(batch.file, line, model, session);
            self.tally.changed |= self.ledger.absorb(record);
        }
    }

    fn record(&self, file: u32, line: &Line, model: u32, session: u32) -> Record {
        let (key, reading) = match line.message {
            MessageId::Given(key) => (key, 0),
            MessageId::Missing(content) => {
                let reading = self.states[file as usize].reading;
                let place = self.place_of(file);
                let path = &self.ledger.sources()[place.file as usize].path;
                let key = |nth| key_of_place(path, place.successor, content, nth);
                let before = self.ledger.occurrences(reading, key);
                (key(before + 1), reading)
            }
        };
        Record {
            key,
            request: line.request,
            tokens: line.counts.tokens,
            write_5m: line.counts.write_5m,
            write_1h: line.counts.write_1h,
            stated_cost: line.stated_cost,
            offset: line.offset,
            at_ms: line.at_ms,
            model,
            session,
            file,
            reading,
            sidechain: line.sidechain,
            fast: line.counts.fast,
        }
    }

    fn end(&mut self, done: Done) {
        self.tally.files_read += 1;
        self.tally.bytes_read += done.bytes;
        self.tally.lines_read += done.lines;
        let state = &mut self.states[done.file as usize];
        self.tally.changed |= done.lines > 0 || done.skipped > 0 || state.reached != done.reached;
        (state.stamp, state.reached) = (done.stamp, done.reached);
        state.lines += done.lines;
        state.skipped += done.skipped;
        self.unsaved.insert(done.file);
        match done.tail {
            Some(tail) => drop(self.tails.insert(done.file, tail)),
            None => drop(self.tails.remove(&done.file)),
        }
        let path = self.ledger.sources()[done.file as usize].path.clone();
        match done.error {
            // It went while it was read; the next look at it tells.
            Some(error) if error.kind() == io::ErrorKind::NotFound => {}
            Some(error) => self.warn(&path, &error),
            None if self.unreadable.is_empty() => {}
            None => drop(self.unreadable.remove(&*path)),
        }
    }

    /// Notes which known files are no more.
    pub(super) fn note_gone(&mut self, findings: &Findings) {
        let candidates: Vec<u32> = match &findings.scope {
            Scope::Everywhere => (0..self.states.len() as u32).collect(),
            Scope::Under(places) => places
                .iter()
                .flat_map(|place| self.files_under(place))
                .collect(),
        };
        for file in candidates {
            let missing = self.states[file as usize].exists && !self.looked_at.contains(&file);
            if missing && !findings.hides(&self.ledger.sources()[file as usize].path) {
                self.set_exists(file, false);
                self.tally.files_lost += 1;
            }
        }
    }

    /// The known file at `place`, or those under it.
    fn files_under(&self, place: &Path) -> Vec<u32> {
        if let Some(file) = self.by_path.get(place) {
            return vec![*file];
        }
        let sources = self.ledger.sources().iter().enumerate();
        let under = sources.filter(|(_, source)| source.path.starts_with(place));
        under.map(|(file, _)| file as u32).collect()
    }

    fn set_exists(&mut self, file: u32, exists: bool) {
        self.states[file as usize].exists = exists;
        self.ledger.set_exists(file, exists);
        self.unsaved.insert(file);
        self.tally.changed = true;
    }

    fn warn(&mut self, path: &Path, error: &io::Error) {
        self.unreadable.insert(path.to_owned());
        if self.tally.warnings.len() < WARNINGS_MAX {
            let warning = format!("{} could not be read: {error}", path.display());
            self.tally.warnings.push(warning);
        }
    }

    /// Whether other directories are found or unreadable than the report says.
    pub(super) fn sees_otherwise_than(&self, report: &Report) -> bool {
        self.found_roots != report.found_roots
            || self.unreadable.len() as u64 != report.scan.unreadable
    }

    /// What has been read of the files that exist.
    pub(super) fn scan(&self) -> Scan {
        let mut scan = Scan {
            unreadable: self.unreadable.len() as u64,
            ..Scan::default()
        };
        for state in self.states.iter().filter(|state| state.exists) {
            scan.files += 1;
            scan.lines += state.lines;
            scan.bytes += state.reached.offset;
            scan.skipped_lines += state.skipped;
        }
        scan
    }

    fn session_of_path(&mut self, file: u32) -> u32 {
        let path = self.ledger.sources()[file as usize].path.clone();
        let (_, session) = project_and_session(&path, &self.real_directories);
        self.ledger.sessions.id(&session)
    }
}

/// The directories without links, where they exist.
fn real(directories: &[PathBuf]) -> Vec<PathBuf> {
    let real = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    directories.iter().map(real).collect()
}

/// The numbers of a batch's names, as far as they were needed.
struct Ids {
    models: Vec<Option<u32>>,
    sessions: Vec<Option<u32>>,
    path_session: Option<u32>,
}
