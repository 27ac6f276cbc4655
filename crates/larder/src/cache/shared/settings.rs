//! How a cache uses the store that it shares.

use std::sync::Arc;
use std::time::Duration;

use crate::remote::Remote;
use crate::tier::codec::{Codec, Compression};

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
    pub(crate) codec: Codec,
    pub(crate) compression: Compression,
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

    /// Shares `remote` with other processes.
    pub fn over(remote: impl Remote + 'static) -> Self {
        Self {
            remote: Arc::new(remote),
            staleness: Self::DEFAULT_STALENESS,
            cut_off: CutOff::default(),
            is_strict: false,
            codec: Codec::default(),
            compression: Compression::default(),
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

    /// The setting that is outside its range, with what was given and expected.
    pub(crate) fn fault(&self) -> Option<(&'static str, String, &'static str)> {
        let is_short = self.staleness < Duration::from_millis(100);
        is_short.then(|| {
            let given = format!("{:?}", self.staleness);
            ("staleness", given, "at least 100 ms")
        })
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
            .finish_non_exhaustive()
    }
}
