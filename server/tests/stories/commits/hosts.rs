//! Hosts with an API, played on loopback: what is asked, what is understood, what is not believed;
//! and what is sent along to a host that only speaks git.

use super::origin::{Origin, in_place_of};
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use domain::commits::{Relation, Trouble};
use domain::config::{GitHostConfig, GitProvider};
use secrecy::SecretString;
use serde_json::{Value, json};
use server::git::provider::{Api, ApiError, State, Status};
use server::git::{Access, Remote, Tools};
use server::outside::Outside;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
pub const TOKEN: &str = "t0ken-that-nobody-sees";

/// A request as it arrived: method, path with query, the header with the token, body.
#[derive(Clone, Debug)]
pub struct Asked {
    pub line: String,
    pub token: String,
    pub body: Value,
}

/// A host that answers as the story says and remembers what it was asked.
#[derive(Clone)]
pub struct FakeHost {
    pub address: String,
    pub asked: Arc<Mutex<Vec<Asked>>>,
}

/// Status, headers and body.
pub type Answer = (u16, Vec<(&'static str, String)>, String);

pub fn json_answer(body: &Value) -> Answer {
    (200, Vec::new(), body.to_string())
}

pub fn plain(status: u16) -> Answer {
    (status, Vec::new(), "{}".to_owned())
}

impl FakeHost {
    pub async fn start(answer: impl Fn(&str) -> Answer + Clone + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let noted = asked.clone();
        let router = axum::Router::new().fallback(move |request: Request| {
            let (answer, noted) = (answer.clone(), noted.clone());
            async move {
                let line = format!("{} {}", request.method(), request.uri());
                let headers = request.headers().clone();
                let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
                let token = header("authorization").or_else(|| header("private-token")).unwrap_or_default();
                let body = to_bytes(request.into_body(), 1 << 20).await.expect("a body");
                let body = serde_json::from_slice(&body).unwrap_or_default();
                let (status, headers, text) = answer(&line);
                noted.lock().expect("noted").push(Asked { line, token, body });
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                response.body(Body::from(text)).expect("an answer")
            }
        });
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { address, asked }
    }

    pub fn lines(&self) -> Vec<String> {
        self.asked.lock().expect("noted").iter().map(|asked| asked.line.clone()).collect()
    }

    fn config(&self, provider: GitProvider, prefix: &str) -> GitHostConfig {
        GitHostConfig {
            host: "git.example.com".to_owned(),
            provider: Some(provider),
            api: Some(format!("http://{}{prefix}", self.address)),
            token_secret: Some("git".to_owned()),
            user: None,
            ssh_key_secret: None,
            ssh_known_hosts: None,
            issues: None,
        }
    }
}

fn remote() -> Remote {
    Remote::parse("https://git.example.com/Team/web.git").expect("an address")
}

async fn compare(host: &FakeHost, provider: GitProvider) -> Result<domain::commits::Range, ApiError> {
    let (remote, token) = (remote(), SecretString::from(TOKEN));
    let config = host.config(provider, "/api/");
    Api::of(Outside::default(), &config, &remote, &token).expect("usable").expect("an api").compare(A, B).await
}

async fn post(host: &FakeHost, provider: GitProvider, state: State) -> Result<(), ApiError> {
    let (remote, token) = (remote(), SecretString::from(TOKEN));
    let config = host.config(provider, "/api");
    let status = Status {
        commit: B.to_owned(),
        state,
        context: "slipway/web/verdict".to_owned(),
        description: "x".repeat(400),
        url: "https://slipway.example.com/builds/1".to_owned(),
    };
    Api::of(Outside::default(), &config, &remote, &token).expect("usable").expect("an api").post_status(&status).await
}

fn github_commit(hash: &str, subject: &str) -> Value {
    json!({
        "sha": hash,
        "commit": {
            "message": subject,
            "author": { "name": "Wu Mei", "date": "2026-11-20T08:00:00Z" },
            "committer": { "name": "web", "date": "2026-11-21T08:00:00Z" },
        },
        "parents": [{ "sha": A }],
        "author": null,
    })
}

#[tokio::test]
async fn github_is_asked_once_for_news_and_twice_for_what_diverged() {
    let host = FakeHost::start(|line| {
        let (status, hash) = if line.contains(&format!("{A}...{B}")) { ("diverged", B) } else { ("diverged", A) };
        json_answer(&json!({ "status": status, "ahead_by": 1, "behind_by": 1, "total_commits": 1,
            "commits": [github_commit(hash, "fix: boats\n\nmore words")], "files": [{}] }))
    })
    .await;
    let found = compare(&host, GitProvider::GitHub).await.expect("a range");
    assert_eq!((found.relation, found.ahead_total, found.behind_total), (Relation::Diverged, 1, 1));
    assert_eq!((found.ahead[0].subject.as_str(), found.ahead[0].author.as_str()), ("fix: boats", "Wu Mei"));
    assert_eq!(found.ahead[0].at.to_rfc3339(), "2026-11-21T08:00:00+00:00");
    let asked = host.asked.lock().expect("noted").clone();
    assert_eq!(asked[0].line, format!("GET /api/repos/Team/web/compare/{A}...{B}?per_page=100&page=1"));
    assert_eq!(asked[1].line, format!("GET /api/repos/Team/web/compare/{B}...{A}?per_page=100&page=1"));
    assert!(asked.iter().all(|asked| asked.token == format!("Bearer {TOKEN}")));
}

#[tokio::test]
async fn of_many_commits_github_gives_the_newest_hundred() {
    let host = FakeHost::start(|line| {
        let page: usize = line.rsplit_once("page=").expect("a page").1.parse().expect("a number");
        let hashes = (page - 1) * 100..(page * 100).min(230);
        let commits: Vec<Value> = hashes
            .map(|n| github_commit(&if n == 229 { B.to_owned() } else { format!("{n:040x}") }, &format!("change {n}")))
            .collect();
        json_answer(&json!({ "status": "ahead", "ahead_by": 230, "behind_by": 0, "commits": commits }))
    })
    .await;
    let found = compare(&host, GitProvider::GitHub).await.expect("a range");
    assert_eq!((found.ahead_total, found.ahead.len()), (230, 100));
    assert_eq!((found.ahead[0].subject.as_str(), found.ahead[99].subject.as_str()), ("change 229", "change 130"));
    assert_eq!(host.lines().len(), 3);
}

#[tokio::test]
async fn gitlab_and_gitea_are_understood_and_what_they_do_not_tell_is_not_guessed() {
    let entry = json!({ "id": B, "title": "fix: boats", "author_name": "Wu Mei", "committed_date": "2026-11-21T16:00:00.000+08:00",
        "parent_ids": [A] });
    let host = FakeHost::start(move |line| {
        let commits = if line.contains(&format!("from={A}")) { vec![entry.clone()] } else { Vec::new() };
        if line.contains("merge_base") { json_answer(&json!({ "id": A })) } else { json_answer(&json!({ "commits": commits })) }
    })
    .await;
    let found = compare(&host, GitProvider::GitLab).await.expect("a range");
    assert_eq!((found.relation, found.ahead[0].subject.as_str()), (Relation::Ahead, "fix: boats"));
    assert!(host.lines()[0].starts_with("GET /api/projects/Team%2Fweb/repository/merge_base?refs%5B%5D="), "{:?}", host.lines());
    assert_eq!(host.asked.lock().expect("noted")[0].token, TOKEN);
    let strangers = FakeHost::start(|_| plain(404)).await;
    assert_eq!(compare(&strangers, GitProvider::GitLab).await, Err(ApiError::Missing));

    let entry = json!({ "sha": B, "created": "2026-11-21T08:00:00Z", "parents": [{ "sha": A }],
        "commit": { "message": "fix: boats\n", "author": { "name": "Wu Mei", "date": "2026-11-21T08:00:00Z" } } });
    let told = entry.clone();
    let host = FakeHost::start(move |line| match line.contains(&format!("{A}...{B}")) {
        true => json_answer(&json!({ "total_commits": 1, "commits": [told.clone()] })),
        false => json_answer(&json!({ "total_commits": 0, "commits": null })),
    })
    .await;
    assert_eq!(compare(&host, GitProvider::Gitea).await.expect("a range").relation, Relation::Ahead);
    assert_eq!(host.asked.lock().expect("noted")[0].token, format!("token {TOKEN}"));
    let apart = FakeHost::start(move |_| json_answer(&json!({ "total_commits": 1, "commits": [entry.clone()] }))).await;
    assert_eq!(compare(&apart, GitProvider::Gitea).await, Err(ApiError::Untold));
}

#[tokio::test]
async fn an_answer_that_is_none_is_an_error_and_never_a_range() {
    for provider in [GitProvider::GitHub, GitProvider::GitLab, GitProvider::Gitea] {
        for (status, wanted) in [
            (401, ApiError::Refused(401)),
            (403, ApiError::Refused(403)),
            (404, ApiError::Missing),
            (500, ApiError::Later { status: 500, after: None }),
            (302, ApiError::Unreadable("status 302".to_owned())),
        ] {
            let host =
                FakeHost::start(move |_| (status, vec![("location", "http://127.0.0.1:1/".to_owned())], String::new())).await;
            assert_eq!(compare(&host, provider).await, Err(wanted.clone()), "{provider:?} {status}");
            assert_eq!(post(&host, provider, State::Success).await, Err(wanted), "{provider:?} {status}");
        }
        let limited = FakeHost::start(|_| (429, vec![("retry-after", "60".to_owned())], String::new())).await;
        let later = ApiError::Later { status: 429, after: Some(Duration::from_secs(60)) };
        assert_eq!(compare(&limited, provider).await, Err(later));
        let spent = FakeHost::start(|_| (403, vec![("x-ratelimit-remaining", "0".to_owned())], String::new())).await;
        assert!(matches!(compare(&spent, provider).await, Err(ApiError::Later { status: 403, after: Some(_) })));
        for nonsense in ["", "[", "{\"status\":\"ahead\"", "null", "<html>", "{\"commits\":7}"] {
            let host = FakeHost::start(move |_| (200, Vec::new(), nonsense.to_owned())).await;
            let problem = compare(&host, provider).await.expect_err(nonsense);
            assert!(matches!(problem, ApiError::Unreadable(_) | ApiError::Untold), "{provider:?} {nonsense}: {problem:?}");
        }
        assert_eq!(compare(&half_a_body().await, provider).await, Err(ApiError::Away));
        let gone = FakeHost { address: "127.0.0.1:9".to_owned(), asked: Arc::default() };
        let problem = compare(&gone, provider).await.expect_err("nobody there");
        assert!(!problem.to_string().contains("127.0.0.1") && !problem.to_string().contains(TOKEN));
    }
}

/// A host that says how long its answer is, and stops in the middle.
async fn half_a_body() -> FakeHost {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        while let Ok((mut peer, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = peer.read(&mut request).await;
            let _ = peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"commits\": [").await;
        }
    });
    FakeHost { address, asked: Arc::default() }
}

