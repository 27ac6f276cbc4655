//! Random histories of calls, against a model that says what each may return.
//!
//! Two rules. *Safety*, always: what a get returns was not invalidated between its load's begin (or
//! its insert) and the get's begin. *Exactness*, where one thing happens at a time: a value is
//! served as long as it is fresh and valid, and no longer. A new operation is one more [`Step`]
//! with its arm in [`History::run`].

use std::collections::HashMap;
use std::time::Duration;

use larder::{Cache, Error, Loaded, ManualClock, Policy, sync};
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const TTL: Duration = Duration::from_secs(100);
const STALE: Duration = Duration::from_secs(50);
const KEYS: [&str; 5] = ["a:1", "a:2", "b:1", "b:2", "c"];
const TAGS: [&str; 3] = ["x", "y", "z"];
const PREFIXES: [&str; 3] = ["a:", "b", ""];
/// Each with the keys that it matches.
const GLOBS: [(&str, &[usize]); 3] = [("*:1", &[0, 2]), ("?", &[4]), ("[ab]:2", &[1, 3])];

#[derive(Clone, Copy, Debug)]
enum Step {
    Peek(usize),
    Load(usize, Settings),
    FailToLoad(usize),
    /// A load that lasts until it is released.
    Hold(usize, Settings),
    /// Ends one of the loads that are held, in whatever order; well or not.
    Release(usize, bool),
    Insert(usize, Settings),
    Change(Change),
    Advance(u64),
}

/// A value's own settings: its time to live in seconds, and its tags as bits.
#[derive(Clone, Copy, Debug)]
struct Settings {
    ttl: Option<u64>,
    tags: u8,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Key(usize),
    Tag(usize),
    Prefix(usize),
    Glob(usize),
    All,
    Expire(usize),
    ExpireTag(usize),
}

impl Settings {
    fn tags(self) -> Vec<&'static str> {
        let is_set = |(bit, _): &(usize, &&str)| self.tags & (1 << bit) > 0;
        let chosen = TAGS.iter().enumerate().filter(is_set);
        chosen.map(|(_, tag)| *tag).collect()
    }

    fn ttl(self) -> Duration {
        self.ttl.map_or(TTL, Duration::from_secs)
    }

    fn loaded(self, value: u64) -> Loaded<u64> {
        let loaded = Loaded::from(value).tags(self.tags());
        match self.ttl {
            Some(seconds) => loaded.ttl(Duration::from_secs(seconds)),
            None => loaded,
        }
    }
}

impl Change {
    /// Whether it makes what has this key and these tags invalid, or stale.
    fn matches(self, key: usize, settings: Settings) -> bool {
        match self {
            Self::Key(own) | Self::Expire(own) => own == key,
            Self::Tag(tag) | Self::ExpireTag(tag) => settings.tags & (1 << tag) > 0,
            Self::Prefix(prefix) => KEYS[key].starts_with(PREFIXES[prefix]),
            Self::Glob(glob) => GLOBS[glob].1.contains(&key),
            Self::All => true,
        }
    }

    /// Whether what it matches may still stand in where a load fails.
    const fn is_soft(self) -> bool {
        matches!(self, Self::Expire(_) | Self::ExpireTag(_))
    }
}

fn settings() -> impl Strategy<Value = Settings> {
    let ttl = prop_oneof![3 => Just(None), 1 => Just(Some(0)), 3 => (1..200_u64).prop_map(Some)];
    (ttl, 0..8_u8).prop_map(|(ttl, tags)| Settings { ttl, tags })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (0..KEYS.len()).prop_map(Change::Key),
        4 => (0..TAGS.len()).prop_map(Change::Tag),
        2 => (0..PREFIXES.len()).prop_map(Change::Prefix),
        2 => (0..GLOBS.len()).prop_map(Change::Glob),
        1 => Just(Change::All),
        2 => (0..KEYS.len()).prop_map(Change::Expire),
        2 => (0..TAGS.len()).prop_map(Change::ExpireTag),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..KEYS.len();
    prop_oneof![
        6 => key().prop_map(Step::Peek),
        8 => (key(), settings()).prop_map(|(key, settings)| Step::Load(key, settings)),
        2 => key().prop_map(Step::FailToLoad),
        4 => (key(), settings()).prop_map(|(key, settings)| Step::Hold(key, settings)),
        4 => (0..8_usize, any::<bool>()).prop_map(|(which, well)| Step::Release(which, well)),
        3 => (key(), settings()).prop_map(|(key, settings)| Step::Insert(key, settings)),
        5 => change().prop_map(Step::Change),
        3 => (0..120_u64).prop_map(Step::Advance),
    ]
}

