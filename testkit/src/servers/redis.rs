//! One Redis or Valkey server.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use super::node::{Launch, Node, START_LIMIT};
use super::options::{Kind, Login, Place};
use super::tls::TlsFiles;
use super::{Binary, Options, programs};
use crate::resp::Reply;
use crate::wait::poll;
use crate::{Error, ports, process, resp};

/// How long [`RedisServer::cli`] waits for an answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How often a start tries another port when somebody took the first.
const PORTS_MAX: usize = 8;

/// A server of its own for one test: Redis 7 or newer, or Valkey. It ends when
/// it is dropped.
pub struct RedisServer {
    name: String,
    binary: Binary,
    options: Options,
    addr: SocketAddr,
    login: Login,
    tls: Option<Arc<TlsFiles>>,
    node: Mutex<Node>,
    directory: TempDir,
}

impl RedisServer {
    /// Starts a server and waits until it answers (a replica: until it is in
    /// step with its primary); blocks, 30 s at most for each.
    ///
    /// # Errors
    /// [`Error::Missing`] if none is installed; [`Error::Start`] with the
    /// server's own words if it ends; [`Error::TimedOut`].
    pub fn start(options: Options) -> Result<Self, Error> {
        let mut server = Self::prepare(options)?;
        for _ in 1..PORTS_MAX {
            match server.launch() {
                Err(Error::Start { log, .. }) if log.contains("already in use") => {
                    server.addr = ports::free();
                }
                Err(error) => return Err(error),
                Ok(()) => return server.in_step(),
            }
        }
        server.launch()?;
        server.in_step()
    }

    fn prepare(options: Options) -> Result<Self, Error> {
        let directory = tempfile::tempdir().map_err(Error::io("no temporary directory"))?;
        let tls = match &options.tls {
            Some(shared) => Some(shared.clone()),
            None if options.has_tls => Some(Arc::new(TlsFiles::create(directory.path())?)),
            None => None,
        };
        let binary = match &options.binary {
            Some(binary) => binary.clone(),
            None => programs::first()?,
        };
        let program = binary.path.file_name().unwrap_or_default();
        Ok(Self {
            name: program.to_string_lossy().into_owned(),
            binary,
            addr: ports::free(),
            login: options.login(),
            tls,
            node: Mutex::new(Node::Ended),
            directory,
            options,
        })
    }

    /// Writes the configuration and starts the process.
    fn launch(&self) -> Result<(), Error> {
        let place = Place {
            addr: self.addr,
            directory: self.directory.path(),
            socket: &self.unix_socket(),
            tls: self.tls.as_deref(),
        };
        let config = self.config_file();
        let what = format!("cannot write {}", config.display());
        fs::write(&config, self.options.file(&place)).map_err(Error::io(what))?;
        self.relaunch()
    }

    /// Starts the process on the configuration as it is now: a cluster's node
    /// and what sentinels watch have changed it.
    fn relaunch(&self) -> Result<(), Error> {
        let config = self.config_file();
        let sentinel = match self.options.kind {
            Kind::Sentinel => Some(OsStr::new("--sentinel")),
            Kind::Server | Kind::ClusterNode => None,
        };
        let arguments: Vec<&OsStr> = [config.as_os_str()].into_iter().chain(sentinel).collect();
        let launch = Launch {
            name: &self.name,
            program: &self.binary.path,
            arguments: &arguments,
            directory: self.directory.path(),
        };
        let node = launch.start(|| self.try_cli(&["PING"]).is_ok())?;
        *self.node() = node;
        Ok(())
    }

    fn in_step(self) -> Result<Self, Error> {
        if self.options.is_replica() {
            let what = "a replica to be in step with its primary";
            poll(what, START_LIMIT, || self.has_link().then_some(()))?;
        }
        Ok(self)
    }

    /// Whether a replica is in step with its primary.
    pub(super) fn has_link(&self) -> bool {
        let info = self.try_cli(&["INFO", "replication"]);
        info.is_ok_and(|info| info.contains("master_link_status:up"))
    }

    /// Where it listens on TCP: with TLS if it was started so.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its Unix socket: plain, always there.
    pub fn unix_socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    /// The certificate, as PEM, that a client of a server with TLS trusts.
    pub fn authority(&self) -> Option<&Path> {
        self.tls.as_ref().map(|tls| tls.authority.as_path())
    }

