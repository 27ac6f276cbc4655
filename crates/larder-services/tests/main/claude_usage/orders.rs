//! However lines arrive, the totals are those of reading everything at once.

use std::fs;

use larder_services::claude_usage::Collector;
use proptest::prelude::*;

use super::tree::{Tree, look, main_line, nameless_line, side_line, walk};

/// One line of a random log.
#[derive(Clone, Debug)]
enum Row {
    Main(u8, u8, u64),
    Side(u8, u8, u64),
    Nameless(u64),
    Garbage,
}

impl Row {
    fn text(&self) -> String {
        match self {
            Self::Main(message, request, output) => {
                main_line(&format!("m{message}"), &format!("r{request}"), *output)
            }
            Self::Side(message, request, output) => {
                side_line(&format!("m{message}"), &format!("r{request}"), *output)
            }
            Self::Nameless(output) => nameless_line(*output),
            Self::Garbage => "{\"message\":".to_owned(),
        }
    }
}

fn row() -> impl Strategy<Value = Row> {
    prop_oneof![
        4 => (0..6u8, 0..3u8, 0..4u64).prop_map(|(m, r, o)| Row::Main(m, r, o)),
        3 => (0..6u8, 0..3u8, 0..4u64).prop_map(|(m, r, o)| Row::Side(m, r, o)),
        2 => (0..3u64).prop_map(Row::Nameless),
        1 => Just(Row::Garbage),
    ]
}

/// What happens to one of three files, and what the collector does then.
#[derive(Clone, Debug)]
enum Act {
    /// Appends rows, cut at a byte; the rest follows after a refresh.
    Append(usize, Vec<Row>, usize),
    /// Writes the file anew with its rows in another order, by a rename or in place.
    Rewrite(usize, bool),
    /// Removes the file and puts it back after a refresh.
    Vanish(usize),
    Restart,
    Walk,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..3usize, prop::collection::vec(row(), 1..5), any::<prop::sample::Index>())
            .prop_map(|(file, rows, cut)| Act::Append(file, rows, cut.index(400))),
        1 => (0..3usize, any::<bool>()).prop_map(|(file, rename)| Act::Rewrite(file, rename)),
        1 => (0..3usize).prop_map(Act::Vanish),
        1 => Just(Act::Restart),
        1 => Just(Act::Walk),
    ]
}

const FILES: [&str; 3] = ["p/a.jsonl", "p/b/subagents/x.jsonl", "q/c.jsonl"];

struct World {
    tree: Tree,
    collector: Option<Collector>,
}

impl World {
    fn look(&mut self, name: &str) {
        look(self.collector.as_mut().unwrap(), &self.tree.path(name));
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Append(file, rows, cut) => {
                let text: String = rows.iter().map(|row| row.text() + "\n").collect();
                let (now, later) = text.split_at(text.len().min(*cut));
                for part in [now, later] {
                    self.tree.append(FILES[*file], part);
                    self.look(FILES[*file]);
                }
            }
            Act::Rewrite(file, rename) => {
                let path = self.tree.path(FILES[*file]);
                let Ok(text) = fs::read_to_string(&path) else {
                    return;
                };
                let reversed: String = text.lines().rev().flat_map(|line| [line, "\n"]).collect();
                if *rename {
                    let fresh = path.with_extension("fresh");
                    fs::write(&fresh, reversed).unwrap();
                    fs::rename(&fresh, &path).unwrap();
                } else {
                    fs::write(&path, "").unwrap();
                    self.look(FILES[*file]);
                    fs::write(&path, reversed).unwrap();
                }
                self.look(FILES[*file]);
            }
            Act::Vanish(file) => {
                let path = self.tree.path(FILES[*file]);
                let Ok(text) = fs::read(&path) else { return };
                fs::remove_file(&path).unwrap();
                self.look(FILES[*file]);
                fs::write(&path, text).unwrap();
                self.look(FILES[*file]);
            }
            Act::Restart => {
                self.collector.take().unwrap().persist().unwrap();
                self.collector = Some(self.tree.open().unwrap());
            }
            Act::Walk => drop(walk(self.collector.as_mut().unwrap())),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_gives_what_reading_everything_at_once_gives(acts in prop::collection::vec(act(), 1..14)) {
        let tree = Tree::new();
        let collector = Some(tree.open().unwrap());
        let mut world = World { tree, collector };
        for act in &acts {
            world.act(act);
        }
        let at_once = world.tree.collect().report();
        let report = world.collector.unwrap().report();
        prop_assert_eq!(report.totals(), at_once.totals());
        prop_assert_eq!(report.scan().skipped_lines, at_once.scan().skipped_lines);
        prop_assert_eq!(report.scan().lines, at_once.scan().lines);
        let mut sums = larder_services::claude_usage::Totals::default();
        for day in report.days() {
            day.cells.iter().for_each(|cell| sums.add(&cell.totals));
        }
        prop_assert_eq!(sums, at_once.totals());
    }
}
