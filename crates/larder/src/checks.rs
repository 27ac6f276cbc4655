//! The checks that keep an invalidated value from being served, by name: a test can take one out
//! and see whether its checker notices.
//!
//! In a build without the feature `switches` that is no test they all stand, and this is no field and no branch. Knows nothing of what
//! is checked.

/// One of those that keep the promise together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// A load publishes only while its flight is in the table.
    Table,
    /// A load publishes only if nothing recorded since it began matches.
    Stamp,
    /// A load does not publish while something is being recorded.
    Pending,
    /// A get that joins a load is held against what was recorded since that began.
    Joining,
    /// A hit is held against what was recorded since it was stored.
    Hit,
    /// What has a number under the log's floor is invalid.
    Floor,
    /// What a reading of a lower tier found goes into memory only if nothing has fenced the reading.
    Reading,
    /// What a reading of a lower tier found is held against what was recorded since it was stored.
    Beneath,
    /// What is held of a shared store is served only while the store's server vouches for it.
    Gate,
    /// What was read or loaded in an epoch of the link is not stored in a later one.
    Epoch,
    /// What another process has changed is suspect.
    Suspect,
    /// What was invalidated is taken out once more when the shared store has acknowledged that.
    Again,
    /// A load or reading is joined only by those to whom what it brings may be told.
    Together,
    /// What comes from a shared store is held against its log.
    SharedLog,
    /// What a server stored in another life of its data is not served.
    Incarnation,
}

/// Those that a program with the feature `switches` may name.
#[cfg(feature = "switches")]
const ALL: [Check; 8] = [
    Check::Gate,
    Check::Epoch,
    Check::Suspect,
    Check::Again,
    Check::Together,
    Check::SharedLog,
    Check::Incarnation,
    Check::Reading,
];

/// Which checks are made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Checks {
    #[cfg(any(test, feature = "switches"))]
    without: Option<Check>,
}

impl Checks {
    #[cfg(test)]
    pub(crate) const fn without(check: Check) -> Self {
        Self {
            without: Some(check),
        }
    }

    /// All but the one of this name, if there is one.
    #[cfg(feature = "switches")]
    pub(crate) fn without_named(name: &str) -> Option<Self> {
        let mut fitting = ALL.into_iter().filter(|check| format!("{check:?}") == name);
        let without = Some(fitting.next()?);
        Some(Self { without })
    }

    /// Whether this check is made: always, but where a test took it out.
    #[inline]
    #[cfg_attr(
        not(any(test, feature = "switches")),
        expect(clippy::unused_self, reason = "only a test's has something to say")
    )]
    pub(crate) fn stands(self, check: Check) -> bool {
        #[cfg(any(test, feature = "switches"))]
        let is_out = self.without == Some(check);
        #[cfg(not(any(test, feature = "switches")))]
        let (is_out, _) = (false, check);
        !is_out
    }
}
