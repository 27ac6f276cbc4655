//! What outlives a restart, and what a bad state file costs.

use std::fs;

use larder_services::claude_usage::{Collector, Cost, Error, Prices, TimeRange};

use super::tree::{Tree, counted, joined, look, main_line, nameless_line, side_line, walk};

/// A tree of three logs, counted and kept.
fn kept() -> Tree {
    let tree = Tree::of(&[
        &main_line("a", "r", 1),
        &nameless_line(2),
        &nameless_line(2),
    ]);
    tree.write(
        "p/t.jsonl",
        joined(&[
            &main_line("b", "r1", 4),
            &main_line("b", "r2", 8),
            &main_line("a", "r", 1),
        ]),
    );
    tree.write("q/u.jsonl", joined(&[&side_line("c", "r", 16)]));
    let mut collector = tree.open().unwrap();
    walk(&mut collector);
    collector.persist().unwrap();
    tree
}

const KEPT: (u64, u64) = (6, 33);

#[test]
fn a_restart_has_the_totals_before_it_reads_and_reads_nothing() {
    let tree = kept();
    let mut collector = tree.open().unwrap();
    assert_eq!(counted(&collector), KEPT);
    assert_eq!(walk(&mut collector).files_read, 0);
    assert!(!walk(&mut collector).changed);
    assert_eq!(counted(&collector), KEPT);
    assert_eq!(
        collector.report().scan().lines,
        tree.collect().report().scan().lines
    );
    assert!(collector.report().updated_at().is_some());
}

#[test]
fn a_restart_goes_on_where_each_file_was_left() {
    let tree = kept();
    tree.append(
        "p/s.jsonl",
        joined(&[&nameless_line(2), &main_line("c", "r", 32)]),
    );
    tree.write("q/v.jsonl", nameless_line(64));
    let mut collector = tree.open().unwrap();
    let refreshed = walk(&mut collector);
    assert_eq!(refreshed.files_read, 2);
    assert_eq!(collector.report().totals(), tree.totals());
    collector.persist().unwrap();
    drop(collector);
    tree.append("q/v.jsonl", "\n");
    let mut collector = tree.open().unwrap();
    walk(&mut collector);
    assert_eq!(collector.report().totals(), tree.totals());
}

#[test]
fn what_was_counted_survives_its_files_and_the_restart() {
    let tree = kept();
    tree.remove("p/t.jsonl");
    tree.remove("q/u.jsonl");
    let archived = |collector: &Collector| {
        let archived = collector
            .report()
            .view(TimeRange::All, jiff::civil::date(2026, 1, 2))
            .archived;
        (archived.files, archived.messages)
    };
    let mut collector = tree.open().unwrap();
    walk(&mut collector);
    assert_eq!((counted(&collector), archived(&collector)), (KEPT, (2, 3)));
    collector.persist().unwrap();
    drop(collector);
    let collector = tree.open().unwrap();
    assert_eq!((counted(&collector), archived(&collector)), (KEPT, (2, 3)));
}

#[test]
fn copies_are_remembered_across_a_restart() {
    let tree = kept();
    let mut collector = tree.open().unwrap();
    tree.remove("p/s.jsonl");
    walk(&mut collector);
    let archived = collector
        .report()
        .view(TimeRange::All, jiff::civil::date(2026, 1, 2))
        .archived;
    assert_eq!(archived.messages, 2, "message a is still in p/t.jsonl");
}

#[test]
fn a_line_without_a_message_id_is_known_again_after_a_rewrite_and_a_restart() {
    let tree = Tree::of(&[&nameless_line(2)]);
    let mut collector = tree.open().unwrap();
    walk(&mut collector);
    collector.persist().unwrap();
    fs::remove_file(tree.path("p/s.jsonl")).unwrap();
    tree.write(
        "p/s.jsonl",
        joined(&[&main_line("a", "r", 1), &nameless_line(2)]),
    );
    walk(&mut collector);
    collector.persist().unwrap();
    assert_eq!(counted(&collector), (2, 3));
    drop(collector);
    tree.append("p/s.jsonl", joined(&[&nameless_line(2)]));
    let mut collector = tree.open().unwrap();
    walk(&mut collector);
    assert_eq!(counted(&collector), (3, 5));
}

