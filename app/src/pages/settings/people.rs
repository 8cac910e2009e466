//! People: who there is, their roles, and the forms that change them.

use crate::parts::{Field, Form, Icon, Reader, Tone, chip, panel, when};
use crate::text::Text;
use crate::view::{SettingsView, UserView};
use domain::Role;
use leptos::prelude::*;

pub(super) fn people(r: &Reader, settings: &SettingsView) -> AnyView {
    let t = r.t;
    let rows = settings.users.iter().map(|user| row(r, user)).collect_view();
    let content = view! {
        <p class="pad-line hint">{t.people_help()}</p>
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{t.name()}</th>
                    <th scope="col">{t.role_word()}</th>
                    <th scope="col">{t.state()}</th>
                    <th scope="col" class="num">{t.col_sessions()}</th>
                    <th scope="col">{t.col_added()}</th>
                    <th scope="col" class="end"><span class="sr">{t.col_act()}</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
        {add(r)}
    };
    view! { <div id="people">{panel(t.people(), (), content)}</div> }.into_any()
}

fn row(r: &Reader, user: &UserView) -> AnyView {
    let t = r.t;
    let me = r.actor.person().is_some_and(|person| person.id == user.id);
    let state = if user.disabled { chip(Tone::Idle, Icon::Minus, t.disabled()) } else { chip(Tone::Ok, Icon::Check, t.active()) };
    let you = me.then(|| view! { <span class="quiet">{t.you()}</span> });
    view! {
        <tr>
            <td class="c-name"><b>{user.name.clone()}</b>" "{you}</td>
            <td class="c-role"><span title=t.about_role(user.role)>{t.role(user.role)}</span></td>
            <td class="c-state">{state}</td>
            <td class="c-num num" data-label=t.col_sessions()>{user.sessions}</td>
            <td class="c-when" data-label=t.col_added()><span class="quiet">{when(r, user.created_at)}</span></td>
            <td class="c-act end">{change(r, user)}</td>
        </tr>
    }
    .into_any()
}

/// Role, password and access of one person, folded.
fn change(r: &Reader, user: &UserView) -> AnyView {
    let t = r.t;
    let id = user.id.to_string();
    let subject = Some(("id", id.as_str()));
    let role = Form::of(r, "/do/people/role", subject);
    let password = Form::of(r, "/do/people/password", subject);
    let access = Form::of(r, "/do/people/disable", subject);
    let refused = role.refused() || password.refused() || access.refused();
    let field = Field { least: Some(10), ..Field::password("password", t.set_password_of(&user.name), "new-password") };
    let turn = if user.disabled { t.enable() } else { t.disable() };
    view! {
        <details class="menu" open=refused>
            <summary class="btn small" aria-label=t.manage_of(&user.name)>{t.change()}</summary>
            <div class="menu-box">
                <form method="post" action="/do/people/role" class="stack">
                    {role.alert()}
                    <input type="hidden" name="id" value=id.clone()/>
                    {role.select("role", &t.set_role_of(&user.name), roles(t), Some(user.role.as_str()))}
                    <button class="btn small">{t.set_role()}</button>
                </form>
                <form method="post" action="/do/people/password" class="stack">
                    {password.alert()}
                    <input type="hidden" name="id" value=id.clone()/>
                    {password.input(field.hint(t.password_hint()))}
                    <button class="btn small">{t.set_password()}</button>
                </form>
                <form method="post" action="/do/people/disable" class="stack">
                    {access.alert()}
                    <input type="hidden" name="id" value=id.clone()/>
                    <input type="hidden" name="disabled" value=if user.disabled { "false" } else { "true" }/>
                    <button class="btn small" class:danger=!user.disabled>{turn}" "{user.name.clone()}</button>
                </form>
            </div>
        </details>
    }
    .into_any()
}

/// Each role and what it is trusted with.
pub(super) fn roles(t: Text) -> Vec<(String, String)> {
    Role::ALL.into_iter().map(|role| (role.as_str().to_owned(), format!("{} — {}", t.role(role), t.about_role(role)))).collect()
}

fn add(r: &Reader) -> AnyView {
    let t = r.t;
    let form = Form::of(r, "/do/people/add", None);
    let password = Field { least: Some(10), ..Field::password("password", t.password(), "new-password") };
    view! {
        <details class="fold part" open=form.refused()>
            <summary>{t.add_user_title()}</summary>
            <form method="post" action="/do/people/add" class="stack">
                {form.alert()}
                <div class="fields">
                    {form.input(Field { most: Some(40), ..Field::text("name", t.name()) })}
                    {form.select("role", t.role_word(), roles(t), Some(Role::Tester.as_str()))}
                    {form.input(password.hint(t.password_hint()))}
                </div>
                <div class="row"><button class="btn go">{t.add_user_button()}</button></div>
            </form>
        </details>
    }
    .into_any()
}
