//! A timeline that a file keeps across restarts and kills. What the lines say is not known here.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::Timeline;
use super::lines::{self, Fresh, Reader};
use crate::Snapshot;

/// The longest line that is read; what 512 series need is a tenth of it.
const LINE_MAX: u64 = 1 << 20;
/// A file grows by this much, and by as much as it held, before it is written anew.
const GROWTH_MIN: u64 = 1 << 20;

/// A [`Timeline`] with a file that keeps it across restarts.
///
/// What is complete is appended as lines, every ten seconds; the points of single seconds are not
/// kept. A process that is killed loses the points that were not complete, and a file that was torn
/// the lines that are. A machine that loses its power may lose what its system had not written yet: at
/// most what came since the file was last written anew. That happens when it has doubled, so that its
/// size is bounded: some 100 MB for 512 timings after 90 days, and 1 MB for a dozen counters. One process at a time
/// may have it open.
///
/// ```
/// use larder_metrics::{Registry, TimelineFile};
///
/// # let directory = std::env::temp_dir().join(format!("timeline-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// let registry = Registry::new();
/// let mut history = TimelineFile::open(&directory.join("metrics.history"))?;
/// history.record(&registry.snapshot())?; // each second
/// assert!(history.timeline().names().is_empty());
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TimelineFile {
    timeline: Timeline,
    path: PathBuf,
    file: File,
    length: u64,
    /// At what length it is written anew.
    length_max: u64,
    /// Series with a lower number are in the file.
    written_ids: u32,
    lines_skipped: u64,
    is_broken: bool,
}

impl TimelineFile {
    /// Reads the file, if there is one, and writes it anew. Lines that are torn or otherwise not
    /// understood are left out and counted. Blocks; a hundred milliseconds for 10 MB.
    ///
    /// # Errors
    /// The file can't be read, or not be written.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut timeline = Timeline::new();
        let lines_skipped = match File::open(path) {
            Ok(file) => read(file, &mut timeline)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        let (file, length) = write(path, &timeline)?;
        Ok(Self {
            written_ids: timeline.next_id,
            timeline,
            path: path.to_owned(),
            file,
            length,
            length_max: limit(length),
            lines_skipped,
            is_broken: false,
        })
    }

    /// What it holds.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Lines that could not be used when the file was read.
    pub fn lines_skipped(&self) -> u64 {
        self.lines_skipped
    }

    /// Adds what happened since the last call, as [`Timeline::record`] does, and appends what is
    /// complete. Blocks while that is written.
    ///
    /// # Errors
    /// The file can't be written, a full disk for example. The timeline has it all the same, and the
    /// file will, once it can be written again: each call tries.
    pub fn record(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let mut fresh = Fresh::default();
        self.timeline
            .record_noting(snapshot, &mut |kept, level, step, row| {
                if level > 0 {
                    fresh.add(kept, level, step, row);
                }
            });
        let mut text = String::new();
        let new = self.timeline.series.iter();
        for kept in new.filter(|kept| kept.id >= self.written_ids) {
            lines::series(&mut text, kept);
        }
        fresh.write(&mut text);
        if self.is_broken || self.length + text.len() as u64 > self.length_max {
            return self.write_anew();
        }
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            // A line may be torn in the middle of the file now.
            self.is_broken = true;
            return Err(error);
        }
        self.length += text.len() as u64;
        self.written_ids = self.timeline.next_id;
        Ok(())
    }

    fn write_anew(&mut self) -> io::Result<()> {
        self.is_broken = true;
        (self.file, self.length) = write(&self.path, &self.timeline)?;
        self.length_max = limit(self.length);
        self.written_ids = self.timeline.next_id;
        self.is_broken = false;
        Ok(())
    }
}

const fn limit(length: u64) -> u64 {
    2 * length + GROWTH_MIN
}

/// Reads all lines; returns how many could not be used.
fn read(file: File, timeline: &mut Timeline) -> io::Result<u64> {
    let (mut reader, mut lines) = (BufReader::new(file), Reader::default());
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader
            .by_ref()
            .take(LINE_MAX)
            .read_until(b'\n', &mut line)?
            == 0
        {
            return Ok(lines.skipped);
        }
        lines.take(line.trim_ascii(), timeline);
    }
}

/// Writes the whole into a file beside, which then takes the name.
fn write(path: &Path, timeline: &Timeline) -> io::Result<(File, u64)> {
    let beside = path.with_extension("new");
    let mut file = BufWriter::new(File::create(&beside)?);
    let length = lines::whole(&mut file, timeline)?;
    file.into_inner()?.sync_data()?;
    fs::rename(&beside, path)?;
    let file = OpenOptions::new().append(true).open(path)?;
    Ok((file, length))
}
