//! One server of a generation: its connections, and scripts on their way through them.
//!
//! Must not know what the scripts are for, nor the other servers.

use std::sync::Arc;

use larder::remote::{Down, LogPlace};

use crate::checks::Check;
use crate::cluster::{self, Peer, View};
use crate::commands::Commands;
use crate::life::Life;
use crate::refusal;
use crate::replies::{self, of_life};
use crate::scripts;
use crate::sending::{Answer, Call, answers, is_elsewhere, is_unknown, send};
use crate::wire::Wire;

/// Scripts that are sent together at most.
const TOGETHER_MAX: usize = 256;

/// A server. What is sent to it after its generation's life is over fails.
pub(crate) struct Node {
    pub(crate) life: Arc<Life>,
    /// Which it is in its cluster; `None` if it is alone.
    pub(crate) peer: Option<Peer>,
    /// Which life of its data the server is in.
    pub(crate) incarnation: u64,
    /// What the incarnation was made from.
    pub(crate) identity: Identity,
    pub(crate) data: Wire,
    /// On it the server tells of changes; without one it does not.
    pub(crate) tracker: Option<Wire>,
}

/// Which server, and which life of its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) run: Vec<u8>,
    pub(crate) replication: Vec<u8>,
}

/// What a heartbeat has brought.
pub(crate) struct Beaten {
    /// Where each log is that was asked for; `None` where that is not known.
    pub(crate) places: Vec<Option<LogPlace>>,
    /// The cluster as the server sees it, if it is in one.
    pub(crate) view: Option<View>,
}

impl Node {
    pub(crate) fn new(
        life: Arc<Life>,
        peer: Option<Peer>,
        identity: Identity,
        data: Wire,
        tracker: Option<Wire>,
    ) -> Self {
        let both = if life.checks.stands(Check::Life) {
            [identity.run.as_slice(), &identity.replication].concat()
        } else {
            Vec::new()
        };
        Self {
            life,
            peer,
            incarnation: xxhash_rust::xxh3::xxh3_64(&both),
            identity,
            data,
            tracker,
        }
    }

