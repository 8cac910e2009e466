//! Every route for every role, by cookie and by token, tried and compared with what was agreed.

use crate::browser::{Browser, Reply, user};
use crate::common::TestApp;
use axum::body::Body;
use domain::{Action, Actor, Problem, Role};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use server::http::Outside;
use server::http::flash::Message;
use server::http::routes::{Access, Listed};
use std::fmt::Write as _;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stories/role_route.txt");

/// Every field of every form, with values that can be read and name nothing that is there.
const FORM: [(&str, &str); 31] = [
    ("id", "nothing"),
    ("set", "S-1"),
    ("build", "nothing"),
    ("stack", "nothing"),
    ("environment", "nothing"),
    ("lease_hours", "1"),
    ("hours", "1"),
    ("service", "nothing"),
    ("kind", "pass"),
    ("note", "a note"),
    ("reason", "a reason"),
    ("regions[0]", "nothing"),
    ("region", "nothing"),
    ("app", "nothing"),
    ("to", "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("typed", "nothing"),
    ("name", "Nobody"),
    ("role", "viewer"),
    ("owner", "nobody"),
    ("source", "nothing"),
    ("target", "nothing"),
    ("disabled", "true"),
    ("password", "short"),
    ("plan", "nothing"),
    ("replicas", "1"),
    ("old", "wrong"),
    ("new", "short"),
    ("code", "wrong"),
    ("compose", "nothing"),
    ("version", "1"),
    ("from", "1"),
];

/// What becomes of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The use case was reached and let the actor in, whatever it found then.
    In,
    /// Not in this role.
    No,
    /// Asked to sign in, as a program is asked.
    Unknown,
    /// Led to the login.
    Login,
}

impl Fate {
    fn word(self) -> &'static str {
        match self {
            Fate::In => "in",
            Fate::No => "no",
            Fate::Unknown => "401",
            Fate::Login => "login",
        }
    }
}

/// Somebody at the door.
enum Visitor {
    Nobody,
    Cookie(Actor),
    Token(Actor, String),
}

struct Doors {
    app: TestApp,
    outside: Outside,
    document: Value,
}

impl Doors {
    fn of(app: TestApp) -> Self {
        let outside = server::http::outside(&app.ctx);
        let document = serde_json::to_value(&outside.openapi).expect("a document");
        Self { app, outside, document }
    }

    async fn knock(&self, route: &Listed, visitor: &Visitor) -> Fate {
        let browser = Browser::over(self.outside.router.clone());
        let (browser, actor) = match visitor {
            Visitor::Nobody => (browser, None),
            Visitor::Cookie(actor) => (browser.signed_in(&self.app, actor).await, Some(actor)),
            Visitor::Token(actor, secret) => (browser.bearer(secret), Some(actor)),
        };
        let reply = browser.send(self.request(route)).await;
        let here = format!("{} {}", route.method, route.path);
        assert_ne!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{here}: {}", reply.body);
        if route.path.starts_with("/api/") { in_rest(&here, &reply) } else { self.on_a_page(&here, route, &reply, actor) }
    }

    /// A request that can be read, so that only the permission is in question.
    fn request(&self, route: &Listed) -> Request<Body> {
        let segments = route.path.split('/').map(|part| match part {
            "{version}" => "1",
            "{set}" => "S-1",
            part if part.starts_with('{') => "nothing",
            part => part,
        });
        let mut path = segments.collect::<Vec<_>>().join("/");
        let operation = &self.document["paths"][&route.path][route.method.as_str().to_lowercase()];
        let query = operation["parameters"].as_array().into_iter().flatten();
        let needed = query.filter(|one| one["in"] == "query" && one["required"] == true);
        let pairs: Vec<String> = needed.map(|one| format!("{}=1", one["name"].as_str().expect("a name"))).collect();
        if !pairs.is_empty() {
            path = format!("{path}?{}", pairs.join("&"));
        }
        let request = Request::builder().method(route.method.clone()).uri(path);
        let streams = route.path == "/events" || route.path.contains("/logs");
        let request = if streams { request.header("accept", "text/event-stream") } else { request };
        // A browser says which page opens a socket.
        let socket = route.path.ends_with("/socket");
        let request = if socket { request.header("origin", "http://127.0.0.1:3000") } else { request };
        if route.method == Method::GET {
            return request.body(Body::empty()).expect("a request");
        }
        let content = operation["requestBody"]["content"].as_object();
        let (kind, body) = match content.and_then(|content| content.iter().next()) {
            Some((kind, content)) if kind == "application/json" => (kind.as_str(), self.sample(&content["schema"]).to_string()),
            Some((kind, _)) => (kind.as_str(), String::new()),
            None if route.path.starts_with("/do/") || !route.path.starts_with("/api/") => {
                let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(FORM).finish();
                ("application/x-www-form-urlencoded", form)
            }
            None => ("application/json", String::new()),
        };
        request.header("content-type", kind).body(Body::from(body)).expect("a request")
    }

