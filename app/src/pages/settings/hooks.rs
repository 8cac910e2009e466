//! Hooks: where builders call, and how each is set up.

use super::access::{last, life, revoke};
use crate::pages::param;
use crate::parts::{Body, Field, Form, Icon, Reader, Section, fact, icon, panel, path_with, when};
use crate::text::Text;
use crate::view::{HookPage, HookView, SettingsView, SourceView};
use domain::Action;
use domain::id::HookId;
use leptos::prelude::*;

pub(super) fn hooks(r: &Reader, settings: &SettingsView) -> AnyView {
    let t = r.t;
    let rows = settings.hooks.iter().map(|hook| hook_row(r, hook)).collect_view();
    let list = if settings.hooks.is_empty() {
        view! { <p class="quiet pad">{t.no_hooks()}</p> }.into_any()
    } else {
        view! {
            <table class="cards">
                <thead>
                    <tr>
                        <th scope="col">{t.called()}</th>
                        <th scope="col">{t.col_source()}</th>
                        <th scope="col">{t.state()}</th>
                        <th scope="col">{t.col_last_success()}</th>
                        <th scope="col">{t.col_last_delivery()}</th>
                        <th scope="col" class="end"><span class="sr">{t.col_act()}</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        }
        .into_any()
    };
    let deliveries = settings
        .may
        .contains(&Action::SeeDeliveries)
        .then(|| view! { <a class="beside-link" href="/settings/deliveries">{t.deliveries_link()}</a> });
    let content = view! { <p class="pad-line hint">{t.hooks_help()}</p>{list}{add_hook(r, &settings.sources)} };
    view! { <div id="hooks">{panel(t.hooks(), deliveries, content)}</div> }.into_any()
}

fn hook_row(r: &Reader, hook: &HookView) -> AnyView {
    let t = r.t;
    let href = format!("/settings/hooks/{}", hook.id);
    view! {
        <tr class:past=hook.revoked_at.is_some()>
            <td class="c-name"><a href=href><b>{hook.name.clone()}</b></a></td>
            <td class="c-source">{hook.source_title.clone()}</td>
            <td class="c-state">{life(t, hook.revoked_at)}</td>
            <td class="c-when" data-label=t.col_last_success()><span class="quiet">{last(r, hook.last_success_at)}</span></td>
            <td class="c-when" data-label=t.col_last_delivery()><span class="quiet">{last(r, hook.last_delivery_at)}</span></td>
            <td class="c-act end">{hook.revoked_at.is_none().then(|| revoke(r, "/do/hooks/revoke", &hook.id.to_string(), &hook.name))}</td>
        </tr>
    }
    .into_any()
}

fn add_hook(r: &Reader, sources: &[SourceView]) -> AnyView {
    let t = r.t;
    let form = Form::of(r, "/do/hooks/add", None);
    let choices = sources.iter().map(|source| (source.word.clone(), source.title.clone())).collect();
    let titles = |wanted: fn(&SourceView) -> bool| {
        let titles: Vec<&str> = sources.iter().filter(|source| wanted(source)).map(|source| source.title.as_str()).collect();
        titles.join(", ")
    };
    let registry = Field { required: false, ..Field::text("registry", t.hook_registry()) };
    let registry = registry.hint(t.hook_registry_hint(&titles(|source| source.needs_registry)));
    let secret = Field { required: false, ..Field::password("secret", t.hook_secret(), "off") };
    let secret = secret.hint(t.hook_secret_hint());
    view! {
        <details class="fold part" open=form.refused()>
            <summary>{t.add_hook_title()}</summary>
            <form method="post" action="/do/hooks/add" class="stack">
                {form.alert()}
                <div class="fields">
                    {form.input(Field { most: Some(40), ..Field::text("name", t.hook_name()) })}
                    {form.select("source", t.col_source(), choices, None)}
                    {form.input(registry)}
                    {form.input(secret)}
                </div>
                <div class="row"><button class="btn go">{t.add_hook_button()}</button></div>
            </form>
        </details>
    }
    .into_any()
}

