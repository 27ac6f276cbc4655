//! A timeline that a file keeps across restarts and kills. What the lines say is not known here.

mod aside;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::lines::{self, Fresh};
use super::{LEVELS, Timeline};
use crate::Snapshot;
pub use aside::SetAside;

/// A file grows by this much, and by as much as it held, before it is written anew.
const GROWTH_MIN: u64 = 1 << 20;

/// A [`Timeline`] with a file that keeps it across restarts.
///
/// What is complete is appended as lines, every ten seconds; the points of single seconds are not
/// kept. A process that is killed loses the points that were not complete, and a file that was torn
/// the lines that are. A machine that loses its power may lose what its system had not written yet: at
/// most what came since the file was last written anew. That happens when it has doubled, so that its
/// size is bounded: some 100 MB for 512 timings after 90 days, and 1 MB for a dozen counters; and when it
/// is no longer at its path. One process at a time may have it open.
///
/// Memory and disk are apart: [`note`](Self::note) and [`read`](Self::read) never wait for
/// [`write`](Self::write), however long a disk takes.
///
/// ```
/// use larder_metrics::{Registry, TimelineFile};
///
/// # let directory = std::env::temp_dir().join(format!("timeline-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// let registry = Registry::new();
/// let history = TimelineFile::open(&directory.join("metrics.history"))?;
/// history.record(&registry.snapshot())?; // each second
/// assert!(history.read(|timeline| timeline.names().is_empty()));
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TimelineFile {
    path: PathBuf,
    /// Locked for computing alone.
    kept: Mutex<Kept>,
    /// Locked while the disk is written.
    written: Mutex<Written>,
    lines_skipped: u64,
    set_aside: Option<SetAside>,
}

#[derive(Debug)]
struct Kept {
    timeline: Timeline,
    /// Series with a lower number have been told of.
    told_ids: u32,
    /// Of the next lines.
    number: u64,
}

#[derive(Debug)]
struct Written {
    /// None where all has to be written anew.
    file: Option<File>,
    length: u64,
    /// At what length it is written anew.
    length_max: u64,
    /// Of the lines that come next; those before are in the file.
    number: u64,
}

/// What [`TimelineFile::note`] found complete, to be written.
#[derive(Debug)]
pub struct Lines {
    number: u64,
    text: String,
}

impl TimelineFile {
    /// Reads the file, if there is one, and writes it anew. Lines that are torn or otherwise not
    /// understood are left out and counted; a file of which more than one is, or that is of another version
    /// or none of these at all, is left beside under another name ([`set_aside`](Self::set_aside)). Where it
    /// cannot be written, that is tried with each [`write`](Self::write). Blocks; a hundred milliseconds for
    /// 10 MB.
    ///
    /// # Errors
    /// The file can't be read, or not be renamed.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut timeline = Timeline::new();
        let (lines_skipped, set_aside) = aside::read(path, &mut timeline)?;
        let all = Self {
            path: path.to_owned(),
            kept: Mutex::new(Kept {
                told_ids: 0,
                timeline,
                number: 0,
            }),
            written: Mutex::new(Written {
                file: None,
                length: 0,
                length_max: 0,
                number: 0,
            }),
            lines_skipped,
            set_aside,
        };
        // One that cannot be written now is written with the first lines, or says then why not.
        let _ = all.write_whole(&mut all.written.lock());
        Ok(all)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells of what it holds. Never waits for the disk.
    pub fn read<T>(&self, of: impl FnOnce(&Timeline) -> T) -> T {
        of(&self.kept.lock().timeline)
    }

    /// Lines that could not be used when the file was read.
    pub fn lines_skipped(&self) -> u64 {
        self.lines_skipped
    }

    /// The file that was found, where it was left under another name.
    pub fn set_aside(&self) -> Option<&SetAside> {
        self.set_aside.as_ref()
    }

    /// Adds what happened since the last call, as [`Timeline::record`] does, and appends what is
    /// complete. Blocks while that is written: [`note`](Self::note), then [`write`](Self::write).
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn record(&self, snapshot: &Snapshot) -> io::Result<()> {
        self.note(snapshot)
            .map_or(Ok(()), |lines| self.write(lines))
    }

