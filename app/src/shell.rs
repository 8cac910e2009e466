//! The document around every page, and the table of pages.

use crate::context::{Assets, Theme, UiContext};
use crate::pages;
use crate::parts::{frame_of_problem, status_of};
use domain::Problem;
use leptos::prelude::*;
use leptos_meta::{MetaTags, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{SsrMode, path};

/// The whole document. The server gives it to `leptos_routes_with_context`, together with a
/// closure that provides the request's [`UiContext`].
pub fn shell() -> impl IntoView {
    document(view! { <App/> }.into_any(), None)
}

fn document(body: AnyView, title: Option<String>) -> AnyView {
    let context = UiContext::current();
    let lang = context.as_ref().map(|context| context.lang).unwrap_or_default();
    let theme = context.as_ref().map(|context| context.theme).filter(|theme| *theme != Theme::System);
    let assets = context.map(|context| context.assets).unwrap_or_default();
    // What the server read for this reader stays on the server: nothing is written into the
    // page for hydration, because only islands hydrate and they carry no data.
    if let Some(shared) = Owner::current_shared_context() {
        shared.set_is_hydrating(false);
    }
    view! {
        <!DOCTYPE html>
        <html lang=lang.as_str() data-theme=theme.map(Theme::as_str)>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=assets.css.clone()/>
                {scripts(&assets)}
                {title.map(|title| view! { <title>{title}</title> })}
                <MetaTags/>
            </head>
            <body>{body}</body>
        </html>
    }
    .into_any()
}

/// The page's own script: loads the module, then wakes the islands. It stands under the
/// request's nonce, and what it imports is trusted through it.
fn scripts(assets: &Assets) -> AnyView {
    if assets.js.is_empty() || assets.wasm.is_empty() {
        return ().into_any();
    }
    let nonce = leptos::nonce::use_nonce();
    let script = format!(
        "import({js:?}).then(async m=>{{await m.default({{module_or_path:{wasm:?}}});m.hydrate();\
         for(const e of document.querySelectorAll('leptos-island'))m[e.dataset.component]?.(e)}})",
        js = assets.js,
        wasm = assets.wasm
    );
    view! {
        <link rel="modulepreload" href=assets.js.clone() nonce=nonce.clone()/>
        <link rel="preload" href=assets.wasm.clone() r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/>
        <script type="module" nonce=nonce>{script}</script>
    }
    .into_any()
}

/// The pages and their addresses.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=pages::Missing>
                <Route path=path!("/") view=pages::Home ssr=SsrMode::Async/>
                <Route path=path!("/login") view=pages::Login ssr=SsrMode::Async/>
                <Route path=path!("/setup") view=pages::SetUp ssr=SsrMode::Async/>
                <Route path=path!("/account") view=pages::Account ssr=SsrMode::Async/>
                <Route path=path!("/waiting") view=pages::Waiting ssr=SsrMode::Async/>
                <Route path=path!("/builds") view=pages::Builds ssr=SsrMode::Async/>
                <Route path=path!("/builds/:id") view=pages::Build ssr=SsrMode::Async/>
                <Route path=path!("/builds/:id/launch") view=pages::Launch ssr=SsrMode::Async/>
                <Route path=path!("/environments") view=pages::Environments ssr=SsrMode::Async/>
                <Route path=path!("/environments/:id") view=pages::Environment ssr=SsrMode::Async/>
                <Route path=path!("/environments/:id/replace") view=pages::Replace ssr=SsrMode::Async/>
                <Route path=path!("/environments/:id/services/:service/shell") view=pages::Shell ssr=SsrMode::Async/>
                <Route path=path!("/promotions") view=pages::Promotions ssr=SsrMode::Async/>
                <Route path=path!("/promotions/sets/new") view=pages::NewSet ssr=SsrMode::Async/>
                <Route path=path!("/promotions/sets/:set") view=pages::Set ssr=SsrMode::Async/>
                <Route path=path!("/promotions/:id") view=pages::Promotion ssr=SsrMode::Async/>
                <Route path=path!("/regions") view=pages::Regions ssr=SsrMode::Async/>
                <Route path=path!("/regions/:region") view=pages::Region ssr=SsrMode::Async/>
                <Route path=path!("/regions/:region/:app/log") view=pages::ServiceLog ssr=SsrMode::Async/>
                <Route path=path!("/regions/:region/:app/drift") view=pages::Drift ssr=SsrMode::Async/>
                <Route path=path!("/regions/:region/:app/canary") view=pages::Canary ssr=SsrMode::Async/>
                <Route path=path!("/plans/:plan") view=pages::Plan ssr=SsrMode::Async/>
                <Route path=path!("/regions/:region/:app/rollback") view=pages::Rollback ssr=SsrMode::Async/>
                <Route path=path!("/activity") view=pages::Activity ssr=SsrMode::Async/>
                <Route path=path!("/settings") view=pages::Settings ssr=SsrMode::Async/>
                <Route path=path!("/settings/deliveries") view=pages::Deliveries ssr=SsrMode::Async/>
                <Route path=path!("/settings/deliveries/:id") view=pages::Delivery ssr=SsrMode::Async/>
                <Route path=path!("/settings/hooks/:id") view=pages::Hook ssr=SsrMode::Async/>
                <Route path=path!("/runs/:id") view=pages::Run ssr=SsrMode::Async/>
                <Route path=path!("/settings/notifications") view=pages::Notifications ssr=SsrMode::Async/>
                <Route path=path!("/settings/stacks") view=pages::Stacks ssr=SsrMode::Async/>
                <Route path=path!("/settings/stacks/new") view=pages::NewStack ssr=SsrMode::Async/>
                <Route path=path!("/settings/stacks/:name") view=pages::StackPage ssr=SsrMode::Async/>
            </Routes>
        </Router>
    }
}

/// A problem as a whole document with its status, for refusals outside the pages' routes:
/// a request from another site, a limit, an overload. `nonce` is the one in the response's
/// policy; the page works without.
pub fn problem_document(context: UiContext, problem: &Problem, nonce: Option<&str>) -> (http::StatusCode, String) {
    let owner = Owner::new_root(None);
    let html = owner.with(|| {
        if let Some(nonce) = nonce {
            provide_context(leptos::nonce::Nonce::from_value(nonce));
        }
        let (meta, _) = leptos_meta::ServerMetaContext::new();
        provide_context(meta);
        provide_meta_context();
        provide_context(context.clone());
        document(frame_of_problem(&context, problem), Some(context.text().slipway().to_owned())).to_html()
    });
    owner.cleanup();
    (status_of(problem), html)
}

/// What the text of a stack says, as a part of its page: the editor puts it into its place.
pub fn stack_fragment(context: &UiContext, check: &crate::view::StackCheck) -> String {
    let owner = Owner::new_root(None);
    let html = owner.with(|| pages::stack_result(context.text(), check).to_html());
    owner.cleanup();
    html
}
