//! A connection that asks over HTTP/1.1, with TLS for `https`.
//!
//! It must not know what is measured.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, body};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::tally::{Answered, Failure};

/// Beyond which an unreachable server is given up.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// A server.
#[derive(Clone)]
pub(super) struct Origin {
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Option<TlsConnector>,
}

/// A connection, opened when it is first used and again when it was closed.
pub(super) struct Connection {
    origin: Arc<Origin>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    pub(super) fn new(origin: Arc<Origin>) -> Self {
        Self {
            origin,
            sender: None,
        }
    }

    /// Asks and reads the whole answer. A request that is given up takes its connection with it.
    pub(super) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<Answered, Failure> {
        let answer = self.send(request).await?;
        let (sender, response) = answer;
        let status = response.status().as_u16();
        let bytes = length(response.into_body()).await?;
        self.sender = Some(sender);
        Ok(Answered { status, bytes })
    }

    /// Asks, and reads of the answer's body as much as an error message needs.
    pub(super) async fn ask_for_text(
        &mut self,
        request: Request<Full<Bytes>>,
        bytes_max: usize,
    ) -> Result<(u16, String), Failure> {
        let (_, mut response) = self.send(request).await?;
        let mut text = Vec::new();
        while let Some(frame) = response.body_mut().frame().await {
            if let Ok(data) = frame.map_err(|error| failure(&error))?.into_data() {
                text.extend_from_slice(&data[..data.len().min(bytes_max - text.len())]);
            }
            if text.len() >= bytes_max {
                break;
            }
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        Ok((response.status().as_u16(), text))
    }

    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<(SendRequest<Full<Bytes>>, Response<body::Incoming>), Failure> {
        let mut open = self.sender.take();
        if let Some(sender) = &mut open
            && sender.ready().await.is_err()
        {
            open = None;
        }
        let mut sender = match open {
            Some(sender) => sender,
            None => connect(&self.origin).await?,
        };
        let response = sender.send_request(request).await;
        Ok((sender, response.map_err(|error| failure(&error))?))
    }
}

async fn length(mut body: body::Incoming) -> Result<u64, Failure> {
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failure(&error))?;
        bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(bytes)
}

async fn connect(origin: &Origin) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let connecting = async {
        let stream = TcpStream::connect((origin.host.as_str(), origin.port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &origin.tls else {
            return Ok(speak(stream).await);
        };
        let name = ServerName::try_from(origin.host.clone()).map_err(std::io::Error::other)?;
        Ok(speak(tls.connect(name, stream).await?).await)
    };
    match tokio::time::timeout(CONNECT_LIMIT, connecting).await {
        Ok(Ok(spoken)) => spoken,
        Ok(Err(error)) => Err(Failure::Connect(std::io::Error::to_string(&error))),
        Err(_) => Err(Failure::Connect(format!(
            "no connection in {} s",
            CONNECT_LIMIT.as_secs()
        ))),
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let spoken = handshake(TokioIo::new(stream)).await;
    let (sender, connection) = spoken.map_err(|error| failure(&error))?;
    // What goes wrong with it is told to whoever waits for an answer.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

fn failure(error: &hyper::Error) -> Failure {
    let words = std::error::Error::source(error)
        .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    if error.is_parse() {
        Failure::Protocol(words)
    } else {
        Failure::Cut(words)
    }
}

/// TLS that trusts the system's authorities, or those in the file that `SSL_CERT_FILE` names.
pub(super) fn tls() -> anyhow::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    anyhow::ensure!(
        !roots.is_empty(),
        "no certificate of an authority was found to trust: install the system's \
         (ca-certificates), or name a PEM file with $SSL_CERT_FILE"
    );
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
