//! Recorded streams of keys, read from files: the formats of the public collections of cache traces.
//!
//! A packed file (`.gz`, `.xz`, `.zst`) goes through the tool that unpacks it, as it is read. This
//! module must not know what is done with the keys.

use std::fmt;
use std::fs::File;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

const LINE_BYTES_MAX: u64 = 64 * 1024;
/// A record of the ARC format that names more keys than this is taken for damaged.
const RANGE_MAX: u64 = 1 << 20;
/// How much of a file is looked at to tell its format.
const PROBE_BYTES: usize = 64 * 1024;

/// How a trace stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A key on each line, any text; blank lines and lines of `*` are no requests (LIRS).
    Lines,
    /// Lines of `start count …`, for the keys from `start` on, in order (ARC).
    Arc,
    /// Lines of `time key size …` (webcachesim, `AdaptSize`).
    Timed,
    /// Big-endian numbers of 32 bits (cache2k, cloud physics).
    U32Be,
    /// Big-endian numbers of 64 bits (Corda, Scarab).
    I64Be,
    /// Little-endian records of 24 bytes, the key at byte 4 (libCacheSim's `oracleGeneral`).
    Oracle,
}

/// A key as it stands in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key<'a> {
    Number(u64),
    /// Any text, where the format has such.
    Word(&'a [u8]),
}

impl Key<'_> {
    /// The number that it is, else its hash.
    pub(crate) fn hashed(self) -> u64 {
        match self {
            Self::Number(number) => number,
            Self::Word(word) => number(word).unwrap_or_else(|| hash(word)),
        }
    }
}

/// The key as text; what is no UTF-8 is replaced.
impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Word(word) => String::from_utf8_lossy(word).fmt(f),
        }
    }
}

/// Why a trace can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TraceError {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("{path}: unpacking it needs the program `{tool}`: {source}")]
    Tool {
        path: PathBuf,
        tool: &'static str,
        source: io::Error,
    },
    #[error("{path}: `{tool}` can't unpack it: {said}")]
    Packed {
        path: PathBuf,
        tool: &'static str,
        said: String,
    },
    #[error("{path}: it is binary, and its name does not tell the format: name it by --format")]
    UnknownFormat { path: PathBuf },
    #[error("{path}, {place}: expected {expected}")]
    Record {
        path: PathBuf,
        place: Place,
        expected: &'static str,
    },
}

/// Where in the unpacked file a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Counted from 1.
    Line(u64),
    /// Counted from 0.
    Byte(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Byte(byte) => write!(f, "byte {byte}"),
        }
    }
}

/// Shows `each` the keys of a trace in their order; its format is told from the name and the first
/// bytes where none is given.
pub(crate) fn read(
    path: &Path,
    format: Option<Format>,
    each: &mut dyn FnMut(Key<'_>),
) -> Result<(), TraceError> {
    let file = File::open(path).map_err(|source| at_file(path, source))?;
    let mut source = Source::open(path, file)?;
    let read = source.read(path, format, each);
    let unpacked = source.end(path, read.is_err());
    // Where unpacking failed, a record that breaks off is only what came of it.
    unpacked.and(read)
}

/// A file, or the tool that unpacks it.
enum Source {
    Plain(BufReader<File>),
    Packed {
        tool: &'static str,
        child: Child,
        output: BufReader<ChildStdout>,
    },
}

impl Source {
    fn open(path: &Path, file: File) -> Result<Self, TraceError> {
        let tool = match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => "gzip",
            Some("xz") => "xz",
            Some("zst") => "zstd",
            _ => return Ok(Self::Plain(BufReader::with_capacity(PROBE_BYTES, file))),
        };
        let mut command = Command::new(tool);
        command.arg("-dc").stdin(file);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let spawned = command.spawn().map_err(|source| TraceError::Tool {
            path: path.to_owned(),
            tool,
            source,
        });
        let mut child = spawned?;
        let output = child.stdout.take().expect("its output is piped");
        Ok(Self::Packed {
            tool,
            child,
            output: BufReader::with_capacity(PROBE_BYTES, output),
        })
    }

    fn read(
        &mut self,
        path: &Path,
        format: Option<Format>,
        each: &mut dyn FnMut(Key<'_>),
    ) -> Result<(), TraceError> {
        let input: &mut dyn BufRead = match self {
            Self::Plain(input) => input,
            Self::Packed { output, .. } => output,
        };
        let format = match format {
            Some(format) => format,
            None => told_format(path, input)?,
        };
        match format {
            Format::Lines => lines(path, input, &mut |line| {
                each(Key::Word(line));
                Ok(())
            }),
            Format::Arc => lines(path, input, &mut |line| from_range(line, each)),
            Format::Timed => lines(path, input, &mut |line| from_timed(line, each)),
            Format::U32Be => records(path, input, "whole numbers of 4 bytes", &mut |&bytes| {
                each(Key::Number(u32::from_be_bytes(bytes).into()));
            }),
            Format::I64Be => records(path, input, "whole numbers of 8 bytes", &mut |&bytes| {
                each(Key::Number(u64::from_be_bytes(bytes)));
            }),
            Format::Oracle => records(path, input, "whole records of 24 bytes", &mut |record| {
                let bytes: &[u8; 24] = record;
                each(Key::Number(u64::from_le_bytes(std::array::from_fn(|i| {
                    bytes[4 + i]
                }))));
            }),
        }
    }

    /// Waits for the tool, which is stopped first where its output is not wanted any more.
    fn end(self, path: &Path, is_broken_off: bool) -> Result<(), TraceError> {
        let Self::Packed {
            tool,
            child,
            output,
        } = self
        else {
            return Ok(());
        };
        drop(output);
        let ended = child.wait_with_output();
        let ended = ended.map_err(|source| at_file(path, source))?;
        let said = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
        // A tool whose output nobody reads ends by a signal and says nothing.
        if ended.status.success() || (is_broken_off && said.is_empty()) {
            return Ok(());
        }
        Err(TraceError::Packed {
            path: path.to_owned(),
            tool,
            said,
        })
    }
}

fn told_format(path: &Path, input: &mut dyn BufRead) -> Result<Format, TraceError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.contains(".lis") {
        return Ok(Format::Arc);
    }
    if name.contains("oracleGeneral") {
        return Ok(Format::Oracle);
    }
    let start = input.fill_buf().map_err(|source| at_file(path, source))?;
    let is_text = |&byte: &u8| byte >= b' ' || byte.is_ascii_whitespace();
    if start.iter().all(is_text) {
        return Ok(Format::Lines);
    }
    Err(TraceError::UnknownFormat {
        path: path.to_owned(),
    })
}

