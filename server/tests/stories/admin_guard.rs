//! Stories about the way out to registries and git hosts: an admin names what is in the company's
//! own network, and neither that nor anything that it leads on to is a cloud's metadata.

use crate::common::TestApp;
use async_trait::async_trait;
use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse as _;
use domain::commits::Trouble;
use domain::problem::Fault;
use domain::{Actor, ImageName, Problem};
use http::StatusCode;
use reqwest::{Method, Response, Url};
use server::notify::guard::{Pinned, Refused, Resolve};
use server::outside::{Carry, Clients, Outside};
use server::usecases::secrets;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Asked at all, the story has failed.
struct NotAsked;

#[async_trait]
impl Resolve for NotAsked {
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        panic!("{host} was looked up")
    }
}

#[async_trait]
impl Carry for NotAsked {
    async fn carry(&self, to: &Pinned, _: reqwest::Request) -> reqwest::Result<Response> {
        panic!("{:?} was spoken to", to.addresses)
    }
}

/// Answers each look-up with the next list, and the last again and again.
struct Names(Vec<Vec<IpAddr>>, AtomicUsize);

impl Names {
    fn new(lists: &[&[&str]]) -> Arc<Self> {
        let read = |list: &&[&str]| list.iter().map(|ip| ip.parse().expect("an address")).collect();
        Arc::new(Self(lists.iter().map(read).collect(), AtomicUsize::new(0)))
    }
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        let asked = self.1.fetch_add(1, Ordering::SeqCst);
        Ok(self.0[asked.min(self.0.len() - 1)].clone())
    }
}

/// Speaks to loopback alone, and says whom it spoke to.
#[derive(Default)]
struct OnlyHere(Clients, Mutex<Vec<(String, Vec<SocketAddr>)>>);

#[async_trait]
impl Carry for OnlyHere {
    async fn carry(&self, to: &Pinned, request: reqwest::Request) -> reqwest::Result<Response> {
        assert!(to.addresses.iter().all(|address| address.ip().is_loopback()), "{:?} was spoken to", to.addresses);
        self.1.lock().expect("whole").push((to.host.clone(), to.addresses.clone()));
        self.0.carry(to, request).await
    }
}

async fn get(outside: &Outside, url: &str) -> Result<Response, Refused> {
    outside.send(outside.request(Method::GET, Url::parse(url).expect("an address"))).await
}

