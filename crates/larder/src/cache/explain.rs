//! What is known of one key, and why it was missed.

use std::borrow::Borrow;
use std::fmt::{self, Display};
use std::time::Duration;

use super::{Cache, Inner};
use crate::clock::Tick;
use crate::entry::Source;
use crate::error::Error;
use crate::gate::SUSPECT;
use crate::key::{CacheKey, KeyRef};
use crate::log::{Item, Standing};
use crate::misses::{Miss, MissReason};
use crate::notes::Note;
use crate::observe::Event;
use crate::policy::Policy;
use crate::removal::RemovalCause;
use crate::tier::Stored;
use crate::tier::memory::Meta;

/// What a cache knows of a key, from [`Cache::explain`]. Its text is for people to read.
///
/// ```
/// # let users = larder::sync::Cache::<u64, &str>::builder("users").explain(true).build()?;
/// users.peek(&7);
/// let explained = users.explain(&7);
/// assert_eq!((explained.key.as_str(), explained.is_loading), ("7", false));
/// assert!(explained.held.is_none() && explained.last_miss.is_some());
/// # Ok::<_, larder::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The key's text.
    pub key: String,
    /// The entry that is held, fresh or stale.
    pub held: Option<Held>,
    /// Whether it is remembered that the key has no value.
    pub is_absent: bool,
    /// Whether a load of it is running.
    pub is_loading: bool,
    /// The last get that found nothing, among the newest of 4,096 keys; only where the builder was
    /// told to [`explain`](crate::Builder::explain).
    pub last_miss: Option<Miss>,
}

