//! What the escapes in a string stand for.

use std::borrow::Cow;

/// What the inside of a valid string says; a lone surrogate becomes U+FFFD.
pub(super) fn unescaped(raw: &str, is_escaped: bool) -> Cow<'_, str> {
    if !is_escaped {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(slash) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..slash]);
        let (char, length) = escape(&rest.as_bytes()[slash..]);
        out.push(char);
        rest = &rest[slash + length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
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