#[test]
fn persisting_without_changes_writes_nothing() {
    let tree = kept();
    let mut collector = tree.open().unwrap();
    let before = fs::metadata(tree.state_file().unwrap()).unwrap().len();
    walk(&mut collector);
    collector.persist().unwrap();
    assert_eq!(
        fs::metadata(tree.state_file().unwrap()).unwrap().len(),
        before
    );
    tree.append("p/s.jsonl", joined(&[&main_line("z", "r", 1)]));
    look(&mut collector, &tree.path("p/s.jsonl"));
    collector.persist().unwrap();
    let grown = fs::metadata(tree.state_file().unwrap()).unwrap().len() - before;
    assert!((1..400).contains(&grown), "{grown}");
}

#[test]
fn a_state_file_that_ends_early_anywhere_costs_only_a_second_reading() {
    let tree = kept();
    let mut collector = tree.open().unwrap();
    tree.append(
        "p/s.jsonl",
        joined(&[&nameless_line(2), &main_line("b", "r1", 5)]),
    );
    walk(&mut collector);
    collector.persist().unwrap();
    drop(collector);
    let path = tree.state_file().unwrap();
    let whole = fs::read(&path).unwrap();
    for length in (0..whole.len()).rev().step_by(13) {
        fs::write(&path, &whole[..length]).unwrap();
        let mut collector = tree.open().unwrap();
        walk(&mut collector);
        assert_eq!(
            collector.report().totals(),
            tree.totals(),
            "cut at {length}"
        );
        collector.persist().unwrap();
        drop(collector);
        assert_eq!(
            tree.open().unwrap().report().totals(),
            tree.totals(),
            "restored after a cut at {length}"
        );
    }
}

#[test]
fn a_damaged_state_file_is_kept_aside_and_rebuilt() {
    let tree = kept();
    let path = tree.state_file().unwrap();
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(31) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        fs::write(&path, &damaged).unwrap();
        let mut collector = tree.open().unwrap();
        walk(&mut collector);
        assert_eq!(
            collector.report().totals(),
            tree.totals(),
            "damaged at {at}"
        );
    }
    let bad = path.with_extension("state.bad");
    assert_eq!(fs::read(bad).unwrap().len(), whole.len());
}

#[test]
fn a_foreign_or_newer_state_file_is_kept_aside_and_rebuilt() {
    for content in [
        &b"#!/bin/sh\necho this is something else\n"[..],
        b"LARDER-USAGE\xff\0\0\0",
        b"x",
    ] {
        let tree = kept();
        let path = tree.state_file().unwrap();
        fs::write(&path, content).unwrap();
        let mut collector = tree.open().unwrap();
        assert_eq!(counted(&collector), (0, 0));
        walk(&mut collector);
        collector.persist().unwrap();
        assert_eq!(counted(&collector), KEPT);
        assert_eq!(fs::read(path.with_extension("state.bad")).unwrap(), content);
    }
}

#[test]
fn a_second_process_is_refused_with_the_file_named() {
    let tree = kept();
    let first = tree.open().unwrap();
    let Err(error @ Error::Locked { .. }) = tree.open() else {
        panic!("the state is locked")
    };
    assert!(
        error.to_string().contains("is in use by another process"),
        "{error}"
    );
    drop(first);
    assert!(tree.open().is_ok());
}

#[test]
fn without_a_place_for_the_state_it_counts_on_and_keeps_it_once_there_is_one() {
    let tree = Tree::of(&[&main_line("a", "r", 1), &nameless_line(2)]);
    let in_the_way = tree.state().parent().unwrap().to_owned();
    fs::write(&in_the_way, "a file").unwrap();
    let mut collector = tree.open().unwrap();
    walk(&mut collector);
    assert_eq!(counted(&collector), (2, 3));
    let error = collector.persist().unwrap_err();
    assert!(
        error.to_string().contains("could not be created"),
        "{error}"
    );
    fs::remove_file(&in_the_way).unwrap();
    collector.persist().unwrap();
    drop(collector);
    assert_eq!(counted(&tree.open().unwrap()), (2, 3));
}

#[test]
fn a_state_that_appears_later_is_taken_in() {
    let tree = kept();
    tree.remove("q/u.jsonl");
    let directory = tree.state().parent().unwrap().to_owned();
    let moved = directory.with_extension("moved");
    fs::rename(&directory, &moved).unwrap();
    fs::write(&directory, "a file").unwrap();
    tree.append("q/v.jsonl", nameless_line(64));
    let mut collector = tree.open().unwrap();
    walk(&mut collector);
    assert_eq!(counted(&collector), (6, 81));
    fs::remove_file(&directory).unwrap();
    fs::rename(&moved, &directory).unwrap();
    collector.persist().unwrap();
    assert_eq!(counted(&collector), (7, 97));
    drop(collector);
    assert_eq!(counted(&tree.open().unwrap()), (7, 97));
}

