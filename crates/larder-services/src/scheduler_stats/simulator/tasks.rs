//! Tasks, as they arrive: Poisson, with lognormal sizes. Knows no schedulers.

use std::collections::VecDeque;

use fastrand::Rng;
use serde::Serialize;

use super::cost;

/// A task may depend on those among the last of this number.
const RECENT: usize = 8;
/// One task in this many depends on others.
const DEPENDENT: u32 = 5;
/// Sizes lie around this one.
const SIZE_MEDIAN: f64 = 1_000.0;
const SIZE_SIGMA: f64 = 0.8;
/// A size at most; one in 30,000 would be larger.
const SIZE_MAX: f64 = 25_000.0;

/// A piece of work.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(in crate::scheduler_stats) struct Task {
    /// The run that it is of, and its number there.
    #[serde(rename = "task_id")]
    pub(in crate::scheduler_stats) id: String,
    /// Elements to be worked on.
    pub(in crate::scheduler_stats) size: f64,
    /// Operations for each element, from 0.05 to 1.
    pub(in crate::scheduler_stats) compute_intensity: f64,
    /// Megabytes.
    pub(in crate::scheduler_stats) memory_required: f64,
    /// Seconds, if it is divided in halves.
    pub(in crate::scheduler_stats) duration_estimate: f64,
    /// Seconds since the run began.
    pub(in crate::scheduler_stats) arrival_time: f64,
    /// Tasks before it whose results it needs.
    pub(in crate::scheduler_stats) dependencies: Vec<String>,
}

/// Where tasks come from.
pub(super) struct Arrivals {
    run: String,
    rate: f64,
    number: u64,
    recent: VecDeque<String>,
    /// When the next one comes, in seconds since the run began.
    pub(super) next: f64,
}

impl Arrivals {
    /// `rate` tasks a second, whose ids begin with `run`.
    pub(super) fn new(run: String, rate: f64, random: &mut Rng) -> Self {
        Self {
            run,
            rate,
            number: 0,
            recent: VecDeque::new(),
            next: exponential(rate, random),
        }
    }

    /// The next task, which comes `now`.
    pub(super) fn take(&mut self, now: f64, random: &mut Rng) -> Task {
        self.next = now + exponential(self.rate, random);
        self.number += 1;
        let size = (SIZE_MEDIAN * (SIZE_SIGMA * normal(random)).exp()).min(SIZE_MAX);
        let compute_intensity = 0.05 + 0.95 * random.f64();
        let memory_required = size * (0.5 + 3.5 * random.f64());
        let mut task = Task {
            id: format!("{}-{}", self.run, self.number),
            size,
            compute_intensity,
            memory_required,
            duration_estimate: 0.0,
            arrival_time: now,
            dependencies: self.dependencies(random),
        };
        task.duration_estimate = cost::of(&task, 0.5).time;
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(task.id.clone());
        task
    }

    fn dependencies(&self, random: &mut Rng) -> Vec<String> {
        if self.recent.is_empty() || random.u32(..DEPENDENT) > 0 {
            return Vec::new();
        }
        let first = random.usize(..self.recent.len());
        self.recent.iter().skip(first).take(2).cloned().collect()
    }
}

/// A number of the standard normal distribution (Box and Muller, 1958).
pub(super) fn normal(random: &mut Rng) -> f64 {
    let (radius, angle) = (1.0 - random.f64(), random.f64());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

fn exponential(rate: f64, random: &mut Rng) -> f64 {
    -(1.0 - random.f64()).ln() / rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_arrive_at_their_rate_with_sizes_around_the_median() {
        let mut random = Rng::with_seed(7);
        let mut arrivals = Arrivals::new("r".into(), 20.0, &mut random);
        let tasks: Vec<Task> = (0..20_000)
            .map(|_| {
                let now = arrivals.next;
                arrivals.take(now, &mut random)
            })
            .collect();
        let rate = tasks.len() as f64 / tasks[tasks.len() - 1].arrival_time;
        assert!((19.0..21.0).contains(&rate), "{rate} a second");
        let mut sizes: Vec<f64> = tasks.iter().map(|task| task.size).collect();
        sizes.sort_by(f64::total_cmp);
        let median = sizes[sizes.len() / 2];
        assert!((950.0..1_050.0).contains(&median), "{median}");
        assert!(sizes[sizes.len() - 1] <= SIZE_MAX);
        let dependent = tasks.iter().filter(|task| !task.dependencies.is_empty());
        assert!((3_500..4_500).contains(&dependent.count()));
        assert!(
            tasks
                .iter()
                .all(|task| !task.dependencies.contains(&task.id))
        );
    }
}
