//! Postgres.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::programs;
use crate::process::{self, End, Process};
use crate::wait::poll;
use crate::{Error, ports};

const START_LIMIT: Duration = Duration::from_mins(1);
/// How often a start tries another port when somebody took the first.
const PORTS_MAX: usize = 8;
/// The user that owns the database.
const USER: &str = "larder";

/// A Postgres of its own for one test, empty, without durability. It ends
/// when it is dropped.
pub struct Postgres {
    addr: SocketAddr,
    /// None while it is killed.
    process: Option<Process>,
    site: Site,
}

impl Postgres {
    /// Makes a database cluster, starts the server and waits until it takes
    /// connections; blocks, some seconds as a rule. Anybody on loopback may
    /// connect without a password.
    ///
    /// Postgres refuses to run as root: for root it runs as the user
    /// `postgres`, or `nobody`, through `setpriv`.
    ///
    /// # Errors
    /// [`Error::Missing`] if it, or for root `setpriv`, is not installed;
    /// [`Error::Start`] with the server's own words if it ends;
    /// [`Error::TimedOut`].
    pub fn start() -> Result<Self, Error> {
        let directory = tempfile::tempdir().map_err(Error::io("no temporary directory"))?;
        let site = Site {
            program: programs::postgres()?,
            owner: owner(directory.path())?,
            directory,
        };
        site.create()?;
        let (addr, process) = site.start()?;
        Ok(Self {
            addr,
            process: Some(process),
            site,
        })
    }

    /// Ends it at once, with all connections. What was committed stays. It has
    /// ended when this returns.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again at the same address with the same data, after ending it
    /// if need be; waits as [`start`](Self::start) does.
    ///
    /// # Errors
    /// As of [`start`](Self::start).
    pub fn restart(&mut self) -> Result<(), Error> {
        self.kill();
        let (_, process) = self.site.start_on(self.addr)?;
        self.process = Some(process);
        Ok(())
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL of its database, with a user who may do everything.
    pub fn url(&self) -> String {
        format!("postgres://{USER}@{}/postgres", self.addr)
    }
}

/// Whom the server runs as if that is not this process's user.
struct Owner {
    setpriv: PathBuf,
    user: u32,
    group: u32,
}

struct Site {
    program: PathBuf,
    owner: Option<Owner>,
    directory: TempDir,
}

impl Site {
    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn create(&self) -> Result<(), Error> {
        let program = self.program.with_file_name("initdb");
        let mut command = self.command(&program);
        command.arg("--pgdata").arg(self.data());
        command.args(["--username", USER, "--auth", "trust", "--no-sync"]);
        command.args(["--encoding", "UTF8", "--locale", "C"]);
        let run = command.output();
        let output = run.map_err(Error::io(format!("cannot run {}", program.display())))?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(Error::Start {
            name: "initdb".to_owned(),
            log: String::from_utf8_lossy(&said).into_owned(),
        })
    }

    fn start(&self) -> Result<(SocketAddr, Process), Error> {
        for _ in 1..PORTS_MAX {
            match self.start_on(ports::free()) {
                Err(Error::Start { log, .. }) if log.contains("already in use") => {}
                other => return other,
            }
        }
        self.start_on(ports::free())
    }

    fn start_on(&self, addr: SocketAddr) -> Result<(SocketAddr, Process), Error> {
        let mut command = self.command(&self.program);
        command
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(self.directory.path());
        command.args(["-h", &addr.ip().to_string(), "-p", &addr.port().to_string()]);
        command.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
        let log = self.directory.path().join("log");
        let mut process = Process::spawn(command, &log, self.directory.path(), End::Quit)
            .map_err(Error::io("cannot run postgres"))?;
        let has_ended = poll("postgres to take connections", START_LIMIT, || {
            let has_ended = process.has_ended();
            (has_ended || self.is_ready()).then_some(has_ended)
        })?;
        if has_ended {
            let (name, log) = ("postgres".to_owned(), process::tail(&log));
            return Err(Error::Start { name, log });
        }
        Ok((addr, process))
    }

    /// The server's own word: the last line of its lock file.
    fn is_ready(&self) -> bool {
        let lock = fs::read_to_string(self.data().join("postmaster.pid"));
        lock.is_ok_and(|lock| lock.lines().any(|line| line.trim_end() == "ready"))
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = match &self.owner {
            None => Command::new(program),
            Some(owner) => {
                let mut command = Command::new(&owner.setpriv);
                command
                    .arg(format!("--reuid={}", owner.user))
                    .arg(format!("--regid={}", owner.group))
                    .args(["--clear-groups", "--"])
                    .arg(program);
                command
            }
        };
        command
            .current_dir(self.directory.path())
            .env_remove("PGPORT");
        command
    }
}

/// Gives the directory to a user who is not root, if this process is.
fn owner(directory: &Path) -> Result<Option<Owner>, Error> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let missing = |program, package| Error::Missing {
        program,
        package,
        variable: "SETPRIV",
    };
    let setpriv = programs::find("SETPRIV", "setpriv").ok_or(missing("setpriv", "util-linux"))?;
    let users = fs::read_to_string("/etc/passwd").map_err(Error::io("cannot read /etc/passwd"))?;
    let found = ["postgres", "nobody"]
        .iter()
        .find_map(|name| ids(&users, name));
    let (user, group) = found.ok_or(missing("a user postgres or nobody", "postgresql"))?;
    let what = format!("cannot give {} to postgres", directory.display());
    chown(directory, Some(user), Some(group)).map_err(Error::io(what))?;
    Ok(Some(Owner {
        setpriv,
        user,
        group,
    }))
}

/// `name:x:uid:gid:…`
fn ids(users: &str, name: &str) -> Option<(u32, u32)> {
    let mut lines = users.lines().map(|line| line.split(':'));
    let mut fields =
        lines.find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?;
    Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
}
