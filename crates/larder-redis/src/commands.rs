//! Commands as a server reads them.
//!
//! Must not know what they are for.

/// Commands that are sent together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Commands {
    bytes: Vec<u8>,
    count: usize,
}

impl Commands {
    /// Nothing yet, with room for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            count: 0,
        }
    }

    /// One command.
    pub(crate) fn of(words: &[&[u8]]) -> Self {
        let mut one = Self::default();
        one.add(words);
        one
    }

    pub(crate) fn add(&mut self, words: &[&[u8]]) {
        self.begin(words.len());
        for word in words {
            self.word(word);
        }
    }

    /// A command of so many words, which follow.
    pub(crate) fn begin(&mut self, words: usize) {
        self.count += 1;
        self.line(b'*', words);
    }

    /// The next word of the command that was begun.
    pub(crate) fn word(&mut self, word: &[u8]) {
        self.line(b'$', word.len());
        self.bytes.extend_from_slice(word);
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// How many there are: each is answered once.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn line(&mut self, kind: u8, number: usize) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = number;
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&digits[at..]);
        self.bytes.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_told_by_its_length_and_may_be_anything() {
        let mut commands = Commands::of(&[b"GET", b"a\r\nb"]);
        commands.add(&[b"PING", b"", &[0xFF; 12]]);
        assert_eq!(commands.count(), 2);
        let expected = [
            &b"*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n*3\r\n$4\r\nPING\r\n$0\r\n\r\n$12\r\n"[..],
            &[0xFF; 12],
            b"\r\n",
        ];
        assert_eq!(commands.into_bytes(), expected.concat());
    }

    #[test]
    fn they_are_what_the_redis_crate_would_send() {
        let long = vec![b'x'; 12_345];
        let mut commands = Commands::with_capacity(64);
        commands.add(&[b"SET", b"key", &long]);
        let theirs = redis::cmd("SET").arg("key").arg(&long).get_packed_command();
        assert_eq!(commands.into_bytes(), theirs);
    }
}
