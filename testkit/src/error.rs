//! What can go wrong while a test is set up.

use std::fmt;
use std::io;
use std::time::Duration;

/// Why a server could not be started, reached or brought to a state.
///
/// Its `Debug` form is its text, so that an `unwrap` in a test shows it.
#[derive(thiserror::Error)]
pub enum Error {
    /// A program is not installed.
    #[error(
        "no `{program}` was found: install the package `{package}` (`cargo xtask test` does so \
         where it may), or set {variable} to the program"
    )]
    Missing {
        /// The program's name.
        program: &'static str,
        /// The Debian package that has it.
        package: &'static str,
        /// The variable that names another place.
        variable: &'static str,
    },
    /// A variable has a value that is none of its own.
    #[error("{variable} is {value:?}: expected {expected}")]
    Unknown {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A server ended instead of starting.
    #[error("{name} did not start; the last of what it said:\n{log}")]
    Start {
        /// Which server.
        name: String,
        /// The end of its log.
        log: String,
    },
    /// A state was not reached in time.
    #[error("after {limit:?} still waiting for {what}")]
    TimedOut {
        /// The state.
        what: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// A server answered a command with an error.
    #[error("`{command}` was answered with: {message}")]
    Refused {
        /// The command, arguments separated by blanks.
        command: String,
        /// The server's words.
        message: String,
    },
    /// The system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The throw-away certificate could not be made.
    #[error("no certificate could be made: {0}")]
    Certificate(#[from] rcgen::Error),
}

impl Error {
    /// Names what was tried, for `map_err`.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
