//! kill -9 at random moments: what was acknowledged holds in the next life.
//!
//! The test starts its own binary again as the child that is killed.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use larder::{Cache, Disk};

const CHILD: &str = "LARDER_CRASH_DIRECTORY";
const KEYS: u64 = 20;

fn open(path: &Path) -> Cache<String, u64> {
    Cache::builder("crash")
        .disk(Disk::at(path))
        .build()
        .unwrap()
}

/// What a key may hold: nothing older than this.
type Least = HashMap<u64, u64>;

/// H2
#[tokio::test]
async fn what_was_acknowledged_before_a_kill_holds_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let rounds = std::env::var("LARDER_LONG").map_or(12, |_| 200);
    let (mut least, mut acknowledged) = (Least::new(), 0);
    for round in 0..rounds {
        acknowledged += run_and_kill(directory.path(), round, &mut least);
        let cache = open(directory.path());
        for key in 0..KEYS {
            let found = cache.get(&format!("k{key}")).await.unwrap();
            let least = least.get(&key).copied().unwrap_or(0);
            if let Some(entry) = found {
                assert!(
                    entry.value >= least,
                    "round {round}, key {key}: {} after {least}",
                    entry.value
                );
            }
        }
        assert_eq!(cache.stats().disk.unwrap().degraded, None);
    }
    assert!(
        acknowledged > rounds,
        "{acknowledged} acknowledgements in {rounds} rounds"
    );
}

/// Runs a child, kills it after some acknowledgements, and returns how many there were.
fn run_and_kill(path: &Path, round: u64, least: &mut Least) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "main::disk::crash::child",
            "--nocapture",
            "--ignored",
        ])
        .env(CHILD, path)
        .env("LARDER_CRASH_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let (mut lines, mut count, enough) = (out.lines(), 0, 10 + scattered(round) % 60);
    for line in lines.by_ref() {
        let line = line.unwrap();
        count += u64::from(acknowledge(&line, least));
        if count == enough {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had said before it died counts too.
    for line in lines.map_while(Result::ok) {
        count += u64::from(acknowledge(&line, least));
    }
    count
}

/// `done KEY VALUE`: KEY holds nothing older than VALUE from now on.
fn acknowledge(line: &str, least: &mut Least) -> bool {
    let mut words = line.split(' ');
    if words.next() != Some("done") {
        return false;
    }
    let mut number = || words.next()?.parse::<u64>().ok();
    let (Some(key), Some(value), Some(())) =
        (number(), number(), line.ends_with('.').then_some(()))
    else {
        return false;
    };
    let known = least.entry(key).or_insert(0);
    *known = value.max(*known);
    true
}

fn scattered(seed: u64) -> u64 {
    seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40
}

/// The child: writes, invalidates, and says what was acknowledged, until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by what_was_acknowledged_before_a_kill_holds_after_it"]
async fn child() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let round: u64 = std::env::var("LARDER_CRASH_ROUND")
        .unwrap()
        .parse()
        .unwrap();
    let cache = open(Path::new(&path));
    let writers = (0..KEYS).map(|key| tokio::spawn(write(cache.clone(), key, round)));
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

async fn write(cache: Cache<String, u64>, key: u64, round: u64) {
    let name = format!("k{key}");
    // A killed child's parent is told nothing more: the child ends by itself at last.
    let end = tokio::time::Instant::now() + Duration::from_secs(20);
    for step in 1.. {
        let value = round * 1_000_000 + step * 2;
        match (key + step) % 4 {
            0 => drop(cache.insert(name.clone(), value).await.unwrap()),
            1 => drop(cache.invalidate(&name).await.unwrap()),
            2 => drop(cache.invalidate_prefix(&name).await.unwrap()),
            _ => drop(cache.clear().await.unwrap()),
        }
        let line = format!("done {key} {value} .\n");
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        let load = move |_| async move { Ok::<_, std::fmt::Error>(value + 1) };
        cache.get_or_load(&name, load).await.unwrap();
        if tokio::time::Instant::now() > end {
            return;
        }
    }
}
