//! How a page comes to be: read from the port, then frame; a problem becomes a page too.

use super::{Icon, frame, icon};
use crate::context::UiContext;
use crate::port::Port;
use crate::text::{Text, problem_text};
use chrono::{DateTime, Utc};
use domain::problem::{Fault, Kind};
use domain::{Action, Actor, Problem};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use std::future::Future;
use std::sync::Arc;

/// Where in the rail a page belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Waiting,
    Builds,
    Environments,
    Promotions,
    Regions,
    Activity,
    Settings,
    Account,
    Nowhere,
}

/// Whoever reads the page, and everything they read it with.
#[derive(Clone)]
pub struct Reader {
    pub ctx: UiContext,
    pub actor: Actor,
    pub t: Text,
}

impl Reader {
    pub fn port(&self) -> Arc<dyn Port> {
        Arc::clone(&self.ctx.port)
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.ctx.now
    }

    /// Whether the reader's role allows it at all.
    pub fn may(&self, action: Action) -> bool {
        self.actor.may(action)
    }
}

/// What a page gives to its frame.
pub struct Body {
    pub section: Section,
    pub title: String,
    /// Where one is, above the title: link and word.
    pub crumb: Option<(String, String)>,
    /// Beside the title: chips that are part of it.
    pub beside: AnyView,
    /// The one primary action, on the right.
    pub act: AnyView,
    /// What the page listens to, separated by commas; empty for a page that does not change.
    pub topics: &'static str,
    pub content: AnyView,
}

impl Body {
    pub fn new(section: Section, title: impl Into<String>, content: impl IntoView + 'static) -> Self {
        Self {
            section,
            title: title.into(),
            crumb: None,
            beside: ().into_any(),
            act: ().into_any(),
            topics: "",
            content: content.into_any(),
        }
    }

    pub fn crumb(mut self, href: impl Into<String>, word: impl Into<String>) -> Self {
        self.crumb = Some((href.into(), word.into()));
        self
    }

    pub fn beside(mut self, view: impl IntoView + 'static) -> Self {
        self.beside = view.into_any();
        self
    }

    pub fn act(mut self, view: impl IntoView + 'static) -> Self {
        self.act = view.into_any();
        self
    }

    pub fn topics(mut self, topics: &'static str) -> Self {
        self.topics = topics;
        self
    }
}

/// A page for whoever is signed in. Others are led to sign in and back.
pub fn page<F, Fut>(load: F) -> AnyView
where
    F: FnOnce(Reader) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Body, Problem>> + Send + 'static,
{
    let Some(ctx) = UiContext::current() else { return ().into_any() };
    let response = use_context::<ResponseOptions>();
    let t = ctx.text();
    let Some(actor) = ctx.actor.clone() else {
        lead_to_sign_in(response.as_ref(), &ctx.here);
        return super::frame::plain(&ctx, t.signed_out_title(), signed_out(t, &ctx.here));
    };
    let reader = Reader { ctx, actor, t };
    Suspend::new(async move {
        let counts = reader.port().counts(&reader.actor).await.ok();
        let body = load(reader.clone()).await.unwrap_or_else(|problem| {
            set_status(response.as_ref(), &problem);
            problem_body(&reader.ctx, &problem)
        });
        frame(&reader, counts, body)
    })
    .into_any()
}

/// A page that needs nobody signed in, without the rail.
pub fn public_page(build: impl FnOnce(&UiContext) -> (String, AnyView)) -> AnyView {
    let Some(ctx) = UiContext::current() else { return ().into_any() };
    let (title, content) = build(&ctx);
    super::frame::plain(&ctx, &title, content)
}

fn signed_out(t: Text, here: &str) -> AnyView {
    let href = sign_in_path(here);
    view! {
        <h1>{t.signed_out_title()}</h1>
        <p><a class="btn primary" href=href>{t.sign_in()}</a></p>
    }
    .into_any()
}

/// `/login?next=…` for a path of our own.
fn sign_in_path(here: &str) -> String {
    let own = here.starts_with('/') && !here.starts_with("//");
    if own && here != "/" { format!("/login?next={}", super::encode(here)) } else { "/login".to_owned() }
}

fn lead_to_sign_in(response: Option<&ResponseOptions>, here: &str) {
    let Some(response) = response else { return };
    if let Ok(value) = http::HeaderValue::from_str(&sign_in_path(here)) {
        response.insert_header(http::header::LOCATION, value);
        response.set_status(http::StatusCode::SEE_OTHER);
    }
}

/// The HTTP status of a problem, for pages and for REST.
pub fn status_of(problem: &Problem) -> http::StatusCode {
    match problem.kind() {
        Kind::Unauthenticated => http::StatusCode::UNAUTHORIZED,
        Kind::Forbidden => http::StatusCode::FORBIDDEN,
        Kind::NotFound => http::StatusCode::NOT_FOUND,
        Kind::Invalid => match problem {
            Problem::Invalid { why: Fault::TooBig { .. }, .. } => http::StatusCode::PAYLOAD_TOO_LARGE,
            _ => http::StatusCode::UNPROCESSABLE_ENTITY,
        },
        Kind::Conflict => http::StatusCode::CONFLICT,
        Kind::TooMany => http::StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => http::StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => http::StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn set_status(response: Option<&ResponseOptions>, problem: &Problem) {
    if let Some(response) = response {
        response.set_status(status_of(problem));
    }
}

/// A problem as a page: what happened, what was kept, what to do, and a way back.
fn problem_body(ctx: &UiContext, problem: &Problem) -> Body {
    let t = ctx.text();
    let title = match problem.kind() {
        Kind::NotFound => t.not_found_title(),
        Kind::Forbidden => t.forbidden_title(),
        Kind::Unauthenticated => t.signed_out_title(),
        Kind::Unavailable => t.unavailable_title(),
        _ => t.trouble_title(),
    };
    let title = if matches!(problem, Problem::CrossSite) { t.trouble_title() } else { title };
    let told = problem_text(t, problem);
    let again = matches!(problem.kind(), Kind::Unavailable | Kind::Internal | Kind::TooMany).then(|| {
        let here = ctx.here.clone();
        view! { <a class="btn" href=here>{t.try_again()}</a> }
    });
    let content = view! {
        <div class="panel empty">
            {icon(Icon::Alert)}
            <p class="lead">{told.happened}</p>
            <p>{told.kept}" "{told.to_do}</p>
            <p class="row">
                <a class="btn primary" href="/builds">{t.way_back()}</a>
                {again}
            </p>
        </div>
    };
    Body::new(Section::Nowhere, title, content)
}

/// A problem in its frame: the rail for whoever is signed in, the bare page for others.
pub fn frame_of_problem(ctx: &UiContext, problem: &Problem) -> AnyView {
    let body = problem_body(ctx, problem);
    match ctx.actor.clone() {
        Some(actor) => frame(&Reader { ctx: ctx.clone(), actor, t: ctx.text() }, None, body),
        None => {
            let title = body.title.clone();
            let content = view! { <h1>{body.title}</h1>{body.content} };
            super::frame::plain(ctx, &title, content.into_any())
        }
    }
}
