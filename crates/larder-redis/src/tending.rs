//! A server, those who have joined it, and the task that keeps a generation of connections to it.
//!
//! ```text
//! open ── lost ──┐      50 ms, doubled up to 600 ms, each more or less by chance
//!  ▲             ▼
//!  └────────── wait
//! ```
//! Must not know scripts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use larder::remote::{Down, Link, Membership};
use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::beat;
use crate::board::Board;
use crate::checks::Checks;
use crate::epoch::{Epoch, Watch};
use crate::keys::Keys;
use crate::life::Life;
use crate::link::MemberLink;
use crate::member::{Member, Seat};
use crate::opening::{self, Opened};
use crate::refusal;
use crate::tls::Trust;
use crate::url::{Host, Target};

const PAUSE_MIN: Duration = Duration::from_millis(50);
/// So that a server that is back is used within a second, however long it was away.
const PAUSE_MAX: Duration = Duration::from_millis(600);
/// A generation that lasted so long was a good one: the next is opened soon.
const LASTED: Duration = Duration::from_secs(2);

/// How often one looks for caches that are gone.
const ROUNDS: Duration = Duration::from_secs(1);

/// How a server is used.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) target: Target,
    pub(crate) prefix: String,
    pub(crate) max_value_bytes: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) trust: Arc<Trust>,
    pub(crate) checks: Checks,
}

/// A server and those who have joined it.
pub(crate) struct Server {
    pub(crate) config: Config,
    pub(crate) keys: Keys,
    pub(crate) board: Arc<Board>,
    members: Mutex<BTreeMap<Arc<str>, Arc<Member>>>,
    /// Somebody has joined or left.
    changed: Notify,
    epoch: RwLock<Option<Arc<Epoch>>>,
    /// Where the cluster's primaries were when they were all reached last.
    known: Mutex<Vec<Host>>,
    lives: AtomicU64,
    attempts: AtomicUsize,
    is_tended: AtomicBool,
}

impl Server {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            keys: Keys::new(&config.prefix, fastrand::u64(..)),
            board: Arc::new(Board::new(config.target.to_string())),
            config,
            members: Mutex::default(),
            changed: Notify::new(),
            epoch: RwLock::default(),
            known: Mutex::default(),
            lives: AtomicU64::new(0),
            attempts: AtomicUsize::new(0),
            is_tended: AtomicBool::new(false),
        }
    }

    pub(crate) fn target(&self) -> &Target {
        &self.config.target
    }

    /// Joins; the connections are tended from now on, or from the first call on.
    pub(crate) fn join(self: &Arc<Self>, membership: Membership) -> Result<MemberLink, String> {
        self.keys.check(&membership.namespace)?;
        let member = Arc::new(Member::new(membership));
        let namespace = member.namespace().clone();
        self.forget_gone();
        let mut members = self.members.lock();
        if members.contains_key(&namespace) {
            return Err(format!(
                "another cache of this process has joined {:?} at {}",
                namespace,
                self.target()
            ));
        }
        members.insert(namespace, member.clone());
        drop(members);
        self.changed.notify_one();
        self.tend(member.membership.runtime.clone());
        Ok(MemberLink::new(self.clone(), member))
    }

    /// Whose link is gone is gone.
    pub(crate) fn leave(&self, member: &Arc<Member>) {
        let is_another = |one: &Arc<Member>| !Arc::ptr_eq(one, member);
        self.members.lock().retain(|_, one| is_another(one));
        if let Some(epoch) = self.epoch.read().as_ref() {
            epoch.life.unseat(member);
        }
        self.changed.notify_one();
    }

    /// Those whose cache is gone leave, though something still holds their link.
    fn forget_gone(&self) {
        for member in self.members() {
            if member.is_gone() {
                self.leave(&member);
            }
        }
    }

    /// Where a member's calls go.
    pub(crate) fn epoch(self: &Arc<Self>, member: &Member) -> Result<Arc<Epoch>, Down> {
        self.tend(None);
        let epoch = self.epoch.read().clone();
        let epoch = epoch.filter(|epoch| member.is_in(epoch.life.number));
        epoch.ok_or_else(|| Down(self.board.down_reason()))
    }

    pub(crate) fn members(&self) -> Vec<Arc<Member>> {
        self.members.lock().values().cloned().collect()
    }

    /// What the names begin with that these seats are told of.
    pub(crate) fn watched(&self, seats: &[Arc<Seat>]) -> Vec<String> {
        let namespaces = seats.iter().map(|seat| seat.member.namespace());
        let both = namespaces.map(|name| [self.keys.entries(name), self.keys.log(name)]);
        both.flatten().collect()
    }

    pub(crate) fn next_life(&self) -> Arc<Life> {
        let number = self.lives.fetch_add(1, Ordering::Relaxed) + 1;
        let (keys, board) = (self.keys.clone(), self.board.clone());
        Arc::new(Life::new(number, keys, board, self.config.checks))
    }

    /// How often it was tried to connect.
    pub(crate) fn attempt(&self) -> usize {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Who is asked for a cluster's primaries: these, and those who were known last.
    pub(crate) fn seeds(&self, named: &[Host]) -> Vec<Host> {
        let mut seeds = named.to_vec();
        let known = self.known.lock();
        seeds.extend(known.iter().filter(|host| !named.contains(host)).cloned());
        seeds
    }

    pub(crate) fn remember(&self, primaries: Vec<Host>) {
        *self.known.lock() = primaries;
    }

    /// Starts the task that tends the connections, unless there is one: on this runtime, or else on
    /// the one that this is called on; without any it waits for the next call.
    fn tend(self: &Arc<Self>, runtime: Option<Handle>) {
        if self.is_tended.load(Ordering::Acquire) {
            return;
        }
        let Some(runtime) = runtime.or_else(|| Handle::try_current().ok()) else {
            return;
        };
        if !self.is_tended.swap(true, Ordering::AcqRel) {
            let task = Task {
                server: self.clone(),
                is_done: false,
            };
            runtime.spawn(task.run());
        }
    }

    /// True, and nobody tends it any more, when nobody has joined.
    fn is_left(&self) -> bool {
        self.forget_gone();
        let members = self.members.lock();
        if members.is_empty() {
            self.is_tended.store(false, Ordering::Release);
        }
        members.is_empty()
    }

    async fn run(self: &Arc<Self>) {
        let mut pauses = Pauses::default();
        while !self.is_left() {
            self.attempts.fetch_add(1, Ordering::Relaxed);
            let mut lasted = Duration::ZERO;
            match opening::open(self).await {
                Ok(opened) => {
                    let begun = Instant::now();
                    self.live(opened).await;
                    lasted = begun.elapsed();
                }
                Err(reason) => self.board.down(reason.into()),
            }
            tokio::time::sleep(pauses.next(lasted)).await;
        }
    }

    /// Until the generation's life is over.
    async fn live(self: &Arc<Self>, Opened { epoch, seats }: Opened) {
        epoch.life.begin(epoch.is_tracked());
        *self.epoch.write() = Some(epoch.clone());
        tokio::select! {
            () = epoch.life.over() => {}
            () = beat::beat(&epoch, &self.keys) => {}
            () = self.seat(&epoch, seats) => epoch.life.close(),
        }
        *self.epoch.write() = None;
    }

    /// Lets those through who have taken a seat, and those who join later; until nobody is left.
    async fn seat(self: &Arc<Self>, epoch: &Arc<Epoch>, mut seats: Vec<Arc<Seat>>) {
        let mut opening = JoinSet::new();
        while !self.members.lock().is_empty() {
            for seat in seats.drain(..) {
                opening.spawn(let_through(self.clone(), epoch.clone(), seat));
            }
            tokio::select! {
                () = self.changed.notified() => {}
                () = tokio::time::sleep(ROUNDS) => self.forget_gone(),
                Some(Err(error)) = opening.join_next() => {
                    epoch.life.end(format!("a cache could not take up the link: {error}"));
                }
            }
            let late = self
                .members()
                .into_iter()
                .filter(|member| !epoch.life.has(member));
            seats = late.map(|member| Arc::new(Seat::new(member))).collect();
            match epoch.watch(&seats, &self.watched(&seats)).await {
                Ok(()) => {}
                Err(Watch::Refused(error)) => epoch.life.end(refusal::meaning(&error)),
                Err(Watch::Lost(reason)) => epoch.life.end(reason),
            }
        }
    }
}