#[tokio::test]
async fn no_spelling_of_a_machine_s_secrets_is_looked_up_or_spoken_to() {
    let outside = Outside::with(Arc::new(NotAsked), Arc::new(NotAsked));
    for host in [
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.169.254.",
        "１６９.254.169.254",
        "169.254.1.1",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "0",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[::169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
    ] {
        for url in [format!("http://{host}/"), format!("https://{host}:8443/v2/")] {
            let refused = get(&outside, &url).await;
            assert!(matches!(refused, Err(Refused::Forbidden { .. })), "{url}: {refused:?}");
        }
    }
}

#[tokio::test]
async fn a_name_that_leads_to_a_machine_s_secrets_is_not_followed_not_even_the_second_time() {
    for inside in ["169.254.169.254", "fd00:ec2::254", "fe80::1", "::ffff:169.254.169.254", "0.0.0.0", "100.100.100.200"] {
        let outside = Outside::with(Names::new(&[&[inside]]), Arc::new(NotAsked));
        let refused = get(&outside, "https://registry.test/v2/").await;
        assert!(matches!(&refused, Err(Refused::Forbidden { host, .. }) if host == "registry.test"), "{inside}: {refused:?}");
    }
    // Rebinding: what was judged is what is spoken to, and the next request is judged anew.
    let (names, here) = (Names::new(&[&["127.0.0.1", "169.254.169.254"], &["169.254.169.254"]]), Arc::new(OnlyHere::default()));
    let outside = Outside::with(names.clone(), here.clone());
    assert!(matches!(get(&outside, "http://registry.test:1/").await, Err(Refused::Failed { .. })), "nobody listens at port 1");
    assert_eq!(here.1.lock().expect("whole")[0].1, ["127.0.0.1:1".parse().expect("an address")]);
    assert_eq!(names.1.load(Ordering::SeqCst), 1);
    assert!(matches!(get(&outside, "http://registry.test:1/").await, Err(Refused::Forbidden { .. })));
}

/// A path, and the account that came with it.
type Shown = (String, Option<String>);

/// A registry that leads elsewhere, and what it was shown.
struct Leading {
    address: SocketAddr,
    shown: Arc<Mutex<Vec<Shown>>>,
}

impl Leading {
    async fn start(answer: impl Fn(&str) -> Option<(&'static str, String)> + Clone + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shown: Arc<Mutex<Vec<_>>> = Arc::default();
        let noted = shown.clone();
        let router = Router::new().fallback(move |request: Request| {
            let (answer, noted) = (answer.clone(), noted.clone());
            async move {
                let account = request.headers().get("authorization").map(|value| value.to_str().expect("text").to_owned());
                noted.lock().expect("whole").push((request.uri().path().to_owned(), account));
                match answer(request.uri().path()) {
                    Some(("location", to)) => (StatusCode::TEMPORARY_REDIRECT, [("location", to)]).into_response(),
                    Some((header, value)) => (StatusCode::UNAUTHORIZED, [(header, value)]).into_response(),
                    None => "{}".into_response(),
                }
            }
        });
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { address, shown }
    }

    fn shown(&self) -> Vec<(String, Option<String>)> {
        self.shown.lock().expect("whole").clone()
    }

    /// An instance that has an account at this registry, and speaks to nobody but loopback.
    async fn used(&self) -> TestApp {
        let mut app = TestApp::sqlite().await;
        app.ctx.outside = Outside::with(Names::new(&[&["127.0.0.1"]]), Arc::new(OnlyHere::default()));
        secrets::set(&app.ctx, &Actor::Slipway, "reg", "w0rd").await.expect("set");
        let host = self.address;
        app.apply(&format!("[[registries]]\nhost = \"{host}\"\ninsecure = true\nuser = \"ada\"\npassword_secret = \"reg\"\n"))
            .await;
        app
    }

    async fn resolve(&self, app: &TestApp) -> Result<domain::Digest, Problem> {
        let image: ImageName = format!("{}/team/web", self.address).parse().expect("an image");
        app.ctx.registry().resolve(&image, &"dev".parse().expect("a tag")).await
    }
}

fn says(answer: &Result<domain::Digest, Problem>, word: &str) -> bool {
    matches!(answer, Err(Problem::RegistryAnswer { why: Fault::Refused { reason }, .. }) if reason.contains(word))
}

#[tokio::test]
async fn a_registry_leads_nobody_to_a_machine_s_secrets() {
    let registry = Leading::start(|_| Some(("location", "http://169.254.169.254/latest/meta-data/".to_owned()))).await;
    let answer = registry.resolve(&registry.used().await).await;
    assert!(says(&answer, "169.254.169.254 is a link-local address"), "by a redirect: {answer:?}");
    let realm = "Bearer realm=\"http://169.254.169.254/token\",service=\"x\"".to_owned();
    let registry = Leading::start(move |_| Some(("www-authenticate", realm.clone()))).await;
    let answer = registry.resolve(&registry.used().await).await;
    assert!(says(&answer, "link-local"), "by the realm of its tokens: {answer:?}");
}

#[tokio::test]
async fn an_account_goes_to_the_registry_and_not_where_it_leads() {
    let elsewhere = Leading::start(|_| None).await;
    // Another name for the same machine is another host.
    let to = format!("http://elsewhere.test:{}", elsewhere.address.port());
    let lead = to.clone();
    let registry = Leading::start(move |path| (!path.starts_with("/token")).then(|| ("location", format!("{lead}/blob")))).await;
    registry.resolve(&registry.used().await).await.expect_err("no manifest there");
    assert_eq!(elsewhere.shown(), [("/blob".to_owned(), None)], "a redirect is followed without the account");

    let realm = format!("Bearer realm=\"{to}/token\",service=\"x\"");
    let registry = Leading::start(move |_| Some(("www-authenticate", realm.clone()))).await;
    let answer = registry.resolve(&registry.used().await).await;
    assert!(says(&answer, "it wants an account"), "{answer:?}");
    assert_eq!(elsewhere.shown().last(), Some(&("/token".to_owned(), None)), "a foreign realm is asked as anyone");
    assert!(registry.shown().iter().all(|(_, account)| account.is_none()));
}

#[tokio::test]
async fn git_is_not_sent_to_a_machine_s_secrets() {
    let mut app = TestApp::sqlite().await;
    app.ctx.outside = Outside::with(Names::new(&[&["169.254.169.254"]]), Arc::new(NotAsked));
    app.ctx.git = server::git::Git::new(
        std::path::Path::new("/nonexistent"),
        server::git::Tools { path: "/nonexistent".into(), ..server::git::Tools::here() },
    );
    for address in ["https://git.test/team/web.git", "ssh://git@git.test/team/web", "http://169.254.169.254/team/web"] {
        let key =
            "[[git_hosts]]\nhost = \"git.test\"\nssh_key_secret = \"git\"\nssh_known_hosts = \"git.test ssh-ed25519 AAAA\"\n";
        app.apply(key).await;
        secrets::set(&app.ctx, &Actor::Slipway, "git", "a key").await.expect("set");
        let host = server::usecases::commits::host::Host::of(&app.ctx, address).await.expect("a host");
        let refused = host.range(&"a".repeat(40), &"b".repeat(40)).await.expect_err("refused before git is started");
        assert_eq!(refused.trouble, Trouble::Address, "{address}: {refused}");
    }
}
