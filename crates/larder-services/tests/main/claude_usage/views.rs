//! Windows of time, as people and dashboards read them.

use jiff::civil::date;
use larder_services::claude_usage::TimeRange;
use serde_json::{Value, json};

use super::tree::{Tree, walk};

const HAIKU: &str = "claude-haiku-4-5-20251001"; // 1 dollar a million in
const OPUS: &str = "claude-opus-4-5-20251101"; // 5 dollars a million in

fn line(message: &str, model: &str, session: &str, at: &str, input: u64) -> String {
    format!(
        r#"{{"timestamp":"{at}","sessionId":"{session}","message":{{"id":"{message}","model":"{model}","usage":{{"input_tokens":{input},"output_tokens":1}}}}}}"#
    )
}

/// Messages on 10 March, and 6, 7, 29 and 30 days before, and one without a day.
fn tree() -> Tree {
    let tree = Tree::new();
    let rows = [
        line("a", OPUS, "s1", "2026-03-10T12:00:00Z", 1_000_000),
        line("b", HAIKU, "s1", "2026-03-10T13:00:00+01:00", 1_000_000),
        line("c", HAIKU, "s2", "2026-03-04T00:00:00Z", 2_000_000),
        line("d", HAIKU, "s2", "2026-03-03T23:59:59.999Z", 3_000_000),
    ];
    tree.write("alpha/x.jsonl", rows.join("\n"));
    let rows = [
        line("e", "mystery", "s3", "2026-02-09T00:00:00Z", 4_000_000),
        line("f", HAIKU, "s3", "2026-02-08T23:00:00Z", 5_000_000),
        line("g", HAIKU, "s3", "yesterday", 6_000_000),
        line("h", HAIKU, "s3", "2026-03-11T00:00:00Z", 7_000_000),
    ];
    tree.write("beta/y.jsonl", rows.join("\n"));
    tree
}

fn view(tree: &Tree, range: TimeRange) -> Value {
    serde_json::to_value(tree.collect().report().view(range, date(2026, 3, 10))).unwrap()
}

#[test]
fn a_window_ends_with_today_and_has_its_days() {
    let tree = tree();
    let messages = |range| view(&tree, range)["totals"]["messages"].as_u64().unwrap();
    assert_eq!(TimeRange::ALL.map(messages), [2, 3, 5, 8]);
    let week = view(&tree, TimeRange::Week);
    assert_eq!(
        week["window"],
        json!({"from": "2026-03-04", "to": "2026-03-10", "zone": "UTC"})
    );
    let all = view(&tree, TimeRange::All);
    assert_eq!(
        all["window"],
        json!({"from": "2026-02-08", "to": "2026-03-11", "zone": "UTC"})
    );
    assert_eq!(
        all["days"].as_array().unwrap().last().unwrap()["date"],
        "undated"
    );
    assert_eq!(week["days"][0]["date"], "2026-03-04");
    assert_eq!(
        all["chart_data"]["cost_over_time"]
            .as_array()
            .unwrap()
            .len(),
        6
    );
}

#[test]
fn a_view_has_every_field_of_its_document() {
    let today = view(&tree(), TimeRange::Today);
    assert_eq!(
        today["project"],
        json!({"name": "alpha", "cost": 6.00003, "tokens": 2_000_002, "calls": 2, "last_updated": "2026-01-01T00:00:00Z"})
    );
    assert_eq!(
        today["totals"],
        json!({"messages": 2, "input_tokens": 2_000_000, "output_tokens": 2, "cache_creation_tokens": 0,
               "cache_read_tokens": 0, "total_tokens": 2_000_002, "cost_usd": 6.00003, "unpriced_messages": 0,
               "basis": "as_logged"})
    );
    assert_eq!(today["models"][0]["model"], OPUS);
    assert_eq!(today["models"][0]["priced"], true);
    assert_eq!(today["sessions"][0]["session"], "s1");
    assert_eq!(
        today["sessions"][0]["last_activity"],
        "2026-03-10T12:00:00Z"
    );
    assert_eq!(
        today["chart_data"]["cost_by_project"],
        json!([{"project": "alpha", "cost": 6.00003}])
    );
    assert_eq!(
        today["chart_data"]["model_distribution"],
        json!([{"model": OPUS, "percentage": 50.0}, {"model": HAIKU, "percentage": 50.0}])
    );
    assert_eq!(
        today["activity"][0],
        json!({"timestamp": "2026-03-10T12:00:00Z", "model": HAIKU, "project": "alpha", "session": "s1",
               "input_tokens": 1_000_000, "output_tokens": 1, "cache_creation_tokens": 0, "cache_read_tokens": 0,
               "cost_usd": 1.000_005, "priced": true})
    );
    assert_eq!(
        today["archived"],
        json!({"files": 0, "messages": 0, "total_tokens": 0, "cost_usd": 0.0})
    );
    assert_eq!(
        (&today["scan"]["files"], &today["scan"]["lines"]),
        (&json!(2), &json!(8))
    );
    assert_eq!(today["time_range"], "today");
}

