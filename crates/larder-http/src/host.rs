//! Which names this listener answers to.
//!
//! A page elsewhere can point a name of its own at the loopback address and have a browser ask
//! here (DNS rebinding). An address cannot be rebound, a name can: so addresses and `localhost`
//! are answered, other names only when they are configured.

use std::net::IpAddr;

use axum::http::{HeaderMap, StatusCode, header};

use crate::problem::Problem;

/// The names that requests may be addressed to, besides addresses and `localhost`.
#[derive(Clone, Debug, Default)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// Answers to these names too.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(
            names
                .into_iter()
                .map(|name| name.to_ascii_lowercase())
                .collect(),
        )
    }

    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let given = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default();
        let name = without_port(given).to_ascii_lowercase();
        if is_address(&name) || name == "localhost" || self.0.contains(&name) {
            return Ok(());
        }
        let detail = format!(
            "this listener does not answer to the host {given:?}; add it to allowed_hosts if it should"
        );
        Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "unknown-host",
            detail,
        ))
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_address(name: &str) -> bool {
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_localhost_and_configured_names_are_answered_and_no_others() {
        let hosts = Hosts::new(["Cache.internal".to_owned()]);
        let is_answered = |host: &str| {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            hosts.check(&headers).is_ok()
        };
        for host in [
            "localhost:7070",
            "127.0.0.1",
            "127.0.0.1:7070",
            "[::1]:7070",
            "LOCALHOST",
            "cache.internal:80",
        ] {
            assert!(is_answered(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:7070",
            "localhost.evil.example",
            "",
            "127.0.0.1.evil.example",
        ] {
            assert!(!is_answered(host), "{host:?}");
        }
        assert!(hosts.check(&HeaderMap::new()).is_err());
    }
}
