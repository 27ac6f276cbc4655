//! One process: readers, a writer that invalidates, and one that inserts under a fence.

use std::io::{BufWriter, Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder::{Applied, Cache, Entry, Policy, Sharing, Source};
use larder_redis::Redis;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::origin::ask;
use crate::record::{Event, KEYS, now};

const READERS: u64 = 4;

/// What is cached: it can tell whether it is whole.
#[derive(Clone, Serialize, Deserialize)]
struct Value {
    key: u64,
    version: u64,
    fill: String,
    sum: u64,
}

impl Value {
    fn new(key: u64, version: u64) -> Self {
        let fill = format!("{version} of {key};").repeat(1 + (version % 200) as usize);
        let sum = xxh3_64(fill.as_bytes()) ^ key.rotate_left(32) ^ version;
        Self {
            key,
            version,
            fill,
            sum,
        }
    }

    fn is_whole(&self, key: u64) -> bool {
        self.key == key && self.sum == Self::new(key, self.version).sum && {
            xxh3_64(self.fill.as_bytes()) ^ key.rotate_left(32) ^ self.version == self.sum
        }
    }
}

type Log = Arc<Mutex<BufWriter<std::io::Stdout>>>;

#[derive(Clone)]
struct Instance {
    cache: Cache<String, Value>,
    origin: SocketAddr,
    log: Log,
}

/// Runs until its input ends.
pub(crate) fn run(told: &str) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async { start(told) });
    let mut nothing = Vec::new();
    let _ = std::io::stdin().read_to_end(&mut nothing);
    runtime.shutdown_timeout(Duration::from_millis(100));
}

fn start(told: &str) {
    let words: Vec<&str> = told.split(' ').collect();
    let [number, url, origin, seed, staleness, without] = words[..] else {
        panic!("{told:?}: six words are expected");
    };
    let parse = |word: &str| word.parse::<u64>().expect("a number");
    let staleness = Duration::from_millis(parse(staleness));
    let redis = Redis::at(url).expect("a URL");
    let cache = open(redis, staleness, without);
    let instance = Instance {
        cache,
        origin: origin.parse().expect("an address"),
        log: Arc::new(Mutex::new(BufWriter::new(std::io::stdout()))),
    };
    let seed = parse(seed) * 1_000 + parse(number) * 10;
    for reader in 0..READERS {
        tokio::spawn(
            instance
                .clone()
                .read(fastrand::Rng::with_seed(seed + reader)),
        );
    }
    tokio::spawn(instance.clone().write(fastrand::Rng::with_seed(seed + 8)));
    tokio::spawn(instance.clone().insert(fastrand::Rng::with_seed(seed + 9)));
}

/// The cache, without the check of this name; `-` is none.
fn open(redis: Redis, staleness: Duration, without: &str) -> Cache<String, Value> {
    let builder = Cache::builder("history").max_capacity(1_000).policy(
        Policy::ttl(Duration::from_secs(20))
            .jitter(0.2)
            .refresh_ahead(0.8)
            .hard_timeout(Duration::from_secs(5)),
    );
    #[cfg(feature = "switches")]
    let (builder, redis) = match (without, redis.clone().without_check(without)) {
        ("-", _) => (builder, redis),
        (_, Some(redis)) => (builder, redis),
        _ => {
            let builder = builder.without_check(without);
            (
                builder.unwrap_or_else(|| panic!("no check is named {without}")),
                redis,
            )
        }
    };
    #[cfg(not(feature = "switches"))]
    assert_eq!(without, "-", "the checks stand in this build");
    let sharing = Sharing::over(redis).staleness(staleness);
    let cache = builder.remote(sharing).build();
    cache.expect("the cache is well described")
}

fn name(key: u64) -> String {
    format!("{}:{key}", ["eu", "us"][key as usize % 2])
}

/// The name of a key's entry at the server.
pub(crate) fn entry(key: u64) -> String {
    format!("larder:e:{{history:{}}}", name(key))
}

fn tag(key: u64) -> String {
    format!("tag{}", key % 3)
}

fn letter(source: Source) -> char {
    match source {
        Source::Memory => 'm',
        Source::Disk => 'd',
        Source::Remote => 'r',
        _ => 'l',
    }
}

