//! A throw-away certificate: an authority of its own, and a server's
//! certificate for loopback that it has signed.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::Error;

/// The files of a server with TLS, as PEM.
#[derive(Debug)]
pub(super) struct TlsFiles {
    /// The authority that clients trust.
    pub(super) authority: PathBuf,
    /// The server's certificate, for `localhost` and `127.0.0.1`.
    pub(super) certificate: PathBuf,
    /// The server's key.
    pub(super) key: PathBuf,
}

impl TlsFiles {
    /// Makes them in a directory that goes away with the server.
    pub(super) fn create(directory: &Path) -> Result<Self, Error> {
        let authority = CertifiedIssuer::self_signed(authority()?, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names)?.signed_by(&key, &authority)?;
        let write = |name: &str, pem: String| {
            let path = directory.join(name);
            fs::write(&path, pem).map_err(Error::io(format!("cannot write {}", path.display())))?;
            Ok::<_, Error>(path)
        };
        Ok(Self {
            authority: write("ca.pem", authority.pem())?,
            certificate: write("server.pem", certificate.pem())?,
            key: write("server.key", key.serialize_pem())?,
        })
    }
}

fn authority() -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let name = "Larder's tests";
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}
