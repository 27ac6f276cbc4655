//! A store that caches share, in this process and in virtual time: a server that does what the scripts
//! do, and links that lose, delay and reorder what may be lost, delayed and reordered.
//!
//! Everything happens on the thread that lets [time pass](Fake::pass), in an order that a seed decides.

#[path = "fake/link.rs"]
pub(crate) mod link;
#[path = "fake/log.rs"]
mod log;
#[path = "fake/net.rs"]
pub(crate) mod net;
#[path = "fake/server.rs"]
pub(crate) mod server;
#[path = "fake/way.rs"]
pub(crate) mod way;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use larder::{Clock, ManualClock, Tick};

use link::Seat;
use net::{Delays, Effect, Net, State};
use server::{Calls, Push};
use way::{WIRES, Wire};

/// In a history the runtime's own time moves by this many milliseconds at once.
const RARELY: u64 = 16;
/// How often tasks are let run before time passes in a history: more than follow from one another.
const TURNS: usize = 6;

/// The server, its network, and the time of both.
#[derive(Clone)]
pub(crate) struct Fake {
    net: Arc<Mutex<Net>>,
    time: ManualClock,
    clock: Clock,
    is_quick: bool,
}

impl Fake {
    /// Messages take no time, and nothing is lost by chance.
    pub(crate) fn new() -> Self {
        let time = ManualClock::new();
        let net = Arc::default();
        let clock = time.clock();
        Self {
            net,
            time,
            clock,
            is_quick: false,
        }
    }

    /// Messages take one of these times, chosen by the seed.
    pub(crate) fn seeded(seed: u64, delays: Delays) -> Self {
        let fake = Self {
            is_quick: true,
            ..Self::new()
        };
        fake.net().random = Some(fastrand::Rng::with_seed(seed));
        fake.net().delays = delays;
        fake
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// A process's way to the server: caches join by it in the order of their numbers.
    pub(crate) fn seat(&self) -> Seat {
        Seat(self.clone())
    }

    pub(crate) fn net(&self) -> MutexGuard<'_, Net> {
        self.net
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.now().as_millis()
    }

    /// Does all that is due, and what follows at once.
    pub(crate) fn pump(&self) {
        loop {
            let effects = self.net().step(self.now());
            let Some(effects) = effects else { return };
            self.have(effects);
        }
    }

