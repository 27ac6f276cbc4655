//! What the cache has of a key, as the model knows it.

use std::time::Duration;

use super::steps::{At, Change, STALE, Settings};

/// A value that is stored, or that it is known that there is none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    /// `None`: there is none.
    pub(super) value: Option<u64>,
    pub(super) at: At,
    pub(super) settings: Settings,
    pub(super) fresh_until: Duration,
    kept_until: Duration,
    /// By a tag: then the stale window is not measured.
    pub(super) is_expired: bool,
}

impl Stored {
    pub(super) fn value(value: u64, at: At, settings: Settings, until: Duration) -> Self {
        Self {
            value: Some(value),
            at,
            settings,
            fresh_until: until,
            kept_until: until + STALE,
            is_expired: false,
        }
    }

    pub(super) fn absence(at: At, settings: Settings, until: Duration) -> Self {
        Self {
            value: None,
            kept_until: until,
            ..Self::value(0, at, settings, until)
        }
    }

    /// Whether it is what a call at this lookup version asks for.
    pub(super) fn is_at(&self, at: At) -> bool {
        at.is_none() || self.at == at
    }

    pub(super) fn is_fresh(&self, now: Duration) -> bool {
        self.fresh_until > now && !self.is_expired
    }

    /// What stands in for a load that fails, and is shown to one that runs.
    pub(super) fn former(&self, now: Duration) -> Former {
        match self.value {
            Some(value) if self.kept_until > now => {
                if self.is_expired {
                    Former::Perhaps(value)
                } else if now < self.fresh_until + STALE {
                    Former::Is(value)
                } else {
                    Former::None
                }
            }
            _ => Former::None,
        }
    }

    /// What is left of it when this has happened, which matches it.
    pub(super) fn changed(self, change: Change, now: Duration) -> Option<Self> {
        match change {
            // That there is no value is never told as something stale.
            _ if self.value.is_none() || !change.is_soft() => None,
            // What is past its time already stays as it is.
            Change::Expire(_) => Some(Self {
                fresh_until: self.fresh_until.min(now),
                ..self
            }),
            _ => Some(Self {
                is_expired: true,
                ..self
            }),
        }
    }
}

/// A stale value that may still be of use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Former {
    None,
    Perhaps(u64),
    Is(u64),
}

impl Former {
    pub(super) fn allows(self, value: Option<u64>) -> bool {
        match self {
            Self::None => value.is_none(),
            Self::Perhaps(former) => value.is_none_or(|value| value == former),
            Self::Is(former) => value == Some(former),
        }
    }
}
