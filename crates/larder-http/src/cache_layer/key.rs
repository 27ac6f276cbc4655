//! What a response is stored under: host, path and query; the scheme, where the request names it; whom it
//! is for; and the values of the fields that it varies by. Knows no caches.
//!
//! A key is `host/path?query`, then parts that each begin with a space: ` https:`, ` @identity`, ` name=value`,
//! and ` =value` for each further line of the field. No part can be taken for another, whatever a client sends:
//! a host and a URL have no space and no `#`, values have them escaped, and only hashes begin with `#`.

use std::fmt::Write as _;

use axum::extract::OriginalUri;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header, request};
use sha2::{Digest as _, Sha256};

use super::authority;

/// The longest URL, field's value or identity that stands in a key as it is, in bytes.
const URL_BYTES_MAX: usize = 1_024;
const VALUE_BYTES_MAX: usize = 64;
/// The longest URL that stands in a tag as it is, in bytes: a tag has at most 256.
const TAGGED_BYTES_MAX: usize = 160;
/// The most hosts of a request whose responses it invalidates: its target's, and its `Host`.
const HOSTS_MAX: usize = 2;

/// What a request is for.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// In its normal form; empty if the request names none.
    host: String,
    path: String,
    scheme: Option<String>,
}

impl Target {
    /// `None` if that is not sure: its hosts are several, empty or none that there can be, or the target's is
    /// not in its normal form, which the service would see (RFC 9112 §3.2).
    pub(super) fn of(head: &request::Parts) -> Option<Self> {
        let uri = uri(head);
        let scheme = uri.scheme_str();
        let is_https = scheme == Some("https");
        let mut lines = head.headers.get_all(header::HOST).iter();
        let given = lines.next();
        if lines.next().is_some() || !uri.path().starts_with('/') {
            return None;
        }
        let given = match given {
            Some(given) => Some(authority::normal(given.to_str().ok()?, is_https)?),
            None => None,
        };
        let host = match uri.authority().map(Authority::as_str) {
            Some(own) => {
                let is_normal = authority::normal(own, is_https)? == own;
                let is_given = given.is_none_or(|given| given == own);
                (is_normal && is_given).then(|| own.to_owned())?
            }
            None => given.unwrap_or_default(),
        };
        Some(Self {
            host,
            path: path(uri),
            scheme: scheme.map(str::to_owned),
        })
    }

    /// Shows the service the host that stands in the key, where it may be only in the target (as RFC 9113
    /// §8.3.1 has it too): what is made of another spelling of it, or of none, would be served to others.
    pub(super) fn name_host(&self, headers: &mut HeaderMap) {
        if !self.host.is_empty()
            && let Ok(host) = HeaderValue::from_str(&self.host)
        {
            headers.insert(header::HOST, host);
        }
    }
}

/// The key of a request, as far as it is known which fields count.
#[derive(Clone, Debug)]
pub(super) struct Key {
    text: String,
    /// What all responses of the URL are invalidated by.
    tag: String,
    /// The fields whose values stand in the text.
    names: Vec<HeaderName>,
}

impl Key {
    /// Before any field counts. `identity` is whom the response is for; `None`: all.
    pub(super) fn of(target: &Target, identity: Option<&str>) -> Self {
        let mut text = shortened(format!("{}{}", target.host, target.path), URL_BYTES_MAX);
        if let Some(scheme) = &target.scheme {
            let _ = write!(text, " {scheme}:");
        }
        if let Some(identity) = identity {
            let _ = write!(text, " @{}", short(escaped(identity.as_bytes())));
        }
        Self {
            text,
            tag: tag(&target.host, &target.path),
            names: Vec::new(),
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// Whether the values of all these fields stand in it.
    pub(super) fn has(&self, names: &[HeaderName]) -> bool {
        names.iter().all(|name| self.names.contains(name))
    }

    /// The key with a request's values of further fields.
    pub(super) fn with(&self, names: &[HeaderName], headers: &HeaderMap) -> Self {
        let mut key = self.clone();
        for name in names {
            if !self.names.contains(name) {
                let _ = write!(key.text, " {name}");
                if let Some(value) = value(headers, name) {
                    let _ = write!(key.text, "={value}");
                }
                key.names.push(name.clone());
            }
        }
        key
    }
}

/// What invalidates the responses of a request's URL: of its target's host, and of its `Host` where that is
/// another.
pub(super) fn tags_of(head: &request::Parts) -> Vec<String> {
    let uri = uri(head);
    let lines = head.headers.get_all(header::HOST).iter();
    let given = lines.map(|line| line.to_str().unwrap_or(" "));
    let named = uri.authority().map(Authority::as_str);
    let named: Vec<&str> = named.into_iter().chain(given).take(HOSTS_MAX).collect();
    let hosts: Vec<String> = if named.iter().all(|host| host.is_empty()) {
        vec![String::new()]
    } else {
        let normal = |host| authority::normal(host, false);
        named.into_iter().filter_map(normal).collect()
    };
    let tags = hosts.iter().map(|host| tag(host, &path(uri)));
    let mut tags: Vec<String> = tags.collect();
    tags.dedup();
    tags
}

/// One tag for all URLs that are the same by RFC 3986 §6.2, and without a port that may be the scheme's own.
fn tag(host: &str, path: &str) -> String {
    let bare = host.strip_suffix(":80").or(host.strip_suffix(":443"));
    let url = format!("{}{}", bare.unwrap_or(host), decoded(path));
    format!("url:{}", shortened(url, TAGGED_BYTES_MAX))
}

/// The target as the client sent it: a router that strips a prefix leaves it in an extension.
fn uri(head: &request::Parts) -> &Uri {
    let original = head.extensions.get::<OriginalUri>();
    original.map_or(&head.uri, |original| &original.0)
}

/// Path and query.
fn path(uri: &Uri) -> String {
    match uri.query() {
        Some(query) => format!("{}?{query}", uri.path()),
        None => uri.path().to_owned(),
    }
}

/// A path with as few bytes percent-encoded as can be, and all of them alike (RFC 3986 §6.2.2).
fn decoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let encoded = after.get(..2).filter(|_| first == b'%');
        let encoded = encoded.and_then(|digits| std::str::from_utf8(digits).ok());
        let encoded =
            encoded.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let encoded = encoded.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let byte = encoded.unwrap_or(first);
        rest = if encoded.is_some() {
            &after[2..]
        } else {
            after
        };
        let is_unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_unreserved || (encoded.is_none() && byte.is_ascii()) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// All lines of a field, apart: a service may look at the first one alone.
fn value(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut lines = headers.get_all(name).iter();
    let mut value = escaped(lines.next()?.as_bytes());
    for line in lines {
        value.push_str(" =");
        value.push_str(&escaped(line.as_bytes()));
    }
    // Secrets are not to be read from a list of keys.
    let secret = [
        header::AUTHORIZATION,
        header::COOKIE,
        header::PROXY_AUTHORIZATION,
    ];
    Some(if secret.contains(name) {
        hashed(&value)
    } else {
        short(value)
    })
}

/// Without spaces and signs that could be taken for another part of a key, or for a hash.
fn escaped(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    for &byte in value {
        if byte.is_ascii_graphic() && !b"%#".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02x}");
        }
    }
    text
}

