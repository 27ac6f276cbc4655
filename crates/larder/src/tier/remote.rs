//! What stands for a key in a store that processes share.
//!
//! Version 1, little-endian; a store tells versions apart by the first 12 bytes, and can put a new
//! header before an old payload:
//! ```text
//! "LdR" 1 | version u64 | header's length u16 | header's checksum u64
//! flags u16 | schema u64 | incarnation u64 | log: base u64, stamp u64
//! life u64 | soft u64 | age u64 (ms; no life ends never) | load cost u32 (µs)
//! raw length u32 | payload's checksum u64
//! tags: count u8, each length u16 and bytes | [etag: length u16, bytes] | [lookup version u64]
//! payload
//! ```
//! Times are durations: no clock of another machine is compared. The header's checksum (xxh3) is of
//! the key too. Parsing is total. Must not know stores, policy or time.

use std::borrow::Cow;

use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use super::codec::{self, Codec, Packing, Payload};
use super::fields::{Fields, put_text};
use crate::remote::{HEAD_BYTES, LogPlace, head, version_of};

const LENGTH_AT: usize = HEAD_BYTES;
const CHECKSUM_AT: usize = LENGTH_AT + 2;
const BODY_AT: usize = CHECKSUM_AT + 8;

const NEGATIVE: u16 = 1 << 4;
const HAS_ETAG: u16 = 1 << 5;
const HAS_LOOKUP: u16 = 1 << 6;
const KNOWN_FLAGS: u16 = (1 << 7) - 1;

/// What is known of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) version: u64,
    /// It is known that the key has no value.
    pub(crate) is_negative: bool,
    pub(crate) schema: u64,
    /// Which life of its data the server was in.
    pub(crate) incarnation: u64,
    /// Where the log of invalidations was when the load began.
    pub(crate) log: LogPlace,
    /// How long it is kept, from when it was stored on; `u64::MAX` is for ever.
    pub(crate) life_ms: u64,
    /// The age from which it is stale; `u64::MAX` is never.
    pub(crate) soft_ms: u64,
    /// How old it was when it was stored.
    pub(crate) age_ms: u64,
    pub(crate) cost_us: u32,
    pub(crate) tags: Vec<Box<str>>,
    pub(crate) etag: Option<Box<str>>,
    pub(crate) lookup: Option<u64>,
}

/// Why bytes are no entry of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotAnEntry(&'static str);

impl Header {
    /// The bytes to store under `key`.
    pub(crate) fn seal(&self, key: &str, payload: &Payload<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity(128 + payload.bytes.len());
        out.extend(head(self.version));
        out.extend([0; BODY_AT - HEAD_BYTES]);
        out.extend(self.flags(payload).to_le_bytes());
        for field in [
            self.schema,
            self.incarnation,
            self.log.base,
            self.log.top,
            self.life_ms,
            self.soft_ms,
            self.age_ms,
        ] {
            out.extend(field.to_le_bytes());
        }
        out.extend(self.cost_us.to_le_bytes());
        out.extend(payload.raw_len.to_le_bytes());
        out.extend(xxh3_64(&payload.bytes).to_le_bytes());
        out.push(self.tags.len() as u8);
        for tag in &self.tags {
            put_text(&mut out, tag);
        }
        if let Some(etag) = &self.etag {
            put_text(&mut out, etag);
        }
        if let Some(lookup) = self.lookup {
            out.extend(lookup.to_le_bytes());
        }
        finish(key, &mut out);
        out.extend_from_slice(&payload.bytes);
        out
    }

    fn flags(&self, payload: &Payload<'_>) -> u16 {
        let flag = |is_set: bool, bit: u16| if is_set { bit } else { 0 };
        codec::kind_bits(payload)
            | flag(self.is_negative, NEGATIVE)
            | flag(self.etag.is_some(), HAS_ETAG)
            | flag(self.lookup.is_some(), HAS_LOOKUP)
    }
}

/// Writes the header's length and checksum.
fn finish(key: &str, header: &mut [u8]) {
    let length = header.len() as u16;
    header[LENGTH_AT..CHECKSUM_AT].copy_from_slice(&length.to_le_bytes());
    let sum = checksum(key, header);
    header[CHECKSUM_AT..BODY_AT].copy_from_slice(&sum.to_le_bytes());
}

fn checksum(key: &str, header: &[u8]) -> u64 {
    let mut hash = Xxh3Default::new();
    hash.update(&(key.len() as u64).to_le_bytes());
    hash.update(key.as_bytes());
    hash.update(&header[..CHECKSUM_AT]);
    hash.update(&header[BODY_AT..]);
    hash.digest()
}

/// An entry's header, and the rest of the bytes with what the header says of them.
pub(crate) struct Opened<'a> {
    pub(crate) header: Header,
    codec: Codec,
    packing: Packing,
    raw_len: u32,
    payload_sum: u64,
    rest: &'a [u8],
}

