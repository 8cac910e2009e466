//! What stands between the server and other sites, scripts, and requests that are too big or
//! of the wrong form.

use crate::browser::{Browser, PASSWORD, user};
use crate::common::{TestApp, on_each_database};
use domain::{Actor, Role};
use http::{Method, StatusCode};
use server::http::routes::Listed;
use std::sync::Arc;

async fn listed(app: &TestApp) -> Vec<Listed> {
    server::http::outside(&app.ctx).listed
}

fn filled(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "nothing" } else { part }).collect::<Vec<_>>().join("/")
}

fn is_form(route: &Listed) -> bool {
    route.method != Method::GET && !route.path.starts_with("/api/") && !route.path.starts_with("/hooks/")
}

#[tokio::test]
async fn no_other_site_makes_a_browser_act() {
    let app = TestApp::sqlite().await;
    let ada = user(&app, "ada", Role::Admin).await;
    let browser = Browser::new(&app).signed_in(&app, &ada).await;
    let foreign: [&[(&str, &str)]; 6] = [
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.test")],
        &[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:4000")],
        &[("sec-fetch-site", "same-site"), ("origin", "http://other.127.0.0.1:3000")],
        &[("sec-fetch-site", ""), ("origin", "https://evil.test")],
        &[("sec-fetch-site", ""), ("origin", "null")],
        &[("sec-fetch-site", ""), ("origin", "http://127.0.0.1:3000.evil.test")],
    ];
    let audited = app.count("audit").await;
    for route in listed(&app).await.iter().filter(|route| is_form(route)) {
        for headers in foreign {
            let mut other = browser.clone();
            for (name, value) in headers {
                other = other.with(name, value);
            }
            let reply = other.post(&filled(&route.path), &[("name", "eve"), ("role", "admin"), ("password", PASSWORD)]).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{} took {headers:?}", route.path);
            assert!(reply.body.contains("another site"), "{}", route.path);
        }
    }
    assert_eq!(app.count("audit").await, audited, "nothing was done");
    assert_eq!(browser.get("/account").await.status, StatusCode::OK, "nor was the session ended");
}

#[tokio::test]
async fn our_own_forms_and_programs_without_a_browser_are_let_through() {
    let app = TestApp::sqlite().await;
    let vera = user(&app, "vera", Role::Viewer).await;
    for headers in
        [[("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:3000")], [("sec-fetch-site", "none"), ("origin", "")]]
    {
        let mut browser = Browser::new(&app).signed_in(&app, &vera).await;
        for (name, value) in headers {
            browser = browser.with(name, value);
        }
        assert_eq!(browser.post("/logout", &[]).await.status, StatusCode::SEE_OTHER, "{headers:?}");
    }
    // Neither carries a cookie, so nothing can be stolen from a browser.
    let browser = Browser::new(&app).with("sec-fetch-site", "cross-site").with("origin", "https://evil.test");
    assert_eq!(browser.json("POST", "/api/v1/users", "{}").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.post("/hooks/distribution/nothing", &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn reading_changes_nothing() {
    let app = TestApp::sqlite().await;
    let ada = user(&app, "ada", Role::Admin).await;
    let browser = Browser::new(&app).signed_in(&app, &ada).await;
    let audited = app.count("audit").await;
    for route in listed(&app).await.iter().filter(|route| is_form(route)) {
        let reply = browser.get(&format!("{}?name=eve&role=admin&id=nothing", filled(&route.path))).await;
        let shown = matches!(route.path.as_str(), "/login" | "/setup");
        assert_eq!(reply.status == StatusCode::NOT_FOUND, !shown, "GET {}", route.path);
    }
    assert_eq!(app.count("audit").await, audited);
}

/// Everything in the page that could run without a nonce.
fn unguarded(html: &str, nonce: &str) -> Vec<String> {
    let lower = html.to_lowercase();
    let tags = lower.split('<').skip(1).map(|tag| tag.split('>').next().unwrap_or_default());
    let bad = |tag: &&str| {
        let script = tag.starts_with("script") && !tag.contains(&format!("nonce=\"{nonce}\""));
        let handler = tag.split_whitespace().skip(1).any(|word| word.starts_with("on") && word.contains('='));
        let styled = tag.contains(" style=") || tag.starts_with("style");
        let address = ["href", "src", "action", "formaction"].iter().any(|name| tag.contains(&format!("{name}=\"javascript:")));
        script
            || handler
            || styled
            || address
            || tag.starts_with("base")
            || tag.starts_with("object")
            || tag.starts_with("iframe")
    };
    tags.filter(bad).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_page_runs_only_what_carries_its_nonce() {
    let app = TestApp::sqlite().await;
    let ada = user(&app, "ada", Role::Admin).await;
    let mut ctx = app.ctx.clone();
    let asset = |name: &str| format!("/pkg/{name}");
    ctx.assets = Arc::new(app::Assets {
        js: asset("slipway-1.js"),
        wasm: asset("slipway-1.wasm"),
        css: asset("slipway-1.css"),
        ..Default::default()
    });
    let outside = server::http::outside(&ctx);
    let browser = Browser::over(outside.router).signed_in(&app, &ada).await;
    let mut nonces = std::collections::BTreeSet::new();
    let (mut pages, mut scripted) = (0, 0);
    for route in outside.listed.iter().filter(|route| route.method == Method::GET) {
        for browser in [browser.clone(), browser.another()] {
            let reply = browser.get(&filled(&route.path)).await;
            let policy = reply.header("content-security-policy").to_owned();
            for part in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
                assert!(policy.contains(part), "{}: {policy}", route.path);
            }
            assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "same-origin"),
                ("x-frame-options", "DENY"),
                ("cross-origin-opener-policy", "same-origin"),
            ] {
                assert_eq!(reply.header(name), value, "{}: {name}", route.path);
            }
            if !reply.header("content-type").starts_with("text/html") {
                continue;
            }
            assert!(policy.contains("form-action 'self'") && policy.contains("object-src 'none'"), "{policy}");
            let nonce = policy.split_once("'nonce-").map_or("", |(_, rest)| rest.split('\'').next().unwrap_or_default());
            assert!(nonce.is_empty() || (nonce.len() >= 22 && nonces.insert(nonce.to_owned())), "a nonce is used once");
            assert_eq!(unguarded(&reply.body, nonce), Vec::<String>::new(), "{}", route.path);
            assert!(reply.header("cache-control").contains("no-store"), "{}", route.path);
            pages += 1;
            scripted += u32::from(reply.body.contains("<script"));
        }
    }
    assert!(pages >= 15 && scripted >= 10, "{pages} pages, {scripted} with scripts");
}

#[tokio::test]
async fn a_body_that_is_too_big_is_refused_everywhere() {
    let app = TestApp::sqlite().await;
    let ada = user(&app, "ada", Role::Admin).await;
    let token = app.token(&ada).await;
    let big = format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20));
    let outside = server::http::outside(&app.ctx);
    let document = serde_json::to_value(&outside.openapi).expect("a document");
    for route in outside.listed.iter().filter(|route| route.method != Method::GET) {
        let path = filled(&route.path);
        let browser = Browser::over(outside.router.clone());
        let browser = if route.path.starts_with("/api/") { browser.bearer(&token) } else { browser.signed_in(&app, &ada).await };
        let reply = browser.json(route.method.as_str(), &path, big.clone()).await;
        // A route that takes no body does not read it; an unknown hook is unknown whatever it sends.
        let operation = &document["paths"][&route.path][route.method.as_str().to_lowercase()];
        let takes_none = route.path == "/logout" || (operation.is_object() && operation["requestBody"].is_null());
        let unknown = route.path.starts_with("/hooks/") && reply.status == StatusCode::NOT_FOUND;
        // Files may be bigger, and nothing is read of whoever may not bring any.
        let unread = route.path.ends_with("/evidence") && reply.status.is_client_error();
        let refused = unread || reply.status == StatusCode::PAYLOAD_TOO_LARGE;
        assert!(takes_none || unknown || refused, "{path}: {}", reply.status);
        if reply.status == StatusCode::PAYLOAD_TOO_LARGE && route.path.starts_with("/api/") {
            assert_eq!((reply.code().as_str(), reply.header("content-type")), ("invalid", "application/problem+json"));
        }
    }
    let keyed = Browser::new(&app).bearer(&token).with("idempotency-key", "one");
    assert_eq!(keyed.json("POST", "/api/v1/users", big).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn json_of_the_wrong_form_gets_a_problem_document() {
    let app = TestApp::sqlite().await;
    let ada = user(&app, "ada", Role::Admin).await;
    let browser = Browser::new(&app).bearer(&app.token(&ada).await);
    let deep = "[".repeat(100_000);
    let bodies = [
        "",
        "null",
        "3",
        "\"x\"",
        "[]",
        "[{}]",
        "{",
        "{}}",
        "{\"name\": 3}",
        "{\"name\": null, \"role\": []}",
        "\u{0}",
        "\u{feff}{}",
        "{\"name\": \"a\", \"role\": \"emperor\", \"password\": \"x\"}",
        "{\"build\": {}, \"regions\": \"x\"}",
        "{\"name\": 1e999}",
        &deep,
    ];
    let mut count = 0;
    for route in listed(&app).await.iter().filter(|route| route.path.starts_with("/api/") && route.method != Method::GET) {
        for body in bodies {
            let reply = browser.json(route.method.as_str(), &filled(&route.path), body).await;
            let here = format!("{} with {}", route.path, body.chars().take(40).collect::<String>());
            // A route that takes no body, or one whose every field can be left out, gets further.
            assert!(
                reply.status.is_client_error() || reply.status == StatusCode::SERVICE_UNAVAILABLE,
                "{here}: {}",
                reply.status
            );
            assert_eq!(reply.header("content-type"), "application/problem+json", "{here}");
            let document = reply.json();
            assert_eq!(document["status"], reply.status.as_u16(), "{here}");
            let detail = document["detail"].as_str().expect("a sentence");
            assert!(!detail.is_empty() && detail.len() < 800 && !detail.contains("sqlx"), "{here}: {detail}");
            count += 1;
        }
    }
    assert!(count > 16 * 3, "{count}");
    let form = browser.clone().with("content-type", "text/plain").json("POST", "/api/v1/users", "{}").await;
    assert!(
        form.json()["detail"].as_str().is_some_and(|detail| detail.contains("Content-Type: application/json")),
        "{}",
        form.body
    );
}

#[tokio::test]
async fn an_address_that_is_not_there_is_told_in_the_form_of_its_part() {
    let app = TestApp::sqlite().await;
    let browser = Browser::new(&app);
    let page = browser.get("/nothing%3Cscript%3Ealert(1)%3C%2Fscript%3E").await;
    assert_eq!((page.status, page.header("content-type")), (StatusCode::NOT_FOUND, "text/html; charset=utf-8"));
    assert!(!page.body.contains("<script>alert"), "{}", page.body);
    for path in ["/api/v1/nothing", "/api/", "/hooks/a/b/c"] {
        let reply = browser.get(path).await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::NOT_FOUND, "not_found"), "{path}");
    }
    for (method, path) in [("DELETE", "/api/v1/users"), ("PUT", "/login"), ("PATCH", "/builds"), ("TRACE", "/")] {
        assert_eq!(browser.json(method, path, "").await.status, StatusCode::NOT_FOUND, "{method} {path}");
    }
}

