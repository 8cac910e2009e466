//! What waits for the reader: broken glass to review, builds to sign off, promotions to approve, builds
//! to test.

use super::build::{commits_content, said, said_by, send_back_form, sign_off_form};
use super::promotions::{build_word, regions_word};
use crate::parts::{Body, Reader, Section, build_link, empty, more_tags, panel, promotion_chip, standing_chip, when};
use crate::text::Text;
use crate::view::{BuildRow, EnvironmentDifference, PromotionRow, WaitingBuild, WaitingView};
use leptos::prelude::*;

/// `GET /waiting`
#[component]
pub fn Waiting() -> impl IntoView {
    crate::parts::page(|r| async move {
        let waiting = r.port().waiting(&r.actor).await?;
        let content = view! { <div data-live="waiting" class="column">{content(&r, &waiting)}</div> };
        Ok(Body::new(Section::Waiting, r.t.waiting_title(), content).topics("builds,promotions"))
    })
}

fn content(r: &Reader, waiting: &WaitingView) -> AnyView {
    let t = r.t;
    let none_to_decide = waiting.to_approve.is_empty() && waiting.to_review.is_empty();
    if waiting.to_sign.is_empty() && waiting.to_test.is_empty() && none_to_decide {
        let help = view! { <p>{t.waiting_none_help()}</p> };
        return view! { <div class="panel">{empty(t.waiting_none(), help)}</div> }.into_any();
    }
    let count = |count: usize| view! { <span class="quiet">{count}</span> };
    let to_sign = (!waiting.to_sign.is_empty()).then(|| {
        let items = waiting.to_sign.iter().map(|one| to_sign(r, one)).collect_view();
        panel(t.waiting_sign(), count(waiting.to_sign.len()), view! { <ul class="lines">{items}</ul> })
    });
    let to_test = (!waiting.to_test.is_empty()).then(|| {
        let items = waiting.to_test.iter().map(|row| to_test(r, row)).collect_view();
        panel(t.waiting_test(), count(waiting.to_test.len()), view! { <ul class="lines">{items}</ul> })
    });
    let listed = |title, rows: &[PromotionRow]| (!rows.is_empty()).then(|| panel(title, count(rows.len()), promotions(r, rows)));
    let to_review = listed(t.waiting_review(), &waiting.to_review);
    let to_approve = listed(t.waiting_approve(), &waiting.to_approve);
    view! { {to_review}{to_sign}{to_approve}{to_test} }.into_any()
}

/// A build, what there is to know of it, and the two answers.
fn to_sign(r: &Reader, one: &WaitingBuild) -> AnyView {
    let t = r.t;
    let place = if one.newest_in.is_empty() { t.older().to_owned() } else { t.newest_in(&one.newest_in.join(", ")) };
    let app = one.row.app.clone();
    view! {
        <li class="said-item">
            <div class="said-head">
                <b>{app}</b>
                {build_link(&one.row)}
                {more_tags(t, &one.row)}
                {standing_chip(t, one.row.standing)}
                <span class="grow quiet">{place}" · "{when(r, one.row.built_at.unwrap_or(one.row.seen_at))}</span>
            </div>
            {verdicts(r, one)}
            {changes(r, one)}
            {one.environment.as_ref().map(|difference| environment(t, difference))}
            <details class="fold">
                <summary>{t.accept()}</summary>
                {sign_off_form(r, &one.row.id, one.row.standing)}
            </details>
            {send_back_form(r, &one.row.id)}
        </li>
    }
    .into_any()
}

fn verdicts(r: &Reader, one: &WaitingBuild) -> Option<AnyView> {
    let item = |verdict| {
        view! { <li class="said-item"><div class="said-head">{said_by(r, verdict)}</div>{said(r, verdict)}</li> }
    };
    (!one.verdicts.is_empty()).then(|| {
        let items = one.verdicts.iter().map(item).collect_view();
        view! {
            <details class="fold">
                <summary>{r.t.verdict_count(one.verdicts.len())}</summary>
                <ul class="lines">{items}</ul>
            </details>
        }
        .into_any()
    })
}

/// The commits since the build before and since what each region runs.
fn changes(r: &Reader, one: &WaitingBuild) -> AnyView {
    match &one.commits {
        Some(news) => {
            view! { <details class="fold"><summary>{r.t.what_changed()}</summary>{commits_content(r, news)}</details> }.into_any()
        }
        None => {
            let href = format!("/builds/{}", one.row.id);
            view! { <p><a href=href>{r.t.look_at_build()}</a></p> }.into_any()
        }
    }
}

/// Variables that are others where this build was tested, by name.
fn environment(t: Text, told: &EnvironmentDifference) -> AnyView {
    let compared = t.environment_compared(told.tested_number, &told.before, told.before_number);
    let href = format!("/environments/{}", told.tested_in);
    let kinds =
        [(t.variables_added(), &told.added), (t.variables_removed(), &told.removed), (t.variables_changed(), &told.changed)];
    let same = kinds.iter().all(|(_, names)| names.is_empty()).then(|| view! { <p class="quiet">{t.environment_same()}</p> });
    let lists = kinds
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(word, names)| {
            let names = names.iter().map(|name| view! { <code>{name.clone()}</code>" " }).collect_view();
            view! { <p><span class="quiet">{word}</span>" "{names}</p> }
        })
        .collect_view();
    view! { <div class="aside"><a href=href>{compared}</a>{same}{lists}</div> }.into_any()
}

/// Promotions with what goes out and where, and who asks.
fn promotions(r: &Reader, rows: &[PromotionRow]) -> AnyView {
    let t = r.t;
    let items = rows
        .iter()
        .map(|row| {
            let (app, href, by) = (row.app.clone(), format!("/promotions/{}", row.id), row.requested_by_name.clone());
            view! {
                <li class="said-item">
                    <div class="said-head">
                        <b>{app}</b>
                        {build_word(row)}
                        {promotion_chip(t, row.state)}
                        <span class="grow"></span>
                        <a class="name" href=href>{t.promotion_number(row.number)}</a>
                    </div>
                    <p class="about">{regions_word(t, row)}" · "{by}" · "{when(r, row.requested_at)}</p>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="lines">{items}</ul> }.into_any()
}

/// A build that nobody has judged.
fn to_test(r: &Reader, row: &BuildRow) -> AnyView {
    let t = r.t;
    let (app, launch) = (row.app.clone(), format!("/builds/{}/launch", row.id));
    let label = t.launch_title(&format!("{} {}", row.app, crate::parts::release_first(row)));
    view! {
        <li class="line-item">
            <b>{app}</b>
            {build_link(row)}
            {more_tags(t, row)}
            <span class="grow quiet">{when(r, row.built_at.unwrap_or(row.seen_at))}</span>
            <a class="btn small" href=launch aria-label=label>{t.launch()}</a>
        </li>
    }
    .into_any()
}