    /// Adds what happened since the last call, as [`Timeline::record`] does; what is complete with it, if
    /// something is, has to be given to [`write`](Self::write). Never waits for the disk.
    #[must_use = "the file lacks them until they are written"]
    pub fn note(&self, snapshot: &Snapshot) -> Option<Lines> {
        let kept = &mut *self.kept.lock();
        let mut fresh = Fresh::default();
        kept.timeline
            .record_noting(snapshot, &mut |kept, level, step, row| {
                if level > 0 {
                    fresh.add(kept, level, step, row);
                }
            });
        let mut text = String::new();
        let new = kept.timeline.series.iter();
        for series in new.filter(|series| series.id >= kept.told_ids) {
            lines::series(&mut text, series);
        }
        kept.told_ids = kept.timeline.next_id;
        fresh.write(&mut text);
        if text.is_empty() {
            return None;
        }
        kept.number += 1;
        let number = kept.number - 1;
        Some(Lines { number, text })
    }

    /// Appends lines, in the order in which they were noted. Where some between were not written, or the
    /// file is no longer at its path, all is written anew: lines may be dropped. Blocks on the disk.
    ///
    /// # Errors
    /// The file can't be written, a full disk for example. The timeline has it all the same, and the
    /// file will, once it can be written again: each call tries.
    pub fn write(&self, lines: Lines) -> io::Result<()> {
        let mut written = self.written.lock();
        let Lines { number, text } = lines;
        if number < written.number {
            return Ok(());
        }
        let length = written.length + text.len() as u64;
        let goes_on = number == written.number && length <= written.length_max;
        let file = written.file.take();
        let Some(mut file) = file.filter(|file| goes_on && is_at(&self.path, file)) else {
            return self.write_whole(&mut written);
        };
        // After a failure a line may be torn in the middle of the file.
        file.write_all(text.as_bytes())?;
        *written = Written {
            file: Some(file),
            length,
            number: number + 1,
            ..*written
        };
        Ok(())
    }

    /// Writes the whole into a file beside, which then takes the name.
    fn write_whole(&self, written: &mut Written) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        let mut out = BufWriter::new(File::create(&beside)?);
        let (number, length) = self.write_lines(&mut out)?;
        out.into_inner()?.sync_data()?;
        fs::rename(&beside, &self.path)?;
        let file = OpenOptions::new().append(true).open(&self.path)?;
        *written = Written {
            file: Some(file),
            length,
            length_max: limit(length),
            number,
        };
        Ok(())
    }

    /// All that is kept across a restart: everything but the finest points. A step's lines at a time, so that
    /// it takes no more memory than that, and nobody waits. Returns the number of the first lines that may
    /// tell more, and the length.
    fn write_lines(&self, out: &mut impl io::Write) -> io::Result<(u64, u64)> {
        let mut text = String::new();
        let number = {
            let kept = &mut *self.kept.lock();
            lines::head(&mut text, &kept.timeline);
            kept.told_ids = kept.timeline.next_id;
            kept.number
        };
        let mut length = flush(out, &mut text)?;
        for level in 1..LEVELS {
            let steps = self.read(|timeline| lines::steps(timeline, level));
            for step in steps {
                self.read(|timeline| lines::step(&mut text, timeline, level, step));
                length += flush(out, &mut text)?;
            }
        }
        Ok((number, length))
    }
}

fn flush(out: &mut impl io::Write, text: &mut String) -> io::Result<u64> {
    out.write_all(text.as_bytes())?;
    let length = text.len() as u64;
    text.clear();
    Ok(length)
}

const fn limit(length: u64) -> u64 {
    2 * length + GROWTH_MIN
}

/// Whether a file is the one that its path leads to.
#[cfg(unix)]
fn is_at(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let place = |found: fs::Metadata| (found.dev(), found.ino());
    let (found, own) = (fs::metadata(path).map(place), file.metadata().map(place));
    matches!((found, own), (Ok(found), Ok(own)) if found == own)
}

#[cfg(not(unix))]
fn is_at(path: &Path, _: &File) -> bool {
    path.exists()
}
