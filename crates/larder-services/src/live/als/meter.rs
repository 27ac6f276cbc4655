//! Counts what is read, in all and of one text, and stops at the limits.

use std::fmt;
use std::io::{self, BufRead, Read};

use super::{AlsError, Limits};

/// A reader with limits.
pub(super) struct Meter<R> {
    inner: R,
    read: u64,
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
            token_from: 0,
            inflated_max: limits.inflated_bytes_max,
            token_max: limits.token_bytes_max,
        }
    }

    /// Says that a text or tag has ended.
    pub(super) fn token_ended(&mut self) {
        self.token_from = self.read;
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
