//! Serves every page from samples, to look at them while drawing:
//! `cargo run -p app --features ssr --example gallery -- style.css`, then open
//! `http://127.0.0.1:3210/builds?as=lead&lang=zh&theme=dark`. The ids name states:
//! `/promotions/ready`, `/environments/failed`, `/builds/quarantined`.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a tool for the desk")]

#[path = "../tests/fake/mod.rs"]
mod fake;

use app::context::{Flash, Theme};
use app::{Assets, Lang};
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use domain::Role;
use fake::Ask;
use std::sync::Arc;

#[tokio::main]
async fn main() {
    let css = std::env::args().nth(1).unwrap_or_else(|| "dist/style.css".to_owned());
    let serve_css = move || {
        let css = css.clone();
        async move { ([(CONTENT_TYPE, "text/css")], tokio::fs::read(&css).await.unwrap_or_default()) }
    };
    let router = fake::router(ask).route("/style.css", axum::routing::get(serve_css));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3210").await.expect("the port is free");
    println!("http://127.0.0.1:3210/builds?as=lead");
    axum::serve(listener, router).await.expect("it serves");
}

/// Who asks and how, from the query: `as`, `lang`, `theme`, `empty`, `refused`.
fn ask(request: &Request) -> Ask {
    let query = request.uri().query().unwrap_or_default();
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let role = value("as").and_then(|word| word.parse::<Role>().ok());
    let ask = Ask::by(role.unwrap_or(Role::Lead));
    let refused = value("refused").map(|form| {
        let missing = domain::Problem::invalid("reason", domain::problem::Fault::Missing);
        Flash::new(form, missing, Vec::new())
    });
    Ask {
        port: Arc::new(fake::Fake { empty: value("empty").is_some(), ..fake::Fake::default() }),
        actor: if value("as") == Some("nobody") { None } else { ask.actor },
        lang: value("lang").and_then(Lang::from_word).unwrap_or_default(),
        theme: value("theme").and_then(Theme::from_word).unwrap_or_default(),
        flash: refused,
        assets: Arc::new(Assets { css: "/style.css".to_owned(), ..Assets::default() }),
        ..ask
    }
}
