//! Nodes' connections to a server, and the time that passes on them. A node has two: one for data, one
//! on which it is told of changes, each with an order of its own in both directions.
//!
//! Knows no caches but by their hearers.

use std::collections::BTreeMap;
use std::sync::Arc;

use larder::remote::{Hearer, LogPlace};
use tokio::sync::oneshot;

use super::server::{Op, Push, Reply, Server};
use super::way::{Connection, Told, WIRES, Wire};

pub(crate) type Answer = Result<Reply, &'static str>;

/// How far a node's link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Down { again: u64 },
    Opening,
    Up,
}

/// What is waited for.
enum Waiting {
    Call {
        to: oneshot::Sender<Answer>,
        is_owed: bool,
    },
    Beat {
        sent: u64,
        to: Option<oneshot::Sender<Answer>>,
    },
    Track {
        sent: u64,
    },
}

pub(crate) struct Node {
    pub(crate) space: String,
    pub(crate) hearer: Arc<dyn Hearer>,
    staleness: u64,
    pub(crate) state: State,
    /// Counts the lives of the two connections.
    pub(crate) generation: u64,
    data: Connection,
    tracker: Connection,
    waiting: BTreeMap<u64, (u64, Waiting)>,
    pub(crate) life: u64,
    sent_before: Option<u64>,
    /// Pushes that were made when the last command on its tracker came.
    turn: u64,
    next_beat: u64,
    pub(crate) is_cut_off: bool,
    /// Its link does nothing before then.
    pub(crate) frozen_until: u64,
    pub(crate) opened: u64,
    pub(crate) errors: u64,
}

impl Node {
    fn next(&self) -> Option<u64> {
        let again = match self.state {
            State::Down { again } if !self.is_cut_off => Some(again),
            _ => None,
        };
        let beat = (self.state == State::Up).then_some(self.next_beat);
        let limit = self.waiting.values().map(|(limit, _)| *limit).min();
        let of = |wire: &Connection| [wire.commands.due(), wire.answers.due()];
        let times = [again, beat, limit].into_iter();
        let times = times.chain(of(&self.data)).chain(of(&self.tracker));
        times.flatten().min().map(|due| due.max(self.frozen_until))
    }

    fn wire(&mut self, wire: Wire) -> &mut Connection {
        match wire {
            Wire::Data => &mut self.data,
            Wire::Tracker => &mut self.tracker,
        }
    }
}

/// What follows from a message and is done under no lock.
pub(crate) enum Effect {
    Changed(Arc<dyn Hearer>, String, Option<String>),
    LogAt(Arc<dyn Hearer>, Option<LogPlace>),
    Vouched(Arc<dyn Hearer>, u64),
    Ended(Arc<dyn Hearer>),
    Answer(oneshot::Sender<Answer>, Answer),
    Wake(oneshot::Sender<()>),
    /// A connection stands: the hearer is asked what is to be done first.
    Open(usize, u64, u64),
}

/// How long messages take, in milliseconds, one of them each time.
#[derive(Clone, Default)]
pub(crate) struct Delays {
    pub(crate) trip: Vec<u64>,
    /// From a change to the push that tells of it.
    pub(crate) push: Vec<u64>,
    /// From a lost connection to what was sent on it arriving all the same; never, if there is none.
    pub(crate) late: Vec<u64>,
    /// How much later calls are answered.
    pub(crate) answer: u64,
    /// Calls go each their own way, and overtake each other.
    pub(crate) is_unordered: bool,
}

/// A push that waits for the end of the server's turn.
struct Pushing {
    due: u64,
    node: usize,
    generation: u64,
    /// Counts pushes as they were made.
    number: u64,
    push: Push,
}

#[derive(Default)]
pub(crate) struct Net {
    pub(crate) server: Server,
    pub(crate) nodes: Vec<Node>,
    pub(crate) delays: Delays,
    pub(crate) random: Option<fastrand::Rng>,
    pushes: Vec<Pushing>,
    made: u64,
    late: Vec<(u64, u64, String, Op)>,
    calls: u64,
    timers: BTreeMap<(u64, u64), oneshot::Sender<()>>,
    loses_pushes: bool,
    /// A node's readings of the log that fail yet.
    failing_logs: (usize, usize),
}

