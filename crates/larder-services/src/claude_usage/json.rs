//! A strict reader of one JSON text, for lines of which a few fields matter and all must be valid.
//!
//! It walks the text once, checks everything by RFC 8259 and UTF-8, and hands out the members that
//! the caller asks for. Nesting costs a bit a level and no stack, so that no line can overflow it.
//! It knows nothing of usage logs.

mod escapes;

use std::borrow::Cow;

use self::escapes::unescaped;

/// The text is not JSON in UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

type Result<T> = std::result::Result<T, Malformed>;

/// A position in one JSON text.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Whether the text has control characters, which strings must not have.
    controls: bool,
}

/// A value as far as callers tell values apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    /// A string, unescaped.
    Text(Cow<'a, str>),
    /// A number as written.
    Number(&'a str),
    Bool(bool),
    Null,
    /// An array or an object.
    Compound,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `text`.
    pub(super) fn new(text: &'a [u8]) -> Result<Self> {
        let bytes = text;
        let text = simdutf8::basic::from_utf8(bytes).map_err(|_| Malformed)?;
        Ok(Self {
            text,
            bytes,
            at: 0,
            controls: has_controls(bytes),
        })
    }

    /// Checks that nothing but white space follows.
    pub(super) fn end(mut self) -> Result<()> {
        if self.token() == 0 && self.at >= self.bytes.len() {
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    /// Reads an object and calls `member` at each value, which must read exactly that. Gives false,
    /// and skips the value, if it is no object.
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &[u8]) -> Result<()>,
    ) -> Result<bool> {
        if self.token() != b'{' {
            self.skip()?;
            return Ok(false);
        }
        self.at += 1;
        if self.token() == b'}' {
            self.at += 1;
            return Ok(true);
        }
        loop {
            let key = self.key()?;
            member(self, key.as_bytes())?;
            match self.token() {
                b',' => self.at += 1,
                b'}' => break,
                _ => return Err(Malformed),
            }
        }
        self.at += 1;
        Ok(true)
    }

    /// Reads any value; what an array or object holds is checked and skipped.
    pub(super) fn scalar(&mut self) -> Result<Scalar<'a>> {
        match self.token() {
            b'"' => {
                let (raw, is_escaped) = self.string()?;
                Ok(Scalar::Text(unescaped(raw, is_escaped)))
            }
            b'-' | b'0'..=b'9' => {
                let start = self.at;
                self.number()?;
                Ok(Scalar::Number(&self.text[start..self.at]))
            }
            b't' => self.literal(b"true").map(|()| Scalar::Bool(true)),
            b'f' => self.literal(b"false").map(|()| Scalar::Bool(false)),
            b'n' => self.literal(b"null").map(|()| Scalar::Null),
            _ => self.skip().map(|()| Scalar::Compound),
        }
    }

    /// Checks one value of any kind and moves past it.
    pub(super) fn skip(&mut self) -> Result<()> {
        let mut nesting = Nesting::default();
        loop {
            match self.token() {
                b'"' => drop(self.string()?),
                b'{' => {
                    self.at += 1;
                    if self.token() == b'}' {
                        self.at += 1;
                    } else {
                        self.skip_key()?;
                        nesting.push(true);
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    if self.token() == b']' {
                        self.at += 1;
                    } else {
                        nesting.push(false);
                        continue;
                    }
                }
                b'-' | b'0'..=b'9' => self.number()?,
                b't' => self.literal(b"true")?,
                b'f' => self.literal(b"false")?,
                b'n' => self.literal(b"null")?,
                _ => return Err(Malformed),
            }
            if self.close(&mut nesting)? {
                return Ok(());
            }
        }
    }

    /// After a value: closes what ends here, and stops at the next value. True at the outermost end.
    fn close(&mut self, nesting: &mut Nesting) -> Result<bool> {
        loop {
            let Some(in_object) = nesting.top() else {
                return Ok(true);
            };
            match (self.token(), in_object) {
                (b',', false) => {
                    self.at += 1;
                    return Ok(false);
                }
                (b',', true) => {
                    self.at += 1;
                    self.token();
                    self.skip_key()?;
                    return Ok(false);
                }
                (b'}', true) | (b']', false) => {
                    self.at += 1;
                    nesting.pop();
                }
                _ => return Err(Malformed),
            }
        }
    }

    /// The next byte that is no white space, not consumed; 0 at the end.
    #[inline]
    fn token(&mut self) -> u8 {
        while let Some(&byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return byte;
            }
            self.at += 1;
        }
        0
    }

    fn key(&mut self) -> Result<Cow<'a, str>> {
        if self.token() != b'"' {
            return Err(Malformed);
        }
        let (raw, is_escaped) = self.string()?;
        self.colon()?;
        Ok(unescaped(raw, is_escaped))
    }

    fn skip_key(&mut self) -> Result<()> {
        if self.bytes.get(self.at) != Some(&b'"') {
            return Err(Malformed);
        }
        self.string()?;
        self.colon()
    }

    fn colon(&mut self) -> Result<()> {
        if self.token() != b':' {
            return Err(Malformed);
        }
        self.at += 1;
        Ok(())
    }

    fn literal(&mut self, word: &[u8]) -> Result<()> {
        if !self.bytes[self.at..].starts_with(word) {
            return Err(Malformed);
        }
        self.at += word.len();
        Ok(())
    }

    /// Reads a string, whose first quote is at hand; gives what stands between the quotes, and
    /// whether there are escapes.
    #[inline]
    fn string(&mut self) -> Result<(&'a str, bool)> {
        let start = self.at + 1;
        let mut at = start;
        let mut is_escaped = false;
        loop {
            at = stop_in_string(self.bytes, at).ok_or(Malformed)?;
            if self.bytes[at] == b'"' {
                break;
            }
            is_escaped = true;
            at += match self.bytes.get(at + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                Some(b'u') if is_hex4(self.bytes, at + 2) => 6,
                _ => return Err(Malformed),
            };
        }
        let raw = &self.text[start..at];
        if self.controls && has_controls(raw.as_bytes()) {
            return Err(Malformed);
        }
        self.at = at + 1;
        Ok((raw, is_escaped))
    }

    fn number(&mut self) -> Result<()> {
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        match self.bytes.get(self.at) {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(Malformed),
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<()> {
        let digits = self.bytes[self.at..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        self.at += digits;
        if digits == 0 { Err(Malformed) } else { Ok(()) }
    }
}

/// Where the next quote or backslash is. Most strings are short, and calling the vectorised search
/// costs more than looking at a few bytes.
#[inline]
fn stop_in_string(bytes: &[u8], at: usize) -> Option<usize> {
    const NEAR: usize = 16;
    let rest = bytes.get(at..)?;
    let near = &rest[..rest.len().min(NEAR)];
    if let Some(found) = near.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
        return Some(at + found);
    }
    let far = memchr::memchr2(b'"', b'\\', &rest[near.len()..])?;
    Some(at + near.len() + far)
}

fn is_hex4(bytes: &[u8], at: usize) -> bool {
    bytes
        .get(at..at + 4)
        .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// Whether there is a byte below 0x20. Written so that it compiles to vector instructions.
fn has_controls(bytes: &[u8]) -> bool {
    bytes.chunks(64).any(|chunk| {
        chunk
            .iter()
            .fold(0, |found, byte| found | u8::from(*byte < 0x20))
            != 0
    })
}

/// Which containers are open: a bit each, an object's set.
#[derive(Default)]
struct Nesting {
    depth: usize,
    word: u64,
    outer: Vec<u64>,
}

impl Nesting {
    fn push(&mut self, object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.word);
        }
        self.word = self.word << 1 | u64::from(object);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.word >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.word = self.outer.pop().unwrap_or_default();
        }
    }

    fn top(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.word & 1 == 1)
    }
}

#[cfg(test)]
mod tests;
