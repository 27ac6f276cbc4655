//! Gets and loads that end at once.

use larder::Error;

use super::flights::Waiting;
use super::history::History;
use super::steps::{At, Brings, KEYS, Load, Settings, keys};
use super::stored::{Former, Stored};
use super::subject::{Answer, Begun};

impl History<'_> {
    pub(super) fn get(&mut self, key: usize, at: At) {
        if let Some(got) = self.subject.get(key, at) {
            self.got(key, at, got);
        }
    }

    pub(super) fn get_many(&mut self, bits: u8) {
        let keys = keys(bits);
        let Some(all) = self.subject.get_many(&keys) else {
            return;
        };
        assert_eq!(all.len(), keys.len());
        for (key, got) in keys.into_iter().zip(all) {
            self.got(key, None, got);
        }
    }

    fn got(&self, key: usize, at: At, got: Option<u64>) {
        if let Some(got) = got {
            self.births.check_value(key, at, self.step, got);
        }
        if let Some(known) = self.known(key, at) {
            let fresh = self.fresh(known).and_then(|stored| stored.value);
            assert_eq!(got, fresh, "get of {key} at {at:?}");
        }
    }

    pub(super) fn load(&mut self, key: usize, at: At, brings: Brings, settings: Settings) {
        let known = self.known(key, at);
        let fresh = known.and_then(|known| self.fresh(known));
        let load = self.plan(key, at, brings, settings);
        if fresh.is_none() && self.would_join(key, at) {
            return self.join(key, at, load);
        }
        let answer = self.subject.load(key, at, load);
        let begun = self.note_begun();
        let own = begun.into_iter().find(|begun| begun.number == load.number);
        self.check(key, at, self.step, &answer);
        if let Some(known) = known {
            assert_eq!(own.is_some(), fresh.is_none(), "load of {key} at {at:?}");
            self.check_exactly(known, load, &answer);
        }
        let Some(Begun { shown, .. }) = own else {
            return;
        };
        if let (Some(known), Some(shown)) = (known, &shown) {
            let former = known.map_or(Former::None, |stored| stored.former(self.now));
            let shown = shown.as_ref().map(|(value, _)| *value);
            assert!(former.allows(shown), "{shown:?} was shown, not {former:?}");
        }
        self.detach_at(key, at);
        self.landed(key, at, load);
        // Who was shown nothing has kept nothing: then the stale value stands in.
        if let (Brings::NotModified, Ok(kept), None | Some(Some(_))) = (brings, answer, shown) {
            self.kept(key, at, kept, load);
        }
        if known.is_none() && at.is_some() {
            // A load at another lookup version may have overtaken it.
            self.stored.remove(&key);
        }
    }

    /// A load has said that this value is still true.
    fn kept(&mut self, key: usize, at: At, value: u64, load: Load) {
        if load.settings.is_not_stored() {
            return;
        }
        let tags = self.births.renew(value, at, self.step, load.settings);
        let settings = Settings {
            tags,
            ..load.settings
        };
        self.store(key, at, value, settings);
    }

    /// A get whose load may have to wait for another's.
    fn join(&mut self, key: usize, at: At, load: Load) {
        let answer = self.subject.join(key, at, load).expect("it holds loads");
        self.waiting.push(Waiting {
            key,
            at,
            began: self.step,
            life: self.life,
            answer,
        });
        self.joiners.insert(load.number);
        self.stored.remove(&key);
    }

    /// What the model says of a load where it knows what is stored.
    #[track_caller]
    fn check_exactly(&self, known: Option<Stored>, load: Load, answer: &Answer) {
        if let Some(fresh) = self.fresh(known) {
            assert!(answer_is(answer, fresh.value), "{answer:?}, not {fresh:?}");
            return;
        }
        let former = known.map_or(Former::None, |stored| stored.former(self.now));
        let is_right = match load.brings {
            Brings::Value => answer_is(answer, Some(load.number)),
            Brings::Absent => answer_is(answer, None),
            Brings::Failure => {
                former.allows(answer.as_ref().ok().copied())
                    && matches!(answer, Ok(_) | Err(Error::Load(_)))
            }
            Brings::NotModified => {
                former.allows(answer.as_ref().ok().copied())
                    && matches!(answer, Ok(_) | Err(Error::NothingToKeep))
            }
        };
        assert!(is_right, "{load:?} with {former:?} came to {answer:?}");
    }

    pub(super) fn load_many(&mut self, bits: u8, brought: Option<u8>, settings: Settings) {
        let asked = keys(bits).into_iter().filter(|key| {
            let known = self.stored.get(key).copied();
            known.is_some_and(|known| self.fresh(known).is_some()) || !self.would_join(*key, None)
        });
        let asked: Vec<_> = asked.collect();
        let loads: Vec<_> = asked
            .into_iter()
            .map(|key| {
                let is_brought = brought.is_none_or(|brought| brought & (1 << key) > 0);
                if is_brought {
                    (key, self.plan(key, None, Brings::Value, settings))
                } else {
                    (key, self.plan(key, None, Brings::Absent, Settings::NONE))
                }
            })
            .collect();
        let Some(all) = self.subject.load_many(&loads, brought.is_some()) else {
            return;
        };
        let begun = self.note_begun();
        let is_well = brought.is_some();
        assert_eq!(all.is_ok(), is_well || begun.is_empty(), "{all:?}");
        for (key, load) in loads {
            let has_run = begun.iter().any(|begun| begun.number == load.number);
            let known = self.known(key, None);
            if let Some(known) = known {
                assert_eq!(has_run, self.fresh(known).is_none(), "load of {key}");
            }
            if let Ok(values) = &all {
                let answer = values.get(KEYS[key]).copied().ok_or(Error::Absent);
                self.check(key, None, self.step, &answer);
                match known {
                    Some(known) => self.check_exactly(known, load, &answer),
                    None if has_run => assert!(answer_is(
                        &answer,
                        (load.brings == Brings::Value).then_some(load.number)
                    )),
                    None => {}
                }
            }
            if has_run {
                self.detach_at(key, None);
            }
            if has_run && is_well {
                self.landed(key, None, load);
            }
        }
    }
}

/// Whether a get has brought this value, or that there is none.
fn answer_is(answer: &Answer, value: Option<u64>) -> bool {
    match (answer, value) {
        (Ok(got), Some(value)) => *got == value,
        (Err(Error::Absent), None) => true,
        _ => false,
    }
}
