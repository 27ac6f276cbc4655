//! A directory of logs to collect, and lines to fill it with.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use larder::{Clock, ManualClock};
use larder_services::claude_usage::{
    Changes, Collector, Error, Prices, Refreshed, Settings, Totals,
};

/// A configuration directory that goes when it is dropped.
pub(super) struct Tree {
    directory: tempfile::TempDir,
    pub(super) prices: Prices,
    pub(super) zone: TimeZone,
    clock: Clock,
}

impl Tree {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("config/projects")).unwrap();
        Self {
            directory,
            prices: Prices::embedded(),
            zone: TimeZone::UTC,
            clock: ManualClock::new().clock(),
        }
    }

    /// A tree with one log, `p/s.jsonl`, of these lines.
    pub(super) fn of(lines: &[&str]) -> Self {
        let tree = Self::new();
        tree.write("p/s.jsonl", joined(lines));
        tree
    }

    pub(super) fn root(&self) -> PathBuf {
        self.directory.path().join("config")
    }

    /// Where the state is configured to be.
    pub(super) fn state(&self) -> PathBuf {
        self.directory.path().join("state/usage.state")
    }

    /// The state file as it is named, if it exists.
    pub(super) fn state_file(&self) -> Option<PathBuf> {
        let entries = fs::read_dir(self.directory.path().join("state")).ok()?;
        let mut paths = entries.map(|entry| entry.unwrap().path());
        paths.find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "state")
        })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root()
            .canonicalize()
            .unwrap()
            .join("projects")
            .join(name)
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(super) fn append(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        file.write_all(content.as_ref()).unwrap();
    }

    pub(super) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    pub(super) fn settings(&self, state: Option<PathBuf>) -> Settings {
        Settings {
            roots: vec![self.root()],
            state,
            zone: self.zone.clone(),
            prices: self.prices.clone(),
            threads: 2,
            clock: self.clock.clone(),
        }
    }

    /// A collector without a state that has looked at everything.
    pub(super) fn collect(&self) -> Collector {
        let mut collector = Collector::open(self.settings(None), Arc::default()).unwrap();
        collector.refresh(Changes::Walk);
        collector
    }

    /// A collector that keeps its state; it has looked at nothing yet.
    pub(super) fn open(&self) -> Result<Collector, Error> {
        Collector::open(self.settings(Some(self.state())), Arc::default())
    }

    /// What reading everything at once gives.
    pub(super) fn totals(&self) -> Totals {
        self.collect().report().totals()
    }
}

/// Looks at everything again.
pub(super) fn walk(collector: &mut Collector) -> Refreshed {
    collector.refresh(Changes::Walk)
}

/// Looks at one path.
pub(super) fn look(collector: &mut Collector, path: &Path) -> Refreshed {
    collector.refresh(Changes::Paths(vec![path.to_owned()]))
}

/// Messages, and the sum of their output tokens.
pub(super) fn counted(collector: &Collector) -> (u64, u64) {
    let totals = collector.report().totals();
    (totals.messages, totals.tokens.output)
}

pub(super) fn skipped(collector: &Collector) -> u64 {
    collector.report().scan().skipped_lines
}

/// The lines, each with its newline.
pub(super) fn joined(lines: &[&str]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").unwrap();
        text
    })
}

/// A line on the main chain with so many output tokens, without its newline.
pub(super) fn main_line(message: &str, request: &str, output: u64) -> String {
    line(
        &format!(r#""id":"{message}","#),
        &format!(r#","requestId":"{request}""#),
        output,
    )
}

/// A line on a side chain.
pub(super) fn side_line(message: &str, request: &str, output: u64) -> String {
    line(
        &format!(r#""id":"{message}","#),
        &format!(r#","requestId":"{request}","isSidechain":true"#),
        output,
    )
}

/// A line without a message id.
pub(super) fn nameless_line(output: u64) -> String {
    line("", "", output)
}

fn line(id: &str, rest: &str, output: u64) -> String {
    format!(
        r#"{{"type":"assistant","timestamp":"2026-01-02T03:04:05.678Z","sessionId":"s1","message":{{{id}"model":"claude-sonnet-4-5-20250929","usage":{{"input_tokens":0,"output_tokens":{output}}}}}{rest}}}"#
    )
}
