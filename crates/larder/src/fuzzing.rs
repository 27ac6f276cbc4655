//! What must hold for whatever a parser or codec of this crate is given: each function panics where
//! it does not.
//!
//! They are compiled for tests, which call them with random input, and for `fuzz/`, where a fuzzer
//! chooses it. Must not know either.

mod pattern;
mod record;
#[cfg(test)]
mod tests;

use std::net::Ipv6Addr;

use crate::glob::Glob;
use crate::key::CacheKey;
use crate::tier::codec::{self, Codec, Compression, Packing, Payload};
use crate::tier::envelope::{self, Envelope};
use crate::tier::log_item::LogItem;
use record::Record;

/// A pattern is parsed as its definition says, and matches what that says; one that is refused is
/// told where.
pub fn glob(pattern: &str, text: &str) {
    let wanted = pattern::parse(pattern);
    match (Glob::parse(pattern), wanted) {
        (Ok(glob), Some(parts)) => {
            assert_eq!(glob.source(), pattern);
            let is_match = pattern::matches(&parts, text);
            assert_eq!(glob.matches(text), is_match, "{pattern:?} {text:?}");
        }
        (Err(error), None) => assert!(pattern.get(..error.at).is_some(), "{error:?}"),
        (Err(error), Some(_)) => assert!(pattern.len() > 1_024, "{error:?}"),
        (Ok(_), None) => panic!("{pattern:?} was taken"),
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, CacheKey)]
enum Page {
    Home,
    User { region: Option<String>, id: u64 },
    Name(String),
    Pair((char, bool), [u8; 2]),
}

/// A text is no key's, or that of the key that it gives.
pub fn key_text(text: &str) {
    text_of::<String>(text);
    text_of::<u64>(text);
    text_of::<i8>(text);
    text_of::<u128>(text);
    text_of::<char>(text);
    text_of::<bool>(text);
    text_of::<Ipv6Addr>(text);
    text_of::<std::net::IpAddr>(text);
    text_of::<Vec<u8>>(text);
    text_of::<[u8; 3]>(text);
    text_of::<(String, String)>(text);
    text_of::<(String, Option<u64>, Vec<u8>)>(text);
    text_of::<Option<Option<String>>>(text);
    text_of::<(Option<(String, String)>, String)>(text);
    text_of::<((String, bool), (char, i64), Option<String>)>(text);
    text_of::<Page>(text);
}

fn text_of<K: CacheKey>(text: &str) {
    if let Some(key) = K::from_text(text) {
        assert_eq!(key.to_text(), text);
    }
}

/// A key comes back from its text, so that no two have the same.
pub fn key(one: &str, other: &str, number: u64, bytes: &[u8]) {
    let texts = || (one.to_owned(), other.to_owned());
    comes_back(&texts());
    comes_back(&(texts(), number));
    comes_back(&(number, Some(texts()), bytes.to_vec()));
    for key in [Some(Some(one.to_owned())), Some(None), None] {
        comes_back(&key);
    }
    comes_back(&(Some(one.to_owned()), None::<String>, Some(number)));
    comes_back(&(
        number as i16,
        number as u8 as char,
        Ipv6Addr::from(u128::from(number) << 40),
    ));
    comes_back(&Page::Home);
    comes_back(&Page::Name(one.to_owned()));
    comes_back(&Page::User {
        region: Some(other.to_owned()),
        id: number,
    });
    if one != other {
        assert_ne!(
            (texts(), 1_u8).to_text(),
            ((other.to_owned(), one.to_owned()), 1_u8).to_text()
        );
    }
}

fn comes_back<K: CacheKey + std::fmt::Debug>(key: &K) {
    assert_eq!(K::from_text(&key.to_text()).as_ref(), Some(key));
}