    /// Its URL: `redis://` or `rediss://`, with the first user, else the
    /// default user's password, put in as they are.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() {
            "rediss"
        } else {
            "redis"
        };
        match self.options.url_login() {
            Some((name, password)) => format!("{scheme}://{name}:{password}@{}", self.addr),
            None => format!("{scheme}://{}", self.addr),
        }
    }

    /// The program that runs.
    pub fn binary(&self) -> &Binary {
        &self.binary
    }

    /// The process's number; none after [`kill`](Self::kill).
    pub fn process_id(&self) -> Option<u32> {
        self.node().id()
    }

    /// Whether the process runs: neither killed nor stopped, and not ended by
    /// itself.
    pub fn is_running(&self) -> bool {
        self.node().is_running()
    }

    /// The last lines that it has said since it was started.
    pub fn log(&self) -> String {
        process::tail(&self.directory.path().join("log"))
    }

    /// Ends it at once (SIGKILL): nothing is saved, connections are closed by
    /// the system. It has ended when this returns.
    pub fn kill(&self) {
        self.node().kill();
    }

    /// Halts it (SIGSTOP): connections stay open, and the system accepts new
    /// ones, but nobody answers. It has halted when this returns.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn stop(&self) {
        self.node().halt().unwrap_or_else(|error| panic!("{error}"));
    }

    /// Lets it go on after [`stop`](Self::stop) (SIGCONT).
    ///
    /// # Panics
    /// If the system refuses.
    pub fn cont(&self) {
        self.node()
            .resume()
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// Starts it again at the same address with the same files, after ending it
    /// if need be. It has the keys that were saved last, or none; waits as
    /// [`start`](Self::start) does, but not for a replica's primary.
    pub fn restart(&self) -> Result<(), Error> {
        self.kill();
        self.relaunch()
    }

    /// Sends one command with all rights, on a connection of its own over the
    /// Unix socket, so that what belongs to a connection (`SELECT`, `MULTI`,
    /// `WAIT`) is of no use. The answer is as `redis-cli` prints it to a pipe: elements
    /// on lines, nothing for nil.
    ///
    /// # Panics
    /// If the answer is an error, or none comes within 10 s.
    #[track_caller]
    pub fn cli(&self, command: &[&str]) -> String {
        match self.try_cli(command) {
            Ok(text) => text,
            Err(error) => panic!("{}: {error}", self.name),
        }
    }

    /// The same, with the failure as a value.
    ///
    /// # Errors
    /// [`Error::Refused`] if the answer is an error; [`Error::Io`] if none
    /// comes within 10 s.
    pub fn try_cli(&self, command: &[&str]) -> Result<String, Error> {
        let bytes: Vec<&[u8]> = command.iter().map(|argument| argument.as_bytes()).collect();
        self.call(&bytes).map(|reply| reply.text())
    }

    /// The same with any bytes.
    pub(super) fn call(&self, command: &[&[u8]]) -> Result<Reply, Error> {
        let failed = || format!("no answer from {} at {}", self.name, self.addr);
        let stream = self.connect().map_err(Error::io(failed()))?;
        if !self.login.is_empty() {
            let login = self.login.iter().map(String::as_bytes);
            let auth: Vec<&[u8]> = [&b"AUTH"[..]].into_iter().chain(login).collect();
            answer(
                &auth,
                resp::call(&stream, &auth).map_err(Error::io(failed()))?,
            )?;
        }
        answer(
            command,
            resp::call(&stream, command).map_err(Error::io(failed()))?,
        )
    }

    fn connect(&self) -> std::io::Result<UnixStream> {
        let stream = UnixStream::connect(self.unix_socket())?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.set_write_timeout(Some(ANSWER_LIMIT))?;
        Ok(stream)
    }

    pub(super) fn login(&self) -> &Login {
        &self.login
    }

    fn config_file(&self) -> PathBuf {
        self.directory.path().join("config")
    }

    fn node(&self) -> MutexGuard<'_, Node> {
        self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer(command: &[&[u8]], reply: Reply) -> Result<Reply, Error> {
    match reply {
        Reply::Error(message) => {
            let words = command.iter().map(|word| String::from_utf8_lossy(word));
            let command = words.collect::<Vec<_>>().join(" ");
            Err(Error::Refused { command, message })
        }
        reply => Ok(reply),
    }
}
