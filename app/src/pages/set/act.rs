//! What can be done with a set: approve, start, let it start by itself, send back, withdraw.

use crate::parts::{Field, Form, Icon, Reader, icon, only, panel, region_title, when};
use crate::text::problem_text;
use crate::view::{BookingView, SetMember, SetView};
use domain::Action;
use domain::gate::GateState;
use domain::promotion::PromotionState;
use leptos::prelude::*;

fn is_open(member: &SetMember) -> bool {
    member.row.state == PromotionState::Open
}

/// Approves what the reader may approve of it. It says afterwards what could not be.
pub(super) fn approve(r: &Reader, set: &SetView) -> AnyView {
    let t = r.t;
    if !set.may_approve || !set.may.contains(&Action::ApprovePromotion) {
        return ().into_any();
    }
    let number = set.number.to_string();
    view! {
        <form method="post" action="/do/sets/approve">
            <input type="hidden" name="set" value=number/>
            <button class="btn primary" title=t.set_approve_help()>{icon(Icon::Check)}{t.set_approve()}</button>
        </form>
    }
    .into_any()
}

/// The guarded button for all of it, while nobody has started the set.
pub(super) fn start(r: &Reader, set: &SetView) -> AnyView {
    let t = r.t;
    if set.state != PromotionState::Open {
        return ().into_any();
    }
    let content = if set.may.contains(&Action::StartPromotion) { start_form(r, set) } else { only(t, Action::StartPromotion) };
    view! { <div id="start">{panel(t.set_start_title(), (), view! { <div class="guarded">{content}</div> })}</div> }.into_any()
}

fn start_form(r: &Reader, set: &SetView) -> AnyView {
    let t = r.t;
    let number = set.number.to_string();
    let form = Form::of(r, "/do/sets/start", Some(("set", &number)));
    let ready = |member: &&SetMember| !member.gates.is_empty() && member.gates.iter().all(|gate| gate.state == GateState::Green);
    let closed = set.members.len() - set.members.iter().filter(ready).count();
    let names: Vec<String> = set.members.iter().map(|member| member.row.app.clone()).collect();
    let act = if closed == 0 {
        view! {
            {form.guard("app", &number, set.password_needed)}
            <div class="row"><button class="btn primary" data-guarded="">{icon(Icon::Play)}{t.set_start_button()}</button></div>
        }
        .into_any()
    } else {
        view! {
            <div class="row">
                <button class="btn primary" disabled aria-describedby="why-closed">{icon(Icon::Lock)}{t.set_start_button()}</button>
                <span id="why-closed" class="why">{icon(Icon::Clock)}{t.set_closed(closed)}" · "{t.set_start_closed()}</span>
            </div>
        }
        .into_any()
    };
    view! {
        <form method="post" action="/do/sets/start" class="stack confirm" aria-label=t.set_start_title()>
            {form.alert()}
            <input type="hidden" name="set" value=number.clone()/>
            {act}
            <p class="hint">{t.set_start_order(&names.join(" → "))}</p>
        </form>
    }
    .into_any()
}

/// That the set starts by itself, or the form to let it, while nobody has started it.
pub(super) fn booking(r: &Reader, set: &SetView) -> AnyView {
    let may = set.may.contains(&Action::StartPromotion);
    match &set.booking {
        _ if set.state != PromotionState::Open => ().into_any(),
        Some(booking) => booked(r, set, booking, may),
        None if may => book_form(r, set),
        None => ().into_any(),
    }
}

