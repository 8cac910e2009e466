//! A promotion that runs: what it waits for, and the buttons to pause, let go on, and end it.

use crate::parts::{Form, Icon, Reader, icon, when};
use crate::view::{PromotionLink, PromotionView};
use domain::Action;
use domain::id::PromotionId;
use domain::promotion::PromotionState;
use leptos::prelude::*;

/// What it waits for, and by whose word.
pub(super) fn notes(r: &Reader, promotion: &PromotionView) -> AnyView {
    let t = r.t;
    let course = &promotion.course;
    let note = |class: &'static str, which: Icon, title: String, words: AnyView| {
        view! { <div class=class>{icon(which)}<div><b>{title}</b><p>{words}</p></div></div> }
    };
    let paused = course.paused_by.as_ref().map(|by| {
        let since = course.paused_at.map(|at| view! { {when(r, at)}" · " });
        note("note wait", Icon::Clock, t.paused_by(by), view! { {since}{t.paused_help()} }.into_any())
    });
    let wave = course.next_wave.filter(|_| course.paused_by.is_none()).map(|wave| match course.soaks_until {
        Some(until) => note("note info", Icon::Clock, t.wave_starts(wave), when(r, until)),
        None => note("note wait", Icon::Clock, t.wave_wants_look(wave), view! { {t.wave_look_help()} }.into_any()),
    });
    let aborted = course.aborted_by.as_ref().map(|by| {
        let why = course.aborted_why.clone().unwrap_or_default();
        note("note bad", Icon::Minus, t.aborted_by(by), view! { <span class="said">{why}</span> }.into_any())
    });
    let link = |to: &PromotionLink| {
        let (href, number) = (format!("/promotions/{}", to.id), to.number);
        view! { <a href=href>{t.promotion_number(number)}</a>" " }
    };
    let because =
        course.because_of.as_ref().map(|cause| note("note info", Icon::Back, t.because_of().to_owned(), link(cause).into_any()));
    let went_back = (!course.went_back.is_empty()).then(|| {
        let links = course.went_back.iter().map(link).collect_view();
        note("note info", Icon::Back, t.went_back().to_owned(), links.into_any())
    });
    view! { {paused}{wave}{aborted}{because}{went_back} }.into_any()
}

/// The buttons to pause it and to let it go on, for those who may.
pub(super) fn buttons(r: &Reader, promotion: &PromotionView) -> AnyView {
    if promotion.row.state != PromotionState::Running {
        return ().into_any();
    }
    let t = r.t;
    let course = &promotion.course;
    let may = |action| promotion.may.contains(&action);
    let id = &promotion.row.id;
    let waits = course.paused_by.is_some() || course.wants_look;
    let words =
        if course.paused_by.is_some() { t.resume_button().to_owned() } else { t.begin_wave(course.next_wave.unwrap_or(1)) };
    let resume =
        (waits && may(Action::PausePromotion)).then(|| button(id, "/do/promotions/resume", "btn primary", Icon::Play, words));
    let pause = (course.paused_by.is_none() && may(Action::PausePromotion))
        .then(|| button(id, "/do/promotions/pause", "btn", Icon::Clock, t.pause_button().to_owned()));
    view! { <div class="row">{resume}{pause}</div> }.into_any()
}

fn button(id: &PromotionId, action: &'static str, class: &'static str, which: Icon, words: String) -> AnyView {
    view! {
        <form method="post" action=action>
            <input type="hidden" name="id" value=id.to_string()/>
            <button class=class>{icon(which)}{words}</button>
        </form>
    }
    .into_any()
}

/// The form to end it. It stands apart from what is live: nobody's reason is lost while they write.
pub(super) fn ending(r: &Reader, promotion: &PromotionView) -> AnyView {
    let t = r.t;
    if promotion.row.state != PromotionState::Running || !promotion.may.contains(&Action::AbortPromotion) {
        return ().into_any();
    }
    let id = promotion.row.id.to_string();
    let form = Form::of(r, "/do/promotions/abort", Some(("id", &id)));
    view! {
        <details class="panel fold-panel" open=form.refused()>
            <summary><h2>{t.abort_title()}</h2></summary>
            <form method="post" action="/do/promotions/abort" class="stack pad">
                {form.alert()}
                <input type="hidden" name="id" value=id/>
                {form.area("reason", t.abort_reason(), t.abort_help(), true)}
                <div class="row"><button class="btn danger">{t.abort_button()}</button></div>
            </form>
        </details>
    }
    .into_any()
}
