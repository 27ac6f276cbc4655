//! One file under several paths, at once or one after the other.

use std::fs;

use larder_services::claude_usage::{Changes, Collector, TimeRange};
use proptest::prelude::*;

use super::tree::{Tree, counted, joined, look, main_line, nameless_line, walk};

const LOG: &str = "p/s.jsonl";

/// A message, and two equal lines without a message id.
fn tree() -> Tree {
    Tree::of(&[
        &main_line("a", "r", 1),
        &nameless_line(2),
        &nameless_line(2),
    ])
}

fn rename(tree: &Tree, from: &str, to: &str) {
    fs::create_dir_all(tree.path(to).parent().unwrap()).unwrap();
    fs::rename(tree.path(from), tree.path(to)).unwrap();
}

fn archived(collector: &Collector) -> u64 {
    let today = jiff::civil::date(2026, 1, 2);
    collector
        .report()
        .view(TimeRange::All, today)
        .archived
        .messages
}

#[track_caller]
fn agrees_with_a_fresh_scan(collector: &Collector, tree: &Tree) {
    assert_eq!(collector.report().totals(), tree.totals());
    assert_eq!(archived(collector), 0);
    assert_eq!(
        collector.report().scan().lines,
        tree.collect().report().scan().lines
    );
}

#[test]
fn a_renamed_log_counts_once_and_goes_on() {
    for to in ["p/a.jsonl", "z/z.jsonl"] {
        let tree = tree();
        let mut collector = tree.collect();
        rename(&tree, LOG, to);
        walk(&mut collector);
        assert_eq!(counted(&collector), (3, 5));
        tree.append(to, joined(&[&nameless_line(2), &main_line("b", "r", 1)]));
        look(&mut collector, &tree.path(to));
        agrees_with_a_fresh_scan(&collector, &tree);
    }
}

#[test]
fn a_renamed_directory_counts_once() {
    let tree = tree();
    tree.write("p/s/subagents/agent-1.jsonl", joined(&[&nameless_line(2)]));
    let mut collector = tree.collect();
    rename(&tree, "p", "q");
    collector.refresh(Changes::Paths(vec![tree.path("q"), tree.path("p")]));
    agrees_with_a_fresh_scan(&collector, &tree);
}

#[test]
fn a_log_that_was_renamed_is_known_after_a_restart() {
    let tree = tree();
    let mut collector = tree.open().unwrap();
    walk(&mut collector);
    collector.persist().unwrap();
    drop(collector);
    for (from, to) in [(LOG, "q/t.jsonl"), ("q/t.jsonl", "q/u.jsonl")] {
        rename(&tree, from, to);
        tree.append(to, joined(&[&nameless_line(2)]));
        let mut collector = tree.open().unwrap();
        walk(&mut collector);
        agrees_with_a_fresh_scan(&collector, &tree);
        collector.persist().unwrap();
    }
}

#[test]
fn a_log_that_moves_back_counts_once() {
    let tree = tree();
    let mut collector = tree.collect();
    for (from, to) in [(LOG, "q/t.jsonl"), ("q/t.jsonl", LOG)] {
        rename(&tree, from, to);
        walk(&mut collector);
        tree.append(to, joined(&[&nameless_line(2)]));
        walk(&mut collector);
        agrees_with_a_fresh_scan(&collector, &tree);
    }
}

#[test]
fn rotated_logs_count_once_and_the_new_ones_count_too() {
    let tree = tree();
    let mut collector = tree.open().unwrap();
    walk(&mut collector);
    for _ in 0..3 {
        if tree.path("p/s.1.jsonl").exists() {
            rename(&tree, "p/s.1.jsonl", "p/s.2.jsonl");
        }
        rename(&tree, LOG, "p/s.1.jsonl");
        tree.write(LOG, joined(&[&nameless_line(2)]));
        walk(&mut collector);
        collector.persist().unwrap();
        drop(collector);
        collector = tree.open().unwrap();
        tree.append(LOG, joined(&[&nameless_line(2)]));
        walk(&mut collector);
        let rotated = (counted(&collector), collector.report().scan().files);
        if !tree.path("p/s.2.jsonl").exists() {
            assert_eq!(rotated, ((5, 9), 2));
            agrees_with_a_fresh_scan(&collector, &tree);
        }
    }
    assert_eq!(counted(&collector), (9, 17), "what was written over stays");
}

#[test]
fn logs_that_change_places_count_once() {
    let tree = tree();
    tree.write("p/t.jsonl", joined(&[&nameless_line(2), &nameless_line(4)]));
    let mut collector = tree.collect();
    for _ in 0..2 {
        rename(&tree, LOG, "p/aside");
        rename(&tree, "p/t.jsonl", LOG);
        rename(&tree, "p/aside", "p/t.jsonl");
        walk(&mut collector);
        agrees_with_a_fresh_scan(&collector, &tree);
    }
}

#[test]
#[cfg(unix)]
fn a_file_with_several_paths_counts_once() {
    use std::os::unix::fs::symlink;
    let tree = tree();
    let mut collector = tree.collect();
    fs::hard_link(tree.path(LOG), tree.path("p/a.jsonl")).unwrap();
    symlink(tree.path(LOG), tree.path("p/b.jsonl")).unwrap();
    for _ in 0..2 {
        look(&mut collector, &tree.path("p/a.jsonl"));
        look(&mut collector, &tree.path("p/b.jsonl"));
        walk(&mut collector);
        agrees_with_a_fresh_scan(&collector, &tree);
        assert_eq!(
            (counted(&collector), collector.report().scan().files),
            ((3, 5), 1)
        );
        tree.append("p/a.jsonl", "\n");
    }
    tree.remove(LOG);
    walk(&mut collector);
    assert_eq!((counted(&collector), archived(&collector)), ((3, 5), 0));
}

/// What may happen to a log.
#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    /// Unless another one is there.
    Rename(usize, usize),
    Walk,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4_usize).prop_map(Step::Append),
        3 => (0..4_usize, 0..4_usize).prop_map(|(from, to)| Step::Rename(from, to)),
        3 => Just(Step::Walk),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_renamed_counts_as_in_a_fresh_scan(steps in prop::collection::vec(step(), 1..40)) {
        const PATHS: [&str; 4] = ["p/s.jsonl", "p/a.jsonl", "q/t.jsonl", "q/t/u.jsonl"];
        let tree = Tree::new();
        let mut collector = tree.open().unwrap();
        for step in steps {
            match step {
                Step::Append(path) => tree.append(PATHS[path], joined(&[&nameless_line(2)])),
                Step::Rename(from, to) => {
                    if tree.path(PATHS[from]).exists() && !tree.path(PATHS[to]).exists() {
                        rename(&tree, PATHS[from], PATHS[to]);
                    }
                }
                Step::Walk => drop(walk(&mut collector)),
                Step::Restart => {
                    walk(&mut collector);
                    collector.persist().unwrap();
                    drop(collector);
                    collector = tree.open().unwrap();
                }
            }
        }
        walk(&mut collector);
        agrees_with_a_fresh_scan(&collector, &tree);
    }
}
