//! The secrets of a region's services: which are set, and two forms. What they hold stands nowhere.

use crate::parts::{Field, Form, Icon, Reader, Tone, chip, empty, panel, when};
use crate::view::{AppSecrets, RegionSecret, RegionSecrets};
use domain::Action;
use domain::region_secrets::SecretState;
use leptos::prelude::*;

/// What the tab holds.
pub(super) fn secrets(r: &Reader, all: &RegionSecrets) -> AnyView {
    let t = r.t;
    if all.apps.is_empty() {
        let nothing = empty(t.no_region_secrets(), view! { <p>{t.no_region_secrets_help()}</p> });
        return view! { <div class="panel">{nothing}</div> }.into_any();
    }
    let panels = all.apps.iter().map(|app| one(r, &all.region.name, app)).collect_view();
    view! { <p class="lead-in">{t.region_secrets_lead()}</p><div class="column" data-live="secrets">{panels}</div> }.into_any()
}

fn one(r: &Reader, region: &str, app: &AppSecrets) -> AnyView {
    let t = r.t;
    let may = r.may(Action::SetRegionSecrets);
    let rows = app.secrets.iter().map(|secret| row(r, (region, &app.app), secret, may)).collect_view();
    let act = may.then(|| view! { <th scope="col" class="end"><span class="sr">{t.col_act()}</span></th> });
    let content = view! {
        <table class="cards lines">
            <thead>
                <tr>
                    <th scope="col">{t.col_secret()}</th>
                    <th scope="col">{t.state()}</th>
                    <th scope="col">{t.col_secret_changed()}</th>
                    {act}
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
        {may.then(|| set(r, region, app))}
    };
    panel(app.app.clone(), (), content)
}

fn row(r: &Reader, (region, app): (&str, &str), secret: &RegionSecret, may: bool) -> AnyView {
    let t = r.t;
    let (tone, sign) = match secret.state {
        _ if !secret.named => (Tone::Idle, Icon::Minus),
        SecretState::Missing => (Tone::Bad, Icon::Alert),
        SecretState::Unused | SecretState::Newer => (Tone::Wait, Icon::Clock),
        SecretState::Given => (Tone::Ok, Icon::Check),
    };
    let named = t.secret_state(secret.state);
    let (word, about) = if secret.named { named } else { (t.secret_not_used(), t.secret_not_named()) };
    let about = (!about.is_empty()).then(|| view! { <p class="about">{about}</p> });
    let other = secret.runs.filter(|runs| secret.version != Some(*runs)).map(|runs| t.secret_runs_with(runs));
    let versions: Vec<String> = secret.version.map(|version| t.secret_version(version)).into_iter().chain(other).collect();
    let changed_label = secret.changed_at.map(|_| t.col_secret_changed());
    let changed = secret.changed_at.map(|at| view! { <span class="quiet">{when(r, at)}</span> });
    let by = secret.changed_by.clone().map(|by| view! { <p class="about">{by}</p> });
    let act = may.then(|| {
        let remove = secret.version.map(|_| remove(r, (region, app), secret));
        view! { <td class="c-act end">{remove}</td> }
    });
    view! {
        <tr>
            <td><code>{secret.name.clone()}</code><p class="about">{versions.join(" · ")}</p></td>
            <td>{chip(tone, sign, word)}{about}</td>
            <td data-label=changed_label>{changed}{by}</td>
            {act}
        </tr>
    }
    .into_any()
}

/// The button stands behind its name, with what it means: so it takes two clicks.
fn remove(r: &Reader, (region, app): (&str, &str), secret: &RegionSecret) -> AnyView {
    let t = r.t;
    let form = Form::of(r, "/do/region-secrets/remove", Some(("name", &secret.name)));
    let (region, app, name) = (region.to_owned(), app.to_owned(), secret.name.clone());
    view! {
        <details class="fold" open=form.refused()>
            <summary>{t.secret_remove()}</summary>
            <form method="post" action="/do/region-secrets/remove">
                {form.alert()}
                <input type="hidden" name="region" value=region/>
                <input type="hidden" name="app" value=app/>
                <input type="hidden" name="name" value=name/>
                <p class="hint">{t.region_secret_remove_hint()}</p>
                <button class="btn small danger">{t.region_secret_remove_of(&secret.name)}</button>
            </form>
        </details>
    }
    .into_any()
}

/// Sets one of the secrets that the app names.
fn set(r: &Reader, region: &str, app: &AppSecrets) -> Option<AnyView> {
    let t = r.t;
    let named = app.secrets.iter().filter(|secret| secret.named);
    let names: Vec<(String, String)> = named.map(|secret| (secret.name.clone(), secret.name.clone())).collect();
    if names.is_empty() {
        return None;
    }
    let first = app.secrets.iter().find(|secret| secret.state == SecretState::Missing).map(|secret| secret.name.clone());
    let form = Form::of(r, "/do/region-secrets/set", Some(("app", &app.app)));
    let value = Field { most: Some(8192), ..Field::password("value", t.secret_value(), "off") }.hint(t.region_secret_hint());
    let (region, name) = (region.to_owned(), app.app.clone());
    Some(
        view! {
            <details class="fold part" open=form.refused()>
                <summary>{t.region_secret_title(&app.app)}</summary>
                <form method="post" action="/do/region-secrets/set" class="stack">
                    {form.alert()}
                    <input type="hidden" name="region" value=region/>
                    <input type="hidden" name="app" value=name/>
                    <div class="fields">
                        {form.select("name", t.col_secret(), names, first.as_deref())}
                        {form.input(value)}
                    </div>
                    <div class="row"><button class="btn go">{t.secret_set()}</button></div>
                </form>
            </details>
        }
        .into_any(),
    )
}