/// An escaped text, or a hash of it if it is long.
fn short(escaped: String) -> String {
    if escaped.len() <= VALUE_BYTES_MAX {
        escaped
    } else {
        hashed(&escaped)
    }
}

fn hashed(escaped: &str) -> String {
    format!("#{}", digest(escaped.as_bytes()))
}

/// The text, or its beginning and a hash of it. A URL as it is sent has no `#`.
fn shortened(text: String, max: usize) -> String {
    if text.len() <= max {
        return text;
    }
    let hash = digest(text.as_bytes());
    let start = text.floor_char_boundary(max - hash.len() - 1);
    format!("{}#{hash}", &text[..start])
}

/// 32 hexadecimal digits of SHA-256: whoever picks the text must not find another of the same.
pub(super) fn digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(32);
    for byte in &Sha256::digest(bytes)[..16] {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whom a request's `Authorization` and `Cookie` name, as a hash of both: `None` if it has neither. For
/// [`CacheLayer::authorized`](crate::CacheLayer::authorized).
pub fn by_credentials(head: &request::Parts) -> Option<String> {
    if !super::rules::is_personal(&head.headers) {
        return None;
    }
    let mut hash = Sha256::new();
    for name in [
        header::AUTHORIZATION,
        header::COOKIE,
        header::PROXY_AUTHORIZATION,
    ] {
        for line in head.headers.get_all(&name) {
            hash.update((line.len() as u64).to_le_bytes());
            hash.update(line.as_bytes());
        }
        hash.update(u64::MAX.to_le_bytes());
    }
    Some(digest(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use axum::http::Request;

    use super::*;

    fn head(uri: &str, headers: &[(&str, &str)]) -> request::Parts {
        let request = Request::builder().uri(uri);
        let add =
            |request: request::Builder, &(name, value): &(&str, &str)| request.header(name, value);
        let request = headers.iter().fold(request, add);
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn requests_that_differ_in_what_counts_have_keys_that_differ() {
        let names = ["a", "b"].map(HeaderName::from_static);
        let requests = [
            ("/", vec![], None),
            ("/", vec![("a", "")], None),
            ("/", vec![("b", "")], None),
            ("/", vec![("a", "x b=y"), ("b", "z")], None),
            ("/", vec![("a", "x"), ("b", "y b=z")], None),
            ("/", vec![("a", "x%20b=y"), ("b", "z")], None),
            ("/", vec![("a", "x"), ("a", "y")], None),
            ("/", vec![("a", "y"), ("a", "x")], None),
            ("/", vec![("a", "x,y")], None),
            ("/", vec![("a", "x =y")], None),
            ("/", vec![("a", "x%20=y")], None),
            ("/", vec![("a", "#")], None),
            ("/", vec![("a", "%23")], None),
            ("/", vec![("host", "one")], None),
            ("/?x=1", vec![], None),
            ("/", vec![], Some("ada")),
            ("/", vec![], Some("ada a")),
            ("/", vec![], Some("ada a=")),
            ("/", vec![], Some("")),
            ("http://one/", vec![], None),
            ("https://one/", vec![], None),
        ];
        let key = |(uri, headers, identity): &(&str, Vec<(&str, &str)>, Option<&str>)| {
            let head = head(uri, headers);
            let target = Target::of(&head).unwrap();
            let key = Key::of(&target, *identity).with(&names, &head.headers);
            key.text().to_owned()
        };
        let keys: HashSet<String> = requests.iter().map(key).collect();
        assert_eq!(keys.len(), requests.len(), "{keys:#?}");
    }

    #[test]
    fn a_key_is_short_and_shows_no_secret() {
        let long = format!("/{}", "x".repeat(60_000));
        let secret = "Bearer of-bad-news";
        let head = head(&long, &[("authorization", secret), ("user-agent", &long)]);
        let names = [header::AUTHORIZATION, header::USER_AGENT];
        let target = Target::of(&head).unwrap();
        let key = Key::of(&target, Some(&long)).with(&names, &head.headers);
        assert!(key.text().len() < 1_300 && !key.text().contains("news"));
        assert!(key.tag().len() <= 256);
        assert!(!by_credentials(&head).unwrap().contains("news"));
    }
}