/// An entry, without its value.
///
/// ```
/// # let users = larder::sync::Cache::<u64, &str>::builder("users").explain(true).build()?;
/// users.entry(&7).tags(["team:1"]).insert("Ada")?;
/// let held = users.explain(&7).held.expect("it was just inserted");
/// assert_eq!((held.weight, held.remaining), (1, None)); // it does not expire
/// assert_eq!(held.tags, ["team:1"]);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// The tier that holds it.
    pub source: Source,
    /// Time since it was stored.
    pub age: Duration,
    /// Time until it is stale; `None` if it never is. Zero if it is.
    pub remaining: Option<Duration>,
    /// For how long it may still stand in as a stale value, once it is stale.
    pub usable_stale: Option<Duration>,
    /// Identifies the stored value.
    pub version: u64,
    /// What it takes of memory's capacity; 0 where memory does not hold it.
    pub weight: u32,
    /// How long its load took, to two digits: it is kept to within 6 %. Only where that is kept.
    pub load_cost: Option<Duration>,
    /// Its tags.
    pub tags: Vec<String>,
    /// What the origin calls this state of it.
    pub etag: Option<String>,
    /// The lookup version that it was made from.
    pub at: Option<u64>,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// What is known of a key: the entry that is held, and why the last get found none. Not counted
    /// as a get. O(1), and a look at the disk where memory holds nothing.
    ///
    /// ```
    /// # use larder::{Cache, MissReason};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let users = Cache::<u64, &str>::builder("users").explain(true).build()?;
    /// users.entry(&7).tags(["team:1"]).insert("Ada").await?;
    /// assert_eq!(users.explain(&7).await?.held.unwrap().tags, ["team:1"]);
    ///
    /// users.invalidate_tag("team:1").await?;
    /// assert_eq!(users.peek(&7), None);
    /// let why = users.explain(&7).await?.last_miss.unwrap().reason;
    /// assert!(matches!(why, MissReason::Invalidated { by, .. } if by == "tag team:1"));
    /// # Ok(()) }
    /// ```
    pub async fn explain<Q>(&self, key: &Q) -> Result<Explanation, Error>
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let mut explanation = self.inner.explain(key);
        if explanation.held.is_none() && !explanation.is_absent {
            let stored = self.inner.held_below(&key.to_key()).await;
            explanation.is_absent = stored.as_ref().is_some_and(|stored| stored.value.is_none());
            let held = stored.filter(|stored| stored.value.is_some());
            explanation.held = held.map(|stored| self.inner.stored_below(&stored));
        }
        Ok(explanation)
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    pub(crate) fn explain<Q>(&self, key: &Q) -> Explanation
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let (hash, now, owned) = (self.memory.hash(key), self.clock.now(), key.to_key());
        let mut held = None;
        let weight = self.memory.inspect(hash, key, |meta| {
            let standing = self.standing(meta, &owned);
            if meta.expires_at > now && standing < Standing::Invalid {
                let note = self.notes.get(meta.note).unwrap_or_default();
                held = Some(Self::held(&self.policy, meta, standing, &note, now));
            }
        });
        Explanation {
            held: held
                .zip(weight)
                .map(|(held, weight)| Held { weight, ..held }),
            is_absent: self.is_absent(hash, key, now, None),
            is_loading: self.flights.is_loading(hash, key),
            last_miss: self
                .misses
                .as_ref()
                .and_then(|misses| misses.last_miss(hash, now)),
            key: owned.to_text().into_owned(),
        }
    }

    fn held(policy: &Policy, meta: &Meta, standing: Standing, note: &Note, now: Tick) -> Held {
        let expired = standing == Standing::Expired;
        let fresh_until = if expired { now } else { meta.fresh_until };
        Held {
            source: Source::Memory,
            age: now.since(meta.created),
            remaining: (fresh_until < Tick::NEVER).then(|| fresh_until.since(now)),
            usable_stale: policy.usable_stale(now, fresh_until, meta.expires_at),
            version: meta.version,
            weight: 0,
            load_cost: meta.cost.duration().map(two_digits),
            tags: note.tags.iter().map(ToString::to_string).collect(),
            etag: note.etag.as_deref().map(str::to_owned),
            at: note.at,
        }
    }

    fn stored_below(&self, stored: &Stored<V>) -> Held {
        let (now, fresh_until) = (self.clock.now(), stored.fresh_until);
        Held {
            source: self.source_below(),
            age: now.since(stored.created),
            remaining: (fresh_until < Tick::NEVER).then(|| fresh_until.since(now)),
            usable_stale: self
                .policy
                .usable_stale(now, fresh_until, stored.expires_at),
            version: stored.version,
            weight: 0,
            load_cost: (!stored.cost.is_zero()).then(|| two_digits(stored.cost)),
            tags: stored.tags.iter().map(ToString::to_string).collect(),
            etag: stored.etag.as_deref().map(str::to_owned),
            at: stored.lookup,
        }
    }

    /// Counts a get that found nothing, and remembers why where that is wanted.
    #[inline]
    pub(crate) fn missed<Q>(&self, hash: u64, key: &Q, at: Option<u64>)
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        self.recorder.count(Event::Miss);
        self.learn_miss(hash, key, at);
        if self.misses.is_some() {
            self.explain_miss(hash, key, at);
        }
    }

    #[cold]
    fn explain_miss<Q>(&self, hash: u64, key: &Q, at: Option<u64>)
    where
        K: Borrow<Q>,
        Q: KeyRef<K> + ?Sized,
    {
        let (Some(misses), now) = (&self.misses, self.clock.now()) else {
            return;
        };
        let mut reason = None;
        self.memory.inspect(hash, key, |meta| {
            let is_other =
                at.is_some() && self.notes.get(meta.note).is_none_or(|note| note.at != at);
            let is_fresh = meta.fresh_until > now;
            reason = Some(if is_other && is_fresh {
                MissReason::OtherVersion
            } else if self.backoff.is_paused(hash, now) {
                MissReason::LoadFailed
            } else if self.is_cut_off() {
                MissReason::NoLink
            } else if is_fresh && meta.version == SUSPECT {
                MissReason::Removed
            } else if is_fresh && self.shared.is_some() {
                MissReason::NoLink
            } else {
                MissReason::Expired
            });
        });
        misses.missed(hash, reason, now);
    }

    /// Remembers that a load came to nothing, where that is wanted.
    pub(super) fn came_to_nothing(&self, hash: u64, reason: MissReason) {
        if let Some(misses) = &self.misses {
            misses.came_to_nothing(hash, reason, self.clock.now());
        }
    }

    /// Remembers what took a key's value away, where that is wanted.
    pub(crate) fn lost(&self, hash: u64, reason: MissReason) {
        if let Some(misses) = &self.misses {
            misses.lost(hash, reason, self.clock.now());
        }
    }

    /// What invalidated an entry, where that is wanted.
    pub(crate) fn blame(&self, meta: &Meta, key: &K) -> Option<MissReason> {
        self.misses.as_ref()?;
        let note = self.notes.get(meta.note).unwrap_or_default();
        let blame = self.log.blame(meta.version, &note.tags, || key.to_text());
        blame.map(|blame| MissReason::Invalidated {
            by: blame.item.to_string(),
            ago: self.clock.now().since(blame.when),
        })
    }

    /// Remembers why an entry left memory.
    #[inline]
    pub(crate) fn lost_from_memory(&self, key: &K, cause: RemovalCause) {
        if self.misses.is_some() {
            self.remember_loss(key, cause);
        }
    }

    #[cold]
    fn remember_loss(&self, key: &K, cause: RemovalCause) {
        let reason = match cause {
            RemovalCause::Capacity => MissReason::Evicted,
            RemovalCause::Expired => MissReason::Expired,
            RemovalCause::TooHeavy => MissReason::TooHeavy,
            RemovalCause::Removed => MissReason::Removed,
            RemovalCause::Invalidated => MissReason::Invalidated {
                by: Item::All.to_string(),
                ago: Duration::ZERO,
            },
            RemovalCause::Replaced => return,
        };
        self.lost(self.memory.hash(key), reason);
    }
}

