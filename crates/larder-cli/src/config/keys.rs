//! The names of all keys, and which known one an unknown one was meant to be.
//!
//! It must not know the keys' types or values.

/// Every key by its dotted name, in the order in which `config show` prints
/// them.
pub(super) const KEYS: &[&str] = &[
    "listen",
    "state_dir",
    "allowed_hosts",
    "auth.anonymous",
    "remote.url",
    "remote.prefix",
    "remote.staleness",
    "remote.cut_off",
    "remote.strict",
    "remote.ca_file",
    "remote.user",
    "remote.password",
    "remote.password_file",
    "claude_usage.enabled",
    "claude_usage.roots",
    "claude_usage.interval",
    "claude_usage.history",
    "claude_usage.utc",
    "claude_usage.prices",
    "claude_usage.threads",
    "assistant_context.enabled",
    "assistant_context.rpc_url",
    "assistant_context.rpc_key",
    "assistant_context.rpc_timeout",
    "assistant_context.memory_mb",
    "workstations.enabled",
    "workstations.database",
    "live.enabled",
    "live.file",
    "live.roots",
    "live.udp",
    "live.cache",
    "live.cache_capacity",
    "live.metrics",
    "live.max_clients",
    "live.max_inflated_mb",
    "scheduler_stats.enabled",
    "scheduler_stats.database",
    "scheduler_stats.rate",
    "scheduler_stats.tasks",
    "recommend.peers",
    "recommend.peers_token_file",
    "otlp.endpoint",
    "otlp.interval",
    "otlp.traces_sample",
    "log.format",
    "log.level",
];

/// `LARDER_*` variables that are no configuration keys.
const OTHER_VARIABLES: &[&str] = &["LARDER_CONFIG", "LARDER_TOKEN", "LARDER_URL"];

/// The known key of this dotted name.
pub(super) fn known(name: &str) -> Option<&'static str> {
    KEYS.iter().copied().find(|key| *key == name)
}

/// Whether `name` is a section such as `claude_usage`.
pub(super) fn is_section(name: &str) -> bool {
    sections().any(|section| section == name)
}

/// The variable of a key: `claude_usage.interval` is
/// `LARDER_CLAUDE_USAGE_INTERVAL`.
pub(super) fn variable(key: &str) -> String {
    format!("LARDER_{}", key.replace('.', "_").to_ascii_uppercase())
}

/// The key of a variable.
pub(super) fn of_variable(name: &str) -> Option<&'static str> {
    KEYS.iter().copied().find(|key| variable(key) == name)
}

/// Whether the variable is used for something other than a key.
pub(super) fn is_other_variable(name: &str) -> bool {
    OTHER_VARIABLES.contains(&name)
}

/// What to write instead of an unknown key: the nearest one, or all of them.
pub(super) fn advice(unknown: &str) -> String {
    match nearest(unknown, KEYS.iter().copied()).or_else(|| same_last_part(unknown)) {
        Some(key) => format!("did you mean `{key}`?"),
        None => format!("the keys here are {}", neighbours(unknown)),
    }
}

/// What to write instead of an unknown section.
pub(super) fn section_advice(unknown: &str) -> String {
    if let Some(section) = nearest(unknown, sections()) {
        return format!("did you mean [{section}]?");
    }
    let all: Vec<_> = sections().map(|section| format!("[{section}]")).collect();
    format!("the sections are {}", all.join(", "))
}

/// The variable nearest to an unknown one, if any is near.
pub(super) fn nearest_variable(unknown: &str) -> Option<String> {
    let variables: Vec<String> = KEYS.iter().map(|key| variable(key)).collect();
    let names = variables
        .iter()
        .map(String::as_str)
        .chain(OTHER_VARIABLES.iter().copied());
    nearest(unknown, names).map(str::to_owned)
}

fn sections() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    KEYS.iter()
        .filter_map(|key| Some(key.split_once('.')?.0))
        .filter(move |section| std::mem::replace(&mut last, section) != *section)
}

/// The candidate with the fewest edits, when that is at most a third of the
/// name's length.
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
        .min()
        .filter(|(edits, _)| *edits <= name.len().div_ceil(3))
        .map(|(_, candidate)| candidate)
}

/// `interval` outside its section is `claude_usage.interval`.
fn same_last_part(name: &str) -> Option<&'static str> {
    let last = last_part(name);
    KEYS.iter().copied().find(|key| last_part(key) == last)
}

fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn neighbours(unknown: &str) -> String {
    let section = unknown.split_once('.').map(|(section, _)| section);
    let names: Vec<_> = KEYS
        .iter()
        .filter(|key| key.split_once('.').map(|(section, _)| section) == section)
        .map(|key| format!("`{}`", last_part(key)))
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_is_answered_with_the_nearest() {
        assert_eq!(advice("lissten"), "did you mean `listen`?");
        assert_eq!(
            advice("claude_usage.intervall"),
            "did you mean `claude_usage.interval`?"
        );
    }

    #[test]
    fn a_key_outside_its_section_is_answered_with_its_full_name() {
        assert_eq!(advice("anonymous"), "did you mean `auth.anonymous`?");
    }

    #[test]
    fn a_key_like_no_other_is_answered_with_those_of_its_section() {
        assert_eq!(
            advice("log.zzzzzzzz"),
            "the keys here are `format`, `level`"
        );
    }

    #[test]
    fn a_misspelt_section_is_answered_with_the_nearest() {
        assert_eq!(
            section_advice("claude-usage"),
            "did you mean [claude_usage]?"
        );
        assert_eq!(
            section_advice("xyz"),
            "the sections are [auth], [remote], [claude_usage], [assistant_context], [workstations], [live], [scheduler_stats], [recommend], [otlp], [log]"
        );
    }

    #[test]
    fn every_variable_leads_back_to_its_key() {
        for key in KEYS {
            assert_eq!(of_variable(&variable(key)), Some(*key));
        }
    }
}
