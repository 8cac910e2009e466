//! Verdicts on a build: what was said, and the form to say it.

use crate::parts::{Choice, Form, Reader, only, panel, standing_chip, verdict_chip, when};
use crate::view::{BuildView, VerdictView};
use domain::Action;
use domain::id::{BuildId, EnvironmentId};
use domain::verdict::VerdictKind;
use leptos::prelude::*;

pub(super) fn panel_of(r: &Reader, build: &BuildView) -> AnyView {
    let t = r.t;
    let items = build.verdicts.iter().map(|verdict| item(r, verdict, &build.may)).collect_view();
    let list = if build.verdicts.is_empty() {
        view! { <p class="quiet pad">{t.no_verdicts()}</p> }.into_any()
    } else {
        view! { <ul class="lines">{items}</ul> }.into_any()
    };
    let form = if build.may.contains(&Action::RecordVerdict) {
        view! { <div class="part" id="verdict">{verdict_form(r, &build.row.id, None)}</div> }.into_any()
    } else {
        only(t, Action::RecordVerdict)
    };
    panel(
        t.verdicts(),
        view! { <span data-live="standing">{standing_chip(t, build.row.standing)}</span> },
        view! { <div data-live="verdicts">{list}</div>{form} },
    )
}

fn item(r: &Reader, verdict: &VerdictView, may: &[Action]) -> AnyView {
    let t = r.t;
    let environment = verdict.environment.as_ref().map(|id| {
        let href = format!("/environments/{id}");
        view! { " · "<a href=href>{t.in_environment()}</a> }
    });
    let end = if let Some(overruled) = &verdict.overruled {
        let (by, reason) = (t.overruled_by(&overruled.by_name), overruled.reason.clone());
        view! { <p class="aside">{by}" · "{when(r, overruled.at)}<span class="said">{reason}</span></p> }.into_any()
    } else if let Some(at) = verdict.withdrawn_at {
        view! { <p class="aside">{t.withdrawn()}" · "{when(r, at)}</p> }.into_any()
    } else {
        ().into_any()
    };
    let withdraw = (verdict.stands && verdict.mine && may.contains(&Action::WithdrawVerdict)).then(|| withdraw(r, verdict));
    let overrule = (verdict.stands && verdict.kind == VerdictKind::Fail && may.contains(&Action::OverruleVerdict))
        .then(|| overrule(r, verdict));
    let (author, note) = (verdict.author_name.clone(), verdict.note.clone());
    view! {
        <li class="said-item" class:fallen=!verdict.stands>
            <div class="said-head">
                {verdict_chip(t, verdict.kind)}
                <span class="grow"><b>{author}</b><span class="quiet">" · "{when(r, verdict.at)}{environment}</span></span>
                {withdraw}
            </div>
            {(!note.is_empty()).then(|| view! { <p class="said">{note}</p> })}
            {end}
            {overrule}
        </li>
    }
    .into_any()
}

fn withdraw(r: &Reader, verdict: &VerdictView) -> AnyView {
    let id = verdict.id.to_string();
    let form = Form::of(r, "/do/verdicts/withdraw", Some(("id", &id)));
    view! {
        <form method="post" action="/do/verdicts/withdraw">
            {form.alert()}
            <input type="hidden" name="id" value=id/>
            <button class="btn small">{r.t.withdraw()}</button>
        </form>
    }
    .into_any()
}

fn overrule(r: &Reader, verdict: &VerdictView) -> AnyView {
    let t = r.t;
    let id = verdict.id.to_string();
    let form = Form::of(r, "/do/verdicts/overrule", Some(("id", &id)));
    view! {
        <details class="fold" open=form.refused()>
            <summary>{t.overrule()}</summary>
            <form method="post" action="/do/verdicts/overrule" class="stack">
                {form.alert()}
                <input type="hidden" name="id" value=id/>
                <p class="hint">{t.overrule_help()}</p>
                {form.area("reason", t.overrule_reason(), "", true)}
                <div class="row"><button class="btn danger">{t.overrule()}</button></div>
            </form>
        </details>
    }
    .into_any()
}

/// The form to judge a build, here or from the environment in which it was looked at.
pub(in crate::pages) fn verdict_form(r: &Reader, build: &BuildId, environment: Option<&EnvironmentId>) -> AnyView {
    let t = r.t;
    let id = build.to_string();
    let form = Form::of(r, "/do/verdicts/record", Some(("build", &id)));
    let choice = |kind: VerdictKind, about: &'static str| Choice {
        value: kind.as_str().to_owned(),
        word: verdict_chip(t, kind),
        about: about.to_owned(),
        chosen: false,
    };
    let kinds = vec![
        choice(VerdictKind::Pass, t.about_pass()),
        choice(VerdictKind::Fail, t.about_fail()),
        choice(VerdictKind::Blocked, t.about_blocked()),
    ];
    let environment = environment.map(|id| view! { <input type="hidden" name="environment" value=id.to_string()/> });
    view! {
        <form method="post" action="/do/verdicts/record" class="stack">
            {form.alert()}
            <input type="hidden" name="build" value=id/>
            {environment}
            {form.radios("kind", t.record_verdict(), kinds)}
            {form.area("note", t.verdict_note(), t.verdict_note_hint(), false)}
            <div class="row">
                <button class="btn go">{t.save_verdict()}</button>
                <span class="hint">{t.record_verdict_help()}</span>
            </div>
        </form>
    }
    .into_any()
}
