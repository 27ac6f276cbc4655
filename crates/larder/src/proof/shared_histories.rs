//! Caches that share a store, under random faults in virtual time: no get that began later than X after
//! an acknowledged invalidation returns an older value, on any of them; nor, on the one that
//! invalidated, any that began after the call had returned.
//!
//! A key's value at its origin is a number that only grows. `LARDER_HISTORIES=5000 cargo test
//! shared_histories` runs as many seeds; `LARDER_HISTORIES_FROM` is the first.

mod directed;
#[expect(dead_code, reason = "scenarios use the rest of it")]
#[path = "../../tests/main/shared/fake.rs"]
mod fake;
mod faults;

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;

use crate::checks::Check;
use crate::entry::Applied;
use crate::error::Error;
use crate::loader::Loaded;
use crate::{Cache, Policy, Sharing};
use fake::Fake;
use fake::net::Delays;

const X: u64 = 1_000;
const NODES: usize = 3;
const KEYS: usize = 4;
/// How long a history is, in milliseconds.
const SPAN: u64 = 12_000;
const GETS: usize = 800;
const WRITES: usize = 60;
const FAULTS: usize = 12;
const FENCED: usize = 15;

/// What is known to be so.
#[derive(Default)]
struct Truth {
    origin: [u64; KEYS],
    /// Keys that somebody writes just now.
    is_written: [bool; KEYS],
    /// When, which key, from which value on.
    everywhere: Vec<(u64, usize, u64)>,
    here: [[u64; KEYS]; NODES],
    gets: usize,
    acknowledged: usize,
    violations: Vec<String>,
}

/// One history.
#[derive(Clone)]
struct Run {
    fake: Fake,
    caches: Arc<Vec<Cache<String, u64>>>,
    truth: Arc<Mutex<Truth>>,
}

/// What a history came to.
struct Outcome {
    gets: usize,
    acknowledged: usize,
    violations: Vec<String>,
}

fn key(number: usize) -> String {
    let region = if number < KEYS / 2 { "eu" } else { "us" };
    format!("{region}:{number}")
}

fn tag(number: usize) -> String {
    format!("t{}", number % 2)
}

/// What a writer says is invalid.
#[derive(Clone, Copy, Debug)]
enum Way {
    Key,
    Insert,
    Tag,
    Prefix,
    Pattern,
    All,
}

const WAYS: [Way; 8] = [
    Way::Key,
    Way::Key,
    Way::Insert,
    Way::Insert,
    Way::Tag,
    Way::Prefix,
    Way::Pattern,
    Way::All,
];

impl Way {
    /// The keys that are invalid with this one.
    fn keys(self, number: usize) -> Vec<usize> {
        let is_meant = |other: &usize| match self {
            Self::Key | Self::Insert => *other == number,
            Self::Tag => tag(*other) == tag(number),
            Self::Prefix | Self::Pattern => key(*other)[..3] == key(number)[..3],
            Self::All => true,
        };
        (0..KEYS).filter(is_meant).collect()
    }
}

fn history(seed: u64, without: Option<Check>) -> Outcome {
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let run = Run::new(seed, without);
        run.plan(&mut Rng::with_seed(seed ^ 0x5EED));
        run.fake.pass(SPAN + 8_000).await;
        let truth = run.truth();
        Outcome {
            gets: truth.gets,
            acknowledged: truth.acknowledged,
            violations: truth.violations.clone(),
        }
    })
}

impl Run {
    fn new(seed: u64, without: Option<Check>) -> Self {
        let delays = Delays {
            trip: vec![0, 0, 1, 1, 2, 5, 40],
            push: vec![0, 0, 1, 30],
            late: vec![0, 10, 300, 1_500, 3_000],
            is_unordered: seed % 4 == 3,
            answer: 0,
        };
        let fake = Fake::seeded(seed, delays);
        fake.net().server.has_plain_logs = without == Some(Check::Incarnation);
        let second = Duration::from_secs(1);
        let policy = match seed % 3 {
            0 => Policy::forever(),
            1 => Policy::ttl(3 * second).stale_while_revalidate(2 * second),
            _ => Policy::ttl(4 * second).refresh_ahead(0.5),
        };
        let cache = |_| {
            let sharing = Sharing::over(fake.seat()).staleness(Duration::from_millis(X));
            let builder = Cache::builder("users")
                .policy(policy.negative_ttl(second).hard_timeout(10 * second))
                .clock(fake.clock())
                .remote(sharing);
            let builder = match without {
                Some(check) => builder.without(check),
                None => builder,
            };
            builder.build().unwrap()
        };
        Self {
            caches: Arc::new((0..NODES).map(cache).collect()),
            fake,
            truth: Arc::default(),
        }
    }

