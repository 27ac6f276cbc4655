//! What one side asks: a server, and a request with places for keys.
//!
//! It must not know how often it is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, ensure};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Uri};

use super::http::{self, Connection, Origin};
use super::keys::Keys;
use super::load::Exchange;
use super::masked;
use super::places::{Escape, Template};
use super::tally::{Answered, Failure, is_good};
use crate::exit::Usage;

/// A server, and what it is asked for.
pub(super) struct Subject {
    /// As it was given.
    pub(super) url: String,
    pub(super) origin: Arc<Origin>,
    /// `host:port`, as requests name it.
    authority: String,
    pub(super) method: Method,
    path: Template,
    headers: Vec<(HeaderName, Template)>,
    body: Template,
    /// The last `{unique}` number.
    unique: AtomicU64,
}

/// What is common to the requests of both sides.
#[derive(Debug, Clone, Default)]
pub(super) struct Ask {
    pub(super) method: Option<String>,
    /// `Name: value`
    pub(super) headers: Vec<String>,
    pub(super) body: Option<String>,
}

/// What clears caches, a request for each.
pub(super) struct Clearing {
    pub(super) subjects: Vec<Subject>,
}

impl Subject {
    /// Reads a URL, without asking it anything.
    pub(super) fn new(url: &str, ask: &Ask) -> anyhow::Result<Self> {
        let place = Place::read(url)?;
        let method = match (&ask.method, &ask.body) {
            (Some(method), _) => method.to_ascii_uppercase(),
            (None, Some(_)) => "POST".to_owned(),
            (None, None) => "GET".to_owned(),
        };
        let method = Method::from_bytes(method.as_bytes());
        let headers = ask.headers.iter().map(|line| header(line));
        let tls = place.is_secure.then(http::tls).transpose()?;
        let subject = Self {
            url: url.to_owned(),
            origin: Arc::new(Origin {
                host: place.host.to_owned(),
                port: place.port,
                tls,
            }),
            authority: place.authority.to_owned(),
            method: method.map_err(|_| Usage("--method: expected a word such as GET".into()))?,
            path: Template::parse(&place.path),
            headers: headers.collect::<Result<_, _>>()?,
            body: Template::parse(ask.body.as_deref().unwrap_or_default()),
            unique: AtomicU64::new(jiff::Timestamp::now().as_microsecond() as u64),
        };
        subject.request("1").with_context(|| url.to_owned())?;
        Ok(subject)
    }

    /// Everything that may have places.
    pub(super) fn templates(&self) -> impl Iterator<Item = &Template> {
        let headers = self.headers.iter().map(|(_, value)| value);
        [&self.path, &self.body].into_iter().chain(headers)
    }

    /// The request for a key.
    pub(super) fn request(&self, key: &str) -> Result<Request<Full<Bytes>>, Usage> {
        let unique = self.unique.fetch_add(1, Ordering::Relaxed);
        let path = self.path.filled(key, unique, Escape::Url);
        let body = self.body.filled(key, unique, Escape::Json);
        let bad = |what: &str| Usage(format!("{what} is not allowed in a request"));
        let uri: Uri = path.parse().map_err(|_| bad(&path))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let value = value.filled(key, unique, Escape::Url);
            let value = HeaderValue::from_str(&value).map_err(|_| bad(&value))?;
            headers.append(name, value);
        }
        let mut or_else = |name: HeaderName, value: &str| {
            if !headers.contains_key(&name)
                && let Ok(value) = HeaderValue::from_str(value)
            {
                headers.insert(name, value);
            }
        };
        or_else(header::HOST, &self.authority);
        or_else(
            header::USER_AGENT,
            concat!("larder/", env!("CARGO_PKG_VERSION")),
        );
        or_else(header::ACCEPT, "*/*");
        if !body.is_empty() {
            or_else(header::CONTENT_TYPE, "application/json");
        }
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Says what it asks, without the secrets in it.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.method, masked::address(&self.url))
    }
}

/// The parts of a URL that may have places in its path.
struct Place<'a> {
    is_secure: bool,
    authority: &'a str,
    host: &'a str,
    port: u16,
    path: String,
}

impl<'a> Place<'a> {
    fn read(url: &'a str) -> Result<Self, Usage> {
        let bad = |why: &str| {
            Usage(format!(
                "{url:?}: {why}; expected a URL such as http://127.0.0.1:7070/api/stats"
            ))
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| bad("no scheme"))?;
        let is_secure = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(bad("neither http nor https")),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            let why = "a login in a URL is not sent: give it with -H 'Authorization: …'";
            return Err(bad(why));
        }
        let uri: Uri = authority.parse().map_err(|_| bad("no server"))?;
        let host = uri.host().map(str::len).filter(|length| *length > 0);
        let host = &authority[..host.ok_or_else(|| bad("no server"))?];
        let path = path.split('#').next().unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            is_secure,
            authority,
            host: host.trim_start_matches('[').trim_end_matches(']'),
            port: uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 }),
            path: format!("{slash}{path}"),
        })
    }
}

