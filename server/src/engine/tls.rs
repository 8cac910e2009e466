//! Engines over TCP with TLS in both directions, from keys that never touch a disk.

use super::CALL_SECONDS;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use domain::engine::EngineAccess;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(3);
/// A connection that nobody needs is kept so long.
const IDLE: Duration = Duration::from_secs(30);

/// A client that believes the engine by the configured authorities alone, not by those of the web.
pub fn connect(host: &str, port: u16, access: EngineAccess<'_>, key: Option<&SecretString>) -> Result<Docker, String> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT));
    tcp.set_keepalive(Some(Duration::from_secs(15)));
    let https = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config(access, key)?).https_only().enable_http1();
    let mut client = Client::builder(TokioExecutor::new());
    client.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE);
    let client = client.build(https.wrap_connector(tcp));
    let send = move |request: BollardRequest| {
        let client = client.clone();
        async move { client.request(request).await.map_err(bollard::errors::Error::from) }
    };
    let address = Some(format!("https://{host}:{port}"));
    Docker::connect_with_custom_transport(send, address, CALL_SECONDS, API_DEFAULT_VERSION).map_err(|cause| cause.to_string())
}

fn config(access: EngineAccess<'_>, key: Option<&SecretString>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(access.ca.unwrap_or_default(), "ca")? {
        roots.add(authority).map_err(|cause| format!("a certificate of ca cannot be used ({cause})"))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|cause| cause.to_string())?.with_root_certificates(roots);
    let Some((cert, key)) = access.cert.zip(key) else { return Ok(builder.with_no_client_auth()) };
    // What stands in the secret is never repeated, not even in part.
    let unreadable = |_| "the secret of key_secret holds no private key as PEM".to_owned();
    let key = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes()).map_err(unreadable)?;
    builder
        .with_client_auth_cert(certificates(cert, "cert")?, key)
        .map_err(|_| "cert and its private key do not fit together".to_owned())
}

fn certificates(pem: &str, field: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    read.map_err(|_| format!("{field} holds a certificate that cannot be read"))
}

/// What went wrong between the two, for whoever set it up.
pub fn distrust(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(cause) => format!("its certificate is not believed ({cause})"),
        rustls::Error::AlertReceived(alert) => format!("it does not believe the certificate that Slipway shows ({alert:?})"),
        other => format!("there is no TLS with it ({other})"),
    }
}
