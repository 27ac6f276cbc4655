//! An async cache under test, on memory alone or with a disk tier under it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::ready;

use larder::{Applied, Cache, Disk, Error, Fence, LoadCx, Loaded, Lookup, ManualClock};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, yield_now};

use super::steps::{
    At, Brings, Change, GLOBS, KEYS, Load, PREFIXES, Restart, Settings, TAGS, TTL, etag, tags,
};
use super::subject::{Answer, Journal, Release, Subject};

/// Turns of the runtime in which whatever can go on has gone on.
const TURNS: usize = 20;

pub(super) struct Awaiting {
    cache: RefCell<Cache<String, u64>>,
    journal: Journal,
    runtime: Runtime,
    clock: ManualClock,
    under: Option<Under>,
}

/// What lies under memory.
struct Under {
    directory: TempDir,
    capacity: u64,
}

impl Awaiting {
    pub(super) fn in_memory(clock: &ManualClock) -> Self {
        Self::new(clock, None)
    }

    /// On disk, with so many values in memory at most.
    pub(super) fn on_disk(clock: &ManualClock, capacity: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::new(
            clock,
            Some(Under {
                directory,
                capacity,
            }),
        )
    }

    fn new(clock: &ManualClock, under: Option<Under>) -> Self {
        let runtime = Builder::new_current_thread().enable_time().build();
        Self {
            cache: RefCell::new(build(clock, under.as_ref())),
            journal: Journal::default(),
            runtime: runtime.unwrap(),
            clock: clock.clone(),
            under,
        }
    }

    fn cache(&self) -> Cache<String, u64> {
        self.cache.borrow().clone()
    }
}

fn build(clock: &ManualClock, under: Option<&Under>) -> Cache<String, u64> {
    let builder = Cache::builder("model").policy(super::policy());
    let mut builder = builder.clock(clock.clock());
    if let Some(under) = under {
        builder = builder.max_capacity(under.capacity);
        builder = builder.disk(Disk::at(under.directory.path()));
    }
    builder.build().unwrap()
}

fn entry(cache: &Cache<String, u64>, key: usize, at: At) -> Lookup<'_, String, u64, str> {
    let entry = cache.entry(KEYS[key]);
    match at {
        Some(at) => entry.at(at),
        None => entry,
    }
}

/// What is brought for all keys that are missing.
fn brought(
    journal: &Journal,
    missing: Vec<String>,
    loads: &[(usize, Load)],
) -> Vec<(String, Loaded<u64>)> {
    let found = |key: &String| loads.iter().find(|(asked, _)| KEYS[*asked] == key).copied();
    let bring = |key: String| {
        let (_, load) = found(&key).expect("it is one that was asked for");
        journal.note(load.number);
        // That there is no value is said for some, and for others nothing is.
        let is_silent = load.brings == Brings::Absent && load.number.is_multiple_of(2);
        (!is_silent).then(|| (key, load.outcome().unwrap()))
    };
    missing.into_iter().filter_map(bring).collect()
}

impl Subject for Awaiting {
    fn journal(&self) -> &Journal {
        &self.journal
    }

    fn get(&self, key: usize, at: At) -> Option<Option<u64>> {
        let cache = self.cache();
        let got = self.runtime.block_on(entry(&cache, key, at).get()).unwrap();
        let got = got.map(|entry| entry.value);
        if at.is_none() {
            let peeked = cache.peek(KEYS[key]);
            let is_evicted = self.under.is_some() && peeked.is_none();
            assert!(is_evicted || peeked == got, "{peeked:?} beside {got:?}");
        }
        Some(got)
    }

    fn get_many(&self, keys: &[usize]) -> Option<Vec<Option<u64>>> {
        let keys = keys.iter().map(|key| KEYS[*key]);
        let got = self.runtime.block_on(self.cache().get_many(keys)).unwrap();
        let values = got.into_iter().map(|entry| Some(entry?.value));
        Some(values.collect())
    }

    fn load(&self, key: usize, at: At, load: Load) -> Answer {
        let (cache, journal) = (self.cache(), &self.journal);
        let loader = {
            let journal = journal.clone();
            move |cx: LoadCx<String, u64>| {
                journal.note_with(load.number, &cx);
                ready(load.outcome())
            }
        };
        self.runtime.block_on(async {
            match at {
                None => cache.get_or_load(KEYS[key], loader).await,
                Some(at) => cache.get_or_load_at(KEYS[key], at, loader).await,
            }
        })
    }

