//! One promotion: what changes, the gates, the guarded start, and then the rollout, live.

mod aside;
mod gates;
mod hold;
mod preflight;
mod rollouts;

pub(super) use gates::gate_list;

use super::param;
use super::promotions::{build_word, regions_word, set_link};
use crate::parts::{Body, Form, Icon, Reader, Section, fact, icon, only, panel, promotion_chip, when};
use crate::text::Text;
use crate::view::{CanaryAskedView, PromotionView};
use domain::Action;
use domain::gate::GateState;
use domain::id::PromotionId;
use domain::promotion::{PromotionState, RolloutState};
use leptos::prelude::*;

/// `GET /promotions/{id}`
#[component]
pub fn Promotion() -> impl IntoView {
    let id = PromotionId(param("id"));
    crate::parts::page(move |r| async move {
        let promotion = r.port().promotion(&r.actor, &id).await?;
        Ok(body(&r, &promotion))
    })
}

fn body(r: &Reader, promotion: &PromotionView) -> Body {
    let t = r.t;
    let row = &promotion.row;
    let name = row.tag.clone().unwrap_or_else(|| row.digest.short().to_owned());
    let arrow = if row.kind.goes_back() { "↩" } else { "→" };
    let kind = row.kind.goes_back().then(|| view! { <span class="kind">{icon(Icon::Back)}{t.promotion_kind(row.kind)}</span> });
    let set = row.set.as_ref().map(|place| set_link(t, place));
    let content = if row.state == PromotionState::Open { open(r, promotion) } else { under_way(r, promotion) };
    let crumb = format!("{} / {}", t.promotions_title(), t.promotion_number(row.number));
    Body::new(Section::Promotions, format!("{} {arrow} {name}", row.app), content)
        .crumb("/promotions", crumb)
        .beside(view! { <span data-live="state">{promotion_chip(t, row.state)}</span>{kind}{set} })
        .act(view! { <span class="act-live" data-live="act">{primary(r, promotion)}</span> })
        .topics("promotions,builds,regions")
}

/// The one next thing for this reader, while it is open: approve, or go to the start.
fn primary(r: &Reader, promotion: &PromotionView) -> AnyView {
    let t = r.t;
    if promotion.row.state != PromotionState::Open {
        return ().into_any();
    }
    if may_approve(promotion) {
        return view! {
            <form method="post" action="/do/promotions/approve">
                <input type="hidden" name="id" value=promotion.row.id.to_string()/>
                <button class="btn primary">{icon(Icon::Check)}{t.approve()}</button>
            </form>
        }
        .into_any();
    }
    let ready = promotion.gates.iter().all(|gate| gate.state == GateState::Green);
    let alone = promotion.row.set.is_none() && promotion.follows.is_none();
    if ready && alone && promotion.may.contains(&Action::StartPromotion) {
        return view! { <a class="btn primary" href="#start">{t.start_title()}</a> }.into_any();
    }
    ().into_any()
}

fn may_approve(promotion: &PromotionView) -> bool {
    promotion.may_approve && promotion.may.contains(&Action::ApprovePromotion)
}

/// Before the start: what would change, beside the gates that stand before it and the button.
fn open(r: &Reader, promotion: &PromotionView) -> AnyView {
    view! {
        <div class="two gates-first">
            <div class="column">
                <div data-live="moves">{rollouts::moves(r, promotion)}</div>
                {facts(r, promotion)}
                {approve(r, promotion)}
                {aside::policy(r.t, promotion)}
                {aside::exempt(r, promotion)}
                {aside::reject(r, promotion)}
                {cancel(r, promotion)}
                {aside::glass_form(r, promotion)}
            </div>
            <section class="panel">
                <div class="panel-head"><h2>{r.t.gates()}</h2><span data-live="gates-count">{gates::count(r.t, &promotion.gates)}</span></div>
                <div data-live="gates">{gates::of_promotion(r, promotion)}</div>
                <div class="guarded" id="start" data-live="start">{start(r, promotion)}</div>
                {aside::booking(r, promotion)}
            </section>
        </div>
    }
    .into_any()
}