/// What a line has to be, where it is something else.
type LineRead = Result<(), &'static str>;

fn lines(
    path: &Path,
    input: &mut dyn BufRead,
    each: &mut dyn FnMut(&[u8]) -> LineRead,
) -> Result<(), TraceError> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let mut limited = (&mut *input).take(LINE_BYTES_MAX);
        let length = limited.read_until(b'\n', &mut line);
        let length = length.map_err(|source| at_file(path, source))?;
        if length == 0 {
            break;
        }
        let read = if length as u64 == LINE_BYTES_MAX {
            Err("a line of less than 64 KiB")
        } else {
            match line.trim_ascii() {
                b"" | b"*" => Ok(()),
                line => each(line),
            }
        };
        read.map_err(|expected| at(path, Place::Line(number), expected))?;
    }
    Ok(())
}

fn from_range(line: &[u8], each: &mut dyn FnMut(Key<'_>)) -> LineRead {
    let mut words = words(line).map(number);
    let (start, count) = (words.next().flatten(), words.next().flatten());
    match start.zip(count) {
        Some((start, count)) if count <= RANGE_MAX && start.checked_add(count).is_some() => {
            (start..start + count).map(Key::Number).for_each(each);
            Ok(())
        }
        _ => Err("`start count …`, the count at most 1048576"),
    }
}

fn from_timed(line: &[u8], each: &mut dyn FnMut(Key<'_>)) -> LineRead {
    match words(line).nth(1) {
        Some(word) => {
            each(Key::Word(word));
            Ok(())
        }
        None => Err("`time key …`"),
    }
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let words = line.split(u8::is_ascii_whitespace);
    words.filter(|word| !word.is_empty())
}

/// The number that `word` is, written the one way that makes it a key of its own.
fn number(word: &[u8]) -> Option<u64> {
    let is_plain = word == b"0"
        || word
            .first()
            .is_some_and(|first| (b'1'..=b'9').contains(first));
    let text = std::str::from_utf8(word).ok().filter(|_| is_plain)?;
    text.parse().ok()
}

fn hash(word: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(word);
    hasher.finish()
}

fn records<const BYTES: usize>(
    path: &Path,
    input: &mut dyn BufRead,
    expected: &'static str,
    each: &mut dyn FnMut(&[u8; BYTES]),
) -> Result<(), TraceError> {
    let mut record = [0; BYTES];
    for number in 0.. {
        let mut filled = 0;
        while filled < BYTES {
            match input.read(&mut record[filled..]) {
                Ok(0) if filled == 0 => return Ok(()),
                Ok(0) => return Err(at(path, Place::Byte(number * BYTES as u64), expected)),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(at_file(path, source)),
            }
        }
        each(&record);
    }
    Ok(())
}

fn at_file(path: &Path, source: io::Error) -> TraceError {
    TraceError::File {
        path: path.to_owned(),
        source,
    }
}

fn at(path: &Path, place: Place, expected: &'static str) -> TraceError {
    TraceError::Record {
        path: path.to_owned(),
        place,
        expected,
    }
}
