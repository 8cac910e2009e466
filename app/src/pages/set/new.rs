//! The form for a new promotion set: one build for each app, in an order, to the same regions.

use super::super::build::waves;
use super::super::launch::build_words;
use super::super::query;
use crate::parts::{Body, Choice, Form, Reader, Section, only, panel, region_title};
use crate::view::{SetForm, SetFormApp};
use domain::Action;
use domain::id::EnvironmentId;
use domain::promotion::set::LEAST_MEMBERS;
use leptos::prelude::*;

/// `GET /promotions/sets/new?from=`
#[component]
pub fn NewSet() -> impl IntoView {
    let from = query("from").map(EnvironmentId);
    crate::parts::page(move |r| async move {
        let form = r.port().set_form(&r.actor, from).await?;
        Ok(body(&r, &form))
    })
}

fn body(r: &Reader, set: &SetForm) -> Body {
    let t = r.t;
    let apps = set.apps.iter().filter(|app| !app.builds.is_empty()).count();
    let content = if !r.may(Action::RequestPromotion) {
        panel(t.new_set_title(), (), only(t, Action::RequestPromotion))
    } else if apps < LEAST_MEMBERS {
        panel(t.new_set_title(), (), view! { <p class="quiet pad">{t.set_no_apps()}</p> })
    } else if set.regions.is_empty() {
        panel(t.new_set_title(), (), view! { <p class="quiet pad">{t.no_regions()}</p> })
    } else {
        fields(r, set)
    };
    Body::new(Section::Promotions, t.new_set_title(), content).crumb("/promotions", t.promotions_title())
}

fn fields(r: &Reader, set: &SetForm) -> AnyView {
    let t = r.t;
    let form = Form::of(r, "/do/sets/request", None);
    let choosable = set.apps.iter().filter(|app| !app.builds.is_empty());
    let apps = choosable.zip(1_u32..).map(|(app, place)| app_fields(r, &form, app, place)).collect_view();
    let regions = set
        .regions
        .iter()
        .enumerate()
        .map(|(place, region)| Choice {
            value: region.name.clone(),
            word: view! { <span><span class="place">{place + 1}</span><b>{region_title(t, region)}</b></span> }.into_any(),
            about: String::new(),
            chosen: false,
        })
        .collect();
    let from = set.from.as_ref().map(|from| {
        let href = format!("/environments/{}", from.id);
        view! { <p class="hint">{t.set_from()}" "<a href=href>{t.env_number(from.number)}</a></p> }
    });
    let content = view! {
        <form method="post" action="/do/sets/request" class="stack pad">
            {form.alert()}
            <fieldset class="field stack">
                <legend>{t.set_builds()}</legend>
                <p class="hint">{t.set_builds_help()}</p>
                {from}
                {apps}
                {form.hint("builds", "")}
            </fieldset>
            {form.checks("regions", t.regions_in_order(), regions)}
            {waves(t, &form, set.regions.iter())}
            {form.area("reason", t.promotion_reason(), t.promotion_reason_hint(), true)}
            <div class="row"><button class="btn go">{t.set_request_button()}</button><span class="hint">{t.set_request_help()}</span></div>
        </form>
    };
    panel(t.new_set_title(), (), content)
}

/// One app: its place, and the build of it.
fn app_fields(r: &Reader, form: &Form, app: &SetFormApp, place: u32) -> AnyView {
    let t = r.t;
    let (order, build) = (format!("order[{}]", app.app), format!("builds[{}]", app.app));
    let (order_id, build_id) = (form.id(&format!("order-{}", app.app)), form.id(&format!("builds-{}", app.app)));
    let place = form.value(&order).unwrap_or_else(|| place.to_string());
    let chosen = form.value(&build).or_else(|| app.chosen.as_ref().map(ToString::to_string)).unwrap_or_default();
    let option = |value: String, word: String| {
        let selected = value == chosen;
        view! { <option value=value selected=selected>{word}</option> }
    };
    let builds = app.builds.iter().map(|row| option(row.id.to_string(), build_words(r, row))).collect_view();
    view! {
        <div class="set-row">
            <div class="field">
                <label for=order_id.clone()>{t.set_order_of(&app.app)}</label>
                <input id=order_id name=order type="number" min="1" max="99" value=place/>
            </div>
            <div class="field">
                <label for=build_id.clone()>{t.set_build_of(&app.app)}</label>
                <select id=build_id name=build>
                    {option(String::new(), t.set_leave_out().to_owned())}
                    {builds}
                </select>
            </div>
        </div>
    }
    .into_any()
}
