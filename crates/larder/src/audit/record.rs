//! What an instance appends for the auditor, as bytes: a format byte, then `MessagePack`.
//!
//! Must not know what is made of it.

use serde::{Deserialize, Serialize};

use crate::entry::Source;
use crate::remote::RecordId;

/// The format's number. An auditor passes over records of another one, and counts them.
const FORMAT: u8 = 1;

/// What one instance appends at once. Times are milliseconds of its own clock, whatever its origin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Batch {
    /// A random number that the instance drew when its cache was built.
    pub(crate) instance: u64,
    pub(crate) process: u32,
    /// Its how manyth batch this is. One that is appended twice counts once.
    pub(crate) number: u64,
    /// The promise's X.
    pub(crate) staleness: u64,
    /// When it was made: it is sent later.
    pub(crate) made: u64,
    /// An earlier batch, by which the instance's clock is set beside the server's.
    pub(crate) anchor: Option<Anchor>,
    /// Samples that were given up since the batch before.
    pub(crate) lost: u64,
    pub(crate) samples: Vec<Sample>,
}

/// A batch that was appended at `at` by the server's clock: between `sent` and `answered` by the
/// instance's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Anchor {
    pub(crate) at: (u64, u64),
    pub(crate) sent: u64,
    pub(crate) answered: u64,
}

impl Anchor {
    pub(crate) const fn id(&self) -> RecordId {
        RecordId {
            millis: self.at.0,
            number: self.at.1,
        }
    }
}

/// What an instance did with a key that all sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Sample {
    Read(Read),
    Stored(Stored),
    Invalidated(Invalidated),
}

/// A get that returned this version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Read {
    pub(crate) key: Box<str>,
    pub(crate) version: u64,
    pub(crate) tier: Tier,
    pub(crate) began: u64,
    pub(crate) ended: u64,
    /// It was handed out as stale.
    pub(crate) is_stale: bool,
}

/// A version that was stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) key: Box<str>,
    pub(crate) version: u64,
    /// `None` where they are more than is worth telling.
    pub(crate) tags: Option<Vec<Box<str>>>,
    /// Before its lease was asked for.
    pub(crate) asked: u64,
    /// When the value was there, before it was sent.
    pub(crate) made: u64,
    /// When the server's word came that it stands; `None` if it does not.
    pub(crate) acknowledged: Option<u64>,
}

/// An invalidation that was acknowledged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Invalidated {
    pub(crate) what: Scope,
    pub(crate) began: u64,
    pub(crate) acknowledged: u64,
}

/// What was invalidated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Scope {
    Key(Box<str>),
    All,
    Tag(Box<str>),
    /// What has all of these tags.
    AllOf(Vec<Box<str>>),
    Prefix(Box<str>),
    Pattern(Box<str>),
}

/// Where a get found its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Tier {
    Memory,
    Disk,
    Remote,
    Loader,
}

impl From<Source> for Tier {
    fn from(source: Source) -> Self {
        match source {
            Source::Memory => Self::Memory,
            Source::Disk => Self::Disk,
            Source::Remote => Self::Remote,
            Source::Loader => Self::Loader,
        }
    }
}

impl From<Tier> for Source {
    fn from(tier: Tier) -> Self {
        match tier {
            Tier::Memory => Self::Memory,
            Tier::Disk => Self::Disk,
            Tier::Remote => Self::Remote,
            Tier::Loader => Self::Loader,
        }
    }
}

impl Batch {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        // Nothing in it can fail to be written to memory.
        bytes.extend(rmp_serde::to_vec(self).unwrap_or_default());
        bytes
    }

    /// Total: `None` for bytes that are no batch.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (format, rest) = bytes.split_first()?;
        if *format != FORMAT {
            return None;
        }
        rmp_serde::from_slice(rest).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(in super::super) fn sample() -> Batch {
        let read = Read {
            key: "é:7".into(),
            version: u64::MAX,
            tier: Tier::Disk,
            began: 1,
            ended: 2,
            is_stale: true,
        };
        let stored = Stored {
            key: "é:7".into(),
            version: 9,
            tags: Some(vec!["eu".into()]),
            asked: 1,
            made: 2,
            acknowledged: None,
        };
        let what = Scope::AllOf(vec!["a".into(), "b".into()]);
        let invalidated = Invalidated {
            what,
            began: 4,
            acknowledged: 5,
        };
        Batch {
            instance: 1 << 63,
            anchor: Some(Anchor {
                at: (5, 6),
                sent: 7,
                answered: 8,
            }),
            samples: vec![
                Sample::Read(read),
                Sample::Stored(stored),
                Sample::Invalidated(invalidated),
            ],
            ..Batch::default()
        }
    }

    #[test]
    fn a_batch_comes_back_from_its_bytes_and_of_part_of_them_nothing_does() {
        let bytes = sample().to_bytes();
        assert_eq!(Batch::from_bytes(&bytes), Some(sample()));
        for end in 0..bytes.len() {
            assert_eq!(Batch::from_bytes(&bytes[..end]), None, "{end}");
        }
        let other = [&[FORMAT + 1], &bytes[1..]].concat();
        assert_eq!(Batch::from_bytes(&other), None);
    }

    proptest! {
        #[test]
        fn no_bytes_bring_it_down(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0..60_usize) {
            let _ = Batch::from_bytes(&[&[FORMAT], &bytes[..]].concat());
            let mut damaged = sample().to_bytes();
            damaged.splice(at..at, bytes);
            let _ = Batch::from_bytes(&damaged);
        }
    }
}
