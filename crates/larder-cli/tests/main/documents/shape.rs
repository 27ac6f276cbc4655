//! Whether an answer has the shape that a document shows.

use std::collections::BTreeSet;

use serde_json::Value;

/// The first difference in members and kinds; `at` is where in the answer. A text that the document shows
/// as a number with a unit (`84.0%`, `6.31x`) or as a time must be one.
pub(super) fn differs(documented: &Value, answer: &Value, at: &str) -> Option<String> {
    match (documented, answer) {
        (Value::Object(shown), Value::Object(members)) => {
            let is_open = shown.contains_key("...");
            let unknown = members.keys().find(|name| !shown.contains_key(*name));
            if let Some(name) = unknown.filter(|_| !is_open) {
                return Some(format!("{at}.{name} is not in the document"));
            }
            shown
                .iter()
                .filter(|(name, _)| *name != "...")
                .find_map(|(name, shown)| {
                    let at = format!("{at}.{name}");
                    match members.get(name) {
                        Some(member) => differs(shown, member, &at),
                        None => Some(format!("{at} is missing")),
                    }
                })
        }
        (Value::Array(shown), Value::Array(items)) => {
            let shown = shown.first()?;
            if items.is_empty() {
                return Some(format!("{at} is empty"));
            }
            items
                .iter()
                .find_map(|item| differs(shown, item, &format!("{at}[]")))
        }
        (Value::String(shown), Value::String(text)) => {
            (form(shown) != form(text)).then(|| format!("{at} is {text:?}, not such as {shown:?}"))
        }
        (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Null, Value::Null) => None,
        (shown, other) => Some(format!("{at} is {other}, not such as {shown}")),
    }
}

/// What kind of text it is.
fn form(text: &str) -> &'static str {
    let is_number = |text: &str| text.parse::<f64>().is_ok();
    if text.strip_suffix('%').is_some_and(is_number) {
        "a percentage"
    } else if text.strip_suffix('x').is_some_and(is_number) {
        "a multiple"
    } else if text.get(..19).is_some_and(is_time) {
        "a time"
    } else {
        "a text"
    }
}

fn is_time(text: &str) -> bool {
    let digits = text.replace(|letter: char| letter.is_ascii_digit(), "0");
    digits == "0000-00-00T00:00:00"
}

/// A line of Prometheus' text that is not there: its name and labels count, in any order, and not its value.
pub(super) fn lacks(text: &str, line: &str) -> Option<String> {
    let series = parts(line);
    let is_there = text.lines().any(|line| {
        let found = parts(line);
        found.0 == series.0 && series.1.is_subset(&found.1)
    });
    (!is_there).then(|| format!("there is no line such as {line:?}"))
}

/// A series' name and its labels.
fn parts(line: &str) -> (&str, BTreeSet<&str>) {
    let series = line.rsplit_once(' ').map_or(line, |(series, _)| series);
    match series.split_once('{') {
        Some((name, labels)) => (name, labels.trim_end_matches('}').split(',').collect()),
        None => (series, BTreeSet::new()),
    }
}

#[test]
fn each_way_to_differ_is_found() {
    let documented = serde_json::json!({
        "rate": "84.0%", "at": "2025-12-02T02:47:01.451643Z", "list": ["a"], "in": { "n": 1, "...": 0 },
    });
    let same = serde_json::json!({
        "rate": "0.1%", "at": "2026-01-01T00:00:00Z", "list": ["b", "c"], "in": { "n": 2.5, "m": null },
    });
    assert_eq!(differs(&documented, &same, "$"), None);
    for (pointer, value, why) in [
        ("/rate", serde_json::json!("much"), "$.rate is \"much\""),
        ("/at", serde_json::json!("today"), "$.at is \"today\""),
        ("/list", serde_json::json!([]), "$.list is empty"),
        ("/list", serde_json::json!(["b", 1]), "$.list[] is 1"),
        ("/in", serde_json::json!({}), "$.in.n is missing"),
        ("/in", serde_json::json!(1), "$.in is 1"),
    ] {
        let mut other = same.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        let found = differs(&documented, &other, "$").unwrap();
        assert!(found.starts_with(why), "{found}");
    }
    let mut more = same.clone();
    more["more"] = serde_json::json!(1);
    let found = differs(&documented, &more, "$").unwrap();
    assert!(found.contains("$.more is not in the document"), "{found}");
    let text = "a_total{x=\"1\",y=\"2\"} 7\nb 1";
    assert_eq!(lacks(text, "a_total{y=\"2\",x=\"1\"} 42"), None);
    assert_eq!(lacks(text, "b 0"), None);
    for line in ["a_total{x=\"2\"} 1", "a_sum 1", "c 1"] {
        assert!(lacks(text, line).is_some(), "{line}");
    }
}
