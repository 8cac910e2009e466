//! Verdicts on a build: what was said, found and shown, and the form to say it.

use crate::parts::{
    Choice, Form, Icon, Reader, Tone, chip, dot, environment_builds, icon, megabytes, note, only, panel, standing_chip,
    verdict_chip, when,
};
use crate::text::Text;
use crate::view::{BuildView, EvidenceView, VerdictView};
use domain::Action;
use domain::checklist::{self, ChecklistItem, ItemResult, JudgedItem, JudgedPlan};
use domain::id::{BuildId, EnvironmentId};
use domain::verdict::VerdictKind;
use leptos::prelude::*;

/// What a file chooser offers; what a file is, its bytes say.
const ACCEPTED: &str = "image/png,image/jpeg,image/webp,image/gif,application/pdf,text/plain,.log,.txt";

pub(super) fn panel_of(r: &Reader, build: &BuildView) -> AnyView {
    let t = r.t;
    let items = build.verdicts.iter().map(|verdict| item(r, verdict, &build.may)).collect_view();
    let list = if build.verdicts.is_empty() {
        view! { <p class="quiet pad">{t.no_verdicts()}</p> }.into_any()
    } else {
        view! { <ul class="lines">{items}</ul> }.into_any()
    };
    let form = if build.may.contains(&Action::RecordVerdict) {
        let form = verdict_form(r, &build.row.id, None, &build.checklist);
        view! { <div class="part" id="verdict">{form}</div> }.into_any()
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
    let withdraw = (verdict.stands && verdict.mine && may.contains(&Action::WithdrawVerdict)).then(|| withdraw(r, verdict));
    let overrule = (verdict.stands && verdict.kind == VerdictKind::Fail && may.contains(&Action::OverruleVerdict))
        .then(|| overrule(r, verdict));
    let id = format!("v-{}", verdict.id);
    view! {
        <li class="said-item" id=id class:fallen=!verdict.stands>
            <div class="said-head">{said_by(r, verdict)}{withdraw}</div>
            {said(r, verdict)}
            {end(r, verdict)}
            {overrule}
        </li>
    }
    .into_any()
}

/// The verdict, and who gave it when.
pub(in crate::pages) fn said_by(r: &Reader, verdict: &VerdictView) -> AnyView {
    let author = verdict.author_name.clone();
    view! {
        {verdict_chip(r.t, verdict.kind)}
        <span class="grow"><b>{author}</b><span class="quiet">" · "{when(r, verdict.at)}</span></span>
    }
    .into_any()
}

/// The note, the checklist, the evidence, and where it was seen.
pub(in crate::pages) fn said(r: &Reader, verdict: &VerdictView) -> AnyView {
    let t = r.t;
    let plan = verdict.plan.as_ref().map(|plan| found(t, plan));
    view! {
        {note(&verdict.note, verdict.issues.as_deref())}
        {plan}
        {evidence(t, &verdict.evidence)}
        {seen_in(t, verdict)}
    }
    .into_any()
}

fn seen_in(t: Text, verdict: &VerdictView) -> Option<AnyView> {
    let environment = verdict.environment.as_ref()?;
    let href = format!("/environments/{environment}");
    let words = match verdict.environment_number.zip(verdict.generation) {
        Some((number, generation)) => t.seen_in(number, generation),
        None => t.in_environment().to_owned(),
    };
    Some(view! { <div class="aside"><a href=href>{words}</a>" "{environment_builds(t, &verdict.set)}</div> }.into_any())
}

/// How it ended, when it no longer stands.
fn end(r: &Reader, verdict: &VerdictView) -> AnyView {
    let t = r.t;
    if let Some(overruled) = &verdict.overruled {
        let (by, reason) = (t.overruled_by(&overruled.by_name), overruled.reason.clone());
        return view! { <p class="aside">{by}" · "{when(r, overruled.at)}<span class="said">{reason}</span></p> }.into_any();
    }
    let Some(at) = verdict.withdrawn_at else { return ().into_any() };
    match &verdict.superseded_by {
        Some(later) => {
            let href = format!("#v-{later}");
            view! { <p class="aside">{t.superseded()}" · "{when(r, at)}" · "<a href=href>{t.later_verdict()}</a></p> }.into_any()
        }
        None => view! { <p class="aside">{t.withdrawn()}" · "{when(r, at)}</p> }.into_any(),
    }
}

fn item_dot(t: Text, result: ItemResult) -> AnyView {
    let (tone, which) = match result {
        ItemResult::Pass => (Tone::Ok, Icon::Check),
        ItemResult::Fail => (Tone::Bad, Icon::Cross),
        ItemResult::Blocked => (Tone::Wait, Icon::Minus),
        ItemResult::NotDone => (Tone::Idle, Icon::Clock),
    };
    dot(tone, which, item_word(t, result))
}

const fn item_word(t: Text, result: ItemResult) -> &'static str {
    match result {
        ItemResult::Pass => t.verdict_pass(),
        ItemResult::Fail => t.verdict_fail(),
        ItemResult::Blocked => t.verdict_blocked(),
        ItemResult::NotDone => t.item_not_done(),
    }
}

