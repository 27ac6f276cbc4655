//! What a response is stored under: host, path and query; whom it is for; and the values of the fields
//! that it varies by. Knows no caches.

use std::fmt::Write as _;

use axum::extract::OriginalUri;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header, request};
use sha2::{Digest as _, Sha256};

/// The longest URL, field's value or identity that stands in a key as it is, in bytes.
const URL_BYTES_MAX: usize = 1_024;
const VALUE_BYTES_MAX: usize = 64;
/// The longest URL that stands in a tag as it is, in bytes: a tag has at most 256.
const TAGGED_BYTES_MAX: usize = 160;

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
    pub(super) fn of(head: &request::Parts, identity: Option<&str>) -> Self {
        let url = url(head);
        let mut text = shortened(&url, URL_BYTES_MAX);
        // A URL has no space: what follows one is no part of it.
        if let Some(identity) = identity {
            let _ = write!(text, " @{}", escaped(identity.as_bytes()));
        }
        Self {
            text,
            tag: tag(&url),
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
                    let _ = write!(key.text, "={}", escaped(&value));
                }
                key.names.push(name.clone());
            }
        }
        key
    }
}

/// What invalidates the responses of a request's URL.
pub(super) fn tag_of(head: &request::Parts) -> String {
    tag(&url(head))
}

fn tag(url: &str) -> String {
    format!("url:{}", shortened(url, TAGGED_BYTES_MAX))
}

/// The host, in lower case, with path and query. A router that strips a prefix leaves the whole in an
/// extension.
fn url(head: &request::Parts) -> String {
    let original = head.extensions.get::<OriginalUri>();
    let uri: &Uri = original.map_or(&head.uri, |original| &original.0);
    let host = head.headers.get(header::HOST).map(HeaderValue::as_bytes);
    let host = uri
        .authority()
        .map_or(host, |own| Some(own.as_str().as_bytes()));
    let host = String::from_utf8_lossy(host.unwrap_or_default()).to_ascii_lowercase();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    host + path
}

/// All lines of a field, as one.
fn value(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let mut lines = headers.get_all(name).iter();
    let mut value = lines.next()?.as_bytes().trim_ascii().to_vec();
    for line in lines {
        value.push(b',');
        value.extend_from_slice(line.as_bytes().trim_ascii());
    }
    // Secrets are not to be read from a list of keys.
    let is_secret = [header::AUTHORIZATION, header::COOKIE].contains(name);
    if is_secret || value.len() > VALUE_BYTES_MAX {
        return Some(format!("#{}", digest(&value)).into_bytes());
    }
    Some(value)
}

/// Without spaces and signs that could be taken for another part of a key.
fn escaped(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    for &byte in value {
        if byte.is_ascii_graphic() && byte != b'%' {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02x}");
        }
    }
    text
}

/// The text, or its beginning and a hash of it. A URL as it is sent has no `#`.
fn shortened(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
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
            ("/", vec![("host", "one")], None),
            ("/?x=1", vec![], None),
            ("/", vec![], Some("ada")),
            ("/", vec![], Some("ada a")),
        ];
        let key = |(uri, headers, identity): &(&str, Vec<(&str, &str)>, Option<&str>)| {
            let head = head(uri, headers);
            let key = Key::of(&head, *identity).with(&names, &head.headers);
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
        let key = Key::of(&head, None).with(&names, &head.headers);
        assert!(key.text().len() < 1_300 && !key.text().contains("news"));
        assert!(key.tag().len() <= 256);
        assert!(!by_credentials(&head).unwrap().contains("news"));
    }
}
