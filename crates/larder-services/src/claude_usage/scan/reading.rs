//! One file's reading under way: blocks of bounded size, cut into lines.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::super::files::{Reached, Stamp, Step, TAIL_MAX, Within};
use super::super::json::Malformed;
use super::super::line::{self, Usage};
use super::super::progress::Progress;
use super::super::tail::Tail;
use super::{Batch, Done, Event, Job, Line, MessageId};

/// How much is read at once.
const BLOCK: usize = 1 << 20;
/// Longer lines are skipped, and not kept in memory.
const LINE_MAX: usize = 32 << 20;
/// Lines in a batch.
const BATCH_LINES: usize = 2048;
/// Distinct names in a batch.
const BATCH_NAMES: usize = 64;
/// What some programs put before a UTF-8 file's first line.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Names are cut off after this many bytes.
const NAME_BYTES_MAX: usize = 256;

/// Reads what is new in the job's file, and hands it to `sink`. `buffer` is kept for the next file.
pub(super) fn read(
    job: &Job,
    buffer: &mut Vec<u8>,
    progress: &Progress,
    sink: &mut dyn FnMut(Event),
) {
    let mut reading = Reading {
        job,
        base: job.state.reached.offset,
        within: job.state.reached.within,
        tail: job.tail,
        recent: Vec::with_capacity(TAIL_MAX),
        bytes: 0,
        lines: 0,
        skipped: 0,
        batch: Batch {
            file: job.file,
            ..Batch::default()
        },
        progress,
        sink,
    };
    let result = reading.run(buffer);
    reading.flush();
    let (stamp, error) = match result {
        Ok(stamp) => (stamp, None),
        Err(error) => (Stamp::default(), Some(error)),
    };
    let reached = if error.is_some() && reading.bytes == 0 {
        job.state.reached
    } else {
        reading.reached()
    };
    let Reading {
        tail,
        bytes,
        lines,
        skipped,
        ..
    } = reading;
    sink(Event::Done(Done {
        file: job.file,
        stamp,
        reached,
        tail,
        bytes,
        lines,
        skipped,
        error,
    }));
    progress.file_read();
    if buffer.len() > BLOCK {
        buffer.truncate(BLOCK);
        buffer.shrink_to_fit();
    }
}

/// Whether the file at `path` has, up to the point reached, what was read before: it may have grown.
pub(in super::super) fn holds(path: &Path, reached: &Reached) -> io::Result<bool> {
    let mut file = File::open(path)?;
    Ok(file.metadata()?.len() >= reached.offset
        && xxh3_64(&bytes_before(&mut file, reached.offset)?) == reached.tail)
}

/// The last bytes before `end`, [`TAIL_MAX`] at most.
fn bytes_before(file: &mut File, end: u64) -> io::Result<Vec<u8>> {
    let length = end.min(TAIL_MAX as u64);
    file.seek(SeekFrom::Start(end - length))?;
    let mut bytes = Vec::with_capacity(TAIL_MAX);
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// One file's reading under way.
struct Reading<'a> {
    job: &'a Job,
    /// Up to here, lines have been taken in.
    base: u64,
    within: Within,
    tail: Option<Tail>,
    /// The last bytes before `base`, [`TAIL_MAX`] at most.
    recent: Vec<u8>,
    bytes: u64,
    lines: u64,
    skipped: u64,
    batch: Batch,
    progress: &'a Progress,
    sink: &'a mut dyn FnMut(Event),
}

