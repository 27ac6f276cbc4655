//! `larder bench seeds`, in one round: what it measures counts for nothing here, only that it does.

use std::fs;

use crate::run::{end, larder};

#[test]
fn every_document_has_its_rows_and_the_file_is_what_was_printed() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("seeds.md");
    let output = file.to_str().unwrap();
    let arguments = ["bench", "seeds", "--rounds", "1", "--output", output];
    let ended = end(&mut larder(home.path(), &arguments));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(&file).unwrap(), ended.stdout);
    let sections: Vec<&str> = ended.stdout.split("\n### ").skip(1).collect();
    let names = [
        "0 · live_set",
        "1 · assistant_context",
        "2 · workstations",
        "3 · claude_usage",
        "4 · scheduler_stats",
    ];
    assert_eq!(sections.len(), names.len(), "{}", ended.stdout);
    for (section, name) in sections.into_iter().zip(names) {
        assert!(section.starts_with(name), "{section}");
        let rows: Vec<&str> = section
            .lines()
            .filter(|line| line.starts_with("| "))
            .skip(1)
            .collect();
        assert!(rows.len() >= 5, "{section}");
        for row in rows {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            assert!(
                cells.len() == 4 && cells.iter().all(|cell| !cell.is_empty()),
                "{row}"
            );
        }
    }
    // What does not depend on the machine.
    assert!(
        ended
            .stdout
            .contains("| hits after a reload | 0 % | 100.0 % |"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("| 78.6 % | 78.6 % |"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("| Prometheus metrics | 8 | 8 |"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_number_of_rounds_that_is_none_is_refused() {
    let home = tempfile::tempdir().unwrap();
    for rounds in ["0", "101", "many"] {
        let ended = end(&mut larder(
            home.path(),
            &["bench", "seeds", "--rounds", rounds],
        ));
        assert!(
            ended.code == Some(2) && ended.stderr.contains("1 to 100"),
            "{}",
            ended.stderr
        );
    }
}
