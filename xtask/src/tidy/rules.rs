//! Each rule that gives advice has its page, each page its rule, and the page of all of them leads to each.
//!
//! It must not know what a rule says.

use std::collections::BTreeSet;

use super::File;

const RULES: &str = "crates/larder/src/recommend/";
const PAGES: &str = "docs/recommendations/";
const INDEX: &str = "docs/recommendations.md";

/// Complains of every rule without a page, page without a rule, and page that the index does not link.
pub(super) fn check(files: &[File]) -> Vec<String> {
    let sources = files.iter().filter(|file| file.path.starts_with(RULES));
    let rules: BTreeSet<&str> = sources.flat_map(|file| names(&file.text)).collect();
    let page = |file: &'_ File| {
        let name = file.path.strip_prefix(PAGES)?.strip_suffix(".md")?;
        Some(name.to_owned())
    };
    let pages: BTreeSet<String> = files.iter().filter_map(page).collect();
    let index = files.iter().find(|file| file.path == INDEX);
    let index = index.map_or("", |file| &file.text);
    let without_page = rules.iter().filter(|rule| !pages.contains(**rule));
    let without_page =
        without_page.map(|rule| format!("{PAGES}{rule}.md: no such page for the rule `{rule}`"));
    let without_rule = pages.iter().filter(|page| !rules.contains(page.as_str()));
    let without_rule =
        without_rule.map(|page| format!("{PAGES}{page}.md: there is no rule `{page}`"));
    let is_linked = |page: &str| index.contains(&format!("](recommendations/{page}.md)"));
    let unlinked = pages.iter().filter(|page| !is_linked(page));
    let unlinked = unlinked.map(|page| format!("{INDEX}: no link to recommendations/{page}.md"));
    without_page.chain(without_rule).chain(unlinked).collect()
}

/// The names by which the rules of a source speak: `.advice("name", …)`.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let calls = text.split(".advice(").skip(1);
    calls.filter_map(|call| call.trim_start().strip_prefix('"')?.split('"').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(all: &[(&str, &str)]) -> Vec<File> {
        let file = |(path, text): &(&str, &str)| File {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        all.iter().map(file).collect()
    }

    #[test]
    fn a_rule_without_a_page_a_page_without_a_rule_and_one_without_a_link_are_named() {
        let rule = (
            "crates/larder/src/recommend/a.rs",
            "seen\n.advice(\n  \"one\", x).advice(\"two\")",
        );
        let good = [
            rule,
            (
                "docs/recommendations.md",
                "[a](recommendations/one.md) [b](recommendations/two.md)",
            ),
            ("docs/recommendations/one.md", ""),
            ("docs/recommendations/two.md", ""),
        ];
        assert_eq!(check(&files(&good)), [""; 0]);
        let bad = [
            rule,
            ("docs/recommendations.md", "[a](recommendations/one.md)"),
            ("docs/recommendations/one.md", ""),
            ("docs/recommendations/old.md", ""),
        ];
        assert_eq!(
            check(&files(&bad)),
            [
                "docs/recommendations/two.md: no such page for the rule `two`",
                "docs/recommendations/old.md: there is no rule `old`",
                "docs/recommendations.md: no link to recommendations/old.md",
            ]
        );
    }
}