    fn truth(&self) -> std::sync::MutexGuard<'_, Truth> {
        self.truth.lock().unwrap()
    }

    /// Has tasks do everything at its time.
    fn plan(&self, random: &mut Rng) {
        for _ in 0..GETS {
            let (at, node, number) = (
                random.u64(..SPAN),
                random.usize(..NODES),
                random.usize(..KEYS),
            );
            let (kind, takes) = (
                random.usize(..10),
                *pick(random, &[0, 0, 1, 10, 100, 700, 2_500, 5_000]),
            );
            match kind {
                3 | 4 => self.later(at, move |run| run.get_many(node, kind == 4, takes)),
                _ => self.later(at, move |run| run.get(node, number, kind, takes)),
            }
        }
        for _ in 0..WRITES {
            let (at, node, number) = (
                random.u64(..SPAN),
                random.usize(..NODES),
                random.usize(..KEYS),
            );
            let way = *pick(random, &WAYS);
            self.later(at, move |run| run.write(node, number, way));
        }
        for _ in 0..FENCED {
            let (at, node, number) = (
                random.u64(..SPAN),
                random.usize(..NODES),
                random.usize(..KEYS),
            );
            let gap = *pick(random, &[0, 5, 60, 500]);
            self.later(at, move |run| run.insert_fenced(node, number, gap));
        }
        for _ in 0..FAULTS {
            let (at, fault) = (random.u64(..SPAN), faults::Fault::any(random));
            self.later(at, move |run| async move { fault.happen(&run.fake).await });
        }
    }

    fn later<F: Future<Output = ()> + Send + 'static>(
        &self,
        at: u64,
        what: impl FnOnce(Self) -> F + Send + 'static,
    ) {
        let run = self.clone();
        tokio::spawn(async move {
            run.fake.sleep(at).await;
            what(run).await;
        });
    }

    /// A load: what the origin has when it is asked, some time later.
    async fn load(self, number: usize, takes: u64) -> Loaded<u64> {
        self.fake.sleep(takes % 3).await;
        let value = self.truth().origin[number];
        self.fake.sleep(takes).await;
        Loaded::from(value).tags([tag(number)])
    }

    async fn get(self, node: usize, number: usize, kind: usize, takes: u64) {
        let began = self.fake.now();
        let least = self.truth().least(node, number, began);
        let (cache, name) = (&self.caches[node], key(number));
        let loader = self.clone();
        let load = move |_| async move { Ok::<_, Infallible>(loader.load(number, takes).await) };
        let value = match kind {
            0 => cache.peek(&name),
            1 | 2 => cache
                .get(&name)
                .await
                .ok()
                .flatten()
                .map(|entry| entry.value),
            _ => match cache.get_or_load(&name, load).await {
                Err(Error::Timeout { .. } | Error::Abandoned) => None,
                outcome => Some(outcome.unwrap()),
            },
        };
        self.got((node, number), began, least, value);
    }

    /// A get of all keys at once.
    async fn get_many(self, node: usize, loads: bool, takes: u64) {
        let began = self.fake.now();
        let least: Vec<_> = {
            let truth = self.truth();
            let least = |number| truth.least(node, number, began);
            (0..KEYS).map(least).collect()
        };
        let (cache, names) = (&self.caches[node], (0..KEYS).map(key));
        let values: Vec<Option<u64>> = if loads {
            let loader = self.clone();
            let load = move |missing| {
                let loader = loader.clone();
                async move { Ok::<_, Infallible>(loader.load_many(missing, takes).await) }
            };
            match cache.get_or_load_many(names.clone(), load).await {
                Err(Error::Timeout { .. } | Error::Abandoned) => Vec::new(),
                found => {
                    let found = found.unwrap();
                    names.map(|name| found.get(&name).copied()).collect()
                }
            }
        } else {
            let names: Vec<_> = names.collect();
            let found = cache.get_many(&names).await.unwrap();
            found.into_iter().map(|found| Some(found?.value)).collect()
        };
        for (number, value) in values.into_iter().enumerate() {
            self.got((node, number), began, least[number], value);
        }
    }

    async fn load_many(&self, missing: Vec<String>, takes: u64) -> Vec<(String, Loaded<u64>)> {
        let mut loaded = Vec::new();
        for name in missing {
            let number = (0..KEYS).find(|number| key(*number) == name).unwrap();
            loaded.push((name, self.clone().load(number, takes / KEYS as u64).await));
        }
        loaded
    }

    fn got(&self, (node, number): (usize, usize), began: u64, least: u64, value: Option<u64>) {
        let (name, now) = (key(number), self.fake.now());
        let mut truth = self.truth();
        truth.gets += 1;
        if let Some(value) = value.filter(|value| *value < least) {
            truth.violations.push(format!(
                "{name} on node {node}: a get from {began} to {now} had {value}, and {least} was known"
            ));
        }
    }

    async fn write(self, node: usize, number: usize, way: Way) {
        let Some(new) = self.truth().commit(&way.keys(number)) else {
            return;
        };
        let (cache, name) = (&self.caches[node], key(number));
        let applied = match way {
            Way::Key => cache.invalidate(&name).await,
            Way::Insert => {
                let value = new[0].1;
                cache.entry(&name).tags([tag(number)]).insert(value).await
            }
            Way::Tag => cache.invalidate_tag(&tag(number)).await,
            Way::Prefix => cache.invalidate_prefix(&name[..3]).await,
            Way::Pattern => cache.invalidate_matching(&format!("{}?", &name[..3])).await,
            Way::All => cache.clear().await,
        };
        let now = self.fake.now();
        self.truth().acknowledge(node, &new, applied.unwrap(), now);
    }

    /// What is read from the origin before others change it, and inserted after.
    async fn insert_fenced(self, node: usize, number: usize, gap: u64) {
        let (cache, name) = (&self.caches[node], key(number));
        let fence = cache.fence();
        let value = self.truth().origin[number];
        self.fake.sleep(gap).await;
        let entry = cache.entry(&name).tags([tag(number)]).fenced_by(fence);
        let _ = entry.insert(value).await;
    }
}

