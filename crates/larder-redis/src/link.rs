//! A namespace's link to its server: where its calls go, and what their failure means.
//!
//! Must not know what the scripts are given.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use larder::remote::{Down, Filled, Read, head};
use redis::{ServerError, Value};

use crate::commands::Commands;
use crate::epoch::Epoch;
use crate::member::Member;
use crate::refusal;
use crate::replies;
use crate::scripts::{self, Script};
use crate::sending::{Answer, Call, is_elsewhere};
use crate::tending::Server;

/// Pairs of an entry and its lease in one invalidation.
const PAIRS_MAX: usize = 200;
/// What a command of one key has besides it, about.
const COMMAND_BYTES: usize = 32;

/// A namespace's link: through the generation that there is, or, for who takes it up, through the one
/// that is beginning.
pub(crate) struct MemberLink {
    pub(crate) server: Arc<Server>,
    pub(crate) member: Arc<Member>,
    pub(crate) within: Option<Arc<Epoch>>,
}

impl MemberLink {
    pub(crate) fn new(server: Arc<Server>, member: Arc<Member>) -> Self {
        Self {
            server,
            member,
            within: None,
        }
    }

    pub(crate) fn within(server: Arc<Server>, member: Arc<Member>, epoch: Arc<Epoch>) -> Self {
        Self {
            server,
            member,
            within: Some(epoch),
        }
    }

    pub(crate) fn namespace(&self) -> &str {
        self.member.namespace()
    }

    pub(crate) fn entry(&self, key: &str) -> String {
        self.server.keys.entry(self.namespace(), key)
    }

    pub(crate) fn lease(&self, key: &str) -> String {
        self.server.keys.lease(self.namespace(), key)
    }

    pub(crate) fn both(&self, key: &str) -> Vec<String> {
        vec![self.entry(key), self.lease(key)]
    }

    /// Both, and the name that tells the others of the trace, if there is one.
    pub(crate) fn both_traced(&self, key: &str, trace: Option<&str>) -> Vec<String> {
        let mut names = self.both(key);
        let traced = |trace| self.server.keys.traced(self.namespace(), key, trace);
        names.extend(trace.and_then(traced));
        names
    }

    pub(crate) fn epoch(&self) -> Result<Arc<Epoch>, Down> {
        match &self.within {
            Some(epoch) => Ok(epoch.clone()),
            None => self.server.epoch(&self.member),
        }
    }

    /// A call that nothing depends on if the server refuses it.
    pub(crate) async fn ask<T>(
        &self,
        call: Call<'_>,
        meaning: impl FnOnce(Value) -> Option<T>,
    ) -> Result<T, Down> {
        let refused = |error: &ServerError| Err(Down(refusal::meaning(error).into()));
        self.run(call, meaning, refused).await
    }

    /// A call about one key; what another program keeps there as something else than a string is
    /// `foreign`.
    pub(crate) async fn ask_of_key<T>(
        &self,
        call: Call<'_>,
        meaning: impl FnOnce(Value) -> Option<T>,
        foreign: T,
    ) -> Result<T, Down> {
        let refused = |error: &ServerError| {
            if is_of_another_type(error) {
                Ok(foreign)
            } else {
                Err(Down(refusal::meaning(error).into()))
            }
        };
        self.run(call, meaning, refused).await
    }

    /// A call that can wait: `elsewhere` if its key is on its way to another server.
    pub(crate) async fn ask_where_it_is<T>(
        &self,
        call: Call<'_>,
        meaning: impl FnOnce(Value) -> Option<T>,
        elsewhere: T,
    ) -> Result<T, Down> {
        let refused = |error: &ServerError| {
            if is_elsewhere(error) {
                Ok(elsewhere)
            } else {
                Err(Down(refusal::meaning(error).into()))
            }
        };
        self.run(call, meaning, refused).await
    }

    async fn run<T>(
        &self,
        call: Call<'_>,
        meaning: impl FnOnce(Value) -> Option<T>,
        refused: impl FnOnce(&ServerError) -> Result<T, Down>,
    ) -> Result<T, Down> {
        let epoch = self.epoch()?;
        let script = call.script;
        let answered = match epoch.run_one(call).await {
            Ok(Ok(value)) => meaning(value).ok_or_else(|| foreign(&epoch, script)),
            Ok(Err(error)) => refused(&error),
            Err(down) => Err(down),
        };
        self.counted(answered)
    }

    /// A call that must be acknowledged: as long as it is not, others would be served what it takes
    /// out, so its refusal ends the generation. Where its slot is being moved it is tried for X.
    pub(crate) async fn tell<T>(
        &self,
        call: Call<'_>,
        meaning: impl FnOnce(Value) -> Option<T>,
    ) -> Result<T, Down> {
        let epoch = self.epoch()?;
        let script = call.script;
        let answered = self.told(&epoch, &[call]).await;
        let one = answered.map(|values| values.into_iter().next().and_then(meaning));
        let told = one.and_then(|one| one.ok_or_else(|| foreign(&epoch, script)));
        self.counted(told)
    }

