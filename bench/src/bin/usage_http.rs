//! `/api/stats` against nginx serving the same bytes from a file, over loopback, while the usage
//! is being refreshed.
//!
//! ```text
//! cargo build --release && cargo run --release -p larder-bench --bin usage_http -- DIR [ROUNDS]
//! ```
//! DIR is a directory that holds `projects`; a log of its own is added to it while this runs, and
//! removed at the end. Needs `nginx` and `wrk`.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use larder_bench::server::Server;

const CONNECTIONS: &str = "-c10";
const LENGTH: &str = "-d3s";
/// A line is appended in this time, so that refreshes go on all the while.
const PACE: Duration = Duration::from_millis(100);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(root) = arguments.next().map(PathBuf::from) else {
        eprintln!("usage: usage_http DIR [ROUNDS]   (DIR holds `projects`)");
        std::process::exit(2);
    };
    let rounds: usize = arguments
        .next()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(7);
    let scratch = std::env::temp_dir().join(format!("larder-usage-http-{}", std::process::id()));
    fs::create_dir_all(&scratch).expect("the temporary directory can be written");
    let larder = Server::larder(&root, &scratch.join("state"));
    let body = larder.wait_for("/api/stats");
    let nginx = start_nginx(&scratch, &body);
    let ended = AtomicBool::new(false);
    let live = root.join("projects/larder-bench");
    let rows: Vec<_> = std::thread::scope(|scope| {
        scope.spawn(|| keep_appending(&live, &ended));
        let rows = (0..rounds)
            .map(|_| {
                (
                    wrk(larder.port, "/api/stats"),
                    wrk(nginx.port, "/stats.json"),
                )
            })
            .collect();
        ended.store(true, Ordering::Relaxed);
        rows
    });
    report(&rows, body.len());
    let cleaned = fs::remove_dir_all(&live).and_then(|()| fs::remove_dir_all(&scratch));
    cleaned.expect("what this made can be removed");
}

fn start_nginx(scratch: &Path, body: &[u8]) -> Server {
    fs::write(scratch.join("stats.json"), body).expect("the answer can be written");
    let server = Server::start(|port| {
        let configuration = format!(
            "daemon off; worker_processes auto; pid {0}/nginx.pid; error_log {0}/nginx.log; events {{}}
             http {{ access_log off; sendfile on; tcp_nopush on; default_type application/json;
             keepalive_requests 1000000; open_file_cache max=10;
             server {{ listen 127.0.0.1:{port}; root {0}; }} }}",
            scratch.display()
        );
        let file = scratch.join("nginx.conf");
        fs::write(&file, configuration).expect("the configuration can be written");
        let mut nginx = Command::new("nginx");
        nginx.arg("-c").arg(file).stderr(Stdio::null());
        nginx
    });
    server.wait_to_listen();
    server
}

fn keep_appending(live: &Path, ended: &AtomicBool) {
    fs::create_dir_all(live).expect("the logs' directory can be written");
    let mut log = File::create(live.join("live.jsonl")).expect("a log can be made");
    for number in 0_u64.. {
        if ended.load(Ordering::Relaxed) {
            return;
        }
        let line = format!(
            r#"{{"timestamp":"2026-01-01T00:00:00Z","sessionId":"live","requestId":"r{number}","message":{{"id":"live{number}","model":"claude-sonnet-4-20250514","usage":{{"input_tokens":1,"output_tokens":1}}}}}}"#
        );
        writeln!(log, "{line}").expect("the log can be written");
        std::thread::sleep(PACE);
    }
}

/// What wrk measured of one server in one run.
struct Run {
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
}

fn wrk(port: u16, path: &str) -> Run {
    let url = format!("http://127.0.0.1:{port}{path}");
    let output = Command::new("wrk")
        .args(["-t1", CONNECTIONS, LENGTH, "--latency", &url])
        .output()
        .expect("wrk is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("Non-2xx"), "{text}");
    let after = |label: &str| {
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix(label));
        line.unwrap_or_else(|| panic!("wrk did not print {label}: {text}"))
            .trim()
            .to_owned()
    };
    Run {
        per_second: after("Requests/sec:").parse().expect("a number"),
        p50_us: micros(&after("50%")),
        p99_us: micros(&after("99%")),
    }
}

fn micros(text: &str) -> f64 {
    let split = text
        .find(|letter: char| letter.is_alphabetic())
        .expect("a unit");
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().expect("a number");
    match unit {
        "us" => number,
        "ms" => number * 1e3,
        "s" => number * 1e6,
        other => panic!("unknown unit {other}"),
    }
}

fn report(rows: &[(Run, Run)], bytes: usize) {
    println!("{}", larder_bench::machine());
    println!(
        "{bytes} bytes, 10 connections, 3 s a run; larder against nginx with the same bytes as a file"
    );
    println!(
        "{:>12} {:>12} {:>7} {:>10} {:>10} {:>7} {:>10} {:>10}",
        "larder/s", "nginx/s", "ratio", "p50 µs", "nginx p50", "ratio", "p99 µs", "nginx p99"
    );
    for (larder, nginx) in rows {
        println!(
            "{:>12.0} {:>12.0} {:>7.2} {:>10.0} {:>10.0} {:>7.2} {:>10.0} {:>10.0}",
            larder.per_second,
            nginx.per_second,
            larder.per_second / nginx.per_second,
            larder.p50_us,
            nginx.p50_us,
            larder.p50_us / nginx.p50_us,
            larder.p99_us,
            nginx.p99_us
        );
    }
    let median = |of: fn(&(Run, Run)) -> f64| {
        let mut values: Vec<_> = rows.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!(
        "median ratio of requests a second: {:.2} (at least 0.7)",
        median(|(a, b)| a.per_second / b.per_second)
    );
    println!(
        "median ratio of p50: {:.2} (at most 1.5)",
        median(|(a, b)| a.p50_us / b.p50_us)
    );
    println!(
        "median p99 of larder: {:.0} µs (under 10000)",
        median(|(a, _)| a.p99_us)
    );
}