/// Any bytes are an envelope or are refused; an envelope is opened as it was sealed, under its own
/// key, and not if a bit of it has changed. `after_format`: the bytes after magic and format.
pub fn envelope(key: &str, other_key: &str, after_format: &[u8], bit: usize) {
    let _ = Envelope::open(key, after_format);
    let bytes = [&b"Ldr\x01"[..], after_format].concat();
    let _ = (envelope::place(&bytes), envelope::expired(key, &bytes, 0));
    let Ok(envelope) = Envelope::parse(&bytes) else {
        assert!(Envelope::open(key, &bytes).is_err());
        return;
    };
    let mut sealed = envelope.seal(key);
    assert_eq!(sealed.len(), bytes.len());
    assert_eq!(Envelope::open(key, &sealed).as_ref(), Ok(&envelope));
    let place = envelope::place(&sealed).expect("an envelope has a place");
    assert_eq!(
        (place.hard_ms, place.version),
        (envelope.hard_ms, envelope.version)
    );
    let expired = envelope::expired(key, &sealed, 1).expect("it is not damaged");
    let expired = Envelope::open(key, &expired).expect("it is sealed");
    assert_eq!(expired.soft_ms, envelope.soft_ms.min(1));
    if other_key != key {
        assert!(Envelope::open(other_key, &sealed).is_err());
    }
    let bit = bit % (sealed.len() * 8);
    sealed[bit / 8] ^= 1 << (bit % 8);
    assert!(Envelope::open(key, &sealed).is_err(), "bit {bit}");
}

/// Bytes that claim to be a value are decoded or refused. `choice` is the codec and the packing.
/// Returns how many bytes they can stand for before compression.
pub fn decoding(bytes: &[u8], choice: u8, raw_len: u32) -> usize {
    let (packing, ratio) = match choice >> 1 & 3 {
        1 => (Packing::Lz4, 255),
        2 => (Packing::Zstd, 32 << 10),
        _ => (Packing::Plain, 1),
    };
    let payload = Payload {
        codec: codec_of(choice),
        packing,
        raw_len: match packing {
            Packing::Plain => bytes.len() as u32,
            _ => raw_len,
        },
        bytes: bytes.into(),
    };
    let _ = codec::decode::<Record>(&payload);
    (payload.raw_len as usize).min(bytes.len() * ratio)
}

/// The record that the bytes stand for, made larger, comes back from every codec and compression,
/// and does no harm with a byte of it changed.
pub fn encoding(bytes: &[u8], choice: u8, repeats: u16, damage: (usize, u8)) {
    let payload = Payload {
        codec: codec_of(choice),
        packing: Packing::Plain,
        raw_len: bytes.len() as u32,
        bytes: bytes.into(),
    };
    let Ok(mut record) = codec::decode::<Record>(&payload) else {
        return;
    };
    if !record.is_shallow() {
        return;
    }
    record.grow(repeats);
    for codec in [Codec::MessagePack, Codec::Postcard] {
        for compression in [Compression::Lz4, Compression::Zstd, Compression::Off] {
            let mut payload = codec::encode(&record, codec, compression).expect("it is small");
            let decoded: Record = codec::decode(&payload).expect("it was encoded");
            assert_eq!(decoded, record);
            let (at, change) = damage;
            let bytes = payload.bytes.to_mut();
            let at = at % bytes.len();
            bytes[at] ^= change;
            let _ = codec::decode::<Record>(&payload);
        }
    }
}

fn codec_of(choice: u8) -> Codec {
    match choice & 1 {
        0 => Codec::MessagePack,
        _ => Codec::Postcard,
    }
}

/// Any bytes are those of one item of the log, or are refused.
pub fn log_item(bytes: &[u8]) {
    if let Some(item) = LogItem::from_bytes(bytes) {
        assert_eq!(item.to_bytes(), bytes);
    }
}

/// An item of the log is read as it was written.
pub fn log_item_of(texts: &[&str]) {
    let all: Box<[Box<str>]> = texts.iter().map(|text| (*text).into()).collect();
    let first = || Box::from(texts.first().copied().unwrap_or_default());
    for item in [
        LogItem::AllOf(all),
        LogItem::Tag(first()),
        LogItem::SoftTag(first()),
        LogItem::Prefix(first()),
        LogItem::Glob(first()),
    ] {
        assert_eq!(LogItem::from_bytes(&item.to_bytes()), Some(item));
    }
}
