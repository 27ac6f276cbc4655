//! Patterns over the texts of keys: `*`, `?`, `[a-z]`, `[!a-z]`, and `\` before a literal character.

use std::iter::Peekable;
use std::str::CharIndices;

use crate::error::PatternError;

/// The longest pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1_024;

/// A parsed pattern. Matching takes O(text × pattern) at most, and no allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    source: Box<str>,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(char),
    One,
    Any,
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Glob {
    pub(crate) fn parse(pattern: &str) -> Result<Self, PatternError> {
        let refused = |at, expected| PatternError {
            pattern: pattern.chars().take(100).collect(),
            at,
            expected,
        };
        if pattern.is_empty() {
            return Err(refused(0, "a pattern of at least one character"));
        }
        if pattern.len() > PATTERN_BYTES_MAX {
            let at = pattern.floor_char_boundary(PATTERN_BYTES_MAX);
            return Err(refused(at, "at most 1,024 bytes"));
        }
        let (mut parts, mut rest) = (Vec::new(), pattern.char_indices().peekable());
        while let Some((at, character)) = rest.next() {
            parts.push(match character {
                '*' => Part::Any,
                '?' => Part::One,
                '[' => set(&mut rest).ok_or_else(|| refused(at, "`]` after this `[`"))?,
                ']' => return Err(refused(at, "`\\]`, or a `[` before it")),
                '\\' => {
                    let (_, literal) = rest
                        .next()
                        .ok_or_else(|| refused(at, "a character after `\\`"))?;
                    Part::Literal(literal)
                }
                literal => Part::Literal(literal),
            });
        }
        parts.dedup_by(|one, other| *one == Part::Any && *other == Part::Any);
        let source = pattern.into();
        Ok(Self { source, parts })
    }

    /// The pattern as it was given.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Whether the whole text matches. Only the last `*` is ever retried, which suffices: what an
    /// earlier one took can only be more.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (mut part, mut rest) = (0, text);
        let mut retry: Option<(usize, &str)> = None;
        loop {
            let mut after = rest.chars();
            let next = after.next();
            match (self.parts.get(part), next) {
                (Some(Part::Any), _) => {
                    retry = Some((part + 1, rest));
                    part += 1;
                    continue;
                }
                (None, None) => return true,
                (Some(wanted), Some(character)) if wanted.takes(character) => {
                    (part, rest) = (part + 1, after.as_str());
                    continue;
                }
                _ => {}
            }
            let Some((from, taken)) = retry else {
                return false;
            };
            let mut longer = taken.chars();
            if longer.next().is_none() {
                return false;
            }
            retry = Some((from, longer.as_str()));
            (part, rest) = (from, longer.as_str());
        }
    }
}

impl Part {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Literal(literal) => *literal == character,
            Self::One => true,
            Self::Any => false,
            Self::Set { negated, ranges } => {
                ranges
                    .iter()
                    .any(|(first, last)| (first..=last).contains(&&character))
                    != *negated
            }
        }
    }
}

/// The rest of a set after its `[`; `None` if it does not end.
fn set(rest: &mut Peekable<CharIndices<'_>>) -> Option<Part> {
    let negated = rest
        .next_if(|(_, character)| matches!(character, '!' | '^'))
        .is_some();
    let mut ranges = Vec::new();
    loop {
        let first = match rest.next()?.1 {
            ']' if !ranges.is_empty() => return Some(Part::Set { negated, ranges }),
            '\\' => rest.next()?.1,
            literal => literal,
        };
        let is_range = rest.next_if(|(_, character)| *character == '-').is_some();
        match rest.peek() {
            Some((_, last)) if is_range && *last != ']' => {
                ranges.push((first, *last));
                rest.next();
            }
            _ => {
                ranges.push((first, first));
                ranges.extend(is_range.then_some(('-', '-')));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_texts() {
        for (pattern, matching, other) in [
            (
                "user_*",
                &["user_1", "user_"][..],
                &["user", "a user_1"][..],
            ),
            (
                "*:eu:*",
                &["a:eu:b", ":eu:", "a:eu:b:eu:c"],
                &["a:eu", "eu"],
            ),
            ("a?c", &["abc", "aüc"], &["ac", "abbc"]),
            ("[a-c]*", &["a", "box", "cab"], &["dog", ""]),
            ("[!0-9]", &["a"], &["7", "ab"]),
            ("[]a-]", &["]", "a", "-"], &["b"]),
            ("a\\*b", &["a*b"], &["axb"]),
            ("*", &["", "anything"], &[]),
            ("*a*a*b", &["aab", "xaxaxb"], &["ab", "aaaa"]),
        ] {
            let glob = Glob::parse(pattern).unwrap();
            for text in matching {
                assert!(glob.matches(text), "{pattern} {text}");
            }
            for text in other {
                assert!(!glob.matches(text), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn a_bad_pattern_says_where_and_what_was_expected() {
        for (pattern, at) in [
            ("", 0),
            ("user[", 4),
            ("a]b", 1),
            ("a\\", 1),
            ("[", 0),
            ("[a-", 0),
        ] {
            let error = Glob::parse(pattern).unwrap_err();
            assert_eq!(error.at, at, "{error}");
        }
        let long = format!("a{}", "ü".repeat(600));
        assert_eq!(
            Glob::parse(&long).unwrap_err().at,
            1_023,
            "between characters"
        );
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let glob = Glob::parse(&"*a".repeat(300)).unwrap();
        assert!(!glob.matches(&"a".repeat(20_000).replace("aaaa", "aaab")) || glob.matches("a"));
    }
}
