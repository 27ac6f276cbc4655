//! Loads that are held, and gets that wait for them.

use larder::Error;
use tokio::task::JoinHandle;

use super::history::History;
use super::steps::{At, Brings, Load, Settings};
use super::stored::Former;
use super::subject::{Answer, Release};

/// A load that is held.
pub(super) struct InAir {
    key: usize,
    at: At,
    load: Load,
    began: usize,
    release: Release,
    /// What it is to replace.
    former: Former,
    pub(super) is_in_table: bool,
}

/// A get that has not been answered.
pub(super) struct Waiting {
    pub(super) key: usize,
    pub(super) at: At,
    pub(super) began: usize,
    pub(super) life: usize,
    pub(super) answer: JoinHandle<Answer>,
}

impl History<'_> {
    /// Whether a get of the key would wait for a load that is held.
    pub(super) fn would_join(&self, key: usize, at: At) -> bool {
        self.in_air.iter().any(|flight| {
            (flight.key, flight.at) == (key, at)
                && flight.is_in_table
                && !self.is_refused_to_joiners(flight)
        })
    }

    /// By its key alone, for its tags are not known before it lands.
    fn is_refused_to_joiners(&self, flight: &InAir) -> bool {
        let mut since = self.births.since(flight.began);
        since.any(|change| change.matches(flight.key, Settings::NONE))
    }

    /// The key was written.
    pub(super) fn detach(&mut self, key: usize) {
        let flights = self.in_air.iter_mut();
        flights
            .filter(|flight| flight.key == key)
            .for_each(|flight| flight.is_in_table = false);
    }

    /// Another load of the key has begun at this lookup version.
    pub(super) fn detach_at(&mut self, key: usize, at: At) {
        let flights = self.in_air.iter_mut();
        flights
            .filter(|flight| (flight.key, flight.at) == (key, at))
            .for_each(|flight| flight.is_in_table = false);
    }

    pub(super) fn hold(&mut self, key: usize, at: At, settings: Settings) {
        let Some(known) = self.known(key, at) else {
            return;
        };
        if self.fresh(known).is_some() || self.would_join(key, at) {
            return;
        }
        let load = self.plan(key, at, Brings::Value, settings);
        let Some((answer, release)) = self.subject.hold(key, at, load.number) else {
            return;
        };
        self.note_begun();
        self.detach_at(key, at);
        self.in_air.push(InAir {
            key,
            at,
            load,
            began: self.step,
            release,
            former: known.map_or(Former::None, |stored| stored.former(self.now)),
            is_in_table: true,
        });
        self.waiting.push(Waiting {
            key,
            at,
            began: self.step,
            life: self.life,
            answer,
        });
    }

    pub(super) fn release(&mut self, flight: InAir, brings: Brings) {
        let InAir {
            key,
            at,
            began,
            former,
            ..
        } = flight;
        let load = Load {
            brings,
            ..flight.load
        };
        if brings == Brings::Absent {
            self.births.turn_into_absence(load.number);
        }
        let mut since = self.births.since(began);
        let is_fenced = since.any(|change| change.matches(key, load.settings));
        drop(since);
        flight.release.send(load).unwrap();
        if !flight.is_in_table || is_fenced {
            return;
        }
        // A load at another lookup version may have overtaken it, and a value that is kept need not be
        // the one that was there when it began.
        if at.is_some() || brings == Brings::NotModified {
            self.stored.remove(&key);
        }
        if let (Brings::NotModified, Former::Is(kept) | Former::Perhaps(kept)) = (brings, former)
            && !load.settings.is_not_stored()
        {
            self.births.renew(kept, at, began, load.settings);
        }
        if self.stored.contains_key(&key) {
            self.landed(key, at, load);
        }
    }

    pub(super) fn take_answers(&mut self) {
        let mut answered = Vec::new();
        for mut waiting in std::mem::take(&mut self.waiting) {
            match self.subject.settle(waiting.answer) {
                Ok(answer) => {
                    answered.push((waiting.key, waiting.at, waiting.began, waiting.life, answer));
                }
                Err(answer) => {
                    waiting.answer = answer;
                    self.waiting.push(waiting);
                }
            }
        }
        self.note_begun();
        for (key, at, began, life, answer) in answered {
            match answer {
                Err(Error::Closed) => assert!(life < self.life, "it is closed"),
                answer => self.check(key, at, began, &answer),
            }
        }
    }

    /// When every load has ended, every get has its answer.
    pub(super) fn end(mut self) {
        while let Some(flight) = self.in_air.pop() {
            self.release(flight, Brings::Value);
            self.take_answers();
        }
        self.take_answers();
        assert_eq!(self.waiting.len(), 0, "some wait for ever");
    }
}
