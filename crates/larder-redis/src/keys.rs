//! The names of what is kept at the server.
//!
//! ```text
//! P:e:{namespace:key}  an entry        P:g:{namespace}  the namespace's log of invalidations
//! P:l:{namespace:key}  its lease        P:a:{namespace}  its stream of samples
//! P:e:{namespace:key}^origin^trace      a change of the entry: who made it, and in which trace
//! ```
//! The braces put an entry and its lease into one slot of a cluster, and the last with them: a name that is
//! only told and never stands. No entry's name ends as it does. Must not know connections.

/// Bytes of a prefix at most.
const PREFIX_BYTES_MAX: usize = 64;
/// Bytes of a trace at most.
const TRACE_BYTES_MAX: usize = 128;

/// Names under one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    prefix: String,
    /// Tells the changes that are made here from others'.
    origin: u64,
}

/// Whose change the server tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed<'a> {
    /// An entry of a namespace.
    Entry(&'a str, &'a str),
    /// The same, and the trace in which another has changed it.
    Traced(&'a str, &'a str, &'a str),
    /// The log of a namespace.
    Log(&'a str),
}

impl Keys {
    /// `origin`: a number that no other who uses the prefix has.
    pub(crate) fn new(prefix: &str, origin: u64) -> Self {
        Self {
            prefix: prefix.to_owned(),
            origin,
        }
    }

    /// What is wrong with the prefix, or with the name of a namespace.
    pub(crate) fn check(&self, namespace: &str) -> Result<(), String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let prefix = &self.prefix;
        let fits = (1..=PREFIX_BYTES_MAX).contains(&prefix.len());
        if !fits || !prefix.chars().all(|c| is_plain(c) || c == ':') {
            return Err(format!(
                "the prefix {prefix:?} must be 1 to {PREFIX_BYTES_MAX} of [A-Za-z0-9_.:-]"
            ));
        }
        if namespace.is_empty() || !namespace.chars().all(is_plain) {
            return Err(format!(
                "the namespace {namespace:?} must be of [A-Za-z0-9_.-]"
            ));
        }
        Ok(())
    }

    pub(crate) fn entry(&self, namespace: &str, key: &str) -> String {
        self.name(":e:{", namespace, key)
    }

    pub(crate) fn lease(&self, namespace: &str, key: &str) -> String {
        self.name(":l:{", namespace, key)
    }

    /// What tells all who track that an entry is changed in this trace; `None` if it is no `traceparent`.
    pub(crate) fn traced(&self, namespace: &str, key: &str, trace: &str) -> Option<String> {
        let entry = self.entry(namespace, key);
        is_trace(trace).then(|| format!("{entry}^{:016x}^{trace}", self.origin))
    }

    fn name(&self, kind: &str, namespace: &str, key: &str) -> String {
        [self.prefix.as_str(), kind, namespace, ":", key, "}"].concat()
    }

    pub(crate) fn log(&self, namespace: &str) -> String {
        format!("{}:g:{{{namespace}}}", self.prefix)
    }

    pub(crate) fn samples(&self, namespace: &str) -> String {
        format!("{}:a:{{{namespace}}}", self.prefix)
    }

    /// A pattern for the names of all streams of samples. (A prefix has no character that is special.)
    pub(crate) fn all_samples(&self) -> String {
        format!("{}:a:{{*}}", self.prefix)
    }

    /// Whose stream of samples has this name.
    pub(crate) fn sampled<'a>(&self, name: &'a [u8]) -> Option<&'a str> {
        let name = std::str::from_utf8(name).ok()?;
        let name = name.strip_prefix(self.prefix.as_str())?;
        name.strip_prefix(":a:{")?.strip_suffix('}')
    }

    /// What the names of a namespace's entries begin with. No other namespace's do.
    pub(crate) fn entries(&self, namespace: &str) -> String {
        format!("{}:e:{{{namespace}:", self.prefix)
    }

    /// What a name stands for; `None` if it is not one of these.
    pub(crate) fn parse<'a>(&self, name: &'a [u8]) -> Option<Changed<'a>> {
        let name = std::str::from_utf8(name).ok()?;
        let name = name.strip_prefix(self.prefix.as_str())?;
        if let Some(rest) = name.strip_prefix(":e:{") {
            if let Some(rest) = rest.strip_suffix('}') {
                let (namespace, key) = rest.split_once(':')?;
                return Some(Changed::Entry(namespace, key));
            }
            return self.parse_traced(rest);
        }
        let namespace = name.strip_prefix(":g:{")?.strip_suffix('}')?;
        Some(Changed::Log(namespace))
    }

    /// What was changed here is none: that it was changed is told by its own name.
    fn parse_traced<'a>(&self, rest: &'a str) -> Option<Changed<'a>> {
        let (name, by) = rest.rsplit_once("}^")?;
        let ((namespace, key), (origin, trace)) = (name.split_once(':')?, by.split_once('^')?);
        let origin = u64::from_str_radix(origin, 16).ok()?;
        let is_others = origin != self.origin && is_trace(trace);
        is_others.then_some(Changed::Traced(namespace, key, trace))
    }
}

