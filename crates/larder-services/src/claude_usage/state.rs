//! The state file: a log of what was counted, from which a restart goes on.
//!
//! ```text
//! file   = "LARDER-USAGE" version:u32 transaction*
//! transaction = frame* commit          frames up to the last commit hold, what follows is torn
//! frame  = length:u32 commit:u8 checksum:u64 items
//! ```
//! It only grows, until most of it is outdated; then it is written anew beside itself and renamed
//! into place. A crash loses at most what was not committed, and since a file's position is
//! committed with the lines before it, those lines are read again. A lock file keeps a second
//! process out.
//!
//! It knows frames and files, and not what the items mean.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::collector::Error;
use super::files::Stamp;

const MAGIC: &[u8; 12] = b"LARDER-USAGE";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 16;
const FRAME_HEADER_BYTES: usize = 13;
/// A frame is closed once it holds this much.
const FRAME_BYTES: usize = 1 << 20;
/// How many files that cannot be used are kept aside.
const ASIDE_MAX: u32 = 9;

/// An open state file, locked.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    /// None until the file has been written once.
    file: Option<File>,
    /// Up to here, the file is committed.
    length: u64,
    _lock: Lock,
}

impl Store {
    /// Locks and reads the file at `path`, and calls `apply` with the items of each frame.
    pub(super) fn open(path: &Path, apply: &mut dyn FnMut(&[u8])) -> Result<Self, Error> {
        let fail = |action| {
            move |source| Error::State {
                path: path.to_owned(),
                action,
                source,
            }
        };
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(fail("created"))?;
        }
        let lock = lock(path)?;
        let content = match fs::read(path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(fail("read")(error)),
        };
        let mut store = Self {
            path: path.to_owned(),
            file: None,
            length: 0,
            _lock: lock,
        };
        store.load(&content, apply).map_err(fail("opened"))?;
        Ok(store)
    }

    fn load(&mut self, content: &[u8], apply: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        if content.is_empty() {
            return Ok(());
        }
        if content.len() < HEADER_BYTES || content[..HEADER_BYTES] != header() {
            let kept = self.set_aside()?;
            tracing::warn!(
                state = %self.path.display(), kept = %kept.display(),
                "the usage state is not one that this version can read; it is set aside and rebuilt from the logs"
            );
            return Ok(());
        }
        let (frames, end, damaged) = committed(content);
        if damaged {
            let kept = self.copy_aside()?;
            tracing::warn!(
                state = %self.path.display(), kept = %kept.display(), intact_bytes = end, bytes = content.len(),
                "the usage state is damaged; a copy is kept, and what comes after the damage is rebuilt from the logs"
            );
        } else if end < content.len() {
            tracing::warn!(
                state = %self.path.display(), bytes = content.len() - end,
                "the usage state ends in an unfinished write, which is read from the logs again"
            );
        }
        frames.into_iter().for_each(apply);
        self.open_at(end as u64)
    }

    fn open_at(&mut self, length: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(&self.path)?;
        file.set_len(length)?;
        (self.file, self.length) = (Some(file), length);
        Ok(())
    }

    /// Bytes of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Whether the file exists and can be appended to.
    pub(super) fn is_written(&self) -> bool {
        self.file.is_some()
    }

    /// Whether the path no longer leads to the file that is written to.
    pub(super) fn is_displaced(&self) -> bool {
        let written = |file: &File| file.metadata().ok().map(|metadata| Stamp::of(&metadata));
        let Some(own) = self.file.as_ref().and_then(written) else {
            return false;
        };
        let there = fs::metadata(&self.path).map(|metadata| Stamp::of(&metadata));
        !there.is_ok_and(|there| there.same_file(&own))
    }

    /// Appends one transaction and waits until it is on disk. After an error the file is as
    /// before.
    pub(super) fn append(
        &mut self,
        fill: impl FnOnce(&mut Frames<'_>) -> io::Result<()>,
    ) -> Result<(), Error> {
        let failed = |source| Error::State {
            path: self.path.clone(),
            action: "written",
            source,
        };
        let Some(file) = &mut self.file else {
            return self.rewrite(fill);
        };
        let length = self.length;
        let result = file
            .seek(SeekFrom::Start(length))
            .and_then(|_| transaction(file, fill));
        match result.and_then(|written| file.sync_data().map(|()| written)) {
            Ok(written) => {
                self.length += written;
                Ok(())
            }
            Err(error) => {
                // What is behind the last commit is cut off at the next opening too.
                file.set_len(length).map_err(failed)?;
                Err(failed(error))
            }
        }
    }

    /// Writes the whole file anew, as one transaction. After an error the file is as before.
    pub(super) fn rewrite(
        &mut self,
        fill: impl FnOnce(&mut Frames<'_>) -> io::Result<()>,
    ) -> Result<(), Error> {
        let fresh = suffixed(&self.path, ".new");
        let result = write_fresh(&fresh, fill).and_then(|written| {
            fs::rename(&fresh, &self.path)?;
            Ok(written)
        });
        match result {
            Ok((file, length)) => {
                (self.file, self.length) = (Some(file), length);
                sync_directory(&self.path);
                Ok(())
            }
            Err(source) => {
                drop(fs::remove_file(&fresh));
                Err(Error::State {
                    path: self.path.clone(),
                    action: "written",
                    source,
                })
            }
        }
    }

    fn set_aside(&self) -> io::Result<PathBuf> {
        let aside = self.free_aside();
        fs::rename(&self.path, &aside)?;
        Ok(aside)
    }

    fn copy_aside(&self) -> io::Result<PathBuf> {
        let aside = self.free_aside();
        fs::copy(&self.path, &aside)?;
        Ok(aside)
    }

    /// `.bad`, or `.bad-2` and so on; the last one is overwritten.
    fn free_aside(&self) -> PathBuf {
        let others = (2..=ASIDE_MAX).map(|nth| suffixed(&self.path, &format!(".bad-{nth}")));
        let mut names = std::iter::once(suffixed(&self.path, ".bad")).chain(others);
        let last = suffixed(&self.path, &format!(".bad-{ASIDE_MAX}"));
        names.find(|name| !name.exists()).unwrap_or(last)
    }
}

/// The lock file, locked until this is dropped.
///
/// Closing it would not do: a child process that was forked a moment ago has it open too, until it
/// runs its own program.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the usage state stays locked until the process ends");
        }
    }
}

