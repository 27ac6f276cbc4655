//! The five who divide tasks between CPU and GPU.

use std::collections::VecDeque;
use std::fmt;

use fastrand::Rng;
use serde::Serialize;

use super::cost;
use super::regression::{self, Features};
use super::run::Training;
use super::tasks::{Task, normal};

/// GPUs that parts run on.
const GPUS: u64 = 2;
/// The model is made of the last of this many tasks.
const LEARNT_FROM: usize = 1_000;
/// What a task really takes differs from the model by this part, as a rule.
const NOISE: f64 = 0.05;

/// Who divides tasks between CPU and GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheduler {
    /// CPU and GPU by turns.
    RoundRobin,
    /// By chance.
    Random,
    /// Whichever of the two is quicker alone.
    Greedy,
    /// As a regression over former tasks says.
    HybridMl,
    /// The best there is.
    Oracle,
}

impl Scheduler {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 5] = [
        Self::RoundRobin,
        Self::Random,
        Self::Greedy,
        Self::HybridMl,
        Self::Oracle,
    ];

    /// As it stands in paths and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "round_robin",
            Self::Random => "random",
            Self::Greedy => "greedy",
            Self::HybridMl => "hybrid_ml",
            Self::Oracle => "oracle",
        }
    }

    /// What it does, in a line.
    pub const fn description(self) -> &'static str {
        match self {
            Self::RoundRobin => "CPU and GPU by turns",
            Self::Random => "a part on the GPU by chance",
            Self::Greedy => "whichever of CPU and GPU is quicker alone",
            Self::HybridMl => "as a regression says, refitted every 50 tasks",
            Self::Oracle => "the quickest division there is",
        }
    }

    /// The one of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

impl fmt::Display for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a scheduler did with a task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(in crate::scheduler_stats) struct SchedulerResult {
    pub(in crate::scheduler_stats) scheduler_name: &'static str,
    pub(in crate::scheduler_stats) gpu_fraction: f64,
    pub(in crate::scheduler_stats) cpu_fraction: f64,
    /// None where nothing runs on one.
    pub(in crate::scheduler_stats) gpu_id: Option<i64>,
    /// Seconds.
    pub(in crate::scheduler_stats) actual_time: f64,
    /// Joules.
    pub(in crate::scheduler_stats) energy_consumption: Option<f64>,
    /// Dollars.
    pub(in crate::scheduler_stats) execution_cost: Option<f64>,
}

/// What they have to remember.
#[derive(Default)]
pub(super) struct Schedulers {
    turns: u64,
    learnt: VecDeque<(Features, f64)>,
    model: Option<Features>,
}

impl Schedulers {
    /// How each does with the task.
    pub(super) fn divide(
        &mut self,
        task: &Task,
        optimum: f64,
        random: &mut Rng,
    ) -> Vec<SchedulerResult> {
        self.turns += 1;
        let fractions =
            Scheduler::ALL.map(|scheduler| self.fraction(scheduler, task, optimum, random));
        let results = Scheduler::ALL.into_iter().zip(fractions);
        results
            .map(|(scheduler, gpu_fraction)| {
                let cost = cost::of(task, gpu_fraction);
                SchedulerResult {
                    scheduler_name: scheduler.name(),
                    gpu_fraction,
                    cpu_fraction: 1.0 - gpu_fraction,
                    gpu_id: (gpu_fraction > 0.0).then_some(i64::from((self.turns % GPUS) as u8)),
                    actual_time: cost.time * (NOISE * normal(random)).exp(),
                    energy_consumption: Some(cost.energy),
                    execution_cost: Some(cost.price),
                }
            })
            .collect()
    }

    fn fraction(&self, scheduler: Scheduler, task: &Task, optimum: f64, random: &mut Rng) -> f64 {
        match scheduler {
            Scheduler::RoundRobin => (self.turns % 2) as f64,
            Scheduler::Random => random.f64(),
            Scheduler::Greedy if cost::of(task, 1.0).time < cost::of(task, 0.0).time => 1.0,
            Scheduler::Greedy => 0.0,
            Scheduler::HybridMl => match &self.model {
                Some(model) => regression::predict(model, &features(task)).clamp(0.0, 1.0),
                None => 0.5,
            },
            Scheduler::Oracle => optimum,
        }
    }

    /// Remembers what would have been best for a task.
    pub(super) fn learn(&mut self, task: &Task, training: &Training) {
        if self.learnt.len() == LEARNT_FROM {
            self.learnt.pop_front();
        }
        self.learnt
            .push_back((features(task), training.optimal_gpu_fraction));
    }

    /// Makes the model anew.
    pub(super) fn refit(&mut self) {
        self.model = regression::fit(self.learnt.iter().copied());
    }
}

/// What the regression goes by. Sizes over their powers of ten, so that all are of one order.
fn features(task: &Task) -> Features {
    [
        1.0,
        task.size.ln_1p() / 10.0,
        task.compute_intensity,
        task.memory_required.ln_1p() / 10.0,
        task.memory_per_size(),
        (task.size * task.compute_intensity).ln_1p() / 10.0,
    ]
}