/// Has a member say and ask first what it must; then its calls go through.
async fn let_through(server: Arc<Server>, epoch: Arc<Epoch>, seat: Arc<Seat>) {
    let link = MemberLink::within(server, seat.member.clone(), epoch.clone());
    match seat.member.hearer().opened(&link as &dyn Link).await {
        Ok(()) => epoch.life.open(&seat),
        Err(Down(reason)) => epoch.life.end(reason),
    }
}

/// The task. If its runtime ends, the next call starts another.
struct Task {
    server: Arc<Server>,
    is_done: bool,
}

impl Task {
    async fn run(mut self) {
        self.server.run().await;
        self.is_done = true;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let epoch = self.server.epoch.write().take();
        if let Some(epoch) = epoch {
            epoch
                .life
                .end("the runtime that tended the connections has ended");
        }
        self.server.is_tended.store(false, Ordering::Release);
    }
}

/// How long to wait before the next attempt.
#[derive(Default)]
struct Pauses {
    failed: u32,
}

impl Pauses {
    /// The last generation lasted so long.
    fn next(&mut self, lasted: Duration) -> Duration {
        if lasted >= LASTED {
            self.failed = 0;
        }
        let doubled = PAUSE_MIN.saturating_mul(1 << self.failed.min(16));
        self.failed += 1;
        let longest = doubled.min(PAUSE_MAX);
        longest.mul_f64(0.5 + 0.5 * fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_but_stay_below_a_second_and_begin_anew_after_a_good_time() {
        let mut pauses = Pauses::default();
        let short = Duration::ZERO;
        let all: Vec<Duration> = (0..20).map(|_| pauses.next(short)).collect();
        assert!(all[0] <= PAUSE_MIN && all[0] >= PAUSE_MIN / 2);
        assert!(all[19] <= PAUSE_MAX && all[19] >= PAUSE_MAX / 2);
        assert!(all.iter().all(|pause| *pause < Duration::from_secs(1)));
        assert!(pauses.next(LASTED) <= PAUSE_MIN);
    }
}
