//! A proxy that does to connections what networks do: it delays, throttles,
//! swallows, cuts and refuses.
//!
//! Each proxy has a thread and a runtime of its own. So it goes on while a
//! test blocks, and while a test's clock stands still. When a call returns,
//! the change holds for every connection that has been made, and for new ones.
//!
//! It must not know what the bytes mean.

mod accept;
mod connection;
mod lane;
mod rules;

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;

use self::accept::Command;
use self::rules::{Lane, Rules, Traffic};
use crate::Error;

/// Which bytes a fault concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Those that clients send.
    ToServer,
    /// Those that the server sends.
    ToClient,
    /// All.
    Both,
}

/// What has passed a proxy since its start. Bytes are counted before they can
/// be seen at the other end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that it has accepted.
    pub connections: u64,
    /// Those of them that it still has.
    pub open: u64,
    /// Bytes handed to the server.
    pub bytes_to_server: u64,
    /// Bytes handed to clients.
    pub bytes_to_client: u64,
}

/// Stands before a server, on a port of loopback. It has 1024 connections at
/// most; more wait to be accepted. It ends, with all its connections, when it
/// is dropped.
pub struct FaultProxy {
    addr: SocketAddr,
    traffic: Arc<Traffic>,
    /// Whoever sends one waits for it, so it is as long as there are callers.
    /// None while the proxy is dropped.
    commands: Option<mpsc::UnboundedSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// A proxy to the server at this address, without faults. The server is
    /// connected to once for each client; if it refuses, the client's
    /// connection is reset.
    ///
    /// # Errors
    /// [`Error::Io`] if the system gives no port or no thread.
    pub fn to(server: SocketAddr) -> Result<Self, Error> {
        let traffic = Arc::new(Traffic::default());
        let (commands, received) = mpsc::unbounded_channel();
        let (addr, thread) = accept::start(server, Arc::clone(&traffic), received)
            .map_err(Error::io("cannot start a proxy"))?;
        Ok(Self {
            addr,
            traffic,
            commands: Some(commands),
            thread: Some(thread),
        })
    }

    /// Where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What has passed so far.
    pub fn counts(&self) -> Counts {
        let traffic = &self.traffic;
        Counts {
            connections: traffic.connections.load(Relaxed),
            open: traffic.open.load(Relaxed),
            bytes_to_server: traffic.bytes[Lane::TO_SERVER].load(Relaxed),
            bytes_to_client: traffic.bytes[Lane::TO_CLIENT].load(Relaxed),
        }
    }

    /// Bytes, and the end of a stream, arrive so much later than they were
    /// sent; those under way too.
    pub fn latency(&self, direction: Direction, latency: Duration) {
        self.set(direction, move |lane| lane.latency = latency);
    }

    /// Adds up to so much to the latency, by chance that follows from `seed`,
    /// the connection's number and the number of the piece of bytes that the
    /// proxy has read. Order is kept.
    pub fn jitter(&self, direction: Direction, jitter_max: Duration, seed: u64) {
        self.set(direction, move |lane| {
            lane.jitter_max = jitter_max;
            lane.seed = seed;
        });
    }

    /// Each connection passes on so many bytes in a second at most, evenly.
    pub fn throttle(&self, direction: Direction, bytes_per_second: NonZeroU64) {
        self.set(direction, move |lane| {
            lane.bytes_per_second = Some(bytes_per_second);
        });
    }

    /// Nothing arrives, neither bytes nor the end of a stream, and connections
    /// stay open; new ones are accepted (and reach the server after
    /// [`heal`](Self::heal) only, if it is the way to the server). What was
    /// sent meanwhile arrives after `heal`, as after a partition that TCP
    /// outlives; about a MiB a direction waits here, then the sender does.
    pub fn black_hole(&self, direction: Direction) {
        self.set(direction, |lane| lane.is_black_hole = true);
    }

    /// The connections that there are go silent for good, without an end: as
    /// if the other host lost its power, or a router forgot them. New ones are
    /// fine, and [`heal`](Self::heal) does not bring the old ones back.
    pub fn half_open(&self) {
        self.control(|rules, accepted| rules.silent_before = accepted);
    }

    /// One connection goes silent for good, as with [`half_open`](Self::half_open); the first that was
    /// made has the number 0.
    pub fn half_open_one(&self, number: u64) {
        self.control(move |rules, _| rules.silent.push(number));
    }

    /// Resets the connections that there are (RST to both ends). New ones are
    /// fine.
    pub fn reset(&self) {
        self.control(|rules, accepted| rules.reset_before = accepted);
    }

    /// Once so many more bytes have passed, all connections counted, the one
    /// that they passed on last is closed at both ends, most likely within a
    /// frame. That happens once; each direction counts for itself.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        self.set(direction, move |lane| lane.cut_after = Some(bytes));
    }

    /// New connections are refused, as by a host on which nobody listens;
    /// those that there are stay.
    pub fn refuse(&self) {
        self.control(|rules, _| rules.is_refusing = true);
    }

    /// Takes all faults back: what is under way arrives at once. Connections
    /// that went silent, were cut or reset stay lost.
    pub fn heal(&self) {
        self.control(|rules, _| rules.heal());
    }

    fn set(&self, direction: Direction, change: impl Fn(&mut Lane) + Send + 'static) {
        let lanes = match direction {
            Direction::ToServer => Lane::TO_SERVER..=Lane::TO_SERVER,
            Direction::ToClient => Lane::TO_CLIENT..=Lane::TO_CLIENT,
            Direction::Both => Lane::TO_SERVER..=Lane::TO_CLIENT,
        };
        self.control(move |rules, _| rules.lanes[lanes].iter_mut().for_each(change));
    }

    /// Has the proxy's thread make a change and waits until it has.
    fn control(&self, change: impl FnOnce(&mut Rules, u64) + Send + 'static) {
        let (command, done) = Command::new(change);
        if let Some(commands) = &self.commands {
            let _ = commands.send(command);
        }
        let result = done.recv().expect("the proxy's thread lives as long as it");
        if let Err(error) = result {
            panic!("the proxy can't listen on {} again: {error}", self.addr);
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
