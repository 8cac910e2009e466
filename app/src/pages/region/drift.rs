//! What somebody changed on a Swarm by hand: what is different, and the two ways to make it right.

use super::super::param;
use super::{Guarded, guarded};
use crate::parts::{Body, Form, Icon, Reader, Section, empty, icon, only, panel, region_title, when};
use crate::view::{RegionService, RegionView};
use domain::drift::{Difference, MOST_REPLICAS, Part};
use domain::problem::Noun;
use domain::{Action, Problem};
use leptos::prelude::*;

/// `GET /regions/{region}/{app}/drift`
#[component]
pub fn Drift() -> impl IntoView {
    let (name, app) = (param("region"), param("app"));
    crate::parts::page(move |r| async move {
        let region = r.port().region(&r.actor, &name).await?;
        let service = region.services.iter().find(|service| service.app == app);
        let service = service.ok_or_else(|| Problem::not_found(Noun::App, &app))?;
        let there = region_title(r.t, &region.column.region);
        let title = r.t.drift_title(&app, &there);
        Ok(Body::new(Section::Regions, title, content(&r, &region, service))
            .crumb(format!("/regions/{name}"), there)
            .topics("regions,promotions"))
    })
}

fn content(r: &Reader, region: &RegionView, service: &RegionService) -> AnyView {
    let t = r.t;
    if !service.cell.drifted {
        let back = format!("/regions/{}", region.column.region.name);
        let why = view! { <p>{t.no_drift_help()}</p><p><a class="btn" href=back>{t.to_region()}</a></p> };
        return view! { <div class="panel" data-live="drift">{empty(t.no_drift(), why)}</div> }.into_any();
    }
    let since = service.cell.drift_since.map(|at| view! { <p class="pad-line quiet">{t.drift_since()}" "{when(r, at)}</p> });
    let different = panel(t.what_differs(), (), view! { {since}{differences(r, &service.cell.drift)} });
    view! {
        <p class="lead-in">{t.drift_lead()}</p>
        <div class="two">
            <div class="column" data-live="drift">{different}</div>
            <div class="column">{correct(r, region, service)}{adopt(r, region, service)}</div>
        </div>
    }
    .into_any()
}

fn differences(r: &Reader, differences: &[Difference]) -> AnyView {
    let t = r.t;
    if differences.is_empty() {
        return view! { <p class="pad">{t.drift_unknown()}</p> }.into_any();
    }
    let rows = differences
        .iter()
        .map(|one| {
            let (wanted, seen) = (one.wanted.clone(), one.seen.clone());
            let names = matches!(one.part, Part::Environment | Part::Secrets)
                .then(|| view! { <span class="about">{t.only_names()}</span> });
            view! {
                <tr>
                    <td><b>{t.drift_part(one.part)}</b>{names}</td>
                    <td data-label=t.col_wanted()><code>{wanted}</code></td>
                    <td data-label=t.col_seen()><code>{seen}</code></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{t.col_part()}</th>
                    <th scope="col">{t.col_wanted()}</th>
                    <th scope="col">{t.col_seen()}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn correct(r: &Reader, region: &RegionView, service: &RegionService) -> AnyView {
    let t = r.t;
    if !region.may.contains(&Action::CorrectRegion) {
        return panel(t.correct_title(), (), only(t, Action::CorrectRegion));
    }
    let form = Form::of(r, "/do/regions/correct", None);
    let of = Guarded {
        action: "/do/regions/correct",
        subject: ("app", &service.app),
        hidden: vec![("region", region.column.region.name.clone())],
        fields: ().into_any(),
        app: &service.app,
        password: region.password_needed,
        button: t.correct_button(),
        hint: t.correct_help(),
    };
    panel(t.correct_title(), (), guarded(r, &form, of))
}

/// Only what a configuration can say can be adopted; of anything else it is said why not.
fn adopt(r: &Reader, region: &RegionView, service: &RegionService) -> AnyView {
    let t = r.t;
    let drift = &service.cell.drift;
    let adoptable = |one: &Difference| one.part == Part::Replicas && one.seen.as_deref().is_some_and(is_possible);
    let beyond: Vec<&str> = drift.iter().filter(|one| !adoptable(one)).map(|one| t.drift_part(one.part)).collect();
    let replicas = drift.iter().find(|one| adoptable(one)).and_then(|one| one.seen.clone());
    let Some(replicas) = replicas.filter(|_| beyond.is_empty()) else {
        let why = if beyond.is_empty() { t.drift_unknown().to_owned() } else { t.not_adoptable(&beyond.join(", ")) };
        let why = view! { <p class="only">{icon(Icon::Lock)}<span>{why}</span></p> };
        return panel(t.adopt_title(), (), why);
    };
    if !region.may.contains(&Action::CorrectRegion) {
        return panel(t.adopt_title(), (), only(t, Action::CorrectRegion));
    }
    let form = Form::of(r, "/do/regions/adopt", None);
    let of = Guarded {
        action: "/do/regions/adopt",
        subject: ("app", &service.app),
        hidden: vec![("region", region.column.region.name.clone()), ("replicas", replicas)],
        fields: ().into_any(),
        app: &service.app,
        password: region.password_needed,
        button: t.adopt_button(),
        hint: t.adopt_help(),
    };
    panel(t.adopt_title(), (), guarded(r, &form, of))
}

/// Whether a region can have so many replicas.
fn is_possible(replicas: &str) -> bool {
    replicas.parse().is_ok_and(|replicas: u32| (1..=MOST_REPLICAS).contains(&replicas))
}
