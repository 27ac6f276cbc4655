//! `larder bench run`: the sides in turns, repetition by repetition.

use std::io::Write;
use std::pin::pin;
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
use crate::exit::{Interrupted, Missed};

/// Measures, reports, and judges by the thresholds. Whoever interrupts it has the report of the
/// repetitions that were complete.
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
    if report.is_interrupted {
        let (complete, all) = (report.repetitions(), plan.repetitions);
        let words = format!("interrupted: the report is of {complete} of {all} repetitions");
        return Err(Interrupted(words).into());
    }
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
    let mut interrupt = pin!(interrupt());
    tokio::select! {
        biased;
        () = &mut interrupt => return Err(nothing_complete().into()),
        probed = probe(plan) => probed?,
    }
    let progress = Progress::new(plan);
    let mut runs: Vec<Vec<Measured>> = plan.sides.iter().map(|_| Vec::new()).collect();
    let is_interrupted = tokio::select! {
        biased;
        () = &mut interrupt => true,
        () = repetitions(plan, &progress, &mut runs) => false,
    };
    progress.finish();
    let complete = runs.iter().map(Vec::len).min().unwrap_or_default();
    if complete == 0 {
        return Err(nothing_complete().into());
    }
    // A side without its turn's other half would be compared with another time.
    for runs in &mut runs {
        runs.truncate(complete);
    }
    Ok(report(plan, &runs, is_interrupted))
}

fn nothing_complete() -> Interrupted {
    Interrupted("interrupted before a repetition was complete: there is no report".to_owned())
}

/// Completes when the user interrupts the program.
async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Adds to each side's runs; those that are there are complete whenever it is dropped.
async fn repetitions(plan: &Plan, progress: &Progress, runs: &mut [Vec<Measured>]) {
    for repetition in 0..plan.repetitions {
        for (side, runs) in plan.sides.iter().zip(&mut *runs) {
            let step = format!("{} {} of {}", side.name, repetition + 1, plan.repetitions);
            runs.push(repeat(plan, side, repetition, progress, step).await);
        }
    }
}

fn report(plan: &Plan, runs: &[Vec<Measured>], is_interrupted: bool) -> Report {
    let sides = plan.sides.iter().zip(runs);
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
        is_interrupted,
        speedup,
        thresholds: Vec::new(),
    };
    let judged = plan
        .thresholds
        .iter()
        .map(|threshold| threshold.judge(&report));
    report.thresholds = judged.collect();
    report
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
