//! Servers as processes on ports of their own, the daemon among them.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(1);

/// A server; dropping it ends it in order.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Its port on the loopback address.
    pub port: u16,
}

impl Server {
    /// Starts what `command` makes of a free port.
    pub fn start(command: impl FnOnce(u16) -> Command) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        drop(listener);
        let child = command(port).spawn().expect("the server starts");
        Self { child, port }
    }

    /// Starts the daemon that was built beside this program, counting the logs of `root`.
    pub fn larder(root: &Path, state: &Path) -> Self {
        let here = std::env::current_exe().expect("this has a path");
        let binary = here.with_file_name("larder");
        assert!(binary.exists(), "build it first: cargo build --release");
        Self::start(|port| {
            let log = File::create(state.with_extension("log")).expect("a log can be made");
            let listen = format!("127.0.0.1:{port}");
            let mut command = Command::new(binary);
            command
                .args(["serve", "--listen", &listen, "--state-dir"])
                .arg(state)
                .env("CLAUDE_CONFIG_DIR", root)
                .stderr(log);
            command
        })
    }

    /// Waits until a connection is accepted.
    pub fn wait_to_listen(&self) {
        wait_until(|| TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    /// The body at `path`, once it is answered with 200.
    pub fn wait_for(&self, path: &str) -> Vec<u8> {
        let mut body = None;
        wait_until(|| {
            body = self.get(path);
            body.is_some()
        });
        body.unwrap_or_default()
    }

    fn get(&self, path: &str) -> Option<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let head = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
        answer
            .starts_with(b"HTTP/1.1 200")
            .then(|| answer.split_off(head + 4))
    }

    /// The most memory that it had resident so far, in megabytes; from Linux's `/proc`.
    pub fn peak_mb(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kilobytes / 1e3)
    }
}

impl Drop for Server {
    /// Asks it to end, which takes its own children with it, and waits until it has.
    fn drop(&mut self) {
        let id = self.child.id().to_string();
        let asked = Command::new("kill").arg(id).status();
        let ended = asked.and_then(|_| self.child.wait());
        ended.expect("the server ends");
    }
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "it does not start");
        std::thread::sleep(Duration::from_millis(2));
    }
}
