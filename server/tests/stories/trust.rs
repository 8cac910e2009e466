//! Stories about a company's own authority: who has a certificate of it is believed where the
//! configuration names it, and by nobody else.

use crate::commits::hosts::{FakeHost, plain};
use crate::commits::origin::Origin;
use crate::common::TestApp;
use crate::notify_fakes::{Fake, MailFake};
use crate::registry::FakeRegistry;
use domain::address::OutgoingConfig;
use domain::commits::Trouble;
use domain::notify::TargetConfig;
use domain::problem::Noun;
use domain::{Actor, Problem};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use server::git::{Access, Remote, Way};
use server::notify::guard::{Guard, Refused};
use server::notify::{Outgoing, Sent};
use server::trust::Trust;
use server::usecases::settings;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// An authority that no machine knows, and a server's certificate of it.
struct Company {
    ca: String,
    acceptor: TlsAcceptor,
}

impl Company {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&key).expect("an authority").pem();
        let issuer = Issuer::new(params, key);
        let own = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("names");
        let certificate: CertificateDer<'static> = params.signed_by(&own, &issuer).expect("signed").der().clone();
        let own = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
        let config = config.with_no_client_auth().with_single_cert(vec![certificate], own).expect("they fit");
        Self { ca, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    fn named(&self) -> OutgoingConfig {
        OutgoingConfig { ca: Some(self.ca.clone()), ..nobody() }
    }

    /// Speaks TLS, and passes on what is said. With `starttls`, mail's way of beginning it.
    async fn before(&self, to: SocketAddr, starttls: bool) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let acceptor = self.acceptor.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let stream = if starttls { begin_tls(stream).await } else { stream };
                    // Who does not believe the certificate goes away here.
                    let Ok(mut inside) = acceptor.accept(stream).await else { return };
                    let mut server = TcpStream::connect(to).await.expect("the server");
                    if starttls {
                        let mut greeting = [0; "220 mail.test ESMTP\r\n".len()];
                        server.read_exact(&mut greeting).await.expect("a greeting");
                    }
                    copy_bidirectional(&mut inside, &mut server).await.ok();
                });
            }
        });
        port
    }
}

async fn begin_tls(mut stream: TcpStream) -> TcpStream {
    stream.write_all(b"220 mail.test ESMTP\r\n").await.expect("written");
    loop {
        let mut line = String::new();
        BufReader::with_capacity(1, &mut stream).read_line(&mut line).await.expect("a line");
        if line.starts_with("STARTTLS") {
            stream.write_all(b"220 2.0.0 Go on\r\n").await.expect("written");
            return stream;
        }
        stream.write_all(b"250-mail.test\r\n250 STARTTLS\r\n").await.expect("written");
    }
}

