//! The checks that keep a link honest, by name: with the feature `switches` one can be taken out, to see
//! whether the checker of histories notices.
//!
//! In every other build they all stand, and this is no field and no branch. Knows nothing of what is
//! checked.

/// One of those that keep the promise together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Another life of a server's data is told apart.
    Life,
    /// Heartbeats go over the connection on which the server tells of changes, and its loss is noticed.
    Tracker,
}

/// Which checks are made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Checks {
    #[cfg(feature = "switches")]
    without: Option<Check>,
}

impl Checks {
    /// All but the one of this name, if there is one.
    #[cfg(feature = "switches")]
    pub(crate) fn without(name: &str) -> Option<Self> {
        let all = [Check::Life, Check::Tracker];
        let mut fitting = all.into_iter().filter(|check| format!("{check:?}") == name);
        let without = Some(fitting.next()?);
        Some(Self { without })
    }

    /// Whether this check is made: always, but where it was taken out.
    #[cfg_attr(
        not(feature = "switches"),
        expect(
            clippy::unused_self,
            reason = "only a build with switches has something to say"
        )
    )]
    pub(crate) fn stands(self, check: Check) -> bool {
        #[cfg(feature = "switches")]
        let is_out = self.without == Some(check);
        #[cfg(not(feature = "switches"))]
        let (is_out, _) = (false, check);
        !is_out
    }
}
