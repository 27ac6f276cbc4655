//! The layers inside the crate `larder`: leaves import leaves, mechanisms
//! import leaves and never each other, only the composing modules see all.

use std::collections::BTreeSet;

use super::File;

/// Know nothing of the rest.
const LEAVES: [&str; 15] = [
    "checks",
    "clock",
    "entry",
    "error",
    "glob",
    "key",
    "notes",
    "policy",
    "remote",
    "removal",
    "shim",
    "shown",
    "spans",
    "tally",
    "tier_stats",
];
/// Put the mechanisms together.
const COMPOSING: [&str; 9] = [
    "any",
    "builder",
    "cache",
    "export",
    "fuzzing",
    "lib",
    "proof",
    "recommend",
    "sync",
];

const SOURCE: &str = "crates/larder/src/";

/// Complains of every import that crosses the layers.
pub(super) fn check(files: &[File]) -> Vec<String> {
    files
        .iter()
        .filter_map(|file| Some((file, module(file.path.strip_prefix(SOURCE)?))))
        .filter(|(_, module)| !COMPOSING.contains(module))
        .flat_map(|(file, module)| {
            let crossing = imports(&file.text)
                .into_iter()
                .filter(move |import| import != module && !LEAVES.contains(&import.as_str()));
            crossing.map(move |import| complaint(&file.path, module, &import))
        })
        .collect()
}

fn complaint(path: &str, module: &str, import: &str) -> String {
    let layer = if LEAVES.contains(&module) {
        "leaf"
    } else {
        "mechanism"
    };
    if import.starts_with(char::is_uppercase) {
        format!("{path}: imports crate::{import}; name its module, so that its layer shows")
    } else {
        format!("{path}: the {layer} `{module}` must not import `{import}` (leaves only)")
    }
}

/// The top-level module that a file belongs to.
fn module(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or(path);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// The names that follow `crate::` in code that is no test.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let after = code.split("crate::").skip(1);
    after.flat_map(names).map(str::to_owned).collect()
}

/// `a::b` names `a`; `{a::b, c}` names `a` and `c`.
fn names(after: &str) -> Vec<&str> {
    let Some(group) = after.strip_prefix('{') else {
        return first_name(after).into_iter().collect();
    };
    let mut names = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    for (index, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.extend(first_name(&group[start..index]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.extend(first_name(&group[start..index]));
                start = index + 1;
            }
            _ => {}
        }
    }
    names
}

fn first_name(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File {
            path: format!("{SOURCE}{path}"),
            text: text.to_owned(),
        }
    }

    fn complaints(path: &str, text: &str) -> usize {
        check(&[file(path, text)]).len()
    }

    #[test]
    fn a_mechanism_imports_leaves_only() {
        assert_eq!(complaints("flight.rs", "use crate::clock::Tick;"), 0);
        assert_eq!(complaints("flight.rs", "use crate::log::Stamp;"), 1);
        assert_eq!(complaints("tier/disk.rs", "use crate::tier::Envelope;"), 0);
        assert_eq!(complaints("tier/disk.rs", "let x = crate::cache::f();"), 1);
    }

    #[test]
    fn a_group_is_read_name_by_name() {
        let text = "use crate::{clock::{Clock, Tick}, log::Stamp, flight};";
        assert_eq!(complaints("observe.rs", text), 2);
    }

    #[test]
    fn a_re_export_hides_no_layer() {
        assert_eq!(complaints("policy.rs", "use crate::Cache;"), 1);
    }

    #[test]
    fn tests_comments_and_the_composing_modules_may_name_all() {
        assert_eq!(complaints("cache.rs", "use crate::flight::Flights;"), 0);
        assert_eq!(complaints("log.rs", "//! See crate::cache.\n"), 0);
        let text = "#[cfg(test)]\nmod tests {\n    use crate::cache::Cache;\n}";
        assert_eq!(complaints("log.rs", text), 0);
    }
}