/// After the start: the rollouts, step by step, and how it ended.
fn under_way(r: &Reader, promotion: &PromotionView) -> AnyView {
    view! {
        <div data-live="result">
            {result(r.t, promotion)}
            {hold::notes(r, promotion)}
            {aside::rejection(r, promotion)}
            {aside::given_up(r, promotion)}
        </div>
        <div data-live="glass">{aside::glass(r, promotion)}</div>
        <div class="two">
            <div class="column" data-live="rollouts">{rollouts::rollouts(r, promotion)}</div>
            <div class="column">
                <div data-live="hold">{hold::buttons(r, promotion)}</div>
                {hold::ending(r, promotion)}
                {facts(r, promotion)}
                <div data-live="approvals">{approvals(r, promotion)}</div>
            </div>
        </div>
    }
    .into_any()
}

fn result(t: Text, promotion: &PromotionView) -> AnyView {
    let (class, which, words) = match promotion.row.state {
        PromotionState::Verified => ("note ok", Icon::Check, t.result_verified()),
        PromotionState::Failed => ("note bad", Icon::Cross, t.result_failed()),
        PromotionState::Cancelled => ("note", Icon::Minus, t.result_cancelled()),
        PromotionState::Aborted => ("note bad", Icon::Minus, t.result_aborted()),
        PromotionState::Rejected => ("note bad", Icon::Cross, t.result_rejected()),
        PromotionState::Expired => ("note", Icon::Minus, t.result_expired()),
        PromotionState::Running => ("note info", Icon::Turning, t.now_running()),
        PromotionState::Open => return ().into_any(),
    };
    let title = if promotion.row.state == PromotionState::Running {
        let done = promotion.rollouts.iter().filter(|rollout| rollout.state == RolloutState::Verified).count();
        t.regions_verified(done, promotion.rollouts.len())
    } else {
        t.promotion_state(promotion.row.state).to_owned()
    };
    view! { <div class=class>{icon(which)}<div><b>{title}</b><p>{words}</p></div></div> }.into_any()
}

fn facts(r: &Reader, promotion: &PromotionView) -> AnyView {
    let t = r.t;
    let row = &promotion.row;
    let requested = (promotion.row.requested_by_name.clone(), when(r, row.requested_at));
    let started = promotion.started_by_name.clone().map(|name| {
        let at = promotion.started_at.map(|at| view! { " · "{when(r, at)} });
        fact(t.col_started(), view! { <b>{name}</b><span class="quiet">{at}</span> })
    });
    let reason =
        (!promotion.reason.is_empty()).then(|| fact(t.reason(), view! { <p class="said">{promotion.reason.clone()}</p> }));
    let canary = promotion.canary.as_ref().map(|canary| canary_facts(r, promotion, canary));
    let content = view! {
        <dl class="facts">
            {fact(t.build(), build_word(row))}
            {canary}
            {fact(t.verdicts(), super::build::build_chips(t, promotion.standing, false))}
            {fact(t.regions(), regions_word(t, row))}
            {fact(t.col_requested(), view! { <b>{requested.0}</b><span class="quiet">" · "{requested.1}</span> })}
            {started}
            {reason}
        </dl>
    };
    panel(t.facts(), (), content)
}

/// What a canary asks for, and where it is seen once it has started.
fn canary_facts(r: &Reader, promotion: &PromotionView, canary: &CanaryAskedView) -> AnyView {
    let t = r.t;
    let terms = &canary.terms;
    let what = format!("{} · {}", t.replicas(terms.replicas), t.shape(terms.shape));
    let end = match canary.ends_at {
        Some(at) => view! { {when(r, at)} }.into_any(),
        None => view! { {t.canary_for_hours(terms.hours)} }.into_any(),
    };
    let there = promotion.row.regions.first().zip(canary.state).map(|(region, state)| {
        let href = format!("/regions/{}/{}/canary", region.name, promotion.row.app);
        view! { " "<a href=href>{t.canary_state(state)}</a> }
    });
    let cause = canary.cause.map(|cause| format!(" · {}", t.return_cause(cause)));
    view! {
        {fact(t.canary(), view! { {what}{there}<span class="quiet">{cause}</span> })}
        {fact(t.canary_end(), end)}
    }
    .into_any()
}

fn approvals(r: &Reader, promotion: &PromotionView) -> AnyView {
    if promotion.row.kind.goes_back() {
        return ().into_any();
    }
    panel(r.t.approvals(), (), approval_list(r, promotion))
}

