//! What checks say of a build or an environment.

use crate::parts::{Icon, Reader, Tone, chip, lasted, panel, when};
use crate::text::{Text, problem_text};
use crate::view::CheckView;
use domain::check::{CheckState, FailingCase, Report};
use leptos::prelude::*;

/// The checks, the newest first; nothing when there is none.
pub(super) fn checks(r: &Reader, checks: &[CheckView]) -> AnyView {
    if checks.is_empty() {
        return ().into_any();
    }
    let t = r.t;
    let items = checks.iter().map(|check| one(r, check)).collect_view();
    panel(t.checks(), view! { <span class="quiet">{t.checks_help()}</span> }, view! { <ul class="sets">{items}</ul> })
}

fn one(r: &Reader, check: &CheckView) -> AnyView {
    let t = r.t;
    let href = format!("/environments/{}", check.environment);
    let place = format!("{} · {}", t.env_number(check.environment_number), t.set_number(check.generation));
    let code = check.exit_code.map(|code| view! { <span class="quiet">{t.check_exit(code)}</span> });
    let problem = check.problem.as_ref().map(|problem| view! { <p class="hint">{problem_text(t, problem).happened}</p> });
    let service = check.service.clone();
    view! {
        <li class="set-item">
            <span class="set-head">
                {state(t, check.state)}<b>{service}</b>{code}
                <span class="quiet"><a href=href>{place}</a>" · "{when(r, check.created_at)}" · "{lasted(r, check.started_at, check.ended_at)}</span>
            </span>
            {problem}
            {check.report.as_ref().map(|report| told(t, report))}
        </li>
    }
    .into_any()
}

fn state(t: Text, state: CheckState) -> AnyView {
    let (tone, icon) = match state {
        CheckState::Waiting => (Tone::Idle, Icon::Clock),
        CheckState::Running => (Tone::Wait, Icon::Turning),
        CheckState::Passed => (Tone::Ok, Icon::Check),
        CheckState::Failed => (Tone::Bad, Icon::Cross),
        CheckState::Broken => (Tone::Idle, Icon::Alert),
    };
    chip(tone, icon, t.check_state(state))
}

/// The counts, and the cases that did not pass.
fn told(t: Text, report: &Report) -> AnyView {
    let failed = report.failures + report.errors;
    let counts = t.check_counts(report.tests, failed, report.skipped);
    if report.failing.is_empty() {
        return view! { <p class="quiet">{counts}</p> }.into_any();
    }
    let rest = failed.saturating_sub(u32::try_from(report.failing.len()).unwrap_or(u32::MAX));
    let more = (rest > 0).then(|| view! { <li class="quiet">{t.check_more(rest)}</li> });
    let cases = report.failing.iter().map(case).collect_view();
    view! { <details class="fold"><summary>{counts}</summary><ul class="cases">{cases}{more}</ul></details> }.into_any()
}

fn case(case: &FailingCase) -> AnyView {
    let name = if case.group.is_empty() { case.name.clone() } else { format!("{} › {}", case.group, case.name) };
    let message = (!case.message.is_empty()).then(|| {
        let message = case.message.clone();
        view! { <code class="line">{message}</code> }
    });
    view! { <li><span>{name}</span>{message}</li> }.into_any()
}
