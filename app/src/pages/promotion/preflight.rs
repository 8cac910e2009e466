//! What a start would change in one region, said beforehand.

use crate::parts::{Reader, megabytes};
use crate::text::Text;
use crate::view::{PreflightView, RangeView, RolloutView};
use leptos::prelude::*;

/// Commits whose subjects are shown; the build's page has the others.
const COMMITS: usize = 3;

pub(super) fn of_region(r: &Reader, build: &str, rollout: &RolloutView) -> Option<AnyView> {
    let t = r.t;
    let known = rollout.preflight.as_ref()?;
    let size = known.image_size.map(|bytes| t.preflight_size(&megabytes(t, bytes)));
    let expected = match known.expected_seconds {
        Some(seconds) => t.preflight_expected(&t.span(i64::from(seconds)), known.of_rollouts),
        None => t.preflight_no_past().to_owned(),
    };
    let facts: Vec<String> =
        [size, Some(expected), known.goes_back.then(|| t.goes_back().to_owned())].into_iter().flatten().collect();
    Some(
        view! {
            <p class="about">{facts.join(" · ")}</p>
            {known.commits.as_ref().map(|range| commits(t, build, range))}
            {variables(t, known)}
            {secrets(t, known)}
        }
        .into_any(),
    )
}

/// How tasks are replaced there.
pub(super) fn manner(t: Text, rollout: &RolloutView) -> String {
    let Some(known) = &rollout.preflight else {
        return if rollout.replicas > 1 { format!(" · {}", t.one_at_a_time()) } else { String::new() };
    };
    let order = if known.stop_first { t.stop_first() } else { t.start_first() };
    let many = if rollout.replicas > 1 { format!(" · {}", t.at_a_time(known.at_a_time)) } else { String::new() };
    let delay = if known.delay_seconds > 0 { format!(" · {}", t.between_batches(known.delay_seconds)) } else { String::new() };
    format!("{many} · {order}{delay}")
}

fn commits(t: Text, build: &str, range: &RangeView) -> AnyView {
    let subjects = range.ahead.iter().take(COMMITS).map(|commit| {
        let subject: String = commit.subject.iter().map(text_of).collect();
        view! { <li>{subject}</li> }
    });
    let href = format!("/builds/{build}#commits");
    view! {
        <div class="about">
            <a href=href>{crate::pages::build::range_words(t, range)}</a>
            <ul class="short">{subjects.collect_view()}</ul>
        </div>
    }
    .into_any()
}

fn text_of(piece: &domain::commits::Segment) -> String {
    match piece {
        domain::commits::Segment::Text(text) | domain::commits::Segment::Link { text, .. } => text.clone(),
    }
}

/// The names of variables that change. Values are never shown.
fn variables(t: Text, known: &PreflightView) -> AnyView {
    let none = known.variables_added.is_empty() && known.variables_changed.is_empty() && known.variables_removed.is_empty();
    view! {
        {line(&known.variables_added, t.adds_variables())}
        {line(&known.variables_changed, t.changes_variables())}
        {line(&known.variables_removed, t.removes_variables())}
        {none.then(|| view! { <p class="about">{t.variables_same()}</p> })}
    }
    .into_any()
}

/// The names of secrets that change; where none does, there is nothing to say.
fn secrets(t: Text, known: &PreflightView) -> AnyView {
    view! {
        {line(&known.secrets_added, t.adds_secrets())}
        {line(&known.secrets_changed, t.changes_secrets())}
        {line(&known.secrets_removed, t.removes_secrets())}
    }
    .into_any()
}

fn line(names: &[String], words: &'static str) -> Option<AnyView> {
    if names.is_empty() {
        return None;
    }
    let names = names.iter().map(|name| view! { <code>{name.clone()}</code>" " }).collect_view();
    Some(view! { <p class="about">{words}": "{names}</p> }.into_any())
}
