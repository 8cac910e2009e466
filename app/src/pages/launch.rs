//! The launch form: stack, builds, variables, engine and lease, each with its default.

mod variables;

pub(super) use variables::panels;

use super::{param, query};
use crate::parts::{
    Body, Field, Form, Icon, Reader, Section, icon, only, panel, path_with, region_title, release_first, short_digest, text_area,
};
use crate::text::Text;
use crate::view::{BuildRow, EnvironmentBuild, LaunchApp, LaunchAsk, LaunchForm};
use domain::Action;
use domain::id::{BuildId, EnvironmentId};
use domain::lease::MOST_LEASE_HOURS;
use domain::release_set::{BuildChoice, Chosen};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

const MOST_VARIABLES: u32 = 20_000;

/// `GET /builds/{id}/launch?stack=&preset=&from=`
#[component]
pub fn Launch() -> impl IntoView {
    let id = BuildId(param("id"));
    // An empty preset in the address is the choice of none, so it is told from an absent one.
    let preset = use_query_map().with_untracked(|query| query.get("preset"));
    let ask = LaunchAsk { stack: query("stack"), preset, from: query("from").map(EnvironmentId) };
    crate::parts::page(move |r| async move {
        let form = r.port().launch_form(&r.actor, &id, ask).await?;
        Ok(body(&r, &form))
    })
}

fn body(r: &Reader, form: &LaunchForm) -> Body {
    let t = r.t;
    let name = format!("{} {}", form.build.app, release_first(&form.build));
    let fields = if r.may(Action::LaunchEnvironment) {
        view! { {again(r, form)}{fields(r, form)} }.into_any()
    } else {
        panel(t.launch(), (), only(t, Action::LaunchEnvironment))
    };
    let content = view! {
        <div class="two">
            <div class="column">{fields}</div>
            <div class="column">
                <p class="hint">{t.variables_preview()}</p>
                {panels(t, &form.services)}
            </div>
        </div>
    };
    Body::new(Section::Builds, t.launch_page_title(&name), content).crumb("/builds", t.builds_title())
}

/// What everything else depends on: choosing another shows the form anew.
fn again(r: &Reader, form: &LaunchForm) -> AnyView {
    let t = r.t;
    let option = |value: String, word: String, chosen: bool| view! { <option value=value selected=chosen>{word}</option> };
    let stacks = form.stacks.iter().map(|name| option(name.clone(), name.clone(), *name == form.stack)).collect_view();
    let none = option(String::new(), t.preset_none().to_owned(), form.preset.is_none());
    let presets = form
        .presets
        .iter()
        .map(|region| option(region.name.clone(), region_title(t, region), form.preset.as_ref() == Some(&region.name)))
        .collect_view();
    let from = form.from.as_ref().map(|from| {
        let href = format!("/environments/{}", from.id);
        view! {
            <input type="hidden" name="from" value=from.id.to_string()/>
            <p class="hint">{t.cloned_from()}" "<a href=href>{t.env_number(from.number)}</a></p>
        }
    });
    let content = view! {
        <form method="get" action=format!("/builds/{}/launch", form.build.id) class="pad stack">
            {from}
            <div class="launch-row">
                <div class="field">
                    <label for="launch-stack">{t.stack()}</label>
                    <select id="launch-stack" name="stack" data-send="">{stacks}</select>
                </div>
                <div class="field">
                    <label for="launch-preset">{t.preset()}</label>
                    <select id="launch-preset" name="preset" data-send="">{none}{presets}</select>
                </div>
                <button class="btn">{t.launch_show()}</button>
            </div>
            <p class="hint">{t.preset_hint()}</p>
        </form>
    };
    panel(t.stack_and_preset(), (), content)
}

