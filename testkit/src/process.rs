//! A server's process: it ends with the value that stands for it, and also if
//! this process dies.
//!
//! It must not know what the program is.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// Reads until the pipe from the test's process closes, which it does however
/// that process ends; then ends the server and removes its directory.
const WATCHDOG: &str = r#"read -r _; kill -s "$1" "$2"; rm -rf "$3""#;

/// How a server is ended.
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// At once, nothing is written.
    Kill,
    /// At once, by a process that ends its own children first.
    Quit,
}

/// A running server.
pub(crate) struct Process {
    child: Child,
    watchdog: Child,
    end: End,
}

impl Process {
    /// Starts it in a process group of its own (an interrupt of the terminal
    /// reaches the test alone), what it says going to `log`. `directory` is
    /// removed if this process dies.
    pub(crate) fn spawn(
        mut command: Command,
        log: &Path,
        directory: &Path,
        end: End,
    ) -> io::Result<Self> {
        let log = File::create(log)?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        let watchdog = watch(child.id(), directory, end);
        match watchdog {
            Ok(watchdog) => Ok(Self {
                child,
                watchdog,
                end,
            }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Halts it where it is; its sockets stay open. It has halted, or ended,
    /// when this returns.
    pub(crate) fn halt(&self) -> io::Result<()> {
        self.signal(Signal::STOP)?;
        let id = WaitId::Pid(Pid::from_child(&self.child));
        let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(id, options)?;
        Ok(())
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }
}

impl Drop for Process {
    /// The watchdog goes first: after that nobody else knows the number, and
    /// it can't be another process's before the wait.
    fn drop(&mut self) {
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        if !self.has_ended() {
            let _ = match self.end {
                End::Kill => self.child.kill(),
                End::Quit => self.signal(Signal::QUIT),
            };
        }
        let _ = self.child.wait();
    }
}

fn watch(id: u32, directory: &Path, end: End) -> io::Result<Child> {
    let signal = match end {
        End::Kill => "KILL",
        End::Quit => "QUIT",
    };
    Command::new("sh")
        .args(["-c", WATCHDOG, "watchdog", signal, &id.to_string()])
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

/// The last lines of a log; empty if there is none.
pub(crate) fn tail(log: &Path) -> String {
    const LINES: usize = 20;
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
