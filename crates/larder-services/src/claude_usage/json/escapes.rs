//! What the escapes in a string stand for.

use std::borrow::Cow;

/// What a valid string's inside says; a lone surrogate becomes U+FFFD.
pub(super) fn unescaped(raw: &[u8]) -> Cow<'_, str> {
    if memchr::memchr(b'\\', raw).is_none() {
        return String::from_utf8_lossy(raw);
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(slash) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..slash]);
        let (char, length) = escape(&rest[slash..]);
        out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[slash + length..];
    }
    out.extend_from_slice(rest);
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// The character that a valid escape stands for, and the escape's length.
fn escape(text: &[u8]) -> (char, usize) {
    let plain = match text[1] {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode_escape(text),
        other => char::from(other),
    };
    (plain, 2)
}

fn unicode_escape(text: &[u8]) -> (char, usize) {
    let unit = |at: usize| {
        let digits = text
            .get(at..at + 6)
            .filter(|escape| escape.starts_with(b"\\u"))?;
        u16::from_str_radix(std::str::from_utf8(&digits[2..]).ok()?, 16).ok()
    };
    let units = [unit(0).unwrap_or(0xFFFD), unit(6).unwrap_or(0)];
    match char::decode_utf16(units).next() {
        Some(Ok(char)) => (char, 6 * char.len_utf16()),
        _ => (char::REPLACEMENT_CHARACTER, 6),
    }
}
