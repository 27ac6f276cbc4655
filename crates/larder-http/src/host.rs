//! Which names this listener answers to.
//!
//! A page elsewhere can point a name of its own at the loopback address and have a browser ask
//! here (DNS rebinding). An address cannot be rebound, a name can: so addresses and `localhost`
//! are answered, other names only when they are configured.
//!
//! A browser lets any page open a `WebSocket` to here and read it, which it does with no other request:
//! so one that a page opens must come from a page of this listener. It lets any page send a POST here
//! too, though not read what comes of it: so where that needs no token, it must come from such a page.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};

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

    /// Whether the request is addressed to this listener, by its target too where that names a host.
    pub(crate) fn check(&self, target: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let mut given = headers.get_all(header::HOST).into_iter();
        let (first, second) = (given.next(), given.next());
        if second.is_some() {
            return Err(Problem::bad_request("expected one header `Host`"));
        }
        self.check_name(
            first
                .and_then(|host| host.to_str().ok())
                .unwrap_or_default(),
        )?;
        target
            .authority()
            .map_or(Ok(()), |target| self.check_name(target.as_str()))
    }

    fn check_name(&self, given: &str) -> Result<(), Problem> {
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

    /// Whether a page that opens a `WebSocket` is one of this listener, or of a configured name.
    /// Programs that are no browsers name no origin.
    pub(crate) fn check_origin(&self, headers: &HeaderMap) -> Result<(), Problem> {
        if !headers.contains_key(header::UPGRADE) || self.is_own_page(headers) {
            return Ok(());
        }
        Err(foreign(headers, "open no WebSocket here"))
    }

    /// Whether a request that changes something, and is let in without a token, comes from a page of this
    /// listener, of a configured name, or from no page: any page can have a browser send one.
    pub(crate) fn check_page(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let site = headers.get("sec-fetch-site");
        let is_from_elsewhere = !headers.contains_key(header::ORIGIN)
            && site.is_some_and(|site| site != "same-origin" && site != "none");
        if !is_from_elsewhere && self.is_own_page(headers) {
            return Ok(());
        }
        Err(foreign(headers, "change nothing here without a token"))
    }

    /// Whether no page asks, or one of this listener or of a configured name.
    fn is_own_page(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return true;
        };
        let (origin, host) = (lower(origin), headers.get(header::HOST).map(lower));
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority.is_some_and(|authority| {
            host.as_deref() == Some(authority)
                || self.0.iter().any(|name| name == without_port(authority))
        })
    }
}

fn lower(value: &HeaderValue) -> String {
    value.to_str().unwrap_or_default().to_ascii_lowercase()
}

fn foreign(headers: &HeaderMap, may: &str) -> Problem {
    let origin = headers.get(header::ORIGIN).map(lower);
    let origin = origin.unwrap_or_else(|| "another site".to_owned());
    let detail =
        format!("a page of {origin:?} may {may}; add its host to allowed_hosts if it should");
    Problem::new(StatusCode::FORBIDDEN, "foreign-page", detail)
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
            hosts.check(&Uri::from_static("/"), &headers).is_ok()
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
        assert!(
            hosts
                .check(&Uri::from_static("/"), &HeaderMap::new())
                .is_err()
        );
    }

    #[test]
    fn two_hosts_and_another_one_in_the_target_are_refused() {
        let hosts = Hosts::default();
        let local = HeaderValue::from_static("localhost");
        let mut headers = HeaderMap::from_iter([(header::HOST, local.clone())]);
        let target = |uri| Uri::from_static(uri);
        assert!(
            hosts
                .check(&target("http://localhost:7070/"), &headers)
                .is_ok()
        );
        assert!(
            hosts
                .check(&target("http://evil.example/"), &headers)
                .is_err()
        );
        headers.append(header::HOST, local);
        assert!(hosts.check(&target("/"), &headers).is_err());
    }

    #[test]
    fn a_page_of_elsewhere_opens_no_websocket() {
        let hosts = Hosts::new(["cache.internal".to_owned()]);
        let asks = |origin: Option<&str>, upgrades: bool| {
            let mut headers =
                HeaderMap::from_iter([(header::HOST, "localhost:7070".parse().unwrap())]);
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            if upgrades {
                headers.insert(header::UPGRADE, "websocket".parse().unwrap());
            }
            hosts.check_origin(&headers).is_ok()
        };
        for origin in [
            None,
            Some("http://localhost:7070"),
            Some("https://Cache.internal:8443"),
        ] {
            assert!(asks(origin, true), "{origin:?}");
        }
        for origin in [
            "http://evil.example",
            "http://localhost:8080",
            "null",
            "localhost:7070",
            "",
        ] {
            assert!(!asks(Some(origin), true), "{origin:?}");
            assert!(
                asks(Some(origin), false),
                "the browser keeps the answer of {origin:?} from it"
            );
        }
    }

    #[test]
    fn a_page_of_elsewhere_changes_nothing() {
        let hosts = Hosts::new(["cache.internal".to_owned()]);
        let is_let_in = |name: &'static str, value: &str| {
            let host = (header::HOST, "localhost:7070".parse().unwrap());
            let page = (name.parse().unwrap(), value.parse().unwrap());
            let headers = HeaderMap::from_iter([host, page]);
            hosts.check_page(&headers).is_ok()
        };
        for (name, value) in [
            ("origin", "http://localhost:7070"),
            ("origin", "https://cache.internal"),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
            ("user-agent", "curl"),
        ] {
            assert!(is_let_in(name, value), "{name}: {value}");
        }
        for (name, value) in [
            ("origin", "http://evil.example"),
            ("origin", "http://localhost:8080"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert!(!is_let_in(name, value), "{name}: {value}");
        }
    }
}
