//! Starting, pausing and stopping the simulation, and its clock: time goes on for it only while it runs.

use std::time::{Duration, SystemTime};

use larder::{Clock, Tick};

use super::simulator::{Completed, Run};

/// A step is at most so long: after a sleep of the machine the simulation does not catch up.
const STEP_MAX: Duration = Duration::from_secs(5);

/// The simulation, if there is one.
pub(super) struct Control {
    clock: Clock,
    rate: f64,
    seed: u64,
    run: Option<Running>,
    /// Tasks that ended since the last start.
    processed: u64,
}

struct Running {
    run: Run,
    started_at: SystemTime,
    is_paused: bool,
    /// Until when it has been brought.
    last: Tick,
    /// For how long it has run, without pauses.
    elapsed: Duration,
}

/// What the simulation is at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct State {
    pub(super) is_paused: bool,
    pub(super) tasks_processed: u64,
    pub(super) tasks_in_flight: usize,
    /// None: it does not run.
    pub(super) started_at: Option<SystemTime>,
}

impl Control {
    pub(super) fn new(clock: Clock, rate: f64, seed: u64) -> Self {
        Self {
            clock,
            rate,
            seed,
            run: None,
            processed: 0,
        }
    }

    pub(super) fn state(&self) -> State {
        let run = self.run.as_ref();
        State {
            is_paused: run.is_some_and(|run| run.is_paused),
            tasks_processed: self.processed,
            tasks_in_flight: run.map_or(0, |run| run.run.in_flight()),
            started_at: run.map(|run| run.started_at),
        }
    }

    /// Starts it anew, unless it runs already.
    pub(super) fn start(&mut self) {
        if self.run.is_some() {
            return;
        }
        let started_at = self.clock.wall();
        let since_epoch = started_at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        // Two processes that start in the same millisecond have other seeds.
        let name = format!("{:x}-{:x}", since_epoch.as_millis(), self.seed as u16);
        self.processed = 0;
        self.run = Some(Running {
            run: Run::new(name, self.rate, self.seed),
            started_at,
            is_paused: false,
            last: self.clock.now(),
            elapsed: Duration::ZERO,
        });
        self.seed = self.seed.wrapping_add(1);
    }

    /// Ends it; what was under way is forgotten.
    pub(super) fn stop(&mut self) {
        self.run = None;
    }

    /// Halts it or lets it go on; false where none runs.
    pub(super) fn pause(&mut self, is_paused: bool) -> bool {
        let now = self.clock.now();
        if let Some(run) = &mut self.run {
            if run.is_paused != is_paused {
                run.last = now;
            }
            run.is_paused = is_paused;
        }
        self.run.is_some()
    }

    /// Brings it to the clock's time; returns what has ended since.
    pub(super) fn advance(&mut self, refit: impl FnMut(&mut dyn FnMut())) -> Vec<Completed> {
        let now = self.clock.now();
        let Some(run) = self.run.as_mut().filter(|run| !run.is_paused) else {
            return Vec::new();
        };
        run.elapsed += now.since(run.last).min(STEP_MAX);
        run.last = now;
        let completed = run.run.advance(run.elapsed.as_secs_f64(), refit);
        self.processed += completed.len() as u64;
        completed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use larder::ManualClock;

    #[test]
    fn time_goes_on_only_while_it_runs() {
        let time = ManualClock::new();
        let mut control = Control::new(time.clock(), 100.0, 1);
        let ended_in = |control: &mut Control, seconds| {
            time.advance(Duration::from_secs(seconds));
            control.advance(|fit| fit()).len()
        };
        assert_eq!(ended_in(&mut control, 5), 0);
        assert!(!control.pause(true));
        control.start();
        assert!(ended_in(&mut control, 5) > 300);
        assert!(control.pause(true));
        assert_eq!(ended_in(&mut control, 5), 0);
        assert!(control.pause(false));
        assert_eq!(ended_in(&mut control, 0), 0);
        let before = control.state().tasks_processed;
        assert!(
            (200..900).contains(&ended_in(&mut control, 3_600)),
            "five seconds, not an hour"
        );
        assert!(control.state().tasks_processed > before);
        control.stop();
        assert_eq!(control.state().started_at, None);
        assert!(control.state().tasks_processed > 0);
        control.start();
        assert_eq!(control.state().tasks_processed, 0);
    }
}