impl Instance {
    fn record(&self, event: Event) {
        let mut log = self.log.lock().expect("nobody panics with it");
        let _ = writeln!(log, "{event}").and_then(|()| log.flush());
    }

    async fn get(&self, key: u64, is_peek: bool) -> Option<Entry<Value>> {
        let name = name(key);
        if is_peek {
            return self.cache.get(&name).await.ok().flatten();
        }
        let origin = self.origin;
        let load = move |_| async move {
            let version = ask(origin, "get", key).await?;
            // What was read may be old by the time that it is stored.
            let pause = match fastrand::u64(0..100) {
                0 => 700,
                1..10 => 40,
                _ => 0,
            };
            tokio::time::sleep(Duration::from_millis(pause)).await;
            Ok::<_, std::io::Error>(larder::Loaded::from(Value::new(key, version)).tags([tag(key)]))
        };
        self.cache.entry(&name).or_load(load).await.ok()
    }

    async fn read(self, mut rng: fastrand::Rng) {
        loop {
            if rng.u8(..8) == 0 {
                self.read_many(&mut rng).await;
            }
            let key = rng.u64(..KEYS);
            let is_peek = rng.u8(..4) == 0;
            let began = now();
            match self.get(key, is_peek).await {
                Some(entry) if entry.value.is_whole(key) => self.record(Event::Read {
                    key,
                    version: entry.value.version,
                    began,
                    source: letter(entry.source),
                }),
                Some(_) => self.record(Event::Torn { key }),
                None if is_peek => {}
                None => self.record(Event::Failed),
            }
            tokio::time::sleep(Duration::from_micros(rng.u64(..4_000))).await;
        }
    }

    /// Asks for some keys together: each that is found is a read.
    async fn read_many(&self, rng: &mut fastrand::Rng) {
        let first = rng.u64(..KEYS);
        let keys: Vec<u64> = (0..rng.u64(2..=KEYS)).map(|n| (first + n) % KEYS).collect();
        let names: Vec<String> = keys.iter().map(|key| name(*key)).collect();
        let began = now();
        let Ok(found) = self.cache.get_many(&names).await else {
            self.record(Event::Failed);
            return;
        };
        for (key, entry) in keys.into_iter().zip(found) {
            match entry {
                Some(entry) if entry.value.is_whole(key) => self.record(Event::Read {
                    key,
                    version: entry.value.version,
                    began,
                    source: letter(entry.source).to_ascii_uppercase(),
                }),
                Some(_) => self.record(Event::Torn { key }),
                None => {}
            }
        }
    }

    /// Changes the origin, then invalidates; each way in its turn.
    async fn write(self, mut rng: fastrand::Rng) {
        loop {
            tokio::time::sleep(Duration::from_millis(rng.u64(5..150))).await;
            let key = rng.u64(..KEYS);
            let Ok(version) = ask(self.origin, "bump", key).await else {
                continue;
            };
            let cache = &self.cache;
            let applied = match rng.u8(..20) {
                0 => cache.clear().await,
                1..4 => cache.invalidate_tag(&tag(key)).await,
                4 => cache.invalidate_prefix(&name(key)[..3]).await,
                5 => cache.invalidate_matching(&format!("*:{key}")).await,
                _ => cache.invalidate(&name(key)).await,
            };
            let acknowledged = now();
            if let Ok(applied) = applied {
                self.record(Event::Invalidated {
                    key,
                    version,
                    acknowledged,
                    is_everywhere: applied == Applied::Everywhere,
                });
            }
        }
    }

    /// Inserts what the origin says, under a fence that was taken before it was asked.
    async fn insert(self, mut rng: fastrand::Rng) {
        loop {
            tokio::time::sleep(Duration::from_millis(rng.u64(50..500))).await;
            let key = rng.u64(..KEYS);
            let fence = self.cache.fence();
            let Ok(version) = ask(self.origin, "get", key).await else {
                continue;
            };
            tokio::time::sleep(Duration::from_millis(rng.u64(..20))).await;
            let name = name(key);
            let entry = self.cache.entry(&name).tags([tag(key)]);
            let inserted = entry.fenced_by(fence).insert(Value::new(key, version));
            let _ = inserted.await;
        }
    }
}
