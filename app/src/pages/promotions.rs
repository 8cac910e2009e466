//! The list of promotions.

use super::query;
use crate::parts::{
    Body, Icon, Reader, Section, empty, icon, pager, path_with, promotion_chip, region_title, short_digest, when,
};
use crate::text::Text;
use crate::view::{Page, Paging, PromotionRow, SetPlace};
use domain::Action;
use domain::promotion::PromotionState;
use leptos::prelude::*;

const STATES: [PromotionState; 8] = [
    PromotionState::Open,
    PromotionState::Running,
    PromotionState::Verified,
    PromotionState::Failed,
    PromotionState::Cancelled,
    PromotionState::Aborted,
    PromotionState::Rejected,
    PromotionState::Expired,
];

/// `GET /promotions?state=&cursor=`
#[component]
pub fn Promotions() -> impl IntoView {
    let state: Option<PromotionState> = query("state").and_then(|word| word.parse().ok());
    let cursor = query("cursor");
    crate::parts::page(move |r| async move {
        let paging = Paging { cursor: cursor.clone(), limit: None };
        let promotions = r.port().promotions(&r.actor, state, paging).await?;
        let content = view! {
            <div class="bar">{tabs(r.t, state)}</div>
            <div class="panel" data-live="promotions">{list(&r, state, cursor.as_deref(), &promotions)}</div>
        };
        let several = r.may(Action::RequestPromotion).then(|| {
            view! { <a class="btn" href="/promotions/sets/new">{r.t.new_set()}</a> }
        });
        Ok(Body::new(Section::Promotions, r.t.promotions_title(), content).act(several).topics("promotions"))
    })
}

fn tabs(t: Text, chosen: Option<PromotionState>) -> AnyView {
    let tab = |state: Option<PromotionState>| {
        let href = path_with("/promotions", &[("state", state.map(PromotionState::as_str))]);
        let word = state.map_or(t.all(), |state| t.promotion_state(state));
        view! { <a href=href aria-current=(state == chosen).then_some("true")>{word}</a> }
    };
    let states = STATES.into_iter().map(|state| tab(Some(state))).collect_view();
    view! { <nav class="tabs" aria-label=t.state()>{tab(None)}{states}</nav> }.into_any()
}

fn list(r: &Reader, state: Option<PromotionState>, cursor: Option<&str>, promotions: &Page<PromotionRow>) -> AnyView {
    let t = r.t;
    if promotions.items.is_empty() {
        let how = view! { <p>{t.no_promotions_help()}</p><p><a class="btn" href="/builds">{t.to_builds()}</a></p> };
        return empty(t.no_promotions(), how);
    }
    let rows = promotions.items.iter().map(|promotion| row(r, promotion)).collect_view();
    let filter = [("state", state.map(PromotionState::as_str))];
    view! {
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{t.col_promotion()}</th>
                    <th scope="col">{t.state()}</th>
                    <th scope="col">{t.app()}</th>
                    <th scope="col">{t.build()}</th>
                    <th scope="col">{t.regions()}</th>
                    <th scope="col">{t.col_gates()}</th>
                    <th scope="col">{t.col_requested()}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
        {pager(t, "/promotions", &filter, cursor, promotions.next.as_deref())}
    }
    .into_any()
}

fn row(r: &Reader, promotion: &PromotionRow) -> AnyView {
    let t = r.t;
    let href = format!("/promotions/{}", promotion.id);
    let gates = (promotion.state == PromotionState::Open && promotion.gates_total > 0).then(|| gate_bar(t, promotion));
    let back = promotion.kind.goes_back().then(|| {
        view! { <span class="kind">{icon(Icon::Back)}{t.promotion_kind(promotion.kind)}</span> }
    });
    let by = promotion.requested_by_name.clone();
    let set = promotion.set.as_ref().map(|place| set_link(t, place));
    view! {
        <tr id=format!("p-{}", promotion.id)>
            <td class="c-name"><a class="name" href=href>{t.promotion_number(promotion.number)}</a></td>
            <td class="c-state"><span class="chips">{promotion_chip(t, promotion.state)}{back}{set}</span></td>
            <td class="c-app"><b>{promotion.app.clone()}</b></td>
            <td class="c-tag">{build_word(promotion)}</td>
            <td class="c-runs" data-label=t.regions()>{regions_word(t, promotion)}</td>
            <td class="c-gates" data-label=t.col_gates()>{gates}</td>
            <td class="c-when"><span class="quiet">{by}" · "{when(r, promotion.requested_at)}</span></td>
        </tr>
    }
    .into_any()
}

/// The set that a promotion belongs to, as a link.
pub(super) fn set_link(t: Text, place: &SetPlace) -> AnyView {
    let number = place.set.to_string();
    let href = format!("/promotions/sets/{number}");
    view! { <a class="kind" href=href>{t.part_of_set(&number, place.place, place.of)}</a> }.into_any()
}

/// The build by its tag and digest, as a link.
pub(super) fn build_word(promotion: &PromotionRow) -> AnyView {
    let href = format!("/builds/{}", promotion.build);
    let tag = promotion.tag.clone().map(|tag| view! { <code>{tag}</code>" " });
    view! { <a class="plain-link" href=href>{tag}<span class="quiet">{short_digest(&promotion.digest)}</span></a> }.into_any()
}

pub(super) fn regions_word(t: Text, promotion: &PromotionRow) -> String {
    let titles: Vec<String> = promotion.regions.iter().map(|region| region_title(t, region)).collect();
    titles.join(" → ")
}

/// How many gates are green, as marks and as words.
pub(super) fn gate_bar(t: Text, promotion: &PromotionRow) -> AnyView {
    let marks =
        (0..promotion.gates_total.min(20)).map(|place| view! { <i class:on=place < promotion.gates_green></i> }).collect_view();
    view! {
        <span class="gate-bar">
            <span class="marks" aria-hidden="true">{marks}</span>
            <span class="quiet">{t.gates_of(promotion.gates_green, promotion.gates_total)}</span>
        </span>
    }
    .into_any()
}

/// A few promotions as lines, for the page of a build.
pub(super) fn promotion_list(r: &Reader, promotions: &[PromotionRow]) -> AnyView {
    let t = r.t;
    let items = promotions
        .iter()
        .map(|promotion| {
            let href = format!("/promotions/{}", promotion.id);
            view! {
                <li class="line-item">
                    <a class="name" href=href>{t.promotion_number(promotion.number)}</a>
                    {promotion_chip(t, promotion.state)}
                    <span class="quiet grow">{regions_word(t, promotion)}</span>
                    <span class="quiet">{when(r, promotion.requested_at)}</span>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="lines">{items}</ul> }.into_any()
}
