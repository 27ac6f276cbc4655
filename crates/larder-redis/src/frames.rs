//! Where a value ends that a server sends, and what it is: RESP2 and RESP3.
//!
//! The two that answers are mostly made of, numbers and texts, are read here; all others are by the
//! `redis` crate, once they are there whole. Must not know what was asked.

use redis::Value;

/// A line that is longer is none of the protocol's.
const LINE_MAX: usize = 64 << 10;
/// A longer text is not sent by any server (`proto-max-bulk-len`).
const TEXT_MAX: usize = 512 << 20;
/// Parts of one value, those of its parts counted in.
const PARTS_MAX: usize = 1 << 20;

/// The end of a value that may not have come whole yet.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    /// What was looked at so far.
    at: usize,
    /// Parts that have to come yet, from there on.
    missing: usize,
}

/// The bytes are none of the protocol's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Foreign;

impl Frame {
    /// How many bytes the value has that `bytes` begin with; `None` if more are to come. Asked again,
    /// with more of them, it goes on where it was; a value that has ended is followed by the next.
    pub(crate) fn length(&mut self, bytes: &[u8]) -> Result<Option<usize>, Foreign> {
        if self.at == 0 {
            self.missing = 1;
        }
        while self.missing > 0 {
            let rest = &bytes[self.at..];
            let Some(line) = line(rest)? else {
                return Ok(None);
            };
            let (mut length, mut parts) = (line.len() + 2, 0);
            match line[0] {
                b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => {}
                b'$' | b'!' | b'=' => {
                    if let Some(text) = size(line, TEXT_MAX)? {
                        length += text + 2;
                        if rest.len() < length {
                            return Ok(None);
                        }
                    }
                }
                b'*' | b'~' | b'>' => parts = size(line, PARTS_MAX)?.unwrap_or(0),
                b'%' => parts = 2 * size(line, PARTS_MAX)?.unwrap_or(0),
                // What it is an attribute of follows.
                b'|' => parts = 2 * size(line, PARTS_MAX)?.unwrap_or(0) + 1,
                _ => return Err(Foreign),
            }
            self.at += length;
            self.missing += parts;
            self.missing -= 1;
            if self.missing > PARTS_MAX {
                return Err(Foreign);
            }
        }
        Ok(Some(std::mem::take(self).at))
    }
}

/// The value that these bytes are, all of them.
pub(crate) fn value(frame: &[u8]) -> Result<Value, Foreign> {
    let line = line(frame)?.ok_or(Foreign)?;
    match line[0] {
        b':' => number(&line[1..]).map(Value::Int).ok_or(Foreign),
        b'$' => Ok(match size(line, TEXT_MAX)? {
            None => Value::Nil,
            Some(text) => {
                let begin = line.len() + 2;
                let text = frame.get(begin..begin + text).ok_or(Foreign)?;
                Value::BulkString(text.to_vec())
            }
        }),
        _ => redis::parse_redis_value(frame).map_err(|_| Foreign),
    }
}

/// The line that `bytes` begin with, without its end; `None` if that is to come.
fn line(bytes: &[u8]) -> Result<Option<&[u8]>, Foreign> {
    let looked_at = &bytes[..bytes.len().min(LINE_MAX)];
    let Some(end) = looked_at.iter().position(|byte| *byte == b'\r') else {
        return if bytes.len() < LINE_MAX {
            Ok(None)
        } else {
            Err(Foreign)
        };
    };
    match bytes.get(end + 1) {
        None => Ok(None),
        Some(b'\n') if end > 0 => Ok(Some(&bytes[..end])),
        Some(_) => Err(Foreign),
    }
}

/// The size that a line tells; `None` is none, a null.
fn size(line: &[u8], most: usize) -> Result<Option<usize>, Foreign> {
    match number(&line[1..]) {
        Some(-1) => Ok(None),
        Some(size) => match usize::try_from(size) {
            Ok(size) if size <= most => Ok(Some(size)),
            _ => Err(Foreign),
        },
        None => Err(Foreign),
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: [&[u8]; 14] = [
        b":-12\r\n",
        b"$5\r\na\r\nbc\r\n",
        b"$0\r\n\r\n",
        b"$-1\r\n",
        b"_\r\n",
        b"+OK\r\n",
        b"-ERR no\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b"*3\r\n:1\r\n*2\r\n$1\r\nx\r\n_\r\n+y\r\n",
        b"%1\r\n$1\r\nk\r\n#t\r\n",
        b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n",
        b"=7\r\ntxt:abc\r\n",
        b",1.5\r\n",
    ];

    #[test]
    fn a_value_ends_where_the_redis_crate_says_wherever_it_is_cut() {
        let all = VALUES.concat();
        for cut in 0..all.len() {
            let (mut frame, mut from, mut found) = (Frame::default(), 0, Vec::new());
            for end in [cut, all.len()] {
                while let Some(length) = frame.length(&all[from..end]).unwrap() {
                    found.push(value(&all[from..from + length]).unwrap());
                    from += length;
                }
            }
            let theirs = VALUES.map(|value| redis::parse_redis_value(value).unwrap());
            assert_eq!(found, theirs, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_none_of_the_protocols_is_refused() {
        let long = vec![b'+'; LINE_MAX];
        for bytes in [
            &b"x\r\n"[..],
            b"\r\n",
            b"+a\rb\r\n",
            b"$x\r\n",
            b"$-2\r\n",
            b"$536870913\r\n",
            b"*1048577\r\n",
            b"*1048576\r\n*1048576\r\n",
            &long,
        ] {
            assert_eq!(Frame::default().length(bytes), Err(Foreign), "{bytes:?}");
        }
        assert_eq!(value(b":x\r\n"), Err(Foreign));
        assert_eq!(value(b"$9\r\nx\r\n"), Err(Foreign));
    }

    #[test]
    fn any_bytes_are_a_value_or_not_and_nothing_else() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..200_000 {
            let length = random.usize(..24);
            let kinds = b"+-:$*%>|_=\r\n0123";
            let bytes: Vec<u8> = (0..length)
                .map(|_| kinds[random.usize(..kinds.len())])
                .collect();
            if let Ok(Some(length)) = Frame::default().length(&bytes) {
                assert!(length <= bytes.len());
                let _ = value(&bytes[..length]);
            }
        }
    }
}