/// The checklist as it was: how much of it passed, and each item when it is unfolded.
fn found(t: Text, plan: &JudgedPlan) -> AnyView {
    let line = |item: &JudgedItem| {
        let (text, word) = (item.text.clone(), item_word(t, item.result));
        view! { <li class="line-item">{item_dot(t, item.result)}<span class="grow">{text}</span><span class="quiet">{word}</span></li> }
    };
    let others = [ItemResult::Fail, ItemResult::Blocked, ItemResult::NotDone];
    let others = others.into_iter().filter_map(|result| {
        let count = plan.count(result);
        (count > 0).then(|| format!(" · {count} {}", item_word(t, result)))
    });
    let summary = t.plan_counts(plan.count(ItemResult::Pass), plan.items.len());
    view! {
        <details class="fold">
            <summary>{summary}{others.collect::<String>()}</summary>
            <ul class="lines">{plan.items.iter().map(line).collect_view()}</ul>
            <p class="hint">{t.plan_version(&plan.version)}</p>
        </details>
    }
    .into_any()
}

/// Pictures small, everything else as links. The bytes come from a route of their own.
fn evidence(t: Text, files: &[EvidenceView]) -> Option<AnyView> {
    let one = |file: &EvidenceView| {
        let (href, name) = (format!("/evidence/{}", file.id), file.name.clone());
        let size = megabytes(t, file.bytes.max(100_000));
        if file.kind.is_picture() {
            let src = href.clone();
            return view! {
                <li>
                    <a class="shot" href=href target="_blank" rel="noopener" title=format!("{name} · {size}")>
                        <img src=src alt=t.screenshot(&name) loading="lazy"/>
                    </a>
                </li>
            }
            .into_any();
        }
        view! { <li><a href=href target="_blank" rel="noopener">{icon(Icon::Download)}{name}</a>" "<span class="quiet">{size}</span></li> }
            .into_any()
    };
    (!files.is_empty())
        .then(|| view! { <ul class="evidence" aria-label=t.evidence()>{files.iter().map(one).collect_view()}</ul> }.into_any())
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
pub(in crate::pages) fn verdict_form(
    r: &Reader,
    build: &BuildId,
    environment: Option<&EnvironmentId>,
    plan: &[ChecklistItem],
) -> AnyView {
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
        <form method="post" action="/do/verdicts/record" enctype="multipart/form-data" class="stack">
            {form.alert()}
            <input type="hidden" name="build" value=id/>
            {environment}
            {plan_fields(t, &form, plan)}
            {form.radios("kind", t.record_verdict(), kinds)}
            {form.area("note", t.verdict_note(), t.note_markdown_hint(), false)}
            {file_field(t, &form)}
            <div class="row">
                <button class="btn go">{t.save_verdict()}</button>
                <span class="hint">{t.record_verdict_help()}</span>
            </div>
        </form>
    }
    .into_any()
}

/// One choice for each item of the checklist, and the rule that holds for them.
fn plan_fields(t: Text, form: &Form, plan: &[ChecklistItem]) -> Option<AnyView> {
    let field = |item: &ChecklistItem| {
        let (id, name) = (form.id(&format!("items-{}", item.id)), format!("items[{}]", item.id));
        let chosen = form.value(&name);
        let option = |result: ItemResult| {
            let selected = chosen.as_deref().unwrap_or(ItemResult::NotDone.as_str()) == result.as_str();
            view! { <option value=result.as_str() selected=selected>{item_word(t, result)}</option> }
        };
        let text = item.text.clone();
        view! {
            <li class="line-item">
                <label class="grow" for=id.clone()>{text}</label>
                <select id=id name=name>{ItemResult::ALL.map(option).collect_view()}</select>
            </li>
        }
    };
    (!plan.is_empty()).then(|| {
        view! {
            <fieldset class="field plan">
                <legend>{t.checklist()}</legend>
                <input type="hidden" name="plan" value=checklist::version(plan)/>
                <ul class="lines">{plan.iter().map(field).collect_view()}</ul>
                <span class="hint">{t.checklist_rule()}</span>
            </fieldset>
        }
        .into_any()
    })
}

fn file_field(t: Text, form: &Form) -> AnyView {
    let id = form.id("files");
    view! {
        <div class="field">
            <label for=id.clone()>{t.evidence()}</label>
            <input id=id type="file" name="files" multiple=true accept=ACCEPTED/>
            {form.hint("files", t.evidence_hint())}
        </div>
    }
    .into_any()
}

/// That the build was sent back, for lists of chips.
pub(in crate::pages) fn sent_back_chip(t: Text) -> AnyView {
    chip(Tone::Bad, Icon::Back, t.sent_back())
}