#[tokio::test]
async fn a_zero_byte_anywhere_is_no_fault_of_ours() {
    on_each_database(|app| async move {
        let ada = user(&app, "ada", Role::Admin).await;
        let lea = user(&app, "lea", Role::Lead).await;
        for person in [&ada, &lea] {
            let rest = Browser::new(&app).bearer(&app.token(person).await);
            let pages = Browser::new(&app).signed_in(&app, person).await;
            for route in listed(&app).await {
                let browser = if route.path.starts_with("/api/") { &rest } else { &pages };
                let zero = |part: &str| if part.starts_with('{') { "a%00b".to_owned() } else { part.to_owned() };
                let path = route.path.split('/').map(zero).collect::<Vec<_>>().join("/");
                let fields = "{\"name\":\"a\\u0000\",\"note\":\"\\u0000\",\"reason\":\"\\u0000\",\"build\":\"a\\u0000\",\"region\":\"\\u0000\",
                    \"app\":\"\\u0000\",\"regions\":[\"\\u0000\"],\"role\":\"viewer\",\"source\":\"distribution\",\"kind\":\"pass\",\"user\":\"\\u0000\",
                    \"owner\":\"\\u0000\",\"password\":\"\\u0000 seven grey herons\"}";
                let replies = match route.method {
                    Method::GET => vec![browser.get(&format!("{path}?app=%00&q=%00&cursor=%00")).await],
                    _ if is_form(&route) => {
                        let names = ["name", "note", "reason", "build", "region", "app", "id", "user", "owner", "code"];
                        let fields: Vec<(&str, &str)> = names.iter().map(|name| (*name, "a\0b")).collect();
                        vec![browser.post(&path, &fields).await]
                    }
                    _ => vec![browser.json(route.method.as_str(), &path, fields).await, {
                        browser.json(route.method.as_str(), &filled(&route.path), fields).await
                    }],
                };
                for reply in replies {
                    let (here, status) = (&route.path, reply.status);
                    assert!(!status.is_server_error() || status == StatusCode::SERVICE_UNAVAILABLE, "{here}: {status} {}", reply.body);
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn markup_in_what_people_send_stays_text() {
    let app = TestApp::sqlite().await;
    let ada = user(&app, "ada", Role::Admin).await;
    let browser = Browser::new(&app).signed_in(&app, &ada).await;
    let markup = "</textarea></title>\"'><script>alert(1)</script><img src=x onerror=alert(1)>";
    for (path, field) in [
        ("/do/people/add", "name"),
        ("/do/tokens/add", "name"),
        ("/do/tokens/add", "owner"),
        ("/do/hooks/add", "name"),
        ("/do/promotions/request", "reason"),
        ("/do/verdicts/record", "note"),
        ("/do/regions/roll-back", "app"),
    ] {
        let fields =
            [("role", "viewer"), ("source", "distribution"), ("kind", "fail"), ("build", "x"), ("region", "x"), ("name", "ok-1")];
        let mut fields: Vec<(&str, &str)> = fields.into_iter().filter(|(name, _)| *name != field).collect();
        fields.push((field, markup));
        let reply = browser.clone().with("referer", "http://127.0.0.1:3000/settings").post(path, &fields).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{path}");
        let shown = browser.get(reply.location()).await;
        assert_eq!(shown.status, StatusCode::OK);
        assert!(!shown.body.contains("<script>alert") && !shown.body.contains("<img src=x"), "{path} {field}: {}", shown.body);
    }
    let login = browser.another();
    let reply = login.log_in(markup, "x").await;
    let shown = login.get(reply.location()).await;
    assert!(shown.body.contains("&lt;script&gt;alert(1)") || !shown.body.contains("alert(1)"), "{}", shown.body);
    assert!(!shown.body.contains("<script>alert"));
    let encoded: String = form_urlencoded::byte_serialize(markup.as_bytes()).collect();
    for path in [
        "/builds?q=",
        "/builds?app=",
        "/builds?channel=",
        "/activity?app=",
        "/login?next=",
        "/setup?code=",
        "/builds?cursor=",
        "/promotions?state=",
        "/builds?flash=",
    ] {
        let reply = browser.get(&format!("{path}{encoded}")).await;
        assert!(!reply.body.contains("<script>alert") && !reply.body.contains("<img src=x"), "{path}");
        assert_ne!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
    }
    assert_eq!(app.count("users").await, 1);
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder_of_static_files() {
    let app = TestApp::sqlite().await;
    let browser = Browser::new(&app);
    for folder in ["/static/", "/pkg/"] {
        for path in [
            "../Cargo.toml",
            "..%2fCargo.toml",
            "..%2f..%2fCargo.toml",
            "%2e%2e%2fCargo.toml",
            "%2e%2e/Cargo.toml",
            "..%5cCargo.toml",
            "..%252fCargo.toml",
            "%2fetc%2fpasswd",
            "/etc/passwd",
            "....//Cargo.toml",
            ".%00./Cargo.toml",
            "a%00.css",
            "..",
            ".",
            "%2e",
            ".env",
            "..;/Cargo.toml",
            "%c0%ae%c0%ae%2fCargo.toml",
            "manifest.json%2f..%2f..%2fCargo.toml",
            "C:%5cWindows",
            "%ff",
        ] {
            let reply = browser.get(&format!("{folder}{path}")).await;
            assert!(matches!(reply.status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST), "{folder}{path}: {}", reply.status);
            assert!(!reply.body.contains("[workspace") && !reply.body.contains("root:"), "{folder}{path}");
        }
    }
}

#[tokio::test]
async fn a_refused_action_is_told_even_to_a_browser_that_hides_where_it_was() {
    let app = TestApp::sqlite().await;
    let vera = user(&app, "vera", Role::Viewer).await;
    for referer in ["", "https://elsewhere.test/", "no address"] {
        let browser = Browser::new(&app).signed_in(&app, &vera).await.with("referer", referer);
        let reply = browser.post("/do/sign-offs/give", &[("build", "x")]).await;
        assert!(reply.location().contains("flash="), "{referer:?}: {}", reply.location());
        let shown = browser.get(reply.location()).await;
        assert!(shown.body.contains("may not sign builds off"), "{referer:?}: {}", shown.body);
    }
}

#[tokio::test]
async fn the_same_key_twice_is_one_deed() {
    let app = TestApp::sqlite().await;
    let ada = user(&app, "ada", Role::Admin).await;
    let browser = Browser::new(&app).bearer(&app.token(&ada).await).with("idempotency-key", "k-1");
    let body = "{\"name\":\"ci\",\"owner\":\"ada\",\"role\":\"viewer\"}";
    let all = futures::future::join_all((0..8).map(|_| browser.json("POST", "/api/v1/tokens", body))).await;
    assert!(all.iter().all(|reply| reply.status == StatusCode::CREATED));
    assert_eq!(all.iter().filter(|reply| reply.body.contains("\"secret\"")).count(), 1, "a secret is told once");
    let other = body.replace("ci", "cd");
    assert_eq!(browser.json("POST", "/api/v1/tokens", other).await.code(), "idempotency_mismatch");
    assert_eq!(app.count("tokens").await, 2);
    let cookie = Browser::new(&app).signed_in(&app, &ada).await.with("idempotency-key", "k-1");
    assert_eq!(cookie.json("POST", "/api/v1/tokens", body).await.status, StatusCode::UNAUTHORIZED, "only with a token");
    let empty = browser.clone().with("idempotency-key", &"k".repeat(300));
    assert_eq!(empty.json("POST", "/api/v1/tokens", body).await.code(), "invalid");
    let _: Actor = ada;
}
