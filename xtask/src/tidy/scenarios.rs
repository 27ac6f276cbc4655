//! The scenarios that the cache is held to, by number, and that a test carries each: `/// C1` in its
//! doc comment, or `/// C1 to C5, C8: and why`.
//!
//! It must not know what a scenario is.

use std::collections::BTreeMap;

use super::File;

/// Where a scenario must be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// In any test.
    Anywhere,
    /// With a shared store: its double in virtual time, or a real server.
    Store,
    /// Over a real server.
    Server,
}
use Place::{Anywhere, Server, Store};

/// Groups of numbers, and where they must be met.
const SCENARIOS: [(Place, &str); 3] = [
    (
        Anywhere,
        "A8 A9 B1 B2 B3 B4 B5 C1 C2 C3 C4 C5 C8 D1 D2 D4 D5 D6 D9 D11 D12 E1 E2 E3 E4 E5 E7 E11 \
         G1 G2 G3 G4 G8 G10 G12 G13 H1 H2 H3 H4 H6 H8 J13",
    ),
    (
        Store,
        "A2 A3 A5 A6 C6 C7 D3 F2 F8 F11 G5 G6 G7 J1 J2 J3 J7 J8 J9 J12",
    ),
    (
        Server,
        "A1 A4 A7 B8 B9 B10 E9 E10 F1 F3 F4 F5 F6 F7 F9 F12 G11 H5 J4 J5 J6 J10 J11",
    ),
];

/// Complains of every scenario that no test carries where it must, and of every number that is none.
pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut carried: BTreeMap<String, Place> = BTreeMap::new();
    let mut complaints = Vec::new();
    for (file, number) in files.iter().flat_map(numbers) {
        if !is_known(&number) {
            complaints.push(format!("{}: {number} is no scenario's number", file.path));
        }
        let best = carried.entry(number).or_insert(Anywhere);
        *best = place(&file.path).max(*best);
    }
    for (place, all) in SCENARIOS {
        let missing = all.split_whitespace().filter(|number| {
            let where_it_is = carried.get(*number);
            where_it_is.is_none_or(|found| *found < place)
        });
        complaints.extend(
            missing
                .map(|number| format!("scenario {number}: no test carries it ({})", words(place))),
        );
    }
    complaints
}

fn words(place: Place) -> &'static str {
    match place {
        Anywhere => "in any crate",
        Store => "of the shared store",
        Server => "over a real server",
    }
}

/// Whether a group goes so far. Of `I` nothing is said here.
fn is_known(number: &str) -> bool {
    const LAST: [(char, u32); 10] = [
        ('A', 9),
        ('B', 10),
        ('C', 8),
        ('D', 12),
        ('E', 11),
        ('F', 12),
        ('G', 13),
        ('H', 8),
        ('I', 99),
        ('J', 13),
    ];
    let parsed = parse(number);
    parsed.is_some_and(|(group, number)| {
        let mut groups = LAST.into_iter();
        groups.any(|(known, last)| known == group && number <= last)
    })
}

fn place(path: &str) -> Place {
    let doubles = ["tests/main/shared/", "src/proof/shared_histories"];
    if path.starts_with("crates/larder-redis/tests/") {
        Server
    } else if doubles.iter().any(|part| path.contains(part)) {
        Store
    } else {
        Anywhere
    }
}

fn numbers(file: &File) -> impl Iterator<Item = (&File, String)> {
    let is_source = file.path.starts_with("crates/") && !file.is_document();
    let lines = file.text.lines().filter(move |_| is_source);
    let said = lines.filter_map(|line| line.trim_start().strip_prefix("/// "));
    said.flat_map(listed).map(move |number| (file, number))
}

/// The numbers that a line begins with, up to the first word that is none.
fn listed(line: &str) -> Vec<String> {
    let mut found: Vec<(char, u32)> = Vec::new();
    let mut is_range = false;
    for word in line.split(' ') {
        let bare = word.trim_end_matches([',', ':', '.']);
        if bare == "to" || bare == "and" {
            is_range = bare == "to";
            continue;
        }
        let Some((group, number)) = parse(bare) else {
            // `F1 of the protocol` is another list's.
            if bare == "of" && line.contains("protocol") {
                return Vec::new();
            }
            break;
        };
        let first = match found.last() {
            Some((of, last)) if is_range && *of == group => last + 1,
            _ => number,
        };
        found.extend((first..=number).map(|number| (group, number)));
        is_range = false;
        if word.ends_with([':', '.']) {
            break;
        }
    }
    let text = |(group, number)| format!("{group}{number}");
    found.into_iter().map(text).collect()
}

fn parse(word: &str) -> Option<(char, u32)> {
    let group = word.chars().next().filter(|c| ('A'..='J').contains(c))?;
    let digits = &word[1..];
    let is_number = (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    is_number
        .then(|| digits.parse().ok())
        .flatten()
        .map(|number| (group, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_at_the_beginning_alone_in_lists_and_in_ranges() {
        assert_eq!(listed("C1"), ["C1"]);
        assert_eq!(listed("C1, C8: and why A4 is none"), ["C1", "C8"]);
        assert_eq!(listed("C1 to C3, J2"), ["C1", "C2", "C3", "J2"]);
        assert_eq!(listed("B8 for many."), ["B8"]);
        for none in [
            "A value of C1",
            "F1 of the protocol's findings",
            "K1",
            "C123",
            "Cx",
            "",
        ] {
            assert!(listed(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn a_scenario_that_is_not_met_where_it_must_be_is_named() {
        let file = |path: &str, text: &str| File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let all: Vec<String> = SCENARIOS
            .iter()
            .flat_map(|(_, all)| all.split_whitespace())
            .map(|number| format!("/// {number}\n"))
            .collect();
        let met = file("crates/larder-redis/tests/main/a.rs", &all.concat());
        assert!(check(&[met]).is_empty());
        let on_the_double = file("crates/larder/tests/main/shared/a.rs", &all.concat());
        let complaints = check(&[on_the_double]);
        assert!(
            complaints
                .iter()
                .any(|words| words.contains("scenario J4:"))
        );
        assert!(
            !complaints
                .iter()
                .any(|words| words.contains("scenario J3:"))
        );
        let unknown = file("crates/a/tests/a.rs", "    /// C99\n");
        assert!(check(&[unknown])[0].contains("C99 is no scenario"));
    }
}
