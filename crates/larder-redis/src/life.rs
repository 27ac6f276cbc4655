//! The life of one generation of connections, and who has a seat in it: a namespace is told of
//! changes from when it takes its seat until the life is over, and nothing afterwards.
//!
//! Must not know commands.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use larder::remote::LogPlace;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::board::Board;
use crate::checks::Checks;
use crate::keys::{Changed, Keys};
use crate::member::{Member, Seat};

/// One generation's life. It ends once, for good.
pub(crate) struct Life {
    pub(crate) number: u64,
    pub(crate) board: Arc<Board>,
    pub(crate) checks: Checks,
    keys: Keys,
    /// Whether it has got so far that its end is news.
    has_begun: AtomicBool,
    is_over: AtomicBool,
    /// Held while it ends and while it vouches, so that nothing is vouched for after the end.
    gate: Mutex<()>,
    reason: OnceLock<Arc<str>>,
    seats: RwLock<BTreeMap<Arc<str>, Arc<Seat>>>,
    sockets: Mutex<Vec<AbortHandle>>,
    over: Notify,
}

impl Life {
    pub(crate) fn new(number: u64, keys: Keys, board: Arc<Board>, checks: Checks) -> Self {
        Self {
            number,
            board,
            checks,
            keys,
            has_begun: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            gate: Mutex::new(()),
            reason: OnceLock::new(),
            seats: RwLock::default(),
            sockets: Mutex::default(),
            over: Notify::new(),
        }
    }

    /// A socket that is closed when the life ends.
    pub(crate) fn holds(&self, socket: AbortHandle) {
        self.sockets.lock().push(socket);
        if self.is_over() {
            self.close_sockets();
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Why it ended, when it has.
    pub(crate) fn reason(&self) -> Arc<str> {
        let reason = self.reason.get().cloned();
        reason.unwrap_or_else(|| "the connection is ending".into())
    }

    /// Says that all is ready.
    pub(crate) fn begin(&self, is_tracked: bool) {
        let _gate = self.gate.lock();
        if !self.is_over() {
            self.has_begun.store(true, Ordering::Release);
            self.board.up(is_tracked);
        }
    }

    /// Ends it. All seats have been told, and their calls lead nowhere, when this returns.
    pub(crate) fn end(&self, reason: impl Into<Arc<str>>) {
        let reason = reason.into();
        if self.end_for(&reason) {
            self.board.down(reason);
        }
    }

    /// Ends it as nobody needs it.
    pub(crate) fn close(&self) {
        if self.end_for(&"nobody uses it".into()) {
            self.board.unused();
        }
    }

    /// Whether its end is news.
    fn end_for(&self, reason: &Arc<str>) -> bool {
        let _gate = self.gate.lock();
        if self.is_over() {
            return false;
        }
        let _ = self.reason.set(reason.clone());
        self.is_over.store(true, Ordering::Release);
        for seat in self.seats() {
            seat.member.leaves(self.number);
            seat.member.hearer().ended();
        }
        self.close_sockets();
        self.over.notify_waiters();
        self.has_begun.load(Ordering::Acquire)
    }

    fn close_sockets(&self) {
        for socket in self.sockets.lock().drain(..) {
            socket.abort();
        }
    }

    /// Waits for the end.
    pub(crate) async fn over(&self) {
        let over = self.over.notified();
        tokio::pin!(over);
        over.as_mut().enable();
        if !self.is_over() {
            over.await;
        }
    }

    /// Those who have a seat.
    pub(crate) fn seats(&self) -> Vec<Arc<Seat>> {
        self.seats.read().values().cloned().collect()
    }

    /// Whether this very member has a seat.
    pub(crate) fn has(&self, member: &Arc<Member>) -> bool {
        let seats = self.seats.read();
        let seat = seats.get(member.namespace());
        seat.is_some_and(|seat| Arc::ptr_eq(&seat.member, member))
    }

    /// Gives a seat; false when the life is over. From now on it is told of changes, and of the end.
    pub(crate) fn seat(&self, seat: &Arc<Seat>) -> bool {
        let _gate = self.gate.lock();
        let namespace = seat.member.namespace().clone();
        if !self.is_over() {
            self.seats.write().insert(namespace, seat.clone());
        }
        !self.is_over()
    }

    pub(crate) fn unseat(&self, member: &Arc<Member>) {
        if self.has(member) {
            self.seats.write().remove(member.namespace());
        }
    }

    /// Lets a seat's calls through and vouches for when it was taken: what is read through it was read
    /// after the server had begun to tell of changes.
    pub(crate) fn open(&self, seat: &Seat) {
        let _gate = self.gate.lock();
        if self.is_over() {
            return;
        }
        seat.open(self.number);
    }

    /// A heartbeat has been answered that was sent for these seats, with the places of some seats'
    /// logs. The answer may have overtaken the news of what was changed before it, but not of what was
    /// changed before the heartbeat before it: so it vouches for that one; or for itself where there
    /// is no such news.
    pub(crate) fn answered(
        &self,
        seats: &[Arc<Seat>],
        logs: &[(&Arc<Seat>, Option<LogPlace>)],
        is_tracked: bool,
    ) {
        let _gate = self.gate.lock();
        if self.is_over() {
            return;
        }
        for (seat, place) in logs {
            seat.member.hearer().log_at(*place);
        }
        for seat in seats {
            seat.answered(is_tracked);
        }
    }

    /// Tells whom it concerns that what has this name has changed.
    pub(crate) fn changed(&self, name: &[u8]) {
        let Some(changed) = self.keys.parse(name) else {
            return;
        };
        let (Changed::Entry(namespace, _)
        | Changed::Traced(namespace, ..)
        | Changed::Log(namespace)) = changed;
        let Some(seat) = self.seats.read().get(namespace).cloned() else {
            return;
        };
        match changed {
            Changed::Entry(_, key) => seat.member.hearer().key_changed(key, None),
            Changed::Traced(_, key, trace) => seat.member.hearer().key_changed(key, Some(trace)),
            Changed::Log(_) => seat.member.hearer().log_at(None),
        }
    }

    /// The least of its seats' X.
    pub(crate) fn staleness(&self) -> Duration {
        let seats = self.seats.read();
        let all = seats.values().map(|seat| seat.member.membership.staleness);
        all.min().unwrap_or(LONGEST)
    }
}

/// X where nobody says otherwise.
const LONGEST: Duration = Duration::from_secs(1);

/// Ends a life when it is dropped: whatever ends a connection's task ends its generation.
pub(crate) struct EndsLife {
    pub(crate) life: Arc<Life>,
    pub(crate) reason: String,
}

impl Drop for EndsLife {
    fn drop(&mut self) {
        self.life.end(std::mem::take(&mut self.reason));
    }
}
