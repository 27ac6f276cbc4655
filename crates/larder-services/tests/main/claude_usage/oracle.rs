//! The counts against an independent program that follows the rule's text.
//!
//! The program and the generator of trees are Python scripts; where they or Python are missing,
//! there is nothing to compare with and the tests pass.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use larder_services::claude_usage::{Cell, Changes, Collector, Settings, Totals};
use serde_json::Value;

use super::tree::Tree;

fn beside(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn python(script: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new("python3")
        .arg(script)
        .args(arguments)
        .output()
        .ok()?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(output.stdout)
}

/// A generated tree, and what the program says of it.
fn generated(seed: u64) -> Option<(tempfile::TempDir, Value)> {
    let generator = beside("../../../shared/tools/gen_claude.py");
    if !generator.exists() {
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().to_str().unwrap();
    let seed = seed.to_string();
    let size = [
        "--projects",
        "8",
        "--files",
        "40",
        "--size-mb",
        "4",
        "--quirks",
    ];
    python(
        &generator,
        &[&["--out", root, "--seed", &seed], &size[..]].concat(),
    )?;
    let prices = beside("src/claude_usage/prices.json");
    let expected = python(
        &beside("tests/oracle.py"),
        &[root, prices.to_str().unwrap()],
    )?;
    Some((directory, serde_json::from_slice(&expected).unwrap()))
}

#[test]
fn generated_trees_give_what_the_rule_says() {
    for seed in [1, 2, 3, 99, 12345] {
        let Some((directory, expected)) = generated(seed) else {
            return;
        };
        let settings = Settings {
            roots: vec![directory.path().to_owned()],
            ..Tree::new().settings(None)
        };
        let mut collector = Collector::open(settings, Arc::default()).unwrap();
        collector.refresh(Changes::Walk);
        let report = collector.report();
        let scan = report.scan();
        let read = [
            ("files", scan.files),
            ("lines", scan.lines),
            ("skipped", scan.skipped_lines),
        ];
        for (field, count) in read {
            assert_eq!(expected[field], count, "{field}, seed {seed}");
        }
        assert_group(&report.totals(), &expected["totals"], seed);
        for day in report.days() {
            let date = day
                .date
                .map_or_else(|| "undated".to_owned(), |date| date.to_string());
            assert_group(&day.totals, &expected["days"][date], seed);
        }
        let cells: Vec<&Cell> = report.days().iter().flat_map(|day| &day.cells).collect();
        assert_groups(&cells, |cell| &cell.model, &expected["models"], seed);
        assert_groups(&cells, |cell| &cell.project, &expected["projects"], seed);
        assert_groups(&cells, |cell| &cell.session, &expected["sessions"], seed);
    }
}

fn assert_groups(cells: &[&Cell], name: impl Fn(&Cell) -> &str, expected: &Value, seed: u64) {
    for (group, expected) in expected.as_object().unwrap() {
        let mut totals = Totals::default();
        cells
            .iter()
            .filter(|cell| name(cell) == group)
            .for_each(|cell| totals.add(&cell.totals));
        assert_group(&totals, expected, seed);
    }
}

fn assert_group(totals: &Totals, expected: &Value, seed: u64) {
    let tokens = totals.tokens;
    let counts = [
        ("messages", totals.messages),
        ("input", tokens.input),
        ("output", tokens.output),
        ("creation", tokens.cache_creation),
        ("read", tokens.cache_read),
        ("unpriced", totals.unpriced_messages),
    ];
    for (field, count) in counts {
        assert_eq!(expected[field], count, "{field}, seed {seed}");
    }
    let picodollars: f64 = expected["cost"].as_str().unwrap().parse().unwrap();
    assert!(
        (totals.cost.usd() - picodollars / 1e12).abs() < 1e-9,
        "cost, seed {seed}"
    );
}
