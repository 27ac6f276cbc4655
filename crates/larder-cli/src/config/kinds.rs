//! The kinds of values that keys take: how each is read, checked, described
//! in an error and printed.
//!
//! It must not know the keys or where a value came from.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::duration;
use super::layers::Given;

/// How the values of one key are read and printed.
pub(super) trait Kind {
    /// What a good value becomes.
    type Value;

    /// What a good value looks like, to follow "expected".
    fn expected(&self) -> String;

    /// The value, or `None` when it is not as expected. Relative paths are
    /// taken from `base`.
    fn read(&self, given: &Given, base: &Path) -> Option<Self::Value>;

    /// The value as TOML, or `None` when it stands for "not set".
    fn show(&self, value: &Self::Value) -> Option<String>;
}

/// An address and port to listen on.
pub(super) struct Address;

impl Kind for Address {
    type Value = SocketAddr;

    fn expected(&self) -> String {
        r#"an IP address and a port such as "127.0.0.1:7070", "[::1]:7070" or "localhost:7070""#
            .to_owned()
    }

    fn read(&self, given: &Given, _: &Path) -> Option<SocketAddr> {
        let text = text(given)?;
        if let Some(port) = text.strip_prefix("localhost:") {
            return Some((Ipv4Addr::LOCALHOST, port.parse().ok()?).into());
        }
        text.parse().ok()
    }

    fn show(&self, value: &SocketAddr) -> Option<String> {
        Some(quoted(&value.to_string()))
    }
}

/// A path; a leading `~/` is the home directory.
pub(super) struct OnePath {
    /// What it leads to.
    pub(super) what: &'static str,
    /// For `~/`.
    pub(super) home: Option<PathBuf>,
}

impl Kind for OnePath {
    type Value = Option<PathBuf>;

    fn expected(&self) -> String {
        format!("the path of a {}", self.what)
    }

    fn read(&self, given: &Given, base: &Path) -> Option<Self::Value> {
        let path = absolute(text(given)?, base, self.home.as_deref())?;
        Some(Some(path))
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        value.as_deref().map(|path| quoted(&path.to_string_lossy()))
    }
}

/// A list of directories; a variable holds them with commas between.
pub(super) struct Directories {
    /// For `~/`.
    pub(super) home: Option<PathBuf>,
}

impl Kind for Directories {
    type Value = Vec<PathBuf>;

    fn expected(&self) -> String {
        r#"a list of directories such as ["~/.claude", "/srv/claude"]"#.to_owned()
    }

    fn read(&self, given: &Given, base: &Path) -> Option<Self::Value> {
        list(given)?
            .into_iter()
            .map(|item| absolute(item, base, self.home.as_deref()))
            .collect()
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        Some(quoted_list(value.iter().map(|path| path.to_string_lossy())))
    }
}

/// A list of host names or addresses, without ports.
pub(super) struct Hosts;

impl Kind for Hosts {
    type Value = Vec<String>;

    fn expected(&self) -> String {
        r#"a list of host names without ports such as ["larder.internal", "10.0.0.7"]"#.to_owned()
    }

    fn read(&self, given: &Given, _: &Path) -> Option<Self::Value> {
        let hosts = list(given)?;
        let all_good = hosts.iter().all(|host| is_host(host));
        all_good.then(|| hosts.into_iter().map(str::to_ascii_lowercase).collect())
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        Some(quoted_list(value.iter()))
    }
}

/// On or off.
pub(super) struct Switch;

impl Kind for Switch {
    type Value = bool;

    fn expected(&self) -> String {
        "true or false".to_owned()
    }

    fn read(&self, given: &Given, _: &Path) -> Option<bool> {
        match given {
            Given::Boolean(flag) => Some(*flag),
            Given::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    fn show(&self, value: &bool) -> Option<String> {
        Some(value.to_string())
    }
}

/// A whole number within limits, both included.
pub(super) struct Count {
    pub(super) min: usize,
    pub(super) max: usize,
}

impl Kind for Count {
    type Value = usize;

    fn expected(&self) -> String {
        format!("a whole number from {} to {}", self.min, self.max)
    }

    fn read(&self, given: &Given, _: &Path) -> Option<usize> {
        let number = match given {
            Given::Integer(number) => usize::try_from(*number).ok()?,
            Given::Text(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        (self.min..=self.max).contains(&number).then_some(number)
    }

    fn show(&self, value: &usize) -> Option<String> {
        Some(value.to_string())
    }
}

/// A span of time within limits, both included.
pub(super) struct Span {
    pub(super) min: Duration,
    pub(super) max: Duration,
}

impl Kind for Span {
    type Value = Duration;

    fn expected(&self) -> String {
        format!(
            r#"a duration from {} to {} such as "250ms", "2s" or "5m""#,
            duration::show(self.min),
            duration::show(self.max)
        )
    }

    fn read(&self, given: &Given, _: &Path) -> Option<Duration> {
        let span = duration::parse(text(given)?)?;
        (self.min..=self.max).contains(&span).then_some(span)
    }

    fn show(&self, value: &Duration) -> Option<String> {
        Some(quoted(&duration::show(*value)))
    }
}

/// One of a few words.
pub(super) struct Choice<T: 'static>(pub(super) &'static [(&'static str, T)]);

impl<T: Copy + PartialEq> Kind for Choice<T> {
    type Value = T;

    fn expected(&self) -> String {
        let words: Vec<_> = self.0.iter().map(|(word, _)| quoted(word)).collect();
        let (last, others) = words.split_last().expect("a choice has words");
        format!("{} or {last}", others.join(", "))
    }

    fn read(&self, given: &Given, _: &Path) -> Option<T> {
        let text = text(given)?;
        let found = self.0.iter().find(|(word, _)| *word == text)?;
        Some(found.1)
    }

    fn show(&self, value: &T) -> Option<String> {
        let found = self.0.iter().find(|(_, choice)| choice == value)?;
        Some(quoted(found.0))
    }
}

fn text(given: &Given) -> Option<&str> {
    match given {
        Given::Text(text) => Some(text.trim()),
        _ => None,
    }
}

fn list(given: &Given) -> Option<Vec<&str>> {
    match given {
        Given::List(items) => Some(items.iter().map(String::as_str).collect()),
        Given::Text(text) => Some(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .collect(),
        ),
        _ => None,
    }
}

fn absolute(text: &str, base: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let path = match text.strip_prefix('~') {
        Some("") => home?.to_owned(),
        Some(rest) if rest.starts_with('/') => home?.join(rest.trim_start_matches('/')),
        _ => base.join(text),
    };
    std::path::absolute(path).ok()
}

fn is_host(text: &str) -> bool {
    let is_ipv6 = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
    let is_name = !text.is_empty()
        && text.len() <= 253
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    is_ipv6 || is_name
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn quoted_list(items: impl Iterator<Item = impl AsRef<str>>) -> String {
    let items: Vec<_> = items.map(|item| quoted(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}
