//! The process of one Redis, Valkey or sentinel: it can be killed, halted and
//! started again in its place.
//!
//! It must not know how the server is set up, nor what its commands mean.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Error;
use crate::process::{self, End, Process};
use crate::wait::poll;

/// How long a start may take on a loaded machine.
pub(super) const START_LIMIT: Duration = Duration::from_secs(30);

/// Whether the process runs.
pub(super) enum Node {
    Ended,
    Running(Process),
    /// By SIGSTOP.
    Halted(Process),
}

/// What is started.
pub(super) struct Launch<'a> {
    pub(super) name: &'a str,
    pub(super) program: &'a Path,
    pub(super) arguments: &'a [&'a OsStr],
    pub(super) directory: &'a Path,
}

impl Launch<'_> {
    fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// Starts it and waits until `is_ready` says so, or the process has ended.
    pub(super) fn start(&self, is_ready: impl Fn() -> bool) -> Result<Node, Error> {
        let mut command = Command::new(self.program);
        command.args(self.arguments);
        let mut process = Process::spawn(command, &self.log(), self.directory, End::Kill)
            .map_err(Error::io(format!("cannot run {}", self.program.display())))?;
        let what = format!("{} to answer", self.name);
        let has_ended = poll(what, START_LIMIT, || {
            let has_ended = process.has_ended();
            (has_ended || is_ready()).then_some(has_ended)
        })?;
        if has_ended {
            return Err(Error::Start {
                name: self.name.to_owned(),
                log: process::tail(&self.log()),
            });
        }
        Ok(Node::Running(process))
    }
}

impl Node {
    /// Ends it at once; nothing if it has ended.
    pub(super) fn kill(&mut self) {
        *self = Self::Ended;
    }

    /// Stops it where it is; it has stopped when this returns.
    pub(super) fn halt(&mut self) -> Result<(), Error> {
        *self = match std::mem::replace(self, Self::Ended) {
            Self::Running(process) => {
                process
                    .halt()
                    .map_err(Error::io("cannot stop the server"))?;
                Self::Halted(process)
            }
            other => other,
        };
        Ok(())
    }

    pub(super) fn resume(&mut self) -> Result<(), Error> {
        *self = match std::mem::replace(self, Self::Ended) {
            Self::Halted(process) => {
                process
                    .resume()
                    .map_err(Error::io("cannot let the server go on"))?;
                Self::Running(process)
            }
            other => other,
        };
        Ok(())
    }

    pub(super) fn is_running(&mut self) -> bool {
        match self {
            Self::Running(process) => !process.has_ended(),
            Self::Ended | Self::Halted(_) => false,
        }
    }

    pub(super) fn id(&self) -> Option<u32> {
        match self {
            Self::Running(process) | Self::Halted(process) => Some(process.id()),
            Self::Ended => None,
        }
    }
}
