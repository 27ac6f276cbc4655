//! Reading a timeline's file: one that cannot be used is left beside, under another name.
//!
//! It must not know how the file is written.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::super::Timeline;
use super::super::lines::{self, Header, Reader};

/// The longest line that is read; what 512 series need is a tenth of it.
const LINE_MAX: u64 = 1 << 20;
/// A process that is killed tears one line.
const TORN_MAX: u64 = 1;

/// A file that was found and could not be used, or not all of it, as it was: it is kept under this name, in
/// place of one that was kept so before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetAside {
    /// `metrics.history.version-2`, or `metrics.history.damaged`.
    pub path: PathBuf,
    /// Which version of its format it is of, if it is another than this program's; none if it is damaged.
    pub version: Option<u32>,
}

/// What a file is.
enum Found {
    Nothing,
    /// With so many lines that could not be used.
    Ours(u64),
    OfVersion(u32),
    Strange,
}

/// Reads a file; returns how many of its lines could not be used, and what became of it if it was left.
pub(super) fn read(path: &Path, timeline: &mut Timeline) -> io::Result<(u64, Option<SetAside>)> {
    let found = match File::open(path) {
        Ok(file) => read_lines(BufReader::new(file), timeline)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Found::Nothing,
        Err(error) => return Err(error),
    };
    let (skipped, version) = match found {
        Found::Nothing => return Ok((0, None)),
        Found::Ours(skipped) if skipped <= TORN_MAX => return Ok((skipped, None)),
        Found::Ours(skipped) => (skipped, None),
        Found::OfVersion(version) => (0, Some(version)),
        Found::Strange => (0, None),
    };
    let mut name = OsString::from(path);
    match version {
        Some(version) => name.push(format!(".version-{version}")),
        None => name.push(".damaged"),
    }
    let aside = PathBuf::from(name);
    fs::rename(path, &aside)?;
    let path = aside;
    Ok((skipped, Some(SetAside { path, version })))
}

fn read_lines(mut file: BufReader<File>, timeline: &mut Timeline) -> io::Result<Found> {
    let mut line = Vec::new();
    if !next(&mut file, &mut line)? {
        return Ok(Found::Nothing);
    }
    match lines::header(&line) {
        Header::Ours => {}
        Header::OfVersion(version) => return Ok(Found::OfVersion(version)),
        Header::None => return Ok(Found::Strange),
    }
    let mut reader = Reader::default();
    while next(&mut file, &mut line)? {
        reader.take(line.trim_ascii(), timeline);
    }
    Ok(Found::Ours(reader.skipped))
}

/// The next line, or as much of it as a line may have.
fn next(file: &mut BufReader<File>, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    Ok(file.by_ref().take(LINE_MAX).read_until(b'\n', line)? > 0)
}