    pub(crate) fn have(&self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Changed(hearer, key, trace) => hearer.key_changed(&key, trace.as_deref()),
                Effect::LogAt(hearer, place) => hearer.log_at(place),
                Effect::Vouched(hearer, sent) => hearer.vouched(Tick::from_millis(sent)),
                Effect::Ended(hearer) => hearer.ended(),
                Effect::Answer(to, answer) => drop(to.send(answer)),
                Effect::Wake(to) => drop(to.send(())),
                Effect::Open(at, generation, sent) => self.open(at, generation, sent),
            }
        }
    }

    fn open(&self, at: usize, generation: u64, sent: u64) {
        let (fake, hearer) = (self.clone(), self.net().nodes[at].hearer.clone());
        tokio::spawn(async move {
            let link = link::Wired::opening(fake.clone(), at, generation);
            let opened = hearer.opened(&link).await;
            let now = fake.now();
            let effects = match opened {
                Ok(()) => fake.net().up(at, generation, sent, now),
                Err(_) if fake.net().nodes[at].generation == generation => {
                    fake.net().end(at, "not opened", now)
                }
                Err(_) => Vec::new(),
            };
            fake.have(effects);
            fake.pump();
        });
    }

    /// Waits for this many milliseconds of the fake's time.
    pub(crate) async fn sleep(&self, millis: u64) {
        let due = self.now() + millis;
        let timer = self.net().timer(due);
        let _ = timer.await;
    }

    /// Lets tasks run until all of them wait.
    pub(crate) async fn settle(&self) {
        loop {
            self.pump();
            if self.is_quick {
                for _ in 0..TURNS {
                    tokio::task::yield_now().await;
                }
            } else {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let due = self.net().next();
            if due.is_none_or(|due| due > self.now()) {
                return;
            }
        }
    }

    /// Lets this many milliseconds pass, and everything happen that happens in them.
    pub(crate) async fn pass(&self, millis: u64) {
        let end = self.now() + millis;
        loop {
            self.settle().await;
            let next = self.net().next().filter(|next| *next < end).unwrap_or(end);
            let step = next - self.now();
            self.time.advance(Duration::from_millis(step));
            let tokios = self.tokios_step(step);
            if tokios > 0 {
                tokio::time::sleep(Duration::from_millis(tokios)).await;
            }
            if next == end {
                return self.settle().await;
            }
        }
    }

    /// How far the runtime's own time is to follow: seldom, where much happens.
    fn tokios_step(&self, step: u64) -> u64 {
        if !self.is_quick {
            return step;
        }
        let now = self.now();
        now / RARELY * RARELY - (now - step) / RARELY * RARELY
    }

    /// Time that nobody notices pass: of a machine that slept.
    pub(crate) fn jump(&self, millis: u64) {
        self.time.advance(Duration::from_millis(millis));
    }

    /// Loses a node's connections; it makes new ones at once.
    pub(crate) fn lose(&self, node: usize) {
        let now = self.now();
        let effects = self.net().end(node, "the connection is lost", now);
        self.have(effects);
    }

    /// Loses a node's connections, and lets it make no new ones.
    pub(crate) fn cut_off(&self, node: usize) {
        self.net().nodes[node].is_cut_off = true;
        self.lose(node);
    }

    /// Lets it connect again.
    pub(crate) async fn heal(&self, node: usize) {
        self.net().nodes[node].is_cut_off = false;
        self.pass(500).await;
        assert!(self.is_up(node));
    }

    pub(crate) fn is_up(&self, node: usize) -> bool {
        self.net().nodes[node].state == State::Up
    }

    pub(crate) fn hold_answers(&self, node: usize, wire: Wire) {
        self.net().hold_answers(node, wire, true);
    }

    pub(crate) async fn release_answers(&self, node: usize, wire: Wire) {
        self.net().hold_answers(node, wire, false);
        self.settle().await;
    }

    pub(crate) fn hold_commands(&self, node: usize, wire: Wire) {
        self.net().hold_commands(node, wire, true);
    }

    pub(crate) async fn release_commands(&self, node: usize, wire: Wire) {
        self.net().hold_commands(node, wire, false);
        self.settle().await;
    }

    /// Nothing comes back to the node in either way, and nothing is lost.
    pub(crate) fn stall(&self, node: usize, wire: Wire, millis: u64) {
        let until = self.now() + millis;
        self.net().stall(node, wire, until);
    }

    pub(crate) fn stall_all(&self, node: usize, millis: u64) {
        for wire in WIRES {
            self.stall(node, wire, millis);
        }
    }

    /// Calls take this long each way from now on, and overtake each other.
    pub(crate) fn be_unordered(&self, millis: u64) {
        let mut net = self.net();
        net.delays.is_unordered = true;
        net.delays.trip = vec![millis];
    }

    /// What is called from now on is answered after so long, and later calls may be answered before.
    pub(crate) fn answer_after(&self, millis: u64) {
        let mut net = self.net();
        net.delays.is_unordered = true;
        net.delays.answer = millis;
    }

    pub(crate) fn calls(&self) -> Calls {
        self.net().server.calls
    }

    /// The server ends and comes back with the data of the last dump.
    pub(crate) fn restart(&self) {
        self.net().server.restart();
        let nodes = self.net().nodes.len();
        for node in 0..nodes {
            self.lose(node);
        }
    }

    pub(crate) fn flush(&self) {
        let now = self.now();
        let mut net = self.net();
        net.server.flush();
        net.push("", vec![Push::All], now);
    }

    pub(crate) fn lose_log(&self, space: &str, is_told: bool) {
        let now = self.now();
        let mut net = self.net();
        net.server.lose_log(space);
        if is_told {
            net.push(space, vec![Push::Log], now);
        }
    }

    /// What another program does to a key, with what the server tells of it.
    pub(crate) fn put_foreign(&self, space: &str, key: &str, bytes: Option<&[u8]>) {
        let now = self.now();
        let mut net = self.net();
        net.server.put_foreign(space, key, bytes);
        net.push(space, vec![Push::Key(key.to_owned())], now);
    }
}
