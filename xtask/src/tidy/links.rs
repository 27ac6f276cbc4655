//! Relative links of the documents must lead to files.

use std::path::Path;

use super::File;

/// Complains of every link that leads nowhere.
pub(super) fn check(files: &[File], root: &Path) -> Vec<String> {
    let documents = files.iter().filter(|file| file.is_document());
    documents
        .flat_map(|file| {
            let directory = root.join(&file.path).parent().map(Path::to_owned);
            let broken = links(&file.text).into_iter().filter(move |(_, target)| {
                let directory = directory.as_deref().unwrap_or(root);
                !directory.join(target).exists()
            });
            broken.map(|(line, target)| format!("{}:{line}: no such file: {target}", file.path))
        })
        .collect()
}

/// Relative targets with their lines, without fragments.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut is_code = false;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        let inline = line
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        let reference = line
            .strip_prefix('[')
            .and_then(|rest| Some(rest.split_once("]: ")?.1));
        let targets = inline.chain(reference).filter_map(relative);
        found.extend(targets.map(|target| (index + 1, target)));
    }
    found
}

fn relative(target: &str) -> Option<&str> {
    let path = target.split_whitespace().next()?.split('#').next()?;
    let is_relative = !path.is_empty() && !path.contains("://") && !path.starts_with("mailto:");
    is_relative.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_links_are_found_and_others_passed_over() {
        let text = "[a](b.md#part) ![p](img/c.png \"title\") [x](https://x.org) [y](#here)\n\
                    ```\n[not](a-link.md)\n```\n[ref]: d.md\n";
        assert_eq!(links(text), [(1, "b.md"), (1, "img/c.png"), (5, "d.md")]);
    }

    #[test]
    fn a_link_to_nothing_is_named_with_its_line() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = File {
            path: "README.md".to_owned(),
            text: "\n[good](Cargo.toml) [bad](missing.md)".to_owned(),
        };
        let complaints = check(&[file], root);
        assert_eq!(complaints, ["README.md:2: no such file: missing.md"]);
    }
}
