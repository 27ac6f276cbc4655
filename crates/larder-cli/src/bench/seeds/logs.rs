//! Session logs in a directory, as many bytes as a scan takes a while for.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

const FILES: usize = 200;
const LINES: usize = 250;
/// What a message says, in characters.
const WORDS: usize = 900;

/// Their lines, a message each, and bytes.
pub(super) struct Logs {
    pub(super) lines: usize,
    pub(super) bytes: u64,
    last: PathBuf,
    appended: usize,
}

impl Logs {
    /// Made under `root`, which is what holds `projects`.
    pub(super) fn make(root: &Path) -> std::io::Result<Self> {
        let (words, mut bytes, mut last) = ("lorem ".repeat(WORDS / 6), 0, PathBuf::new());
        for number in 0..FILES {
            let project = root.join(format!("projects/project-{}", number % 20));
            fs::create_dir_all(&project)?;
            last = project.join(format!("session-{number}.jsonl"));
            let mut file = BufWriter::new(File::create(&last)?);
            for message in 0..LINES {
                file.write_all(line(&format!("{number}-{message}"), &words).as_bytes())?;
            }
            file.flush()?;
            bytes += fs::metadata(&last)?.len();
        }
        let lines = FILES * LINES;
        Ok(Self {
            lines,
            bytes,
            last,
            appended: 0,
        })
    }

    /// One more message; how many there are now.
    pub(super) fn append(&mut self) -> std::io::Result<usize> {
        self.appended += 1;
        let mut file = fs::OpenOptions::new().append(true).open(&self.last)?;
        file.write_all(line(&format!("more-{}", self.appended), "ok").as_bytes())?;
        Ok(self.lines + self.appended)
    }
}

fn line(message: &str, text: &str) -> String {
    format!(
        "{{\"type\":\"assistant\",\"timestamp\":\"2026-03-01T10:00:00Z\",\"sessionId\":\"s\",\"requestId\":\"r{message}\",\
         \"message\":{{\"id\":\"m{message}\",\"model\":\"claude-sonnet-4-20250514\",\"content\":\"{text}\",\
         \"usage\":{{\"input_tokens\":12,\"output_tokens\":345,\"cache_creation_input_tokens\":678,\
         \"cache_read_input_tokens\":9012}}}}}}\n"
    )
}
