//! What a cache asks of a store that it shares with other processes, and what that store tells it.
//!
//! ```text
//!             ┌───────────── Link: read, acquire, fill, invalidate, log … ────────────┐
//! cache ──────┤                                                                       ├── server
//!             └── Hearer: this key changed, the log changed, vouched for, epoch over ─┘
//! ```
//! The cache knows what a value is, when it is valid and what to do without a link; a [`Remote`]
//! knows servers, connections and scripts. The protocol between the two and its reasons stand in
//! `docs/protocol.md`. Bytes in, bytes out. Must not know caches, tiers or policies.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Tick;

/// The future of a call.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A server, or a cluster of them, that is connected to when it is first needed and again whenever
/// the connection is lost.
pub trait Remote: Send + Sync {
    /// Joins a namespace. Called once by each cache, when it is built; never blocks, and an absent
    /// server is a state and no error.
    ///
    /// # Errors
    /// A text, if the namespace cannot be joined as it is configured: another cache of this process
    /// has joined it here.
    fn join(&self, membership: Membership) -> Result<Arc<dyn Link>, String>;
}

/// What a cache brings when it joins.
#[derive(Clone)]
pub struct Membership {
    /// `[A-Za-z0-9_.-]+`.
    pub namespace: Arc<str>,
    /// Told of what happens. It does not keep the cache: once that is gone it says so.
    pub hearer: Arc<dyn Hearer>,
    /// How late another process's invalidation may be seen: the promise's X.
    pub staleness: Duration,
    /// Where connections are tended; without one, where it joins, or else where the first call is made.
    pub runtime: Option<tokio::runtime::Handle>,
}

/// What a namespace's server has, and does, for one cache. Each call is one round trip. A call may be
/// made late or twice without harm, so nothing is retried but what says so. A call whose future is
/// dropped may or may not have been made, and nobody is told that it failed.
///
/// A `trace` names the trace that a change belongs to: text for the other processes
/// ([`Hearer::key_changed`], [`LogNews::traces`]), without which the change is as good, and which may be
/// lost on the way.
///
/// # Errors
/// All calls return [`Down`] at once while there is no link, when the server refuses, and no later
/// than the promise's X after they were sent (each trip of a call that needs several); what was sent
/// may have been done. When that is not known, and whenever an invalidation is not acknowledged, the
/// connection is over: [`Hearer::ended`] has been called before the call returns.
pub trait Link: Send + Sync {
    /// The entry of a key. `have`: the version of the one that is held already. How long an entry is kept
    /// yet may be told of another that it has just taken the place of, unless it is the one that is held:
    /// no longer is to be believed than its header says.
    ///
    /// Whether the server takes writes is not asked here: what was read is of use only if it has been
    /// [vouched](Hearer::vouched) for within X when the answer is looked at.
    fn read<'a>(&'a self, key: &'a str, have: Option<u64>) -> Later<'a, Result<Read, Down>>;

