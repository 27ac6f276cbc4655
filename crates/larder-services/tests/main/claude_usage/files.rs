//! What happens to files while they are watched over.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use larder_services::claude_usage::{Changes, Collector, Settings, default_roots};

use super::tree::{Tree, counted, joined, look, main_line, nameless_line, skipped, walk};

const LOG: &str = "p/s.jsonl";

#[test]
fn only_what_was_appended_is_read() {
    let lines: Vec<String> = (0..1000)
        .map(|n| main_line(&n.to_string(), "r", 1))
        .collect();
    let tree = Tree::of(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let mut collector = tree.collect();
    let more = joined(&[&main_line("more", "r", 1)]);
    tree.append(LOG, &more);
    let refreshed = look(&mut collector, &tree.path(LOG));
    assert_eq!(
        (refreshed.files_read, refreshed.bytes_read),
        (1, more.len() as u64)
    );
    assert_eq!(counted(&collector), (1001, 1001));
    let refreshed = walk(&mut collector);
    assert_eq!((refreshed.changed, refreshed.files_read), (false, 0));
}

#[test]
fn a_line_without_its_newline_counts_once() {
    let tree = Tree::new();
    tree.write(LOG, main_line("m", "r", 1) + "\n" + &nameless_line(10));
    let mut collector = tree.collect();
    assert_eq!(counted(&collector), (2, 11));
    tree.append(LOG, "\n");
    walk(&mut collector);
    assert_eq!((counted(&collector), skipped(&collector)), ((2, 11), 0));
    tree.append(LOG, nameless_line(100));
    walk(&mut collector);
    tree.append(LOG, "\r\n\n");
    walk(&mut collector);
    assert_eq!((counted(&collector), skipped(&collector)), ((3, 111), 0));
    assert_eq!(collector.report().scan().lines, 4);
    assert_eq!(counted(&tree.collect()), (3, 111));
}

#[test]
fn an_unfinished_line_waits_for_its_rest() {
    let tree = Tree::new();
    let line = main_line("m", "r", 7);
    let mut collector = tree.collect();
    for byte in line.as_bytes() {
        assert_eq!((counted(&collector), skipped(&collector)), ((0, 0), 0));
        tree.append(LOG, [*byte]);
        look(&mut collector, &tree.path(LOG));
    }
    assert_eq!(counted(&collector), (1, 7));
}

#[test]
fn what_follows_a_line_that_was_taken_without_its_newline_is_skipped() {
    let tree = Tree::new();
    tree.write(LOG, main_line("m", "r", 7));
    let mut collector = tree.collect();
    tree.append(LOG, main_line("x", "r", 100));
    walk(&mut collector);
    let so_far = (counted(&collector), skipped(&collector));
    assert_eq!(so_far, ((1, 7), 0), "it may still grow");
    tree.append(LOG, "\n".to_owned() + &joined(&[&main_line("n", "r", 1)]));
    walk(&mut collector);
    assert_eq!((counted(&collector), skipped(&collector)), ((2, 8), 1));
}

#[test]
fn a_long_unfinished_line_is_read_once_while_it_grows() {
    let tree = Tree::new();
    let mut collector = tree.collect();
    let line = main_line("m", "r", 7);
    let (head, end) = line.split_at(line.len() - 1);
    tree.write(LOG, head.to_owned() + ",\"x\":\"");
    let mut read = 0;
    for _ in 0..16 {
        tree.append(LOG, "y".repeat(1 << 20));
        read += look(&mut collector, &tree.path(LOG)).bytes_read;
    }
    assert!(read < 21 << 20, "{read}");
    tree.append(LOG, format!("\"{end}"));
    look(&mut collector, &tree.path(LOG));
    assert_eq!(counted(&collector), (1, 7));
    tree.append(LOG, "\n".to_owned() + &joined(&[&main_line("n", "r", 1)]));
    look(&mut collector, &tree.path(LOG));
    assert_eq!((counted(&collector), skipped(&collector)), ((2, 8), 0));
}

#[test]
fn a_line_over_32_mib_is_skipped_also_across_refreshes() {
    let tree = Tree::new();
    let piece = vec![b'x'; 17 << 20];
    tree.write(LOG, joined(&[&main_line("a", "r", 1)]));
    tree.append(LOG, &piece);
    let mut collector = tree.collect();
    for _ in 0..2 {
        tree.append(LOG, &piece);
        walk(&mut collector);
    }
    tree.append(LOG, "\n".to_owned() + &joined(&[&main_line("b", "r", 1)]));
    walk(&mut collector);
    assert_eq!((counted(&collector), skipped(&collector)), ((2, 2), 1));
    let at_once = tree.collect();
    assert_eq!((counted(&at_once), skipped(&at_once)), ((2, 2), 1));
    assert_eq!(
        at_once.report().scan().lines,
        collector.report().scan().lines
    );
}

#[test]
fn a_file_that_shrank_is_read_again_and_nothing_counts_twice() {
    let tree = Tree::of(&[
        &main_line("a", "r", 1),
        &main_line("b", "r", 1),
        &nameless_line(5),
    ]);
    let mut collector = tree.collect();
    tree.write(
        LOG,
        joined(&[&main_line("a", "r", 1), &main_line("c", "r", 1)]),
    );
    walk(&mut collector);
    assert_eq!(counted(&collector), (4, 8));
    assert_eq!(collector.report().scan().lines, 2);
}

#[test]
fn a_file_that_was_replaced_is_read_again() {
    let (pad, more) = (padding(), main_line("c", "r", 1));
    let tree = Tree::of(&[&main_line("a", "r", 1), &nameless_line(5), &pad]);
    let mut collector = tree.collect();
    let longer = joined(&[&main_line("b", "r", 1), &nameless_line(5), &pad, &more]);
    fs::write(tree.path("p/new"), &longer).unwrap();
    fs::rename(tree.path("p/new"), tree.path(LOG)).unwrap();
    walk(&mut collector);
    assert_eq!(counted(&collector), (4, 8));
}

/// A line that says nothing and is longer than what is compared before a file is read on.
fn padding() -> String {
    format!(r#"{{"type":"{}"}}"#, "x".repeat(400))
}

#[test]
fn a_longer_file_that_was_written_anew_in_place_is_read_from_its_start() {
    let tree = Tree::of(&[&main_line("a", "r", 1)]);
    let mut collector = tree.collect();
    tree.write(
        LOG,
        joined(&[&main_line("bb", "r", 1), &main_line("c", "r", 1)]),
    );
    walk(&mut collector);
    assert_eq!(counted(&collector), (3, 3));
}

#[test]
fn the_same_length_at_another_time_is_read_again() {
    let tree = Tree::of(&[&main_line("a", "r", 1), &padding()]);
    let mut collector = tree.collect();
    tree.write(LOG, joined(&[&main_line("b", "r", 1), &padding()]));
    let later = SystemTime::now() + Duration::from_secs(5);
    let file = File::options().write(true).open(tree.path(LOG)).unwrap();
    file.set_modified(later).unwrap();
    walk(&mut collector);
    assert_eq!(counted(&collector), (2, 2));
}

#[test]
fn what_a_deleted_file_said_stays_and_is_called_archived() {
    let tree = Tree::of(&[&main_line("a", "r", 1)]);
    tree.write(
        "q/t.jsonl",
        joined(&[&main_line("b", "r", 2), &main_line("c", "r", 4)]),
    );
    let mut collector = tree.collect();
    tree.remove("q/t.jsonl");
    assert!(look(&mut collector, &tree.path("q/t.jsonl")).changed);
    assert_eq!(counted(&collector), (3, 7));
    let archived = archived(&collector);
    assert_eq!(archived, (1, 2, 6));
    assert_eq!(collector.report().scan().files, 1);
    tree.write("q/t.jsonl", joined(&[&main_line("b", "r", 2)]));
    walk(&mut collector);
    assert_eq!(self::archived(&collector), (0, 0, 0), "the file is back");
}

#[test]
fn a_removed_directory_takes_its_files_along() {
    let tree = Tree::of(&[&main_line("a", "r", 1)]);
    tree.write(
        "q/s/subagents/agent-1.jsonl",
        joined(&[&main_line("b", "r", 2)]),
    );
    let mut collector = tree.collect();
    fs::remove_dir_all(tree.path("q")).unwrap();
    look(&mut collector, &tree.path("q"));
    assert_eq!(archived(&collector), (1, 1, 2));
    fs::remove_dir_all(tree.root()).unwrap();
    walk(&mut collector);
    assert_eq!(
        (counted(&collector), archived(&collector)),
        ((2, 3), (2, 2, 3))
    );
}

#[test]
fn a_message_that_another_file_still_holds_is_not_archived() {
    let line = joined(&[&main_line("a", "r", 1)]);
    for (first, second) in [("a/s.jsonl", "b/s.jsonl"), ("b/s.jsonl", "a/s.jsonl")] {
        let tree = Tree::new();
        tree.write(first, &line);
        let mut collector = tree.collect();
        tree.write(second, &line);
        walk(&mut collector);
        tree.remove(first);
        walk(&mut collector);
        assert_eq!(
            (counted(&collector), archived(&collector)),
            ((1, 1), (0, 0, 0))
        );
        tree.remove(second);
        walk(&mut collector);
        assert_eq!(
            (counted(&collector), archived(&collector)),
            ((1, 1), (1, 1, 1))
        );
    }
}

/// Files, messages and tokens without a file.
fn archived(collector: &Collector) -> (u64, u64, u64) {
    let today = jiff::civil::date(2026, 1, 2);
    let archived = collector
        .report()
        .view(larder_services::claude_usage::TimeRange::All, today)
        .archived;
    (archived.files, archived.messages, archived.total_tokens)
}

#[test]
fn new_files_and_directories_are_found_by_their_paths() {
    let tree = Tree::new();
    let mut collector = tree.collect();
    tree.write(
        "new/s/subagents/agent-1.jsonl",
        joined(&[&main_line("a", "r", 1)]),
    );
    tree.write("new/notes.txt", joined(&[&main_line("b", "r", 1)]));
    look(&mut collector, &tree.path("new"));
    assert_eq!(counted(&collector), (1, 1));
    look(&mut collector, &tree.path("new/notes.txt"));
    look(&mut collector, &tree.path("never/was.jsonl"));
    assert_eq!(counted(&collector), (1, 1));
    let call = collector.report().days()[0].calls[0].clone();
    assert_eq!(&*call.project, "new");
}

#[test]
fn a_line_without_a_session_takes_its_files() {
    let line = r#"{"message":{"usage":{"output_tokens":1}}}"#;
    for (path, session) in [
        ("p/abc.jsonl", "abc"),
        ("p/def/chat.jsonl", "def"),
        ("p/def/subagents/x.jsonl", "def"),
    ] {
        let tree = Tree::new();
        tree.write(path, joined(&[line]));
        let cell = tree.collect().report().days()[0].cells[0].clone();
        assert_eq!((&*cell.session, &*cell.project), (session, "p"));
    }
}

#[test]
fn roots_that_do_not_exist_are_named_and_found_when_they_come() {
    let tree = Tree::new();
    let later = tree.root().join("later");
    let settings = Settings {
        roots: vec![tree.root(), later.clone()],
        ..tree.settings(None)
    };
    let mut collector = Collector::open(settings, Arc::default()).unwrap();
    let refreshed = walk(&mut collector);
    assert_eq!((refreshed.changed, refreshed.warnings.len()), (true, 0));
    assert!(!walk(&mut collector).changed);
    let report = collector.report();
    assert_eq!(
        report.looked_in(),
        [tree.root().join("projects"), later.join("projects")]
    );
    assert_eq!(report.found_roots(), [tree.root().join("projects")]);
    fs::create_dir_all(later.join("projects/p")).unwrap();
    fs::write(
        later.join("projects/p/s.jsonl"),
        joined(&[&main_line("a", "r", 1)]),
    )
    .unwrap();
    walk(&mut collector);
    assert_eq!(
        (counted(&collector), collector.report().found_roots().len()),
        ((1, 1), 2)
    );
}

#[test]
#[cfg(unix)]
fn links_are_followed_once_and_loops_end() {
    use std::os::unix::fs::symlink;
    let tree = Tree::of(&[&nameless_line(1)]);
    let outside = tempfile::tempdir().unwrap();
    fs::write(
        outside.path().join("o.jsonl"),
        joined(&[&nameless_line(10)]),
    )
    .unwrap();
    symlink(tree.path(""), tree.path("p/up")).unwrap();
    symlink(tree.path("p"), tree.path("again")).unwrap();
    symlink(outside.path(), tree.path("p/out")).unwrap();
    symlink(tree.root(), tree.root().join("self")).unwrap();
    let roots = vec![
        tree.root(),
        tree.root().join("self"),
        tree.root().join("../config"),
    ];
    let mut collector = Collector::open(
        Settings {
            roots,
            ..tree.settings(None)
        },
        Arc::default(),
    )
    .unwrap();
    walk(&mut collector);
    assert_eq!(counted(&collector), (2, 11));
}

#[test]
#[cfg(unix)]
fn what_cannot_be_read_is_counted_and_said() {
    let tree = Tree::of(&[&main_line("a", "r", 1)]);
    std::os::unix::fs::symlink("loop.jsonl", tree.path("p/loop.jsonl")).unwrap();
    let mut collector = tree.collect();
    let refreshed = walk(&mut collector);
    assert_eq!(
        (counted(&collector), collector.report().scan().unreadable),
        ((1, 1), 1)
    );
    assert!(
        refreshed.warnings[0].contains("p/loop.jsonl could not be read"),
        "{:?}",
        refreshed.warnings
    );
    tree.remove("p/loop.jsonl");
    walk(&mut collector);
    assert_eq!(collector.report().scan().unreadable, 0);
}

#[test]
fn the_progress_of_a_scan_can_be_watched() {
    let tree = Tree::of(&[&main_line("a", "r", 1)]);
    let progress = Arc::new(larder_services::claude_usage::Progress::default());
    let mut collector = Collector::open(tree.settings(None), progress.clone()).unwrap();
    assert!(!progress.snapshot().finished);
    collector.refresh(Changes::Walk);
    let end = progress.snapshot();
    assert_eq!(
        (end.files_done, end.files_total, end.finished),
        (1, 1, true)
    );
    assert_eq!(end.bytes_done, end.bytes_total);
}

#[test]
fn default_roots_are_those_that_are_listed_or_those_under_home() {
    let env = |list: Option<&str>| {
        let list = list.map(OsString::from);
        default_roots(move |name| match name {
            "CLAUDE_CONFIG_DIR" => list.clone(),
            "HOME" => Some("/home/me".into()),
            _ => None,
        })
    };
    let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
    assert_eq!(env(Some("/a, /b c,,")), paths(&["/a", "/b c"]));
    assert_eq!(
        env(None),
        paths(&["/home/me/.claude", "/home/me/.config/claude"])
    );
    assert_eq!(env(Some(" ")), env(None));
    assert_eq!(default_roots(|_| None), paths(&[]));
}

#[test]
fn a_byte_order_mark_hides_no_line() {
    for end in ["", "\n"] {
        let tree = Tree::new();
        tree.write(LOG, "\u{feff}".to_owned() + &nameless_line(1) + end);
        let collector = tree.collect();
        assert_eq!((counted(&collector), skipped(&collector)), ((1, 1), 0));
    }
    let tree = Tree::of(&[
        &main_line("a", "r", 1),
        &format!("\u{feff}{}", nameless_line(1)),
    ]);
    assert_eq!(
        skipped(&tree.collect()),
        1,
        "it stands at a file's start only"
    );
}

#[test]
fn directories_too_deep_to_be_walked_are_named() {
    let tree = Tree::new();
    let deep = |levels: usize| "d/".repeat(levels) + "s.jsonl";
    tree.write(&deep(31), joined(&[&main_line("a", "r", 1)]));
    let mut collector = tree.collect();
    assert_eq!(collector.report().scan().unreadable, 0);
    tree.write(&deep(32), joined(&[&main_line("b", "r", 1)]));
    let warnings = walk(&mut collector).warnings;
    assert_eq!(counted(&collector), (1, 1));
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].contains("more than 32 directories deep"),
        "{warnings:?}"
    );
}
