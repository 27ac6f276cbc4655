//! The source over HTTP: `POST {base}/rest/v1/rpc/get_codette_context`, as `PostgREST` serves a function.
//!
//! Must not know caches. Whatever the server does (fail, answer with a page, send without end), a call
//! tells what happened; one that hangs is dropped by who waits for it.

use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use xxhash_rust::xxh3::xxh3_64;

use super::context::Context;
use super::question::Question;
use super::rpc::{Closing, Fetching, Rpc, RpcError};
use super::wire;

const PATH: &str = "/rest/v1/rpc/get_codette_context";
/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Connections that wait for the next call.
const IDLE_MAX: usize = 8;

type Web = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A server that speaks as `PostgREST`.
pub struct PostgRest {
    client: Web,
    uri: Uri,
    key: Option<Key>,
    name: String,
}

/// What the server knows the caller by, as two headers.
struct Key {
    api_key: HeaderValue,
    bearer: HeaderValue,
}

/// The server cannot be asked as configured.
#[derive(Debug, thiserror::Error)]
pub enum PostgRestError {
    /// The URL.
    #[error("expected a URL such as \"https://project.example\", without user, query or fragment")]
    Url,
    /// The key.
    #[error("expected a key of visible ASCII characters")]
    Key,
    /// The authorities that the system trusts.
    #[error("the system's certificates cannot be read: {0}")]
    Certificates(std::io::Error),
}

impl PostgRest {
    /// The server at `base`, asked with this key if there is one. Connects to nothing yet; for `https`,
    /// reads the system's certificates.
    ///
    /// # Errors
    /// What cannot be used, and what was expected.
    pub fn at(base: &str, key: Option<&str>) -> Result<Self, PostgRestError> {
        let uri = function_of(base).ok_or(PostgRestError::Url)?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(uri.scheme_str() == Some("https"))?)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(IDLE_MAX)
            .build(connector);
        Ok(Self {
            client,
            name: format!("PostgREST at {}", base.trim_end_matches('/')),
            uri,
            key: key.map(Key::of).transpose()?,
        })
    }

    /// Whether this is the URL of a server as [`at`](Self::at) takes it.
    pub fn is_base(url: &str) -> bool {
        function_of(url).is_some()
    }

    async fn call(&self, question: &Question) -> Result<Context, RpcError> {
        let request = self.request(question);
        let answer = self.client.request(request).await;
        let (head, body) = answer.map_err(|error| failed(&error))?.into_parts();
        if head.status != StatusCode::OK {
            return Err(RpcError::Status(head.status.as_u16()));
        }
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                let expected = format!("expected at most {} MiB", ANSWER_BYTES_MAX >> 20);
                return RpcError::Malformed(expected);
            }
            RpcError::Malformed(format!("its answer breaks off: {error}"))
        })?;
        wire::context(&body.to_bytes()).map_err(RpcError::Malformed)
    }

    fn request(&self, question: &Question) -> Request<Full<Bytes>> {
        let asked = json!({
            "input_prompt": question.message(),
            "optionally_filename": question.filename(),
        });
        let mut request = Request::new(Full::from(asked.to_string()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let json = HeaderValue::from_static("application/json");
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, json.clone());
        headers.insert(header::ACCEPT, json);
        if let Some(key) = &self.key {
            headers.insert("apikey", key.api_key.clone());
            headers.insert(header::AUTHORIZATION, key.bearer.clone());
        }
        request
    }
}

impl Rpc for PostgRest {
    fn name(&self) -> &str {
        &self.name
    }

    fn fingerprint(&self) -> u64 {
        xxh3_64(self.uri.to_string().as_bytes())
    }

    fn fetch<'a>(&'a self, question: &'a Question) -> Fetching<'a> {
        Box::pin(self.call(question))
    }

    /// Connections end with the last handle.
    fn close(&self) -> Closing<'_> {
        Box::pin(std::future::ready(()))
    }
}

impl Key {
    fn of(key: &str) -> Result<Self, PostgRestError> {
        let header = |text: &str| {
            let is_visible = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
            let mut header = HeaderValue::from_str(text).ok().filter(|_| is_visible)?;
            header.set_sensitive(true);
            Some(header)
        };
        Ok(Self {
            api_key: header(key).ok_or(PostgRestError::Key)?,
            bearer: header(&format!("Bearer {key}")).ok_or(PostgRestError::Key)?,
        })
    }
}

/// Where the function is at a server.
fn function_of(base: &str) -> Option<Uri> {
    let uri: Uri = base.parse().ok()?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    let is_plain = uri.query().is_none() && !base.contains(['#', '@']) && !uri.host()?.is_empty();
    let path = format!("{}{PATH}", uri.path().trim_end_matches('/'));
    let mut parts = uri.into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok().filter(|_| is_web && is_plain)
}

/// Only who speaks TLS needs to know whom to trust.
fn tls(is_needed: bool) -> Result<ClientConfig, PostgRestError> {
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("the provider speaks TLS 1.2 and 1.3");
    let config = if is_needed {
        config
            .with_native_roots()
            .map_err(PostgRestError::Certificates)?
    } else {
        config.with_root_certificates(RootCertStore::empty())
    };
    Ok(config.with_no_client_auth())
}

/// There was no connection, or what came over it is no answer. The innermost reason says most.
fn failed(error: &hyper_util::client::legacy::Error) -> RpcError {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    if !error.is_connect() {
        return RpcError::Malformed(format!("expected an answer of HTTP: {reason}"));
    }
    RpcError::Unreachable(reason.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_is_found_under_any_base() {
        for (base, function) in [
            (
                "http://127.0.0.1:3000",
                "http://127.0.0.1:3000/rest/v1/rpc/get_codette_context",
            ),
            (
                "https://a.example/",
                "https://a.example/rest/v1/rpc/get_codette_context",
            ),
            (
                "https://a.example/db",
                "https://a.example/db/rest/v1/rpc/get_codette_context",
            ),
        ] {
            let rpc = PostgRest::at(base, Some("key")).unwrap();
            assert_eq!(rpc.uri.to_string(), function);
        }
    }

    #[test]
    fn what_is_no_url_or_key_is_refused() {
        let at = |base, key| PostgRest::at(base, key).err().map(|e| e.to_string());
        for base in [
            "",
            "a",
            "ftp://a",
            "http://",
            "http://u:p@a",
            "http://a/?b=c",
            "http://a/#b",
        ] {
            assert!(at(base, None).unwrap().contains("expected a URL"), "{base}");
        }
        for key in ["", "a b", "a\nb", "ä"] {
            assert!(
                at("http://a", Some(key))
                    .unwrap()
                    .contains("expected a key"),
                "{key:?}"
            );
        }
    }
}
