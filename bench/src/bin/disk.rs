//! The disk tier beside the store it is made of: durable puts, reads that only the disk can answer,
//! and a start after a kill -9.
//!
//! `cargo run --release -p larder-bench --bin disk [ROUNDS [puts | reads | starts]]`

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use larder::{Cache, Disk};
use larder_bench::machine;
use larder_bench::rounds::{Subject, median, print, rounds};
use redb::{Database, Durability, ReadableDatabase, TableDefinition};
use tokio::runtime::Runtime;

const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("entries");
/// Operations in a commit: what the tier takes at most.
const GROUP: usize = 1_000;
const PUTS: usize = 5 * GROUP;
const KEYS: u64 = 50_000;
const VALUE_BYTES: usize = 200;
const CHILD: &str = "LARDER_BENCH_DISK";

fn main() {
    if let Some(path) = std::env::var_os(CHILD) {
        return fill_for_ever(Path::new(&path));
    }
    let argument = std::env::args().nth(1);
    let count = argument.map_or(25, |n| n.parse().expect("the number of rounds, 15 or more"));
    println!("{}; {count} rounds", machine());
    let only = std::env::args().nth(2);
    let is_wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    if is_wanted("puts") {
        puts(count);
    }
    if is_wanted("reads") {
        reads(count);
    }
    if is_wanted("starts") {
        starts(count);
    }
}

fn open(path: &Path, capacity: u64) -> Cache<u64, String> {
    let cache = Cache::builder("bench").max_capacity(capacity);
    let cache = cache.disk(Disk::at(path)).build();
    cache.expect("the cache is well described")
}

/// A text, which is stored as it is: byte for byte the same in both.
fn value(key: u64) -> String {
    let mut state = key;
    let byte = |_| {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        char::from(b'0' + (state >> 58) as u8)
    };
    (0..VALUE_BYTES).map(byte).collect()
}

/// redb with one table and the settings of the tier.
struct Raw(Database);

impl Raw {
    fn new(path: &Path) -> Self {
        let mut builder = Database::builder();
        let database = builder.set_cache_size(32 << 20).create(path);
        Self(database.expect("the directory is writable"))
    }

    fn put(&self, keys: &[u64]) -> Result<(), redb::Error> {
        let mut transaction = self.0.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        transaction.set_quick_repair(true);
        let mut table = transaction.open_table(TABLE)?;
        for key in keys {
            table.insert(key.to_string().as_bytes(), value(*key).as_bytes())?;
        }
        drop(table);
        Ok(transaction.commit()?)
    }

    fn get(&self, key: u64) -> Result<bool, redb::Error> {
        let table = self.0.begin_read()?.open_table(TABLE)?;
        let found = table.get(key.to_string().as_bytes())?;
        Ok(found.is_some_and(|found| found.value().len() == VALUE_BYTES))
    }
}

/// New keys in groups; each group is durable before the next begins.
fn puts(count: usize) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let raw = Raw::new(&directory.path().join("raw.redb"));
    let runtime = Runtime::new().expect("a runtime");
    let cache = open(directory.path(), 1_000);
    let next = AtomicU64::new(0);
    let fresh = || {
        let from = next.fetch_add(GROUP as u64, Ordering::Relaxed);
        (from..from + GROUP as u64).collect::<Vec<_>>()
    };
    let groups = vec![(); PUTS / GROUP];
    let subjects = [
        Subject::new("redb, one table", |(): &()| raw.put(&fresh()).is_ok()),
        Subject::new("Larder, insert_many", |(): &()| {
            let entries = fresh().into_iter().map(|key| (key, value(key)));
            runtime.block_on(cache.insert_many(entries)).is_ok()
        }),
        Subject::new("Larder, insert each", |(): &()| {
            let keys = fresh();
            let inserts = keys.into_iter().map(|key| cache.insert(key, value(key)));
            let inserted = runtime.block_on(join_all(inserts));
            inserted.iter().all(Result::is_ok)
        }),
        Subject::new("Larder, load and flush", |(): &()| {
            let load = |key: u64| {
                cache.get_or_load_many([key], move |keys| async move {
                    Ok::<_, std::io::Error>(keys.into_iter().map(|key| (key, value(key))))
                })
            };
            runtime.block_on(async {
                join_all(fresh().into_iter().map(load)).await;
                cache.flush().await.is_ok()
            })
        }),
    ];
    print(
        &format!("durable puts of {VALUE_BYTES} bytes in groups of {GROUP}, a group"),
        &rounds(&subjects, &[&groups], count),
    );
    println!("{:?}", cache.stats().disk);
}

/// Reads of keys that memory does not hold.
fn reads(count: usize) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let raw = Raw::new(&directory.path().join("raw.redb"));
    let runtime = Runtime::new().expect("a runtime");
    let cache = open(directory.path(), 0);
    let keys: Vec<u64> = (0..KEYS).collect();
    for group in keys.chunks(GROUP) {
        raw.put(group).expect("the disk has room");
        let inserts = group.iter().map(|key| cache.insert(*key, value(*key)));
        runtime.block_on(join_all(inserts));
    }
    let wanted: Vec<u64> = (0..2_000).map(|i| i * 7_919 % KEYS).collect();
    let subjects = [
        Subject::new("redb, inline", |key: &u64| {
            raw.get(*key).is_ok_and(|found| found)
        }),
        Subject::new("redb, on a blocking thread", |key: &u64| {
            let key = *key;
            let found = runtime.block_on(async {
                tokio::task::spawn_blocking({
                    let database = raw.0.begin_read();
                    move || {
                        let table = database.ok()?.open_table(TABLE).ok()?;
                        table
                            .get(key.to_string().as_bytes())
                            .ok()?
                            .map(|v| v.value().len())
                    }
                })
                .await
            });
            matches!(found, Ok(Some(VALUE_BYTES)))
        }),
        Subject::new("Larder, get", |key: &u64| {
            let found = runtime.block_on(cache.get(key));
            matches!(found, Ok(Some(_)))
        }),
    ];
    print(
        "reads that only the disk can answer",
        &rounds(&subjects, &[&wanted], count),
    );
    let started = Instant::now();
    runtime.block_on(cache.clear()).expect("the disk has room");
    println!("\nclear of {KEYS} entries: {:?}", started.elapsed());
}

/// What the child does until it is killed.
fn fill_for_ever(path: &Path) {
    let runtime = Runtime::new().expect("a runtime");
    let cache = open(path, 0);
    for round in 0_u64.. {
        let from = round * 1_000 % KEYS;
        let inserts = (from..from + 1_000).map(|key| cache.insert(key, value(key + round)));
        runtime.block_on(join_all(inserts));
    }
}

/// The time that a build takes on the file of a process that was killed while it wrote.
fn starts(count: usize) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut millis = Vec::new();
    for round in 0..count {
        let mut child = Command::new(std::env::current_exe().expect("its path"))
            .env(CHILD, directory.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        std::thread::sleep(Duration::from_millis(300 + 37 * round as u64 % 400));
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        let started = Instant::now();
        let cache = open(directory.path(), 0);
        millis.push(started.elapsed().as_secs_f64() * 1e3);
        drop(cache);
    }
    let most = millis.iter().copied().fold(0.0, f64::max);
    let length =
        std::fs::metadata(directory.path().join("bench.redb")).map_or(0, |file| file.len());
    println!(
        "\nbuild after a kill -9 ({} MB): median {:.1} ms, most {most:.1} ms",
        length >> 20,
        median(&millis)
    );
}