impl Reading<'_> {
    fn reached(&self) -> Reached {
        Reached {
            offset: self.base,
            tail: xxh3_64(&self.recent),
            within: self.within,
        }
    }

    /// Reads to the end that the file has when it is opened; gives its stamp at that time.
    fn run(&mut self, buffer: &mut Vec<u8>) -> io::Result<Stamp> {
        let mut file = File::open(&self.job.path)?;
        let stamp = Stamp::of(&file.metadata()?);
        if !self.goes_on(&mut file, &stamp)? {
            self.restart();
        }
        if self.line_goes_on(&mut file, stamp.length, buffer)? {
            return Ok(stamp);
        }
        self.tail = None;
        file.seek(SeekFrom::Start(self.base))?;
        let rest = self.read_lines(&mut file, stamp.length, buffer)?;
        self.end_with(&buffer[..rest]);
        Ok(stamp)
    }

    /// Whether the file still is what was read before, with more behind it.
    fn goes_on(&mut self, file: &mut File, now: &Stamp) -> io::Result<bool> {
        let known = &self.job.state;
        if self.job.step == Step::Restart || !now.same_file(&known.stamp) || now.length < self.base
        {
            return Ok(false);
        }
        self.recent = bytes_before(file, self.base)?;
        Ok(xxh3_64(&self.recent) == known.reached.tail)
    }

    fn restart(&mut self) {
        (self.base, self.within, self.tail) = (0, Within::Nothing, None);
        self.recent.clear();
        (self.sink)(Event::Restarted(self.job.file));
    }

    /// Looks at what was appended to a long unfinished line. True if it is still unfinished, or
    /// has become too long.
    fn line_goes_on(
        &mut self,
        file: &mut File,
        end: u64,
        buffer: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let Some(mut tail) = self.tail else {
            return Ok(false);
        };
        file.seek(SeekFrom::Start(self.base + tail.seen))?;
        buffer.resize(BLOCK, 0);
        while self.base + tail.seen < end {
            let read = self.fill(file, end - self.base - tail.seen, buffer)?;
            if read == 0 {
                break;
            }
            if memchr::memchr(b'\n', &buffer[..read]).is_some() {
                return Ok(false);
            }
            tail.look_at(&buffer[..read]);
        }
        self.tail = Some(tail);
        if tail.seen > LINE_MAX as u64 {
            self.base += tail.seen;
            (self.within, self.tail) = (Within::TooLong, None);
            self.recent = bytes_before(file, self.base)?;
            return Ok(true);
        }
        Ok(!tail.may_be_whole())
    }

    /// Takes in every line that ends before `end`; gives how many bytes of the buffer come after
    /// the last one.
    fn read_lines(&mut self, file: &mut File, end: u64, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let expected = usize::try_from(end - self.base)
            .unwrap_or(BLOCK)
            .clamp(4096, BLOCK);
        buffer.resize(buffer.len().max(expected), 0);
        let mut filled = 0;
        loop {
            let left = end - self.base - filled as u64;
            let read = self.fill(file, left, &mut buffer[filled..])?;
            if read == 0 {
                return Ok(filled);
            }
            let fresh = filled..filled + read;
            filled = fresh.end;
            if let Some(newline) = memchr::memrchr(b'\n', &buffer[fresh.clone()]) {
                let whole = fresh.start + newline + 1;
                self.take_lines(&buffer[..whole]);
                buffer.copy_within(whole..filled, 0);
                filled -= whole;
            } else if self.within == Within::TooLong || filled >= LINE_MAX {
                self.within = Within::TooLong;
                self.pass(&buffer[..filled]);
                filled = 0;
            } else if filled == buffer.len() {
                buffer.resize((filled * 2).clamp(BLOCK, LINE_MAX), 0);
            }
        }
    }

    /// Reads once, at most `left` bytes; 0 at the end.
    fn fill(&mut self, file: &mut File, left: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = loop {
            match file.read(&mut buffer[..wanted]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.bytes += read as u64;
        self.progress.bytes_read(read as u64);
        Ok(read)
    }

    /// Takes in a block that ends with a newline.
    fn take_lines(&mut self, block: &[u8]) {
        let mut start = 0;
        for newline in memchr::memchr_iter(b'\n', block) {
            let line = &block[start..newline];
            match std::mem::take(&mut self.within) {
                Within::Nothing => {
                    self.lines += 1;
                    if self.take_line(line, self.base + start as u64).is_err() {
                        self.skipped += 1;
                    }
                }
                Within::Taken => self.skipped += u64::from(!line.trim_ascii().is_empty()),
                Within::TooLong => {
                    self.lines += 1;
                    self.skipped += 1;
                }
            }
            start = newline + 1;
        }
        self.pass(block);
    }

    /// What is left at the end: it counts if it is whole, else it waits for the rest.
    fn end_with(&mut self, rest: &[u8]) {
        if rest.is_empty() || self.within == Within::Taken {
            return;
        }
        let tail = Tail::of(rest);
        if tail.may_be_whole() && self.take_line(rest, self.base).is_ok() {
            self.lines += 1;
            self.within = Within::Taken;
            self.pass(rest);
        } else if rest.len() >= BLOCK {
            self.tail = Some(tail);
        }
    }

    /// Moves the point reached behind `bytes`.
    fn pass(&mut self, bytes: &[u8]) {
        self.base += bytes.len() as u64;
        let last = &bytes[bytes.len().saturating_sub(TAIL_MAX)..];
        let excess = (self.recent.len() + last.len()).saturating_sub(TAIL_MAX);
        self.recent.drain(..excess);
        self.recent.extend_from_slice(last);
    }

    fn take_line(&mut self, line: &[u8], offset: u64) -> Result<(), Malformed> {
        let line = match line.strip_prefix(BYTE_ORDER_MARK) {
            Some(line) if offset == 0 => line,
            _ => line,
        };
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        if let Some(usage) = line::parse(line)? {
            self.hand_on(&usage, line, offset);
        }
        Ok(())
    }

    fn hand_on(&mut self, usage: &Usage<'_>, line: &[u8], offset: u64) {
        if self.batch.lines.len() >= BATCH_LINES || self.batch.names.len() + 2 > BATCH_NAMES {
            self.flush();
        }
        let (message, request) = match &usage.message {
            Some(id) => (
                MessageId::Given(xxh3_128(id.as_bytes())),
                hash_of_request(usage.request.as_deref()),
            ),
            None => (MessageId::Missing(xxh3_128(line)), 0),
        };
        let line = Line {
            message,
            request,
            counts: usage.counts,
            stated_cost: usage.stated_cost,
            offset,
            at_ms: usage.at_ms,
            model: usage.model.as_deref().map(|name| self.batch.name(name)),
            session: usage.session.as_deref().map(|name| self.batch.name(name)),
            sidechain: usage.sidechain,
        };
        self.batch.lines.push(line);
    }

    fn flush(&mut self) {
        let empty = Batch {
            file: self.job.file,
            ..Batch::default()
        };
        let batch = std::mem::replace(&mut self.batch, empty);
        if !batch.lines.is_empty() {
            (self.sink)(Event::Lines(batch));
        }
    }
}

impl Batch {
    /// The place of `name` among the batch's names.
    fn name(&mut self, name: &str) -> u8 {
        let name = &name[..name.floor_char_boundary(NAME_BYTES_MAX)];
        let place = self
            .names
            .iter()
            .rposition(|known| **known == *name)
            .unwrap_or_else(|| {
                self.names.push(name.into());
                self.names.len() - 1
            });
        place as u8
    }
}

fn hash_of_request(id: Option<&str>) -> u64 {
    id.map_or(0, |id| xxh3_64(id.as_bytes()).max(1))
}