impl Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.key)?;
        match &self.held {
            Some(held) => write!(f, "{held}")?,
            None if self.is_absent => f.write_str("known to have no value")?,
            None => f.write_str("not held")?,
        }
        if self.is_loading {
            f.write_str("; a load is running")?;
        }
        if let Some(Miss { reason, ago }) = &self.last_miss {
            write!(f, "; last missed {ago:?} ago: {reason}")?;
        }
        Ok(())
    }
}

/// To as many digits as are known.
fn two_digits(took: Duration) -> Duration {
    let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    let unit = 10_u64.pow(nanos.max(1).ilog10().saturating_sub(1));
    Duration::from_nanos((nanos / unit + u64::from(nanos % unit >= unit.div_ceil(2))) * unit)
}

impl Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "in {:?}, version {}, age {:?}",
            self.source, self.version, self.age
        )?;
        match self.remaining {
            None => f.write_str(", for ever")?,
            Some(Duration::ZERO) => f.write_str(", stale")?,
            Some(left) => write!(f, ", fresh for {left:?}")?,
        }
        if !self.tags.is_empty() {
            write!(f, ", tags {}", self.tags.join(" "))?;
        }
        self.load_cost
            .map_or(Ok(()), |cost| write!(f, ", took about {cost:?} to load"))
    }
}

impl Display for MissReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverLoaded => f.write_str("nothing was stored, as far as is remembered"),
            Self::Expired => f.write_str("its time was over"),
            Self::Evicted => f.write_str("it had made room for others"),
            Self::TooHeavy => f.write_str("it is heavier than the cache may be"),
            Self::Removed => f.write_str("it was invalidated by its key"),
            Self::Invalidated { by, ago } => {
                write!(f, "it was invalidated by {by}, {ago:?} before")
            }
            Self::Fenced => f.write_str("what was loaded had been invalidated meanwhile"),
            Self::NoValue => f.write_str("its load said that there is none"),
            Self::LoadFailed => f.write_str("its load failed"),
            Self::NoLink => f.write_str("there was no link to the shared store to vouch for it"),
            Self::Undecodable => f.write_str("what the tier under memory holds cannot be read"),
            Self::TierDown => f.write_str("the tier under memory is switched off"),
            Self::OtherVersion => f.write_str("what was held was made from another version"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_load_took_is_told_to_two_digits() {
        for (nanos, told) in [
            (624_135, "620µs"),
            (1_250_000, "1.3ms"),
            (99_700, "100µs"),
            (7, "7ns"),
            (0, "0ns"),
        ] {
            let shown = format!("{:?}", two_digits(Duration::from_nanos(nanos)));
            assert_eq!(shown, told);
        }
    }
}
