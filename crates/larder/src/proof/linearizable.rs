//! Real threads read and write at once; no read that began after an acknowledged invalidation may
//! return a value from before it.
//!
//! A key's value at its origin is a number that only grows. A writer raises it, tells the cache
//! (that the key, its tag, its prefix, a pattern or everything is invalid, or what the new value
//! is) and then notes the number as acknowledged. A reader looks what is acknowledged, reads, and
//! has to get that or more. Each key has one writer, as `insert` is ordered by its arrival.

mod subjects;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::checks::Check;

use subjects::{Builder, Change, Subject, tasks, tasks_on_disk, threaded};

const KEYS: usize = 6;
const WRITERS: usize = 2;
const READERS: usize = 3;
/// Within this time a checker has to find that a check is missing. It takes milliseconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// The truth about one key.
#[derive(Default)]
struct Origin {
    value: AtomicU64,
    acknowledged: AtomicU64,
}

impl Origin {
    fn is_current(&self, value: u64) -> bool {
        self.acknowledged.load(SeqCst) <= value
    }
}

/// A run of readers and writers on one subject.
struct Trial<'a> {
    subject: &'a dyn Subject,
    origins: [Arc<Origin>; KEYS],
    reads: AtomicU64,
    is_over: AtomicBool,
    violation: OnceLock<String>,
}

impl<'a> Trial<'a> {
    fn new(subject: &'a dyn Subject) -> Self {
        Self {
            subject,
            origins: std::array::from_fn(|_| Arc::default()),
            reads: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            violation: OnceLock::new(),
        }
    }

    /// Runs for this long, or until a read has returned what it must not.
    fn run(&self, limit: Duration) {
        let end = Instant::now() + limit;
        thread::scope(|scope| {
            for writer in 0..WRITERS {
                scope.spawn(move || self.write(writer));
            }
            for _ in 0..READERS {
                scope.spawn(|| self.read(end));
            }
        });
    }

    fn write(&self, writer: usize) {
        while !self.is_over.load(SeqCst) {
            let number = fastrand::usize(0..KEYS / WRITERS) * WRITERS + writer;
            let origin = &self.origins[number];
            let value = origin.value.fetch_add(1, SeqCst) + 1;
            let change = match fastrand::u8(0..10) {
                0..3 => Change::Key,
                3..5 => Change::Tag,
                5 => Change::Prefix,
                6 => Change::Pattern,
                7 => Change::All,
                _ => Change::Insert(value),
            };
            self.subject.change(number, &change);
            origin.acknowledged.store(value, SeqCst);
            (0..fastrand::usize(0..4)).for_each(|_| thread::yield_now());
        }
    }

    fn read(&self, end: Instant) {
        while !self.is_over.load(SeqCst) {
            let number = fastrand::usize(0..KEYS);
            let origin = &self.origins[number];
            let least = origin.acknowledged.load(SeqCst);
            let got = if fastrand::bool() {
                Some(self.subject.load(number, origin))
            } else {
                self.subject.peek(number)
            };
            self.reads.fetch_add(1, SeqCst);
            if let Some(got) = got.filter(|got| *got < least) {
                let text = format!("key {number}: {got} was read after {least} was acknowledged");
                drop(self.violation.set(text));
                self.is_over.store(true, SeqCst);
            }
            if fastrand::u8(0..8) == 0 {
                thread::yield_now();
            }
            if Instant::now() >= end {
                self.is_over.store(true, SeqCst);
            }
        }
    }
}

/// How long the trials of a sound cache take together: `LARDER_PROOF_SECONDS`, one unless set.
fn total() -> Duration {
    let seconds = std::env::var("LARDER_PROOF_SECONDS").ok();
    Duration::from_secs(seconds.map_or(1, |text| text.parse().expect("a number of seconds")))
}

/// C1 to C5, C8, J2
#[test]
fn no_read_that_began_after_an_acknowledged_invalidation_returns_an_older_value() {
    for subject in [threaded(None), tasks(None)] {
        assert_is_sound(&*subject);
    }
}

/// C1 to C5, C8, H6
#[test]
fn no_such_read_returns_one_from_disk_either() {
    let subject = tasks_on_disk(None);
    assert_is_sound(&*subject);
    let disk = subject.stats().disk.unwrap();
    assert!(disk.hits > 0 && disk.degraded.is_none(), "{disk:?}");
}

#[track_caller]
fn assert_is_sound(subject: &dyn Subject) {
    let trial = Trial::new(subject);
    trial.run(total() / 2);
    assert_eq!(trial.violation.get(), None);
    assert!(trial.reads.load(SeqCst) > 0 && subject.stats().loads > 0);
}

#[track_caller]
fn assert_is_noticed(missing: Check, subjects: &[Builder]) {
    for subject in subjects {
        let subject = subject(Some(missing));
        let trial = Trial::new(&*subject);
        trial.run(PATIENCE);
        let found = trial.violation.get();
        assert!(found.is_some(), "{missing:?} is missing and nothing shows");
    }
}

#[test]
fn the_checker_finds_a_cache_that_publishes_loads_whose_key_was_invalidated() {
    assert_is_noticed(Check::Table, &[threaded, tasks, tasks_on_disk]);
}

#[test]
fn the_checker_finds_a_cache_that_publishes_loads_from_before_an_invalidation_of_many() {
    assert_is_noticed(Check::Stamp, &[threaded, tasks, tasks_on_disk]);
}

#[test]
fn the_checker_finds_a_cache_that_lets_anyone_join_a_load() {
    assert_is_noticed(Check::Joining, &[threaded, tasks]);
}

#[test]
fn the_checker_finds_a_cache_that_does_not_ask_the_log_at_a_hit() {
    assert_is_noticed(Check::Hit, &[threaded, tasks]);
}

#[test]
fn the_checker_finds_a_cache_that_forgets_what_the_logs_floor_stands_for() {
    assert_is_noticed(Check::Floor, &[threaded, tasks]);
}

#[test]
fn the_checker_finds_a_cache_that_raises_from_disk_what_was_written_while_it_was_read() {
    assert_is_noticed(Check::Reading, &[tasks_on_disk]);
}

#[test]
fn the_checker_finds_a_cache_that_does_not_ask_the_log_of_what_is_on_disk() {
    assert_is_noticed(Check::Beneath, &[tasks_on_disk]);
}