type Answer = Result<u64, Error>;
type Release = oneshot::Sender<Result<u64, &'static str>>;

/// A cache under test. One that blocks can't hold loads on the one thread that there is.
trait Subject {
    fn peek(&self, key: usize) -> Option<u64>;
    fn load(&self, key: usize, loaded: Result<Loaded<u64>, &'static str>) -> Answer;
    fn insert(&self, key: usize, value: u64, settings: Settings);
    fn change(&self, change: Change);
    /// Begins a get whose load is held, where that is possible.
    fn hold(&self, key: usize, settings: Settings) -> Option<(JoinHandle<Answer>, Release)>;
    /// A get that may have to wait for another's load.
    fn join(&self, key: usize, loaded: Loaded<u64>) -> Option<JoinHandle<Answer>>;
    /// Lets all go on that can, and takes the answers that are there.
    fn settle(&self, answer: JoinHandle<Answer>) -> Result<Answer, JoinHandle<Answer>>;
}

struct Blocking(sync::Cache<String, u64>);

impl Subject for Blocking {
    fn peek(&self, key: usize) -> Option<u64> {
        self.0.peek(KEYS[key])
    }

    fn load(&self, key: usize, loaded: Result<Loaded<u64>, &'static str>) -> Answer {
        self.0.get_or_load(KEYS[key], |_| loaded)
    }

    fn insert(&self, key: usize, value: u64, settings: Settings) {
        let entry = self.0.entry(KEYS[key]).tags(settings.tags());
        let done = entry.ttl(settings.ttl()).insert(value);
        done.unwrap();
    }

    fn change(&self, change: Change) {
        let done = match change {
            Change::Key(key) => self.0.invalidate(KEYS[key]),
            Change::Tag(tag) => self.0.invalidate_tag(TAGS[tag]),
            Change::Prefix(prefix) => self.0.invalidate_prefix(PREFIXES[prefix]),
            Change::Glob(glob) => self.0.invalidate_matching(GLOBS[glob].0),
            Change::All => self.0.clear(),
            Change::Expire(key) => self.0.expire(KEYS[key]),
            Change::ExpireTag(tag) => self.0.expire_tag(TAGS[tag]),
        };
        done.unwrap();
    }

    fn hold(&self, _: usize, _: Settings) -> Option<(JoinHandle<Answer>, Release)> {
        None
    }

    fn join(&self, _: usize, _: Loaded<u64>) -> Option<JoinHandle<Answer>> {
        None
    }

    fn settle(&self, answer: JoinHandle<Answer>) -> Result<Answer, JoinHandle<Answer>> {
        Err(answer)
    }
}

struct Awaiting(Cache<String, u64>, Runtime);

impl Subject for Awaiting {
    fn peek(&self, key: usize) -> Option<u64> {
        let got = self.1.block_on(self.0.get(KEYS[key])).unwrap();
        let got = got.map(|entry| entry.value);
        assert_eq!(self.0.peek(KEYS[key]), got);
        got
    }

    fn load(&self, key: usize, loaded: Result<Loaded<u64>, &'static str>) -> Answer {
        self.1
            .block_on(self.0.get_or_load(KEYS[key], |_| async { loaded }))
    }

    fn insert(&self, key: usize, value: u64, settings: Settings) {
        let entry = self.0.entry(KEYS[key]).tags(settings.tags());
        let done = entry.ttl(settings.ttl()).insert(value);
        self.1.block_on(done).unwrap();
    }

    fn change(&self, change: Change) {
        let done = self.1.block_on(async {
            match change {
                Change::Key(key) => self.0.invalidate(KEYS[key]).await,
                Change::Tag(tag) => self.0.invalidate_tag(TAGS[tag]).await,
                Change::Prefix(prefix) => self.0.invalidate_prefix(PREFIXES[prefix]).await,
                Change::Glob(glob) => self.0.invalidate_matching(GLOBS[glob].0).await,
                Change::All => self.0.clear().await,
                Change::Expire(key) => self.0.expire(KEYS[key]).await,
                Change::ExpireTag(tag) => self.0.expire_tag(TAGS[tag]).await,
            }
        });
        done.unwrap();
    }

