//! A history of calls on one cache, and what the model knows as it goes on.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use larder::{Applied, Error, Fence, ManualClock};

use super::births::{Birth, Births};
use super::flights::{InAir, Waiting};
use super::steps::{At, Brings, Change, KEYS, Load, NEGATIVE, Restart, Settings, Step, TTL};
use super::stored::Stored;
use super::subject::{Answer, Begun, Subject};

pub(super) struct History<'a> {
    pub(super) subject: &'a dyn Subject,
    clock: ManualClock,
    pub(super) now: Duration,
    pub(super) step: usize,
    /// How often the cache was built.
    pub(super) life: usize,
    pub(super) births: Births,
    /// Loads that are to begin, by their numbers.
    planned: HashMap<u64, Birth>,
    /// `None`: nothing is stored. A key that is not in it: not known.
    pub(super) stored: HashMap<usize, Option<Stored>>,
    pub(super) in_air: Vec<InAir>,
    pub(super) waiting: Vec<Waiting>,
    /// The numbers of loads of gets that may wait for another's instead.
    pub(super) joiners: HashSet<u64>,
    fences: Vec<(usize, Fence)>,
}

impl<'a> History<'a> {
    pub(super) fn new(subject: &'a dyn Subject, clock: ManualClock) -> Self {
        Self {
            subject,
            clock,
            now: Duration::ZERO,
            step: 0,
            life: 0,
            births: Births::default(),
            planned: HashMap::new(),
            stored: (0..KEYS.len()).map(|key| (key, None)).collect(),
            in_air: Vec::new(),
            waiting: Vec::new(),
            joiners: HashSet::new(),
            fences: Vec::new(),
        }
    }

    pub(super) fn run(&mut self, step: Step) {
        self.step += 1;
        match step {
            Step::Get(key, at) => self.get(key, at),
            Step::GetMany(keys) => self.get_many(keys),
            Step::Load(key, at, brings, settings) => self.load(key, at, brings, settings),
            Step::LoadMany(keys, brought, settings) => self.load_many(keys, brought, settings),
            Step::Hold(key, at, settings) => self.hold(key, at, settings),
            Step::Release(which, brings) if !self.in_air.is_empty() => {
                let flight = self.in_air.remove(which % self.in_air.len());
                self.release(flight, brings);
            }
            Step::Insert(key, at, settings) => self.insert(key, at, settings),
            Step::Fence => self.fences.push((self.step, self.subject.fence())),
            Step::InsertFenced(which, key, settings) if !self.fences.is_empty() => {
                let fence = self.fences[which % self.fences.len()];
                self.insert_fenced(fence, key, settings);
            }
            Step::Release(..) | Step::InsertFenced(..) => {}
            Step::Change(change) => self.change(change),
            Step::Advance(seconds) => {
                self.now += Duration::from_secs(seconds);
                self.clock.advance(Duration::from_secs(seconds));
            }
            Step::Restart(how) => self.restart(how),
        }
        self.note_begun();
        self.take_answers();
    }

    /// A load that may begin from now on.
    pub(super) fn plan(&mut self, key: usize, at: At, brings: Brings, settings: Settings) -> Load {
        let number = self.births.number();
        let birth = Birth {
            key,
            at,
            step: self.step,
            settings,
            is_absence: brings == Brings::Absent,
        };
        self.planned.insert(number, birth);
        Load {
            number,
            brings,
            settings,
        }
    }

    /// Takes in which loads have begun in this step.
    pub(super) fn note_begun(&mut self) -> Vec<Begun> {
        let begun = self.subject.journal().take();
        for Begun { number, shown } in &begun {
            let birth = self.planned.remove(number).expect("it begins once");
            let (key, step) = (birth.key, self.step);
            self.births.bear(*number, Birth { step, ..birth });
            if let Some(Some((value, etag))) = shown {
                self.births.check_value(key, birth.at, step, *value);
                assert_eq!(etag.as_deref(), Some(&*super::steps::etag(*value)));
            }
            // What it brings is stored at a moment that nobody here knows.
            if self.joiners.contains(number) {
                self.stored.remove(&key);
            }
        }
        begun
    }

