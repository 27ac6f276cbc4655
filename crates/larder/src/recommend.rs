//! Advice: what to change of a cache, from its figures and what it has learned of its keys.
//!
//! Pure: figures in, advice out. A rule a file: each is silent where too little was seen, and shows what
//! it speaks from. The book has a page for each, `docs/recommendations/RULE.md`.

mod ahead;
mod capacity;
mod disk;
mod fenced;
mod hit_rate;
mod negative;
mod once;
mod overloads;
mod remote;
mod ttl;

use std::time::Duration;

use crate::any::AnyCache;
pub use crate::learn::{
    CurvePoint, KeyPrefix, LoadCause, MissCauses, RecentLoad, Reloads, Repeats, WhatIf,
};
use crate::learn::{Learned, RecentLoads};
use crate::observe::Stats;
use crate::policy::Policy;

/// What is to be changed of one cache, the most urgent first, then by rule.
///
/// ```
/// use larder::recommend::{Level, Observed, recommend};
/// let cache = larder::sync::Cache::<u64, u64>::builder("prices").max_capacity(100).build()?;
/// for _ in 0..40 {
///     // A loop over more keys than fit.
///     for key in 0..150 {
///         cache.get_or_load(&key, |key| Ok::<_, std::io::Error>(*key))?;
///     }
/// }
/// let advice = recommend(&Observed::of(&cache));
/// let first = &advice[0];
/// assert_eq!((&*first.id, first.level), ("capacity:prices", Level::Critical));
/// let change = first.change.as_ref().unwrap();
/// assert_eq!((change.setting, &*change.from, &*change.to), ("max_capacity", "100", "200"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub fn recommend(seen: &Observed) -> Vec<Recommendation> {
    let mut advice: Vec<_> = RULES.iter().filter_map(|rule| rule(seen)).collect();
    advice.sort_by_key(|one| one.level);
    advice
}

/// In the order that advice of one level stands in.
const RULES: &[fn(&Observed) -> Option<Recommendation>] = &[
    hit_rate::rule,
    overloads::rule,
    disk::rule,
    capacity::larger,
    remote::rule,
    ttl::longer,
    ttl::shorter,
    ahead::rule,
    negative::rule,
    once::rule,
    fenced::rule,
    capacity::smaller,
];

/// Of what was learned too little, no rule speaks that needs more gets of sampled keys than these.
pub const GETS_MIN: f64 = 1_000.0;

/// What the rules speak from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Observed {
    /// The cache's name.
    pub name: String,
    /// The most that it may hold.
    pub capacity: u64,
    /// What it holds.
    pub weight: u64,
    /// Its policy.
    pub policy: Policy,
    /// Its figures.
    pub stats: Stats,
    /// What it has learned, unless it was told not to.
    pub learned: Option<Learned>,
    /// What it loaded lately, and what caches of its name in other processes did. Without those nothing
    /// is said of a shared store.
    pub loads: Vec<RecentLoads>,
}

impl Observed {
    /// What a cache shows now. O(1), but for its shards.
    ///
    /// ```
    /// use larder::recommend::Observed;
    /// let cache = larder::sync::Cache::<u64, u64>::builder("prices").max_capacity(100).build()?;
    /// assert_eq!(Observed::of(&cache).capacity, 100);
    /// # Ok::<_, larder::BuildError>(())
    /// ```
    pub fn of(cache: &dyn AnyCache) -> Self {
        Self {
            name: cache.name().to_owned(),
            capacity: cache.max_capacity(),
            weight: cache.weight(),
            policy: cache.policy(),
            stats: cache.stats(),
            learned: cache.learned(),
            loads: vec![cache.recent_loads()],
        }
    }

    /// What was learned, if that is enough to speak from.
    fn learned(&self) -> Option<&Learned> {
        let learned = self.learned.as_ref();
        learned.filter(|learned| learned.gets >= GETS_MIN)
    }

    fn advice(&self, rule: &'static str, level: Level, title: String) -> Recommendation {
        Recommendation {
            id: format!("{rule}:{}", self.name),
            rule,
            cache: self.name.clone(),
            level,
            title,
            text: String::new(),
            evidence: Vec::new(),
            change: None,
            predicted: Vec::new(),
        }
    }
}

/// How urgent it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The cache does not do what it is for.
    Critical,
    /// Something is lost.
    Warning,
    /// Something could be gained.
    Info,
}

impl Level {
    /// `critical`, `warning` or `info`.
    ///
    /// ```
    /// assert_eq!(larder::recommend::Level::Info.name(), "info");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }

    /// A warning from a bound on.
    fn warning_from<T: PartialOrd + Copy>(bound: T, seen: T) -> Self {
        if seen >= bound {
            Self::Warning
        } else {
            Self::Info
        }
    }
}

/// What is to be done, and why.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Recommendation {
    /// The rule and the cache: `capacity:users`.
    pub id: String,
    /// Which rule speaks; the name of its page.
    pub rule: &'static str,
    /// The cache's name.
    pub cache: String,
    /// How urgent it is.
    pub level: Level,
    /// It in a line.
    pub title: String,
    /// What was seen and what follows.
    pub text: String,
    /// The numbers that it speaks from.
    pub evidence: Vec<Evidence>,
    /// The setting to change, where it is one.
    pub change: Option<Setting>,
    /// What that would do.
    pub predicted: Vec<Prediction>,
}

/// A number that was seen.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evidence {
    /// Of what.
    pub name: &'static str,
    /// The number.
    pub value: f64,
    /// `ratio` (from 0 to 1), `ms`, `per_second`, `weight`, or what is counted.
    pub unit: &'static str,
}

/// A setting of the builder or the policy, with what it is and what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// Its name.
    pub setting: &'static str,
    /// What it is.
    pub from: String,
    /// What it should be.
    pub to: String,
}

/// A figure now, and what it would be.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Prediction {
    /// Of what.
    pub name: &'static str,
    /// Now.
    pub from: f64,
    /// With the change.
    pub to: f64,
    /// As for [`Evidence`].
    pub unit: &'static str,
}

impl Recommendation {
    fn text(mut self, text: String) -> Self {
        self.text = text;
        self
    }

    fn seen(mut self, name: &'static str, value: f64, unit: &'static str) -> Self {
        self.evidence.push(Evidence { name, value, unit });
        self
    }

    fn change(mut self, setting: &'static str, from: String, to: String) -> Self {
        self.change = Some(Setting { setting, from, to });
        self
    }

    fn predict(mut self, name: &'static str, (from, to): (f64, f64), unit: &'static str) -> Self {
        self.predicted.push(Prediction {
            name,
            from,
            to,
            unit,
        });
        self
    }
}

/// A share as people write it.
fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A duration as a configuration has it.
fn words(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units: [(u128, &str); 4] = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
    ];
    let fits = units
        .into_iter()
        .find(|(unit, _)| millis >= *unit && millis.is_multiple_of(*unit));
    fits.map_or_else(
        || format!("{millis}ms"),
        |(unit, name)| format!("{}{name}", millis / unit),
    )
}

/// A part of the whole, 0 of nothing.
fn part(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// The hit rate if so many more of the gets had been answered.
fn with_hits(learned: &Learned, more: f64) -> (f64, f64) {
    let from = learned.hit_rate().unwrap_or_default();
    (from, (from + more / learned.gets).clamp(0.0, 1.0))
}