#[tokio::test]
async fn a_status_is_posted_in_each_hosts_own_words() {
    for (provider, state, line, word, most) in [
        (GitProvider::GitHub, State::Failure, format!("POST /api/repos/Team/web/statuses/{B}"), "failure", 140),
        (GitProvider::GitLab, State::Failure, format!("POST /api/projects/Team%2Fweb/statuses/{B}"), "failed", 255),
        (GitProvider::Gitea, State::Pending, format!("POST /api/repos/Team/web/statuses/{B}"), "pending", 255),
    ] {
        let host = FakeHost::start(|_| plain(201)).await;
        post(&host, provider, state).await.expect("posted");
        let asked = host.asked.lock().expect("noted")[0].clone();
        assert_eq!((asked.line, asked.body["state"].as_str()), (line, Some(word)));
        assert_eq!(asked.body["description"].as_str().map(str::len), Some(most));
        assert_eq!(asked.body["target_url"], "https://slipway.example.com/builds/1");
        let context = if provider == GitProvider::GitLab { "name" } else { "context" };
        assert_eq!(asked.body[context], "slipway/web/verdict");
        assert!(!asked.body.to_string().contains(TOKEN));
    }
    let said = json!({ "message": "Cannot transition status via :enqueue from :pending" }).to_string();
    let host = FakeHost::start(move |_| (400, Vec::new(), said.clone())).await;
    post(&host, GitProvider::GitLab, State::Pending).await.expect("it stands there already");
    assert!(post(&host, GitProvider::Gitea, State::Pending).await.is_err());
}

