//! The daemon as a process, on a port of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::run::larder;

const PATIENCE: Duration = Duration::from_mins(1);

/// A running daemon; it is killed with its handle, unless it was ended before.
pub(crate) struct Daemon {
    child: Child,
    pub(crate) url: String,
    stderr: mpsc::Receiver<String>,
    seen: Vec<String>,
    token: PathBuf,
}

impl Daemon {
    /// Starts one with `home` as home and state directory, and waits until it listens.
    pub(crate) fn start(home: &Path, arguments: &[&str]) -> Self {
        Self::start_with(home, arguments, |command| command)
    }

    /// Starts one at an address that another has left.
    pub(crate) fn start_at(home: &Path, address: &str, arguments: &[&str]) -> Self {
        Self::start_as(home, address, arguments, |command| command)
    }

    pub(crate) fn start_with(
        home: &Path,
        arguments: &[&str],
        adapt: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Self {
        Self::start_as(home, "127.0.0.1:0", arguments, adapt)
    }

    fn start_as(
        home: &Path,
        address: &str,
        arguments: &[&str],
        adapt: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Self {
        let state = home.join("state");
        let token = state.join("admin.token");
        let mut command = larder(home, &["serve", "--listen", address]);
        // Daemons of several tests run at once, and a port of events is one's alone.
        command.env("LARDER_LIVE_UDP", "off");
        command
            .arg("--state-dir")
            .arg(state)
            .args(arguments)
            .stderr(Stdio::piped());
        let mut child = adapt(&mut command).spawn().expect("the daemon starts");
        let lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let (send, stderr) = mpsc::channel();
        std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .try_for_each(|line| send.send(line))
        });
        let mut daemon = Self {
            child,
            url: String::new(),
            stderr,
            seen: Vec::new(),
            token,
        };
        let line = daemon.line_with("serving on ");
        line.split("serving on ")
            .last()
            .and_then(|rest| rest.split(['"', ' ']).next())
            .expect("it names its address")
            .clone_into(&mut daemon.url);
        daemon
    }

    /// From the next line on nobody reads stderr: its pipe is closed then.
    pub(crate) fn stop_listening(&mut self) {
        self.stderr = mpsc::channel().1;
    }

    /// Waits until stderr has had a line that holds `text`.
    pub(crate) fn line_with(&mut self, text: &str) -> String {
        loop {
            if let Some(line) = self.seen.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            let Ok(line) = self.stderr.recv_timeout(PATIENCE) else {
                panic!("no line with {text:?} among {:#?}", self.seen);
            };
            self.seen.push(line);
        }
    }

    /// The lines that stderr has had so far.
    pub(crate) fn lines(&mut self) -> &[String] {
        self.seen.extend(self.stderr.try_iter());
        &self.seen
    }

    /// Status and body of a POST by its admin.
    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let token = std::fs::read_to_string(&self.token).expect("it was written");
        let agent = agent();
        let request = agent
            .post(format!("{}{path}", self.url))
            .header("Authorization", format!("Bearer {}", token.trim()))
            .header("Content-Type", "application/json");
        read(request.send(body.to_string()))
    }

    /// Status and body of a GET by its admin.
    pub(crate) fn get_as_admin(&self, path: &str) -> (u16, Value) {
        let token = std::fs::read_to_string(&self.token).expect("it was written");
        let request = agent()
            .get(format!("{}{path}", self.url))
            .header("Authorization", format!("Bearer {}", token.trim()));
        read(request.call())
    }

    /// Status and body of a GET.
    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        read(agent().get(format!("{}{path}", self.url)).call())
    }

    /// The usage, once the first scan is done.
    pub(crate) fn stats(&self) -> Value {
        let started = Instant::now();
        loop {
            let (status, stats) = self.get("/api/stats");
            if status == 200 {
                return stats;
            }
            assert!(started.elapsed() < PATIENCE, "{stats}");
            std::thread::yield_now();
        }
    }

    /// Sends it this signal, `STOP` for example.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name])
            .arg(self.child.id().to_string())
            .status()
            .expect("kill runs");
        assert!(sent.success());
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let asked = Command::new("kill")
            .arg(self.child.id().to_string())
            .status()
            .expect("kill runs");
        assert!(asked.success());
        self.child.wait().expect("it ends")
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into()
}

fn read(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, Value) {
    let mut response = response.expect("the daemon answers");
    let body = response.body_mut().read_to_string().expect("a text");
    (
        response.status().as_u16(),
        serde_json::from_str(&body).unwrap_or(Value::Null),
    )
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let ended = self.child.kill().and_then(|()| self.child.wait());
            ended.expect("it ends");
        }
    }
}