    /// Runs scripts, all in one trip (up to 256 of them).
    pub(crate) async fn run(&self, calls: &[&Call<'_>]) -> Result<Vec<Answer>, Down> {
        self.run_through(&self.data, calls).await
    }

    /// Runs one script.
    pub(crate) async fn run_one(&self, call: &Call<'_>) -> Result<Answer, Down> {
        let mut answers = self.run(&[call]).await?;
        answers.pop().ok_or_else(|| self.over())
    }

    async fn run_through(&self, wire: &Wire, calls: &[&Call<'_>]) -> Result<Vec<Answer>, Down> {
        let mut answers = Vec::with_capacity(calls.len());
        for calls in calls.chunks(TOGETHER_MAX) {
            let sent = send(wire, calls, Call::by_hash, self.life.staleness()).await;
            let mut some = self.answered(sent)?;
            self.teach(wire, calls, &mut some).await?;
            answers.append(&mut some);
        }
        Ok(answers)
    }

    /// Scripts that the server has forgotten are sent to it whole, once.
    async fn teach(
        &self,
        wire: &Wire,
        calls: &[&Call<'_>],
        answers: &mut [Answer],
    ) -> Result<(), Down> {
        for (call, answer) in calls.iter().zip(answers) {
            if is_unknown(answer) {
                let one = [*call];
                let sent = send(wire, &one, Call::by_text, self.life.staleness()).await;
                let mut again = self.answered(sent)?;
                *answer = again.pop().ok_or_else(|| self.over())?;
            }
        }
        Ok(())
    }

    /// Sends commands that are no scripts, in one trip.
    pub(crate) async fn send(&self, commands: Commands) -> Result<Vec<Answer>, Down> {
        let sent = self.data.send(commands, self.life.staleness()).await;
        self.answered(sent.map(answers))
    }

    /// Without answers nobody knows what was done, so the life is over.
    fn answered<T>(&self, answers: Result<T, String>) -> Result<T, Down> {
        answers.map_err(|reason| self.end_for(&reason))
    }

    /// One heartbeat, over the connection that is to be vouched for, and a sign of life over the other.
    pub(crate) async fn beat(&self, logs: Vec<String>) -> Result<Beaten, Down> {
        let place = |log| Call {
            script: &scripts::PLACE,
            keys: vec![log],
            arguments: Vec::new(),
        };
        let beat = std::iter::once(Call::beat());
        let calls: Vec<Call<'_>> = beat.chain(logs.into_iter().map(place)).collect();
        let calls: Vec<&Call<'_>> = calls.iter().collect();
        let is_vouched_for = self.life.checks.stands(Check::Tracker);
        let tracker = self.tracker.as_ref().filter(|_| is_vouched_for);
        let beating = tracker.unwrap_or(&self.data);
        let (answers, view) = tokio::join!(self.run_through(beating, &calls), self.sign_of_life());
        let (answers, view) = (answers?, view?);
        let mut answers = answers.into_iter();
        self.has_beaten(answers.next())?;
        let places = answers.map(|answer| self.place(answer));
        Ok(Beaten {
            places: places.collect::<Result<_, _>>()?,
            view,
        })
    }

    /// Where a log is; `None` if it is missing, or on its way to another server.
    fn place(&self, answer: Answer) -> Result<Option<LogPlace>, Down> {
        match answer {
            Ok(value) => {
                let place = replies::place(value).ok_or_else(|| self.end_for(FOREIGN))?;
                Ok(place.0.map(|place| of_life(place, self.incarnation)))
            }
            Err(error) if is_elsewhere(&error) => Ok(None),
            Err(error) => Err(self.end_for(&refusal::meaning(&error))),
        }
    }

    /// The other connection lives too, is not closed by the server as idle, and leads to the same server,
    /// which takes writes: readings without a script are believed for that.
    async fn sign_of_life(&self) -> Result<Option<View>, Down> {
        if self.tracker.is_some() {
            let answers = self.run_through(&self.data, &[&Call::beat()]).await?;
            self.has_beaten(answers.into_iter().next())?;
        }
        match &self.peer {
            Some(_) => self.view().await.map(Some),
            None => Ok(None),
        }
    }

    /// The answer to a heartbeat is the same server's.
    fn has_beaten(&self, answer: Option<Answer>) -> Result<(), Down> {
        let answer = answer.ok_or_else(|| self.over())?;
        let answer = answer.map_err(|error| self.end_for(&refusal::meaning(&error)))?;
        let now = replies::identity(answer).ok_or_else(|| self.end_for(FOREIGN))?;
        self.is_the_same(&now)
    }

    /// The cluster as this server sees it.
    pub(crate) async fn view(&self) -> Result<View, Down> {
        let answers = self.send(cluster::questions()).await?;
        let host = self.peer.as_ref().map(|peer| &peer.host);
        let view = cluster::view(answers, host);
        view.map_err(|reason| self.end_for(&reason))
    }

    fn is_the_same(&self, now: &Identity) -> Result<(), Down> {
        if now.run != self.identity.run {
            return Err(self.end_for("another server answers at its address"));
        }
        if now.replication != self.identity.replication {
            let words = "its data began another life (a failover, or its first replica)";
            return Err(self.end_for(words));
        }
        Ok(())
    }

    /// Ends the life, as the server's word cannot be relied on.
    pub(crate) fn end_for(&self, reason: &str) -> Down {
        self.life.end(cluster::named(self.peer.as_ref(), reason));
        self.over()
    }

    /// What callers are told once it is over.
    pub(crate) fn over(&self) -> Down {
        Down(self.life.reason())
    }
}

const FOREIGN: &str = "it answered a heartbeat as no server does";
