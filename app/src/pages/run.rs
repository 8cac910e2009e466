//! CI runs: a row among the builds while there is no image, and a page of its own.

use super::param;
use crate::parts::{Body, Icon, Reader, Section, Tone, age, chip, fact, lasted, outside, panel, path_with, when};
use crate::text::Text;
use crate::view::RunRow;
use domain::id::RunId;
use domain::run::RunStatus;
use leptos::prelude::*;

pub(super) fn run_chip(t: Text, run: &RunRow) -> AnyView {
    match run.status {
        RunStatus::Running => chip(Tone::Info, Icon::Turning, t.run_running()),
        RunStatus::Failed => chip(Tone::Bad, Icon::Cross, t.run_failed()),
        RunStatus::Canceled => chip(Tone::Idle, Icon::Minus, t.run_canceled()),
        RunStatus::Success if run.build.is_some() => chip(Tone::Ok, Icon::Check, t.run_success()),
        RunStatus::Success if run.made_nothing => chip(Tone::Wait, Icon::Alert, t.run_no_image()),
        RunStatus::Success => chip(Tone::Info, Icon::Clock, t.run_waits_for_image()),
    }
}

/// What people call a run: its git tag or branch, else the runner's own name.
pub(super) fn run_word(run: &RunRow) -> String {
    let named = run.tag.clone().or_else(|| run.branch.clone()).or_else(|| run.name.clone());
    named.unwrap_or_else(|| run.source.clone())
}

/// A run without an image, in the list of builds.
pub(super) fn run_row(r: &Reader, run: &RunRow) -> AnyView {
    let t = r.t;
    let by_app = path_with("/builds", &[("app", Some(&run.app))]);
    let href = format!("/runs/{}", run.id);
    let class = if run.tag.is_some() { "tag release" } else { "tag" };
    view! {
        <tr id=format!("r-{}", run.id) class="run">
            <td class="c-app"><a class="plain-link" href=by_app>{run.app.clone()}</a></td>
            <td class="c-name"><a class="plain-link" href=href><span class=class>{run_word(run)}</span></a></td>
            <td class="c-commit mid">{short_commit(t, run)}</td>
            <td class="c-digest mid"><span class="quiet">{t.dash()}</span></td>
            <td class="c-age num">{age(r, run.ended_at.or(run.started_at).unwrap_or(run.seen_at))}</td>
            <td class="c-verdict"><span class="chips">{run_chip(t, run)}</span></td>
            <td class="c-envs num opt"></td>
            <td class="c-runs"></td>
            <td class="c-act end">{run.url.as_ref().map(|url| outside(url, t.run_open()))}</td>
        </tr>
    }
    .into_any()
}

fn short_commit(t: Text, run: &RunRow) -> AnyView {
    let Some(revision) = &run.revision else { return view! { <span class="quiet">{t.dash()}</span> }.into_any() };
    let (title, short) = (revision.clone(), revision.chars().take(7).collect::<String>());
    view! { <code title=title>{short}</code> }.into_any()
}

/// `GET /runs/{id}`
#[component]
pub fn Run() -> impl IntoView {
    let id = RunId(param("id"));
    crate::parts::page(move |r| async move {
        let run = r.port().run(&r.actor, &id).await?;
        let content = view! { <div data-live="run">{facts(&r, &run)}</div> };
        let title = format!("{} · {}", run.app, run_word(&run));
        Ok(Body::new(Section::Builds, title, content).crumb("/builds", r.t.builds_title()).topics("builds"))
    })
}

fn facts(r: &Reader, run: &RunRow) -> AnyView {
    let t = r.t;
    let text = |label: &'static str, value: &Option<String>| {
        value.clone().map(|value| fact(label, view! { <span class="said">{value}</span> }))
    };
    let code =
        |label: &'static str, value: &Option<String>| value.clone().map(|value| fact(label, view! { <code>{value}</code> }));
    let build = run.build.as_ref().map(|id| {
        let href = format!("/builds/{id}");
        fact(t.image(), view! { <a href=href>{t.run_its_build()}</a> })
    });
    let next = match run.status {
        RunStatus::Failed => Some(t.run_failed_next()),
        RunStatus::Success if run.made_nothing => Some(t.run_no_image_next()),
        _ => None,
    };
    let next = next.map(|words| view! { <p class="pad-line hint">{words}</p> });
    let content = view! {
        {next}
        <dl class="facts">
            {fact(t.state(), run_chip(t, run))}
            {text(t.run_name(), &run.name)}
            {code(t.col_branch(), &run.branch)}
            {code(t.tag(), &run.tag)}
            {code(t.commit(), &run.revision)}
            {text(t.run_message(), &run.message)}
            {text(t.run_author(), &run.author)}
            {build}
            {run.started_at.map(|at| fact(t.run_started(), when(r, at)))}
            {fact(t.run_took(), lasted(r, run.started_at, run.ended_at))}
            {fact(t.col_source(), run.source.clone())}
            {run.url.as_ref().map(|url| fact(t.run_at(), outside(url, url.clone())))}
        </dl>
    };
    panel(t.facts(), (), content)
}