    /// The rule of safety, for what a get brought which began at this step.
    #[track_caller]
    pub(super) fn check(&self, key: usize, at: At, began: usize, answer: &Answer) {
        match answer {
            Ok(got) => self.births.check_value(key, at, began, *got),
            Err(Error::Absent) => self.births.check_absence(key, at, began),
            Err(Error::Load(_) | Error::NothingToKeep) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// What is known of the key at this lookup version: nothing, or that nothing of use is stored,
    /// or what is.
    #[expect(clippy::option_option, reason = "not known is not nothing")]
    pub(super) fn known(&self, key: usize, at: At) -> Option<Option<Stored>> {
        let known = self.stored.get(&key)?;
        Some(known.filter(|stored| stored.is_at(at)))
    }

    pub(super) fn fresh(&self, known: Option<Stored>) -> Option<Stored> {
        known.filter(|stored| stored.is_fresh(self.now))
    }

    /// A load that may publish has brought this: a value, that there is none, or nothing.
    pub(super) fn landed(&mut self, key: usize, at: At, load: Load) {
        let settings = load.settings;
        match load.brings {
            Brings::Value => self.store(key, at, load.number, settings),
            Brings::Absent => {
                let ttl = settings.ttl(NEGATIVE);
                let absence = Stored::absence(at, settings, self.now + ttl);
                let former = self.stored.insert(key, Some(absence));
                if ttl.is_zero() {
                    self.stored.insert(key, None);
                    // Memory may go on saying of another lookup version that there is no value.
                    if former
                        .flatten()
                        .is_some_and(|former| former.value.is_none())
                    {
                        self.stored.remove(&key);
                    }
                }
            }
            Brings::NotModified | Brings::Failure => {}
        }
    }

    /// A load that may publish has brought this value.
    pub(super) fn store(&mut self, key: usize, at: At, value: u64, settings: Settings) {
        let ttl = settings.ttl(TTL);
        // What is not to be stored does not take away what stands.
        if !ttl.is_zero() {
            let stored = Stored::value(value, at, settings, self.now + ttl);
            self.stored.insert(key, Some(stored));
        }
    }

    fn insert(&mut self, key: usize, at: At, settings: Settings) {
        self.births.change(self.step, Change::Key(key));
        self.step += 1;
        let value = self.births.number();
        self.subject.insert(key, at, value, settings, None);
        self.written(self.step, key, at, value, settings);
    }

    fn insert_fenced(&mut self, (taken, fence): (usize, Fence), key: usize, settings: Settings) {
        let value = self.births.number();
        let applied = self.subject.insert(key, None, value, settings, Some(fence));
        let mut since = self.births.since(taken);
        if since.any(|change| change.matches(key, settings)) {
            assert_eq!(applied, Applied::Fenced, "{value} is older than a change");
        }
        drop(since);
        // One that is refused keeps a load that runs from publishing all the same, and may have it
        // forgotten that there is no value.
        self.detach(key);
        if self
            .known(key, None)
            .flatten()
            .is_some_and(|stored| stored.value.is_none())
        {
            self.stored.remove(&key);
        }
        if applied == Applied::Everywhere {
            self.written(taken, key, None, value, settings);
        }
    }

    /// A value of this step was put in by hand.
    fn written(&mut self, step: usize, key: usize, at: At, value: u64, settings: Settings) {
        let birth = Birth {
            key,
            at,
            step,
            settings,
            is_absence: false,
        };
        self.births.bear(value, birth);
        self.detach(key);
        self.stored.insert(key, None);
        self.store(key, at, value, settings);
    }

    fn change(&mut self, change: Change) {
        self.subject.change(change);
        self.births.change(self.step, change);
        if let Change::Key(key) | Change::Expire(key) = change {
            self.detach(key);
        }
        for (key, known) in &mut self.stored {
            if let Some(stored) = known.filter(|stored| change.matches(*key, stored.settings)) {
                *known = stored.changed(change, self.now);
            }
        }
    }

    fn restart(&mut self, how: Restart) {
        // Whoever loads or waits holds the cache, and its file.
        let is_held = !self.in_air.is_empty() || !self.waiting.is_empty();
        let how = if is_held { Restart::Close } else { how };
        if self.subject.restart(how).is_some() {
            self.life += 1;
            self.fences.clear();
            for flight in &mut self.in_air {
                flight.is_in_table = false;
            }
        }
    }
}
