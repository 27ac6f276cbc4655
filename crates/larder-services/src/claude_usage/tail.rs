//! Whether a last line without its newline may be whole, looked at piece by piece as it grows.
//!
//! It counts brackets outside of strings, so that a long line is looked at once however often it
//! grows, and parsed when its first bracket has closed. It is no judge of JSON.

/// How far an unfinished line has been looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// Bytes looked at.
    pub(super) seen: u64,
    /// Brackets that are open.
    depth: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Only blanks so far.
    #[default]
    Before,
    /// Between brackets.
    Inside,
    InString,
    AfterBackslash,
    /// The first bracket has closed, and only blanks follow.
    Closed,
    /// It can be no object and no array.
    Broken,
}

impl Tail {
    pub(super) fn of(line: &[u8]) -> Self {
        let mut tail = Self::default();
        tail.look_at(line);
        tail
    }

    /// Looks at what was appended.
    pub(super) fn look_at(&mut self, more: &[u8]) {
        self.seen += more.len() as u64;
        for byte in more {
            self.state = self.after(*byte);
        }
    }

    fn after(&mut self, byte: u8) -> State {
        match (self.state, byte) {
            (State::InString, b'\\') => State::AfterBackslash,
            (State::InString, b'"') => State::Inside,
            (State::InString | State::AfterBackslash, _) | (State::Inside, b'"') => State::InString,
            (State::Before | State::Inside, b'{' | b'[') => {
                self.depth += 1;
                State::Inside
            }
            (State::Inside, b'}' | b']') => {
                self.depth -= 1;
                if self.depth == 0 {
                    State::Closed
                } else {
                    State::Inside
                }
            }
            (State::Inside, _) => State::Inside,
            (blank_at @ (State::Before | State::Closed), b' ' | b'\t' | b'\r') => blank_at,
            // The bytes of a byte order mark; whether they stand at the file's start is not seen here.
            (State::Before, 0xef | 0xbb | 0xbf) => State::Before,
            _ => State::Broken,
        }
    }

    /// Whether the first bracket has closed and only blanks follow.
    pub(super) fn may_be_whole(&self) -> bool {
        self.state == State::Closed
    }
}

#[cfg(test)]
mod tests {
    use super::Tail;

    #[test]
    fn a_line_may_be_whole_once_its_first_bracket_has_closed() {
        let line = br#" {"a":"}\"]{","b":[{}]} "#;
        let end = line.len() - 1;
        for length in 0..end {
            assert!(!Tail::of(&line[..length]).may_be_whole(), "{length}");
        }
        assert!(Tail::of(&line[..end]).may_be_whole());
        assert!(Tail::of(line).may_be_whole());
        assert!(Tail::of(b"\xef\xbb\xbf{}").may_be_whole());
    }

    #[test]
    fn looking_in_pieces_is_looking_at_once() {
        let line = br#"{"a":"\\\"}","b":[1,{"c":"\u007d"}]}"#;
        for cut in 0..line.len() {
            let mut tail = Tail::of(&line[..cut]);
            tail.look_at(&line[cut..]);
            assert_eq!(tail, Tail::of(line));
        }
    }

    #[test]
    fn what_follows_a_whole_line_breaks_it() {
        for line in [&b"{}{"[..], b"{}x", b"x{}", b"{}\"", b"]"] {
            assert!(!Tail::of(line).may_be_whole());
        }
    }
}