impl Net {
    fn one_of(&mut self, delays: &[u64]) -> u64 {
        match &mut self.random {
            Some(random) if !delays.is_empty() => delays[random.usize(..delays.len())],
            _ => delays.first().copied().unwrap_or(0),
        }
    }

    fn trip(&mut self) -> u64 {
        let delays = std::mem::take(&mut self.delays.trip);
        let trip = self.one_of(&delays);
        self.delays.trip = delays;
        trip
    }

    pub(crate) fn join(&mut self, space: String, hearer: Arc<dyn Hearer>, staleness: u64) -> usize {
        self.nodes.push(Node {
            space,
            hearer,
            staleness,
            state: State::Down { again: 0 },
            generation: 0,
            data: Connection::default(),
            tracker: Connection::default(),
            waiting: BTreeMap::new(),
            life: 0,
            sent_before: None,
            turn: 0,
            next_beat: u64::MAX,
            is_cut_off: false,
            frozen_until: 0,
            opened: 0,
            errors: 0,
        });
        self.nodes.len() - 1
    }

    fn send(&mut self, node: usize, wire: Wire, op: Op, now: u64, waiting: Waiting) {
        let (due, call) = (now + self.trip(), self.calls);
        self.calls += 1;
        let limit = now + self.nodes[node].staleness;
        self.nodes[node].waiting.insert(call, (limit, waiting));
        let is_ordered = wire == Wire::Tracker || !self.delays.is_unordered;
        let node = &mut self.nodes[node];
        node.wire(wire).commands.send(due, (call, op), is_ordered);
    }

    /// Is told when it is `due`.
    pub(crate) fn timer(&mut self, due: u64) -> oneshot::Receiver<()> {
        let (to, from) = oneshot::channel();
        self.calls += 1;
        self.timers.insert((due, self.calls), to);
        from
    }

