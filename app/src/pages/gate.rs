//! Outside the gate: sign-in, set-up; and one's own account.

use super::query;
use crate::context::UiContext;
use crate::parts::{Body, Field, Form, Section, frame_of_problem, page, preferences, public_page, sign_out};
use domain::Problem;
use domain::problem::Noun;
use domain::{Action, Actor};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

/// `/` leads to the builds.
#[component]
pub fn Home() -> impl IntoView {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.insert_header(http::header::LOCATION, http::HeaderValue::from_static("/builds"));
        response.set_status(http::StatusCode::SEE_OTHER);
    }
    public_page(|ctx| {
        let t = ctx.text();
        let content = view! { <h1>{t.slipway()}</h1><p><a href="/builds">{t.way_back()}</a></p> };
        (t.nav_builds().to_owned(), content.into_any())
    })
}

/// No page has this address.
#[component]
pub fn Missing() -> impl IntoView {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(http::StatusCode::NOT_FOUND);
    }
    UiContext::current().map(|ctx| {
        let path = ctx.here.split('?').next().unwrap_or_default().to_owned();
        frame_of_problem(&ctx, &Problem::not_found(Noun::Page, path))
    })
}

/// `POST /login` with `name`, `password`, `next`.
#[component]
pub fn Login() -> impl IntoView {
    let next = query("next").unwrap_or_default();
    public_page(move |ctx| {
        let t = ctx.text();
        let form = Form::new(t, ctx.flash.as_ref(), "/login", None);
        let content = view! {
            <h1>{t.sign_in()}</h1>
            <p class="quiet">{t.sign_in_lead()}</p>
            <form method="post" action="/login" class="stack">
                {form.alert()}
                <input type="hidden" name="next" value=next/>
                {form.input(Field { complete: "username", focus: true, ..Field::text("name", t.name()) })}
                {form.input(Field::password("password", t.password(), "current-password"))}
                <button class="btn primary">{t.sign_in()}</button>
            </form>
            <p class="quiet">{t.no_account()}</p>
        };
        (t.sign_in().to_owned(), content.into_any())
    })
}

/// `POST /setup` with `code`, `name`, `password`.
#[component]
pub fn SetUp() -> impl IntoView {
    let code = query("code");
    public_page(move |ctx| {
        let t = ctx.text();
        let form = Form::new(t, ctx.flash.as_ref(), "/setup", None);
        let content = view! {
            <h1>{t.set_up()}</h1>
            <p class="quiet">{t.set_up_lead()}</p>
            <form method="post" action="/setup" class="stack">
                {form.alert()}
                {form.input(Field { value: code, focus: true, ..Field::text("code", t.set_up_code()) })}
                {form.input(Field { complete: "username", most: Some(40), ..Field::text("name", t.name()) })}
                {form.input(Field { least: Some(10), ..Field::password("password", t.password(), "new-password") }.hint(t.password_hint()))}
                <button class="btn primary">{t.set_up_button()}</button>
            </form>
        };
        (t.set_up().to_owned(), content.into_any())
    })
}

/// One's own account: password, language, theme, and what the role may do.
#[component]
pub fn Account() -> impl IntoView {
    page(|r| async move {
        let t = r.t;
        let form = Form::of(&r, "/do/account/password", None);
        let who = r.actor.person().map(|person| t.signed_in_as(&person.name, t.role(person.role)));
        let may = Action::ALL
            .into_iter()
            .filter(|action| r.may(*action) && !matches!(action, Action::Read))
            .map(|action| view! { <li>{t.action(action)}</li> })
            .collect_view();
        let password = matches!(r.actor, Actor::User { .. }).then(|| {
            view! {
                <section class="panel">
                    <div class="panel-head"><h2>{t.change_password()}</h2></div>
                    <form method="post" action="/do/account/password" class="stack pad">
                        {form.alert()}
                        {form.input(Field::password("old", t.old_password(), "current-password"))}
                        {form.input(Field { least: Some(10), ..Field::password("new", t.new_password(), "new-password") }.hint(t.password_hint()))}
                        <p class="quiet">{t.change_password_note()}</p>
                        <div class="row"><button class="btn go">{t.change_password()}</button></div>
                    </form>
                </section>
            }
        });
        let content = view! {
            <p class="lead-in">{who}</p>
            <div class="two even">
                {password}
                <div class="column">
                    <section class="panel">
                        <div class="panel-head"><h2>{t.preferences()}</h2></div>
                        <div class="pad row">{preferences(&r.ctx)}{sign_out(t)}</div>
                    </section>
                    <section class="panel">
                        <div class="panel-head"><h2>{t.what_you_may()}</h2></div>
                        <ul class="plain pad">{may}</ul>
                    </section>
                </div>
            </div>
        };
        Ok(Body::new(Section::Account, t.account_title(), content))
    })
}
