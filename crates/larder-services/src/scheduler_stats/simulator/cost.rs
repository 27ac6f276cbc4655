//! What a task costs when a part of it runs on the GPU and the rest on the CPU, side by side.

use super::tasks::Task;

/// Operations a second.
const CPU_RATE: f64 = 2_000.0;
const GPU_RATE: f64 = 16_000.0;
/// Seconds before a GPU begins.
const LAUNCH: f64 = 0.02;
/// Megabytes a second to the GPU.
const TRANSFER: f64 = 6_000.0;
/// Megabytes that a GPU holds; with more it works at a quarter of its rate.
const GPU_MEMORY: f64 = 8_000.0;
const SPILL: f64 = 4.0;
/// Watts.
const CPU_POWER: f64 = 65.0;
const GPU_POWER: f64 = 250.0;
/// Dollars a second.
const CPU_PRICE: f64 = 1e-5;
const GPU_PRICE: f64 = 1e-4;

/// Seconds, joules and dollars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cost {
    pub(super) time: f64,
    pub(super) energy: f64,
    pub(super) price: f64,
}

/// What the task costs with this fraction of it on the GPU.
pub(super) fn of(task: &Task, gpu_fraction: f64) -> Cost {
    let work = task.size * task.compute_intensity;
    let cpu = (1.0 - gpu_fraction) * work / CPU_RATE;
    let gpu = if gpu_fraction > 0.0 {
        let memory = gpu_fraction * task.memory_required;
        let spill = if memory > GPU_MEMORY { SPILL } else { 1.0 };
        LAUNCH + memory / TRANSFER + spill * gpu_fraction * work / GPU_RATE
    } else {
        0.0
    };
    Cost {
        time: cpu.max(gpu),
        energy: cpu * CPU_POWER + gpu * GPU_POWER,
        price: cpu * CPU_PRICE + gpu * GPU_PRICE,
    }
}

/// The fraction, in percent steps, that takes the least time, and that time.
pub(super) fn optimum(task: &Task) -> (f64, f64) {
    let fractions = (0..=100_u8).map(|percent| f64::from(percent) / 100.0);
    let times = fractions.map(|fraction| (fraction, of(task, fraction).time));
    let least = times.min_by(|(_, one), (_, other)| one.total_cmp(other));
    least.expect("there are 101 fractions")
}