/// `GET /settings/hooks/{id}`
#[component]
pub fn Hook() -> impl IntoView {
    let id = HookId(param("id"));
    crate::parts::page(move |r| async move {
        let page = r.port().hook(&r.actor, &id).await?;
        let content = view! {
            <div class="two">
                <div class="column">{snippet(&r, &page)}{secret(&r, &page)}</div>
                <div class="column" data-live="facts">{facts(&r, &page)}</div>
            </div>
        };
        let inbox = path_with("/settings/deliveries", &[("hook", Some(page.hook.id.as_str()))]);
        let inbox = view! { <a class="btn" href=inbox>{r.t.deliveries_link()}</a> };
        Ok(Body::new(Section::Settings, page.hook.name.clone(), content)
            .crumb("/settings#hooks", r.t.hooks())
            .act(inbox)
            .topics("settings,deliveries"))
    })
}

fn snippet(r: &Reader, page: &HookPage) -> AnyView {
    let t = r.t;
    let form = Form::of(r, "/do/hooks/reveal", Some(("id", page.hook.id.as_str())));
    let id = page.hook.id.to_string();
    let reveal = page.can_reveal.then(|| {
        view! {
            <form method="post" action="/do/hooks/reveal" class="pad-line">
                {form.alert()}
                <input type="hidden" name="id" value=id/>
                <button class="btn">{icon(Icon::Lock)}{t.hook_reveal()}</button>
                <p class="hint">{t.hook_reveal_hint()}</p>
            </form>
        }
    });
    let text = page.snippet.clone();
    let content = view! {
        <p class="pad-line hint">{t.hook_snippet_help(&page.hook.source_title)}</p>
        <pre class="file" tabindex="0">{text}</pre>
        {reveal}
    };
    panel(t.hook_snippet(), (), content)
}

fn secret(r: &Reader, page: &HookPage) -> AnyView {
    if !page.takes_secret || page.hook.revoked_at.is_some() {
        return ().into_any();
    }
    let t = r.t;
    let form = Form::of(r, "/do/hooks/rotate", Some(("id", page.hook.id.as_str())));
    let id = page.hook.id.to_string();
    let own = Field { required: false, ..Field::password("secret", t.hook_own_secret(), "off") }.hint(t.hook_own_secret_hint());
    let content = view! {
        <p class="pad-line hint">{t.hook_rotate_help()}</p>
        <form method="post" action="/do/hooks/rotate" class="stack pad">
            {form.alert()}
            <input type="hidden" name="id" value=id/>
            <div class="fields">{form.input(own)}</div>
            <div class="row"><button class="btn">{t.hook_rotate()}</button></div>
        </form>
    };
    panel(t.hook_secret(), (), content)
}

fn facts(r: &Reader, page: &HookPage) -> AnyView {
    let t = r.t;
    let hook = &page.hook;
    let registry = hook.registry.clone().map(|registry| fact(t.hook_registry(), view! { <code>{registry}</code> }));
    let content = view! {
        <dl class="facts">
            {fact(t.col_source(), hook.source_title.clone())}
            {fact(t.state(), life(t, hook.revoked_at))}
            {fact(t.col_address(), view! { <code class="cut">{page.masked_url.clone()}</code> })}
            {registry}
            {fact(t.hook_secrets(), secrets_words(r, hook))}
            {fact(t.col_last_success(), last(r, hook.last_success_at))}
            {fact(t.col_last_delivery(), last(r, hook.last_delivery_at))}
            {fact(t.col_added(), when(r, hook.created_at))}
        </dl>
    };
    panel(t.facts(), (), content)
}

fn secrets_words(r: &Reader, hook: &HookView) -> AnyView {
    let t: Text = r.t;
    match (hook.secrets, hook.old_secret_until) {
        (0, _) => view! { {t.hook_no_secret()} }.into_any(),
        (_, Some(until)) => view! { {t.hook_two_secrets()}" "{when(r, until)} }.into_any(),
        (_, None) => view! { {t.hook_one_secret()} }.into_any(),
    }
}
