//! What stands beside the gates: the policy in words, exceptions, rejection, bookings, broken glass.

use crate::parts::{Field, Form, Icon, Reader, icon, panel, text_area, when};
use crate::text::{Text, problem_text};
use crate::view::{BookingView, FollowView, PromotionView};
use domain::gate::{GateKind, GateState};
use domain::promotion::PromotionState;
use domain::{Action, Problem, Time};
use leptos::prelude::*;

/// What people have to decide, in words.
pub(super) fn policy(t: Text, promotion: &PromotionView) -> AnyView {
    let Some(policy) = promotion.policy.as_ref().filter(|_| !promotion.row.kind.goes_back()) else {
        return ().into_any();
    };
    let lines = t.policy(policy).into_iter().map(|line| view! { <li class="line-item">{line}</li> }).collect_view();
    panel(t.policy_title(), (), view! { <ul class="lines" data-live="policy">{lines}</ul> })
}

/// A fold with a form of one text in it.
fn one_text(form: &Form, promotion: &PromotionView, what: OneText) -> AnyView {
    let id = promotion.row.id.to_string();
    let help = what.help.map(|help| view! { <p class="hint">{help}</p> });
    view! {
        <details class="panel fold-panel" id=what.anchor open=form.refused()>
            <summary><h2>{what.title}</h2></summary>
            <form method="post" action=what.action class="stack pad">
                {form.alert()}
                <input type="hidden" name="id" value=id/>
                {help}
                {form.area("reason", what.label, "", true)}
                <div class="row"><button class="btn danger">{what.button}</button></div>
            </form>
        </details>
    }
    .into_any()
}

struct OneText {
    anchor: &'static str,
    action: &'static str,
    title: &'static str,
    help: Option<&'static str>,
    label: &'static str,
    button: &'static str,
}

/// An exception from freeze windows, where one closes a region.
pub(super) fn exempt(r: &Reader, promotion: &PromotionView) -> AnyView {
    let frozen = |gate: &domain::gate::Gate| matches!(gate.kind, GateKind::NotFrozen { .. }) && gate.state != GateState::Green;
    if !promotion.may_exempt || !promotion.gates.iter().any(frozen) {
        return ().into_any();
    }
    let t = r.t;
    let form = Form::of(r, "/do/promotions/exempt", Some(("id", promotion.row.id.as_str())));
    let what = OneText {
        anchor: "exempt",
        action: "/do/promotions/exempt",
        title: t.exempt_title(),
        help: Some(t.exempt_help()),
        label: t.exempt_reason(),
        button: t.exempt_button(),
    };
    one_text(&form, promotion, what)
}

pub(super) fn reject(r: &Reader, promotion: &PromotionView) -> AnyView {
    if !promotion.may_reject {
        return ().into_any();
    }
    let t = r.t;
    let form = Form::of(r, "/do/promotions/reject", Some(("id", promotion.row.id.as_str())));
    let what = OneText {
        anchor: "reject",
        action: "/do/promotions/reject",
        title: t.reject_title(),
        help: None,
        label: t.reject_reason(),
        button: t.reject_button(),
    };
    one_text(&form, promotion, what)
}

/// Who sent it back, and why.
pub(super) fn rejection(r: &Reader, promotion: &PromotionView) -> AnyView {
    let Some(act) = promotion.rejection.clone() else { return ().into_any() };
    let at = when(r, act.at);
    let by = view! { <b>{r.t.rejected_by()}" "{act.by_name}</b> };
    view! { <div class="note">{icon(Icon::Back)}<div>{by}" "<span class="quiet">{at}</span><p class="said">{act.reason}</p></div></div> }
        .into_any()
}

/// That it starts by itself, or the form to let it.
pub(super) fn booking(r: &Reader, promotion: &PromotionView) -> AnyView {
    // One of a set is started by its set, and what follows a canary by its return.
    let alone = promotion.row.set.is_none() && promotion.follows.is_none();
    let may = alone && promotion.may.contains(&Action::StartPromotion);
    match &promotion.booking {
        Some(booking) => booked(r, promotion, booking, may),
        None if may => book_form(r, promotion),
        None => ().into_any(),
    }
}

