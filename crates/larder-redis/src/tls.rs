//! Whom to trust when a server speaks TLS.
//!
//! Must not know Redis.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Authorities: the system's, or one's own in their place.
#[derive(Default)]
pub(crate) struct Trust {
    own: Option<Vec<u8>>,
    /// Made at the first connection: reading the system's takes a while.
    connector: OnceLock<TlsConnector>,
}

impl Trust {
    /// The authorities in a PEM, in place of the system's.
    pub(crate) fn in_pem(pem: Vec<u8>) -> Self {
        Self {
            own: Some(pem),
            connector: OnceLock::new(),
        }
    }

    /// Speaks TLS with the server of this name.
    pub(crate) async fn wrap(
        &self,
        name: &str,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let connector = if let Some(connector) = self.connector.get() {
            connector
        } else {
            let made = self.connector()?;
            self.connector.get_or_init(|| made)
        };
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        connector.connect(name, stream).await
    }

    fn connector(&self) -> io::Result<TlsConnector> {
        let mut roots = RootCertStore::empty();
        match &self.own {
            Some(pem) => {
                for certificate in CertificateDer::pem_slice_iter(pem) {
                    let certificate = certificate.map_err(io::Error::other)?;
                    roots.add(certificate).map_err(io::Error::other)?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        if roots.is_empty() {
            let words = "no certificate of an authority was found to trust: give one as PEM, or \
                         install the system's (ca-certificates)";
            return Err(io::Error::other(words));
        }
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}
