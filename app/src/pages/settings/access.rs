//! Tokens: what else may come in.

use super::people::roles;
use crate::parts::{Field, Form, Icon, Reader, Tone, chip, panel, when};
use crate::text::Text;
use crate::view::{SettingsView, TokenView};
use chrono::{DateTime, Utc};
use domain::Role;
use leptos::prelude::*;

pub(super) fn tokens(r: &Reader, settings: &SettingsView) -> AnyView {
    let t = r.t;
    let rows = settings.tokens.iter().map(|token| token_row(r, token)).collect_view();
    let list = if settings.tokens.is_empty() {
        view! { <p class="quiet pad">{t.no_tokens()}</p> }.into_any()
    } else {
        view! {
            <table class="cards">
                <thead>
                    <tr>
                        <th scope="col">{t.called()}</th>
                        <th scope="col">{t.col_owner()}</th>
                        <th scope="col">{t.role_word()}</th>
                        <th scope="col">{t.state()}</th>
                        <th scope="col">{t.col_last_used()}</th>
                        <th scope="col" class="end"><span class="sr">{t.col_act()}</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        }
        .into_any()
    };
    let content = view! { <p class="pad-line hint">{t.tokens_help()}</p>{list}{add_token(r, settings)} };
    view! { <div id="tokens">{panel(t.tokens(), (), content)}</div> }.into_any()
}

fn token_row(r: &Reader, token: &TokenView) -> AnyView {
    let t = r.t;
    view! {
        <tr class:past=token.revoked_at.is_some()>
            <td class="c-name"><b>{token.name.clone()}</b></td>
            <td class="c-who" data-label=t.col_owner()>{token.owner_name.clone()}</td>
            <td class="c-role">{t.role(token.role)}</td>
            <td class="c-state">{life(t, token.revoked_at)}</td>
            <td class="c-when" data-label=t.col_last_used()><span class="quiet">{last(r, token.last_used_at)}</span></td>
            <td class="c-act end">{token.revoked_at.is_none().then(|| revoke(r, "/do/tokens/revoke", &token.id.to_string(), &token.name))}</td>
        </tr>
    }
    .into_any()
}

pub(super) fn life(t: Text, revoked_at: Option<DateTime<Utc>>) -> AnyView {
    match revoked_at {
        Some(_) => chip(Tone::Idle, Icon::Minus, t.revoked()),
        None => chip(Tone::Ok, Icon::Check, t.active()),
    }
}

pub(super) fn last(r: &Reader, at: Option<DateTime<Utc>>) -> AnyView {
    match at {
        Some(at) => when(r, at),
        None => view! { {r.t.never()} }.into_any(),
    }
}

pub(super) fn revoke(r: &Reader, action: &'static str, id: &str, name: &str) -> AnyView {
    let form = Form::of(r, action, Some(("id", id)));
    let (id, label) = (id.to_owned(), r.t.revoke_of(name));
    view! {
        <form method="post" action=action>
            {form.alert()}
            <input type="hidden" name="id" value=id/>
            <button class="btn small danger" aria-label=label>{r.t.revoke()}</button>
        </form>
    }
    .into_any()
}

fn add_token(r: &Reader, settings: &SettingsView) -> AnyView {
    let t = r.t;
    let form = Form::of(r, "/do/tokens/add", None);
    let me = r.actor.person().map(|person| person.name.clone());
    let owners: Vec<(String, String)> = settings
        .users
        .iter()
        .filter(|user| !user.disabled)
        .map(|user| (user.name.clone(), format!("{} ({})", user.name, t.role(user.role))))
        .collect();
    let owner = if owners.is_empty() {
        form.input(Field { value: me, ..Field::text("owner", t.col_owner()) })
    } else {
        form.select("owner", t.col_owner(), owners, me.as_deref())
    };
    view! {
        <details class="fold part" open=form.refused()>
            <summary>{t.add_token_title()}</summary>
            <form method="post" action="/do/tokens/add" class="stack">
                {form.alert()}
                <div class="fields">
                    {form.input(Field { most: Some(40), ..Field::text("name", t.token_name()) })}
                    {owner}
                    {form.select("role", t.role_word(), roles(t), Some(Role::Viewer.as_str()))}
                </div>
                <div class="row"><button class="btn go">{t.add_token_button()}</button></div>
            </form>
        </details>
    }
    .into_any()
}
