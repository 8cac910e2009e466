//! What a region asks of promotions: its freeze windows, and what people decide.

use crate::parts::{Icon, Reader, Tone, chip, empty, icon, panel, when};
use crate::view::{AppClosed, AppsPolicy, FreezeView, RegionRules};
use domain::freeze::FreezeKind;
use leptos::prelude::*;

/// What the tab holds.
pub(super) fn rules(r: &Reader, rules: &RegionRules) -> AnyView {
    let policies = rules.policies.iter().map(|policy| policy_panel(r, policy)).collect_view();
    view! {
        <div class="above" data-live="closed">{closed(r, &rules.closed)}</div>
        <div class="column" data-live="rules">
            {freezes(r, &rules.freezes)}
            {policies}
            <p class="hint">{r.t.rules_version(rules.version)}</p>
        </div>
    }
    .into_any()
}

/// To which apps nothing new goes now, and until when.
fn closed(r: &Reader, closed: &[AppClosed]) -> AnyView {
    if closed.is_empty() {
        return ().into_any();
    }
    let items = closed
        .iter()
        .map(|closed| {
            let (app, why) = (closed.app.clone(), r.t.note_window(&closed.why.name, &closed.why.reason));
            let until = closed.why.until.map(|at| view! { " · "{r.t.until()}" "{when(r, at)} });
            view! { <li><b>{app}</b>" · "{why}{until}</li> }
        })
        .collect_view();
    view! {
        <div class="note wait">
            {icon(Icon::Lock)}
            <div><b>{r.t.closed_now()}</b><ul class="plain">{items}</ul></div>
        </div>
    }
    .into_any()
}

fn freezes(r: &Reader, freezes: &[FreezeView]) -> AnyView {
    let t = r.t;
    if freezes.is_empty() {
        return panel(t.freeze_windows(), (), empty(t.no_freezes(), view! { <p>{t.no_freezes_help()}</p> }));
    }
    let rows = freezes.iter().map(|freeze| row(r, freeze)).collect_view();
    let table = view! {
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{t.freeze_window()}</th>
                    <th scope="col">{t.freeze_times()}</th>
                    <th scope="col">{t.freeze_apps()}</th>
                    <th scope="col">{t.state()}</th>
                    <th scope="col">{t.freeze_changes()}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    panel(t.freeze_windows(), (), table)
}

fn row(r: &Reader, freeze: &FreezeView) -> AnyView {
    let t = r.t;
    let window = &freeze.window;
    let (name, reason, zone) = (window.name.clone(), window.reason.clone(), freeze.time_zone.clone());
    let (tone, sign, word) = match (window.kind, freeze.now) {
        (_, None) => (Tone::Bad, Icon::Alert, t.freeze_unreadable()),
        (FreezeKind::Deny, Some(true)) => (Tone::Bad, Icon::Lock, t.freeze_forbids()),
        (FreezeKind::Deny, Some(false)) => (Tone::Idle, Icon::Minus, t.freeze_rests()),
        (FreezeKind::Allow, Some(true)) => (Tone::Ok, Icon::Check, t.freeze_allows()),
        (FreezeKind::Allow, Some(false)) => (Tone::Wait, Icon::Lock, t.freeze_outside()),
    };
    let apps = if window.apps.is_empty() { t.freeze_all_apps().to_owned() } else { window.apps.join(", ") };
    let changes = freeze.changes_at.map(|at| when(r, at));
    view! {
        <tr>
            <td><b>{name}</b><p class="about">{reason}</p></td>
            <td data-label=t.freeze_times()>{t.window_times(window)}<p class="about">{zone}</p></td>
            <td data-label=t.freeze_apps()>{apps}</td>
            <td data-label=t.state()>{chip(tone, sign, word)}</td>
            <td data-label=t.freeze_changes()><span class="quiet">{changes}</span></td>
        </tr>
    }
    .into_any()
}

fn policy_panel(r: &Reader, of: &AppsPolicy) -> AnyView {
    let lines = r.t.policy(&of.policy).into_iter().map(|line| view! { <li class="line-item">{line}</li> }).collect_view();
    panel(r.t.policy_title(), view! { <span class="quiet">{of.apps.join(", ")}</span> }, view! { <ul class="lines">{lines}</ul> })
}
