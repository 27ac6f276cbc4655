//! Whether a last line without its newline may be whole, looked at piece by piece as it grows.
//!
//! It counts brackets outside of strings, so that a long line is looked at once however often it
//! grows, and parsed when its first bracket has closed. It is no judge of JSON.

/// How far an unfinished line has been looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// Bytes looked at.
    pub(super) seen: u64,
    depth: u64,
    in_string: bool,
    escaped: bool,
    closed: bool,
    broken: bool,
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
            if self.broken {
                return;
            }
            self.look_at_byte(*byte);
        }
    }

    fn look_at_byte(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' if self.depth > 0 => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' | b'[' if !self.closed => self.depth += 1,
            b'}' | b']' if self.depth > 0 => {
                self.depth -= 1;
                self.closed = self.depth == 0;
            }
            b' ' | b'\t' | b'\r' => {}
            _ => self.broken |= self.depth == 0,
        }
    }

    /// Whether the first bracket has closed and only blanks follow.
    pub(super) fn may_be_whole(&self) -> bool {
        self.closed && !self.broken
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
