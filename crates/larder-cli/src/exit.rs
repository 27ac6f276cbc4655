//! Which exit code a command ends with.
//!
//! The codes are part of the command line's contract: `larder --help` lists
//! them.

use std::io;

use crate::bench::Unfit;
use crate::client;
use crate::config::Invalid;

/// The user asked for something that can't be done so.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// What was asked for is not there.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotHeld(pub(crate) String);

/// What was measured is not as good as it had to be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Missed(pub(crate) String);

/// The user broke it off. The text is for the user.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Interrupted(pub(crate) String);

/// The exit code for an error; `None` when nothing failed: whoever read the
/// output has had enough of it.
pub(crate) fn code(error: &anyhow::Error) -> Option<u8> {
    for cause in error.chain() {
        if let Some(error) = cause.downcast_ref::<client::Error>() {
            return Some(client_code(error));
        }
        if let Some(error) = cause.downcast_ref::<Unfit>() {
            return Some(unfit_code(error));
        }
        if cause.is::<Missed>() {
            return Some(7);
        }
        if cause.is::<Interrupted>() {
            return Some(130);
        }
        if cause.is::<NotHeld>() {
            return Some(5);
        }
        if cause.is::<Invalid>() || cause.is::<Usage>() {
            return Some(2);
        }
        if let Some(error) = cause.downcast_ref::<io::Error>()
            && error.kind() == io::ErrorKind::BrokenPipe
        {
            return None;
        }
    }
    Some(1)
}

fn client_code(error: &client::Error) -> u8 {
    match error {
        client::Error::Failed(_) | client::Error::Malformed { .. } => 1,
        client::Error::Misasked(_) => 2,
        client::Error::Unreachable { .. } => 3,
        client::Error::Refused { .. } => 4,
        client::Error::NotFound(_) => 5,
        client::Error::NotReady(_) => 6,
    }
}

fn unfit_code(error: &Unfit) -> u8 {
    match error {
        Unfit::Broken { .. } | Unfit::Status { .. } => 1,
        Unfit::Unreachable { .. } => 3,
        Unfit::Refused { .. } => 4,
        Unfit::NotFound { .. } => 5,
        Unfit::NotReady { .. } => 6,
    }
}

#[cfg(test)]
#[path = "exit/tests.rs"]
mod tests;
