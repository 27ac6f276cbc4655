//! A blocking cache under test: on the one thread that there is, it can't hold loads.

use std::collections::HashMap;

use larder::{Applied, Error, Fence, sync};
use tokio::task::JoinHandle;

use super::steps::{
    At, Change, GLOBS, KEYS, Load, PREFIXES, Restart, Settings, TAGS, TTL, etag, tags,
};
use super::subject::{Answer, Journal, Release, Subject};

pub(super) struct Blocking {
    cache: sync::Cache<String, u64>,
    journal: Journal,
}

impl Blocking {
    pub(super) fn new(cache: sync::Cache<String, u64>) -> Self {
        let journal = Journal::default();
        Self { cache, journal }
    }

    fn entry(&self, key: usize, at: At) -> sync::Lookup<'_, String, u64, str> {
        let entry = self.cache.entry(KEYS[key]);
        match at {
            Some(at) => entry.at(at),
            None => entry,
        }
    }
}

impl Subject for Blocking {
    fn journal(&self) -> &Journal {
        &self.journal
    }

    fn get(&self, key: usize, at: At) -> Option<Option<u64>> {
        at.is_none().then(|| {
            let got = self.cache.get(KEYS[key]).unwrap().map(|entry| entry.value);
            assert_eq!(self.cache.peek(KEYS[key]), got);
            got
        })
    }

    fn get_many(&self, _: &[usize]) -> Option<Vec<Option<u64>>> {
        None
    }

    fn load(&self, key: usize, at: At, load: Load) -> Answer {
        let loader = |_: &String| {
            self.journal.note(load.number);
            load.outcome()
        };
        self.entry(key, at).or_load(loader).map(|entry| entry.value)
    }

    fn load_many(
        &self,
        _: &[(usize, Load)],
        _: bool,
    ) -> Option<Result<HashMap<String, u64>, Error>> {
        None
    }

    fn insert(
        &self,
        key: usize,
        at: At,
        value: u64,
        settings: Settings,
        fence: Option<Fence>,
    ) -> Applied {
        let entry = self.entry(key, at).tags(tags(settings.tags));
        let mut entry = entry.etag(etag(value)).ttl(settings.ttl(TTL));
        if let Some(fence) = fence {
            entry = entry.fenced_by(fence);
        }
        entry.insert(value).unwrap()
    }

    fn fence(&self) -> Fence {
        self.cache.fence()
    }

    fn change(&self, change: Change) {
        let cache = &self.cache;
        let done = match change {
            Change::Key(key) => cache.invalidate(KEYS[key]),
            Change::Tag(tag) => cache.invalidate_tag(TAGS[tag]),
            Change::AnyTag(bits) => cache.invalidate_any_tag(tags(bits)),
            Change::AllTags(bits) => cache.invalidate_all_tags(tags(bits)),
            Change::Prefix(prefix) => cache.invalidate_prefix(PREFIXES[prefix]),
            Change::Glob(glob) => cache.invalidate_matching(GLOBS[glob].0),
            Change::All => cache.clear(),
            Change::Version => cache.bump_version().map(|_| Applied::Everywhere),
            Change::Expire(key) => cache.expire(KEYS[key]),
            Change::ExpireTag(tag) => cache.expire_tag(TAGS[tag]),
        };
        done.unwrap();
    }

    fn hold(&self, _: usize, _: At, _: u64) -> Option<(JoinHandle<Answer>, Release)> {
        None
    }

    fn join(&self, _: usize, _: At, _: Load) -> Option<JoinHandle<Answer>> {
        None
    }

    fn settle(&self, answer: JoinHandle<Answer>) -> Result<Answer, JoinHandle<Answer>> {
        Err(answer)
    }

    fn restart(&self, _: Restart) -> Option<()> {
        None
    }
}