fn fields(r: &Reader, launch: &LaunchForm) -> AnyView {
    let t = r.t;
    let id = launch.build.id.to_string();
    let form = Form::of(r, "/do/environments/launch", Some(("build", &id)));
    let lease = Field::number("lease_hours", t.lease_hours(), 1, MOST_LEASE_HOURS, launch.lease_hours);
    let apps = launch.apps.iter().map(|app| choice(r, &form, app)).collect_view();
    let engine = (launch.engines.len() > 1).then(|| {
        let any = [(String::new(), t.engine_any().to_owned())];
        let engines = any.into_iter().chain(launch.engines.iter().map(|name| (name.clone(), name.clone()))).collect();
        form.select("engine", t.engine_choice(), engines, launch.engine.as_deref())
    });
    let hidden = launch.from.as_ref().map(|from| {
        let names = from.hidden.join(", ");
        let told =
            (!names.is_empty()).then(|| view! { <p class="hint">{t.given_hidden(&names, &t.env_number(from.number))}</p> });
        view! { <input type="hidden" name="hidden_from" value=from.id.to_string()/>{told} }
    });
    let check = (!launch.checks.is_empty()).then(|| {
        let none = [(String::new(), t.check_none().to_owned())];
        let checks = none.into_iter().chain(launch.checks.iter().map(|name| (name.clone(), name.clone()))).collect();
        form.select("check", t.check(), checks, launch.check.as_deref())
    });
    let given = form.value("variables").unwrap_or_else(|| launch.given.clone());
    let area = form.id("variables");
    let content = view! {
        <form method="post" action="/do/environments/launch" class="pad stack">
            {form.alert()}
            <input type="hidden" name="build" value=id.clone()/>
            <input type="hidden" name="stack" value=launch.stack.clone()/>
            <input type="hidden" name="preset" value=launch.preset.clone().unwrap_or_default()/>
            {tested(t, &launch.build)}
            {apps}
            <div class="field">
                <label for=area.clone()>{t.given_variables()}</label>
                {text_area(area.clone(), "variables", 4, MOST_VARIABLES, false, &given)}
                <span id=format!("{area}-hint") class="hint">{t.given_hint()}</span>
            </div>
            {hidden}
            <div class="fields">{engine}{check}{form.input(lease.hint(t.lease_hint(MOST_LEASE_HOURS)))}</div>
            <div class="row"><button class="btn primary">{icon(Icon::Play)}{t.launch_button()}</button></div>
        </form>
    };
    panel(t.release_set(), view! { <span class="quiet">{t.release_set_help()}</span> }, content)
}

/// The build that the launch is for.
fn tested(t: Text, build: &BuildRow) -> AnyView {
    let href = format!("/builds/{}", build.id);
    let (app, name) = (build.app.clone(), release_first(build));
    view! {
        <div class="field">
            <span class="label">{app}" "<span class="quiet">{t.under_test()}</span></span>
            <span><a href=href><code>{name}</code></a>" "{short_digest(&build.digest)}</span>
        </div>
    }
    .into_any()
}

/// The build of one other app.
fn choice(r: &Reader, form: &Form, app: &LaunchApp) -> AnyView {
    let t = r.t;
    let name = format!("builds[{}]", app.app);
    let id = form.id(&format!("builds-{}", app.app));
    let chosen = form.value(&name).or_else(|| app.chosen.as_ref().map(BuildChoice::word)).unwrap_or_default();
    let option = |value: String, word: String| {
        let selected = value == chosen;
        view! { <option value=value selected=selected>{word}</option> }
    };
    let default = match &app.default {
        Some(build) => format!("{}: {}", t.choice_default(), how(t, build)),
        None => t.choice_none().to_owned(),
    };
    let channels = app
        .channels
        .iter()
        .map(|channel| option(BuildChoice::Channel(channel.clone()).word(), t.choice_newest_of(channel)))
        .collect_view();
    let recent =
        app.recent.iter().map(|build| option(BuildChoice::Build(build.id.clone()).word(), build_words(r, build))).collect_view();
    let label = app.app.clone();
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select id=id name=name>
                {option(String::new(), default)}
                <optgroup label=t.choice_channels()>{channels}</optgroup>
                <optgroup label=t.choice_recent()>{recent}</optgroup>
            </select>
        </div>
    }
    .into_any()
}

/// `dev 3f2a9c01b7de (newest of dev)`
fn how(t: Text, build: &EnvironmentBuild) -> String {
    let tag = build.tag.as_ref().map(|tag| format!("{tag} ")).unwrap_or_default();
    format!("{tag}{} ({})", build.digest.short(), chosen_word(t, &build.chosen))
}

/// How a build came into its set.
pub(super) fn chosen_word(t: Text, chosen: &Chosen) -> String {
    match chosen {
        Chosen::UnderTest => t.under_test().to_owned(),
        Chosen::Newest => t.chosen_newest().to_owned(),
        Chosen::NewestOf(channel) => t.chosen_newest_of(channel),
        Chosen::Exact => t.chosen_exact().to_owned(),
    }
}

/// `dev · 3f2a9c01b7de · 2 h ago · pass`: a build in one line of a list.
pub(super) fn build_words(r: &Reader, build: &BuildRow) -> String {
    let t = r.t;
    let at = t.relative((r.now() - build.built_at.unwrap_or(build.seen_at)).num_seconds());
    let standing = if build.standing.quarantined() {
        t.quarantined()
    } else if build.standing.passed() {
        t.verdict_pass()
    } else if build.standing.blocked > 0 {
        t.verdict_blocked()
    } else {
        t.untested()
    };
    format!("{} · {} · {at} · {standing}", release_first(build), build.digest.short())
}

/// The address of the form with the choices of an environment.
pub(super) fn clone_path(build: &BuildId, from: &EnvironmentId) -> String {
    path_with(&format!("/builds/{build}/launch"), &[("from", Some(from.as_str()))])
}
