//! What is written of what was done and seen: a line each.

use std::fmt;

/// Keys of the history.
pub(crate) const KEYS: u64 = 12;

/// Nanoseconds by the clock that all processes of this machine share.
pub(crate) fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Something that an instance did.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// A get that began then returned this version; of many keys together if the source is a capital.
    Read {
        key: u64,
        version: u64,
        began: u64,
        source: char,
    },
    /// Versions before this one were invalidated; acknowledged then, everywhere or here.
    Invalidated {
        key: u64,
        version: u64,
        acknowledged: u64,
        is_everywhere: bool,
    },
    /// A value came back that is not one that was stored.
    Torn { key: u64 },
    /// A get that failed.
    Failed,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read {
                key,
                version,
                began,
                source,
            } => write!(f, "r {key} {version} {began} {source}"),
            Self::Invalidated {
                key,
                version,
                acknowledged,
                is_everywhere,
            } => write!(f, "i {key} {version} {acknowledged} {is_everywhere}"),
            Self::Torn { key } => write!(f, "t {key}"),
            Self::Failed => f.write_str("f"),
        }
    }
}

impl Event {
    /// `None` for a line that was not written whole.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let kind = words.next()?;
        let mut number = || words.next()?.parse::<u64>().ok();
        Some(match kind {
            "r" => Self::Read {
                key: number()?,
                version: number()?,
                began: number()?,
                source: words.next()?.chars().next()?,
            },
            "i" => Self::Invalidated {
                key: number()?,
                version: number()?,
                acknowledged: number()?,
                is_everywhere: words.next()?.parse().ok()?,
            },
            "t" => Self::Torn { key: number()? },
            "f" => Self::Failed,
            _ => return None,
        })
    }
}
