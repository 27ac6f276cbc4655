//! A cache that has joined, and the seat that it takes in each generation of connections.
//!
//! Must not know connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use larder::Tick;
use larder::remote::{Hearer, Membership};
use parking_lot::Mutex;

/// A cache that has joined.
pub(crate) struct Member {
    pub(crate) membership: Membership,
    /// The number of the life that its calls go to; 0 while it has none.
    life: AtomicU64,
    /// How often it had one.
    pub(crate) opened: AtomicU64,
    /// Calls that failed.
    pub(crate) errors: AtomicU64,
}

impl Member {
    pub(crate) fn new(membership: Membership) -> Self {
        Self {
            membership,
            life: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            errors: AtomicU64::new(0),
        }
    }

    pub(crate) fn namespace(&self) -> &Arc<str> {
        &self.membership.namespace
    }

    pub(crate) fn hearer(&self) -> &dyn Hearer {
        &*self.membership.hearer
    }

    /// Whether its cache is gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.hearer().is_gone()
    }

    /// Whether its calls go to the life of this number.
    pub(crate) fn is_in(&self, life: u64) -> bool {
        self.life.load(Ordering::Acquire) == life
    }

    pub(crate) fn is_up(&self) -> bool {
        !self.is_in(0)
    }

    /// The life of this number is over; another one may have begun.
    pub(crate) fn leaves(&self, life: u64) {
        let (here, nowhere) = (Ordering::AcqRel, Ordering::Acquire);
        let _ = self.life.compare_exchange(life, 0, here, nowhere);
    }
}

/// A member's place in a life.
pub(crate) struct Seat {
    pub(crate) member: Arc<Member>,
    /// When it was taken, by the member's clock: before the server was asked to tell of changes.
    taken: Tick,
    is_open: AtomicBool,
    sent: Mutex<Sent>,
}

/// When heartbeats were sent, by the member's clock.
#[derive(Default)]
struct Sent {
    /// The one before the last.
    previous: Option<Tick>,
    last: Option<Tick>,
}

impl Seat {
    /// Taken now; the server is asked afterwards to tell of changes.
    pub(crate) fn new(member: Arc<Member>) -> Self {
        Self {
            taken: member.hearer().now(),
            member,
            is_open: AtomicBool::new(false),
            sent: Mutex::default(),
        }
    }

    /// Lets the member's calls through to the life of this number, and vouches for when the seat was
    /// taken.
    pub(crate) fn open(&self, life: u64) {
        self.is_open.store(true, Ordering::Release);
        self.member.opened.fetch_add(1, Ordering::Relaxed);
        self.member.life.store(life, Ordering::Release);
        self.member.hearer().vouched(self.taken);
    }

    /// The last heartbeat has been answered: it vouches for the one before if answers can overtake
    /// news, or else for itself.
    pub(crate) fn answered(&self, can_overtake: bool) {
        let sent = self.sent.lock();
        let since = if can_overtake {
            sent.previous
        } else {
            sent.last
        };
        drop(sent);
        if let Some(since) = since
            && self.is_open.load(Ordering::Acquire)
        {
            self.member.hearer().vouched(since);
        }
    }

    /// A heartbeat is about to be sent.
    pub(crate) fn note_sending(&self) {
        let now = self.member.hearer().now();
        let mut sent = self.sent.lock();
        sent.previous = sent.last.replace(now);
    }
}