    /// The simplest value that a schema takes.
    fn sample(&self, schema: &Value) -> Value {
        if let Some(path) = schema["$ref"].as_str() {
            return self.sample(self.document.pointer(path.trim_start_matches('#')).expect("a schema"));
        }
        if let Some(choice) = schema["oneOf"].as_array().or(schema["allOf"].as_array()) {
            return self.sample(choice.iter().find(|one| one["type"] != "null").expect("a choice"));
        }
        if let Some(word) = schema["enum"].as_array().and_then(|words| words.first()) {
            return word.clone();
        }
        let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or("object");
        match kind {
            "string" => json!("nothing"),
            "integer" | "number" => json!(1),
            "boolean" => json!(true),
            "array" => json!([self.sample(&schema["items"])]),
            _ => {
                let properties = schema["properties"].as_object().cloned().unwrap_or_default();
                let needed = schema["required"].as_array().cloned().unwrap_or_default();
                let pairs = properties.iter().filter(|(name, _)| needed.contains(&json!(name)));
                pairs.map(|(name, schema)| (name.clone(), self.sample(schema))).collect::<serde_json::Map<_, _>>().into()
            }
        }
    }

    fn on_a_page(&self, here: &str, route: &Listed, reply: &Reply, actor: Option<&Actor>) -> Fate {
        match reply.status {
            StatusCode::UNAUTHORIZED => return Fate::Unknown,
            StatusCode::FORBIDDEN => return Fate::No,
            _ => {}
        }
        let flash = reply.location().split_once("flash=").and_then(|(_, id)| self.app.ctx.flashes.take(&self.app.ctx, actor, id));
        match flash {
            Some(Message::Refused(flash)) => match &flash.problem {
                Problem::Forbidden { .. } => Fate::No,
                Problem::Invalid { field, why } if field == "form" => panic!("{here} has fields that FORM does not fill: {why}"),
                _ => Fate::In,
            },
            None if reply.location().starts_with("/login") && !matches!(route.path.as_str(), "/login" | "/logout") => Fate::Login,
            _ => Fate::In,
        }
    }
}

fn in_rest(here: &str, reply: &Reply) -> Fate {
    if reply.status.is_success() {
        return Fate::In;
    }
    let problem = reply.json();
    match problem["code"].as_str() {
        Some("forbidden") => Fate::No,
        Some("signed_out") => Fate::Unknown,
        Some("invalid") if ["body", "query", "path"].contains(&problem["problem"]["field"].as_str().unwrap_or_default()) => {
            panic!("{here} could not be read, so its permission was not tried: {}", reply.body)
        }
        Some(_) => Fate::In,
        None => panic!("{here} answered {} without a problem document: {}", reply.status, reply.body),
    }
}

fn access(access: Access) -> String {
    match access {
        Access::Public => "public".to_owned(),
        Access::SignedIn => "signed in".to_owned(),
        Access::Needs(action) => serde_json::to_value(action).expect("json").as_str().expect("a word").to_owned(),
    }
}

/// What must hold for each cell, whatever the table says.
fn judge(route: &Listed, visitor: &Visitor, fate: Fate) {
    let here = format!("{} {}", route.method, route.path);
    let rest = route.path.starts_with("/api/");
    match (route.access, visitor) {
        (Access::Public, _) => assert_eq!(fate, Fate::In, "{here} is public"),
        (_, Visitor::Nobody) => assert!(matches!(fate, Fate::Unknown | Fate::Login), "{here} let nobody in: {fate:?}"),
        (_, Visitor::Cookie(_)) if rest => assert_eq!(fate, Fate::Unknown, "{here} took a cookie"),
        (Access::Needs(action), Visitor::Cookie(actor) | Visitor::Token(actor, _)) => {
            let role = actor.person().expect("a person").role;
            let wanted = if role.allows(action) { Fate::In } else { Fate::No };
            assert_eq!(fate, wanted, "{here} for a {role}");
        }
        (Access::SignedIn, _) => assert!(matches!(fate, Fate::In | Fate::No), "{here}: {fate:?}"),
    }
}

#[tokio::test]
async fn who_gets_in_where_is_as_it_was_agreed() {
    let app = TestApp::sqlite().await;
    let mut visitors = vec![Visitor::Nobody];
    let mut tokens = Vec::new();
    for role in Role::ALL {
        let actor = user(&app, role.as_str(), role).await;
        tokens.push(Visitor::Token(actor.clone(), app.token(&actor).await));
        visitors.push(Visitor::Cookie(actor));
    }
    visitors.extend(tokens);
    let doors = Doors::of(app);
    let mut routes = doors.outside.listed.clone();
    routes.sort_by(|a, b| (&a.path, a.method.as_str()).cmp(&(&b.path, b.method.as_str())));
    let mut table = format!("{:<7}{:<50}{:<20}{:<8}", "", "", "", "nobody");
    for by in ["", "token:"] {
        Role::ALL
            .iter()
            .for_each(|role| write!(table, "{:<9}", format!("{by}{role}").trim_start_matches("token:")).expect("room"));
    }
    table = format!("{:<77}{:<8}{:<45}by token\n{table}", "", "", "by cookie");
    for route in &routes {
        write!(table, "\n{:<7}{:<50}{:<20}", route.method.as_str(), route.path, access(route.access)).expect("room");
        for (at, visitor) in visitors.iter().enumerate() {
            let fate = doors.knock(route, visitor).await;
            judge(route, visitor, fate);
            let width = if at == 0 { 8 } else { 9 };
            write!(table, "{:<width$}", fate.word()).expect("room");
        }
    }
    let table: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    compare(&table);
}

