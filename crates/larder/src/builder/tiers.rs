//! The tiers under memory that a program gives its caches, said in one place.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Builder;
use crate::cache::Sharing;
use crate::key::CacheKey;
use crate::tier::codec::Typed;
use crate::tier::disk::Disk;

/// What stands under the memory of a program's caches: nothing, a disk, a store that processes share, or
/// both. Who knows where they are makes it once; who builds caches takes it and needs to know neither.
///
/// ```
/// use larder::{BuildError, Cache, Disk, Tiers};
///
/// fn open(tiers: &Tiers) -> Result<Cache<u64, String>, BuildError> {
///     Cache::builder("users").tiers(tiers).build()
/// }
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path();
/// let users = open(&Tiers::default().disk(Disk::at(path)))?;
/// assert!(path.join("users.redb").exists());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tiers {
    disk: Option<Disk>,
    sharing: Option<Sharing>,
}

impl Tiers {
    /// With a disk: each cache has a file of its own in its directory, and its limit for itself.
    #[must_use]
    pub fn disk(mut self, disk: Disk) -> Self {
        self.disk = Some(disk);
        self
    }

    /// With a store that processes share.
    #[must_use]
    pub fn remote(mut self, sharing: impl Into<Sharing>) -> Self {
        self.sharing = Some(sharing.into());
        self
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Builder<K, V> {
    /// As [`disk`](Self::disk) and [`remote`](Self::remote), with those of the program that there are.
    #[must_use]
    pub fn tiers(mut self, tiers: &Tiers) -> Self
    where
        V: Serialize + DeserializeOwned,
    {
        if let Some(disk) = &tiers.disk {
            self = self.disk(disk.clone());
        }
        if let Some(sharing) = &tiers.sharing {
            self = self.remote(sharing.clone());
        }
        self
    }
}

/// How values become bytes for the tiers under memory, where there are some.
pub(super) fn typed_of<V>(
    disk: Option<&(Disk, Typed<V>)>,
    sharing: Option<&(Sharing, Typed<V>)>,
) -> Option<Typed<V>> {
    let shared = sharing.map(|(_, typed)| *typed);
    disk.map(|(_, typed)| *typed).or(shared)
}
