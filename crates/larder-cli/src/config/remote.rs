//! The section `[remote]`: the store that this daemon's caches share with others.
//!
//! It must not connect to anything.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use larder::{CutOff, Sharing};

use super::Environment;
use super::kinds::{NameStart, OnePath, ServerUrl, Span, Switch, Text, WithoutLink};
use super::layers::{Layers, Source};
use super::reader::Reader;

/// The section `[remote]`.
#[derive(Debug)]
pub(crate) struct Remote {
    /// The server; none means that nothing is shared.
    pub(crate) url: Option<Secret>,
    /// What the names of all keys begin with.
    pub(crate) prefix: String,
    /// How late another daemon's invalidation may be seen.
    pub(crate) staleness: Duration,
    /// What is served while there is no link.
    pub(crate) cut_off: CutOff,
    /// Writes and invalidations that the server did not acknowledge fail.
    pub(crate) strict: bool,
    /// Authorities to trust, in place of the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// In place of the URL's; without a password it has an empty one.
    pub(crate) user: Option<String>,
    /// In place of the URL's.
    pub(crate) password: Option<Secret>,
    /// Has the password in its first line.
    pub(crate) password_file: Option<PathBuf>,
}

/// A text that is not to be shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(not shown)")
    }
}

/// `REDIS_HOST`, with `REDIS_PORT` and `REDIS_DB`, names a server where nothing else does.
pub(super) fn add_variables(layers: &mut Layers, environment: &Environment) {
    let text = |name: &str| Some(environment.get(name)?.to_string_lossy().into_owned());
    let Some(host) = text("REDIS_HOST") else {
        return;
    };
    let mut number = |name: &str, otherwise: &str, most: u32| {
        let given = text(name).unwrap_or_else(|| otherwise.to_owned());
        if given.parse::<u32>().is_ok_and(|number| number <= most) {
            return given;
        }
        let problem = format!("${name}: {given:?}: expected a whole number up to {most}");
        layers.problems.push(problem);
        otherwise.to_owned()
    };
    let port = number("REDIS_PORT", "6379", 65_535);
    let db = number("REDIS_DB", "0", u32::MAX);
    let is_bare_ipv6 = host.contains(':') && !host.starts_with('[');
    let host = if is_bare_ipv6 {
        format!("[{host}]")
    } else {
        host
    };
    let source = Source::Variable("REDIS_HOST".to_owned());
    layers.add("remote.url", format!("redis://{host}:{port}/{db}"), source);
}

pub(super) fn read(reader: &mut Reader, environment: &Environment) -> Remote {
    let file = |what| OnePath {
        what,
        home: environment.home(),
    };
    let staleness = Span {
        min: Duration::from_millis(100),
        max: Duration::from_mins(1),
    };
    let default_staleness = (Sharing::DEFAULT_STALENESS, "");
    let remote = Remote {
        url: reader.read("remote.url", &ServerUrl, (None, "nothing is shared")),
        prefix: reader.read("remote.prefix", &NameStart, ("larder".to_owned(), "")),
        staleness: reader.read("remote.staleness", &staleness, default_staleness),
        cut_off: reader.read("remote.cut_off", &WithoutLink, (CutOff::default(), "")),
        strict: reader.read("remote.strict", &Switch, (false, "")),
        ca_file: reader.read(
            "remote.ca_file",
            &file("PEM file of authorities"),
            (None, "the system's authorities"),
        ),
        user: reader
            .read("remote.user", &Text { is_secret: false }, (None, ""))
            .map(|user| user.0),
        password: reader.read("remote.password", &Text { is_secret: true }, (None, "")),
        password_file: reader.read(
            "remote.password_file",
            &file("file with a password in its first line"),
            (None, ""),
        ),
    };
    fit_together(reader, &remote);
    remote
}