    async fn told(&self, epoch: &Epoch, calls: &[Call<'_>]) -> Result<Vec<Value>, Down> {
        let answers = epoch.run_surely(calls).await?.into_iter();
        let done =
            answers.map(|answer| answer.map_err(|error| epoch.end_for(refusal::meaning(&error))));
        done.collect()
    }

    /// A call that stores, which a full server refuses.
    pub(crate) async fn store(&self, call: Call<'_>) -> Result<Filled, Down> {
        let epoch = self.epoch()?;
        let script = call.script;
        let stored = async {
            let is_stored = match epoch.run_one(call).await? {
                Ok(value) => replies::yes(&value).ok_or_else(|| foreign(&epoch, script))?,
                Err(error) if is_full(&error) => {
                    self.server.board.full(true);
                    return Ok(Filled::Refused);
                }
                Err(error) => return Err(Down(refusal::meaning(&error).into())),
            };
            if !is_stored {
                return Ok(Filled::Overtaken);
            }
            self.server.board.full(false);
            Ok(Filled::Stored)
        };
        self.counted(stored.await)
    }

    pub(crate) fn counted<T>(&self, result: Result<T, Down>) -> Result<T, Down> {
        if result.is_err() {
            self.member.errors.fetch_add(1, Ordering::Relaxed);
        }
        result
    }

    /// Reads an entry of which nothing is held. First how long it is kept yet: what takes its place between
    /// the two was stored just then, and is kept no longer than its own header says.
    pub(crate) async fn read_entry(&self, key: &str) -> Result<Read, Down> {
        let epoch = self.epoch()?;
        let name = self.entry(key);
        let mut commands = Commands::with_capacity(2 * (name.len() + COMMAND_BYTES));
        commands.add(&[b"PTTL", name.as_bytes()]);
        commands.add(&[b"GET", name.as_bytes()]);
        let answers = self.counted(epoch.send(&name, commands).await)?;
        let answers: Result<Vec<Value>, ServerError> = answers.into_iter().collect();
        let read = match answers {
            Ok(answers) => {
                let foreign = || epoch.end_for("it answered PTTL or GET as no server does");
                replies::entry(answers).ok_or_else(foreign)
            }
            // A script follows a key to where it has moved.
            Err(error) if is_elsewhere(&error) => {
                let call = self.reading(key, b"");
                return self.ask_of_key(call, replies::read, foreign_entry()).await;
            }
            Err(error) if is_of_another_type(&error) => Ok(foreign_entry()),
            Err(error) => Err(Down(refusal::meaning(&error).into())),
        };
        self.counted(read)
    }

    pub(crate) async fn read_all(&self, keys: &[(&str, Option<u64>)]) -> Result<Vec<Read>, Down> {
        let epoch = self.epoch()?;
        let have: Vec<_> = keys.iter().map(|(_, have)| have.map(head)).collect();
        let asked = keys.iter().zip(&have);
        let calls = asked.map(|((key, _), have)| {
            let have = have.as_ref().map_or(&b""[..], |head| head);
            self.reading(key, have)
        });
        let calls: Vec<Call<'_>> = calls.collect();
        let answers = self.counted(epoch.run(&calls).await)?;
        let read = |answer: Answer| match answer {
            Ok(value) => replies::read(value).ok_or_else(|| foreign(&epoch, &scripts::READ)),
            Err(error) if is_of_another_type(&error) => Ok(foreign_entry()),
            Err(error) => Err(Down(refusal::meaning(&error).into())),
        };
        self.counted(answers.into_iter().map(read).collect())
    }

    pub(crate) fn reading<'a>(&self, key: &str, have: &'a [u8]) -> Call<'a> {
        Call {
            script: &scripts::READ,
            keys: vec![self.entry(key)],
            arguments: vec![have],
        }
    }

    pub(crate) async fn invalidate_all(
        &self,
        keys: &[&str],
        trace: Option<&str>,
    ) -> Result<(), Down> {
        let epoch = self.epoch()?;
        // A cluster's script has the keys of one slot only, and each has one trace.
        let is_each_alone = epoch.is_cluster() || trace.is_some();
        let pairs = if is_each_alone { 1 } else { PAIRS_MAX };
        let names = |keys: &[&str]| {
            let names = keys.iter().flat_map(|key| self.both_traced(key, trace));
            names.collect()
        };
        let calls = keys.chunks(pairs).map(|keys| Call {
            script: &scripts::INVALIDATE,
            keys: names(keys),
            arguments: Vec::new(),
        });
        let calls: Vec<Call<'_>> = calls.collect();
        let told = self.told(&epoch, &calls).await.and_then(|values| {
            let is_done = values.iter().all(|value| replies::yes(value) == Some(true));
            is_done
                .then_some(())
                .ok_or_else(|| foreign(&epoch, &scripts::INVALIDATE))
        });
        self.counted(told)
    }
}

impl Drop for MemberLink {
    fn drop(&mut self) {
        if self.within.is_none() {
            self.server.leave(&self.member);
        }
    }
}

/// A list where an entry is looked for, or the like.
fn is_of_another_type(error: &ServerError) -> bool {
    error.code() == "WRONGTYPE"
}

fn is_full(error: &ServerError) -> bool {
    error.code() == "OOM"
}

/// What another program keeps there as something else than a string.
pub(crate) fn foreign_entry() -> Read {
    Read::Entry(Vec::new(), None)
}

/// The answer is not one of the script's: whoever answers is not to be relied on.
fn foreign(epoch: &Epoch, script: &Script) -> Down {
    epoch.end_for(format!("it answered {} as no server does", script.name))
}
