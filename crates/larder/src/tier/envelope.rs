//! What a lower tier stores for a key: a value's bytes, with what the cache must know of it.
//!
//! Version 1, little-endian:
//! ```text
//! magic "Ldr" · format 1 | checksum u64 | flags u16 | version u64 | stamp u64
//! created u64 | soft u64 | hard u64 (ms of wall time) | load cost u32 (µs) | raw length u32
//! tags: count u8, each length u16 and bytes | [etag: length u16, bytes] | [lookup version u64] | [mark u64]
//! payload
//! ```
//! The checksum (xxh3) is of the key and of all that follows the checksum: bytes that stand under
//! another key than their own are refused. Parsing is total. Must not know stores, policy or time.

use xxhash_rust::xxh3::Xxh3Default;

use super::codec::{self, Payload};
use super::fields::{Fields, put_text};

const MAGIC: [u8; 3] = *b"Ldr";
const FORMAT: u8 = 1;
const CHECKSUM_AT: usize = 4;
const BODY_AT: usize = CHECKSUM_AT + 8;

const VERSION_AT: usize = BODY_AT + 2;
const CREATED_AT: usize = VERSION_AT + 2 * 8;
const HARD_AT: usize = VERSION_AT + 4 * 8;

const NEGATIVE: u16 = 1 << 4;
const OWN_TTL: u16 = 1 << 5;
const HAS_ETAG: u16 = 1 << 6;
const HAS_LOOKUP: u16 = 1 << 7;
const HAS_MARK: u16 = 1 << 8;
const KNOWN_FLAGS: u16 = (1 << 9) - 1;

/// A time that never comes.
pub(crate) const NEVER_MS: u64 = u64::MAX;

/// What is stored for a key. Times are wall times in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Envelope<'a> {
    /// It is known that the key has no value.
    pub(crate) is_negative: bool,
    /// Its time to live is its own, not the policy's.
    pub(crate) has_own_ttl: bool,
    /// Identifies the value.
    pub(crate) version: u64,
    /// The invalidation log's number that it is compared with.
    pub(crate) stamp: u64,
    pub(crate) created_ms: u64,
    /// From here on it is stale.
    pub(crate) soft_ms: u64,
    /// From here on it is gone.
    pub(crate) hard_ms: u64,
    /// What its load took, in microseconds.
    pub(crate) cost_us: u32,
    pub(crate) tags: Vec<&'a str>,
    /// What the origin calls this state of the value.
    pub(crate) etag: Option<&'a str>,
    /// The version that the value was asked for at.
    pub(crate) lookup: Option<u64>,
    /// Its version in the store that processes share.
    pub(crate) mark: Option<u64>,
    pub(crate) payload: Payload<'a>,
}

/// Where an envelope stands in the order of expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) created_ms: u64,
    pub(crate) hard_ms: u64,
    pub(crate) version: u64,
}

/// Why bytes are no envelope of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EnvelopeError {
    #[error("no envelope")]
    Magic,
    #[error("an envelope of format {0}; this version reads format 1")]
    Format(u8),
    #[error("the checksum is wrong")]
    Checksum,
    #[error("the envelope ends too early or has unknown flags")]
    Fields,
}

impl<'a> Envelope<'a> {
    /// The bytes to store under `key`. Of tags the first 255 are kept, of texts the first 64 KiB;
    /// the cache's own limits are lower.
    pub(crate) fn seal(&self, key: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(96 + self.payload.bytes.len());
        out.extend(MAGIC);
        out.push(FORMAT);
        out.extend([0; 8]);
        out.extend(self.flags().to_le_bytes());
        for field in [
            self.version,
            self.stamp,
            self.created_ms,
            self.soft_ms,
            self.hard_ms,
        ] {
            out.extend(field.to_le_bytes());
        }
        out.extend(self.cost_us.to_le_bytes());
        out.extend(self.payload.raw_len.to_le_bytes());
        let tags = &self.tags[..self.tags.len().min(usize::from(u8::MAX))];
        out.push(tags.len() as u8);
        for tag in tags {
            put_text(&mut out, tag);
        }
        if let Some(etag) = self.etag {
            put_text(&mut out, etag);
        }
        for number in [self.lookup, self.mark].into_iter().flatten() {
            out.extend(number.to_le_bytes());
        }
        out.extend_from_slice(&self.payload.bytes);
        let checksum = checksum(key, &out[BODY_AT..]);
        out[CHECKSUM_AT..BODY_AT].copy_from_slice(&checksum.to_le_bytes());
        out
    }