#[tokio::test]
async fn a_password_goes_to_its_host_in_a_header_and_not_where_that_leads() {
    let origin = Origin::new();
    let elsewhere = FakeHost::start(|_| plain(200)).await;
    let lead = format!("http://{}/x", elsewhere.address);
    let host = FakeHost::start(move |_| (302, vec![("location", lead.clone())], String::new())).await;
    let remote = Remote::parse(&format!("http://{}/team/web", host.address)).expect("an address");
    let access = Access::Password { user: "git".to_owned(), password: TOKEN.into() }.into();
    let problem = origin.clone_of().range(&remote, &access, A, B).await.expect_err("a redirect is not followed");
    assert!(elsewhere.lines().is_empty(), "the redirect was followed");
    let asked = host.asked.lock().expect("noted")[0].clone();
    assert_eq!(asked.line, "GET /team/web/info/refs?service=git-upload-pack");
    assert!(asked.token.starts_with("Basic "));
    assert!(!problem.to_string().contains(TOKEN));

    let refusing = FakeHost::start(|_| (401, vec![("www-authenticate", "Basic realm=\"x\"".to_owned())], String::new())).await;
    let remote = Remote::parse(&format!("http://{}/team/web", refusing.address)).expect("an address");
    let problem = origin.clone_of().range(&remote, &access, A, B).await.expect_err("refused");
    assert_eq!(problem.trouble, Trouble::Refused, "{problem}");
    // The password is in no file that was left behind, and in no argument: there is no file at all.
    assert_eq!(std::fs::read_dir(origin.clones()).expect("clones").count(), 0);
}