fn booked(r: &Reader, set: &SetView, booking: &BookingView, may: bool) -> AnyView {
    let t = r.t;
    let times = set
        .times
        .iter()
        .map(|time| view! { <li class="about">{t.set_time_in(&region_title(t, &time.region), &time.at, &time.time_zone)}</li> })
        .collect_view();
    let time = booking.not_before.map(|at| view! { <p>{t.not_before()}" "{when(r, at)}</p><ul class="plain">{times}</ul> });
    let waits = booking.waits.as_ref().map(|waits| {
        let at = booking.tried_at.map(|at| when(r, at));
        view! { <p class="about warn">{t.booking_waits()}" "{problem_text(t, waits).happened}" "<span class="quiet">{at}</span></p> }
    });
    let number = set.number.to_string();
    let unbook = may.then(|| {
        view! {
            <form method="post" action="/do/sets/unbook" class="row">
                <input type="hidden" name="set" value=number/>
                <button class="btn">{t.unbook_button()}</button>
            </form>
        }
    });
    let content = view! {
        <div class="pad stack" data-live="booking">
            <p>{icon(Icon::Clock)}" "<b>{t.set_booked(&booking.by_name)}</b></p>
            {time}
            {waits}
            {unbook}
        </div>
    };
    view! { <div id="booking">{panel(t.set_booking_title(), (), content)}</div> }.into_any()
}

fn book_form(r: &Reader, set: &SetView) -> AnyView {
    let t = r.t;
    let number = set.number.to_string();
    let form = Form::of(r, "/do/sets/book", Some(("set", &number)));
    let time = Field { kind: "datetime-local", required: false, ..Field::text("not_before", t.not_before()) };
    let typed = Field { guard: Some(number.clone()), ..Field::text("app", t.confirm_itself(&number)) };
    let password = set
        .password_needed
        .then(|| form.input(Field::password("password", t.password_itself(), "current-password").hint(t.password_again_why())));
    view! {
        <details class="panel fold-panel" id="booking" open=form.refused()>
            <summary><h2>{t.set_booking_title()}</h2></summary>
            <form method="post" action="/do/sets/book" class="stack pad confirm" aria-label=t.set_booking_title()>
                {form.alert()}
                <input type="hidden" name="set" value=number.clone()/>
                <p class="hint">{t.set_booking_help()}</p>
                {form.input(time.hint(t.not_before_zone(&set.time_zone)))}
                {form.input(typed)}
                {password}
                <div class="row"><button class="btn" data-guarded="">{t.book_button()}</button></div>
            </form>
        </details>
    }
    .into_any()
}

/// A fold with a form for a reason.
fn with_reason(r: &Reader, set: &SetView, what: WithReason) -> AnyView {
    let number = set.number.to_string();
    let form = Form::of(r, what.action, Some(("set", &number)));
    view! {
        <details class="panel fold-panel" open=form.refused()>
            <summary><h2>{what.title}</h2></summary>
            <form method="post" action=what.action class="stack pad">
                {form.alert()}
                <input type="hidden" name="set" value=number.clone()/>
                <p class="hint">{what.help}</p>
                {form.area("reason", what.label, "", true)}
                <div class="row"><button class="btn danger">{what.button}</button></div>
            </form>
        </details>
    }
    .into_any()
}

struct WithReason {
    action: &'static str,
    title: &'static str,
    help: &'static str,
    label: &'static str,
    button: &'static str,
}

pub(super) fn reject(r: &Reader, set: &SetView) -> AnyView {
    let t = r.t;
    if !set.may_reject || !set.may.contains(&Action::ApprovePromotion) {
        return ().into_any();
    }
    let what = WithReason {
        action: "/do/sets/reject",
        title: t.set_reject_title(),
        help: t.set_reject_help(),
        label: t.set_reject_reason(),
        button: t.set_reject_button(),
    };
    with_reason(r, set, what)
}

pub(super) fn withdraw(r: &Reader, set: &SetView) -> AnyView {
    let t = r.t;
    if !set.members.iter().any(is_open) || !set.may.contains(&Action::CancelPromotion) {
        return ().into_any();
    }
    let what = WithReason {
        action: "/do/sets/cancel",
        title: t.set_withdraw_title(),
        help: t.set_withdraw_help(),
        label: t.set_withdraw_reason(),
        button: t.set_withdraw_button(),
    };
    with_reason(r, set, what)
}