fn booked(r: &Reader, promotion: &PromotionView, booking: &BookingView, may: bool) -> AnyView {
    let t = r.t;
    let time = booking.not_before.map(|at| {
        let exact = at.format("%Y-%m-%d %H:%M UTC").to_string();
        view! { <p>{t.not_before()}" "{when(r, at)}" · "<span class="quiet">{exact}</span></p> }
    });
    let waits = booking.waits.as_ref().map(|waits| tried(r, promotion, waits, booking.tried_at));
    let id = promotion.row.id.to_string();
    let unbook = may.then(|| {
        view! {
            <form method="post" action="/do/promotions/unbook" class="row">
                <input type="hidden" name="id" value=id/>
                <button class="btn">{t.unbook_button()}</button>
            </form>
        }
    });
    view! {
        <div class="part stack" id="booking" data-live="booking">
            <p>{icon(Icon::Clock)}" "<b>{t.booked(&booking.by_name)}</b></p>
            {time}
            {waits}
            {unbook}
        </div>
    }
    .into_any()
}

/// Why it did not start when it was tried last, with the names of the gates that were closed.
fn tried(r: &Reader, promotion: &PromotionView, waits: &Problem, tried_at: Option<Time>) -> AnyView {
    let at = tried_at.map(|at| when(r, at));
    let why = why_not(r.t, promotion, waits);
    view! { <p class="about">{r.t.booking_waits()}" "{why}" "<span class="quiet">{at}</span></p> }.into_any()
}

fn why_not(t: Text, promotion: &PromotionView, waits: &Problem) -> String {
    let happened = problem_text(t, waits).happened;
    match waits {
        Problem::GatesClosed { gates } => {
            let words: Vec<String> = gates.iter().map(|gate| gate_word(t, promotion, &gate.kind)).collect();
            format!("{happened} {}", words.join(" · "))
        }
        _ => happened,
    }
}

/// That a rollback starts by itself when a canary is gone, and why it has not started yet.
pub(super) fn follows(r: &Reader, promotion: &PromotionView, follow: &FollowView) -> AnyView {
    let t = r.t;
    let (href, number) = (format!("/promotions/{}", follow.canary.id), t.promotion_number(follow.canary.number));
    let waits = follow.waits.as_ref().map(|waits| tried(r, promotion, waits, follow.tried_at));
    view! {
        <div class="part stack">
            <p>{icon(Icon::Clock)}" "<b>{t.follows(&follow.by_name)}</b></p>
            <p class="about">{t.canary()}" "<a href=href>{number}</a>" · "{t.follows_until()}" "{when(r, follow.until)}</p>
            {waits}
        </div>
    }
    .into_any()
}

/// Why a rollback that was to follow a canary was given up.
pub(super) fn given_up(r: &Reader, promotion: &PromotionView) -> AnyView {
    let t = r.t;
    let over = promotion.row.state == PromotionState::Expired;
    let Some(why) = promotion.follows.as_ref().filter(|_| over).and_then(|follow| follow.waits.as_ref()) else {
        return ().into_any();
    };
    let why = why_not(t, promotion, why);
    view! { <div class="note bad">{icon(Icon::Alert)}<div><b>{t.follows_given_up()}</b><p>{why}</p></div></div> }.into_any()
}

fn gate_word(t: Text, promotion: &PromotionView, kind: &GateKind) -> String {
    let region = crate::view::gate_region(kind).map(|name| {
        let known = promotion.row.regions.iter().find(|region| region.name == name);
        known.map_or_else(|| name.to_owned(), |region| crate::parts::region_title(t, region))
    });
    t.gate(kind, &region.unwrap_or_default())
}

fn book_form(r: &Reader, promotion: &PromotionView) -> AnyView {
    let t = r.t;
    let id = promotion.row.id.to_string();
    let form = Form::of(r, "/do/promotions/book", Some(("id", &id)));
    let app = promotion.row.app.as_str();
    let password = promotion
        .password_needed
        .then(|| form.input(Field::password("password", t.password_itself(), "current-password").hint(t.password_again_why())));
    let time = Field { kind: "datetime-local", required: false, ..Field::text("not_before", t.not_before()) };
    view! {
        <details class="part fold" id="booking" open=form.refused()>
            <summary>{t.booking_title()}</summary>
            <form method="post" action="/do/promotions/book" class="stack confirm" aria-label=t.booking_title()>
                {form.alert()}
                <input type="hidden" name="id" value=id/>
                {form.input(time.hint(t.not_before_zone(&promotion.time_zone)))}
                {guard(&form, t.confirm_itself(app), app)}
                {password}
                <div class="row"><button class="btn" data-guarded="">{t.book_button()}</button></div>
            </form>
        </details>
    }
    .into_any()
}