    fn hold(&self, key: usize, settings: Settings) -> Option<(JoinHandle<Answer>, Release)> {
        let (release, released) = oneshot::channel::<Result<u64, &'static str>>();
        let cache = self.0.clone();
        let load = move |_| async move {
            let value = released.await.expect("each load is released");
            value.map(|value| settings.loaded(value))
        };
        let answer = self
            .1
            .spawn(async move { cache.get_or_load(KEYS[key], load).await });
        Some((answer, release))
    }

    fn join(&self, key: usize, loaded: Loaded<u64>) -> Option<JoinHandle<Answer>> {
        let cache = self.0.clone();
        let load = |_| async { Ok::<_, String>(loaded) };
        Some(
            self.1
                .spawn(async move { cache.get_or_load(KEYS[key], load).await }),
        )
    }

    fn settle(&self, answer: JoinHandle<Answer>) -> Result<Answer, JoinHandle<Answer>> {
        self.1.block_on(async {
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            if !answer.is_finished() {
                return Err(answer);
            }
            Ok(answer.await.unwrap())
        })
    }
}

/// Where a value comes from.
struct Birth {
    key: usize,
    step: usize,
    settings: Settings,
}

/// What memory has of a key.
#[derive(Clone, Copy)]
struct Stored {
    value: u64,
    settings: Settings,
    fresh_until: Duration,
    kept_until: Duration,
    /// By a tag: then the stale window is not measured.
    is_expired: bool,
}

/// A load that is held.
struct InAir {
    key: usize,
    settings: Settings,
    began: usize,
    release: Release,
    is_in_table: bool,
}

/// A get that has not been answered.
struct Waiting {
    key: usize,
    began: usize,
    /// The value that its own load brings, if that runs.
    own: Option<u64>,
    answer: JoinHandle<Answer>,
}

struct History<'a> {
    subject: &'a dyn Subject,
    clock: ManualClock,
    now: Duration,
    step: usize,
    births: HashMap<u64, Birth>,
    changes: Vec<(usize, Change)>,
    /// `None`: nothing is stored. A key that is not in it: not known.
    stored: HashMap<usize, Option<Stored>>,
    in_air: Vec<InAir>,
    waiting: Vec<Waiting>,
}

impl<'a> History<'a> {
    fn new(subject: &'a dyn Subject, clock: ManualClock) -> Self {
        Self {
            subject,
            clock,
            now: Duration::ZERO,
            step: 0,
            births: HashMap::new(),
            changes: Vec::new(),
            stored: (0..KEYS.len()).map(|key| (key, None)).collect(),
            in_air: Vec::new(),
            waiting: Vec::new(),
        }
    }

    fn run(&mut self, step: Step) {
        self.step += 1;
        match step {
            Step::Peek(key) => {
                let got = self.subject.peek(key);
                if let Some(got) = got {
                    self.check(key, self.step, got);
                }
                if let Some(stored) = self.stored.get(&key) {
                    assert_eq!(got, self.fresh(*stored), "peek of {key}");
                }
            }
            Step::Load(key, settings) => self.load(key, settings),
            Step::FailToLoad(key) => self.fail_to_load(key),
            Step::Hold(key, settings) => self.hold(key, settings),
            Step::Release(which, is_well) if !self.in_air.is_empty() => {
                let flight = self.in_air.remove(which % self.in_air.len());
                self.release(flight, is_well);
            }
            Step::Release(..) => {}
            Step::Insert(key, settings) => {
                self.changes.push((self.step, Change::Key(key)));
                self.step += 1;
                let value = self.bear(key, self.step, settings);
                self.subject.insert(key, value, settings);
                self.detach(key);
                self.store(key, value, settings);
            }
            Step::Change(change) => self.change(change),
            Step::Advance(seconds) => {
                self.now += Duration::from_secs(seconds);
                self.clock.advance(Duration::from_secs(seconds));
            }
        }
        self.take_answers();
    }

    /// A new value, no other's number.
    fn bear(&mut self, key: usize, step: usize, settings: Settings) -> u64 {
        let value = self.births.len() as u64 + 1;
        let birth = Birth {
            key,
            step,
            settings,
        };
        self.births.insert(value, birth);
        value
    }

