//! Stories about the way out: what configuration names is judged before anything is sent, and nothing
//! is ever sent to what was not judged.

use crate::notify_fakes::{Fake, MailFake, Reply};
use async_trait::async_trait;
use domain::Time;
use domain::address::OutgoingConfig;
use domain::notify::TargetKind;
use server::notify::guard::{Answer, Connect, Guard, MOST_ANSWER, Pinned, Refused, Resolve};
use server::notify::{Outgoing, Sent};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn now() -> Time {
    "2026-11-26T08:00:00Z".parse().expect("a time")
}

fn to(url: &str) -> Outgoing {
    Outgoing { url: url.to_owned(), headers: vec![], body: b"{}".to_vec() }
}

fn allow(ranges: &[&str]) -> OutgoingConfig {
    OutgoingConfig { allow: ranges.iter().map(|range| (*range).to_owned()).collect(), ..OutgoingConfig::default() }
}

/// Asked at all, the story has failed.
struct NotAsked;

#[async_trait]
impl Resolve for NotAsked {
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        panic!("{host} was looked up")
    }
}

#[async_trait]
impl Connect for NotAsked {
    async fn post(&self, to: &Pinned, _: &Outgoing, _: Time) -> Result<Answer, String> {
        panic!("{:?} was spoken to", to.addresses)
    }
}