    /// [`read`](Self::read) for several keys, each with the version that is held of it, in one trip a
    /// server.
    fn read_many<'a>(
        &'a self,
        keys: &'a [(&'a str, Option<u64>)],
    ) -> Later<'a, Result<Vec<Read>, Down>>;

    /// Asks for the lease of a key, for a load.
    fn acquire<'a>(&'a self, key: &'a str, want: Want) -> Later<'a, Result<Acquired, Down>>;

    /// Stores an entry if the lease is still this token's and the key is as when it was acquired; ends
    /// the lease either way. `life`: until the server lets it expire.
    fn fill<'a>(
        &'a self,
        key: &'a str,
        token: u64,
        entry: Vec<u8>,
        life: Option<Duration>,
        trace: Option<&'a str>,
    ) -> Later<'a, Result<Filled, Down>>;

    /// As [`fill`](Self::fill), with nothing stored: whether the lease was unbroken.
    fn seal<'a>(&'a self, key: &'a str, token: u64) -> Later<'a, Result<bool, Down>>;

    /// Puts a new header before the payload of the entry of this version, under a lease, which ends as
    /// it does for [`fill`](Self::fill).
    fn extend<'a>(
        &'a self,
        key: &'a str,
        token: u64,
        version: u64,
        header: Vec<u8>,
        life: Option<Duration>,
    ) -> Later<'a, Result<Filled, Down>>;

    /// Has the lease last for `lease` from now on, if it is still this token's; whether it is.
    fn renew<'a>(
        &'a self,
        key: &'a str,
        token: u64,
        lease: Duration,
    ) -> Later<'a, Result<bool, Down>>;

    /// Ends the lease if it is this token's.
    fn release<'a>(&'a self, key: &'a str, token: u64) -> Later<'a, Result<(), Down>>;

    /// Takes keys out and ends their leases; all who hold them are told.
    fn invalidate<'a>(
        &'a self,
        keys: &'a [&'a str],
        trace: Option<&'a str>,
    ) -> Later<'a, Result<(), Down>>;

    /// [`invalidate`](Self::invalidate) for one key, whose lease is this token's then.
    fn supplant<'a>(
        &'a self,
        key: &'a str,
        want: Want,
        trace: Option<&'a str>,
    ) -> Later<'a, Result<(), Down>>;

    /// Puts a new header before the payload of the entry of this version; false if another stands.
    fn soften<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        header: Vec<u8>,
        trace: Option<&'a str>,
    ) -> Later<'a, Result<bool, Down>>;

    /// Takes out an entry that is known to be of no use to anybody, if this is still its header and no
    /// lease of the key is given. The bytes that it had, 0 if it stands.
    fn reclaim<'a>(&'a self, key: &'a str, header: &'a [u8]) -> Later<'a, Result<u64, Down>>;

    /// Records items in the namespace's invalidation log, if any are given, and returns what is new
    /// since `known`.
    fn log<'a>(
        &'a self,
        known: Option<LogPlace>,
        items: &'a [Vec<u8>],
        trace: Option<&'a str>,
    ) -> Later<'a, Result<LogNews, Down>>;

    /// Returns when every change that was made at the server before this call has been told; an error
    /// where the server tells of none.
    fn caught_up(&self) -> Later<'_, Result<(), Down>>;

    /// Some of the namespace's entries, by key and header, from `cursor` on (0 begins); with the next
    /// cursor, 0 at the end. What moves from one server to another meanwhile may be missed.
    fn scan(&self, cursor: u64) -> Later<'_, Result<Scanned, Down>>;

    /// Appends a record to the namespace's stream of samples, whose oldest are given up.
    fn append(&self, record: Vec<u8>) -> Later<'_, Result<RecordId, Down>>;

    /// Which life of its data the key's server is in; compared for equality.
    fn incarnation(&self, key: &str) -> u64;

    /// The link as people see it.
    fn state(&self) -> LinkState;
}

/// Who is told of what happens to a namespace. Called in the order in which the server says it, on the
/// thread that reads from it: it must not wait.
pub trait Hearer: Send + Sync {
    /// Whether the cache is gone: then the link may be given up.
    fn is_gone(&self) -> bool;

    /// This moment, by the clock of what is told.
    fn now(&self) -> Tick;

    /// The entry of the key may be another one. A change that another process gave a trace is told with
    /// it once, and may be told without it too, before or after.
    fn key_changed(&self, key: &str, trace: Option<&str>);

    /// Where the log of invalidations is now; `None`: it has changed, and where it is is not known.
    fn log_at(&self, place: Option<LogPlace>);

    /// All that was changed at the server before `sent` has been told. Where the server does not tell of
    /// changes ([`LinkState::is_tracked`]), that is so for the place of the log only.
    fn vouched(&self, sent: Tick);

    /// The connection is lost or not to be trusted: nothing is vouched for any more, and what is known
    /// may be old.
    fn ended(&self);

    /// A new connection stands. Whatever has to be said or asked before others use it is, through
    /// `link`; an error gives the connection up.
    fn opened<'a>(&'a self, link: &'a dyn Link) -> Later<'a, Result<(), Down>>;
}

/// A cursor to go on from, 0 at the end, and entries by key and header.
pub type Scanned = (u64, Vec<(String, Vec<u8>)>);

/// Where a record stands in a namespace's stream: the server's time at its arrival, and a number among
/// those of one millisecond. It never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// Milliseconds since 1970.
    pub millis: u64,
    /// From 0 on.
    pub number: u64,
}

/// What a lease is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// Who asks: a random number, and the version of what will be stored.
    pub token: u64,
    /// How long the lease lasts at most.
    pub lease: Duration,
    /// The version of an entry that is not wanted.
    pub unlike: Option<u64>,
    /// The lookup version that the load is for.
    pub lookup: Option<u64>,
}

/// What a key has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// No entry.
    Nothing,
    /// An entry, and how long the server keeps it yet; `None` is for ever.
    Entry(Vec<u8>, Option<Duration>),
    /// The entry that is held already: its header, and how long the server keeps it yet.
    Same(Vec<u8>, Option<Duration>),
}

/// Whether a lease was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// An entry stands: its bytes, and how long the server keeps it yet.
    Stands(Vec<u8>, Option<Duration>),
    /// Another has the lease, for so long at most, to load for this lookup version.
    Leased(Duration, Option<u64>),
    /// It is the token's.
    Ours,
}

