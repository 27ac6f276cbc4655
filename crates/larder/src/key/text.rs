//! How texts make one text, and come back from it. Knows no keys, only their texts.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

/// The parts joined by `:`, with `\` before each `:` and `\` of a part. O(bytes).
pub fn join(parts: &[Cow<'_, str>]) -> String {
    let mut text = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            text.push(':');
        }
        for c in part.chars() {
            if matches!(c, ':' | '\\') {
                text.push('\\');
            }
            text.push(c);
        }
    }
    text
}

/// The `N` parts that [`join`] makes this text of; `None` if it makes it of none.
pub fn split<const N: usize>(text: &str) -> Option<[Cow<'_, str>; N]> {
    let mut rest = Some(text);
    let mut parts = [const { Cow::Borrowed("") }; N];
    for part in &mut parts {
        let (first, after) = split_first(rest?);
        (*part, rest) = (unescaped(first)?, after);
    }
    rest.is_none().then_some(parts)
}

/// Before and after the first `:` that is not escaped.
fn split_first(text: &str) -> (&str, Option<&str>) {
    let mut is_escaped = false;
    let end = text.bytes().position(|byte| {
        let is_end = byte == b':' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or((text, None), |end| (&text[..end], Some(&text[end + 1..])))
}

fn unescaped(part: &str) -> Option<Cow<'_, str>> {
    if !part.contains('\\') {
        return Some(Cow::Borrowed(part));
    }
    let mut plain = String::with_capacity(part.len());
    let mut chars = part.chars();
    while let Some(c) = chars.next() {
        let is_escape = c == '\\';
        let literal = if is_escape { chars.next()? } else { c };
        if is_escape && !matches!(literal, ':' | '\\') {
            return None;
        }
        plain.push(literal);
    }
    Some(Cow::Owned(plain))
}

/// What `text` parses to, if that is written just so.
pub fn parsed<K: Display + FromStr>(text: &str) -> Option<K> {
    let key: K = text.parse().ok()?;
    (key.to_string() == text).then_some(key)
}
