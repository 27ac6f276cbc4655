//! One generation of connections to one server: where scripts are sent, and what becomes of the
//! generation when one is not answered.
//!
//! Must not know what the scripts are for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use larder::remote::Down;
use redis::{Cmd, RedisResult, ServerError, Value};
use tokio::sync::{Notify, watch};

use crate::life::Life;
use crate::member::Seat;
use crate::sending::{Answer, Call, answers, is_unknown, send, within};
use crate::wire::Wire;

/// Scripts that are sent together at most.
const TOGETHER_MAX: usize = 256;

/// One generation. What is sent through it after its life is over fails.
pub(crate) struct Epoch {
    pub(crate) life: Arc<Life>,
    /// Which life of its data the server is in.
    pub(crate) incarnation: u64,
    /// What the incarnation was made from.
    pub(crate) identity: Identity,
    pub(crate) data: Wire,
    /// On it the server tells of changes; without one it does not.
    pub(crate) tracker: Option<Wire>,
    /// Names that the server has been asked to watch, by what they begin with.
    pub(crate) watched: tokio::sync::Mutex<Vec<String>>,
    pub(crate) beats: Beats,
    process: u32,
}

/// Which server, and which life of its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) run: Vec<u8>,
    pub(crate) replication: Vec<u8>,
}

/// Heartbeats so far, and who waits for one.
#[derive(Default)]
pub(crate) struct Beats {
    pub(crate) sent: AtomicU64,
    pub(crate) answered: watch::Sender<u64>,
    /// The number that somebody waits for.
    pub(crate) wanted: AtomicU64,
    pub(crate) hurry: Notify,
}

impl Epoch {
    pub(crate) fn new(
        life: Arc<Life>,
        identity: Identity,
        data: Wire,
        tracker: Option<Wire>,
    ) -> Self {
        let both = [identity.run.as_slice(), &identity.replication].concat();
        Self {
            incarnation: xxhash_rust::xxh3::xxh3_64(&both),
            identity,
            life,
            data,
            tracker,
            watched: tokio::sync::Mutex::default(),
            beats: Beats::default(),
            process: std::process::id(),
        }
    }

    pub(crate) fn is_tracked(&self) -> bool {
        self.tracker.is_some()
    }

    /// Where heartbeats go: to the connection that is to be vouched for.
    pub(crate) fn beating(&self) -> &Wire {
        self.tracker.as_ref().unwrap_or(&self.data)
    }

    /// Runs scripts, all in one trip (up to 256 of them).
    pub(crate) async fn run(&self, calls: &[Call<'_>]) -> Result<Vec<Answer>, Down> {
        self.is_usable()?;
        let mut answers = Vec::with_capacity(calls.len());
        for calls in calls.chunks(TOGETHER_MAX) {
            let sent = send(self.data.connection(), calls, Call::by_hash);
            let mut some = self.answered(sent).await?;
            self.teach(calls, &mut some).await?;
            answers.append(&mut some);
        }
        Ok(answers)
    }

    /// Runs one script.
    pub(crate) async fn run_one(&self, call: Call<'_>) -> Result<Answer, Down> {
        let mut answers = self.run(std::slice::from_ref(&call)).await?;
        answers.pop().ok_or_else(|| self.over())
    }

    /// Sends commands that are no scripts, in one trip.
    pub(crate) async fn send(&self, commands: &[Cmd]) -> Result<Vec<Answer>, Down> {
        self.is_usable()?;
        let mut connection = self.data.connection();
        let mut pipeline = redis::Pipeline::with_capacity(commands.len());
        for command in commands {
            pipeline.add_command(command.clone());
        }
        let sent = async move {
            let sent = connection.send_packed_commands(&pipeline, 0, commands.len());
            sent.await.map(answers)
        };
        self.answered(sent).await
    }

    /// Scripts that the server has forgotten are sent to it whole, once.
    async fn teach(&self, calls: &[Call<'_>], answers: &mut [Answer]) -> Result<(), Down> {
        for (call, answer) in calls.iter().zip(answers) {
            if is_unknown(answer) {
                let one = std::slice::from_ref(call);
                let sent = send(self.data.connection(), one, Call::by_text);
                let mut again = self.answered(sent).await?;
                *answer = again.pop().ok_or_else(|| self.over())?;
            }
        }
        Ok(())
    }

    /// Waits for answers, X at most. Without them nobody knows what was done, so the life is over.
    async fn answered(
        &self,
        sent: impl Future<Output = RedisResult<Vec<Answer>>>,
    ) -> Result<Vec<Answer>, Down> {
        let answered = within(self.life.staleness(), sent).await;
        answered.map_err(|reason| {
            self.life.end(reason);
            self.over()
        })
    }

    /// What callers are told once it is over.
    pub(crate) fn over(&self) -> Down {
        Down(self.life.reason())
    }

    /// Ends the life, as the server's word cannot be relied on.
    pub(crate) fn end_for(&self, reason: impl Into<Arc<str>>) -> Down {
        self.life.end(reason);
        self.over()
    }

    fn is_usable(&self) -> Result<(), Down> {
        if self.process != std::process::id() {
            return Err(Down("this process was forked; open the cache in it".into()));
        }
        if self.life.is_over() {
            return Err(self.over());
        }
        Ok(())
    }

    /// Asks the server to tell of the changes of these seats' namespaces, and seats them: what they
    /// read from now on is watched.
    pub(crate) async fn watch(&self, seats: &[Arc<Seat>], names: &[String]) -> Result<(), Watch> {
        let Some(tracker) = &self.tracker else {
            return self.take(seats);
        };
        let mut watched = self.watched.lock().await;
        let new: Vec<&String> = names
            .iter()
            .filter(|name| !watched.contains(name))
            .collect();
        if new.is_empty() {
            return self.take(seats);
        }
        let mut command = redis::cmd("CLIENT");
        command.arg("TRACKING").arg("ON").arg("BCAST");
        for name in &new {
            command.arg("PREFIX").arg(name.as_str());
        }
        // They are seated first: what is pushed from now on is theirs already.
        self.take(seats)?;
        let mut connection = tracker.connection();
        let sent = connection.send_packed_command(&command);
        match within(self.life.staleness(), sent).await {
            Ok(Value::ServerError(error)) => Err(Watch::Refused(error)),
            Ok(_) => {
                watched.extend(new.into_iter().cloned());
                Ok(())
            }
            Err(reason) => Err(Watch::Lost(reason)),
        }
    }

    fn take(&self, seats: &[Arc<Seat>]) -> Result<(), Watch> {
        let have_seats = seats.iter().all(|seat| self.life.seat(seat));
        let lost = || Watch::Lost(self.life.reason().as_ref().into());
        have_seats.then_some(()).ok_or_else(lost)
    }

    /// Returns when two heartbeats that are sent from now on have been answered.
    pub(crate) async fn caught_up(&self) -> Result<(), Down> {
        self.is_usable()?;
        if !self.is_tracked() {
            return Err(Down("the server does not tell of changes".into()));
        }
        let beats = &self.beats;
        let wanted = beats.sent.load(Ordering::SeqCst) + 2;
        beats.wanted.fetch_max(wanted, Ordering::SeqCst);
        beats.hurry.notify_one();
        let mut answered = beats.answered.subscribe();
        tokio::select! {
            biased;
            () = self.life.over() => Err(self.over()),
            _ = answered.wait_for(|answered| *answered >= wanted) => Ok(()),
        }
    }
}

/// Why namespaces are not watched.
pub(crate) enum Watch {
    /// The server will not.
    Refused(ServerError),
    /// There is no connection any more.
    Lost(String),
}
