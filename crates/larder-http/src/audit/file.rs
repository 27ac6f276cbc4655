//! The file that actions are kept in, a line of JSON each, and the one before it.
//!
//! It must not know what an action is about, nor who waits.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::Record;

/// A file that is longer becomes the one before; there is one of those.
const BYTES_MAX: u64 = 4 << 20;

/// What a file says.
#[derive(Default)]
pub(super) struct Read {
    /// Oldest first.
    pub(super) actions: Vec<Record>,
    /// Lines that are no action.
    pub(super) unreadable: u64,
}

/// The newest actions of the file at `path`, and of the one before it. None where there are no files.
pub(super) fn read(path: &Path, most: usize) -> io::Result<Read> {
    let mut all = Read::default();
    for path in [before(path), path.to_owned()] {
        let Some(text) = tail(&path).map_err(|error| named(&path, &error))? else {
            continue;
        };
        for line in text.lines().filter(|line| !line.is_empty()) {
            match serde_json::from_str(line) {
                Ok(action) => all.actions.push(action),
                Err(_) => all.unreadable += 1,
            }
        }
    }
    all.actions.drain(..all.actions.len().saturating_sub(most));
    Ok(all)
}

/// The end of a file, from the beginning of a line.
fn tail(path: &Path) -> io::Result<Option<String>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let from = file.metadata()?.len().saturating_sub(BYTES_MAX);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let whole = match text.split_once('\n') {
        Some((_, rest)) if from > 0 => rest,
        _ => &text,
    };
    Ok(Some(whole.to_owned()))
}

/// A file that lines are added to.
pub(super) struct Lines {
    path: PathBuf,
    open: Option<(File, u64)>,
}

impl Lines {
    /// Opens nothing yet.
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, open: None }
    }

    /// Adds a line. After a failure the file is opened anew the next time.
    pub(super) fn add(&mut self, line: &str) -> io::Result<()> {
        let added = self.try_add(line);
        added.map_err(|error| {
            self.open = None;
            named(&self.path, &error)
        })
    }

    fn try_add(&mut self, line: &str) -> io::Result<()> {
        let (mut file, mut length) = match self.open.take() {
            Some(open) => open,
            None => opened(&self.path)?,
        };
        let bytes = line.len() as u64 + 1;
        if length > 0 && length + bytes > BYTES_MAX {
            drop(file);
            fs::rename(&self.path, before(&self.path))?;
            (file, length) = opened(&self.path)?;
        }
        file.write_all(format!("{line}\n").as_bytes())?;
        self.open = Some((file, length + bytes));
        Ok(())
    }
}

/// The file, at the beginning of a line, with its length.
fn opened(path: &Path) -> io::Result<(File, u64)> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let mut length = file.metadata()?.len();
    if length > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            // What was cut off stays a line of its own.
            file.write_all(b"\n")?;
            length += 1;
        }
    }
    Ok((file, length))
}

fn before(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".1");
    name.into()
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
