//! The variables of a region's apps, by name, beside those in the other regions. What they hold
//! stands nowhere.

use crate::parts::{Icon, Reader, Tone, chip, empty, panel, region_title};
use crate::text::Text;
use crate::view::{AppVariables, RegionVariables, VariableRow};
use domain::region_variables::{Beside, RegionOrigin};
use leptos::prelude::*;

/// What the tab holds.
pub(super) fn variables(r: &Reader, all: &RegionVariables) -> AnyView {
    let t = r.t;
    let apps: Vec<&AppVariables> = all.apps.iter().filter(|app| !app.variables.is_empty()).collect();
    if apps.is_empty() {
        let nothing = empty(t.no_variables_here(), view! { <p>{t.no_variables_help()}</p> });
        return view! { <div class="panel">{nothing}</div> }.into_any();
    }
    let panels = apps.into_iter().map(|app| one(r, all, app)).collect_view();
    view! { <p class="lead-in">{t.variables_lead()}</p><div class="column" data-live="variables">{panels}</div> }.into_any()
}

fn one(r: &Reader, all: &RegionVariables, app: &AppVariables) -> AnyView {
    let t = r.t;
    let heads = all.others.iter().map(|other| view! { <th scope="col">{region_title(t, other)}</th> }).collect_view();
    let rows = app.variables.iter().map(|variable| row(t, all, variable)).collect_view();
    let table = view! {
        <div class="sideways" tabindex="0" role="region" aria-label=app.app.clone()>
            <table class="cards">
                <thead>
                    <tr>
                        <th scope="col">{t.col_variable()}</th>
                        <th scope="col">{t.col_origin()}</th>
                        <th scope="col">{t.col_changed_in()}</th>
                        {heads}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    };
    panel(app.app.clone(), (), table)
}

fn row(t: Text, all: &RegionVariables, variable: &VariableRow) -> AnyView {
    let origin = match variable.origin {
        Some(RegionOrigin::App) => view! { <span>{t.app()}</span> }.into_any(),
        Some(RegionOrigin::Region) => view! { <span>{t.origin_region()}</span> }.into_any(),
        None => view! { <span class="quiet">{t.not_here()}</span> }.into_any(),
    };
    let changed = variable
        .changed
        .iter()
        .map(|version| {
            let title = format!("{} · {}", version.at.format("%Y-%m-%d %H:%M UTC"), version.by);
            view! { <span class="tag" title=title>{format!("v{}", version.version)}</span>" " }
        })
        .collect_view();
    let beside = all
        .others
        .iter()
        .zip(&variable.beside)
        .map(|(other, beside)| view! { <td data-label=region_title(t, other)>{beside.map(|beside| word(t, beside))}</td> })
        .collect_view();
    view! {
        <tr>
            <td><code>{variable.name.clone()}</code></td>
            <td data-label=t.col_origin()>{origin}</td>
            <td data-label=t.col_changed_in()>{changed}</td>
            {beside}
        </tr>
    }
    .into_any()
}

fn word(t: Text, beside: Beside) -> AnyView {
    match beside {
        Beside::Same => chip(Tone::Ok, Icon::Check, t.beside_same()),
        Beside::Different => chip(Tone::Wait, Icon::Alert, t.beside_different()),
        Beside::Missing => chip(Tone::Bad, Icon::Minus, t.beside_missing()),
    }
}
