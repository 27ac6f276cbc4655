//! The state file's items as bytes: flat, little-endian, fixed in width but for names.
//!
//! It knows what is kept, and nothing of the file that keeps it.

use std::path::{Path, PathBuf};

use super::files::{FileState, Place, Reached, Stamp, Within};
use super::record::{Record, Tokens};

/// Bytes of an encoded record, its tag included.
pub(super) const RECORD_BYTES: u64 = 114;

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Model,
    Session,
    Project,
}

/// One thing that is kept. Numbers for names and files are those of the state file: each kind is
/// numbered from 0 in the order of its items.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item<'a> {
    Name(Kind, &'a str),
    File {
        path: PathBuf,
        project: u32,
    },
    Record(Record),
    /// The message of a record was also met in another file.
    Copy {
        key: u128,
        request: u64,
        file: u32,
    },
    FileState {
        file: u32,
        state: FileState,
    },
    /// Follows the state of a file that does not have its own path's place.
    Place {
        file: u32,
        place: Place,
    },
    /// When a refresh last changed something, in Unix milliseconds.
    UpdatedAt(i64),
}

const NAME: u8 = 1;
const FILE: u8 = 2;
const RECORD: u8 = 3;
const COPY: u8 = 4;
const FILE_STATE: u8 = 5;
const UPDATED_AT: u8 = 6;
const PLACE: u8 = 7;

/// Appends items to a buffer.
pub(super) struct Encoder<'a>(pub(super) &'a mut Vec<u8>);

impl Encoder<'_> {
    pub(super) fn name(&mut self, kind: Kind, name: &str) {
        self.u8(NAME);
        self.u8(match kind {
            Kind::Model => 0,
            Kind::Session => 1,
            Kind::Project => 2,
        });
        self.text(name.as_bytes());
    }

    pub(super) fn file(&mut self, path: &Path, project: u32) {
        self.u8(FILE);
        self.text(path.as_os_str().as_encoded_bytes());
        self.u32(project);
    }

    pub(super) fn record(&mut self, record: &Record) {
        self.u8(RECORD);
        self.u128(record.key);
        self.u64(record.request);
        for count in [
            record.tokens.input,
            record.tokens.output,
            record.tokens.cache_creation,
        ] {
            self.u64(count);
        }
        for count in [record.tokens.cache_read, record.write_5m, record.write_1h] {
            self.u64(count);
        }
        self.u64(record.stated_cost.unwrap_or(u64::MAX));
        self.u64(record.offset);
        self.u64(record.at_ms.cast_unsigned());
        for id in [record.model, record.session, record.file, record.reading] {
            self.u32(id);
        }
        self.u8(u8::from(record.sidechain) | u8::from(record.fast) << 1);
    }

    pub(super) fn copy(&mut self, record: &Record, file: u32) {
        self.u8(COPY);
        self.u128(record.key);
        self.u64(record.request);
        self.u32(file);
    }

    pub(super) fn file_state(&mut self, file: u32, state: &FileState) {
        self.u8(FILE_STATE);
        self.u32(file);
        let stamp = &state.stamp;
        for field in [
            stamp.device,
            stamp.inode,
            stamp.modified_ns.cast_unsigned(),
            stamp.length,
        ] {
            self.u64(field);
        }
        for field in [
            state.reached.offset,
            state.reached.tail,
            state.lines,
            state.skipped,
        ] {
            self.u64(field);
        }
        self.u32(state.reading);
        self.u8(match state.reached.within {
            Within::Nothing => 0,
            Within::Taken => 1,
            Within::TooLong => 2,
        });
        self.u8(u8::from(state.exists));
    }

    pub(super) fn place(&mut self, file: u32, place: Place) {
        self.u8(PLACE);
        for number in [file, place.file, place.successor] {
            self.u32(number);
        }
    }

    pub(super) fn updated_at(&mut self, at_ms: i64) {
        self.u8(UPDATED_AT);
        self.u64(at_ms.cast_unsigned());
    }

    fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn u128(&mut self, value: u128) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn text(&mut self, text: &[u8]) {
        self.u32(text.len() as u32);
        self.0.extend_from_slice(text);
    }
}

/// Reads items from bytes; ends at the first that is none.
pub(super) struct Decoder<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Decoder<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        match self.u8()? {
            NAME => self.name(),
            FILE => self.file(),
            RECORD => self.record().map(Item::Record),
            COPY => Some(Item::Copy {
                key: self.u128()?,
                request: self.u64()?,
                file: self.u32()?,
            }),
            FILE_STATE => self.file_state(),
            PLACE => Some(Item::Place {
                file: self.u32()?,
                place: Place {
                    file: self.u32()?,
                    successor: self.u32()?,
                },
            }),
            UPDATED_AT => Some(Item::UpdatedAt(self.u64()?.cast_signed())),
            _ => None,
        }
    }
}

impl<'a> Decoder<'a> {
    fn name(&mut self) -> Option<Item<'a>> {
        let kind = match self.u8()? {
            0 => Kind::Model,
            1 => Kind::Session,
            2 => Kind::Project,
            _ => return None,
        };
        Some(Item::Name(kind, std::str::from_utf8(self.text()?).ok()?))
    }

    fn file(&mut self) -> Option<Item<'a>> {
        Some(Item::File {
            path: path_of(self.text()?),
            project: self.u32()?,
        })
    }

    fn record(&mut self) -> Option<Record> {
        let (key, request) = (self.u128()?, self.u64()?);
        let tokens = Tokens {
            input: self.u64()?,
            output: self.u64()?,
            cache_creation: self.u64()?,
            cache_read: self.u64()?,
        };
        let (write_5m, write_1h) = (self.u64()?, self.u64()?);
        let stated_cost = Some(self.u64()?).filter(|cost| *cost != u64::MAX);
        let (offset, at_ms) = (self.u64()?, self.u64()?.cast_signed());
        let (model, session, file, reading) = (self.u32()?, self.u32()?, self.u32()?, self.u32()?);
        let flags = self.u8()?;
        let (sidechain, fast) = (flags & 1 != 0, flags & 2 != 0);
        Some(Record {
            key,
            request,
            tokens,
            write_5m,
            write_1h,
            stated_cost,
            offset,
            at_ms,
            model,
            session,
            file,
            reading,
            sidechain,
            fast,
        })
    }

    fn file_state(&mut self) -> Option<Item<'a>> {
        let file = self.u32()?;
        let stamp = Stamp {
            device: self.u64()?,
            inode: self.u64()?,
            modified_ns: self.u64()?.cast_signed(),
            length: self.u64()?,
        };
        let (offset, tail) = (self.u64()?, self.u64()?);
        let (lines, skipped, reading) = (self.u64()?, self.u64()?, self.u32()?);
        let within = match self.u8()? {
            0 => Within::Nothing,
            1 => Within::Taken,
            2 => Within::TooLong,
            _ => return None,
        };
        let reached = Reached {
            offset,
            tail,
            within,
        };
        let exists = self.u8()? != 0;
        Some(Item::FileState {
            file,
            state: FileState {
                stamp,
                reached,
                reading,
                exists,
                lines,
                skipped,
                place: None,
            },
        })
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn u8(&mut self) -> Option<u8> {
        self.bytes::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    fn u128(&mut self) -> Option<u128> {
        self.bytes().map(u128::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()? as usize;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}
