//! Sizes, names and words of source files.

use super::File;

const LIB_LINES_MAX: usize = 150;
const FILE_LINES_MAX: usize = 700;
/// Names that say nothing.
const VAGUE_NAMES: [&str; 5] = ["utils", "util", "helpers", "common", "types"];
/// Signs of unfinished work. Split, so that this file has none itself.
const FORBIDDEN: [&str; 6] = [
    concat!("to", "do!"),
    concat!("un", "implemented!"),
    concat!("db", "g!("),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("#[", "allow("),
];

/// Complains of files that are too long, vaguely named or unfinished.
pub(super) fn check(files: &[File]) -> Vec<String> {
    let sources = files.iter().filter(|file| !file.is_document());
    sources
        .flat_map(|file| size(file).into_iter().chain(name(file)).chain(words(file)))
        .collect()
}

fn size(file: &File) -> Option<String> {
    let is_lib = file.path.starts_with("crates/") && file.path.ends_with("/src/lib.rs");
    let most = if is_lib {
        LIB_LINES_MAX
    } else {
        FILE_LINES_MAX
    };
    let lines = file.text.lines().count();
    (lines > most).then(|| format!("{}: {lines} lines, at most {most} are allowed", file.path))
}

fn name(file: &File) -> Option<String> {
    let parts = file
        .path
        .split('/')
        .map(|part| part.split('.').next().unwrap_or(part));
    let vague = parts.into_iter().find(|part| VAGUE_NAMES.contains(part))?;
    Some(format!(
        "{}: `{vague}` says nothing; name what it does",
        file.path
    ))
}

fn words(file: &File) -> Vec<String> {
    let lines = file.text.lines().enumerate();
    lines
        .flat_map(|(index, line)| {
            let found = FORBIDDEN.iter().filter(move |word| line.contains(**word));
            found.map(move |word| format!("{}:{}: `{word}`", file.path, index + 1))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> usize {
        let file = File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        check(&[file]).len()
    }

    #[test]
    fn a_lib_may_be_shorter_than_another_file() {
        let text = "\n".repeat(200);
        assert_eq!(complaints("crates/larder/src/lib.rs", &text), 1);
        assert_eq!(complaints("crates/larder/src/cache.rs", &text), 0);
        assert_eq!(complaints("a.ts", &"\n".repeat(701)), 1);
    }

    #[test]
    fn vague_names_and_unfinished_work_are_named() {
        assert_eq!(complaints("crates/larder/src/utils.rs", ""), 1);
        assert_eq!(complaints("crates/larder/src/common/a.rs", ""), 1);
        assert_eq!(complaints("a.rs", &format!("{}()", FORBIDDEN[0])), 1);
        assert_eq!(
            complaints("a.rs", "#[expect(dead_code, reason = \"so\")]"),
            0
        );
    }
}
