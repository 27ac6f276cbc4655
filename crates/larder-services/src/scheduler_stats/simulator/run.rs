//! A run of the simulator: arrivals and ends in the order of their times.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use fastrand::Rng;
use serde::Serialize;

use super::cost;
use super::schedulers::{SchedulerResult, Schedulers};
use super::tasks::{Arrivals, Task};

/// Tasks between two fits of the model.
const REFIT_EVERY: u64 = 50;
/// Tasks under way at most; more wait to arrive.
const IN_FLIGHT_MAX: usize = 10_000;

/// What would have been best for a task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(in crate::scheduler_stats) struct Training {
    pub(in crate::scheduler_stats) memory_per_size: f64,
    pub(in crate::scheduler_stats) compute_to_memory: f64,
    pub(in crate::scheduler_stats) optimal_gpu_fraction: f64,
    /// Seconds.
    pub(in crate::scheduler_stats) optimal_time: f64,
}

/// A task that has ended, with what is learnt from it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(in crate::scheduler_stats) struct Completed {
    #[serde(flatten)]
    pub(in crate::scheduler_stats) task: Task,
    #[serde(skip)]
    pub(in crate::scheduler_stats) training: Training,
    pub(in crate::scheduler_stats) results: Vec<SchedulerResult>,
    /// Seconds since the run began.
    pub(in crate::scheduler_stats) ended_at: f64,
}

/// The state of a run.
pub(in crate::scheduler_stats) struct Run {
    random: Rng,
    arrivals: Arrivals,
    schedulers: Schedulers,
    in_flight: BinaryHeap<Flight>,
    ended: u64,
}

/// A task under way; the first to end is the greatest.
struct Flight(Completed);

impl Run {
    /// A run of `rate` tasks a second. The same seed makes the same tasks.
    pub(in crate::scheduler_stats) fn new(name: String, rate: f64, seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        Self {
            arrivals: Arrivals::new(name, rate, &mut random),
            random,
            schedulers: Schedulers::default(),
            in_flight: BinaryHeap::new(),
            ended: 0,
        }
    }

    /// Goes on to `now`, in seconds since the run began; returns what has ended, in order. `refit` runs
    /// what is given to it, each time that the model is made anew.
    pub(in crate::scheduler_stats) fn advance(
        &mut self,
        now: f64,
        mut refit: impl FnMut(&mut dyn FnMut()),
    ) -> Vec<Completed> {
        let mut completed = Vec::new();
        loop {
            let ends = self
                .in_flight
                .peek()
                .map_or(f64::INFINITY, |flight| flight.0.ended_at);
            let arrives = if self.in_flight.len() < IN_FLIGHT_MAX {
                self.arrivals.next
            } else {
                f64::INFINITY
            };
            if arrives.min(ends) > now {
                return completed;
            }
            if arrives <= ends {
                self.begin(arrives);
                continue;
            }
            let Some(Flight(done)) = self.in_flight.pop() else {
                return completed;
            };
            self.schedulers.learn(&done.task, &done.training);
            self.ended += 1;
            if self.ended.is_multiple_of(REFIT_EVERY) {
                refit(&mut || self.schedulers.refit());
            }
            completed.push(done);
        }
    }

    /// Tasks under way.
    pub(in crate::scheduler_stats) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    fn begin(&mut self, now: f64) {
        let task = self.arrivals.take(now, &mut self.random);
        let (optimal_gpu_fraction, optimal_time) = cost::optimum(&task);
        let results = self
            .schedulers
            .divide(&task, optimal_gpu_fraction, &mut self.random);
        let training = Training {
            memory_per_size: task.memory_per_size(),
            compute_to_memory: task.compute_intensity / (task.memory_required + 1.0),
            optimal_gpu_fraction,
            optimal_time,
        };
        self.in_flight.push(Flight(Completed {
            ended_at: now + task.duration_estimate,
            task,
            training,
            results,
        }));
    }
}

impl Task {
    pub(super) fn memory_per_size(&self) -> f64 {
        self.memory_required / (self.size + 1.0)
    }
}

impl Ord for Flight {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.ended_at.total_cmp(&self.0.ended_at)
    }
}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Flight {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Flight {}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(seed: u64, steps: &[f64]) -> (Vec<Completed>, usize) {
        let (mut run, mut fits) = (Run::new("r".into(), 50.0, seed), 0);
        let mut all = Vec::new();
        for now in steps {
            all.extend(run.advance(*now, |fit| {
                fits += 1;
                fit();
            }));
        }
        (all, fits)
    }

    fn mean_time(completed: &[Completed], scheduler: usize) -> f64 {
        let times = completed
            .iter()
            .map(|done| done.results[scheduler].actual_time);
        times.sum::<f64>() / completed.len() as f64
    }

    #[test]
    fn a_run_is_the_same_whatever_the_steps_in_which_time_goes_on() {
        let (once, _) = ended(3, &[20.0]);
        let steps: Vec<f64> = (1..=200).map(|step| f64::from(step) / 10.0).collect();
        assert_eq!(ended(3, &steps).0, once);
        assert_ne!(ended(4, &[20.0]).0, once);
    }

    #[test]
    fn nobody_beats_the_oracle_and_learning_beats_chance() {
        let (completed, fits) = ended(11, &[100.0]);
        assert_eq!(fits, completed.len() / 50);
        let learnt = &completed[completed.len() / 2..];
        let [round_robin, random, greedy, hybrid_ml, oracle] =
            std::array::from_fn(|scheduler| mean_time(learnt, scheduler));
        for other in [round_robin, random, greedy, hybrid_ml] {
            assert!(oracle < other, "{oracle} {other}");
        }
        assert!(
            hybrid_ml < random && hybrid_ml < greedy,
            "{hybrid_ml} {random} {greedy}"
        );
        assert!(hybrid_ml < 1.25 * oracle, "{hybrid_ml} {oracle}");
    }

    #[test]
    fn tasks_under_way_are_bounded() {
        let mut run = Run::new("r".into(), 1e9, 1);
        run.advance(0.01, |fit| fit());
        assert!(run.in_flight() <= IN_FLIGHT_MAX);
    }
}
