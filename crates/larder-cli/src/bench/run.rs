//! `larder bench run`: the sides in turns, repetition by repetition.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::load::{self, Length, Load, Measured, ThreadSleep};
use super::machine::Machine;
use super::outputs::Outputs;
use super::plan::{self, Plan};
use super::probe::probe;
use super::progress::Progress;
use super::report::{FORMAT, Report, Side, Speedup};
use super::subject::Asking;
use crate::args::BenchRun;
use crate::config::Environment;
use crate::exit::Missed;

/// Measures, reports, and judges by the thresholds.
pub(crate) fn run(
    args: BenchRun,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let settings = plan::settings(args)?;
    let plan = Plan::new(&settings, environment)?;
    let outputs = Outputs::checked(&settings.outputs)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads())
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let report = runtime.block_on(measure(&plan))?;
    outputs.write(&report, out)?;
    let missed = report.thresholds.iter().filter(|judged| !judged.is_met);
    let missed: Vec<_> = missed.map(ToString::to_string).collect();
    if !missed.is_empty() {
        return Err(Missed(format!("threshold {}", missed.join("; threshold "))).into());
    }
    Ok(())
}

/// Half of the machine, so that a server on it has the other.
fn threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (cores / 2).max(1)
}

async fn measure(plan: &Plan) -> anyhow::Result<Report> {
    probe(plan).await?;
    let progress = Progress::new(plan);
    let mut runs: Vec<Vec<Measured>> = plan.sides.iter().map(|_| Vec::new()).collect();
    for repetition in 0..plan.repetitions {
        for (side, runs) in plan.sides.iter().zip(&mut runs) {
            let step = format!("{} {} of {}", side.name, repetition + 1, plan.repetitions);
            runs.push(repeat(plan, side, repetition, &progress, step).await);
        }
    }
    progress.finish();
    let sides = plan.sides.iter().zip(&runs);
    let sides: Vec<_> = sides
        .map(|(side, runs)| Side::new(side.name, side.subject.title(), side.how.clone(), runs))
        .collect();
    let speedup = match &sides[..] {
        [uncached, cached] => Some(Speedup::of(uncached, cached)),
        _ => None,
    };
    let mut report = Report {
        larder_bench: FORMAT,
        generated: jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S").to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        machine: Machine::this(),
        plan: plan.described(),
        sides,
        speedup,
        thresholds: Vec::new(),
    };
    let judged = plan
        .thresholds
        .iter()
        .map(|threshold| threshold.judge(&report));
    report.thresholds = judged.collect();
    Ok(report)
}

/// A warm-up, which draws keys of its own, and a repetition on the same connections.
async fn repeat(
    plan: &Plan,
    side: &plan::Side,
    repetition: u32,
    progress: &Progress,
    step: String,
) -> Measured {
    let seed = plan.seed.wrapping_add(u64::from(repetition));
    let connection = || Asking::new(&side.subject, side.clearing.as_ref(), &plan.keys, !seed);
    let mut connections: Vec<_> = (0..plan.connections).map(|_| connection()).collect();
    if plan.warm_up > Duration::ZERO {
        let load = Load {
            length: Length::Time(plan.warm_up),
            ..plan.load
        };
        (_, connections) = load::run(load, connections, ThreadSleep, &Arc::default()).await;
    }
    for connection in &mut connections {
        connection.reseed(seed);
    }
    let done = progress.begin(step, plan.load.length);
    let (measured, _) = load::run(plan.load, connections, ThreadSleep, &done).await;
    progress.end();
    measured
}
