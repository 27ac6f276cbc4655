//! How a cache uses the store that it shares.

use std::sync::Arc;
use std::time::Duration;

use crate::remote::Remote;
use crate::tier::codec::{Codec, Compression};

/// The longest name of a trace, in bytes.
const TRACE_BYTES_MAX: usize = 128;

/// A store that processes share, and what a cache does with and without it.
///
/// ```
/// use std::time::Duration;
/// use larder::remote::Remote;
/// use larder::{BuildError, Cache, CutOff, Sharing};
///
/// fn open(server: impl Remote + 'static) -> Result<Cache<u64, String>, BuildError> {
///     let sharing = Sharing::over(server)
///         .staleness(Duration::from_millis(500))
///         .cut_off(CutOff::Stale(Duration::from_secs(60)))
///         .strict();
///     Cache::builder("users").remote(sharing).build()
/// }
/// ```
#[derive(Clone)]
pub struct Sharing {
    pub(crate) remote: Arc<dyn Remote>,
    pub(crate) staleness: Duration,
    pub(crate) cut_off: CutOff,
    pub(crate) is_strict: bool,
    pub(crate) reclaims_per_second: Option<u32>,
    pub(crate) loads_per_second: Option<u32>,
    pub(crate) one_in: u32,
    pub(crate) codec: Codec,
    pub(crate) compression: Compression,
    context: Option<fn() -> Option<String>>,
}

/// What is served while there is no link to the shared store. The promise is kept by the first and the
/// last; the second says of what it serves that it is [stale](crate::Entry::is_stale).
///
/// ```
/// assert_eq!(larder::CutOff::default(), larder::CutOff::Short);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CutOff {
    /// What this process loads itself, for the [staleness](Sharing::staleness) after its load began:
    /// the origin sees a load of a key from each process in that time, and the promise holds.
    #[default]
    Short,
    /// What memory holds, marked as stale, for this long after the link was lost; then as
    /// [`CutOff::Short`]. Invalidations of other processes are not heard meanwhile.
    Stale(Duration),
    /// [`Error::CutOff`](crate::Error::CutOff).
    Error,
}

impl Sharing {
    /// The latest that another process's invalidation takes effect here, unless set: 1 s.
    pub const DEFAULT_STALENESS: Duration = Duration::from_secs(1);

    /// One key in so many is sampled for the auditor, unless set.
    pub const DEFAULT_AUDIT: u32 = 1_024;

    /// Shares `remote` with other processes.
    pub fn over(remote: impl Remote + 'static) -> Self {
        Self {
            remote: Arc::new(remote),
            staleness: Self::DEFAULT_STALENESS,
            cut_off: CutOff::default(),
            is_strict: false,
            reclaims_per_second: None,
            loads_per_second: None,
            one_in: Self::DEFAULT_AUDIT,
            codec: Codec::default(),
            compression: Compression::default(),
            context: None,
        }
    }

    /// The latest that another process's invalidation takes effect here after it was acknowledged;
    /// at least 100 ms. A quarter of it is the interval of the heartbeats.
    #[must_use]
    pub const fn staleness(mut self, staleness: Duration) -> Self {
        self.staleness = staleness;
        self
    }

    /// What is served while there is no link.
    #[must_use]
    pub const fn cut_off(mut self, cut_off: CutOff) -> Self {
        self.cut_off = cut_off;
        self
    }

    /// Makes writes and invalidations that the store did not acknowledge errors
    /// ([`Error::NotEverywhere`](crate::Error::NotEverywhere)) instead of
    /// [`Applied::Here`](crate::Applied::Here). They are sent later all the same.
    #[must_use]
    pub const fn strict(mut self) -> Self {
        self.is_strict = true;
        self
    }

    /// Takes what this process's invalidations of many (tags, prefixes, patterns, all) have made invalid
    /// out of the store, in the background: as [`Cache::reclaim`](crate::Cache::reclaim), once after each
    /// burst of them, with a look at no more than this many entries a second. Not unless set: what is invalid
    /// is not served, and leaves when its time is over or the server needs its room.
    #[must_use]
    pub const fn reclaim(mut self, entries_per_second: u32) -> Self {
        self.reclaims_per_second = Some(entries_per_second);
        self
    }

    /// The most loads that this process begins in a second, for half a minute after the link has come
    /// back: a server that lost its values sends all that is asked for to the origin. Each key is loaded
    /// once among all processes in any case; so the origin sees this rate times the processes. Not
    /// limited unless set. A load that would have to wait for longer than the policy's hard time-out is
    /// [`Error::Paced`](crate::Error::Paced) at once, or served stale where the policy allows that.
    #[must_use]
    pub const fn loads_per_second_after_reconnect(mut self, loads: u32) -> Self {
        self.loads_per_second = Some(loads);
        self
    }

    /// Samples one key in `one_in` for the [auditor](crate::audit), the same keys in all processes that
    /// are set alike; none for 0. Hits on other keys cost nothing for it.
    #[must_use]
    pub const fn audit(mut self, one_in: u32) -> Self {
        self.one_in = one_in;
        self
    }

    /// Has invalidations and writes carry the trace that they belong to: what `context` returns when one is
    /// sent, a `traceparent` of W3C Trace Context, of at most 128 bytes; nothing more is sent where it returns
    /// `None`, as it should for what is not sampled. The processes that apply it then emit a `tracing` span `invalidation applied` with that as a field, for a
    /// subscriber to put under it. None unless set. Processes that know nothing of it ignore it.
    ///
    /// ```
    /// # use larder::{Sharing, remote::Remote};
    /// fn traced(server: impl Remote + 'static, current: fn() -> Option<String>) -> Sharing {
    ///     Sharing::over(server).trace_context(current)
    /// }
    /// ```
    #[must_use]
    pub const fn trace_context(mut self, context: fn() -> Option<String>) -> Self {
        self.context = Some(context);
        self
    }

    /// The trace that what is sent now belongs to.
    pub(super) fn trace(&self) -> Option<String> {
        let context = self.context?;
        context().filter(|trace| !trace.is_empty() && trace.len() <= TRACE_BYTES_MAX)
    }

    /// The setting that is outside its range, with what was given and expected.
    pub(crate) fn fault(&self) -> Option<(&'static str, String, &'static str)> {
        if self.staleness < Duration::from_millis(100) {
            let given = format!("{:?}", self.staleness);
            return Some(("staleness", given, "at least 100 ms"));
        }
        if self.reclaims_per_second == Some(0) {
            return Some(("reclaim", "0".into(), "at least 1 entry a second"));
        }
        if self.loads_per_second == Some(0) {
            let setting = "loads_per_second_after_reconnect";
            return Some((setting, "0".into(), "at least 1"));
        }
        None
    }

    /// The format of new values; [`Codec::MessagePack`] unless set.
    #[must_use]
    pub const fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// How large values are compressed; [`Compression::Lz4`] unless set.
    #[must_use]
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }
}

impl<R: Remote + 'static> From<R> for Sharing {
    fn from(remote: R) -> Self {
        Self::over(remote)
    }
}

impl std::fmt::Debug for Sharing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sharing")
            .field("staleness", &self.staleness)
            .field("cut_off", &self.cut_off)
            .field("is_strict", &self.is_strict)
            .field("one_in", &self.one_in)
            .finish_non_exhaustive()
    }
}