    fn flags(&self) -> u16 {
        let flag = |is_set: bool, bit: u16| if is_set { bit } else { 0 };
        codec::kind_bits(&self.payload)
            | flag(self.is_negative, NEGATIVE)
            | flag(self.has_own_ttl, OWN_TTL)
            | flag(self.etag.is_some(), HAS_ETAG)
            | flag(self.lookup.is_some(), HAS_LOOKUP)
            | flag(self.mark.is_some(), HAS_MARK)
    }

    /// Reads what was stored under `key`.
    pub(crate) fn open(key: &str, bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        let envelope = Self::parse(bytes)?;
        let stored = bytes[CHECKSUM_AT..BODY_AT].try_into();
        let stored = u64::from_le_bytes(stored.map_err(|_| EnvelopeError::Fields)?);
        if stored == checksum(key, &bytes[BODY_AT..]) {
            Ok(envelope)
        } else {
            Err(EnvelopeError::Checksum)
        }
    }

    /// Reads the fields, without the checksum.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        let mut rest = Fields(bytes);
        if rest.take(MAGIC.len()) != Some(&MAGIC[..]) {
            return Err(EnvelopeError::Magic);
        }
        match rest.take(1) {
            Some([FORMAT]) => {}
            Some([other]) => return Err(EnvelopeError::Format(*other)),
            _ => return Err(EnvelopeError::Magic),
        }
        envelope(rest).ok_or(EnvelopeError::Fields)
    }
}