    /// The rule of safety, for a value that a get got which began at this step.
    fn check(&self, key: usize, began: usize, got: u64) {
        let birth = &self.births[&got];
        assert_eq!(birth.key, key, "another key's value");
        let between = |(step, change): &&(usize, Change)| {
            birth.step < *step && *step < began && !change.is_soft()
        };
        let mut later = self.changes.iter().filter(between);
        let by = later.find(|(_, change)| change.matches(key, birth.settings));
        assert!(by.is_none(), "{got} was invalidated by {by:?} before");
    }

    fn fresh(&self, stored: Option<Stored>) -> Option<u64> {
        let stored = stored.filter(|stored| stored.fresh_until > self.now && !stored.is_expired);
        stored.map(|stored| stored.value)
    }

    /// Whether a get of the key would wait for a load that is held.
    fn would_join(&self, key: usize) -> bool {
        self.in_air.iter().any(|flight| {
            flight.key == key && flight.is_in_table && !self.is_refused_to_joiners(flight)
        })
    }

    /// By its key alone, for its tags are not known before it lands.
    fn is_refused_to_joiners(&self, flight: &InAir) -> bool {
        let untagged = Settings { ttl: None, tags: 0 };
        self.since(flight.began)
            .any(|change| change.matches(flight.key, untagged))
    }

    fn since(&self, step: usize) -> impl Iterator<Item = Change> {
        let later = self.changes.iter().filter(move |(at, _)| *at > step);
        later.map(|(_, change)| *change)
    }

    fn detach(&mut self, key: usize) {
        let flights = self.in_air.iter_mut();
        flights
            .filter(|flight| flight.key == key)
            .for_each(|flight| flight.is_in_table = false);
    }

    fn store(&mut self, key: usize, value: u64, settings: Settings) {
        let fresh_until = self.now + settings.ttl();
        let stored = Stored {
            value,
            settings,
            fresh_until,
            kept_until: fresh_until + STALE,
            is_expired: false,
        };
        self.stored
            .insert(key, (!settings.ttl().is_zero()).then_some(stored));
    }

    fn load(&mut self, key: usize, settings: Settings) {
        let known = self.stored.get(&key).copied();
        let value = self.bear(key, self.step, settings);
        if known.is_none_or(|stored| self.fresh(stored).is_none()) && self.would_join(key) {
            let answer = self.subject.join(key, settings.loaded(value));
            self.waiting.push(Waiting {
                key,
                began: self.step,
                own: Some(value),
                answer: answer.expect("it holds loads"),
            });
            self.stored.remove(&key);
            return;
        }
        let got = self.subject.load(key, Ok(settings.loaded(value))).unwrap();
        self.check(key, self.step, got);
        let Some(stored) = known else {
            self.know_nothing_but(key, got == value, value, settings);
            return;
        };
        let fresh = self.fresh(stored);
        assert_eq!(got, fresh.unwrap_or(value), "load of {key}");
        if fresh.is_none() {
            self.detach(key);
            // What is not to be stored does not take away what stands.
            if !settings.ttl().is_zero() {
                self.store(key, value, settings);
            }
        }
    }

    /// After a load of a key of which it was not known what is stored.
    fn know_nothing_but(&mut self, key: usize, is_own: bool, value: u64, settings: Settings) {
        if is_own {
            self.detach(key);
        }
        if is_own && !settings.ttl().is_zero() {
            self.store(key, value, settings);
        }
    }

    fn fail_to_load(&mut self, key: usize) {
        let Some(stored) = self.stored.get(&key).copied() else {
            return;
        };
        if self.fresh(stored).is_none() && self.would_join(key) {
            return;
        }
        let got = self.subject.load(key, Err("no"));
        if let Ok(got) = got {
            self.check(key, self.step, got);
        }
        let fresh = self.fresh(stored);
        if fresh.is_none() {
            self.detach(key);
        }
        let standing_in = stored.filter(|stored| stored.kept_until > self.now);
        match (fresh, standing_in) {
            (Some(fresh), _) => assert_eq!(got.unwrap(), fresh),
            (None, None) => assert!(matches!(got, Err(Error::Load(_))), "{got:?}"),
            (None, Some(stale)) if stale.is_expired => {
                assert!(got.is_err() || got.is_ok_and(|got| got == stale.value));
            }
            (None, Some(stale)) => {
                let is_in_window = self.now < stale.fresh_until + STALE;
                assert_eq!(got.ok(), is_in_window.then_some(stale.value));
            }
        }
    }

