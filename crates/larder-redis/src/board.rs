//! How the link is, for people: kept for those who ask, logged when it changes.
//!
//! Must not know why it changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

/// The state of one server's link.
pub(crate) struct Board {
    server: String,
    trouble: Mutex<Trouble>,
    is_full: AtomicBool,
    round_trip_us: AtomicU64,
    /// The length of values that were too large, as the bits that it takes: those that were logged.
    too_large: AtomicU64,
}

struct Trouble {
    /// Why it is not up; `None` while it is.
    down: Option<Arc<str>>,
    is_tracked: bool,
}

/// What is said before anything was tried.
const NOT_YET: &str = "not connected yet";
/// None has been measured.
const NO_ROUND_TRIP: u64 = u64::MAX;

impl Board {
    pub(crate) fn new(server: String) -> Self {
        Self {
            server,
            trouble: Mutex::new(Trouble {
                down: Some(NOT_YET.into()),
                is_tracked: false,
            }),
            is_full: AtomicBool::new(false),
            round_trip_us: AtomicU64::new(NO_ROUND_TRIP),
            too_large: AtomicU64::new(0),
        }
    }

    /// Why it is not up.
    pub(crate) fn down_reason(&self) -> Arc<str> {
        let trouble = self.trouble.lock();
        trouble.down.clone().unwrap_or_else(|| NOT_YET.into())
    }

    pub(crate) fn is_tracked(&self) -> bool {
        self.trouble.lock().is_tracked
    }

    /// What is wrong, if something is.
    pub(crate) fn reason(&self) -> Option<String> {
        let down = self.trouble.lock().down.as_deref().map(str::to_owned);
        let full = || self.is_full.load(Ordering::Relaxed);
        down.or_else(|| full().then(|| crate::refusal::FULL.to_owned()))
    }

    pub(crate) fn round_trip(&self) -> Option<Duration> {
        let micros = self.round_trip_us.load(Ordering::Relaxed);
        (micros != NO_ROUND_TRIP).then(|| Duration::from_micros(micros))
    }

    pub(crate) fn note_round_trip(&self, round_trip: Duration) {
        let micros = round_trip.as_micros() as u64;
        self.round_trip_us.store(micros, Ordering::Relaxed);
    }

    pub(crate) fn up(&self, is_tracked: bool) {
        let mut trouble = self.trouble.lock();
        if trouble.down.is_some() {
            tracing::info!(server = self.server, is_tracked, "the remote tier is up");
        }
        *trouble = Trouble {
            down: None,
            is_tracked,
        };
    }

    /// Not up, and why.
    pub(crate) fn down(&self, reason: Arc<str>) {
        let mut trouble = self.trouble.lock();
        if trouble.down.as_ref() != Some(&reason) {
            tracing::warn!(server = self.server, %reason, "the remote tier is down");
        }
        trouble.down = Some(reason);
        self.round_trip_us.store(NO_ROUND_TRIP, Ordering::Relaxed);
    }

    /// Not up, as nobody needs it.
    pub(crate) fn unused(&self) {
        self.trouble.lock().down = Some(NOT_YET.into());
    }

    /// Whether the server has refused the last value that it was to store, for want of memory.
    pub(crate) fn full(&self, is_full: bool) {
        if self.is_full.load(Ordering::Relaxed) == is_full {
            return;
        }
        self.is_full.store(is_full, Ordering::Relaxed);
        if is_full {
            let reason = crate::refusal::FULL;
            tracing::warn!(server = self.server, reason, "the remote tier is full");
        } else {
            tracing::info!(server = self.server, "the remote tier stores again");
        }
    }

    /// A value was not sent. Logged once for each doubling of the size.
    pub(crate) fn too_large(&self, namespace: &str, bytes: usize, max_value_bytes: usize) {
        let size = 1 << bytes.ilog2();
        if self.too_large.fetch_or(size, Ordering::Relaxed) & size == 0 {
            tracing::warn!(
                server = self.server,
                namespace,
                bytes,
                max_value_bytes,
                "a value is larger than the remote tier takes: it is kept in this process alone"
            );
        }
    }

    /// The heartbeat takes so long that the link may be taken for dead.
    pub(crate) fn slow(&self, round_trip: Duration, staleness: Duration) {
        tracing::warn!(
            server = self.server,
            ?round_trip,
            ?staleness,
            "the remote tier answers slowly: raise the staleness that is allowed, or the link flaps"
        );
    }
}