fn compare(drawn: &str) {
    if std::env::var_os("SLIPWAY_BLESS").is_some() {
        std::fs::write(TABLE, drawn).expect("the table is written");
    }
    let agreed = std::fs::read_to_string(TABLE).unwrap_or_default();
    let gone = agreed.lines().filter(|line| !drawn.lines().any(|other| other == *line)).map(|line| format!("- {line}"));
    let new = drawn.lines().filter(|line| !agreed.lines().any(|other| other == *line)).map(|line| format!("+ {line}"));
    let changes: Vec<String> = gone.chain(new).collect();
    assert!(changes.is_empty(), "routes or roles changed; SLIPWAY_BLESS=1 writes the new table:\n{}", changes.join("\n"));
}

#[tokio::test]
async fn a_token_of_a_narrower_role_gets_in_only_where_both_do() {
    let app = TestApp::sqlite().await;
    let lead = user(&app, "lea", Role::Lead).await;
    let made = server::usecases::tokens::add_token(&app.ctx, &Actor::Slipway, "ci".to_owned(), "lea".to_owned(), Role::Viewer);
    let narrow = Browser::new(&app).bearer(&made.await.expect("a token").secret);
    assert_eq!(narrow.get("/api/v1/me").await.status, StatusCode::OK);
    let may: Vec<String> = serde_json::from_value(narrow.get("/api/v1/me").await.json()["may"].clone()).expect("words");
    assert_eq!(may, ["read"]);
    let refused = Problem::Forbidden { action: Action::ManagePeople };
    let wide = Browser::new(&app).bearer(&app.token(&lead).await);
    let reply = wide.get("/api/v1/users").await;
    assert_eq!(
        (reply.status, reply.json()["problem"].clone()),
        (StatusCode::FORBIDDEN, serde_json::to_value(refused).expect("json"))
    );
}

#[tokio::test]
async fn a_bad_token_is_nobody_even_with_a_good_cookie() {
    let app = TestApp::sqlite().await;
    let admin = user(&app, "ada", Role::Admin).await;
    let browser = Browser::new(&app).signed_in(&app, &admin).await;
    assert_eq!(browser.get("/account").await.status, StatusCode::OK);
    for value in ["Bearer", "Bearer ", "Bearer wrong", "bearer slw_wrong", "Basic YTpi", "Bearer a b", "Token x"] {
        let reply = browser.clone().with("authorization", value).get("/api/v1/me").await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{value}");
        let reply = browser.clone().with("authorization", value).get("/account").await;
        let bearer = value.to_lowercase().starts_with("bearer ");
        assert_eq!(reply.status == StatusCode::OK, !bearer, "{value}");
    }
}

#[tokio::test]
async fn a_revoked_token_and_one_of_a_disabled_owner_are_nobodys_at_once() {
    let app = TestApp::sqlite().await;
    let lead = user(&app, "lea", Role::Lead).await;
    user(&app, "ada", Role::Admin).await;
    let (one, other) = (app.token(&lead).await, app.token(&lead).await);
    let status = async |secret: &str| Browser::new(&app).bearer(secret).get("/api/v1/me").await.status;
    assert_eq!((status(&one).await, status(&other).await), (StatusCode::OK, StatusCode::OK));
    let tokens = server::usecases::tokens::list_tokens(&app.ctx, &Actor::Slipway).await.expect("tokens");
    let first = tokens.iter().find(|token| token.name == "t0").expect("the first");
    server::usecases::tokens::revoke_token(&app.ctx, &Actor::Slipway, &first.id).await.expect("revoked");
    assert_eq!((status(&one).await, status(&other).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));
    let id = &lead.person().expect("a person").id;
    server::usecases::people::change_role(&app.ctx, &Actor::Slipway, id, Role::Viewer).await.expect("changed");
    let may = Browser::new(&app).bearer(&other).get("/api/v1/me").await.json()["may"].clone();
    assert_eq!(may, json!(["read"]), "a token falls with its owner");
    server::usecases::people::set_disabled(&app.ctx, &Actor::Slipway, id, true).await.expect("disabled");
    assert_eq!(status(&other).await, StatusCode::UNAUTHORIZED);
}
