//! From the start of the process to right totals: the daemon against ccusage on the same logs.
//!
//! ```text
//! cargo build --release && cargo run --release -p larder-bench --bin usage_cold -- DIR CCUSAGE [ROUNDS]
//! ```
//! DIR is a directory that holds `projects`, CCUSAGE the program of `npm install ccusage`. Each
//! round starts the daemon without state, ends it, starts it with the state it kept, and runs
//! ccusage once.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use larder_bench::server::Server;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let ([root, ccusage] | [root, ccusage, _]) = &arguments[..] else {
        eprintln!("usage: usage_cold DIR CCUSAGE [ROUNDS]   (DIR holds `projects`)");
        std::process::exit(2);
    };
    let rounds = arguments
        .get(2)
        .map_or(5, |rounds| rounds.parse().expect("a number of rounds"));
    let scratch = std::env::temp_dir().join(format!("larder-usage-cold-{}", std::process::id()));
    fs::create_dir_all(&scratch).expect("the temporary directory can be written");
    let (root, ccusage) = (Path::new(root), Path::new(ccusage));
    run_ccusage(ccusage, root);
    let rows: Vec<_> = (0..rounds)
        .map(|round| measure(root, ccusage, &scratch.join(format!("state-{round}"))))
        .collect();
    fs::remove_dir_all(&scratch).expect("what this made can be removed");
    report(&rows);
}

/// One round.
struct Row {
    cold: Duration,
    peak_mb: f64,
    warm: Duration,
    ccusage: Duration,
}

fn measure(root: &Path, ccusage: &Path, state: &Path) -> Row {
    let (cold, server) = until_answered(root, state, "/api/stats");
    let peak_mb = server.peak_mb().unwrap_or(f64::NAN);
    drop(server);
    let (warm, server) = until_answered(root, state, "/health/ready");
    drop(server);
    Row {
        cold,
        peak_mb,
        warm,
        ccusage: run_ccusage(ccusage, root),
    }
}

fn until_answered(root: &Path, state: &Path, path: &str) -> (Duration, Server) {
    let started = Instant::now();
    let server = Server::larder(root, state);
    server.wait_for(path);
    (started.elapsed(), server)
}

fn run_ccusage(ccusage: &Path, root: &Path) -> Duration {
    let started = Instant::now();
    let status = Command::new(ccusage)
        .args(["--offline", "--json"])
        .env("CLAUDE_CONFIG_DIR", root)
        .stdout(Stdio::null())
        .status()
        .expect("ccusage runs");
    assert!(status.success(), "ccusage fails");
    started.elapsed()
}

fn report(rows: &[Row]) {
    println!("{}", larder_bench::machine());
    println!(
        "{:>9} {:>8} {:>8} {:>11} {:>6}",
        "cold", "peak", "restart", "ccusage", "ratio"
    );
    for row in rows {
        println!(
            "{:>6.0} ms {:>5.0} MB {:>5.0} ms {:>8.0} ms {:>6.2}",
            row.cold.as_secs_f64() * 1e3,
            row.peak_mb,
            row.warm.as_secs_f64() * 1e3,
            row.ccusage.as_secs_f64() * 1e3,
            ratio(row)
        );
    }
    let mut ratios: Vec<_> = rows.iter().map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    println!(
        "median ratio of cold start to ccusage: {:.2} (at most 0.35)",
        ratios[ratios.len() / 2]
    );
}

fn ratio(row: &Row) -> f64 {
    row.cold.as_secs_f64() / row.ccusage.as_secs_f64()
}