/// What became of an entry that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// It stands.
    Stored,
    /// The key was written or invalidated since the lease was given, or the lease had run out.
    Overtaken,
    /// The server has no room for it, or it is larger than may be stored. The lease stands.
    Refused,
}

/// A place in a log of invalidations: which log, and the number of its last item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogPlace {
    /// Which log: another number after the log was lost, and where its server's data are in another
    /// life ([`Link::incarnation`]), for an older copy of a log goes on with other items.
    pub base: u64,
    /// The number of its last item.
    pub top: u64,
}

/// What is new in a log of invalidations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogNews {
    /// Where the log is.
    pub place: LogPlace,
    /// What has a lower number is invalid.
    pub floor: u64,
    /// Whether `items` is all that is above the floor, and not what is new.
    pub is_whole: bool,
    /// Numbers and items, in the order of the numbers.
    pub items: Vec<(u64, Vec<u8>)>,
    /// The traces that items belong to, by the number of the last of them, as far as they are told.
    pub traces: Vec<(u64, Box<str>)>,
}

/// There is no link, or the server did not answer as it should. The text is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Down(pub Arc<str>);

/// A link as people see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkState {
    /// Whether calls are made.
    pub is_up: bool,
    /// Why it is not up, and what to do; while it is up, what the server refuses all the same.
    pub reason: Option<String>,
    /// How often it has come up.
    pub opened: u64,
    /// Whether the server tells of changes.
    pub is_tracked: bool,
    /// Calls that failed.
    pub errors: u64,
    /// The last heartbeat's round trip.
    pub round_trip: Option<Duration>,
}

/// The shared store's figures since the cache was built; a reset leaves them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteStats {
    /// The link.
    pub link: LinkState,
    /// Whether what memory holds is served now: the server has vouched that all was told.
    pub is_trusted: bool,
    /// Reads that found a valid entry.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Reads of a header alone, for what was held already.
    pub revalidated: u64,
    /// Values stored.
    pub fills: u64,
    /// Stored values whose life was prolonged, because a load found them not modified.
    pub extended: u64,
    /// Values not stored, because their key was written or invalidated while they were loaded.
    pub overtaken: u64,
    /// Values that the server did not take: it was full, or they were too large.
    pub refused: u64,
    /// Entries found damaged, foreign or of no use to the value's type.
    pub undecodable: u64,
    /// Entries found that an invalidation, another life of the server, or another schema has made invalid.
    pub invalid: u64,
    /// Times that a load waited for another process's.
    pub leased: u64,
    /// Values kept for the promise's time alone, because there was no lease for them.
    pub short: u64,
    /// Invalid entries taken out by [`Cache::reclaim`](crate::Cache::reclaim).
    pub reclaimed: u64,
    /// Invalidations that wait to be sent.
    pub waiting: u64,
    /// Samples for the [auditor](crate::audit); `None` where none are taken.
    pub samples: Option<SampleStats>,
}

/// What became of samples for the auditor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SampleStats {
    /// One key in so many is sampled.
    pub one_in: u32,
    /// What this instance is called in the auditor's cases: a random number.
    pub instance: u64,
    /// Samples that were taken.
    pub taken: u64,
    /// Those that were appended to the namespace's stream.
    pub appended: u64,
    /// Those that were given up, as too many waited.
    pub lost: u64,
}

/// The bytes that an entry of this version begins with: by them a server tells versions apart.
///
/// ```
/// let head = larder::remote::head(7);
/// assert_eq!(larder::remote::version_of(&head), Some(7));
/// assert_eq!(larder::remote::version_of(b"something else"), None);
/// ```
#[must_use]
pub fn head(version: u64) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..4].copy_from_slice(&MAGIC);
    head[4..].copy_from_slice(&version.to_le_bytes());
    head
}

/// The version of an entry that begins with these bytes; `None` if it is no entry.
#[must_use]
pub fn version_of(entry: &[u8]) -> Option<u64> {
    let (magic, rest) = entry.split_at_checked(4)?;
    let version = rest.get(..8)?.try_into().ok()?;
    (magic == MAGIC).then(|| u64::from_le_bytes(version))
}

/// Whether bytes are an entry in a format that only a newer program knows.
pub(crate) fn is_of_newer_format(entry: &[u8]) -> bool {
    let ours = &MAGIC[..MAGIC.len() - 1];
    let format = entry.strip_prefix(ours).and_then(<[u8]>::first);
    format.is_some_and(|format| *format > MAGIC[ours.len()])
}

/// Magic and format of an entry.
const MAGIC: [u8; 4] = *b"LdR\x01";
/// Bytes of a [`head`]. The two that follow are the length of the whole header, little-endian.
pub const HEAD_BYTES: usize = 12;
