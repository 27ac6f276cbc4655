//! How a value becomes bytes and back: a serde format, then compression where it pays.
//!
//! Decoding is total: whatever the bytes, it returns, and takes no more memory than the bytes could
//! honestly stand for. Must not know keys, times or stores.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The format that values are written in. Values in the other one are still read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    /// `MessagePack` with the fields' names: a field with a default can be added, and fields moved,
    /// without a new schema number. `Some(None)` comes back as `None`; a value nested more than 200
    /// levels deep is not kept.
    #[default]
    MessagePack,
    /// Postcard: about half the size and time; every change of the type needs a new schema number.
    /// Nesting has no limit: a type that holds itself must keep its depth within the stack.
    Postcard,
}

/// How large values are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// LZ4 from 1 KiB on, where it saves 15 % or more.
    #[default]
    Lz4,
    /// Zstandard at level 1 from 16 KiB on, LZ4 below that, each where it saves 15 % or more.
    Zstd,
    /// None.
    Off,
}

/// The largest value, in bytes before compression.
pub(crate) const VALUE_BYTES_MAX: usize = 256 << 20;
/// The deepest nesting in `MessagePack`: what a thread's stack of 2 MiB holds without optimisation.
const DEPTH_MAX: usize = 200;
const LZ4_FROM_BYTES: usize = 1 << 10;
const ZSTD_FROM_BYTES: usize = 16 << 10;
const ZSTD_LEVEL: i32 = 1;
/// No LZ4 block stands for more than this many times its size.
const LZ4_RATIO_MAX: usize = 255;
/// The same for Zstandard: a block of 128 KiB takes 4 bytes or more.
const ZSTD_RATIO_MAX: usize = (128 << 10) / 4;

/// How a payload is packed, as the envelope says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Lz4,
    Zstd,
}

const CODEC_BITS: u16 = 0b11;
const PACKING_SHIFT: u16 = 2;

/// How a payload is made, as bits of an envelope's flags.
pub(crate) const fn kind_bits(payload: &Payload<'_>) -> u16 {
    let codec = match payload.codec {
        Codec::MessagePack => 0,
        Codec::Postcard => 1,
    };
    let packing = match payload.packing {
        Packing::Plain => 0,
        Packing::Lz4 => 1,
        Packing::Zstd => 2,
    };
    codec | packing << PACKING_SHIFT
}

/// What the bits say; `None` if this version does not know it.
pub(crate) const fn kind_of(flags: u16) -> Option<(Codec, Packing)> {
    let codec = match flags & CODEC_BITS {
        0 => Codec::MessagePack,
        1 => Codec::Postcard,
        _ => return None,
    };
    let packing = match flags >> PACKING_SHIFT & CODEC_BITS {
        0 => Packing::Plain,
        1 => Packing::Lz4,
        2 => Packing::Zstd,
        _ => return None,
    };
    Some((codec, packing))
}

/// How values of one type become bytes: all that a tier knows of their type.
pub(crate) struct Typed<V> {
    encode: fn(&V, Codec, Compression) -> Result<Payload<'static>, CodecError>,
    decode: fn(&Payload<'_>) -> Result<V, CodecError>,
}

impl<V> Clone for Typed<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Typed<V> {}

impl<V> Typed<V> {
    /// Encodes; a type's own `Serialize` may panic, which is an error like others.
    pub(crate) fn encoded(
        &self,
        value: &V,
        codec: Codec,
        compression: Compression,
    ) -> Result<Payload<'static>, CodecError> {
        let encode = || (self.encode)(value, codec, compression);
        match catch_unwind(AssertUnwindSafe(encode)) {
            Ok(encoded) => encoded,
            Err(_) => Err(CodecError("its encoding panicked".into())),
        }
    }

    /// Decodes; a type's own `Deserialize` may panic, which is an error like others.
    pub(crate) fn decoded(&self, payload: &Payload<'_>) -> Result<V, CodecError> {
        let decode = || (self.decode)(payload);
        match catch_unwind(AssertUnwindSafe(decode)) {
            Ok(decoded) => decoded,
            Err(_) => Err(CodecError("its decoding panicked".into())),
        }
    }
}

