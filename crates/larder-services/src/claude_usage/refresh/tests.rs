//! A worker's refreshes, with and without notification.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use larder::Clock;

use super::super::collector::{Collector, Settings};
use super::super::prices::Prices;
use super::{PERSIST_ANYWAY_EVERY, Troubles, Worker};

fn collector(root: &Path) -> Collector {
    let settings = Settings {
        roots: vec![root.join("config")],
        state: Some(root.join("state/usage.state")),
        zone: TimeZone::UTC,
        prices: Prices::embedded(),
        threads: 1,
        clock: Clock::system(),
    };
    Collector::open(settings, Arc::default()).unwrap()
}

/// A worker, and what it is woken by.
fn worker(root: &Path) -> (Worker, Receiver<()>) {
    let (sender, woken) = mpsc::channel();
    let wake = Arc::new(move || sender.send(()).unwrap_or_default());
    (Worker::new(collector(root), Arc::default(), wake), woken)
}

/// A worker that walks at every refresh, since it gets no notification.
fn blind(root: &Path) -> Worker {
    let (mut worker, _) = worker(root);
    worker.watch_failed = Some(Instant::now());
    worker
}

/// Writes a log of one message.
fn log(root: &Path, message: &str) {
    let directory = root.join("config/projects/p");
    let line =
        format!(r#"{{"message":{{"id":"{message}","model":"m","usage":{{"output_tokens":1}}}}}}"#);
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join(message).with_extension("jsonl"), line + "\n").unwrap();
}

fn messages(collector: &Collector) -> u64 {
    collector.report().totals().messages
}

#[test]
fn the_first_scan_is_kept_at_once() {
    let root = tempfile::tempdir().unwrap();
    log(root.path(), "a");
    blind(root.path()).refresh();
    assert_eq!(messages(&collector(root.path())), 1);
}

#[test]
fn what_a_log_said_is_kept_as_soon_as_the_log_is_gone_or_written_anew() {
    let root = tempfile::tempdir().unwrap();
    log(root.path(), "a");
    let mut worker = blind(root.path());
    worker.refresh();
    for lose in [
        |log: &Path| fs::remove_file(log),
        |log: &Path| fs::write(log, ""),
        |log: &Path| fs::rename(log.with_file_name("a.jsonl"), log),
    ] {
        log(root.path(), "b");
        worker.refresh();
        lose(&root.path().join("config/projects/p/b.jsonl")).unwrap();
        worker.refresh();
        drop(worker);
        assert_eq!(messages(&collector(root.path())), 2);
        fs::remove_dir_all(root.path().join("state")).unwrap();
        worker = blind(root.path());
        log(root.path(), "a");
        worker.refresh();
    }
}

#[test]
fn a_state_that_was_removed_is_written_again_without_a_change_in_the_logs() {
    let root = tempfile::tempdir().unwrap();
    log(root.path(), "a");
    let mut worker = blind(root.path());
    worker.refresh();
    fs::remove_dir_all(root.path().join("state")).unwrap();
    worker.persisted = worker.persisted.checked_sub(PERSIST_ANYWAY_EVERY).unwrap();
    worker.refresh();
    drop(worker);
    assert_eq!(messages(&collector(root.path())), 1);
}

#[test]
fn a_state_that_cannot_be_opened_is_a_trouble_from_the_start() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("state"), "a file").unwrap();
    let troubles = Arc::new(parking_lot::Mutex::new(Troubles::default()));
    let mut worker = Worker::new(collector(root.path()), troubles.clone(), Arc::new(|| ()));
    assert!(troubles.lock().keeping.is_some());
    fs::remove_file(root.path().join("state")).unwrap();
    log(root.path(), "a");
    worker.refresh();
    assert_eq!(troubles.lock().keeping, None);
}

#[test]
fn a_root_that_was_moved_away_and_made_anew_is_watched_again() {
    let root = tempfile::tempdir().unwrap();
    log(root.path(), "a");
    let (mut worker, woken) = worker(root.path());
    worker.refresh();
    fs::rename(root.path().join("config"), root.path().join("old")).unwrap();
    log(root.path(), "b");
    worker.refresh();
    assert_eq!(messages(&worker.collector), 2);
    woken.try_iter().for_each(drop);
    log(root.path(), "c");
    while messages(&worker.collector) < 3 {
        woken
            .recv_timeout(Duration::from_secs(10))
            .expect("the change is told");
        worker.refresh();
    }
}
