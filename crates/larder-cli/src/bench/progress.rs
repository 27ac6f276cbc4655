//! A bar for a person at the terminal; nothing where standard error is none.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::load::Length;
use super::plan::Plan;

const PACE: Duration = Duration::from_millis(100);
/// Of a repetition.
const PARTS: u64 = 1_000;

/// How far a run is.
pub(super) struct Progress {
    bar: ProgressBar,
    /// What moves the bar while a repetition runs.
    mover: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Progress {
    pub(super) fn new(plan: &Plan) -> Self {
        let bar = if std::io::stderr().is_terminal() {
            let all = plan.sides.len() as u64 * u64::from(plan.repetitions);
            ProgressBar::new(all * PARTS)
        } else {
            ProgressBar::hidden()
        };
        let style = ProgressStyle::with_template("  {bar:30} {percent:>3} %  {msg}");
        Self {
            bar: bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())),
            mover: Mutex::new(None),
        }
    }

    /// A repetition begins; what is returned is to be raised with each answer.
    pub(super) fn begin(&self, step: String, length: Length) -> Arc<AtomicU64> {
        let done = Arc::new(AtomicU64::new(0));
        if !self.bar.is_hidden() {
            let moving = follow(self.bar.clone(), step, length, Arc::clone(&done));
            *self.mover.lock().unwrap_or_else(PoisonError::into_inner) = Some(tokio::spawn(moving));
        }
        done
    }

    /// It has ended.
    pub(super) fn end(&self) {
        let mover = self
            .mover
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mover) = mover {
            mover.abort();
            let ended = self.bar.position().div_ceil(PARTS) * PARTS;
            self.bar.set_position(ended);
        }
    }

    /// The bar leaves the screen.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

async fn follow(bar: ProgressBar, step: String, length: Length, done: Arc<AtomicU64>) {
    let (begun, before) = (Instant::now(), bar.position());
    let mut pace = tokio::time::interval(PACE);
    loop {
        pace.tick().await;
        let count = done.load(Ordering::Relaxed);
        let passed = begun.elapsed().as_secs_f64();
        let part = match length {
            Length::Requests(all) => count as f64 / all as f64,
            Length::Time(time) => passed / time.as_secs_f64(),
        };
        // Never full, so that the repetition's end is found from here.
        let part = ((part * PARTS as f64) as u64).clamp(1, PARTS);
        bar.set_position(before + part);
        let rate = count as f64 / passed.max(1e-3);
        bar.set_message(format!("{step}, {rate:.0} requests/s"));
    }
}