impl<V: Serialize + DeserializeOwned> Typed<V> {
    /// How values of a type that serde knows become bytes.
    pub(crate) fn serde() -> Self {
        Self { encode, decode }
    }
}

/// A value in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payload<'a> {
    pub(crate) codec: Codec,
    pub(crate) packing: Packing,
    /// Bytes before compression.
    pub(crate) raw_len: u32,
    pub(crate) bytes: Cow<'a, [u8]>,
}

impl Payload<'_> {
    /// Of an entry that has no value.
    pub(crate) const fn empty(codec: Codec) -> Self {
        Self {
            codec,
            packing: Packing::Plain,
            raw_len: 0,
            bytes: Cow::Borrowed(&[]),
        }
    }
}

/// Why a value is not encoded or decoded. The text is for logs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct CodecError(String);

impl CodecError {
    fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Encodes and compresses. O(value).
pub(crate) fn encode<V: Serialize>(
    value: &V,
    codec: Codec,
    compression: Compression,
) -> Result<Payload<'static>, CodecError> {
    let raw = match codec {
        Codec::MessagePack => rmp_serde::to_vec_named(value).map_err(CodecError::of)?,
        Codec::Postcard => postcard::to_allocvec(value).map_err(CodecError::of)?,
    };
    if raw.len() > VALUE_BYTES_MAX {
        let length = raw.len();
        return Err(CodecError(format!(
            "a value of {length} bytes; at most {VALUE_BYTES_MAX} are kept"
        )));
    }
    Ok(compress(raw, codec, compression))
}

fn compress(raw: Vec<u8>, codec: Codec, compression: Compression) -> Payload<'static> {
    let raw_len = raw.len() as u32;
    let packed = match compression {
        Compression::Zstd if raw.len() >= ZSTD_FROM_BYTES => {
            let packed = zstd::bulk::compress(&raw, ZSTD_LEVEL).ok();
            packed.map(|packed| (Packing::Zstd, packed))
        }
        Compression::Lz4 | Compression::Zstd if raw.len() >= LZ4_FROM_BYTES => {
            Some((Packing::Lz4, lz4_flex::block::compress(&raw)))
        }
        _ => None,
    };
    let saves = |packed: &Vec<u8>| packed.len() * 100 <= raw.len() * 85;
    let (packing, bytes) = match packed {
        Some((packing, packed)) if saves(&packed) => (packing, packed),
        _ => (Packing::Plain, raw),
    };
    Payload {
        codec,
        packing,
        raw_len,
        bytes: bytes.into(),
    }
}

/// Decompresses and decodes. Total: O(value), and before compression at most 255 times the payload's
/// bytes for LZ4, 32,768 times for Zstandard.
pub(crate) fn decode<V: DeserializeOwned>(payload: &Payload<'_>) -> Result<V, CodecError> {
    let raw = decompress(payload)?;
    match payload.codec {
        Codec::MessagePack => {
            let mut decoder = rmp_serde::Deserializer::from_read_ref(&*raw);
            decoder.set_max_depth(DEPTH_MAX);
            V::deserialize(&mut decoder).map_err(CodecError::of)
        }
        Codec::Postcard => postcard::from_bytes(&raw).map_err(CodecError::of),
    }
}

