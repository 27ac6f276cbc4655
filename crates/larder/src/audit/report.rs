//! What an audit has come to, for people and programs.

use std::fmt;
use std::time::Duration;

use crate::entry::Source;

/// The ages at which inconsistent reads are counted.
pub const AGES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_mins(1),
];

/// What an audit of one namespace has come to.
///
/// ```
/// let report = larder::audit::Auditor::default().report();
/// assert_eq!((report.reads, report.consistency()), (0, None));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Reads that were judged.
    pub reads: u64,
    /// Of those, the ones that began later than the [ages](AGES) after what they returned was old.
    pub inconsistent: [u64; 3],
    /// Of those, the ones later than the reader's own [staleness](crate::Sharing::staleness): promises
    /// that were broken.
    pub broken: u64,
    /// Reads that were handed out as stale: not judged.
    pub stale: u64,
    /// Reads whose time is not known: not judged.
    pub unplaced: u64,
    /// Stored versions and invalidations that were heard of.
    pub writes: u64,
    /// Keys with samples.
    pub keys: usize,
    /// Instances heard of.
    pub instances: usize,
    /// Samples that instances gave up.
    pub lost: u64,
    /// Reads not judged and histories dropped because a clock was set, and samples past a limit.
    pub dropped: u64,
    /// Records that cannot be read.
    pub unreadable: u64,
    /// The last inconsistent reads, one for each key and version, the newest last.
    pub cases: Vec<Case>,
}

impl Report {
    /// The share of reads that were consistent at the first of the [ages](AGES); `None` before the
    /// first read.
    pub fn consistency(&self) -> Option<f64> {
        (self.reads > 0).then(|| 1.0 - self.inconsistent[0] as f64 / self.reads as f64)
    }

    /// The same in nines: 99.9 % is 3. Where nothing was inconsistent, what so many reads allow to say.
    pub fn nines(&self) -> Option<f64> {
        let share = self.inconsistent[0].max(1) as f64 / self.reads as f64;
        (self.reads > 0).then(|| -share.log10())
    }
}

/// An inconsistent read, and what is known of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Case {
    /// The key's text.
    pub key: String,
    /// The version that was returned.
    pub version: u64,
    /// How long it had been old when the last such read began, at least.
    pub late: Duration,
    /// Reads that returned it so late.
    pub reads: u64,
    /// The last of them.
    pub read: Happened,
    /// What happened to the key, in order.
    pub events: Vec<Happened>,
}

/// Something that an instance did with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Happened {
    /// When, by the server's clock, at the latest: milliseconds since 1970.
    pub at_ms: u64,
    /// The instance, and the process that it lives in.
    pub instance: u64,
    /// The process's number on its machine.
    pub process: u32,
    /// What it did.
    pub what: What,
}

/// What was done with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// A get that began then returned a value.
    Read {
        /// The value's version.
        version: u64,
        /// Where it was found.
        source: Source,
        /// Whether it was handed out as stale.
        is_stale: bool,
    },
    /// A value was stored, and acknowledged then.
    Stored {
        /// Its version.
        version: u64,
    },
    /// A value was made, and not stored.
    Made {
        /// Its version.
        version: u64,
    },
    /// An invalidation was acknowledged then.
    Invalidated {
        /// What of: `key`, or a tag, prefix, pattern or all.
        what: String,
    },
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read {
                version,
                source,
                is_stale,
            } => {
                let from = match source {
                    Source::Memory => "memory",
                    Source::Disk => "disk",
                    Source::Remote => "the server",
                    Source::Loader => "a load",
                };
                let stale = if *is_stale { ", as stale" } else { "" };
                write!(f, "read    {version:016x} from {from}{stale}")
            }
            Self::Stored { version } => write!(f, "stored  {version:016x}"),
            Self::Made { version } => write!(f, "made    {version:016x}, not stored"),
            Self::Invalidated { what } => write!(f, "invalidated {what}"),
        }
    }
}
