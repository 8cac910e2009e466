//! Whom Slipway believes beside the authorities of the web: those of `[outgoing] ca`.

use domain::Problem;
use domain::address::OutgoingConfig;
use domain::problem::Fault;
use lettre::transport::smtp::client::{Certificate, TlsParametersBuilder};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::sync::Arc;

/// Certificates of authorities, as PEM. Cloning is cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Trust(Option<Arc<str>>);

impl Trust {
    /// As the configuration names them.
    pub fn of(config: &OutgoingConfig) -> Self {
        Self(config.ca.as_deref().map(Arc::from))
    }

    /// Whether every certificate of the configuration can be used.
    ///
    /// # Errors
    /// [`Problem::Config`] at its place.
    pub fn check(config: &OutgoingConfig) -> Result<(), Problem> {
        let mut store = RootCertStore::empty();
        for (number, read) in (1..).zip(CertificateDer::pem_slice_iter(config.ca.as_deref().unwrap_or_default().as_bytes())) {
            let good = read.is_ok_and(|certificate| store.add(certificate).is_ok());
            let detail = || format!("its certificate number {number} is none of an authority");
            if !good {
                return Err(Problem::Config { place: "outgoing.ca".to_owned(), why: Fault::Unreadable { detail: detail() } });
            }
        }
        Ok(())
    }

    /// The certificates, if there are any.
    pub fn pem(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// An HTTP client that believes them too.
    ///
    /// # Errors
    /// When one of them cannot be read, which [`Trust::check`] has ruled out.
    pub fn http(&self, client: reqwest::ClientBuilder) -> reqwest::Result<reqwest::ClientBuilder> {
        let named = self.pem().map_or_else(|| Ok(Vec::new()), |pem| reqwest::Certificate::from_pem_bundle(pem.as_bytes()))?;
        Ok(named.into_iter().fold(client, reqwest::ClientBuilder::add_root_certificate))
    }

    /// A mail client's TLS that believes them too.
    ///
    /// # Errors
    /// As [`Trust::http`].
    pub fn mail(&self, tls: TlsParametersBuilder) -> Result<TlsParametersBuilder, lettre::transport::smtp::Error> {
        let Some(pem) = self.pem() else { return Ok(tls) };
        Ok(tls.add_root_certificate(Certificate::from_pem(pem.as_bytes())?))
    }
}
