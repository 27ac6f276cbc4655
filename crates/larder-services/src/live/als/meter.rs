//! Counts what is read, in all and of one text, and stops at the limits.

use std::fmt;
use std::io::{self, BufRead, Read};

use super::{AlsError, Limits};

/// A reader with limits.
pub(super) struct Meter<R> {
    inner: R,
    read: u64,
    /// Of these, what was passed over.
    skipped: u64,
    token_from: u64,
    inflated_max: u64,
    token_max: u64,
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reached {
    Inflated(u64),
    Token { at: u64, limit: u64 },
}

impl Reached {
    pub(super) fn as_error(self) -> AlsError {
        match self {
            Self::Inflated(limit) => AlsError::TooLarge(limit),
            Self::Token { at, limit } => AlsError::TokenTooLong { at, limit },
        }
    }
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_error().fmt(f)
    }
}

impl std::error::Error for Reached {}

impl<R: BufRead> Meter<R> {
    pub(super) fn new(inner: R, limits: &Limits) -> Self {
        Self {
            inner,
            read: 0,
            skipped: 0,
            token_from: 0,
            inflated_max: limits.inflated_bytes_max,
            token_max: limits.token_bytes_max,
        }
    }

    /// Says that a tag has ended.
    pub(super) fn token_ended(&mut self) {
        self.token_from = self.read;
    }

    /// Passes over the text before the next tag, so that nobody copies it.
    pub(super) fn skip_text(&mut self) -> io::Result<()> {
        loop {
            let filled = match self.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                filled => filled?,
            };
            let tag = memchr::memchr(b'<', filled);
            let (text, is_over) = (tag.unwrap_or(filled.len()), filled.is_empty());
            self.consume(text);
            self.skipped += text as u64;
            if tag.is_some() || is_over {
                self.token_ended();
                return Ok(());
            }
        }
    }

    /// Bytes that were passed over so far.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }
}

impl<R: BufRead> BufRead for Meter<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let reached = if self.read > self.inflated_max {
            Reached::Inflated(self.inflated_max)
        } else if self.read - self.token_from > self.token_max {
            Reached::Token {
                at: self.token_from,
                limit: self.token_max,
            }
        } else {
            return self.inner.fill_buf();
        };
        Err(io::Error::other(reached))
    }

    fn consume(&mut self, bytes: usize) {
        self.read += bytes as u64;
        self.inner.consume(bytes);
    }
}

impl<R: BufRead> Read for Meter<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let filled = self.fill_buf()?.read(into)?;
        self.consume(filled);
        Ok(filled)
    }
}