/// What follows magic and format.
fn envelope(mut fields: Fields<'_>) -> Option<Envelope<'_>> {
    fields.take(BODY_AT - CHECKSUM_AT)?;
    let flags = fields.u16()?;
    if flags & !KNOWN_FLAGS != 0 {
        return None;
    }
    let (codec, packing) = codec::kind_of(flags)?;
    let (version, stamp) = (fields.u64()?, fields.u64()?);
    let (created_ms, soft_ms, hard_ms) = (fields.u64()?, fields.u64()?, fields.u64()?);
    let (cost_us, raw_len) = (fields.u32()?, fields.u32()?);
    let [tags] = fields.array()?;
    Some(Envelope {
        is_negative: flags & NEGATIVE != 0,
        has_own_ttl: flags & OWN_TTL != 0,
        version,
        stamp,
        created_ms,
        soft_ms,
        hard_ms,
        cost_us,
        tags: (0..tags).map(|_| fields.text()).collect::<Option<_>>()?,
        etag: match flags & HAS_ETAG {
            0 => None,
            _ => Some(fields.text()?),
        },
        lookup: match flags & HAS_LOOKUP {
            0 => None,
            _ => Some(fields.u64()?),
        },
        mark: match flags & HAS_MARK {
            0 => None,
            _ => Some(fields.u64()?),
        },
        payload: Payload {
            codec,
            packing,
            raw_len,
            bytes: fields.0.into(),
        },
    })
}

/// Where these bytes stand in the order of expiry, read without a look at the rest.
pub(crate) fn place(envelope: &[u8]) -> Option<Place> {
    let field = |at: usize| {
        let bytes = envelope.get(at..at + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    };
    Some(Place {
        created_ms: field(CREATED_AT)?,
        hard_ms: field(HARD_AT)?,
        version: field(VERSION_AT)?,
    })
}

/// The same envelope, stale from `soft_ms` on; `None` if it is damaged.
pub(crate) fn expired(key: &str, envelope: &[u8], soft_ms: u64) -> Option<Vec<u8>> {
    let mut envelope = Envelope::open(key, envelope).ok()?;
    envelope.soft_ms = envelope.soft_ms.min(soft_ms);
    Some(envelope.seal(key))
}
fn checksum(key: &str, body: &[u8]) -> u64 {
    let mut hash = Xxh3Default::new();
    hash.update(&(key.len() as u64).to_le_bytes());
    hash.update(key.as_bytes());
    hash.update(body);
    hash.digest()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tier::codec::{Codec, Packing};
    use proptest::prelude::*;

    fn sample() -> Envelope<'static> {
        Envelope {
            is_negative: false,
            has_own_ttl: true,
            version: 7,
            stamp: 6,
            created_ms: 1_000,
            soft_ms: 2_000,
            hard_ms: NEVER_MS,
            cost_us: 1_500,
            tags: vec!["team:7", "", "ü"],
            etag: Some("\"v1\""),
            lookup: Some(3),
            mark: Some(u64::MAX),
            payload: Payload {
                codec: Codec::Postcard,
                packing: Packing::Lz4,
                raw_len: 5_000,
                bytes: vec![1, 2, 3].into(),
            },
        }
    }

    #[test]
    fn what_is_sealed_is_opened() {
        let full = sample();
        let bare = Envelope {
            is_negative: true,
            has_own_ttl: false,
            tags: Vec::new(),
            etag: None,
            lookup: None,
            mark: None,
            payload: Payload {
                codec: Codec::MessagePack,
                packing: Packing::Plain,
                raw_len: 0,
                bytes: Vec::new().into(),
            },
            ..sample()
        };
        for envelope in [full, bare] {
            assert_eq!(Envelope::open("k", &envelope.seal("k")), Ok(envelope));
        }
    }

    #[test]
    fn an_envelope_tells_its_place_and_can_be_expired() {
        let sealed = Envelope {
            hard_ms: 3_000,
            ..sample()
        }
        .seal("k");
        let at = Place {
            created_ms: sample().created_ms,
            hard_ms: 3_000,
            version: 7,
        };
        assert_eq!(place(&sealed), Some(at));
        assert_eq!(place(&sealed[..53]), None);
        let stale = expired("k", &sealed, 1_500).unwrap();
        let expected = Envelope {
            hard_ms: 3_000,
            soft_ms: 1_500,
            ..sample()
        };
        assert_eq!(Envelope::open("k", &stale), Ok(expected));
        assert_eq!(expired("other", &sealed, 1_500), None);
    }

    #[test]
    fn bytes_under_another_key_or_with_a_changed_bit_are_refused() {
        let sealed = sample().seal("user:1");
        assert_eq!(
            Envelope::open("user:3", &sealed),
            Err(EnvelopeError::Checksum)
        );
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Envelope::open("user:1", &changed).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(Envelope::open("user:1", &sealed[..length]).is_err());
        }
    }

    #[test]
    fn another_format_is_told_apart() {
        let mut sealed = sample().seal("k");
        sealed[3] = 2;
        assert_eq!(Envelope::open("k", &sealed), Err(EnvelopeError::Format(2)));
        assert_eq!(Envelope::open("k", b"xyz"), Err(EnvelopeError::Magic));
        assert_eq!(Envelope::open("k", b""), Err(EnvelopeError::Magic));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_envelope_or_an_error(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Envelope::open("k", &body);
            let bytes = [&b"Ldr\x01"[..], &body].concat();
            if let Ok(envelope) = Envelope::parse(&bytes) {
                let sealed = envelope.seal("k");
                prop_assert_eq!(Envelope::parse(&sealed), Ok(envelope));
            }
        }
    }
}