/// The app's name, to be typed. The label says what for: the start beside it asks for the same.
fn guard(form: &Form, label: String, app: &str) -> AnyView {
    form.input(Field { guard: Some(app.to_owned()), ..Field::text("app", label) })
}

/// The form to start past people's gates, where the policy allows it.
pub(super) fn glass_form(r: &Reader, promotion: &PromotionView) -> AnyView {
    let t = r.t;
    let allowed = promotion.policy.as_ref().is_some_and(|policy| policy.break_glass);
    let forward = !promotion.row.kind.goes_back() && promotion.row.state == PromotionState::Open;
    if !allowed || !forward || promotion.row.set.is_some() || !promotion.may.contains(&Action::BreakGlass) {
        return ().into_any();
    }
    let id = promotion.row.id.to_string();
    let form = Form::of(r, "/do/promotions/break-glass", Some(("id", &id)));
    let app = promotion.row.app.as_str();
    let password = Field::password("password", t.password_glass(), "current-password").hint(t.glass_password_why());
    view! {
        <details class="panel fold-panel" id="glass" open=form.refused()>
            <summary><h2>{t.glass_title()}</h2></summary>
            <form method="post" action="/do/promotions/break-glass" class="stack pad confirm" aria-label=t.glass_title()>
                {form.alert()}
                <input type="hidden" name="id" value=id/>
                <p class="hint">{icon(Icon::Alert)}{t.glass_help()}</p>
                {form.area("reason", t.glass_reason(), "", true)}
                {guard(&form, t.confirm_glass(app), app)}
                {form.input(password)}
                <div class="row"><button class="btn danger" data-guarded="">{t.glass_button()}</button></div>
            </form>
        </details>
    }
    .into_any()
}

/// Who broke the glass and why, and its review, which stays open until another lead closes it.
pub(super) fn glass(r: &Reader, promotion: &PromotionView) -> AnyView {
    let t = r.t;
    let Some(glass) = promotion.glass.clone() else { return ().into_any() };
    let review = match (&glass.reviewed, glass.may_review) {
        (Some(act), _) => {
            let (by, at, note) = (t.review_closed(&act.by_name), when(r, act.at), act.reason.clone());
            view! { <p>{icon(Icon::Check)}<b>{by}</b>" "<span class="quiet">{at}</span></p><p class="said">{note}</p> }.into_any()
        }
        (None, may) => {
            view! { <p>{icon(Icon::Clock)}<b>{t.review_open()}</b></p>{may.then(|| review_form(r, promotion))} }.into_any()
        }
    };
    let (class, at) = (if glass.reviewed.is_some() { "note" } else { "note bad" }, when(r, glass.broken.at));
    view! {
        <div class=class id="review">
            {icon(Icon::Alert)}
            <div>
                <b>{t.glass_broken(&glass.broken.by_name)}</b>" "<span class="quiet">{at}</span>
                <p class="said">{glass.broken.reason}</p>
                {review}
            </div>
        </div>
    }
    .into_any()
}

fn review_form(r: &Reader, promotion: &PromotionView) -> AnyView {
    let t = r.t;
    let id = promotion.row.id.to_string();
    let form = Form::of(r, "/do/promotions/review", Some(("id", &id)));
    let field = form.id("note");
    view! {
        <form method="post" action="/do/promotions/review" class="stack">
            {form.alert()}
            <input type="hidden" name="id" value=id/>
            <div class="field">
                <label for=field.clone()>{t.review_note()}</label>
                {text_area(field, "note", 3, 2000, true, &form.value("note").unwrap_or_default())}
            </div>
            <div class="row"><button class="btn">{t.review_button()}</button></div>
        </form>
    }
    .into_any()
}
