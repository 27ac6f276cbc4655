//! The rule: which lines count.

use std::path::Path;

use super::tree::{Tree, counted, joined, main_line, nameless_line, side_line, skipped, walk};

fn count(lines: &[&str]) -> (u64, u64) {
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let mut reversed = lines.clone();
    reversed.reverse();
    let of = |lines: &[String]| {
        counted(&Tree::of(&lines.iter().map(String::as_str).collect::<Vec<_>>()).collect())
    };
    assert_eq!(
        of(&lines),
        of(&reversed),
        "the order of lines does not matter"
    );
    of(&lines)
}

#[test]
fn lines_of_one_message_count_once_with_the_largest_total() {
    let lines = [
        main_line("m", "r", 2),
        main_line("m", "r", 40),
        main_line("m", "r", 3),
    ];
    assert_eq!(count(&lines.each_ref().map(String::as_str)), (1, 40));
}

#[test]
fn each_request_of_a_message_counts_and_a_missing_one_is_a_request_like_any_other() {
    let lines = [
        main_line("m", "r1", 10),
        main_line("m", "r2", 20),
        main_line("m", "r1", 1),
        main_line("m", "", 300).replace(r#","requestId":"""#, ""),
        main_line("m", "", 200).replace(r#""requestId":"""#, r#""requestId":null"#),
    ];
    assert_eq!(count(&lines.each_ref().map(String::as_str)), (3, 330));
}

#[test]
fn sidechain_lines_do_not_count_beside_main_ones() {
    let lines = [
        side_line("m", "r9", 1000),
        main_line("m", "r1", 10),
        main_line("m", "r2", 20),
    ];
    assert_eq!(count(&lines.each_ref().map(String::as_str)), (2, 30));
}

#[test]
fn sidechain_lines_alone_count_once_together() {
    let lines = [
        side_line("m", "r1", 5),
        side_line("m", "r2", 7),
        side_line("m", "r3", 6),
    ];
    assert_eq!(count(&lines.each_ref().map(String::as_str)), (1, 7));
}

#[test]
fn on_equal_totals_the_first_path_and_then_the_first_line_stands() {
    let tree = Tree::new();
    let at = |session: &str| main_line("m", "r", 9).replace("s1", session);
    tree.write("b/x.jsonl", joined(&[&at("b-first"), &at("b-second")]));
    assert_eq!(
        &*tree.collect().report().days()[0].calls[0].session,
        "b-first"
    );
    tree.write("a/x.jsonl", joined(&[&at("a-first"), &at("a-second")]));
    let call = tree.collect().report().days()[0].calls[0].clone();
    assert_eq!((&*call.session, &*call.project), ("a-first", "a"));
}

#[test]
fn an_earlier_line_stands_also_when_it_is_met_later() {
    let at = |session: &str| main_line("m", "r", 9).replace("s1", session);
    let tree = Tree::of(&["{}", &at("second")]);
    let mut collector = tree.collect();
    tree.write("p/s.jsonl", joined(&[&at("first"), "{}", "{}"]));
    walk(&mut collector);
    assert_eq!(&*collector.report().days()[0].calls[0].session, "first");
}

#[test]
fn a_line_without_a_message_id_counts_by_itself_and_once_however_often_it_is_read() {
    let tree = Tree::of(&[&nameless_line(1), &nameless_line(1), &nameless_line(2)]);
    let mut collector = tree.collect();
    assert_eq!(counted(&collector), (3, 4));
    tree.append("p/s.jsonl", joined(&[&nameless_line(1)]));
    walk(&mut collector);
    assert_eq!(counted(&collector), (4, 5), "the third like the first two");
    for _ in 0..3 {
        tree.write("p/s.jsonl", joined(&[&nameless_line(2), &nameless_line(1)]));
        walk(&mut collector);
        tree.append("p/s.jsonl", joined(&[&nameless_line(1), &nameless_line(1)]));
        walk(&mut collector);
        assert_eq!(
            counted(&collector),
            (4, 5),
            "a file written anew says nothing new"
        );
    }
    tree.append("p/s.jsonl", joined(&[&nameless_line(1)]));
    walk(&mut collector);
    assert_eq!(counted(&collector), (5, 6));
}

#[test]
fn a_thousand_equal_lines_without_a_message_id_are_a_thousand() {
    let tree = Tree::new();
    for _ in 0..4 {
        tree.append("p/s.jsonl", joined(&vec![nameless_line(1).as_str(); 250]));
    }
    assert_eq!(counted(&tree.collect()), (1000, 1000));
}

#[test]
fn progress_lines_count_what_they_carry() {
    let carried = main_line("m", "inner", 5);
    let line =
        format!(r#"{{"data":{{"message":{carried}}},"sessionId":"outer","type":"progress"}}"#);
    let collector = Tree::of(&[&line]).collect();
    assert_eq!(counted(&collector), (1, 5));
    assert_eq!(&*collector.report().days()[0].calls[0].session, "outer");
    let other = line.replace("progress", "assistant");
    assert_eq!(counted(&Tree::of(&[&other]).collect()), (0, 0));
}

#[test]
fn a_progress_line_takes_from_its_outside_what_its_inside_leaves_out() {
    let inner = r#"{"message":{"id":"m","usage":{"output_tokens":5}},"requestId":null}"#;
    let outer = r#""type":"progress","requestId":"r","timestamp":"2026-01-02T00:00:00Z","isSidechain":true"#;
    let line = format!(r#"{{"data":{{"message":{inner}}},{outer}}}"#);
    let collector = Tree::of(&[&line, &side_line("m", "x", 6)]).collect();
    assert_eq!(counted(&collector), (1, 6));
    assert!(
        collector
            .report()
            .days()
            .iter()
            .all(|day| day.date.is_some())
    );
}

#[test]
fn usage_elsewhere_is_not_counted() {
    let lines = [
        r#"{"type":"user","message":{"role":"user","content":[]},"toolUseResult":{"usage":{"output_tokens":5}}}"#,
        r#"{"message":{"content":"{\"usage\":{\"output_tokens\":5}}"}}"#,
        r#"{"message":{"content":[{"usage":{"output_tokens":5}}]}}"#,
        r#"{"usage":{"output_tokens":5}}"#,
        r#"{"message":"error","usage":1}"#,
        r#"{"message":{"usage":null}}"#,
        r#"{"message":{"usage":[5]}}"#,
        r#"{"message":null}"#,
        "[1]",
        "7",
    ];
    let collector = Tree::of(&lines).collect();
    assert_eq!((counted(&collector), skipped(&collector)), ((0, 0), 0));
}

#[test]
fn valid_json_counts_whatever_its_blanks_nulls_escapes_and_repeats() {
    let lines = [
        r#"{ "message" : { "id" : "a" , "usage" : { "output_tokens" : 1 } } }"#,
        r#"{"message":{"id":"b","content":[{"input":{"id":null}}],"usage":{"output_tokens":10}},"cwd":null}"#,
        r#"{"message":{"id":"c","\u0075sage":{"output_token\u0073":100}}}"#,
        r#"{"message":{"id":"x","usage":{"output_tokens":7}},"message":{"id":"d","usage":{"output_tokens":1000}}}"#,
        r#"{"message":{"id":"e","usage":{"output_tokens":5,"output_tokens":10000}},"version":"dev"}"#,
        r#"{"message":{"id":"f","usage":{"output_tokens":1e5,"input_tokens":null}},"type":"whatever","isSidechain":7}"#,
        "\t{\"message\":{\"id\":\"g\",\"usage\":{\"output_tokens\":1000000.0}},\"x\":\"\\ud800\"} \r",
    ];
    let collector = Tree::of(&lines).collect();
    assert_eq!(
        (counted(&collector), skipped(&collector)),
        ((7, 1_111_111), 0)
    );
}

#[test]
fn impossible_token_counts_are_skipped_lines() {
    for count in [
        "-1",
        "0.5",
        "1e300",
        "1000000000001",
        "\"5\"",
        "true",
        "[5]",
        "{}",
        "NaN",
    ] {
        for field in [
            "input_tokens",
            "output_tokens",
            "cache_creation_input_tokens",
            "cache_read_input_tokens",
        ] {
            let line = format!(r#"{{"message":{{"id":"m","usage":{{"{field}":{count}}}}}}}"#);
            let collector = Tree::of(&[&line, &main_line("ok", "r", 1)]).collect();
            assert_eq!(
                (counted(&collector), skipped(&collector)),
                ((1, 1), 1),
                "{line}"
            );
        }
        let nested = format!(
            r#"{{"message":{{"usage":{{"cache_creation":{{"ephemeral_1h_input_tokens":{count}}}}}}}}}"#
        );
        assert_eq!(skipped(&Tree::of(&[&nested]).collect()), 1, "{nested}");
    }
}

#[test]
fn malformed_lines_are_skipped_and_counted_and_blank_ones_are_not() {
    let tree = Tree::new();
    let mut log = joined(&[
        &main_line("a", "r", 1),
        "",
        "  ",
        "\r",
        "garbage",
        r#"{"message":{"usage":{"output_to"#,
    ]);
    log += &joined(&[
        &"[".repeat(1_000_000),
        &(main_line("b", "r", 1) + "}"),
        "{}{}",
    ]);
    tree.write(
        "p/s.jsonl",
        [
            log.as_bytes(),
            b"{\"x\":\"\xff\"}\n",
            joined(&[&main_line("c", "r", 1)]).as_bytes(),
        ]
        .concat(),
    );
    let collector = tree.collect();
    assert_eq!((counted(&collector), skipped(&collector)), ((2, 2), 6));
    assert_eq!(collector.report().scan().lines, 11);
}

#[test]
fn the_samples_give_their_known_figures() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/samples/claude-jsonl/ccusage_projects");
    if !samples.exists() {
        return;
    }
    let tree = Tree::new();
    let settings = larder_services::claude_usage::Settings {
        roots: vec![samples],
        ..tree.settings(None)
    };
    let mut collector =
        larder_services::claude_usage::Collector::open(settings, std::sync::Arc::default())
            .unwrap();
    walk(&mut collector);
    let totals = collector.report().totals();
    let tokens = totals.tokens;
    assert_eq!(
        (
            tokens.input,
            tokens.output,
            tokens.cache_creation,
            tokens.cache_read
        ),
        (730, 310, 90, 110)
    );
    assert!((totals.cost.usd() - 1.09).abs() < 1e-12);
}
