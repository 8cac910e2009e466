//! The way back of one region: a guarded button to the digest that ran before.

use super::param;
use super::promotion::gate_list;
use crate::parts::{Body, Form, Icon, Reader, Section, empty, icon, only, panel, region_title, short_digest, when};
use crate::view::{AppRegions, CanaryView, RegionBoard, RegionCell, RegionColumn};
use chrono::Duration;
use domain::canary::CanaryState;
use domain::gate::{CanaryThere, Gate, GateKind, GateState, no_canary};
use domain::problem::Noun;
use domain::{Action, Actor, Digest, Problem};
use leptos::prelude::*;

/// A session older than this gives the password again, as the server asks for it.
const FRESH_MINUTES: i64 = 15;

/// `GET /regions/{region}/{app}/rollback`
#[component]
pub fn Rollback() -> impl IntoView {
    let (region, app) = (param("region"), param("app"));
    crate::parts::page(move |r| async move {
        let board = r.port().regions(&r.actor).await?;
        let column = board.columns.iter().find(|column| column.region.name == region);
        let column = column.ok_or_else(|| Problem::not_found(Noun::Region, &region))?;
        let row = board.rows.iter().find(|row| row.app == app).ok_or_else(|| Problem::not_found(Noun::App, &app))?;
        let cell = row.cells.iter().find(|cell| cell.region == region);
        let title = r.t.rollback_title(&app, &region_title(r.t, &column.region));
        Ok(Body::new(Section::Regions, title, content(&r, &board, column, row, cell))
            .crumb("/regions", r.t.regions_title())
            .topics("regions,promotions"))
    })
}

fn content(r: &Reader, board: &RegionBoard, column: &RegionColumn, row: &AppRegions, cell: Option<&RegionCell>) -> AnyView {
    let t = r.t;
    let to_regions = || view! { <p><a class="btn" href="/regions">{t.to_regions()}</a></p> };
    let Some((cell, back_to)) = cell.and_then(|cell| cell.back_to.as_ref().map(|back_to| (cell, back_to))) else {
        let why = view! { <p>{t.no_rollback_help()}</p>{to_regions()} };
        return view! { <div class="panel">{empty(t.no_rollback(), why)}</div> }.into_any();
    };
    let gates = gates(column, cell, back_to);
    view! {
        <p class="lead-in">{t.rollback_lead()}</p>
        <div class="two">
            <div class="column">
                <div data-live="moves">{what_changes(r, cell, back_to)}</div>
            </div>
            <section class="panel">
                <div class="panel-head"><h2>{t.gates()}</h2></div>
                <div data-live="gates">{gate_list(r, &gates, std::slice::from_ref(&column.region), None)}</div>
                <div class="guarded" data-live="start">{guarded(r, board, row, cell, &gates)}</div>
            </section>
        </div>
    }
    .into_any()
}

fn what_changes(r: &Reader, cell: &RegionCell, back_to: &Digest) -> AnyView {
    let t = r.t;
    let side = |label: &'static str, tag: Option<String>, digest: Option<&Digest>| {
        let tag = tag.map(|tag| view! { <code>{tag}</code> });
        let digest = match digest {
            Some(digest) => short_digest(digest),
            None => view! { {t.nothing_ran()} }.into_any(),
        };
        view! { <div class="side"><span class="label">{label}</span><span class="build-word">{tag}<span class="quiet">{digest}</span></span></div> }
    };
    let since = cell.since.map(|at| view! { <p class="about">{t.since()}" "{when(r, at)}</p> });
    let content = view! {
        <div class="sides pad">
            {side(t.rollback_from(), cell.tag.clone(), cell.digest.as_ref())}
            <span class="arrow" aria-hidden="true">"→"</span>
            {side(t.rollback_to(), cell.back_to_tag.clone(), Some(back_to))}
        </div>
        <div class="pad-line">{since}</div>
    };
    panel(t.what_changes(), (), content)
}

