//! The crate graph: which crate may depend directly on which.
//!
//! A new edge is a decision: it is made here.

use anyhow::Context as _;
use serde_json::Value;

use crate::shell;

/// Each crate and the crates of the workspace that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("larder-macros", &[]),
    ("larder-metrics", &["larder-macros"]),
    ("larder", &["larder-metrics", "larder-macros"]),
    ("larder-redis", &["larder", "larder-metrics"]),
    ("larder-http", &["larder", "larder-metrics"]),
    (
        "larder-services",
        &["larder", "larder-metrics", "larder-http"],
    ),
    (
        "larder-cli",
        &[
            "larder",
            "larder-metrics",
            "larder-http",
            "larder-services",
            "larder-redis",
        ],
    ),
];

/// Depend on whatever they need; nothing depends on them.
const TOOLS: [&str; 3] = ["xtask", "larder-bench", "larder-fuzz"];

/// What tests, benches and examples may use and nothing else; it uses nothing
/// of the workspace.
const TEST_KIT: &str = "larder-testkit";

/// Holds the table against `cargo metadata`.
pub(super) fn check() -> anyhow::Result<Vec<String>> {
    let arguments = ["metadata", "--format-version=1", "--no-deps", "--offline"];
    let json = shell::output(shell::cargo(&arguments))?;
    let metadata: Value = serde_json::from_slice(&json)?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    let names: Vec<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    let edges = packages.iter().flat_map(|package| {
        let from = package["name"].as_str().unwrap_or_default();
        let dependencies = package["dependencies"].as_array();
        let to = dependencies.into_iter().flatten();
        to.filter_map(move |dependency| {
            let is_dev = dependency["kind"] == "dev";
            Some((from, dependency["name"].as_str()?, is_dev))
        })
    });
    let unknown = names
        .iter()
        .filter(|name| !is_known(name))
        .map(|name| format!("crate {name}: not in the table of crates (xtask/src/tidy/edges.rs)"));
    let bad_edges = edges
        .filter(|(from, to, _)| names.contains(to) && is_known(from))
        .filter(|(from, to, is_dev)| !is_allowed(from, to, *is_dev))
        .map(|(from, to, _)| format!("crate {from}: must not depend on {to}"));
    Ok(unknown.chain(bad_edges).collect())
}

fn is_known(name: &str) -> bool {
    name == TEST_KIT || TOOLS.contains(&name) || ALLOWED.iter().any(|(known, _)| *known == name)
}

fn is_allowed(from: &str, to: &str, is_dev: bool) -> bool {
    if TOOLS.contains(&to) {
        return false;
    }
    if to == TEST_KIT {
        return is_dev || TOOLS.contains(&from);
    }
    let row = ALLOWED.iter().find(|(name, _)| *name == from);
    TOOLS.contains(&from) || row.is_some_and(|(_, allowed)| allowed.contains(&to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_no_cycle() {
        for (index, (name, allowed)) in ALLOWED.iter().enumerate() {
            for to in *allowed {
                assert!(
                    !is_allowed(to, name, false),
                    "{name} and {to} (row {index})"
                );
            }
        }
    }

    #[test]
    fn nothing_may_depend_on_a_tool() {
        assert!(!is_allowed("larder-cli", "xtask", true));
        assert!(!is_allowed("xtask", "larder-bench", true));
    }

    #[test]
    fn the_core_may_not_know_http() {
        assert!(!is_allowed("larder", "larder-http", false));
        assert!(is_allowed("larder-http", "larder", false));
    }

    #[test]
    fn the_test_kit_is_for_tests_and_knows_no_other_crate() {
        assert!(is_allowed("larder-cli", TEST_KIT, true));
        assert!(is_allowed("larder-bench", TEST_KIT, false));
        assert!(!is_allowed("larder-cli", TEST_KIT, false));
        assert!(!is_allowed(TEST_KIT, "larder", true));
    }
}
