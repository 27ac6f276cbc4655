//! Texts with places for keys: `{key}`, `{1..1000}` and `{unique}`.
//!
//! It must not know which key is put in when. Any other braces stand for themselves.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// A text with places.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Key,
    /// A range, whose numbers are keys too.
    Range(RangeInclusive<u64>),
    Unique,
}

/// How a key has to be written where it is put in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Escape {
    /// Per cent and digits for what a URL must not hold, `/` too: a key is one segment.
    Url,
    /// As within a JSON text; nothing changes for words and numbers.
    Json,
}

impl Template {
    /// Reads a text.
    pub(super) fn parse(text: &str) -> Self {
        let mut pieces = Vec::new();
        let (mut rest, mut literal) = (text, String::new());
        while let Some(open) = rest.find('{') {
            literal.push_str(&rest[..open]);
            rest = &rest[open..];
            let place = rest.find('}').and_then(|close| {
                let piece = place(&rest[1..close])?;
                Some((piece, &rest[close + 1..]))
            });
            if let Some((piece, after)) = place {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
                pieces.push(piece);
                rest = after;
            } else {
                literal.push('{');
                rest = &rest[1..];
            }
        }
        literal.push_str(rest);
        pieces.push(Piece::Text(literal));
        Self(pieces)
    }

    /// Whether there is a `{key}`.
    pub(super) fn has_key(&self) -> bool {
        self.0.contains(&Piece::Key)
    }

    /// The ranges that it has places for.
    pub(super) fn ranges(&self) -> impl Iterator<Item = &RangeInclusive<u64>> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Range(range) => Some(range),
            _ => None,
        })
    }

    /// The text with its places filled.
    pub(super) fn filled(&self, key: &str, unique: u64, escape: Escape) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Key | Piece::Range(_) => escape.append(key, &mut text),
                Piece::Unique => {
                    let _ = write!(text, "{unique}");
                }
            }
        }
        text
    }
}

/// `FIRST..LAST`, of which neither is missing and the last is not before the first.
pub(super) fn range(text: &str) -> Option<RangeInclusive<u64>> {
    let (first, last) = text.split_once("..")?;
    let number = |text: &str| {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| is_plain)
    };
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some(first..=last)
}

fn place(name: &str) -> Option<Piece> {
    match name {
        "key" => Some(Piece::Key),
        "unique" => Some(Piece::Unique),
        name => range(name).map(Piece::Range),
    }
}

impl Escape {
    fn append(self, key: &str, text: &mut String) {
        match self {
            Self::Url => {
                for byte in key.bytes() {
                    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                        text.push(char::from(byte));
                    } else {
                        let _ = write!(text, "%{byte:02X}");
                    }
                }
            }
            Self::Json => {
                let quoted = serde_json::Value::from(key).to_string();
                text.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, escape: Escape) -> String {
        Template::parse(text).filled("a/\"é", 7, escape)
    }

    #[test]
    fn keys_are_put_in_as_the_text_around_them_needs() {
        assert_eq!(
            filled("/x/{key}?u={unique}", Escape::Url),
            "/x/a%2F%22%C3%A9?u=7"
        );
        assert_eq!(filled(r#"{"m":"{key}"}"#, Escape::Json), r#"{"m":"a/\"é"}"#);
    }

    #[test]
    fn a_range_is_a_place_and_other_braces_are_not() {
        let template = Template::parse("{1..20}-{x}-{}-{9..1}-{{key}}-{");
        assert_eq!(template.ranges().collect::<Vec<_>>(), [&(1..=20)]);
        assert!(template.has_key());
        assert_eq!(
            template.filled("k", 0, Escape::Url),
            "k-{x}-{}-{9..1}-{k}-{"
        );
    }

    #[test]
    fn a_range_has_two_ends_in_order() {
        assert_eq!(range("1..1"), Some(1..=1));
        for bad in [
            "",
            "1",
            "1..",
            "..2",
            "2..1",
            "+1..2",
            "1..99999999999999999999",
        ] {
            assert_eq!(range(bad), None, "{bad}");
        }
    }
}
