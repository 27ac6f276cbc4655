//! Live Sets: gzip of XML, as Live 8 to 12 write them, into a tree.
//!
//! The file is read once from front to back, and only what becomes a node is kept. No entity is
//! expanded besides the five of XML, and there is a limit on everything that a file could blow up.
//!
//! It must not know events, caches or where the bytes come from.

mod draft;
mod meter;
mod place;
mod read;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use flate2::bufread::GzDecoder;

use super::tree::Tree;
use meter::Meter;

/// The id of the master track.
pub(super) const MASTER: &str = "master";
/// What is read at once, packed and unpacked.
const CHUNK_BYTES: usize = 64 << 10;

/// How large a set may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of XML.
    pub inflated_bytes_max: u64,
    /// Bytes of one text, tag or comment; a plug-in's state is one text.
    pub token_bytes_max: u64,
    /// Elements in each other. Live's own files have about 30.
    pub depth_max: usize,
    /// Elements in all, whatever they mean.
    pub elements_max: u64,
    /// Nodes of the tree.
    pub nodes_max: usize,
}

impl Default for Limits {
    /// 1 GiB of XML, 64 MiB a text, 256 elements deep, 20 million elements, 250,000 nodes.
    fn default() -> Self {
        Self {
            inflated_bytes_max: 1 << 30,
            token_bytes_max: 64 << 20,
            depth_max: 256,
            elements_max: 20_000_000,
            nodes_max: 250_000,
        }
    }
}

/// Why a file is not read as a Live Set.
#[derive(Debug, thiserror::Error)]
pub enum AlsError {
    /// The file cannot be opened or read.
    #[error("it cannot be read: {0}")]
    Io(#[source] io::Error),
    /// There is not a byte in it.
    #[error("the file is empty: expected a Live Set, which is XML packed by gzip")]
    Empty,
    /// It does not begin as gzip does.
    #[error(
        "expected a Live Set, which is XML packed by gzip: this file does not begin as gzip does"
    )]
    NotGzip,
    /// It is packed, and what is in it is no XML.
    #[error("expected XML in the gzip file, which would begin with `<`")]
    NotXml,
    /// It ends in the middle.
    #[error(
        "the file ends too early, after {0} bytes of XML: is it written to, or was it cut off?"
    )]
    Truncated(u64),
    /// The packed data are damaged.
    #[error("the gzip data are damaged after {at} bytes of XML: {source}")]
    Damaged {
        /// Bytes of XML up to there.
        at: u64,
        /// What the inflater said.
        #[source]
        source: io::Error,
    },
    /// More XML than allowed.
    #[error("it has more than {0} bytes of XML, which is the limit (live.max_inflated_mb)")]
    TooLarge(u64),
    /// One text or tag is longer than allowed.
    #[error(
        "a text or tag at byte {at} of the XML has more than {limit} bytes, which is the limit"
    )]
    TokenTooLong {
        /// Where it begins.
        at: u64,
        /// The limit.
        limit: u64,
    },
    /// Elements too deep.
    #[error("more than {0} elements stand in each other, which is the limit")]
    TooDeep(usize),
    /// Elements too many.
    #[error("it has more than {0} XML elements, which is the limit")]
    TooManyElements(u64),
    /// Nodes too many.
    #[error("it has more than {0} tracks, devices, parameters and the like, which is the limit")]
    TooManyNodes(usize),
    /// A document type, which could define entities.
    #[error("it has a document type declaration, which no Live Set has and which is refused")]
    DocumentType,
    /// No well-formed XML.
    #[error("it is no well-formed XML at byte {at}: {source}")]
    Xml {
        /// Where, in the unpacked bytes.
        at: u64,
        /// What is wrong.
        #[source]
        source: quick_xml::Error,
    },
    /// XML of something else.
    #[error("it is XML, and no Live Set: expected <Ableton> with a <LiveSet> that has a <{0}>")]
    Missing(&'static str),
}

/// A set as it was read.
#[derive(Debug)]
pub struct Set {
    /// Its tree.
    pub tree: Tree,
    /// Bytes of XML that it had.
    pub inflated_bytes: u64,
}

/// Reads the set at a path. Blocks on the disk; O(bytes).
///
/// # Errors
/// [`AlsError`] says what was expected and where.
pub fn open(path: &Path, limits: &Limits) -> Result<Set, AlsError> {
    let file = File::open(path).map_err(AlsError::Io)?;
    read(BufReader::with_capacity(CHUNK_BYTES, file), limits)
}

/// Reads a set, gzip of XML. O(bytes); memory is that of the tree and of the longest text.
///
/// # Errors
/// [`AlsError`] says what was expected and where.
pub fn read(mut packed: impl BufRead, limits: &Limits) -> Result<Set, AlsError> {
    match packed.fill_buf().map_err(AlsError::Io)? {
        [] => return Err(AlsError::Empty),
        [0x1f, 0x8b, ..] | [0x1f] => {}
        _ => return Err(AlsError::NotGzip),
    }
    let inflated = BufReader::with_capacity(CHUNK_BYTES, GzDecoder::new(packed));
    let mut metered = Meter::new(inflated, limits);
    let first = metered
        .fill_buf()
        .map_err(|error| AlsError::of_input(error, 0))?;
    let text = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
    match text.first() {
        Some(b'<') => read::document(metered, limits),
        Some(_) => Err(AlsError::NotXml),
        None => Err(AlsError::Truncated(0)),
    }
}

impl AlsError {
    /// What an error of the input means, after `at` bytes of XML.
    fn of_input(error: io::Error, at: u64) -> Self {
        if let Some(reached) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<meter::Reached>())
        {
            return reached.as_error();
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated(at),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                Self::Damaged { at, source: error }
            }
            _ => Self::Io(error),
        }
    }
}
