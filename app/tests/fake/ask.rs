//! How pages are asked for, and forms are posted.

use super::{Fake, now, person};
use app::context::{After, Assets, Flash, Notice, Theme, UiContext, Uploads};
use app::{Lang, shell};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use domain::{Actor, Role};
use std::sync::Arc;

/// How a page is asked for.
#[derive(Clone)]
pub struct Ask {
    pub port: Arc<Fake>,
    pub actor: Option<Actor>,
    pub lang: Lang,
    pub theme: Theme,
    pub flash: Option<Flash>,
    pub notice: Option<Notice>,
    pub assets: Arc<Assets>,
}

impl Ask {
    pub fn by(role: Role) -> Self {
        Self {
            port: Arc::default(),
            actor: Some(person(role)),
            lang: Lang::En,
            theme: Theme::System,
            flash: None,
            notice: None,
            assets: Arc::new(Assets { css: "/style.css".to_owned(), shell_js: "/shell.js".to_owned(), ..Assets::default() }),
        }
    }

    pub fn context(&self, here: &str) -> UiContext {
        UiContext {
            port: self.port.clone(),
            actor: self.actor.clone(),
            lang: self.lang,
            theme: self.theme,
            now: now(),
            here: here.to_owned(),
            // A flash is claimed once: each page gets its own.
            flash: self.flash.as_ref().map(|flash| Flash::new(flash.form.clone(), flash.problem.clone(), flash.fields.clone())),
            notice: self.notice.clone(),
            after: After::default(),
            uploads: Uploads::default(),
            assets: self.assets.clone(),
            public_url: Arc::from("https://slipway.example.com"),
        }
    }
}

/// Draws one page as the server does.
pub async fn draw(ask: &Ask, request: Request) -> Response {
    let context = ask.context(request.uri().path_and_query().map_or("/", |path| path.as_str()));
    let provide = move || leptos::prelude::provide_context(context.clone());
    leptos_axum::render_app_async_with_context(provide, shell)(request).await.into_response()
}

/// Every page, and the actions behind the forms.
pub fn router<F>(ask: F) -> Router
where
    F: Fn(&Request) -> Ask + Clone + Send + Sync + 'static,
{
    let pages = leptos_axum::generate_route_list(app::App);
    let mut router = Router::new();
    for page in pages {
        let ask = ask.clone();
        let handler = move |request: Request| {
            let ask = ask(&request);
            async move { draw(&ask, request).await }
        };
        router = router.route(page.path(), axum::routing::get(handler));
    }
    let act = move |request: Request| {
        let ask = ask(&request);
        async move {
            let context = ask.context(request.uri().path());
            let provide = move || leptos::prelude::provide_context(context.clone());
            leptos_axum::handle_server_fns_with_context(provide, request).await.into_response()
        }
    };
    router.route("/do/{*path}", axum::routing::post(act))
}

/// A page as text, with its status.
pub async fn get(ask: &Ask, path: &str) -> (u16, String) {
    use tower::ServiceExt as _;
    let asked = ask.clone();
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    let response = router(move |_| asked.clone()).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 4 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}