fn nobody() -> OutgoingConfig {
    OutgoingConfig { allow: vec!["127.0.0.1/32".to_owned()], ca: None }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn of(url: &str) -> SocketAddr {
    url.split('/').nth(2).expect("a host").parse().expect("an address")
}

fn now() -> domain::Time {
    "2026-11-26T08:00:00Z".parse().expect("a time")
}

#[tokio::test]
async fn a_target_with_a_certificate_of_the_company_is_spoken_to_where_its_authority_is_named() {
    let (company, fake) = (Company::new(), Fake::slack().await);
    let port = company.before(of(&fake.url()), false).await;
    let to = Outgoing { url: format!("https://127.0.0.1:{port}/hook"), headers: vec![], body: b"{}".to_vec() };
    let refused = Guard::new(&nobody()).post(&to, now()).await;
    assert!(matches!(refused, Err(Refused::Failed { .. })), "{refused:?}");
    let other = Guard::new(&Company::new().named()).post(&to, now()).await;
    assert!(matches!(other, Err(Refused::Failed { .. })), "another company's is not this one's: {other:?}");
    assert!(fake.hosts().is_empty());
    Guard::new(&nobody()).allowing(&company.named()).post(&to, now()).await.expect("an answer");
    assert_eq!(fake.hosts().len(), 1);
}

#[tokio::test]
async fn mail_goes_over_tls_of_either_kind_to_whom_the_company_s_authority_knows() {
    let (company, fake) = (Company::new(), MailFake::start(Some(("slipway", "word"))).await);
    for (tls, starttls) in [("implicit", false), ("starttls", true)] {
        let port = company.before(local(fake.port()), starttls).await;
        let mail = json!({ "host": "localhost", "port": port, "tls": tls, "from": "slipway@ship.test", "to": ["team@ship.test"], "user": "slipway", "password_secret": "mail" });
        let target: TargetConfig =
            serde_json::from_value(json!({ "name": "mail", "kind": "email", "mail": mail })).expect("a target");
        let send = |config: OutgoingConfig| {
            let target = target.clone();
            async move {
                let access = server::notify::Access { config: &target, url: "", sign: None };
                let message = crate::notify_mail::message();
                server::notify::send(&Guard::new(&config), &access, Some(&"word".into()), &message, now()).await
            }
        };
        let before = fake.received().len();
        let refused = send(nobody()).await;
        assert!(matches!(&refused, Sent::Later { why, .. } if !why.contains("word")), "{tls}: {refused:?}");
        assert_eq!(fake.received().len(), before);
        assert_eq!(send(company.named()).await, Sent::Delivered, "{tls}");
        assert_eq!(fake.received().len(), before + 1);
    }
}

#[tokio::test]
async fn a_registry_with_a_certificate_of_the_company_is_read_where_its_authority_is_named() {
    let (company, fake, app) = (Company::new(), FakeRegistry::start().await, TestApp::sqlite().await);
    let host = format!("127.0.0.1:{}", company.before(fake.host().parse().expect("an address"), false).await);
    let digest = fake.push("team/web", "dev", json!({}));
    let image = format!("{host}/team/web").parse().expect("an image");
    let resolve = || async { app.ctx.registry().resolve(&image, &"dev".parse().expect("a tag")).await };
    assert_eq!(resolve().await, Err(Problem::Unreachable { what: Noun::Registry, name: host.clone() }));
    app.apply(&format!("[outgoing]\nca = '''\n{}'''\n", company.ca)).await;
    assert_eq!(resolve().await, Ok(digest));
}

#[tokio::test]
async fn git_and_a_host_s_api_believe_the_company_s_authority_too() {
    let (company, origin) = (Company::new(), Origin::new());
    let fake = FakeHost::start(|_| plain(404)).await;
    let port = company.before(fake.address.parse().expect("an address"), false).await;
    let remote = Remote::parse(&format!("https://localhost:{port}/team/web.git")).expect("an address");
    let hash = "a".repeat(40);
    let ask = |config: OutgoingConfig| {
        let (git, remote, hash) = (origin.clone_of(), remote.clone(), hash.clone());
        let way = Way { access: Access::Anyone, addresses: vec![[127, 0, 0, 1].into()], trust: Trust::of(&config) };
        async move { git.range(&remote, &way, &hash, &hash).await.expect_err("there is no repository").trouble }
    };
    assert_eq!(ask(nobody()).await, Trouble::Away);
    assert!(fake.lines().is_empty(), "nothing is asked of who is not believed");
    assert_eq!(ask(company.named()).await, Trouble::Refused);
    assert_eq!(fake.lines(), ["GET /team/web.git/info/refs?service=git-upload-pack"]);
}

#[tokio::test]
async fn what_is_no_authority_is_refused_when_it_is_applied() {
    let app = TestApp::sqlite().await;
    let company = Company::new();
    let key = KeyPair::generate().expect("a key").serialize_pem();
    for (bad, word) in [
        ("no certificate", "PEM"),
        (key.as_str(), "PEM"),
        ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "number 1"),
    ] {
        let toml = format!("[outgoing]\nca = '''\n{bad}\n'''\n");
        let refused = settings::apply(&app.ctx, &Actor::Slipway, &toml, false).await.expect_err("refused");
        assert!(matches!(&refused, Problem::Config { place, .. } if place == "outgoing.ca"), "{refused:?}");
        assert!(refused.to_string().contains(word), "{refused}");
    }
    app.apply(&format!("[outgoing]\nca = '''\n{}{}'''\n", company.ca, Company::new().ca)).await;
    assert!(settings::export(&app.ctx, &Actor::Slipway).await.expect("exported").contains("BEGIN CERTIFICATE"));
}
