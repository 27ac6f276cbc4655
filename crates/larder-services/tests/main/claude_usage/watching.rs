//! Notification of what changed.

use std::fs;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use larder_services::claude_usage::{Changes, WatchError, Watcher};

use super::tree::{Tree, counted, joined, main_line};

fn watch(tree: &Tree) -> (Watcher, Receiver<()>) {
    let (sender, receiver) = mpsc::channel();
    let watcher = Watcher::new(&[tree.root().join("projects")], move || {
        sender.send(()).unwrap_or_default();
    })
    .unwrap();
    (watcher, receiver)
}

#[test]
fn a_change_is_told_and_leads_to_its_lines() {
    let tree = Tree::of(&[&main_line("a", "r", 1)]);
    let mut collector = tree.collect();
    let (watcher, changed) = watch(&tree);
    tree.append("p/s.jsonl", joined(&[&main_line("b", "r", 1)]));
    tree.write("new/deep/t.jsonl", joined(&[&main_line("c", "r", 1)]));
    while counted(&collector).0 < 3 {
        changed
            .recv_timeout(Duration::from_secs(10))
            .expect("the change is told");
        collector.refresh(watcher.drain());
    }
    assert!(!watcher.is_outdated());
}

#[test]
fn what_is_no_log_wakes_nobody() {
    let tree = Tree::of(&[]);
    let (watcher, changed) = watch(&tree);
    tree.write("p/index.json", "{}");
    fs::read(tree.path("p/s.jsonl")).unwrap();
    tree.append("p/s.jsonl", joined(&[&main_line("b", "r", 1)]));
    changed
        .recv_timeout(Duration::from_secs(10))
        .expect("the log is told");
    assert_eq!(
        watcher.drain(),
        Changes::Paths(vec![tree.path("p/s.jsonl")])
    );
}

#[test]
fn a_directory_that_is_missing_is_not_watched_until_a_new_watcher_finds_it() {
    let tree = Tree::new();
    let missing = tree.root().join("later");
    assert!(matches!(
        Watcher::new(std::slice::from_ref(&missing), || {}),
        Err(WatchError::NothingThere)
    ));
    let watcher = Watcher::new(&[tree.root().join("projects"), missing.clone()], || {}).unwrap();
    assert!(!watcher.is_outdated());
    fs::create_dir(missing).unwrap();
    assert!(watcher.is_outdated());
}

#[test]
fn a_watcher_is_outdated_when_another_directory_stands_in_its_place_or_none() {
    let tree = Tree::new();
    let (watcher, _) = watch(&tree);
    assert!(!watcher.is_outdated());
    let aside = tree.root().with_file_name("aside");
    fs::rename(tree.root(), &aside).unwrap();
    assert!(watcher.is_outdated(), "it is gone");
    fs::create_dir_all(tree.root().join("projects")).unwrap();
    assert!(watcher.is_outdated(), "it was made anew");
    let (watcher, _) = watch(&tree);
    assert!(!watcher.is_outdated());
}
