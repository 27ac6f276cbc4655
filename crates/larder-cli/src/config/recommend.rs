//! The section `[recommend]`: the other instances whose loads are compared with this one's.
//!
//! It must not connect to anything.

use std::path::{Path, PathBuf};

use ureq::http::Uri;

use super::Environment;
use super::kinds::{Kind, OnePath, list, quoted_list};
use super::layers::Given;
use super::reader::Reader;

/// The most instances that are asked.
pub(crate) const PEERS_MAX: usize = 16;

/// The section `[recommend]`.
#[derive(Debug)]
pub(crate) struct Recommend {
    /// `http://host:port`, without a slash at the end; none means that nobody is asked.
    pub(crate) peers: Vec<String>,
    /// Has in its first line the token for those that ask one.
    pub(crate) peers_token_file: Option<PathBuf>,
}

pub(super) fn read(reader: &mut Reader, environment: &Environment) -> Recommend {
    let file = OnePath {
        what: "file with a token in its first line",
        home: environment.home(),
    };
    Recommend {
        peers: reader.read("recommend.peers", &Peers, (Vec::new(), "nobody is asked")),
        peers_token_file: reader.read(
            "recommend.peers_token_file",
            &file,
            (None, "no token is sent"),
        ),
    }
}

/// The URLs of other daemons.
struct Peers;

impl Kind for Peers {
    type Value = Vec<String>;

    fn expected(&self) -> String {
        format!(
            "a list of {PEERS_MAX} URLs at most such as [\"http://10.0.0.2:7070\"]: http, and without a user"
        )
    }

    fn read(&self, given: &Given, _: &Path) -> Option<Self::Value> {
        let urls = list(given)?;
        let is_few = urls.len() <= PEERS_MAX;
        let peers = urls.into_iter().map(peer).collect::<Option<_>>();
        peers.filter(|_| is_few)
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        Some(quoted_list(value.iter()))
    }

    fn problem(&self, _: &Given) -> String {
        // A URL may have a password in it.
        format!("(not shown): expected {}", self.expected())
    }
}

/// The URL of a daemon, without a slash at its end; `None` if it is none, or has a user in it.
pub(crate) fn peer(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    let authority = uri.authority()?.as_str();
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    let is_plain = !authority.contains('@') && uri.query().is_none();
    let is_good = uri.scheme_str() == Some("http") && has_host && is_plain;
    is_good.then(|| text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Flags};
    use super::*;

    fn load(file: &str, variables: &[(&str, &str)]) -> Result<Recommend, String> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("larder.toml");
        std::fs::write(&path, file).expect("written");
        let home = [("HOME", "/home/dev")];
        let environment: Environment = variables.iter().copied().chain(home).collect();
        let flags = Flags {
            file: Some(path),
            ..Flags::default()
        };
        let loaded = Config::load(&flags, &environment);
        loaded
            .map(|config| config.recommend)
            .map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn peers_are_named_in_the_file_or_by_a_variable_with_commas_between() {
        assert_eq!(load("", &[]).expect("good").peers, Vec::<String>::new());
        let file =
            "[recommend]\npeers = [\"http://10.0.0.2:7070/\"]\npeers_token_file = \"~/peers\"\n";
        let read = load(file, &[]).expect("good");
        assert_eq!(read.peers, ["http://10.0.0.2:7070"]);
        assert_eq!(read.peers_token_file, Some("/home/dev/peers".into()));
        let variable = [(
            "LARDER_RECOMMEND_PEERS",
            "http://a:1, http://[::1]:2/larder",
        )];
        let read = load(file, &variable).expect("good");
        assert_eq!(read.peers, ["http://a:1", "http://[::1]:2/larder"]);
    }

    #[test]
    fn what_is_no_list_of_urls_is_refused_without_a_password() {
        let many = vec!["\"http://a:1\""; 17].join(",");
        for bad in [
            "\"https://a\"",
            "\"http://u:hidden@a\"",
            "\"http://\"",
            "\"a b\"",
            "\"http://a/?q=hidden\"",
            &many,
        ] {
            let text = load(&format!("[recommend]\npeers = [{bad}]\n"), &[]).expect_err(bad);
            assert!(text.contains("larder.toml:2: recommend.peers"), "{text}");
            assert!(text.contains("a list of 16 URLs at most"), "{text}");
            assert!(!text.contains("hidden"), "{text}");
        }
    }
}