/// Reads the header that `bytes` begin with.
///
/// # Errors
/// The bytes are no entry of this key, are damaged, or of another format.
pub(crate) fn open<'a>(key: &str, bytes: &'a [u8]) -> Result<Opened<'a>, NotAnEntry> {
    let version = version_of(bytes).ok_or(NotAnEntry("no entry of this format"))?;
    let length = bytes.get(LENGTH_AT..CHECKSUM_AT);
    let length = length.and_then(|length| length.try_into().ok());
    let length = length.map_or(0, |length| usize::from(u16::from_le_bytes(length)));
    if length < BODY_AT || bytes.len() < length {
        return Err(NotAnEntry("the header ends too early"));
    }
    let (header, rest) = bytes.split_at(length);
    let sum = &header[CHECKSUM_AT..BODY_AT];
    if sum != checksum(key, header).to_le_bytes() {
        return Err(NotAnEntry("the header's checksum is wrong"));
    }
    read(version, &header[BODY_AT..], rest).ok_or(NotAnEntry("the header's fields are unknown"))
}

fn read<'a>(version: u64, header: &[u8], rest: &'a [u8]) -> Option<Opened<'a>> {
    let mut fields = Fields(header);
    let flags = fields.u16()?;
    if flags & !KNOWN_FLAGS != 0 {
        return None;
    }
    let (codec, packing) = codec::kind_of(flags)?;
    let mut header = Header {
        version,
        is_negative: flags & NEGATIVE != 0,
        schema: fields.u64()?,
        incarnation: fields.u64()?,
        log: LogPlace {
            base: fields.u64()?,
            top: fields.u64()?,
        },
        life_ms: fields.u64()?,
        soft_ms: fields.u64()?,
        age_ms: fields.u64()?,
        cost_us: fields.u32()?,
        tags: Vec::new(),
        etag: None,
        lookup: None,
    };
    let (raw_len, payload_sum) = (fields.u32()?, fields.u64()?);
    for _ in 0..fields.u8()? {
        header.tags.push(fields.text()?.into());
    }
    if flags & HAS_ETAG != 0 {
        header.etag = Some(fields.text()?.into());
    }
    if flags & HAS_LOOKUP != 0 {
        header.lookup = Some(fields.u64()?);
    }
    fields.0.is_empty().then_some(Opened {
        header,
        codec,
        packing,
        raw_len,
        payload_sum,
        rest,
    })
}

impl<'a> Opened<'a> {
    /// The payload; `None` if it is not what the header was made for.
    pub(crate) fn payload(&self) -> Option<Payload<'a>> {
        (xxh3_64(self.rest) == self.payload_sum).then_some(Payload {
            codec: self.codec,
            packing: self.packing,
            raw_len: self.raw_len,
            bytes: Cow::Borrowed(self.rest),
        })
    }

    /// The bytes of another header for the same payload.
    pub(crate) fn with(&self, key: &str, header: &Header) -> Vec<u8> {
        let nothing = Payload {
            codec: self.codec,
            packing: self.packing,
            raw_len: self.raw_len,
            bytes: Cow::Borrowed(&[]),
        };
        let mut sealed = header.seal(key, &nothing);
        let at = SUM_AT;
        sealed[at..at + 8].copy_from_slice(&self.payload_sum.to_le_bytes());
        finish(key, &mut sealed);
        sealed
    }
}

/// Where the payload's checksum stands.
const SUM_AT: usize = BODY_AT + 2 + 7 * 8 + 2 * 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Header {
        Header {
            version: u64::MAX - 1,
            is_negative: false,
            schema: 3,
            incarnation: 0xABCD,
            log: LogPlace { base: 7, top: 9 },
            life_ms: 60_000,
            soft_ms: 30_000,
            age_ms: 12,
            cost_us: 77,
            tags: vec!["eu".into(), "é".into()],
            etag: Some("\"1\"".into()),
            lookup: Some(5),
        }
    }

    fn payload() -> Payload<'static> {
        Payload {
            codec: Codec::Postcard,
            packing: Packing::Lz4,
            raw_len: 100,
            bytes: Cow::Borrowed(b"bytes of a value"),
        }
    }

    #[test]
    fn what_was_sealed_is_opened_whole_and_by_its_header_alone() {
        for header in [
            sample(),
            Header {
                is_negative: true,
                tags: Vec::new(),
                etag: None,
                lookup: None,
                ..sample()
            },
        ] {
            let sealed = header.seal("k", &payload());
            let opened = open("k", &sealed).unwrap();
            assert_eq!(opened.header, header);
            assert_eq!(opened.payload(), Some(payload()));
            let length = usize::from(u16::from_le_bytes([sealed[12], sealed[13]]));
            assert_eq!(open("k", &sealed[..length]).unwrap().header, header);
        }
    }

    #[test]
    fn a_changed_bit_is_noticed_wherever_it_is() {
        let sealed = sample().seal("k", &payload());
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let opened = open("k", &changed);
            let is_taken = opened.is_ok_and(|opened| opened.payload().is_some());
            assert!(!is_taken, "bit {bit}");
        }
        assert!(open("another", &sealed).is_err());
        for length in 0..sealed.len() {
            let opened = open("k", &sealed[..length]);
            assert!(!opened.is_ok_and(|opened| opened.payload().is_some()));
        }
    }

    #[test]
    fn a_new_header_goes_before_the_old_payload() {
        let sealed = sample().seal("k", &payload());
        let opened = open("k", &sealed).unwrap();
        let newer = Header {
            soft_ms: 0,
            etag: Some("\"another, longer\"".into()),
            ..sample()
        };
        let mut joined = opened.with("k", &newer);
        joined.extend_from_slice(&payload().bytes);
        let opened = open("k", &joined).unwrap();
        assert_eq!(opened.header, newer);
        assert_eq!(opened.payload(), Some(payload()));
    }
}