fn approval_list(r: &Reader, promotion: &PromotionView) -> AnyView {
    let t = r.t;
    if promotion.approvals.is_empty() {
        return view! { <p class="quiet pad">{t.no_approvals()}</p> }.into_any();
    }
    let items = promotion
        .approvals
        .iter()
        .map(|approval| {
            let void = approval.void.map(|void| view! { <span class="quiet">{t.void(void)}</span> });
            let name = approval.by_name.clone();
            let role = t.role(approval.role);
            view! {
                <li class="line-item" class:fallen=!approval.counts>
                    {icon(if approval.counts { Icon::Check } else { Icon::Minus })}
                    <b>{name}</b>
                    <span class="quiet">{role}</span>
                    <span class="grow">{void}</span>
                    <span class="quiet">{when(r, approval.at)}</span>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="lines">{items}</ul> }.into_any()
}

/// Who approved, and why this reader cannot; the button itself is the page's primary action.
fn approve(r: &Reader, promotion: &PromotionView) -> AnyView {
    let t = r.t;
    if promotion.row.kind.goes_back() {
        return ().into_any();
    }
    let approved = promotion.approvals.iter().any(|approval| approval.counts);
    let mine = r.actor.person().is_some_and(|person| person.id == promotion.requested_by);
    let act = if may_approve(promotion) {
        view! { <p class="only">{icon(Icon::Check)}<span>{t.approve_help()}</span></p> }.into_any()
    } else if approved {
        ().into_any()
    } else if mine {
        view! { <p class="only">{icon(Icon::Lock)}<span>{t.own_request_note()}</span></p> }.into_any()
    } else if !promotion.may.contains(&Action::ApprovePromotion) {
        only(t, Action::ApprovePromotion)
    } else {
        ().into_any()
    };
    panel(t.approvals(), (), view! { <div data-live="approvals">{approval_list(r, promotion)}{act}</div> })
}

/// The guarded button: never only grey, the reasons stand beside it.
fn start(r: &Reader, promotion: &PromotionView) -> AnyView {
    let t = r.t;
    if let Some(place) = &promotion.row.set {
        let number = place.set.to_string();
        let href = format!("/promotions/sets/{number}");
        return view! {
            <p class="only">{icon(Icon::Lock)}<span>{t.set_starts_it(&number)}" "<a href=href>{t.open_set(&number)}</a></span></p>
        }
        .into_any();
    }
    if let Some(follow) = &promotion.follows {
        return aside::follows(r, promotion, follow);
    }
    if !promotion.may.contains(&Action::StartPromotion) {
        return only(t, Action::StartPromotion);
    }
    let id = promotion.row.id.to_string();
    let form = Form::of(r, "/do/promotions/start", Some(("id", &id)));
    let closed = promotion.gates.iter().filter(|gate| gate.state != GateState::Green).count();
    let order = t.start_order(&regions_word(t, &promotion.row));
    let act = if closed == 0 {
        view! {
            {form.guard("app", &promotion.row.app, promotion.password_needed)}
            <div class="row"><button class="btn primary" data-guarded="">{icon(Icon::Play)}{t.start_button()}</button></div>
        }
        .into_any()
    } else {
        view! {
            <div class="row">
                <button class="btn primary" disabled aria-describedby="why-closed">{icon(Icon::Lock)}{t.start_button()}</button>
                <span id="why-closed" class="why">{icon(Icon::Clock)}{t.gates_open(closed)}" · "{t.start_closed()}</span>
            </div>
        }
        .into_any()
    };
    view! {
        <form method="post" action="/do/promotions/start" class="stack confirm" aria-label=t.start_title()>
            {form.alert()}
            <input type="hidden" name="id" value=id/>
            {act}
            <p class="hint">{order}</p>
        </form>
    }
    .into_any()
}

fn cancel(r: &Reader, promotion: &PromotionView) -> AnyView {
    let t = r.t;
    if !promotion.may.contains(&Action::CancelPromotion) {
        return ().into_any();
    }
    let id = promotion.row.id.to_string();
    let form = Form::of(r, "/do/promotions/cancel", Some(("id", &id)));
    view! {
        <details class="panel fold-panel" open=form.refused()>
            <summary><h2>{t.cancel_title()}</h2></summary>
            <form method="post" action="/do/promotions/cancel" class="stack pad">
                {form.alert()}
                <input type="hidden" name="id" value=id/>
                {form.area("reason", t.cancel_reason(), "", true)}
                <div class="row"><button class="btn danger">{t.cancel_button()}</button></div>
            </form>
        </details>
    }
    .into_any()
}
