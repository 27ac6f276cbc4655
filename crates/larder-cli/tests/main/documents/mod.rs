//! The commands of the five documents, in their order, against one fresh daemon: each answer has the status
//! and the shape that its document shows.
//!
//! The commands and what they are to answer stand in the `.txt` files beside this one, as the documents have
//! them; see `script` for what a file may say.

mod commands;
mod script;
mod shape;

use std::fs;
use std::net::UdpSocket;

use serde_json::json;

use super::daemon::Daemon;
use commands::Answered;
use script::{Expected, Step};

const DOCUMENTS: [(&str, &str); 5] = [
    ("0 live_set", include_str!("000.txt")),
    ("1 assistant_context", include_str!("001.txt")),
    ("2 workstations", include_str!("002.txt")),
    ("3 claude_usage", include_str!("003.txt")),
    ("4 scheduler_stats", include_str!("004.txt")),
];

#[test]
fn every_command_of_the_documents_is_answered_as_they_show() {
    let home = tempfile::tempdir().unwrap();
    let project = home.path().join(".claude/projects/shop");
    fs::create_dir_all(&project).unwrap();
    fs::write(project.join("s.jsonl"), call().to_string() + "\n").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let daemon = Daemon::start_with(home.path(), &[], |command| {
        command.env("LARDER_LIVE_UDP", udp.to_string())
    });
    daemon.stats();
    let place = commands::Place::new(home.path(), &daemon.url, udp);
    let mut wrong = Vec::new();
    for (document, text) in DOCUMENTS {
        let steps = script::read(text);
        assert!(steps.len() > 3, "{document} has commands");
        for step in steps {
            let answered = place.run(&step.command);
            if let Some(why) = judged(&step, &answered) {
                wrong.push(format!("{document}: {}\n    {why}", step.command));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(daemon.terminate().success());
}

/// A call of a model, as a session's log has it.
fn call() -> serde_json::Value {
    let usage = json!({ "input_tokens": 1_000, "output_tokens": 500 });
    let message = json!({ "id": "m", "model": "claude-sonnet-4-20250514", "usage": usage });
    json!({ "timestamp": "2026-03-01T10:00:00Z", "sessionId": "s", "requestId": "r", "message": message })
}

/// What is wrong with an answer.
fn judged(step: &Step, answered: &Answered) -> Option<String> {
    if answered.status != step.status {
        return Some(format!(
            "{}, expected {}: {}",
            answered.status, step.status, answered.body
        ));
    }
    let differs = match &step.expected {
        Expected::Nothing => None,
        Expected::Json(documented) => match answered.json() {
            Ok(json) => shape::differs(documented, &json, "$"),
            Err(error) => Some(format!("no JSON: {error}")),
        },
        Expected::Lines(lines) => lines
            .iter()
            .find_map(|line| shape::lacks(&answered.body, line)),
    };
    let differs = differs.or_else(|| {
        let json = answered.json().unwrap_or_default();
        step.values.iter().find_map(|(pointer, value)| {
            let found = json.pointer(pointer);
            (found != Some(value)).then(|| format!("{pointer} is {found:?}, expected {value}"))
        })
    });
    differs.map(|why| format!("{why}\n    of {}", answered.body))
}