#[tokio::test]
async fn ssh_is_given_one_key_and_the_host_s_own_and_nothing_of_ours() {
    let origin = Origin::new();
    let hashes = origin.commit("main", None, &["one", "two"]);
    let noted = origin.beside("noted");
    // An ssh that notes what it was given and then serves the repository itself.
    let script = format!(
        "#!/bin/sh\nfor a in \"$@\"; do echo \"$a\" >> {0}/args; done\nenv > {0}/env\n\
         while [ \"$1\" != \"-i\" ]; do shift; done\ncp \"$2\" {0}/key\nstat -c %a \"$2\" \"$(dirname \"$2\")\" > {0}/modes\n\
         cp \"$(dirname \"$2\")/known_hosts\" {0}/known_hosts\nexec git-upload-pack {1}\n",
        noted.display(),
        origin.folder().display()
    );
    let path = in_place_of(&origin.beside("bin"), "ssh", &script);
    let own = super::own_program();
    let git = server::git::Git::new(&origin.clones(), Tools { path, own, ..Tools::here() });
    let remote = Remote::parse("ssh://git@git.example.com:2222/team/web.git").expect("an address");
    let key =
        Access::Key { key: "-----KEY-----\nsecret lines".into(), known_hosts: "git.example.com ssh-ed25519 AAAA".to_owned() };
    let found = git.range(&remote, &key.into(), &hashes[0], &hashes[1]).await.expect("a range");
    assert_eq!(found.ahead_total, 1);
    let read = |name: &str| std::fs::read_to_string(noted.join(name)).expect(name);
    let args = read("args");
    for wanted in ["BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "/dev/null", "2222", "git@git.example.com"]
    {
        assert!(args.lines().any(|line| line == wanted), "{wanted}: {args}");
    }
    assert!(args.contains("UserKnownHostsFile=\"") && !args.contains("secret lines"));
    assert_eq!(
        (read("key"), read("known_hosts")),
        ("-----KEY-----\nsecret lines\n".into(), "git.example.com ssh-ed25519 AAAA\n".into())
    );
    assert_eq!(read("modes"), "600\n700\n");
    let env = read("env");
    assert!(!env.contains("CARGO") && !env.contains("SSH_AUTH_SOCK") && !env.contains("secret lines"), "{env}");
    let left: Vec<_> = std::fs::read_dir(origin.clones()).expect("clones").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 1, "the key is gone: {left:?}");
    // Without the host's keys nobody is spoken to, and without a key there is no ssh at all.
    let unknown = Access::Key { key: "k".into(), known_hosts: " ".to_owned() };
    let other = Remote::parse("git@other.example.com:team/web.git").expect("an address");
    assert_eq!(git.range(&other, &unknown.into(), A, B).await.expect_err("no host key").trouble, Trouble::HostKey);
    assert!(git.range(&other, &Access::Anyone.into(), A, B).await.is_err());
    assert!(!read("args").contains("other.example.com"));
}
