//! The gates: each with its state, who can clear it, and where.

use crate::parts::{Reader, gate_dot, region_title, when};
use crate::text::Text;
use crate::view::{PromotionView, RegionRef, gate_region};
use domain::gate::{Gate, GateKind, GateState, Note};
use domain::id::BuildId;
use leptos::prelude::*;

pub(super) fn of_promotion(r: &Reader, promotion: &PromotionView) -> AnyView {
    gate_list(r, &promotion.gates, &promotion.row.regions, Some(&promotion.row.build))
}

/// The list of gates, for any guarded button.
pub(in crate::pages) fn gate_list(r: &Reader, gates: &[Gate], regions: &[RegionRef], build: Option<&BuildId>) -> AnyView {
    let items = gates.iter().map(|gate| item(r, gate, regions, build)).collect_view();
    view! { <ul class="gates">{items}</ul> }.into_any()
}

pub(super) fn count(t: Text, gates: &[Gate]) -> AnyView {
    let green = gates.iter().filter(|gate| gate.state == GateState::Green).count();
    let class = if green == gates.len() { "chip ok" } else { "chip wait" };
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    view! { <span class=class>{t.gates_of(number(green), number(gates.len()))}</span> }.into_any()
}

fn item(r: &Reader, gate: &Gate, regions: &[RegionRef], build: Option<&BuildId>) -> AnyView {
    let t = r.t;
    let green = gate.state == GateState::Green;
    let region = gate_region(&gate.kind).map(|name| {
        regions.iter().find(|region| region.name == name).map_or_else(|| name.to_owned(), |region| region_title(t, region))
    });
    let checked = gate.checked_at.map(|at| view! { <span class="checked">{t.checked()}" "{when(r, at)}</span> });
    let detail = gate.detail.clone().filter(|detail| !detail.is_empty()).map(|detail| view! { <span>{detail}</span> });
    let note = t.gate_words(gate).map(|note| view! { <span>{note}</span> });
    let why = gate.note.as_ref().map(|note| view! { <span>{t.gate_note(note)}</span> });
    let since = gate.since.map(|at| view! { <span class="checked">{t.since()}" "{when(r, at)}</span> });
    let until = gate.until.map(|at| view! { <span class="checked">{t.until()}" "{when(r, at)}</span> });
    let help = (!green && !is_under_way(gate)).then(|| view! { <span>{t.gate_help(&gate.kind)}</span> });
    let who = (!green).then(|| view! { <span class="gate-who">{who_clears(t, gate)}{place(t, &gate.kind, build)}</span> });
    view! {
        <li class="gate" class:open=!green>
            {gate_dot(t, gate.state)}
            <div class="gate-what">
                <b>{t.gate(&gate.kind, &region.unwrap_or_default())}</b>
                <p class="about">{detail}{note}{why}{since}{until}{checked}{help}</p>
            </div>
            {who}
        </li>
    }
    .into_any()
}

/// Whether Slipway itself is about it.
fn is_under_way(gate: &Gate) -> bool {
    matches!(gate.note, Some(Note::Due | Note::UnderWay { .. }))
}

fn who_clears(t: Text, gate: &Gate) -> String {
    match (gate.cleared_by, &gate.kind) {
        (Some(role), _) => t.can_clear(t.somebody(role)),
        _ if is_under_way(gate) => t.clears_itself().to_owned(),
        (None, GateKind::NoOtherRollout { .. } | GateKind::NoCanary { .. } | GateKind::SoakedInTest) => {
            t.clears_itself().to_owned()
        }
        (None, _) => t.for_operator().to_owned(),
    }
}

/// Where one goes to clear it.
fn place(t: Text, kind: &GateKind, build: Option<&BuildId>) -> AnyView {
    let to_build = |anchor: &str, word: &'static str| {
        build.map(|id| {
            let href = format!("/builds/{id}{anchor}");
            view! { <a href=href>{word}</a> }
        })
    };
    match kind {
        GateKind::ImagePresent | GateKind::NotQuarantined => to_build("", t.clear_it()).into_any(),
        GateKind::Tested => to_build("#verdict", t.clear_it()).into_any(),
        GateKind::SignedOff => to_build("#sign-off", t.clear_it()).into_any(),
        GateKind::NotFrozen { .. } => view! { <a href="#exempt">{t.exempt_button()}</a> }.into_any(),
        GateKind::SecretsThere { region } => {
            let href = format!("/regions/{region}?tab=secrets");
            view! { <a href=href>{t.secret_set_it()}</a> }.into_any()
        }
        GateKind::Approved { .. } | GateKind::SoakedInTest => ().into_any(),
        _ => view! { <a href="/regions">{t.see_regions()}</a> }.into_any(),
    }
}
