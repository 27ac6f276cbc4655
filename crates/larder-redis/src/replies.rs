//! What the scripts' answers say. `None` is an answer that the script does not give.
//!
//! Must not know connections.

use std::time::Duration;

use larder::remote::{Acquired, LogNews, LogPlace, Read};
use redis::Value;

use crate::node::Identity;

/// Where a log is; `None` if it is missing.
pub(crate) struct Place(pub(crate) Option<LogPlace>);

/// `{run_id, replid}`
pub(crate) fn identity(value: Value) -> Option<Identity> {
    let mut parts = array(value)?.into_iter();
    let identity = Identity {
        run: bytes(parts.next()?)?,
        replication: bytes(parts.next()?)?,
    };
    (!identity.run.is_empty()).then_some(identity)
}

/// `{base, top}`
pub(crate) fn place(value: Value) -> Option<Place> {
    let mut parts = array(value)?.into_iter();
    let (base, top) = (bytes(parts.next()?)?, bytes(parts.next()?)?);
    Some(Place(match base.split_first() {
        Some((b'!', base)) => Some(LogPlace {
            base: base_number(base),
            top: number(&top)?,
        }),
        _ => None,
    }))
}

/// `{0}`, `{1, entry, pttl}` or `{2, header, pttl}`
pub(crate) fn read(value: Value) -> Option<Read> {
    let mut parts = array(value)?.into_iter();
    match integer(&parts.next()?)? {
        0 => Some(Read::Nothing),
        1 => Some(Read::Entry(bytes(parts.next()?)?, left(&parts.next()?)?.0)),
        2 => Some(Read::Same(bytes(parts.next()?)?, left(&parts.next()?)?.0)),
        _ => None,
    }
}

/// PTTL and GET, in this order.
pub(crate) fn entry(answers: Vec<Value>) -> Option<Read> {
    let [left_ms, blob] = answers.try_into().ok()?;
    let left = left(&left_ms)?.0;
    match blob {
        Value::Nil => Some(Read::Nothing),
        Value::BulkString(bytes) if bytes.is_empty() => Some(Read::Nothing),
        blob => Some(Read::Entry(bytes(blob)?, left)),
    }
}

/// `{1, entry, pttl}`, `{2, pttl, lookup}` or `{3}`
pub(crate) fn acquired(value: Value) -> Option<Acquired> {
    let mut parts = array(value)?.into_iter();
    match integer(&parts.next()?)? {
        1 => Some(Acquired::Stands(
            bytes(parts.next()?)?,
            left(&parts.next()?)?.0,
        )),
        2 => {
            let left = left(&parts.next()?)?.0.unwrap_or_default();
            let lookup = bytes(parts.next()?)?;
            let lookup = lookup.try_into().ok().map(u64::from_le_bytes);
            Some(Acquired::Leased(left, lookup))
        }
        3 => Some(Acquired::Ours),
        _ => None,
    }
}

/// `{base, top, floor, is_whole, (item, number)*}`; a trace has its number with a minus.
pub(crate) fn log(value: Value) -> Option<LogNews> {
    let mut parts = array(value)?.into_iter();
    let place = LogPlace {
        base: base_number(&bytes(parts.next()?)?),
        top: number(&bytes(parts.next()?)?)?,
    };
    let floor = number(&bytes(parts.next()?)?)?;
    let is_whole = integer(&parts.next()?)? == 1;
    let (mut items, mut traces) = (Vec::with_capacity(parts.len() / 2), Vec::new());
    while let Some(item) = parts.next() {
        let (item, at) = (bytes(item)?, bytes(parts.next()?)?);
        match at.strip_prefix(b"-") {
            None => items.push((number(&at)?, item)),
            Some(at) => traces.push((number(at)?, String::from_utf8(item).ok()?.into())),
        }
    }
    Some(LogNews {
        place,
        floor,
        is_whole,
        items,
        traces,
    })
}

/// 1 or 0.
pub(crate) fn yes(value: &Value) -> Option<bool> {
    match integer(value)? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

/// How many.
pub(crate) fn count(value: &Value) -> Option<u64> {
    u64::try_from(integer(value)?).ok()
}

/// The next cursor and some names.
pub(crate) fn scanned(value: Value) -> Option<(u64, Vec<Vec<u8>>)> {
    let mut parts = array(value)?.into_iter();
    let cursor = number(&bytes(parts.next()?)?)?;
    let names = array(parts.next()?)?;
    let names: Option<Vec<_>> = names.into_iter().map(bytes).collect();
    Some((cursor, names?))
}

/// A place as the server tells it, in this life of its data; and the other way round. An older copy of a
/// log has its base, and goes on with other items.
pub(crate) const fn of_life(place: LogPlace, incarnation: u64) -> LogPlace {
    LogPlace {
        base: place.base ^ incarnation,
        top: place.top,
    }
}

/// A log's base as a number, and as the server has it if it was minted here.
fn base_number(base: &[u8]) -> u64 {
    match base.try_into() {
        Ok(bytes) => u64::from_le_bytes(bytes),
        Err(_) => xxhash_rust::xxh3::xxh3_64(base),
    }
}

pub(crate) fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        _ => None,
    }
}

fn array(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(parts) => Some(parts),
        _ => None,
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// How long a key lives yet; `None` is for ever.
struct Left(Option<Duration>);

/// What PTTL says: -1 is for ever, -2 has ended.
fn left(value: &Value) -> Option<Left> {
    match integer(value)? {
        -1 => Some(Left(None)),
        left => {
            let millis = u64::try_from(left).unwrap_or(0);
            Some(Left(Some(Duration::from_millis(millis))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn an_answer_that_a_script_does_not_give_is_none() {
        let foreign = || {
            [
                Value::Nil,
                Value::Okay,
                Value::Array(vec![]),
                Value::Array(vec![Value::Int(9)]),
                Value::Array(vec![Value::Int(1), Value::Int(1), Value::Int(1)]),
                Value::Array(vec![text(""), text("")]),
            ]
        };
        for value in foreign() {
            assert!(read(value.clone()).is_none(), "{value:?}");
            assert!(acquired(value.clone()).is_none(), "{value:?}");
            assert!(log(value.clone()).is_none(), "{value:?}");
            assert!(identity(value.clone()).is_none(), "{value:?}");
            assert!(yes(&value).is_none(), "{value:?}");
            assert!(scanned(value.clone()).is_none(), "{value:?}");
        }
        assert_eq!(yes(&Value::Int(2)), None);
    }

    #[test]
    fn an_entry_without_an_end_lives_for_ever() {
        let entry = |left| Value::Array(vec![Value::Int(1), text("blob"), Value::Int(left)]);
        let read = |left| read(entry(left)).unwrap();
        assert_eq!(read(-1), Read::Entry(b"blob".into(), None));
        assert_eq!(read(-2), Read::Entry(b"blob".into(), Some(Duration::ZERO)));
        let second = Some(Duration::from_secs(1));
        assert_eq!(read(1_000), Read::Entry(b"blob".into(), second));
    }

    #[test]
    fn a_log_that_another_program_minted_has_a_place_too() {
        let place = |base: &str| {
            let parts = vec![text(base), text("9007199254740991")];
            place(Value::Array(parts)).unwrap().0
        };
        let ours = LogPlace {
            base: u64::from_le_bytes(*b"12345678"),
            top: (1 << 53) - 1,
        };
        assert_eq!(place("!12345678"), Some(ours));
        assert!(place("!other").is_some_and(|other| other.base != ours.base));
        assert_eq!(place(""), None);
        assert_eq!(place("x"), None);
    }
}
