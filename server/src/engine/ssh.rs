//! Engines behind ssh: one session, and a channel to the engine's socket for each request. The
//! private key never touches a disk, and a server whose key is not known is not spoken to.

use super::CALL_SECONDS;
use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use domain::engine::known_keys;
use hyper::Response;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use russh::client::{self, Handle};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate, decode_secret_key};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// A session must stand after this long.
const CONNECT: Duration = Duration::from_secs(4);
/// A server that is silent is asked for a sign of life this often, and given up after three.
const ALIVE: Duration = Duration::from_secs(5);

/// Where an engine is behind ssh.
pub struct Door<'a> {
    pub user: &'a str,
    pub host: &'a str,
    pub port: u16,
    pub socket: &'a str,
    pub known: &'a str,
}

/// Why one of the two does not believe the other.
#[derive(Debug, thiserror::Error)]
pub enum Distrust {
    #[error("its host key is none of ssh_known_hosts; ssh-keyscan shows which it has")]
    HostKey,
    #[error("it does not accept the private key of ssh_key_secret for this user")]
    Key,
}

/// A client that opens a session when it is first needed, and another when that one ended.
pub fn connect(door: &Door<'_>, key: &SecretString) -> Result<Docker, String> {
    let unreadable = |_| "the secret of ssh_key_secret holds no private key (Ed25519 or ECDSA, without a passphrase)".to_owned();
    let key = decode_secret_key(key.expose_secret(), None).map_err(unreadable)?;
    let known: Vec<PublicKey> =
        known_keys(door.known, door.host, door.port).iter().filter_map(|line| line.parse().ok()).collect();
    if known.is_empty() {
        return Err("ssh_known_hosts holds no key of it that can be read".to_owned());
    }
    let way = Arc::new(Way {
        user: door.user.to_owned(),
        address: (door.host.trim_start_matches('[').trim_end_matches(']').to_owned(), door.port),
        socket: door.socket.to_owned(),
        key: Arc::new(key),
        known,
        session: Mutex::default(),
    });
    let send = move |request: BollardRequest| {
        let way = way.clone();
        async move { way.request(request).await }
    };
    let address = Some("http://engine");
    Docker::connect_with_custom_transport(send, address, CALL_SECONDS, API_DEFAULT_VERSION).map_err(|cause| cause.to_string())
}

struct Way {
    user: String,
    address: (String, u16),
    socket: String,
    key: Arc<PrivateKey>,
    known: Vec<PublicKey>,
    session: Mutex<Option<Arc<Handle<Known>>>>,
}

impl Way {
    /// One request over a channel of its own.
    async fn request(&self, request: BollardRequest) -> Result<Response<Incoming>, Error> {
        let (mut head, body) = request.into_parts();
        // The one host behind this way; HTTP wants a name for it.
        head.headers.insert(http::header::HOST, http::HeaderValue::from_static("engine"));
        if let Some(path) = head.uri.path_and_query().cloned() {
            head.uri = path.into();
        }
        let request = BollardRequest::from_parts(head, body);
        let stream = TokioIo::new(self.channel().await?.into_stream());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
        // Ends with the answer's last byte, or when nobody reads on.
        tokio::spawn(connection.with_upgrades());
        Ok(sender.send_request(request).await?)
    }

    async fn channel(&self) -> Result<russh::Channel<client::Msg>, Error> {
        let open = async {
            let session = self.session().await?;
            match session.channel_open_direct_streamlocal(&self.socket).await {
                Ok(channel) => Ok(channel),
                // The session stands; the socket behind it does not answer.
                Err(russh::Error::ChannelOpenFailure(_)) => Err(std::io::ErrorKind::ConnectionRefused.into()),
                Err(_) => {
                    *self.session.lock().await = None;
                    let again = self.session().await?.channel_open_direct_streamlocal(&self.socket).await;
                    again.map_err(|_| std::io::ErrorKind::ConnectionReset.into())
                }
            }
        };
        let late = |_| Err(std::io::ErrorKind::TimedOut.into());
        tokio::time::timeout(2 * CONNECT, open).await.unwrap_or_else(late).map_err(|err| Error::IOError { err })
    }

    /// The session that stands, or a new one.
    async fn session(&self) -> std::io::Result<Arc<Handle<Known>>> {
        let mut held = self.session.lock().await;
        if let Some(session) = held.as_ref().filter(|session| !session.is_closed()) {
            return Ok(session.clone());
        }
        let late = |_| Err(std::io::ErrorKind::TimedOut.into());
        let session = Arc::new(tokio::time::timeout(CONNECT, self.open()).await.unwrap_or_else(late)?);
        *held = Some(session.clone());
        Ok(session)
    }

    async fn open(&self) -> std::io::Result<Handle<Known>> {
        let tcp = tokio::net::TcpStream::connect((self.address.0.as_str(), self.address.1)).await?;
        tcp.set_nodelay(true)?;
        let mut config = client::Config { keepalive_interval: Some(ALIVE), nodelay: true, ..client::Config::default() };
        // The server shows a key of a kind that is known, if it has one.
        config.preferred.key = self.known.iter().map(PublicKey::algorithm).collect::<Vec<_>>().into();
        let opened = client::connect_stream(Arc::new(config), tcp, Known(self.known.clone())).await;
        let mut session = opened.map_err(|cause| match cause {
            russh::Error::UnknownKey | russh::Error::NoCommonAlgo { .. } => std::io::Error::other(Distrust::HostKey),
            other => std::io::Error::other(other),
        })?;
        let key = PrivateKeyWithHashAlg::new(self.key.clone(), None);
        let signed_in = session.authenticate_publickey(&self.user, key).await.map_err(std::io::Error::other)?;
        if signed_in.success() { Ok(session) } else { Err(std::io::Error::other(Distrust::Key)) }
    }
}

/// The server's own keys.
struct Known(Vec<PublicKey>);

impl client::Handler for Known {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        Ok(self.0.iter().any(|known| known.key_data() == key.key_data()))
    }
}