/// Where a transaction's items go.
pub(super) struct Frames<'a> {
    file: &'a mut File,
    items: Vec<u8>,
    written: u64,
}

impl Frames<'_> {
    /// The buffer to append whole items to.
    pub(super) fn items(&mut self) -> io::Result<&mut Vec<u8>> {
        if self.items.len() >= FRAME_BYTES {
            self.close(false)?;
        }
        Ok(&mut self.items)
    }

    fn close(&mut self, commit: bool) -> io::Result<()> {
        let length = self.items.len() as u32;
        let mut head = Vec::with_capacity(FRAME_HEADER_BYTES);
        head.extend_from_slice(&length.to_le_bytes());
        head.push(u8::from(commit));
        head.extend_from_slice(&checksum(&self.items, commit).to_le_bytes());
        self.file.write_all(&head)?;
        self.file.write_all(&self.items)?;
        self.written += (head.len() + self.items.len()) as u64;
        self.items.clear();
        Ok(())
    }
}

fn transaction(
    file: &mut File,
    fill: impl FnOnce(&mut Frames<'_>) -> io::Result<()>,
) -> io::Result<u64> {
    let mut frames = Frames {
        file,
        items: Vec::new(),
        written: 0,
    };
    fill(&mut frames)?;
    frames.close(true)?;
    Ok(frames.written)
}

fn write_fresh(
    path: &Path,
    fill: impl FnOnce(&mut Frames<'_>) -> io::Result<()>,
) -> io::Result<(File, u64)> {
    let mut file = private_file(path)?;
    file.write_all(&header())?;
    let written = transaction(&mut file, fill)?;
    file.sync_all()?;
    Ok((file, HEADER_BYTES as u64 + written))
}

/// A new file that only its owner can read: it names projects.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A rename holds after a power loss only if its directory was written too; systems that cannot
/// open a directory need nothing of the kind.
fn sync_directory(path: &Path) {
    if let Some(directory) = path
        .parent()
        .and_then(|directory| File::open(directory).ok())
    {
        drop(directory.sync_all());
    }
}

fn lock(path: &Path) -> Result<Lock, Error> {
    let fail = |source| Error::State {
        path: path.to_owned(),
        action: "locked",
        source,
    };
    let lock_path = suffixed(path, ".lock");
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(lock_path)
        .map_err(fail)?;
    match lock.try_lock() {
        Ok(()) => Ok(Lock(lock)),
        Err(TryLockError::WouldBlock) => Err(Error::Locked {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(fail(error)),
    }
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn header() -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..MAGIC.len()].copy_from_slice(MAGIC);
    header[MAGIC.len()..].copy_from_slice(&VERSION.to_le_bytes());
    header
}

fn checksum(items: &[u8], commit: bool) -> u64 {
    xxh3_64_with_seed(items, u64::from(commit))
}

/// The items of every committed frame, where the last commit ends, and whether bytes of a whole
/// frame behind it are wrong.
fn committed(content: &[u8]) -> (Vec<&[u8]>, usize, bool) {
    let (mut frames, mut pending) = (Vec::new(), Vec::new());
    let (mut at, mut end) = (HEADER_BYTES, HEADER_BYTES);
    while let Some((items, commit, intact)) = frame(&content[at..]) {
        if !intact {
            return (frames, end, true);
        }
        pending.push(items);
        at += FRAME_HEADER_BYTES + items.len();
        if commit {
            frames.append(&mut pending);
            end = at;
        }
    }
    (frames, end, claims_too_much(&content[at..]))
}

/// Whether a frame that is cut off claims a length that no frame has: then it is its length that
/// is wrong.
fn claims_too_much(bytes: &[u8]) -> bool {
    bytes
        .first_chunk()
        .is_some_and(|length| u32::from_le_bytes(*length) as usize > 2 * FRAME_BYTES)
}

/// The frame at the start of `bytes`, if they hold a whole one: its items, whether it commits, and
/// whether its checksum is right.
fn frame(bytes: &[u8]) -> Option<(&[u8], bool, bool)> {
    let (length, rest) = bytes.split_first_chunk()?;
    let ([commit], rest) = rest.split_first_chunk()?;
    let (sum, rest) = rest.split_first_chunk()?;
    let items = rest.get(..u32::from_le_bytes(*length) as usize)?;
    let intact = u64::from_le_bytes(*sum) == checksum(items, *commit == 1);
    Some((items, *commit == 1, intact))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::Store;

    fn contents(path: &std::path::Path) -> Vec<u8> {
        let mut contents = Vec::new();
        Store::open(path, &mut |items| contents.extend_from_slice(items)).unwrap();
        contents
    }

    #[test]
    fn a_write_that_fails_leaves_the_file_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.state");
        let mut store = Store::open(&path, &mut |_| ()).unwrap();
        let add = |store: &mut Store, text: &[u8], result: io::Result<()>| {
            store.append(|frames| {
                frames.items()?.extend_from_slice(text);
                frames.close(false)?;
                result
            })
        };
        let full = || Err(io::ErrorKind::StorageFull.into());
        assert!(add(&mut store, b"never ", full()).is_err());
        assert!(!path.exists());
        add(&mut store, b"first ", Ok(())).unwrap();
        let length = store.length();
        assert!(add(&mut store, b"lost ", full()).is_err());
        assert_eq!(std::fs::metadata(&path).unwrap().len(), length);
        assert!(store.rewrite(|_| full()).is_err());
        add(&mut store, b"second", Ok(())).unwrap();
        drop(store);
        assert_eq!(contents(&path), b"first second");
    }

    #[test]
    fn a_transaction_without_its_commit_does_not_hold() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.state");
        let mut store = Store::open(&path, &mut |_| ()).unwrap();
        for text in [b"one ", b"two "] {
            let write = |frames: &mut super::Frames<'_>| {
                frames.items()?.extend_from_slice(text);
                frames.close(false)
            };
            store.append(write).unwrap();
        }
        drop(store);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - super::FRAME_HEADER_BYTES]).unwrap();
        assert_eq!(contents(&path), b"one ");
    }
}