fn pick<'a, T>(random: &mut Rng, of: &'a [T]) -> &'a T {
    &of[random.usize(..of.len())]
}

impl Truth {
    /// The least value that a get that begins now may return.
    fn least(&self, node: usize, number: usize, now: u64) -> u64 {
        let is_due = |&&(when, which, _): &&(u64, usize, u64)| which == number && now > when + X;
        let everywhere = self
            .everywhere
            .iter()
            .filter(is_due)
            .map(|(_, _, value)| *value);
        everywhere.max().unwrap_or(0).max(self.here[node][number])
    }

    /// Gives keys new values, unless somebody else is at one of them.
    fn commit(&mut self, numbers: &[usize]) -> Option<Vec<(usize, u64)>> {
        if numbers.iter().any(|number| self.is_written[*number]) {
            return None;
        }
        let mut new = Vec::new();
        for &number in numbers {
            self.is_written[number] = true;
            self.origin[number] += 1;
            new.push((number, self.origin[number]));
        }
        Some(new)
    }

    fn acknowledge(&mut self, node: usize, new: &[(usize, u64)], applied: Applied, now: u64) {
        for &(number, value) in new {
            self.is_written[number] = false;
            self.here[node][number] = self.here[node][number].max(value);
            if applied == Applied::Everywhere {
                self.acknowledged += 1;
                self.everywhere.push((now, number, value));
            }
        }
    }
}

fn setting(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok().and_then(|text| text.parse().ok());
    given.unwrap_or(default)
}

/// Promises 1 and 2 of the protocol.
#[test]
fn an_invalidated_value_is_not_served_again_whatever_fails() {
    let first = setting("LARDER_HISTORIES_FROM", 0);
    let histories = setting("LARDER_HISTORIES", 60);
    let (next, totals) = (AtomicU64::new(0), Mutex::new((0, 0)));
    let work = || loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= histories {
            return;
        }
        let outcome = history(first + number, None);
        let none = Vec::<String>::new();
        assert_eq!(outcome.violations, none, "seed {}", first + number);
        let mut totals = totals.lock().unwrap();
        *totals = (
            totals.0 + outcome.gets as u64,
            totals.1 + outcome.acknowledged as u64,
        );
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(2) {
            scope.spawn(work);
        }
    });
    let (gets, acknowledged) = *totals.lock().unwrap();
    println!("{histories} histories, {gets} gets, {acknowledged} values acknowledged everywhere");
    assert!(gets > histories * GETS as u64 * 9 / 10, "gets end");
    assert!(acknowledged > histories * 20, "writes get through");
}

/// From a seed on that is known to be near, the checker finds that a check is missing.
#[track_caller]
fn is_found(check: Check, from: u64) {
    let mut seeds = from..from + 30;
    let found = seeds.find(|seed| !history(*seed, Some(check)).violations.is_empty());
    println!("{check:?}: seed {found:?}");
    assert!(
        found.is_some(),
        "{check:?} is missing, and nothing was found"
    );
}

#[test]
fn it_is_found_that_memory_is_served_without_a_link() {
    is_found(Check::Gate, 0);
}

#[test]
fn it_is_found_that_what_another_changed_is_not_suspect() {
    is_found(Check::Suspect, 0);
}

#[test]
fn it_is_found_that_anyone_joins_any_load() {
    is_found(Check::Together, 15);
}

#[test]
fn it_is_found_that_entries_are_not_held_against_the_shared_log() {
    is_found(Check::SharedLog, 0);
}

#[test]
fn it_is_found_that_an_older_life_of_the_data_is_trusted() {
    is_found(Check::Incarnation, 0);
}
