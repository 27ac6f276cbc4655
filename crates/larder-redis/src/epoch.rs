//! One generation of connections, to one server or to all primaries of a cluster together: which of
//! them a script goes to, and what ends them all.
//!
//! Must not know what the scripts are for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use larder::remote::Down;
use parking_lot::Mutex;
use redis::{ServerError, Value};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::cluster::{self, Change, Map, View};
use crate::commands::Commands;
use crate::life::Life;
use crate::member::Seat;
use crate::node::Node;
use crate::sending::{Answer, Call, is_elsewhere};
use crate::slots::slot_of;

/// How long one waits for a slot that is being moved, before asking again.
const MOVING: Duration = Duration::from_millis(10);

/// One generation. What is sent through it after its life is over fails.
pub(crate) struct Epoch {
    pub(crate) life: Arc<Life>,
    /// One, which has all slots, or all primaries of a cluster.
    pub(crate) nodes: Vec<Node>,
    map: Mutex<Map>,
    /// Names that the servers have been asked to watch, by what they begin with.
    watched: tokio::sync::Mutex<Vec<String>>,
    pub(crate) beats: Beats,
    process: u32,
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

/// Calls that go to one node, each with its place among all.
struct Part<'e, 'c, 'a> {
    node: &'e Node,
    places: Vec<usize>,
    calls: Vec<&'c Call<'a>>,
}

impl Epoch {
    pub(crate) fn new(life: Arc<Life>, nodes: Vec<Node>, map: Map) -> Self {
        Self {
            life,
            nodes,
            map: Mutex::new(map),
            watched: tokio::sync::Mutex::default(),
            beats: Beats::default(),
            process: std::process::id(),
        }
    }

    /// Whether the servers tell of changes: all, or none.
    pub(crate) fn is_tracked(&self) -> bool {
        self.nodes.iter().all(|node| node.tracker.is_some())
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.nodes.iter().any(|node| node.peer.is_some())
    }

    /// Which life of its data the server is in that has this name.
    pub(crate) fn incarnation(&self, name: impl FnOnce() -> String) -> u64 {
        match self.nodes.as_slice() {
            [node] => node.incarnation,
            nodes => nodes[self.place_of(&name())].incarnation,
        }
    }

    /// The place of the node that has this name. Where that is not known, the first is asked: it knows,
    /// or says that nobody has it.
    pub(crate) fn place_of(&self, name: &str) -> usize {
        if self.nodes.len() == 1 {
            return 0;
        }
        let slot = slot_of(name.as_bytes());
        self.map.lock().slots.of(slot).unwrap_or(0)
    }

    /// Runs one script.
    pub(crate) async fn run_one(&self, call: Call<'_>) -> Result<Answer, Down> {
        self.is_usable()?;
        let node = &self.nodes[self.place_of(call.name())];
        let answer = node.run_one(&call).await?;
        self.follow(&call, node, answer).await
    }

    /// Sends commands that are no scripts to the server that has this name, in one trip.
    pub(crate) async fn send(&self, name: &str, commands: Commands) -> Result<Vec<Answer>, Down> {
        self.is_usable()?;
        self.nodes[self.place_of(name)].send(commands).await
    }

    /// Runs scripts, in one trip to each server that is concerned, all at the same time.
    pub(crate) async fn run(&self, calls: &[Call<'_>]) -> Result<Vec<Answer>, Down> {
        self.run_all(&calls.iter().collect::<Vec<_>>()).await
    }

    async fn run_all(&self, calls: &[&Call<'_>]) -> Result<Vec<Answer>, Down> {
        self.is_usable()?;
        if let [node] = self.nodes.as_slice() {
            return node.run(calls).await;
        }
        let parts = self.parts(calls);
        let sent = parts.iter().map(|part| part.node.run(&part.calls));
        let mut all: Vec<Option<Answer>> = calls.iter().map(|_| None).collect();
        for (part, answers) in parts.iter().zip(join_all(sent).await) {
            for ((place, call), answer) in part.places.iter().zip(&part.calls).zip(answers?) {
                all[*place] = Some(self.follow(call, part.node, answer).await?);
            }
        }
        let all: Option<Vec<Answer>> = all.into_iter().collect();
        all.ok_or_else(|| self.end_for("less was answered than was asked"))
    }

    fn parts<'e, 'c, 'a>(&'e self, calls: &[&'c Call<'a>]) -> Vec<Part<'e, 'c, 'a>> {
        let part = |node| Part {
            node,
            places: Vec::new(),
            calls: Vec::new(),
        };
        let mut parts: Vec<Part<'e, 'c, 'a>> = self.nodes.iter().map(part).collect();
        for (place, call) in calls.iter().enumerate() {
            let part = &mut parts[self.place_of(call.name())];
            part.places.push(place);
            part.calls.push(call);
        }
        parts.retain(|part| !part.calls.is_empty());
        parts
    }

