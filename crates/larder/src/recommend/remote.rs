//! A store that instances share, where they load the same keys one after another.
//!
//! What such a store would spare is found by going through the loads of all instances in order, as if each
//! put what it brings where the others find it.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::{Level, Observed, Recommendation, part, percent};
use crate::learn::{LoadCause, RecentLoad, RecentLoads};

const LOADS_MIN: u64 = 200;
const REPEATED_MIN: f64 = 0.2;
const REPEATED_WARNING: f64 = 0.5;
/// What loads take, at least, on average: a trip to a store takes some part of it.
const TOOK_MIN: Duration = Duration::from_millis(1);

pub(super) fn rule(seen: &Observed) -> Option<Recommendation> {
    if seen.stats.remote.is_some() {
        return None;
    }
    let all = Together::most(&seen.loads)?;
    let (loads, repeated) = (all.counted(), all.repeated());
    let (loads, took) = (loads.loads, loads.took);
    let is_worth_it = took.as_secs_f64() >= TOOK_MIN.as_secs_f64() * loads as f64;
    let share = part(repeated.loads, loads);
    if loads < LOADS_MIN || share < REPEATED_MIN || !is_worth_it {
        return None;
    }
    let level = Level::warning_from(REPEATED_WARNING, share);
    let title = format!(
        "{} of {} instances load the same keys: {} of the loads would be spared by a store that they share",
        seen.name,
        all.instances,
        percent(share)
    );
    let advice = seen.advice("remote", level, title).text(format!(
        "Of {loads} loads of sampled keys {} were of one that another instance had loaded within the value's \
         life. With a shared store the second finds what the first has loaded, and an invalidation reaches \
         all.",
        repeated.loads
    ));
    let spared = millis(repeated.took);
    let each_second = |sampled: f64| sampled * all.one_in as f64 / all.over.as_secs_f64().max(1.0);
    let rate = |count: u64| each_second(count as f64);
    let advice = advice
        .seen("loads", loads as f64, "loads")
        .seen("repeated", repeated.loads as f64, "loads")
        .seen("repeated_share", share, "ratio")
        .seen("instances", all.instances as f64, "instances")
        .seen("over", millis(all.over), "ms")
        .seen("loading", millis(took), "ms")
        .seen("loading_repeated", spared, "ms")
        .seen("one_key_in", all.one_in as f64, "keys");
    let per_second = (rate(loads), rate(loads - repeated.loads));
    let (from, to) = (millis(took), millis(took) - spared);
    Some(
        advice
            .change("remote", "none".to_owned(), "redis://HOST:6379".to_owned())
            .predict("loads_per_second", per_second, "per_second")
            .predict(
                "loading_each_second",
                (each_second(from), each_second(to)),
                "ms",
            ),
    )
}

/// The loads of several instances, of the same sample of keys. Those of the time that is common to all are
/// counted; what some did before, others may have found.
struct Together {
    instances: usize,
    one_in: u64,
    over: Duration,
    /// Whose they are, and what; the oldest first.
    loads: Vec<(u64, RecentLoad)>,
}

#[derive(Default)]
struct Sum {
    loads: u64,
    took: Duration,
}

impl Together {
    /// Of those instances that have the most to tell together; `None` of one alone. One that has just
    /// started would leave hardly any time that is common to all.
    fn most(told: &[RecentLoads]) -> Option<Self> {
        let mut known = BTreeSet::new();
        let is_sample = |told: &&RecentLoads| told.one_in.is_power_of_two();
        let mut told: Vec<_> = told.iter().filter(is_sample).collect();
        // An instance that is told of twice is one.
        told.retain(|told| known.insert(told.instance));
        told.sort_by_key(|told| std::cmp::Reverse(told.over));
        let together = (2..=told.len()).map(|count| Self::of(&told[..count]));
        together.max_by_key(|together| together.counted().loads)
    }

    fn of(told: &[&RecentLoads]) -> Self {
        let one_in = told.iter().map(|told| told.one_in).max().unwrap_or(1);
        let over = told.iter().map(|told| told.over).min().unwrap_or_default();
        let is_common = |load: &&RecentLoad| load.key & (one_in - 1) == 0;
        let of_each = told.iter().flat_map(|told| {
            let loads = told.loads.iter().filter(is_common);
            loads.map(|load| (told.instance, *load))
        });
        let mut loads: Vec<_> = of_each.collect();
        loads.sort_by_key(|(_, load)| std::cmp::Reverse(load.ago));
        Self {
            instances: told.len(),
            one_in,
            over,
            loads,
        }
    }

    fn counted(&self) -> Sum {
        let mut counted = Sum::default();
        self.loads
            .iter()
            .for_each(|(_, load)| self.count(&mut counted, load));
        counted
    }

    fn count(&self, sum: &mut Sum, load: &RecentLoad) {
        if load.ago <= self.over {
            sum.loads += 1;
            sum.took += load.took;
        }
    }

    /// Those that would have found what another instance had loaded.
    fn repeated(&self) -> Sum {
        let (mut stored, mut spared) = (HashMap::new(), Sum::default());
        for &(instance, load) in &self.loads {
            let is_fresh = |&(by, former): &(u64, RecentLoad)| {
                let age = former.ago.saturating_sub(load.ago);
                by != instance && former.life.is_none_or(|life| age < life)
            };
            let is_found = stored.get(&load.key).is_some_and(is_fresh);
            if is_found && load.cause != LoadCause::Invalidated {
                self.count(&mut spared, &load);
            } else {
                stored.insert(load.key, (instance, load));
            }
        }
        spared
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