#[test]
fn rows_are_ordered_by_cost_and_then_by_name() {
    let all = view(&tree(), TimeRange::All);
    let names = |rows: &str, field: &str| {
        let rows = all[rows].as_array().unwrap().iter();
        rows.map(|row| row[field].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("models", "model"), [HAIKU, OPUS, "mystery"]);
    assert_eq!(names("projects", "project"), ["beta", "alpha"]);
    assert_eq!(names("sessions", "session"), ["s3", "s1", "s2"]);
    assert_eq!(all["models"][2]["priced"], false);
    assert_eq!(all["totals"]["unpriced_messages"], 1);
    assert_eq!(all["project"]["name"], "All projects (2)");
}

#[test]
fn a_message_that_another_line_replaces_leaves_no_activity_behind() {
    let late = line("m", HAIKU, "s1", "2026-03-10T23:00:00Z", 1);
    let late = late.replacen('{', r#"{"isSidechain":true,"#, 1);
    let tree = Tree::new();
    tree.write(
        "p/s.jsonl",
        line("a", HAIKU, "s1", "2026-03-10T10:00:00Z", 1) + "\n" + &late,
    );
    let mut collector = tree.collect();
    tree.write(
        "p/t.jsonl",
        line("m", HAIKU, "s2", "2026-03-10T09:00:00Z", 1),
    );
    walk(&mut collector);
    let view = collector.report().view(TimeRange::All, date(2026, 3, 10));
    let last = |session: &str| {
        let row = view
            .sessions
            .iter()
            .find(|row| &*row.session == session)
            .unwrap();
        row.last_activity.clone().unwrap()
    };
    assert_eq!(
        [last("s1"), last("s2")],
        ["2026-03-10T10:00:00Z", "2026-03-10T09:00:00Z"]
    );
    assert_eq!(view.activity.len(), 2);
}

#[test]
fn activity_is_the_newest_fifty_within_the_window() {
    let rows: Vec<String> = (0..70)
        .map(|n| {
            line(
                &n.to_string(),
                HAIKU,
                "s",
                &format!("2026-03-{:02}T{:02}:00:00Z", 9 + n / 35, n % 24),
                n,
            )
        })
        .collect();
    let tree = Tree::new();
    tree.write("p/s.jsonl", rows.join("\n"));
    let activity = view(&tree, TimeRange::All)["activity"].clone();
    let times: Vec<&str> = activity
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["timestamp"].as_str().unwrap())
        .collect();
    assert_eq!(times.len(), 50);
    assert!(times.is_sorted_by(|a, b| a >= b));
    assert_eq!(
        view(&tree, TimeRange::Today)["activity"]
            .as_array()
            .unwrap()
            .len(),
        35
    );
}

#[test]
fn days_are_those_of_the_zone() {
    let mut tree = tree();
    tree.zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    let today = view(&tree, TimeRange::Today);
    assert_eq!(
        today["totals"]["messages"], 3,
        "midnight in Greenwich is the evening before in New York"
    );
    assert_eq!(today["window"]["zone"], "America/New_York");
}

#[test]
fn a_day_of_25_hours_is_one_day() {
    let mut tree = Tree::new();
    tree.zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    let row = |message: &str, at: &str| line(message, HAIKU, "s", at, 1);
    let rows = [
        row("a", "2025-11-02T04:00:00Z"),
        row("b", "2025-11-03T04:59:59Z"),
        row("c", "2025-11-03T05:00:00Z"),
    ];
    tree.write("p/s.jsonl", rows.join("\n"));
    let days = tree
        .collect()
        .report()
        .days()
        .iter()
        .map(|day| day.totals.messages)
        .collect::<Vec<_>>();
    assert_eq!(days, [2, 1]);
}

#[test]
fn nothing_at_all_is_a_view_too() {
    let empty = view(&Tree::new(), TimeRange::All);
    assert_eq!(
        empty["window"],
        json!({"from": null, "to": "2026-03-10", "zone": "UTC"})
    );
    assert_eq!(empty["project"]["name"], "All projects (0)");
    assert_eq!(empty["project"]["last_updated"], Value::Null);
}

#[test]
fn an_unknown_time_range_is_told_the_four() {
    assert_eq!("week".parse(), Ok(TimeRange::Week));
    let error = "fortnight".parse::<TimeRange>().unwrap_err();
    assert_eq!(
        error.to_string(),
        r#""fortnight" is not a time range: expected one of today, week, month, all"#
    );
}