    /// An answer that says that the slot is another's is believed once: nothing was done. If it is one
    /// of whom this generation does not know, the generation is over.
    async fn follow(&self, call: &Call<'_>, from: &Node, answer: Answer) -> Result<Answer, Down> {
        let (Err(error), Some(peer)) = (&answer, &from.peer) else {
            return Ok(answer);
        };
        let Some((slot, host)) = cluster::moved(error, peer) else {
            return Ok(answer);
        };
        let is_there = |node: &Node| node.peer.as_ref().is_some_and(|peer| peer.host == host);
        let Some(place) = self.nodes.iter().position(is_there) else {
            return Err(self.end_for(format!("slot {slot} has moved to {host}, which is new")));
        };
        self.map.lock().slots.give(slot, place);
        self.nodes[place].run_one(call).await
    }

    /// [`run`](Self::run), and again, for X at most, what concerns a slot that is being moved.
    pub(crate) async fn run_surely(&self, calls: &[Call<'_>]) -> Result<Vec<Answer>, Down> {
        let until = Instant::now() + self.life.staleness();
        let mut all = self.run(calls).await?;
        loop {
            let is_moving = |at: &usize| all[*at].as_ref().is_err_and(is_elsewhere);
            let places: Vec<usize> = (0..all.len()).filter(is_moving).collect();
            if places.is_empty() || Instant::now() + MOVING > until {
                return Ok(all);
            }
            tokio::time::sleep(MOVING).await;
            let again: Vec<&Call<'_>> = places.iter().map(|place| &calls[*place]).collect();
            for (place, answer) in places.iter().zip(self.run_all(&again).await?) {
                all[*place] = answer;
            }
        }
    }

    /// Takes in how the cluster looks to each of its primaries: whether each slot has one here that says
    /// so itself. It may not for a moment, while a slot is moved.
    pub(crate) fn look(&self, views: Vec<View>) -> Result<bool, Down> {
        let peers: Vec<_> = self
            .nodes
            .iter()
            .filter_map(|node| node.peer.as_ref())
            .collect();
        match self.map.lock().take_in(&peers, views) {
            Ok(()) => Ok(true),
            Err(Change::Slot(_)) => Ok(false),
            Err(Change::Primaries(reason)) => Err(self.end_for(reason)),
        }
    }

    /// What callers are told once it is over.
    pub(crate) fn over(&self) -> Down {
        Down(self.life.reason())
    }

    /// Ends the life, as what is known of the servers cannot be relied on.
    pub(crate) fn end_for(&self, reason: impl Into<Arc<str>>) -> Down {
        self.life.end(reason);
        self.over()
    }

    pub(crate) fn is_usable(&self) -> Result<(), Down> {
        if self.process != std::process::id() {
            return Err(Down("this process was forked; open the cache in it".into()));
        }
        if self.life.is_over() {
            return Err(self.over());
        }
        Ok(())
    }

    /// Asks the servers to tell of the changes of these seats' namespaces, and seats them: what they
    /// read from now on is watched.
    pub(crate) async fn watch(&self, seats: &[Arc<Seat>], names: &[String]) -> Result<(), Watch> {
        if !self.is_tracked() {
            return self.take(seats);
        }
        let mut watched = self.watched.lock().await;
        let new: Vec<&String> = names
            .iter()
            .filter(|name| !watched.contains(name))
            .collect();
        // They are seated first: what is pushed from now on is theirs already.
        self.take(seats)?;
        if new.is_empty() {
            return Ok(());
        }
        let mut words: Vec<&[u8]> = vec![b"CLIENT", b"TRACKING", b"ON", b"BCAST"];
        for name in &new {
            words.extend([&b"PREFIX"[..], name.as_bytes()]);
        }
        let trackers = self.nodes.iter().filter_map(|node| node.tracker.as_ref());
        let limit = self.life.staleness();
        let asked = trackers.map(|tracker| tracker.send_one(&words, limit));
        for answer in join_all(asked).await {
            match answer {
                Ok(Value::ServerError(error)) => return Err(Watch::Refused(error)),
                Ok(_) => {}
                Err(reason) => return Err(Watch::Lost(reason)),
            }
        }
        watched.extend(new.into_iter().cloned());
        Ok(())
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