/// Whether it has the letters of a `traceparent`, and is not too long.
fn is_trace(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=TRACE_BYTES_MAX).contains(&text.len()) && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_namespace_and_key() {
        let keys = Keys::new("a:b", 1);
        for key in ["7", "", "x:y", "}{", "ü \n"] {
            let name = keys.entry("users", key);
            let changed = keys.parse(name.as_bytes());
            assert_eq!(changed, Some(Changed::Entry("users", key)));
            assert!(name.starts_with(&keys.entries("users")));
        }
        let log = keys.log("users");
        assert_eq!(keys.parse(log.as_bytes()), Some(Changed::Log("users")));
        let samples = keys.samples("users");
        assert_eq!(keys.parse(samples.as_bytes()), None);
        assert_eq!(keys.sampled(samples.as_bytes()), Some("users"));
        assert_eq!(keys.sampled(log.as_bytes()), None);
        for other in [
            "a:e:{users:7}",
            "a:b:l:{users:7}",
            "a:b:e:{users}",
            "",
            "a:b",
        ] {
            assert_eq!(keys.parse(other.as_bytes()), None, "{other}");
        }
        assert_eq!(keys.parse(b"a:b:e:{users:\xff}"), None);
    }

    /// I4
    #[test]
    fn a_change_s_name_tells_its_trace_to_others_and_is_no_entry_s() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let (keys, others) = (Keys::new("a:b", 1), Keys::new("a:b", u64::MAX));
        for key in ["7", "", "x:y", "}{", "ü \n", "}^1^00-1", "7}^"] {
            let name = keys.traced("users", key, trace).unwrap();
            let changed = others.parse(name.as_bytes());
            assert_eq!(changed, Some(Changed::Traced("users", key, trace)));
            assert_eq!(keys.parse(name.as_bytes()), None, "it is one's own");
            // Programs of before know an entry's name by its end.
            assert!(name.starts_with(&keys.entry("users", key)) && !name.ends_with('}'));
        }
        for other in ["", "00-1}", "00 1", "a^b", &"0".repeat(129)] {
            assert_eq!(keys.traced("users", "7", other), None, "{other}");
            let name = format!("a:b:e:{{users:7}}^2^{other}");
            let changed = keys.parse(name.as_bytes());
            assert!(!matches!(changed, Some(Changed::Traced(..))), "{other}");
        }
        for other in [
            "users:7}^2",
            "users:7}^x^00-1",
            "users}^2^00-1",
            "users:7^2^00-1",
        ] {
            let name = format!("a:b:e:{{{other}");
            assert_eq!(keys.parse(name.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn one_namespace_is_not_taken_for_another_that_begins_like_it() {
        let keys = Keys::new("tc", 1);
        assert!(
            !keys
                .entry("users2", "7")
                .starts_with(&keys.entries("users"))
        );
    }

    #[test]
    fn names_that_would_break_the_scheme_are_refused() {
        assert_eq!(Keys::new("tc", 1).check("users.v-1_x"), Ok(()));
        for prefix in ["", "t{c", "t c", &"x".repeat(65)] {
            assert!(
                Keys::new(prefix, 1)
                    .check("users")
                    .unwrap_err()
                    .contains("prefix")
            );
        }
        for namespace in ["", "a:b", "a}"] {
            assert!(
                Keys::new("tc", 1)
                    .check(namespace)
                    .unwrap_err()
                    .contains("namespace")
            );
        }
    }
}