fn decompress<'a>(payload: &'a Payload<'_>) -> Result<Cow<'a, [u8]>, CodecError> {
    let (packed, raw_len) = (&*payload.bytes, payload.raw_len as usize);
    if raw_len > VALUE_BYTES_MAX {
        return Err(CodecError(format!("a value that claims {raw_len} bytes")));
    }
    let ratio_max = match payload.packing {
        Packing::Plain => 1,
        Packing::Lz4 => LZ4_RATIO_MAX,
        Packing::Zstd => ZSTD_RATIO_MAX,
    };
    if raw_len / ratio_max > packed.len() {
        return Err(CodecError(format!(
            "{raw_len} bytes cannot come of {}",
            packed.len()
        )));
    }
    let raw = match payload.packing {
        Packing::Plain => Cow::Borrowed(packed),
        Packing::Lz4 => lz4_flex::block::decompress(packed, raw_len)
            .map_err(CodecError::of)?
            .into(),
        Packing::Zstd => zstd::bulk::decompress(packed, raw_len)
            .map_err(CodecError::of)?
            .into(),
    };
    if raw.len() == raw_len {
        Ok(raw)
    } else {
        let length = raw.len();
        Err(CodecError(format!(
            "{length} bytes where {raw_len} were expected"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    fn round_trip<V: Serialize + DeserializeOwned>(
        value: &V,
        codec: Codec,
        compression: Compression,
    ) -> (Packing, V) {
        let payload = encode(value, codec, compression).unwrap();
        (payload.packing, decode(&payload).unwrap())
    }

    #[test]
    fn what_compresses_well_and_is_large_is_compressed() {
        let text = |length: usize| "name".repeat(length / 4);
        for (compression, length, packing) in [
            (Compression::Lz4, 100, Packing::Plain),
            (Compression::Lz4, 2_000, Packing::Lz4),
            (Compression::Zstd, 2_000, Packing::Lz4),
            (Compression::Zstd, 20_000, Packing::Zstd),
            (Compression::Off, 20_000, Packing::Plain),
        ] {
            for codec in [Codec::MessagePack, Codec::Postcard] {
                let value = text(length);
                assert_eq!(round_trip(&value, codec, compression), (packing, value));
            }
        }
    }

    #[test]
    fn what_compression_does_not_make_smaller_stays_as_it_is() {
        let mut state = 1_u64;
        let noise: Vec<u64> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            state.rotate_left(29) ^ state
        })
        .take(4_000)
        .collect();
        for compression in [Compression::Lz4, Compression::Zstd] {
            let (packing, _) = round_trip(&noise, Codec::MessagePack, compression);
            assert_eq!(packing, Packing::Plain);
        }
    }

    #[test]
    fn a_field_can_be_added_in_message_pack() {
        #[derive(Serialize)]
        struct Before {
            name: String,
        }
        #[derive(Deserialize)]
        struct After {
            #[serde(default)]
            age: Option<u32>,
            name: String,
        }
        let before = Before { name: "Ada".into() };
        let payload = encode(&before, Codec::MessagePack, Compression::Off).unwrap();
        let after: After = decode(&payload).unwrap();
        assert_eq!((after.name.as_str(), after.age), ("Ada", None));
    }

    #[test]
    fn what_message_pack_does_not_keep_is_as_documented() {
        let payload = encode(&Some(None::<u8>), Codec::MessagePack, Compression::Off).unwrap();
        assert_eq!(decode::<Option<Option<u8>>>(&payload), Ok(None));
        let nested = |levels: usize| Payload {
            codec: Codec::MessagePack,
            packing: Packing::Plain,
            raw_len: levels as u32 + 1,
            // Arrays of one element each, the innermost empty.
            bytes: [vec![0x91; levels], vec![0x90]].concat().into(),
        };
        assert!(decode::<Nested>(&nested(150)).is_ok());
        assert!(decode::<Nested>(&nested(1 << 20)).is_err());
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its depth matters")]
    struct Nested(Vec<Nested>);

    #[test]
    fn a_payload_that_claims_too_much_is_refused_without_the_memory_for_it() {
        for packing in [Packing::Lz4, Packing::Zstd, Packing::Plain] {
            for raw_len in [1 << 27, u32::MAX] {
                let payload = Payload {
                    codec: Codec::MessagePack,
                    packing,
                    raw_len,
                    bytes: vec![0; 64].into(),
                };
                let refusal = decode::<String>(&payload).unwrap_err().to_string();
                let is_by_length = refusal.contains("cannot come of") || refusal.contains("claims");
                assert!(is_by_length, "{packing:?}: {refusal}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_decode_to_a_value_or_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..200), raw_len in 0..20_000_u32, postcard: bool,
        ) {
            let codec = if postcard { Codec::Postcard } else { Codec::MessagePack };
            for packing in [Packing::Plain, Packing::Lz4, Packing::Zstd] {
                let payload = Payload { codec, packing, raw_len, bytes: bytes.clone().into() };
                let _: Result<Vec<Option<String>>, _> = decode(&payload);
            }
        }
    }
}