    /// A call on the connections of this generation.
    pub(crate) fn call(
        &mut self,
        node: usize,
        generation: u64,
        op: Op,
        now: u64,
    ) -> Result<oneshot::Receiver<Answer>, &'static str> {
        if self.nodes[node].generation != generation {
            self.nodes[node].errors += 1;
            return Err("there is no connection");
        }
        let (to, from) = oneshot::channel();
        let is_owed = op.is_owed();
        let waiting = match op {
            Op::Beat => Waiting::Beat {
                sent: now,
                to: Some(to),
            },
            _ => Waiting::Call { to, is_owed },
        };
        let wire = if let Op::Beat = op {
            Wire::Tracker
        } else {
            Wire::Data
        };
        self.send(node, wire, op, now, waiting);
        Ok(from)
    }

    /// When something happens next.
    pub(crate) fn next(&self) -> Option<u64> {
        let nodes = self.nodes.iter().filter_map(Node::next);
        let pushes = self.pushes.iter().map(|pushing| pushing.due);
        let late = self.late.iter().map(|(due, ..)| *due);
        let timers = self.timers.keys().map(|(due, _)| *due).next();
        nodes.chain(pushes).chain(late).chain(timers).min()
    }

    /// Does one thing that is due.
    pub(crate) fn step(&mut self, now: u64) -> Option<Vec<Effect>> {
        if let Some(timer) = self.timers.first_entry()
            && timer.key().0 <= now
        {
            return Some(vec![Effect::Wake(timer.remove())]);
        }
        if let Some(at) = self.pushes.iter().position(|pushing| pushing.due <= now) {
            self.tell(at, now);
            return Some(Vec::new());
        }
        if let Some(at) = self.late.iter().position(|(due, ..)| *due <= now) {
            let (_, life, space, op) = self.late.remove(at);
            if life == self.server.life {
                let (_, pushes) = self.server.do_it(&space, op, now);
                self.push(&space, pushes, now);
            }
            return Some(Vec::new());
        }
        (0..self.nodes.len()).find_map(|node| self.step_of(node, now))
    }

    fn tell(&mut self, at: usize, now: u64) {
        let Pushing {
            node,
            generation,
            push,
            ..
        } = self.pushes.remove(at);
        let due = now + self.trip();
        let node = &mut self.nodes[node];
        if node.generation == generation {
            node.tracker.answers.send(due, Told::Push(push), true);
        }
    }

    /// A command comes on a tracker: the server's turn in which the one before it came is over, and what
    /// was changed before that has been told.
    fn end_turn(&mut self, node: usize, now: u64) {
        let before = std::mem::replace(&mut self.nodes[node].turn, self.made);
        let is_due = |pushing: &Pushing| pushing.node == node && pushing.number <= before;
        while let Some(at) = self.pushes.iter().position(is_due) {
            self.tell(at, now);
        }
    }

    fn step_of(&mut self, at: usize, now: u64) -> Option<Vec<Effect>> {
        if now < self.nodes[at].frozen_until {
            return None;
        }
        for wire in WIRES {
            let connection = self.nodes[at].wire(wire);
            if connection.commands.due().is_some_and(|due| due <= now)
                && let Some((_, (call, op))) = connection.commands.messages.pop_front()
            {
                self.arrive(at, wire, call, op, now);
                return Some(Vec::new());
            }
            if connection.answers.due().is_some_and(|due| due <= now)
                && let Some((_, told)) = connection.answers.messages.pop_front()
            {
                return Some(self.told(at, told, now));
            }
        }
        let node = &mut self.nodes[at];
        if node.waiting.values().any(|(limit, _)| *limit <= now) {
            return Some(self.end(at, "no answer in time", now));
        }
        match node.state {
            State::Down { again } if again <= now && !node.is_cut_off => {
                node.state = State::Opening;
                self.send(
                    at,
                    Wire::Tracker,
                    Op::Track,
                    now,
                    Waiting::Track { sent: now },
                );
                Some(Vec::new())
            }
            State::Up if node.next_beat <= now => {
                node.next_beat = now + node.staleness / 4;
                let is_out = |(_, waiting): &(u64, Waiting)| {
                    matches!(waiting, Waiting::Beat { to: None, .. })
                };
                if !node.waiting.values().any(is_out) {
                    self.send(
                        at,
                        Wire::Tracker,
                        Op::Beat,
                        now,
                        Waiting::Beat {
                            sent: now,
                            to: None,
                        },
                    );
                }
                Some(Vec::new())
            }
            _ => None,
        }
    }

    /// A command has come to the server.
    fn arrive(&mut self, at: usize, wire: Wire, call: u64, op: Op, now: u64) {
        let space = self.nodes[at].space.clone();
        if let Op::Track = op {
            self.nodes[at].tracker.is_tracking = true;
        }
        if wire == Wire::Tracker {
            self.end_turn(at, now);
        }
        let is_failing = matches!(&op, Op::Log(_, items) if items.is_empty())
            && self.failing_logs.0 == at
            && self.failing_logs.1 > 0;
        if is_failing {
            self.failing_logs.1 -= 1;
        }
        let (reply, pushes) = if is_failing {
            (Reply::Refused, Vec::new())
        } else {
            self.server.do_it(&space, op, now)
        };
        let is_data = wire == Wire::Data;
        let due = now + self.trip() + if is_data { self.delays.answer } else { 0 };
        let is_ordered = !(is_data && self.delays.is_unordered);
        let answers = &mut self.nodes[at].wire(wire).answers;
        answers.send(due, Told::Answer(call, reply), is_ordered);
        self.push(&space, pushes, now);
    }

    /// Tells everyone of a change at the end of the server's turn.
    pub(crate) fn push(&mut self, space: &str, pushes: Vec<Push>, now: u64) {
        let pushes = if self.loses_pushes {
            Vec::new()
        } else {
            pushes
        };
        for push in pushes {
            let delays = std::mem::take(&mut self.delays.push);
            let due = now + self.one_of(&delays);
            self.delays.push = delays;
            for (at, node) in self.nodes.iter().enumerate() {
                let is_own = matches!(&push, Push::Traced(_, by, _) if *by == at);
                let is_its = node.space == space || push == Push::All;
                if node.tracker.is_tracking && is_its && !is_own {
                    self.made += 1;
                    self.pushes.push(Pushing {
                        due,
                        node: at,
                        generation: node.generation,
                        number: self.made,
                        push: push.clone(),
                    });
                }
            }
        }
    }

    /// Something has come to the node.
    fn told(&mut self, at: usize, told: Told, now: u64) -> Vec<Effect> {
        let node = &mut self.nodes[at];
        let (call, reply) = match told {
            Told::Push(Push::Key(key)) => {
                return vec![Effect::Changed(node.hearer.clone(), key, None)];
            }
            Told::Push(Push::Traced(key, _, trace)) => {
                return vec![Effect::Changed(node.hearer.clone(), key, Some(trace))];
            }
            Told::Push(Push::Log) => return vec![Effect::LogAt(node.hearer.clone(), None)],
            Told::Push(Push::All) => return self.end(at, "the server lost everything", now),
            Told::Answer(call, reply) => (call, reply),
        };
        let Some((_, waiting)) = node.waiting.remove(&call) else {
            return Vec::new();
        };
        match (waiting, reply) {
            (Waiting::Call { to, is_owed }, Reply::Refused) => {
                node.errors += 1;
                let mut effects = if is_owed {
                    self.end(at, "refused", now)
                } else {
                    Vec::new()
                };
                effects.push(Effect::Answer(to, Err("refused")));
                effects
            }
            (Waiting::Call { to, .. }, reply) => vec![Effect::Answer(to, Ok(reply))],
            (Waiting::Track { sent }, Reply::Beat(life, _)) => {
                node.life = life;
                vec![Effect::Open(at, node.generation, sent)]
            }
            (Waiting::Beat { sent, to }, Reply::Beat(life, place)) if life == node.life => {
                let hearer = || node.hearer.clone();
                let mut effects = vec![Effect::LogAt(hearer(), place)];
                if let Some(to) = to {
                    effects.push(Effect::Answer(to, Ok(Reply::Is(true))));
                } else if let Some(before) = node.sent_before.replace(sent) {
                    effects.push(Effect::Vouched(hearer(), before));
                }
                effects
            }
            _ => self.end(at, "another server", now),
        }
    }

    /// The hearer has done what came first.
    pub(crate) fn up(&mut self, at: usize, generation: u64, sent: u64, now: u64) -> Vec<Effect> {
        let node = &mut self.nodes[at];
        if node.generation != generation {
            return Vec::new();
        }
        node.state = State::Up;
        node.opened += 1;
        (node.sent_before, node.next_beat) = (Some(sent), now);
        vec![Effect::Vouched(node.hearer.clone(), sent)]
    }

    /// Ends a node's connections: what was sent may be done yet, and nobody hears of it.
    pub(crate) fn end(&mut self, at: usize, why: &'static str, now: u64) -> Vec<Effect> {
        let late = std::mem::take(&mut self.delays.late);
        let life = self.server.life;
        for wire in WIRES {
            let connection = std::mem::take(self.nodes[at].wire(wire));
            for (_, (_, op)) in connection.commands.messages {
                if !late.is_empty() {
                    let due = now + self.one_of(&late);
                    self.late
                        .push((due, life, self.nodes[at].space.clone(), op));
                }
            }
        }
        self.delays.late = late;
        let again = now + self.one_of(&[5, 50, 400]);
        let node = &mut self.nodes[at];
        node.generation += 1;
        node.state = State::Down { again };
        let mut effects = vec![Effect::Ended(node.hearer.clone())];
        for (_, (_, waiting)) in std::mem::take(&mut node.waiting) {
            if let Waiting::Call { to, .. } | Waiting::Beat { to: Some(to), .. } = waiting {
                node.errors += 1;
                effects.push(Effect::Answer(to, Err(why)));
            }
        }
        effects
    }

    /// Whether changes are told to nobody.
    pub(crate) fn lose_pushes(&mut self, loses: bool) {
        self.loses_pushes = loses;
    }

    /// So many readings of the log by a node are refused.
    pub(crate) fn fail_logs(&mut self, node: usize, times: usize) {
        self.failing_logs = (node, times);
    }

    /// Holds a way back, or lets go of it.
    pub(crate) fn hold_answers(&mut self, at: usize, wire: Wire, is_held: bool) {
        self.nodes[at].wire(wire).answers.is_held = is_held;
    }

    pub(crate) fn hold_commands(&mut self, at: usize, wire: Wire, is_held: bool) {
        self.nodes[at].wire(wire).commands.is_held = is_held;
    }

    /// Nothing gets there before then.
    pub(crate) fn stall_commands(&mut self, at: usize, wire: Wire, until: u64) {
        self.nodes[at].wire(wire).commands.held_until = until;
    }

    /// Nothing comes back before then.
    pub(crate) fn stall(&mut self, at: usize, wire: Wire, until: u64) {
        self.nodes[at].wire(wire).answers.held_until = until;
    }
}
