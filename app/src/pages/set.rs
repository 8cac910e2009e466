//! One promotion set: its promotions in their order, what each still waits for, and one start for all.

mod act;
mod new;

pub use new::NewSet;

use super::param;
use super::promotions::build_word;
use crate::parts::{Body, Icon, Reader, Section, fact, gate_dot, icon, panel, promotion_chip, region_title, rollout_chip, when};
use crate::text::{Text, problem_text};
use crate::view::{RegionRef, SetMember, SetView, gate_region};
use domain::Problem;
use domain::gate::{Gate, GateState};
use domain::problem::Noun;
use domain::promotion::PromotionState;
use leptos::prelude::*;

/// `GET /promotions/sets/{set}`
#[component]
pub fn Set() -> impl IntoView {
    let text = param("set");
    crate::parts::page(move |r| async move {
        let number = text.parse().map_err(|_| Problem::not_found(Noun::PromotionSet, text.as_str()))?;
        let set = r.port().promotion_set(&r.actor, number).await?;
        Ok(body(&r, &set))
    })
}

fn body(r: &Reader, set: &SetView) -> Body {
    let t = r.t;
    let number = set.number.to_string();
    let content = view! {
        <div data-live="result">{result(t, set)}</div>
        <div class="two gates-first">
            <div class="column">
                <div data-live="members">{members(r, set)}</div>
                {facts(r, set)}
                {act::reject(r, set)}
                {act::withdraw(r, set)}
            </div>
            <div class="column"><div data-live="start">{act::start(r, set)}</div>{act::booking(r, set)}</div>
        </div>
    };
    let crumb = format!("{} / {number}", t.promotions_title());
    Body::new(Section::Promotions, t.set_title(&number), content)
        .crumb("/promotions", crumb)
        .beside(view! { <span data-live="state">{promotion_chip(t, set.state)}</span> })
        .act(view! { <span class="act-live" data-live="act">{act::approve(r, set)}</span> })
        .topics("promotions,builds,regions")
}

/// `web P-3`
fn name(t: Text, member: &SetMember) -> String {
    format!("{} {}", member.row.app, t.promotion_number(member.row.number))
}

fn names(t: Text, members: &[SetMember], wanted: impl Fn(PromotionState) -> bool) -> String {
    let named = members.iter().filter(|member| wanted(member.row.state)).map(|member| name(t, member));
    named.collect::<Vec<_>>().join(", ")
}

/// How far the set is: what was done, what stopped it, and what was not begun.
fn result(t: Text, set: &SetView) -> AnyView {
    let at = set.at.and_then(|at| usize::try_from(at).ok()).and_then(|at| set.members.get(at.checked_sub(1)?));
    let (class, which, title) = match (at, set.state) {
        (Some(at), _) if set.stopped => ("note bad", Icon::Cross, t.set_stopped(&name(t, at))),
        (Some(_), _) => ("note info", Icon::Turning, t.set_running().to_owned()),
        (None, PromotionState::Verified) => ("note ok", Icon::Check, t.set_verified().to_owned()),
        (None, _) => return ().into_any(),
    };
    let done = names(t, &set.members, |state| state == PromotionState::Verified);
    let done = if done.is_empty() { t.set_nothing_done().to_owned() } else { t.set_done(&done) };
    let rest = names(t, &set.members, |state| state == PromotionState::Open);
    let rest = (!rest.is_empty()).then(|| view! { <p>{t.set_not_done(&rest)}</p> });
    view! { <div class=class>{icon(which)}<div><b>{title}</b><p>{done}</p>{rest}</div></div> }.into_any()
}

fn members(r: &Reader, set: &SetView) -> AnyView {
    let places = set.members.iter().zip(1_u32..);
    let items = places.map(|(member, place)| item(r, member, place, set.at == Some(place) && !set.stopped)).collect_view();
    panel(r.t.set_members(), (), view! { <ol class="moves">{items}</ol> })
}

fn item(r: &Reader, member: &SetMember, place: u32, turn: bool) -> AnyView {
    let t = r.t;
    let row = &member.row;
    let href = format!("/promotions/{}", row.id);
    let turn = turn.then(|| view! { <span class="kind">{t.set_turn()}</span> });
    let regions = member
        .regions
        .iter()
        .map(|part| view! { <span>{region_title(t, &part.region)}" "{rollout_chip(t, part.state)}</span>" " })
        .collect_view();
    let waits = member.waits.as_ref().map(|why| {
        let told = problem_text(t, why);
        view! { <p class="about warn">{icon(Icon::Clock)}{t.set_waits()}" "{told.happened}</p> }
    });
    let app = row.app.clone();
    view! {
        <li class="move">
            <span class="place">{place}</span>
            <b>{app}</b>
            <div class="move-what">
                <p class="chips">
                    <a class="name" href=href>{t.promotion_number(row.number)}</a>
                    {promotion_chip(t, row.state)}
                    {turn}
                </p>
                <p>{build_word(row)}</p>
                <p class="about">{regions}</p>
                {gates(t, member)}
                {waits}
            </div>
        </li>
    }
    .into_any()
}

/// How many gates are green, red and waiting, and by name which are not green.
fn gates(t: Text, member: &SetMember) -> Option<AnyView> {
    if member.gates.is_empty() {
        return None;
    }
    let count = |state: GateState| member.gates.iter().filter(|gate| gate.state == state).count();
    let words = t.set_gates(count(GateState::Green), count(GateState::Red), count(GateState::Waiting));
    let closed = member
        .gates
        .iter()
        .filter(|gate| gate.state != GateState::Green)
        .map(|gate| view! { <li class="about">{gate_dot(t, gate.state)}" "{gate_word(t, gate, &member.row.regions)}</li> })
        .collect_view();
    Some(view! { <p class="about">{words}</p><ul class="plain">{closed}</ul> }.into_any())
}

fn gate_word(t: Text, gate: &Gate, regions: &[RegionRef]) -> String {
    let region = gate_region(&gate.kind).map(|name| {
        let known = regions.iter().find(|region| region.name == name);
        known.map_or_else(|| name.to_owned(), |region| region_title(t, region))
    });
    t.gate(&gate.kind, &region.unwrap_or_default())
}

fn facts(r: &Reader, set: &SetView) -> AnyView {
    let t = r.t;
    let requested = (set.requested_by_name.clone(), when(r, set.requested_at));
    let started = set.started_by_name.clone().map(|name| {
        let at = set.started_at.map(|at| view! { " · "{when(r, at)} });
        fact(t.col_started(), view! { <b>{name}</b><span class="quiet">{at}</span> })
    });
    let regions = set.members.first().map(|first| {
        let titles: Vec<String> = first.row.regions.iter().map(|region| region_title(t, region)).collect();
        fact(t.regions(), titles.join(" → "))
    });
    let reason = set.reason.clone();
    let content = view! {
        <dl class="facts">
            {regions}
            {fact(t.col_requested(), view! { <b>{requested.0}</b><span class="quiet">" · "{requested.1}</span> })}
            {started}
            {fact(t.reason(), view! { <p class="said">{reason}</p> })}
        </dl>
    };
    panel(t.facts(), (), content)
}