    fn load_many(
        &self,
        loads: &[(usize, Load)],
        is_well: bool,
    ) -> Option<Result<HashMap<String, u64>, Error>> {
        let load = |missing: Vec<String>| {
            let brought = brought(&self.journal, missing, loads);
            ready(if is_well { Ok(brought) } else { Err("no") })
        };
        let keys = loads.iter().map(|(key, _)| KEYS[*key].to_owned());
        Some(
            self.runtime
                .block_on(self.cache().get_or_load_many(keys, load)),
        )
    }

    fn insert(
        &self,
        key: usize,
        at: At,
        value: u64,
        settings: Settings,
        fence: Option<Fence>,
    ) -> Applied {
        let cache = self.cache();
        let entry = entry(&cache, key, at).tags(tags(settings.tags));
        let mut entry = entry.etag(etag(value)).ttl(settings.ttl(TTL));
        if let Some(fence) = fence {
            entry = entry.fenced_by(fence);
        }
        self.runtime.block_on(entry.insert(value)).unwrap()
    }

    fn fence(&self) -> Fence {
        self.cache().fence()
    }

    fn change(&self, change: Change) {
        let cache = self.cache();
        let done = self.runtime.block_on(async {
            match change {
                Change::Key(key) => cache.invalidate(KEYS[key]).await,
                Change::Tag(tag) => cache.invalidate_tag(TAGS[tag]).await,
                Change::AnyTag(bits) => cache.invalidate_any_tag(tags(bits)).await,
                Change::AllTags(bits) => cache.invalidate_all_tags(tags(bits)).await,
                Change::Prefix(prefix) => cache.invalidate_prefix(PREFIXES[prefix]).await,
                Change::Glob(glob) => cache.invalidate_matching(GLOBS[glob].0).await,
                Change::All => cache.clear().await,
                Change::Version => cache.bump_version().await.map(|_| Applied::Everywhere),
                Change::Expire(key) => cache.expire(KEYS[key]).await,
                Change::ExpireTag(tag) => cache.expire_tag(TAGS[tag]).await,
            }
        });
        done.unwrap();
    }

    fn hold(&self, key: usize, at: At, number: u64) -> Option<(JoinHandle<Answer>, Release)> {
        let (release, released) = oneshot::channel::<Load>();
        let (begin, begun) = oneshot::channel();
        let (cache, journal) = (self.cache(), self.journal.clone());
        let load = move |cx: LoadCx<String, u64>| async move {
            journal.note_with(number, &cx);
            begin.send(()).unwrap();
            released.await.expect("each load is released").outcome()
        };
        let answer = self.runtime.spawn(async move {
            let got = entry(&cache, key, at).or_load(load).await;
            got.map(|entry| entry.value)
        });
        self.runtime.block_on(begun).expect("there is a load");
        Some((answer, release))
    }

    fn join(&self, key: usize, at: At, load: Load) -> Option<JoinHandle<Answer>> {
        let (cache, journal) = (self.cache(), self.journal.clone());
        let joined = cache.stats().coalesced;
        let loader = move |cx: LoadCx<String, u64>| {
            journal.note_with(load.number, &cx);
            ready(load.outcome())
        };
        let answer = {
            let cache = cache.clone();
            self.runtime.spawn(async move {
                let got = entry(&cache, key, at).or_load(loader).await;
                got.map(|entry| entry.value)
            })
        };
        self.runtime.block_on(async {
            while !answer.is_finished() && cache.stats().coalesced == joined {
                yield_now().await;
            }
        });
        Some(answer)
    }

    fn settle(&self, answer: JoinHandle<Answer>) -> Result<Answer, JoinHandle<Answer>> {
        self.runtime.block_on(async {
            for _ in 0..TURNS {
                yield_now().await;
            }
            if !answer.is_finished() {
                return Err(answer);
            }
            Ok(answer.await.unwrap())
        })
    }

    fn restart(&self, how: Restart) -> Option<()> {
        let under = self.under.as_ref()?;
        let former = self.cache();
        let flushed = self.runtime.block_on(async {
            match how {
                Restart::Close => former.close().await,
                Restart::FlushAndDrop => former.flush().await,
            }
        });
        flushed.unwrap();
        drop(former);
        // A handle that stays open would keep the file; an empty cache stands in for it.
        drop(self.cache.replace(build(&self.clock, None)));
        self.cache.replace(build(&self.clock, Some(under)));
        Some(())
    }
}
