//! One region's part of a promotion: what would change, and the rollout as it goes.

use super::preflight;
use crate::parts::{Icon, Reader, icon, lasted, panel, path_with, region_title, rollout_chip, short_digest, steps, steps_done};
use crate::text::{Text, problem_text};
use crate::view::{PromotionView, RolloutView};
use domain::Action;
use domain::promotion::PromotionState;
use leptos::prelude::*;

/// What each region runs now and what it would run.
pub(super) fn moves(r: &Reader, promotion: &PromotionView) -> AnyView {
    let items = promotion
        .rollouts
        .iter()
        .enumerate()
        .map(|(place, rollout)| {
            let title = region_title(r.t, &rollout.region);
            view! {
                <li class="move">
                    <span class="place">{place + 1}</span>
                    <b>{title}</b>
                    <div class="move-what">
                        {wave(r.t, promotion, place)}
                        {change(r, promotion, rollout)}
                        {conditions(r.t, rollout)}
                        {preflight::of_region(r, promotion.row.build.as_str(), rollout)}
                    </div>
                </li>
            }
        })
        .collect_view();
    panel(r.t.what_changes(), (), view! { <ol class="moves">{items}</ol> })
}

/// Where a wave begins: which, and what it waits for.
fn wave(t: Text, promotion: &PromotionView, place: usize) -> Option<AnyView> {
    let rollout = promotion.rollouts.get(place)?;
    let before = place.checked_sub(1).and_then(|before| promotion.rollouts.get(before));
    if before.is_none_or(|before| before.wave == rollout.wave) {
        return None;
    }
    let soak = (rollout.wave_soak_minutes > 0).then(|| t.wave_after(&t.span(60 * i64::from(rollout.wave_soak_minutes))));
    let look = rollout.wave_look.then(|| t.wave_after_look().to_owned());
    let words: Vec<String> = [Some(t.wave(rollout.wave)), soak, look].into_iter().flatten().collect();
    Some(view! { <p class="label">{words.join(" · ")}</p> }.into_any())
}

fn change(r: &Reader, promotion: &PromotionView, rollout: &RolloutView) -> AnyView {
    let t = r.t;
    let row = &promotion.row;
    let to = row.tag.clone().map(|tag| view! { <code>{tag}</code> });
    let from = match (&rollout.previous_digest, &rollout.previous_tag) {
        (Some(digest), tag) => {
            let tag = tag.clone().map(|tag| view! { <code>{tag}</code> });
            let words = view! { <span class="build-word">{tag}<span class="quiet">{short_digest(digest)}</span></span> };
            match &rollout.previous_build {
                Some(build) => view! { <a class="plain-link" href=format!("/builds/{build}")>{words}</a> }.into_any(),
                None => words.into_any(),
            }
        }
        (None, _) => view! { <span class="quiet">{t.nothing_ran()}</span> }.into_any(),
    };
    let same = (rollout.previous_digest.as_ref() == Some(&row.digest)).then(|| view! { <p class="about">{t.same_digest()}</p> });
    view! {
        <p class="change">
            {from}
            <span class="arrow" aria-hidden="true">"→"</span>
            <span class="build-word to">{to}<span class="quiet">{short_digest(&row.digest)}</span></span>
        </p>
        {same}
    }
    .into_any()
}

/// Replicas, port, and whether capacity dips meanwhile.
fn conditions(t: Text, rollout: &RolloutView) -> AnyView {
    let port = rollout.port.map_or_else(|| t.no_port().to_owned(), |port| t.on_port(port));
    let manner = preflight::manner(t, rollout);
    let dip = rollout.capacity_dip.then(|| {
        let words = if rollout.replicas > 1 { t.dip_many(rollout.replicas) } else { t.dip_one().to_owned() };
        view! { <p class="about warn">{icon(Icon::Alert)}{words}</p> }
    });
    view! { <p class="about">{t.replicas(rollout.replicas)}{manner}" · "{port}</p>{dip} }.into_any()
}

/// Each region's rollout with its steps.
pub(super) fn rollouts(r: &Reader, promotion: &PromotionView) -> AnyView {
    if matches!(promotion.row.state, PromotionState::Cancelled | PromotionState::Rejected | PromotionState::Expired) {
        return moves(r, promotion);
    }
    let parts = promotion.rollouts.iter().enumerate();
    parts.map(|(place, rollout)| view! { {wave(r.t, promotion, place)}{one(r, promotion, rollout)} }).collect_view().into_any()
}

fn one(r: &Reader, promotion: &PromotionView, rollout: &RolloutView) -> AnyView {
    let t = r.t;
    let title = region_title(t, &rollout.region);
    let count = (!rollout.steps.is_empty()).then(|| steps_done(t, &rollout.steps));
    let beside = view! {
        {rollout_chip(t, rollout.state)}
        <span class="quiet grow">{count}</span>
        <span class="quiet">{lasted(r, rollout.started_at, rollout.ended_at)}</span>
    };
    let failure = rollout.failure.as_ref().map(|problem| {
        let told = problem_text(t, problem);
        let why = view! { <p>{told.happened}" "{told.to_do}</p> };
        view! { <div class="note bad">{icon(Icon::Cross)}<div><b>{t.why_failed()}</b>{why}</div></div> }
    });
    let back = (rollout.can_roll_back && promotion.may.contains(&Action::RollBack)).then(|| {
        let href = path_with(&format!("/regions/{}/{}/rollback", rollout.region.name, promotion.row.app), &[]);
        view! { <div class="part row"><a class="btn danger" href=href>{icon(Icon::Back)}{t.roll_back()}</a></div> }
    });
    let content = view! {
        <div class="pad">{change(r, promotion, rollout)}{conditions(t, rollout)}</div>
        {(!rollout.steps.is_empty()).then(|| steps(r, &rollout.steps))}
        {failure}
        {back}
    };
    panel(title, beside, content)
}