/// What can be seen from here; the start itself looks at every gate again.
fn gates(column: &RegionColumn, cell: &RegionCell, back_to: &Digest) -> Vec<Gate> {
    let region = column.region.name.clone();
    let gate = |kind: GateKind, green: bool, state: GateState, detail: Option<String>| Gate {
        kind,
        state: if green { GateState::Green } else { state },
        cleared_by: None,
        detail,
        checked_at: None,
        since: None,
        until: None,
        note: None,
    };
    let checked = Gate {
        checked_at: column.checked_at,
        ..gate(GateKind::RegionReachable { region: region.clone() }, column.reachable, GateState::Red, None)
    };
    let there = |canary: &CanaryView| {
        let returning = canary.state == CanaryState::Returning;
        no_canary(&region, CanaryThere { number: canary.number, returning })
    };
    let mut gates = vec![
        gate(GateKind::RanBefore { region: region.clone() }, true, GateState::Red, Some(back_to.short().to_owned())),
        checked,
        gate(GateKind::NoOtherRollout { region: region.clone() }, cell.rollout.is_none(), GateState::Waiting, None),
    ];
    gates.extend(cell.canary.as_ref().map(there));
    gates
}

/// The canary that is withdrawn by the same button: one that runs or is on its way back already.
fn withdrawn<'a>(board: &RegionBoard, cell: &'a RegionCell) -> Option<&'a CanaryView> {
    let canary = cell.canary.as_ref().filter(|_| board.may.contains(&Action::TendCanary))?;
    matches!(canary.state, CanaryState::Running | CanaryState::Returning).then_some(canary)
}

fn guarded(r: &Reader, board: &RegionBoard, row: &AppRegions, cell: &RegionCell, gates: &[Gate]) -> AnyView {
    let t = r.t;
    if !board.may.contains(&Action::RollBack) {
        return only(t, Action::RollBack);
    }
    let canary = withdrawn(board, cell);
    if let Some(follower) = canary.and_then(|canary| canary.followed_by.as_ref()) {
        let (href, number) = (format!("/promotions/{}", follower.id), t.promotion_number(follower.number));
        return view! { <p class="only">{icon(Icon::Clock)}<span>{t.canary_followed()}" "<a href=href>{number}</a></span></p> }
            .into_any();
    }
    let form = Form::of(r, "/do/regions/roll-back", None);
    let stands = |gate: &&Gate| gate.state != GateState::Green && !(canary.is_some() && is_of_canary(gate));
    let closed = gates.iter().filter(stands).count();
    let button = if canary.is_some() { t.rollback_after_canary() } else { t.rollback_button() };
    let help = canary.map(|canary| {
        view! { <p class="hint">{icon(Icon::Alert)}" "{t.rollback_canary_help(&t.promotion_number(canary.number))}</p> }
    });
    let act = if closed == 0 {
        view! {
            {form.guard("typed", &row.app, password_needed(r))}
            <div class="row"><button class="btn danger solid" data-guarded="">{icon(Icon::Back)}{button}</button></div>
        }
        .into_any()
    } else {
        view! {
            <div class="row">
                <button class="btn danger solid" disabled aria-describedby="why-closed">{icon(Icon::Lock)}{button}</button>
                <span id="why-closed" class="why">{icon(Icon::Clock)}{t.gates_open(closed)}" · "{t.start_closed()}</span>
            </div>
        }
        .into_any()
    };
    view! {
        <form method="post" action="/do/regions/roll-back" class="stack confirm" aria-label=t.roll_back()>
            {form.alert()}
            <input type="hidden" name="app" value=row.app.clone()/>
            <input type="hidden" name="region" value=cell.region.clone()/>
            <input type="hidden" name="to" value=cell.back_to.as_ref().map(ToString::to_string)/>
            <input type="hidden" name="withdraw_canary" value=if canary.is_some() { "true" } else { "false" }/>
            {help}
            {form.area("reason", t.rollback_reason(), t.rollback_reason_hint(), true)}
            {act}
        </form>
    }
    .into_any()
}

fn is_of_canary(gate: &Gate) -> bool {
    matches!(gate.kind, GateKind::NoCanary { .. })
}

fn password_needed(r: &Reader) -> bool {
    match &r.actor {
        Actor::User { signed_in_at, .. } => r.now() - *signed_in_at > Duration::minutes(FRESH_MINUTES),
        _ => false,
    }
}