#[test]
fn prices_and_zone_are_those_of_the_restart() {
    let mut tree = kept();
    let before = tree.open().unwrap().report();
    let file = tempfile::NamedTempFile::new().unwrap();
    let free =
        r#"{"claude-sonnet-4-5-20250929":{"input_cost_per_token":0,"output_cost_per_token":1}}"#;
    fs::write(file.path(), free).unwrap();
    tree.prices = Prices::load(file.path()).unwrap();
    tree.zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(-4));
    let after = tree.open().unwrap().report();
    assert_ne!(before.totals().cost, after.totals().cost);
    assert_eq!(
        after.totals().cost,
        Cost::from_picodollars(33_000_000_000_000)
    );
    let dates = |report: &larder_services::claude_usage::Report| report.days()[0].date.unwrap();
    assert_eq!((dates(&before).day(), dates(&after).day()), (2, 1));
}

#[test]
fn other_roots_have_a_state_of_their_own() {
    let tree = kept();
    let mut settings = tree.settings(Some(tree.state()));
    settings.roots.push(tree.root().join("more"));
    let collector = Collector::open(settings, std::sync::Arc::default()).unwrap();
    assert_eq!(counted(&collector), (0, 0));
}

#[test]
fn a_state_that_is_mostly_outdated_is_written_anew() {
    let tree = Tree::new();
    let mut collector = tree.open().unwrap();
    let mut largest = 0;
    for round in 0..60 {
        let lines: Vec<String> = (0..200)
            .map(|n| main_line(&n.to_string(), "r", round))
            .collect();
        tree.append(
            "p/s.jsonl",
            joined(&lines.iter().map(String::as_str).collect::<Vec<_>>()),
        );
        walk(&mut collector);
        collector.persist().unwrap();
        largest = largest.max(fs::metadata(tree.state_file().unwrap()).unwrap().len());
    }
    assert!(largest < 2_300_000, "{largest}");
    drop(collector);
    assert_eq!(counted(&tree.open().unwrap()), (200, 200 * 59));
}

#[test]
fn a_state_that_is_removed_or_replaced_while_it_is_used_is_written_anew() {
    type Harm = fn(&std::path::Path);
    let harms: [Harm; 3] = [
        |state| fs::remove_file(state).unwrap(),
        |state| fs::remove_dir_all(state.parent().unwrap()).unwrap(),
        |state| {
            fs::write(state.with_extension("new"), "something else").unwrap();
            fs::rename(state.with_extension("new"), state).unwrap();
        },
    ];
    for harm in harms {
        let tree = kept();
        let mut collector = tree.open().unwrap();
        walk(&mut collector);
        tree.remove("q/u.jsonl");
        walk(&mut collector);
        harm(&tree.state_file().unwrap());
        collector.persist().unwrap();
        drop(collector);
        assert_eq!(counted(&tree.open().unwrap()), KEPT);
    }
}

#[test]
fn an_older_copy_of_the_state_put_back_while_it_is_used_counts_nothing_twice() {
    let tree = kept();
    let mut collector = tree.open().unwrap();
    let state = tree.state_file().unwrap();
    let copy = state.with_extension("copy");
    fs::copy(&state, &copy).unwrap();
    tree.append("p/s.jsonl", joined(&[&nameless_line(2)]));
    walk(&mut collector);
    fs::rename(&copy, &state).unwrap();
    for _ in 0..2 {
        collector.persist().unwrap();
        tree.append("p/s.jsonl", joined(&[&nameless_line(2)]));
        walk(&mut collector);
        assert_eq!(collector.report().totals(), tree.totals());
    }
}

#[test]
fn a_directory_in_the_states_place_is_said_at_once() {
    let tree = kept();
    let state = tree.state_file().unwrap();
    fs::remove_file(&state).unwrap();
    fs::create_dir(&state).unwrap();
    let mut collector = tree.open().unwrap();
    assert!(matches!(collector.not_kept(), Some(Error::State { .. })));
    walk(&mut collector);
    fs::remove_dir(&state).unwrap();
    collector.persist().unwrap();
    assert!(collector.not_kept().is_none());
}
