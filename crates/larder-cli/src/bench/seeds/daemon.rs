//! The daemon as a process of its own, for what it takes of memory.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::front;

const PATIENCE: Duration = Duration::from_secs(30);
/// Every service but `claude_usage`.
const OTHERS: [&str; 4] = [
    "ASSISTANT_CONTEXT",
    "LIVE",
    "SCHEDULER_STATS",
    "WORKSTATIONS",
];

/// Ended with its handle.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // One that has ended by itself is ended too.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The most bytes that a daemon had which counts the logs under `root`, once it answers with their totals;
/// none where the system does not tell.
pub(super) fn memory_peak(root: &Path) -> anyhow::Result<Option<f64>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", "--listen", "127.0.0.1:0", "--state-dir"]);
    command.arg(root.join("state"));
    command
        .env_clear()
        .env("HOME", root)
        .env("CLAUDE_CONFIG_DIR", root);
    command.envs(OTHERS.map(|name| (format!("LARDER_{name}_ENABLED"), "false")));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut daemon = Daemon(command.spawn().context("cannot start a daemon")?);
    let stderr = daemon.0.stderr.take().context("it is piped")?;
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    let url = lines.find_map(|line| Some(line.split_once("serving on ")?.1.to_owned()));
    let url = url.context("the daemon does not listen")?;
    let begun = Instant::now();
    let agent = front::agent();
    while agent.get(format!("{url}/api/stats")).call().is_err() {
        anyhow::ensure!(begun.elapsed() < PATIENCE, "the daemon has no totals");
        std::thread::sleep(Duration::from_millis(10));
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.0.id()));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    Ok(kilobytes.map(|kilobytes| kilobytes * 1_024.0))
}
