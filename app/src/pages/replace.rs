//! Putting another build in the place of one that runs in an environment.

use super::launch::{build_words, chosen_word};
use super::param;
use crate::parts::{Body, Form, Icon, Reader, Section, environment_chip, icon, only, panel, short_digest};
use crate::text::Text;
use crate::view::{EnvironmentBuild, LaunchApp, ReplaceForm};
use domain::Action;
use domain::id::EnvironmentId;
use domain::lease::EnvironmentState;
use leptos::prelude::*;

/// `GET /environments/{id}/replace`
#[component]
pub fn Replace() -> impl IntoView {
    let id = EnvironmentId(param("id"));
    crate::parts::page(move |r| async move {
        let form = r.port().replace_form(&r.actor, &id).await?;
        Ok(body(&r, &form))
    })
}

fn body(r: &Reader, form: &ReplaceForm) -> Body {
    let t = r.t;
    let row = &form.environment;
    let open = matches!(row.state, EnvironmentState::Running | EnvironmentState::Failed);
    let content = if !r.may(Action::LaunchEnvironment) {
        panel(t.replace(), (), only(t, Action::LaunchEnvironment))
    } else if !open {
        panel(t.replace(), (), view! { <p class="quiet pad">{t.replace_not_now()}</p> })
    } else {
        let apps = form.apps.iter().map(|app| one(r, form, app)).collect_view();
        view! { <div class="column"><p class="hint">{t.replace_help()}</p>{apps}</div> }.into_any()
    };
    let back = format!("/environments/{}", row.id);
    let number = t.env_number(row.number);
    Body::new(Section::Environments, t.replace_title(&number), content)
        .crumb("/environments", t.environments_title())
        .beside(environment_chip(t, row.state))
        .act(view! { <a class="btn" href=back>{icon(Icon::Back)}{number}</a> })
}

/// What runs of one app now, and what could.
fn one(r: &Reader, replace: &ReplaceForm, app: &LaunchApp) -> AnyView {
    let t = r.t;
    let present = app.default.as_ref();
    let others: Vec<(String, String)> = app
        .recent
        .iter()
        .filter(|build| present.is_none_or(|now| now.build != build.id))
        .map(|build| (build.id.to_string(), build_words(r, build)))
        .collect();
    let beside = present.map(|build| now(r, build));
    if others.is_empty() {
        return panel(app.app.clone(), beside, view! { <p class="quiet pad">{t.choice_none()}</p> });
    }
    // A refusal is shown at the app that was meant.
    let refused = r.ctx.flash.as_ref().and_then(|flash| flash.field("build"));
    let mine = refused.is_none_or(|given| others.iter().any(|(id, _)| id == given));
    let form = Form::new(t, r.ctx.flash.as_ref().filter(|_| mine), "/do/environments/replace", None);
    let label = format!("replace-{}", app.app);
    let options = others.into_iter().map(|(id, words)| view! { <option value=id>{words}</option> }).collect_view();
    let content = view! {
        <form method="post" action="/do/environments/replace" class="pad stack">
            {form.alert()}
            <input type="hidden" name="id" value=replace.environment.id.to_string()/>
            <div class="replace-row">
                <div class="field">
                    <label for=label.clone()>{t.replace_choose()}</label>
                    <select id=label name="build">{options}</select>
                </div>
                <button class="btn go">{icon(Icon::Turning)}{t.replace()}</button>
            </div>
            {volumes(t, &replace.volumes)}
        </form>
    };
    panel(app.app.clone(), beside, content)
}

/// Whether their content stays is asked only where there is any.
fn volumes(t: Text, names: &[String]) -> Option<AnyView> {
    let names = (!names.is_empty()).then(|| names.join(", "))?;
    let content = view! {
        <label class="answer">
            <input type="checkbox" name="keep_volumes" value="true"/>
            <span class="answer-text">{t.replace_keep(&names)}<span class="about">{t.replace_keep_about()}</span></span>
        </label>
    };
    Some(content.into_any())
}

fn now(r: &Reader, build: &EnvironmentBuild) -> AnyView {
    let name = build.tag.clone().unwrap_or_default();
    let chosen = chosen_word(r.t, &build.chosen);
    view! { <span class="quiet">{name}" "{short_digest(&build.digest)}" · "{chosen}</span> }.into_any()
}
