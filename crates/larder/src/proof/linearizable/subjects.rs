//! Caches under test: one whose callers load, one whose tasks do, and that on a disk tier.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize};
use tempfile::TempDir;
use tokio::runtime::{Builder as RuntimeBuilder, Runtime};

use super::Origin;
use crate::cache::Cache;
use crate::checks::Check;
use crate::loader::Loaded;
use crate::observe::Stats;
use crate::sync;
use crate::tier::disk::Disk;

/// Values in memory where there is a disk under it.
const FEW: u64 = 2;
/// Every other loader takes until the key it has read is changed and acknowledged, at most this
/// long: so a load meets a change however few processors there are.
const SLOW: Duration = Duration::from_millis(2);
/// What such a loader sleeps at a time.
const NAP: Duration = Duration::from_micros(100);

/// What a writer tells the cache of a key.
pub(super) enum Change {
    Key,
    Tag,
    Prefix,
    Pattern,
    All,
    Insert(u64),
}

/// A cache under test.
pub(super) trait Subject: Send + Sync {
    fn load(&self, number: usize, origin: &Arc<Origin>) -> u64;
    fn peek(&self, number: usize) -> Option<u64>;
    fn change(&self, number: usize, change: &Change);
    fn stats(&self) -> Stats;
}

fn key(number: usize) -> String {
    format!("key:{number}")
}

/// Two keys share a tag.
fn tag(number: usize) -> String {
    format!("tag:{}", number / 2)
}

struct Threaded(sync::Cache<String, u64>);

impl Subject for Threaded {
    fn load(&self, number: usize, origin: &Arc<Origin>) -> u64 {
        let is_slow = fastrand::bool();
        let load = |_: &String| {
            let value = origin.value.load(SeqCst);
            let end = Instant::now() + SLOW;
            while is_slow && origin.is_current(value) && Instant::now() < end {
                thread::sleep(NAP);
            }
            Ok::<_, Infallible>(Loaded::from(value).tags([tag(number)]))
        };
        self.0.get_or_load(&key(number), load).unwrap()
    }

    fn peek(&self, number: usize) -> Option<u64> {
        self.0.peek(&key(number))
    }

    fn change(&self, number: usize, change: &Change) {
        let (cache, key) = (&self.0, key(number));
        let done = match *change {
            Change::Key => cache.invalidate(&key),
            Change::Tag => cache.invalidate_tag(&tag(number)),
            Change::Prefix => cache.invalidate_prefix(&key),
            Change::Pattern => cache.invalidate_matching(&format!("*:{number}")),
            Change::All => cache.clear(),
            Change::Insert(value) => cache.entry(&key).tags([tag(number)]).insert(value),
        };
        done.unwrap();
    }

    fn stats(&self) -> Stats {
        self.0.stats()
    }
}

/// Every other one takes a while to be read from disk: so a reading meets a change.
#[derive(Clone, Copy, Serialize)]
struct Value(u64);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if fastrand::bool() {
            thread::sleep(SLOW);
        }
        u64::deserialize(deserializer).map(Self)
    }
}

struct Tasks {
    cache: Cache<String, Value>,
    runtime: Runtime,
    /// Where its disk tier is, if it has one.
    _directory: Option<TempDir>,
}

impl Subject for Tasks {
    fn load(&self, number: usize, origin: &Arc<Origin>) -> u64 {
        let (key, origin, is_slow) = (key(number), origin.clone(), fastrand::bool());
        let load = move |_| async move {
            let value = origin.value.load(SeqCst);
            let end = Instant::now() + SLOW;
            while is_slow && origin.is_current(value) && Instant::now() < end {
                tokio::time::sleep(NAP).await;
            }
            Ok::<_, Infallible>(Loaded::from(Value(value)).tags([tag(number)]))
        };
        self.runtime
            .block_on(self.cache.get_or_load(&key, load))
            .unwrap()
            .0
    }

    fn peek(&self, number: usize) -> Option<u64> {
        let entry = self.runtime.block_on(self.cache.get(&key(number))).unwrap();
        entry.map(|entry| entry.value.0)
    }

    fn change(&self, number: usize, change: &Change) {
        let (cache, key) = (&self.cache, key(number));
        let done = self.runtime.block_on(async {
            match *change {
                Change::Key => cache.invalidate(&key).await,
                Change::Tag => cache.invalidate_tag(&tag(number)).await,
                Change::Prefix => cache.invalidate_prefix(&key).await,
                Change::Pattern => cache.invalidate_matching(&format!("*:{number}")).await,
                Change::All => cache.clear().await,
                Change::Insert(value) => {
                    cache
                        .entry(&key)
                        .tags([tag(number)])
                        .insert(Value(value))
                        .await
                }
            }
        });
        done.unwrap();
    }

    fn stats(&self) -> Stats {
        self.cache.stats()
    }
}

/// Builds one, without a check.
pub(super) type Builder = fn(Option<Check>) -> Box<dyn Subject>;

pub(super) fn threaded(without: Option<Check>) -> Box<dyn Subject> {
    let mut cache = sync::Cache::builder("threaded");
    if let Some(check) = without {
        cache = cache.without(check);
    }
    Box::new(Threaded(cache.build().unwrap()))
}

pub(super) fn tasks(without: Option<Check>) -> Box<dyn Subject> {
    let cache = built(Cache::builder("tasks"), without);
    Box::new(Tasks {
        cache,
        runtime: runtime(),
        _directory: None,
    })
}

/// With a memory so small that most of what is read comes from disk.
pub(super) fn tasks_on_disk(without: Option<Check>) -> Box<dyn Subject> {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::builder("tasks").max_capacity(FEW);
    let cache = built(cache.disk(Disk::at(directory.path())), without);
    Box::new(Tasks {
        cache,
        runtime: runtime(),
        _directory: Some(directory),
    })
}

fn built(
    cache: crate::builder::Builder<String, Value>,
    without: Option<Check>,
) -> Cache<String, Value> {
    let cache = match without {
        Some(check) => cache.without(check),
        None => cache,
    };
    cache.build().unwrap()
}

fn runtime() -> Runtime {
    let mut runtime = RuntimeBuilder::new_multi_thread();
    runtime.worker_threads(2).enable_time().build().unwrap()
}
