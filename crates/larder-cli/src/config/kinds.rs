//! The kinds of values that keys take: how each is read, checked, described
//! in an error and printed.
//!
//! It must not know the keys or where a value came from.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use larder::CutOff;
use larder_redis::Redis;

use super::duration;
use super::layers::Given;
use super::remote::Secret;

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

    /// Whether there is more than is shown.
    fn hides(&self, _: &Self::Value) -> bool {
        false
    }

    /// What is wrong with a value that is not as expected.
    fn problem(&self, given: &Given) -> String {
        format!("{given}: expected {}", self.expected())
    }
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

/// The URL of a database.
pub(super) struct DatabaseUrl;

impl DatabaseUrl {
    /// Without what lets one in.
    pub(super) fn shown(url: &str) -> String {
        if url.starts_with("sqlite:") {
            return url.to_owned();
        }
        larder_redis::without_login(url)
    }
}

impl Kind for DatabaseUrl {
    type Value = Option<Secret>;

    fn expected(&self) -> String {
        r#"a URL such as "postgres://user@host/database" or "sqlite:/path/to/file.db""#.to_owned()
    }

    fn read(&self, given: &Given, _: &Path) -> Option<Self::Value> {
        let url = text(given)?;
        let mut known = ["sqlite:", "postgres://", "postgresql://"].into_iter();
        let is_known = known.any(|start| url.len() > start.len() && url.starts_with(start));
        is_known.then(|| Some(Secret(url.to_owned())))
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        value.as_ref().map(|url| quoted(&Self::shown(&url.0)))
    }

    fn hides(&self, value: &Self::Value) -> bool {
        value
            .as_ref()
            .is_some_and(|url| Self::shown(&url.0) != url.0)
    }

    fn problem(&self, _: &Given) -> String {
        format!("(not shown): expected {}", self.expected())
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

/// The URL of a server that caches share; its users and passwords are not shown.
pub(super) struct ServerUrl;

impl Kind for ServerUrl {
    type Value = Option<Secret>;

    fn expected(&self) -> String {
        r#"a server's URL such as "redis://cache.example:6379/0", or "none""#.to_owned()
    }

    fn read(&self, given: &Given, _: &Path) -> Option<Self::Value> {
        match text(given)? {
            "none" => Some(None),
            url => Redis::at(url).is_ok().then(|| Some(Secret(url.to_owned()))),
        }
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        let shown = |url: &Secret| quoted(&larder_redis::without_login(&url.0));
        value.as_ref().map(shown)
    }

    fn hides(&self, value: &Self::Value) -> bool {
        let has_more = |url: &Secret| larder_redis::without_login(&url.0) != url.0;
        value.as_ref().is_some_and(has_more)
    }

    fn problem(&self, given: &Given) -> String {
        match text(given).map(Redis::at) {
            Some(Err(wrong)) => format!("{wrong}, or \"none\""),
            _ => format!("expected {}", self.expected()),
        }
    }
}

/// What the names of a server's keys begin with.
pub(super) struct NameStart;

impl Kind for NameStart {
    type Value = String;

    fn expected(&self) -> String {
        "1 to 64 letters, digits and _ . : -".to_owned()
    }

    fn read(&self, given: &Given, _: &Path) -> Option<String> {
        let text = text(given)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
        let is_good = (1..=64).contains(&text.len()) && text.bytes().all(is_plain);
        is_good.then(|| text.to_owned())
    }

    fn show(&self, value: &String) -> Option<String> {
        Some(quoted(value))
    }
}

/// What is served while there is no link to the store that caches share.
pub(super) struct WithoutLink;

impl Kind for WithoutLink {
    type Value = CutOff;

    fn expected(&self) -> String {
        r#""short" (what is loaded here, for a moment), "error", or for how long what is held is served as stale, such as "1m""#
            .to_owned()
    }

    fn read(&self, given: &Given, _: &Path) -> Option<CutOff> {
        match text(given)? {
            "short" => Some(CutOff::Short),
            "error" => Some(CutOff::Error),
            span => duration::parse(span).map(CutOff::Stale),
        }
    }

    fn show(&self, value: &CutOff) -> Option<String> {
        Some(match value {
            CutOff::Stale(limit) => quoted(&duration::show(*limit)),
            CutOff::Error => quoted("error"),
            _ => quoted("short"),
        })
    }
}

/// Any text.
pub(super) struct Text {
    pub(super) is_secret: bool,
}

impl Kind for Text {
    type Value = Option<Secret>;

    fn expected(&self) -> String {
        "a text in quotes".to_owned()
    }

    fn read(&self, given: &Given, _: &Path) -> Option<Self::Value> {
        text(given).map(|text| Some(Secret(text.to_owned())))
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        let value = value.as_ref().filter(|_| !self.is_secret)?;
        Some(quoted(&value.0))
    }

    fn hides(&self, value: &Self::Value) -> bool {
        self.is_secret && value.is_some()
    }

    fn problem(&self, _: &Given) -> String {
        format!("expected {}", self.expected())
    }
}

pub(super) fn text(given: &Given) -> Option<&str> {
    match given {
        Given::Text(text) => Some(text.trim()),
        _ => None,
    }
}

pub(super) fn list(given: &Given) -> Option<Vec<&str>> {
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

pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

pub(super) fn quoted_list(items: impl Iterator<Item = impl AsRef<str>>) -> String {
    let items: Vec<_> = items.map(|item| quoted(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}
