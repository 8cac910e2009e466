//! Panels, empty states, pages of a list, and steps.

use super::{Icon, Reader, icon, lasted, path_with, step_dot};
use crate::text::Text;
use crate::view::StepView;
use domain::Action;
use domain::promotion::StepState;
use leptos::prelude::*;

/// A titled box.
pub fn panel(title: impl Into<String>, beside: impl IntoView + 'static, content: impl IntoView + 'static) -> AnyView {
    let title = title.into();
    view! {
        <section class="panel">
            <div class="panel-head"><h2>{title}</h2>{beside.into_any()}</div>
            {content.into_any()}
        </section>
    }
    .into_any()
}

/// Nothing here, and what to do about it.
pub fn empty(title: impl Into<String>, content: impl IntoView + 'static) -> AnyView {
    let title = title.into();
    view! { <div class="empty">{icon(Icon::Empty)}<p class="lead">{title}</p>{content.into_any()}</div> }.into_any()
}

/// The link to the next page of a list, with the present filter kept, and back to the first.
pub fn pager(t: Text, path: &str, filter: &[(&str, Option<&str>)], cursor: Option<&str>, next: Option<&str>) -> AnyView {
    if cursor.is_none() && next.is_none() {
        return ().into_any();
    }
    let first = cursor.map(|_| {
        let href = path_with(path, filter);
        view! { <a class="btn small" href=href>{t.first_page()}</a> }
    });
    let next = next.map(|next| {
        let mut pairs = filter.to_vec();
        pairs.push(("cursor", Some(next)));
        let href = path_with(path, &pairs);
        view! { <a class="btn small" href=href rel="next">{t.next_page()}</a> }
    });
    view! { <nav class="pager" aria-label=t.paging()>{first}{next}</nav> }.into_any()
}

/// The search field of a list and its button.
pub fn toolbar_search(t: Text, placeholder: &'static str, hint: &'static str, value: Option<&str>) -> AnyView {
    let value = value.map(ToOwned::to_owned);
    view! {
        <span class="search">
            {icon(Icon::Search)}
            <input
                id="search"
                name="q"
                type="search"
                placeholder=placeholder
                aria-label=placeholder
                title=hint
                value=value
                maxlength="200"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                data-search=""
            />
            <kbd aria-hidden="true">"/"</kbd>
        </span>
        <button class="btn">{t.search()}</button>
    }
    .into_any()
}

/// A label and what stands beside it, in a list of facts.
pub fn fact(label: impl Into<String>, content: impl IntoView + 'static) -> AnyView {
    let label = label.into();
    view! { <div class="fact"><dt>{label}</dt><dd>{content.into_any()}</dd></div> }.into_any()
}

/// Why a form is not here: who may use it.
pub fn only(t: Text, action: Action) -> AnyView {
    view! { <p class="only">{icon(Icon::Lock)}<span>{t.only_may(&t.who_may(action), t.action(action))}</span></p> }.into_any()
}

/// Long work, step by step.
pub fn steps(r: &Reader, steps: &[StepView]) -> AnyView {
    let t = r.t;
    let rows = steps
        .iter()
        .map(|step| {
            let running = step.state == StepState::Running;
            let failed = step.state == StepState::Failed;
            let subject = (!step.subject.is_empty()).then(|| {
                let subject = step.subject.clone();
                view! { <code class="subject">{subject}</code> }
            });
            let detail = step.detail.clone().filter(|detail| !detail.is_empty());
            let bar = detail.as_deref().filter(|_| running && step.kind == "pull").and_then(bar);
            let time = if matches!(step.state, StepState::Waiting | StepState::Skipped) {
                ().into_any()
            } else {
                lasted(r, step.started_at, step.ended_at)
            };
            view! {
                <li class="step" class:running=running class:failed=failed>
                    {step_dot(t, step.state)}
                    <div class="step-what">
                        <span>{t.step(&step.kind)}" "{subject}</span>
                        {bar}{detail.map(|detail| view! { <code class="line">{detail}</code> })}
                    </div>
                    <span class="step-time">{time}</span>
                </li>
            }
        })
        .collect_view();
    view! { <ol class="steps">{rows}</ol> }.into_any()
}

/// `12.3 / 45.6 MB` as a bar.
fn bar(detail: &str) -> Option<AnyView> {
    let (have, all) = detail.strip_suffix(" MB")?.split_once(" / ")?;
    let (have, all): (f64, f64) = (have.parse().ok()?, all.parse().ok()?);
    let known = have.is_finite() && all.is_finite() && all > 0.0;
    known.then(|| {
        let label = detail.to_owned();
        view! { <progress class="meter" max=all.to_string() value=have.min(all).to_string() aria-label=label></progress> }
            .into_any()
    })
}

/// How many steps are done, for a panel's title. One that was left out after a failure is not.
pub fn steps_done(t: Text, steps: &[StepView]) -> String {
    let failed = steps.iter().any(|step| step.state == StepState::Failed);
    let over = |step: &&StepView| step.state == StepState::Done || (step.state == StepState::Skipped && !failed);
    let done = steps.iter().filter(over).count();
    t.steps_done(done, steps.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bytes_of_a_whole_become_a_bar() {
        let html = bar("12.3 / 45.6 MB").expect("a bar").to_html();
        assert!(html.contains("max=\"45.6\"") && html.contains("value=\"12.3\""), "{html}");
        for none in ["", "0.0 / 0.0 MB", "already here", "a / b MB", "NaN / 1 MB"] {
            assert!(bar(none).is_none(), "{none}");
        }
    }
}