/// Answers each look-up with the next list, and the last again and again.
struct Names {
    lists: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Names {
    fn new(lists: &[&[&str]]) -> Arc<Self> {
        let read = |list: &&[&str]| list.iter().map(|ip| ip.parse().expect("an address")).collect();
        Arc::new(Self { lists: lists.iter().map(read).collect(), asked: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.lists[asked.min(self.lists.len() - 1)].clone())
    }
}

/// Speaks to nobody, and says whom it would have spoken to.
#[derive(Default)]
struct Noted(std::sync::Mutex<Vec<(String, Vec<SocketAddr>)>>);

#[async_trait]
impl Connect for Noted {
    async fn post(&self, to: &Pinned, _: &Outgoing, _: Time) -> Result<Answer, String> {
        self.0.lock().expect("whole").push((to.host.clone(), to.addresses.clone()));
        Ok(Answer { status: 200, retry_after: None, body: vec![] })
    }
}

#[tokio::test]
async fn no_spelling_of_a_forbidden_address_is_looked_up_or_spoken_to() {
    let guard = Guard::with(Arc::new(NotAsked), Arc::new(NotAsked), &allow(&[]));
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "１２７.0.0.1",
        "127。0。0。1",
        "0.0.0.0",
        "0",
        "10.1.2.3",
        "172.20.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "100.100.100.200",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:169.254.169.254]",
        "[::ffff:8.8.8.8]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "[::127.0.0.1]",
    ] {
        for url in [format!("http://{host}/"), format!("https://{host}:8443/x?y=z")] {
            let refused = guard.post(&to(&url), now()).await;
            assert!(matches!(refused, Err(Refused::Forbidden { .. })), "{url}: {refused:?}");
        }
    }
}

#[tokio::test]
async fn what_is_no_address_of_the_web_is_refused_before_anything_is_asked() {
    let guard = Guard::with(Arc::new(NotAsked), Arc::new(NotAsked), &allow(&["127.0.0.1/32"]));
    for url in [
        "ftp://chat.test/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_x",
        "unix:///run/docker.sock",
        "https://user@chat.test/",
        "https://user:word@chat.test/",
        "chat.test/hook",
        "",
        "https://",
        "https://chat.test:99999/",
        "http://[::1",
        "javascript:1",
    ] {
        let refused = guard.post(&to(url), now()).await;
        assert!(matches!(refused, Err(Refused::Address { .. })), "{url}: {refused:?}");
        assert!(matches!(Sent::from(refused.unwrap_err()), Sent::Never { .. }));
    }
    let long = format!("https://chat.test/{}", "x".repeat(5000));
    assert!(matches!(guard.post(&to(&long), now()).await, Err(Refused::Address { .. })));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_followed() {
    for inside in ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "::ffff:10.0.0.7", "64:ff9b::a00:7", "fd00::7"] {
        let names = Names::new(&[&[inside]]);
        let guard = Guard::with(names.clone(), Arc::new(NotAsked), &allow(&[]));
        let refused = guard.post(&to("https://chat.test/hook"), now()).await.expect_err("refused");
        assert!(matches!(&refused, Refused::Forbidden { host, .. } if host == "chat.test"), "{inside}: {refused:?}");
        assert!(matches!(Sent::from(refused), Sent::Never { why } if why.contains("[outgoing]")));
        assert_eq!(names.asked.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_what_it_says_later_is_not_heard() {
    let names = Names::new(&[&["8.8.8.8", "10.0.0.7"], &["127.0.0.1"]]);
    let noted = Arc::new(Noted::default());
    let guard = Guard::with(names.clone(), noted.clone(), &allow(&[]));
    guard.post(&to("https://chat.test:8443/hook"), now()).await.expect("sent");
    assert_eq!(names.asked.load(Ordering::SeqCst), 1, "nobody asks between judging and connecting");
    let spoken = noted.0.lock().expect("whole").clone();
    assert_eq!(
        spoken,
        [("chat.test".to_owned(), vec!["8.8.8.8:8443".parse().expect("an address")])],
        "the private one is left out"
    );
    let again = guard.post(&to("https://chat.test:8443/hook"), now()).await;
    assert!(matches!(again, Err(Refused::Forbidden { .. })), "the next message is judged anew: {again:?}");
}

/// The name exists nowhere: only the pinned address can have been used. A second look-up would fail the story.
#[tokio::test]
async fn the_connection_goes_to_the_judged_address_under_the_asked_name() {
    let fake = Fake::slack().await;
    let url = fake.url().replace("127.0.0.1", "chat.invalid");
    let names = Names::new(&[&["127.0.0.1"], &["8.8.8.8"]]);
    let guard = Guard::with(names.clone(), Arc::new(server::notify::guard::Network), &allow(&["127.0.0.1/32"]));
    let answer = guard.post(&to(&url), now()).await.expect("an answer");
    assert_eq!((answer.status, names.asked.load(Ordering::SeqCst)), (400, 1), "it heard the fake");
    assert!(fake.hosts().iter().all(|host| host.starts_with("chat.invalid:")), "{:?}", fake.hosts());
}

#[tokio::test]
async fn a_client_for_one_host_reaches_no_other() {
    let fake = Fake::slack().await;
    let pinned = Pinned {
        host: "chat.invalid".to_owned(),
        addresses: vec![fake.url().split('/').nth(2).expect("host").parse().expect("an address")],
        trust: Default::default(),
    };
    let client = pinned.client().expect("a client");
    assert!(client.get(fake.url().replace("127.0.0.1", "other.invalid")).send().await.is_err());
    assert!(client.get(fake.url().replace("127.0.0.1", "chat.invalid")).send().await.is_ok());
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_no_way() {
    let (first, second) = (Fake::mattermost().await, Fake::slack().await);
    first.redirect(&second.url());
    let guard = Guard::new(&allow(&["127.0.0.1/32"]));
    let answer = guard.post(&to(&first.url()), now()).await.expect("an answer");
    assert_eq!((answer.status, second.hosts().len()), (302, 0));
    first.redirect("http://169.254.169.254/latest/meta-data/");
    let target = server::notify::target(TargetKind::Mattermost).expect("a service");
    let sent = guard.deliver(target, &to(&first.url()), now()).await;
    assert!(matches!(&sent, Sent::Never { why } if why.contains("redirect")), "{sent:?}");
}

#[tokio::test]
async fn an_allowed_range_opens_only_itself() {
    let fake = Fake::slack().await;
    for (ranges, reached) in [(&["127.0.0.1/32"][..], true), (&["10.0.0.0/8"][..], false), (&[][..], false)] {
        let answer = Guard::new(&allow(&[])).allowing(&allow(ranges)).post(&to(&fake.url()), now()).await;
        assert_eq!(answer.is_ok(), reached, "{ranges:?}: {answer:?}");
    }
    assert_eq!(fake.hosts().len(), 1);
}

#[tokio::test]
async fn what_speaks_no_tls_is_not_believed_over_https() {
    let fake = Fake::slack().await;
    let guard = Guard::new(&allow(&["127.0.0.1/32"]));
    let failed = guard.post(&to(&fake.url().replace("http:", "https:")), now()).await.expect_err("no TLS there");
    assert!(matches!(&failed, Refused::Failed { host, .. } if host == "127.0.0.1"), "{failed:?}");
    assert!(!failed.to_string().contains(crate::notify_fakes::KEY) && fake.hosts().is_empty());
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_bound() {
    let fake = Fake::slack().await;
    fake.answer(1, Reply::new(200, "x".repeat(300_000)));
    let answer = Guard::new(&allow(&["127.0.0.1/32"])).post(&to(&fake.url()), now()).await.expect("an answer");
    assert_eq!((answer.status, answer.body.len()), (200, MOST_ANSWER));
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_given_up() {
    struct Silent;
    #[async_trait]
    impl Connect for Silent {
        async fn post(&self, _: &Pinned, _: &Outgoing, _: Time) -> Result<Answer, String> {
            std::future::pending().await
        }
    }
    let guard = Guard::with(Names::new(&[&["8.8.8.8"]]), Arc::new(Silent), &allow(&[])).within(Duration::from_millis(20));
    let given_up = guard.post(&to("https://chat.test/secret-part"), now()).await.expect_err("given up");
    assert!(!given_up.to_string().contains("secret-part"));
    assert!(matches!(Sent::from(given_up), Sent::Later { .. }));
}

#[tokio::test]
async fn a_mail_server_inside_is_not_spoken_to_either() {
    let fake = MailFake::start(None).await;
    for host in ["127.0.0.1", "mail.test", "2130706433"] {
        let guard = Guard::with(Names::new(&[&["127.0.0.1"]]), Arc::new(NotAsked), &allow(&[]));
        let sent = crate::notify_mail::send_to(&guard, host, fake.port()).await;
        assert!(matches!(&sent, Sent::Never { why } if why.contains("loopback")), "{host}: {sent:?}");
    }
    assert_eq!(fake.connections(), 0);
}
