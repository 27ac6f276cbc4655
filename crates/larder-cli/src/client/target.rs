//! Which daemon to ask and with which token.
//!
//! It must not send anything. The token file is for the daemon of this
//! machine: it never goes to another host unasked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use ureq::http::Uri;

use crate::args::ServerArgs;
use crate::config::{Config, Environment, Flags};

/// A daemon and the token for it.
#[derive(Debug)]
pub(crate) struct Target {
    /// `http://host:port`, maybe with a path, without a slash at its end.
    pub(super) url: String,
    pub(super) token: Option<String>,
    token_from: TokenFrom,
}

#[derive(Debug)]
enum TokenFrom {
    User,
    File(PathBuf),
    /// The file gave none, and why.
    NoFile(PathBuf, std::io::Error),
    /// The server is another machine.
    NotLocal,
    /// A file of the configuration, or none.
    Peers,
}

impl Target {
    /// The daemon named by flags, variables or the configuration.
    pub(crate) fn find(args: &ServerArgs, environment: &Environment) -> anyhow::Result<Self> {
        let flags = Flags {
            file: args.config.clone(),
            state_dir: args.state_dir.clone(),
            ..Flags::default()
        };
        let named = match &args.url {
            Some(url) => Some(url.clone()),
            None => text(environment, "LARDER_URL")?,
        };
        let token = match &args.token {
            Some(token) => Some(token.clone()),
            None => text(environment, "LARDER_TOKEN")?,
        };
        let (url, is_own) = match named {
            Some(named) => checked_url(&named)?,
            None => (own_url(Config::load(&flags, environment)?.listen), true),
        };
        let (token, token_from) = match token {
            Some(token) => (Some(checked_token(&token)?), TokenFrom::User),
            None if is_own => from_file(&Config::load(&flags, environment)?.state_dir)?,
            None => (None, TokenFrom::NotLocal),
        };
        Ok(Self {
            url,
            token,
            token_from,
        })
    }

    /// Another instance of a daemon, by a URL that was checked.
    pub(crate) fn peer(url: String, token: Option<String>) -> Self {
        Self {
            url,
            token,
            token_from: TokenFrom::Peers,
        }
    }

    /// `http://host:port`, maybe with a path, without a slash at its end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What is sent to be known by.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// What to do when the server refuses.
    pub(super) fn advice(&self) -> String {
        const GIVE: &str = "give an admin token with --token or $LARDER_TOKEN";
        match &self.token_from {
            TokenFrom::User => "the token that was given is not good for this".to_owned(),
            TokenFrom::File(path) => format!(
                "the token in {} is not this daemon's: {GIVE}, or name its --state-dir",
                path.display()
            ),
            TokenFrom::NoFile(path, error) => format!(
                "no token was sent, for {} can't be read ({error}): {GIVE}, or name the daemon's \
                 --state-dir",
                path.display()
            ),
            TokenFrom::NotLocal => format!("no token was sent: {GIVE}"),
            TokenFrom::Peers => {
                "have a viewer's token of that daemon in a file, and name the file by \
                                 recommend.peers_token_file or --peer-token-file"
                    .to_owned()
            }
        }
    }
}

fn text(environment: &Environment, name: &str) -> anyhow::Result<Option<String>> {
    let value = environment.get(name).map(|value| {
        let text = value.to_str().map(str::to_owned);
        text.with_context(|| format!("${name}: expected UTF-8 text"))
    });
    value.transpose()
}

/// The URL in full, and whether it leads to this machine's loopback.
fn checked_url(text: &str) -> anyhow::Result<(String, bool)> {
    const EXPECTED: &str = r#"expected a URL such as "http://127.0.0.1:7070""#;
    if text.starts_with("https://") {
        bail!("{text}: this client speaks plain HTTP only; {EXPECTED}");
    }
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let uri: Uri = full
        .parse()
        .with_context(|| format!("{text}: {EXPECTED}"))?;
    let host = uri.host().filter(|host| !host.is_empty());
    let (Some("http"), Some(host), None) = (uri.scheme_str(), host, uri.query()) else {
        bail!("{text}: {EXPECTED}");
    };
    Ok((full.trim_end_matches('/').to_owned(), is_loopback(host)))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// How to reach a daemon that listens there.
fn own_url(listen: SocketAddr) -> String {
    let address = match listen.ip() {
        IpAddr::V4(any) if any.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(any) if any.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    format!("http://{}", SocketAddr::new(address, listen.port()))
}

fn from_file(state_dir: &Path) -> anyhow::Result<(Option<String>, TokenFrom)> {
    let path = state_dir.join("admin.token");
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let token = checked_token(text.trim()).with_context(|| path.display().to_string())?;
            Ok((Some(token), TokenFrom::File(path)))
        }
        Err(error) => Ok((None, TokenFrom::NoFile(path, error))),
    }
}

pub(crate) fn checked_token(token: &str) -> anyhow::Result<String> {
    let is_good = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(
        is_good,
        "expected a token: a word of ASCII letters, digits and signs"
    );
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(url: Option<&str>, state_dir: &Path) -> ServerArgs {
        ServerArgs {
            url: url.map(str::to_owned),
            token: None,
            config: None,
            state_dir: Some(state_dir.display().to_string()),
        }
    }

    fn state_with_token() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("admin.token"), "secret\n").expect("written");
        dir
    }

    #[test]
    fn the_token_file_serves_this_machine_only() {
        let state = state_with_token();
        let environment = Environment::default();
        let token_for = |url| {
            let target = Target::find(&args(url, state.path()), &environment).expect("a target");
            target.token
        };
        assert_eq!(token_for(None).as_deref(), Some("secret"));
        assert_eq!(token_for(Some("localhost:1")).as_deref(), Some("secret"));
        assert_eq!(
            token_for(Some("http://[::1]:1/")).as_deref(),
            Some("secret")
        );
        assert_eq!(token_for(Some("http://example.org")), None);
        assert_eq!(token_for(Some("http://127.0.0.1.example.org")), None);
        assert_eq!(token_for(Some("http://127.0.0.1@example.org")), None);
    }

    #[test]
    fn a_given_token_goes_wherever_the_user_says() {
        let environment = [
            ("LARDER_TOKEN", "mine"),
            ("LARDER_URL", "http://example.org/a/"),
        ];
        let environment = environment.into_iter().collect();
        let target = Target::find(&args(None, Path::new("/x")), &environment).expect("a target");
        assert_eq!(target.url, "http://example.org/a");
        assert_eq!(target.token.as_deref(), Some("mine"));
    }

    #[test]
    fn a_listener_on_all_addresses_is_asked_on_loopback() {
        assert_eq!(
            own_url("0.0.0.0:80".parse().expect("good")),
            "http://127.0.0.1:80"
        );
        assert_eq!(own_url("[::]:80".parse().expect("good")), "http://[::1]:80");
    }

    #[test]
    fn what_is_no_http_url_is_refused_with_an_example() {
        for bad in ["https://x", "ftp://x", "http://", "a b", "http://x/?q=1"] {
            let error = checked_url(bad).expect_err(bad);
            assert!(
                error.to_string().contains("http://127.0.0.1:7070"),
                "{error}"
            );
        }
    }
}
