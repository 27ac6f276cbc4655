//! A script: commands, and what each is to answer.
//!
//! ```text
//! # a remark
//! $ curl -X POST http://localhost:8000/a -d '{"b":1}'
//! 200
//! {"c": "text", "...": 0}
//! /c = "this very text"
//! ```
//! After a command stands its status (of HTTP, or the exit code), then what the document shows: JSON, of
//! which members and kinds count (with `"..."` there may be more), or after `200 lines` lines that must be
//! there. Lines of `/pointer = value` hold a value itself.

use serde_json::Value;

#[derive(Debug, PartialEq)]
pub(super) struct Step {
    pub(super) command: String,
    pub(super) status: u16,
    pub(super) expected: Expected,
    pub(super) values: Vec<(String, Value)>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Expected {
    Nothing,
    Json(Value),
    Lines(Vec<String>),
}

pub(super) fn read(text: &str) -> Vec<Step> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("# ") && !line.trim().is_empty());
    let lines: Vec<&str> = lines.collect();
    let steps = lines.chunk_by(|_, next| !next.starts_with("$ "));
    steps.map(step).collect()
}

fn step(lines: &[&str]) -> Step {
    let [command, status, rest @ ..] = lines else {
        panic!("expected a command and its status: {lines:?}");
    };
    let command = command.strip_prefix("$ ").expect("a command");
    let (values, shown): (Vec<&str>, Vec<&str>) =
        rest.iter().partition(|line| line.starts_with('/'));
    let (status, is_lines) = match status.split_once(' ') {
        Some((status, "lines")) => (status, true),
        _ => (*status, false),
    };
    let expected = match shown.join("\n") {
        shown if shown.is_empty() => Expected::Nothing,
        _ if is_lines => Expected::Lines(shown.into_iter().map(str::to_owned).collect()),
        shown => Expected::Json(json(&shown)),
    };
    let value = |line: &str| {
        let (pointer, value) = line.split_once(" = ").expect("/pointer = value");
        (pointer.to_owned(), json(value))
    };
    Step {
        command: command.to_owned(),
        status: status.parse().expect("a status"),
        expected,
        values: values.into_iter().map(value).collect(),
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// The words of a command, as a shell takes them apart: blanks part them, quotes hold them together.
pub(super) fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in command.chars() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[test]
fn a_script_is_read_step_by_step() {
    let steps = read(
        "# x\n$ curl -d '{\"b\": 1}' a\n200\n{\"c\":\n 1}\n/c = 1\n\n$ b\n200 lines\nx\ny\n$ c\n0\n",
    );
    assert_eq!(steps[0].expected, Expected::Json(json("{\"c\":1}")));
    assert_eq!(steps[0].values, [("/c".to_owned(), json("1"))]);
    assert_eq!(
        steps[1].expected,
        Expected::Lines(vec!["x".into(), "y".into()])
    );
    assert_eq!(
        (steps[2].status, &steps[2].expected),
        (0, &Expected::Nothing)
    );
    assert_eq!(words(&steps[0].command), ["curl", "-d", "{\"b\": 1}", "a"]);
}