    fn hold(&mut self, key: usize, settings: Settings) {
        let known = self.stored.get(&key).copied();
        let Some(None) = known.map(|stored| self.fresh(stored)) else {
            return;
        };
        if self.would_join(key) {
            return;
        }
        self.detach(key);
        let Some((answer, release)) = self.subject.hold(key, settings) else {
            return;
        };
        let (began, is_in_table) = (self.step, true);
        self.in_air.push(InAir {
            key,
            settings,
            began,
            release,
            is_in_table,
        });
        let own = None;
        self.waiting.push(Waiting {
            key,
            began,
            own,
            answer,
        });
    }

    fn release(&mut self, flight: InAir, is_well: bool) {
        let InAir {
            key,
            settings,
            began,
            release,
            is_in_table,
        } = flight;
        let value = self.bear(key, began, settings);
        let publishes = is_well
            && is_in_table
            && !self
                .since(began)
                .any(|change| change.matches(key, settings));
        release
            .send(if is_well { Ok(value) } else { Err("no") })
            .unwrap();
        if publishes && !settings.ttl().is_zero() && self.stored.contains_key(&key) {
            self.store(key, value, settings);
        }
    }

    fn change(&mut self, change: Change) {
        self.subject.change(change);
        self.changes.push((self.step, change));
        if let Change::Key(key) | Change::Expire(key) = change {
            self.detach(key);
        }
        for (key, known) in &mut self.stored {
            let Some(stored) = known.filter(|stored| change.matches(*key, stored.settings)) else {
                continue;
            };
            *known = match change {
                // What is past its time already stays as it is.
                Change::Expire(_) => Some(Stored {
                    fresh_until: stored.fresh_until.min(self.now),
                    ..stored
                }),
                Change::ExpireTag(_) => Some(Stored {
                    is_expired: true,
                    ..stored
                }),
                _ => None,
            };
        }
    }

    fn take_answers(&mut self) {
        for mut waiting in std::mem::take(&mut self.waiting) {
            match self.subject.settle(waiting.answer) {
                Ok(Ok(got)) => {
                    // Its own load began when the one that it waited for had landed.
                    if waiting.own == Some(got) {
                        self.births.get_mut(&got).unwrap().step = self.step;
                        self.stored.remove(&waiting.key);
                    }
                    self.check(waiting.key, waiting.began, got);
                }
                Ok(Err(error)) => assert!(matches!(error, Error::Load(_)), "{error}"),
                Err(answer) => {
                    waiting.answer = answer;
                    self.waiting.push(waiting);
                }
            }
        }
    }

    /// When every load has ended, every get has its answer.
    fn end(mut self) {
        while let Some(flight) = self.in_air.pop() {
            self.release(flight, true);
            self.take_answers();
        }
        self.take_answers();
        assert_eq!(self.waiting.len(), 0, "some wait for ever");
    }
}

fn policy() -> Policy {
    Policy::ttl(TTL)
        .stale_if_error(STALE)
        .error_throttle(Duration::ZERO)
}

fn play(subject: &dyn Subject, clock: ManualClock, steps: Vec<Step>) {
    let mut history = History::new(subject, clock);
    for step in steps {
        history.run(step);
    }
    history.end();
}

proptest! {
    /// A3, A9, C1 to C5, C8, D11, E1, E2, G1 to G4, J2
    #[test]
    fn a_cache_agrees_with_the_model(steps in proptest::collection::vec(step(), 1..60)) {
        let clock = ManualClock::new();
        let cache = Cache::builder("model").policy(policy()).clock(clock.clock()).build().unwrap();
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        play(&Awaiting(cache, runtime), clock, steps);
    }

    /// A3, A9, C8, D11, E1, E2, G1, G2, G4
    #[test]
    fn a_blocking_cache_agrees_with_the_model(steps in proptest::collection::vec(step(), 1..60)) {
        let clock = ManualClock::new();
        let cache = sync::Cache::builder("model").policy(policy()).clock(clock.clock());
        play(&Blocking(cache.build().unwrap()), clock, steps);
    }
}