/// Says which settings contradict each other.
fn fit_together(reader: &mut Reader, remote: &Remote) {
    if remote.password.is_some() && remote.password_file.is_some() {
        let (one, other) = (
            reader.source("remote.password"),
            reader.source("remote.password_file"),
        );
        reader.problem(format!(
            "remote.password ({one}) and remote.password_file ({other}) are both set: leave one out"
        ));
    }
    let speaks_tls = |url: &Secret| {
        ["rediss", "valkeys"]
            .iter()
            .any(|tls| url.0.starts_with(tls))
    };
    if remote.ca_file.is_some() && remote.url.as_ref().is_some_and(|url| !speaks_tls(url)) {
        let (ca, url) = (reader.source("remote.ca_file"), reader.source("remote.url"));
        reader.problem(format!(
            "remote.ca_file ({ca}) is set, but remote.url ({url}) speaks no TLS: begin it with \
             rediss://"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Flags};
    use super::*;

    fn load(file: &str, variables: &[(&str, &str)], flag: Option<&str>) -> Result<Remote, String> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("larder.toml");
        std::fs::write(&path, file).expect("written");
        let home = [("HOME", "/home/dev")];
        let environment: Environment = variables.iter().copied().chain(home).collect();
        let flags = Flags {
            file: Some(path),
            remote: flag.map(str::to_owned),
            ..Flags::default()
        };
        let loaded = Config::load(&flags, &environment);
        loaded
            .map(|config| config.remote)
            .map_err(|invalid| invalid.to_string())
    }

    fn url(file: &str, variables: &[(&str, &str)], flag: Option<&str>) -> Option<String> {
        let remote = load(file, variables, flag).expect("good");
        remote.url.map(|url| url.0)
    }

    #[test]
    fn nothing_is_shared_unless_a_server_is_named() {
        let remote = load("", &[("REDIS_PORT", "tcp://10.0.0.1:6379")], None).expect("good");
        assert_eq!(remote.url, None);
        assert_eq!(remote.prefix, "larder");
        assert_eq!(remote.staleness, Duration::from_secs(1));
        assert_eq!((remote.cut_off, remote.strict), (CutOff::Short, false));
    }

    #[test]
    fn a_platforms_variables_name_a_server_where_nothing_else_does() {
        let platform = [
            ("REDIS_HOST", "::1"),
            ("REDIS_PORT", "7000"),
            ("REDIS_DB", "2"),
        ];
        let ours = [platform[0], ("LARDER_REMOTE_URL", "redis://variable")];
        let file = "[remote]\nurl = \"redis://file\"\n";
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(url("", &platform, None), is("redis://[::1]:7000/2"));
        assert_eq!(url("", &platform[..1], None), is("redis://[::1]:6379/0"));
        assert_eq!(url(file, &platform, None), is("redis://file"));
        assert_eq!(url(file, &ours, None), is("redis://variable"));
        assert_eq!(url(file, &ours, Some("redis://flag")), is("redis://flag"));
        assert_eq!(url(file, &ours, Some("none")), None);
    }

    #[test]
    fn every_setting_is_read() {
        let file = "[remote]\nurl = \"rediss://h\"\nprefix = \"shop\"\nstaleness = \"500ms\"\n\
                    cut_off = \"2m\"\nstrict = true\nca_file = \"/ca.pem\"\nuser = \"app\"\n\
                    password = \"p\"\n";
        let remote = load(file, &[], None).expect("good");
        assert_eq!(remote.prefix, "shop");
        assert_eq!(remote.staleness, Duration::from_millis(500));
        assert_eq!(remote.cut_off, CutOff::Stale(Duration::from_mins(2)));
        assert!(remote.strict);
        assert_eq!(remote.ca_file, Some("/ca.pem".into()));
        assert_eq!(remote.user.as_deref(), Some("app"));
        assert_eq!(remote.password, Some(Secret("p".to_owned())));
        assert!(!format!("{remote:?}").contains("\"p\""));
    }

    #[test]
    fn what_is_wrong_is_named_without_a_password() {
        let cases = [
            ("url = \"redis://u:hidden@h/x\"", "the database is a number"),
            (
                "url = \"http://u:hidden@h\"",
                "redis://[user:password@]host",
            ),
            ("url = 6379", "expected a server's URL"),
            (
                "password = 1234",
                "larder.toml:2: remote.password = expected a text",
            ),
            ("prefix = \"a b\"", "expected 1 to 64 letters"),
            (
                "staleness = \"10ms\"",
                "expected a duration from 100ms to 1m",
            ),
            ("cut_off = \"long\"", "expected \"short\""),
            (
                "password = \"hidden\"\npassword_file = \"f\"",
                "are both set",
            ),
            (
                "url = \"redis://h\"\nca_file = \"f\"",
                "begin it with rediss://",
            ),
            ("hostname = \"h\"", "unknown key `remote.hostname`"),
        ];
        for (line, expected) in cases {
            let text = load(&format!("[remote]\n{line}\n"), &[], None).expect_err("refused");
            assert!(text.contains(expected), "{line}: {text}");
            assert!(!text.contains("hidden") && !text.contains("1234"), "{text}");
        }
        let variables = [("REDIS_HOST", "h"), ("REDIS_PORT", "tcp://10.0.0.1:6379")];
        let text = load("", &variables, None).expect_err("refused");
        assert!(
            text.contains("$REDIS_PORT: \"tcp://10.0.0.1:6379\": expected"),
            "{text}"
        );
    }
}
