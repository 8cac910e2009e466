//! A shell in the browser. The page says what it needs; the terminal is loaded here and nowhere else.

use super::super::param;
use crate::parts::{Body, Reader, Section, only, panel};
use crate::view::ShellView;
use domain::Action;
use domain::id::EnvironmentId;
use leptos::prelude::*;

/// `GET /environments/{id}/services/{service}/shell`
#[component]
pub fn Shell() -> impl IntoView {
    let id = EnvironmentId(param("id"));
    let service = param("service");
    crate::parts::page(move |r| async move {
        let shell = r.port().shell(&r.actor, &id, &service).await?;
        Ok(body(&r, &id, &shell))
    })
}

fn body(r: &Reader, id: &EnvironmentId, shell: &ShellView) -> Body {
    let t = r.t;
    let title = t.shell_in(&shell.service);
    let back = format!("/environments/{id}");
    let environment = t.env_number(shell.number);
    let content = view! {
        <p class="shell-where">
            <a href=back>{environment}</a>
            " "
            <span class="quiet">{t.on_engine(&shell.engine)}</span>
        </p>
        {terminal(r, id, shell)}
        {by_hand(r, shell)}
    };
    Body::new(Section::Environments, title, content).crumb("/environments", t.environments_title())
}

fn terminal(r: &Reader, id: &EnvironmentId, shell: &ShellView) -> AnyView {
    let t = r.t;
    if !shell.may {
        return view! { <section class="panel">{only(t, Action::OpenShell)}</section> }.into_any();
    }
    if !shell.running {
        return view! { <section class="panel"><p class="quiet pad">{t.not_running()}</p></section> }.into_any();
    }
    let assets = &r.ctx.assets;
    if assets.shell_js.is_empty() {
        return view! { <section class="panel"><p class="quiet pad">{t.shell_not_built()}</p></section> }.into_any();
    }
    let nonce = leptos::nonce::use_nonce();
    let socket = format!("/environments/{id}/services/{}/shell/socket", crate::parts::encode(&shell.service));
    view! {
        <link rel="stylesheet" href=assets.shell_css.clone()/>
        <section class="panel" data-keep="">
            <div class="panel-head">
                <h2>{t.shell()}</h2>
                <span class="quiet" id="shell-state" role="status">{t.shell_needs()}</span>
                <button type="button" class="btn small" id="shell-again" hidden="">{t.shell_again()}</button>
            </div>
            <div
                id="shell"
                class="terminal-box"
                data-socket=socket
                data-opening=t.shell_opening()
                data-open=t.shell_open()
                data-ended=t.shell_ended()
                data-left=t.shell_left()
                data-idle=t.shell_idle()
                data-too-long=t.shell_too_long()
                data-revoked=t.shell_revoked()
                data-stopping=t.shell_stopping()
                data-refused=t.shell_refused()
            ></div>
            <p class="log-note quiet">{t.shell_note()}</p>
        </section>
        <script defer="" nonce=nonce src=assets.shell_js.clone()></script>
    }
    .into_any()
}

/// For whoever is at the engine's machine, and for pages without scripts.
fn by_hand(r: &Reader, shell: &ShellView) -> AnyView {
    let t = r.t;
    let command = format!("docker exec -it {} /bin/sh", shell.container);
    let copy = command.clone();
    let content = view! {
        <p class="pad-line quiet">{t.shell_by_hand_note()}</p>
        <p class="pad-line row">
            <code class="secret-text">{command}</code>
            <button type="button" class="btn small js" data-copy=copy data-copied=t.copied()>{t.copy()}</button>
        </p>
    };
    view! { <div class="below">{panel(t.shell_by_hand(), (), content)}</div> }.into_any()
}