fn header(line: &str) -> anyhow::Result<(HeaderName, Template)> {
    let parts = line.split_once(':');
    let name = parts.and_then(|(name, _)| HeaderName::from_bytes(name.trim().as_bytes()).ok());
    ensure!(
        name.is_some(),
        Usage(format!("header {line:?}: expected `Name: value`"))
    );
    let value = parts.map(|(_, value)| value.trim()).unwrap_or_default();
    Ok((name.context("it was looked at")?, Template::parse(value)))
}

/// One connection of a side.
pub(super) struct Asking {
    connection: Connection,
    subject: Arc<Subject>,
    keys: Arc<Keys>,
    seed: u64,
    clearing: Option<(Connection, Arc<Clearing>)>,
    ready: Option<Request<Full<Bytes>>>,
}

impl Asking {
    pub(super) fn new(
        subject: &Arc<Subject>,
        clearing: Option<&Arc<Clearing>>,
        keys: &Arc<Keys>,
        seed: u64,
    ) -> Self {
        let clearing = clearing.and_then(|clearing| {
            let origin = Arc::clone(&clearing.subjects.first()?.origin);
            Some((Connection::new(origin), Arc::clone(clearing)))
        });
        Self {
            connection: Connection::new(Arc::clone(&subject.origin)),
            subject: Arc::clone(subject),
            keys: Arc::clone(keys),
            seed,
            clearing,
            ready: None,
        }
    }

    /// Draws other keys from now on.
    pub(super) fn reseed(&mut self, seed: u64) {
        self.seed = seed;
    }
}

impl Exchange for Asking {
    async fn prepare(&mut self, number: u64) -> Result<(), Failure> {
        let request = self.subject.request(&self.keys.at(number, self.seed));
        // The same request was good with another key.
        self.ready = Some(request.map_err(|error| Failure::Protocol(error.to_string()))?);
        if let Some((connection, clearing)) = &mut self.clearing {
            for subject in &clearing.subjects {
                clear(connection, subject).await?;
            }
        }
        Ok(())
    }

    async fn exchange(&mut self) -> Result<Answered, Failure> {
        match self.ready.take() {
            Some(request) => self.connection.ask(request).await,
            None => Err(Failure::Protocol("no request was made ready".to_owned())),
        }
    }
}

async fn clear(connection: &mut Connection, subject: &Subject) -> Result<(), Failure> {
    let failed = |words: String| Failure::Clearing(words);
    let request = subject
        .request("")
        .map_err(|error| failed(error.to_string()))?;
    let answer = connection.ask(request).await;
    let answer = answer.map_err(|failure| failed(failure.to_string()))?;
    if is_good(answer.status) {
        return Ok(());
    }
    Err(failed(format!("status {}", answer.status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(url: &str, ask: &Ask) -> anyhow::Result<Subject> {
        Subject::new(url, ask)
    }

    #[test]
    fn a_request_has_the_key_in_its_path_its_headers_and_its_body() {
        let ask = Ask {
            headers: vec!["X-Key: k-{key}".to_owned(), "host: other".to_owned()],
            body: Some(r#"{"message":"{key}"}"#.to_owned()),
            method: None,
        };
        let subject = subject("http://[::1]:81?q={key}#part", &ask).expect("a subject");
        assert_eq!(
            (subject.origin.host.as_str(), subject.origin.port),
            ("::1", 81)
        );
        let request = subject.request("a b").expect("a request");
        assert_eq!(
            (request.method(), request.uri().to_string()),
            (&Method::POST, "/?q=a%20b".into())
        );
        let headers = request.headers();
        assert_eq!(
            (&headers["x-key"], &headers["host"]),
            (&"k-a%20b".parse().unwrap(), &"other".parse().unwrap())
        );
        assert_eq!(headers["content-type"], "application/json");
    }

    #[test]
    fn what_is_no_url_is_refused_with_an_example() {
        for bad in [
            "",
            "a",
            "ftp://x/",
            "http://",
            "http:///x",
            "http://u:p@x/",
            "http://a b/",
        ] {
            let error = subject(bad, &Ask::default()).err().expect(bad).to_string();
            assert!(error.contains("expected a URL such as"), "{bad}: {error}");
        }
        assert!(subject("http://x/ a", &Ask::default()).is_err());
        let ask = Ask {
            headers: vec!["no colon".to_owned()],
            ..Ask::default()
        };
        assert!(subject("http://x/", &ask).is_err());
    }

    #[test]
    fn each_unique_number_is_used_once() {
        let subject = subject("http://x/{unique}", &Ask::default()).expect("a subject");
        let path = || subject.request("").expect("a request").uri().to_string();
        assert_ne!(path(), path());
    }
}
