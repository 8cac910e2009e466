//! The logs of an environment, readable without scripts and followed with them.

use super::{Tab, under_test};
use crate::islands::LogTail;
use crate::parts::{Reader, path_with};
use crate::view::EnvironmentView;
use domain::lease::EnvironmentState;
use leptos::prelude::*;

/// Lines of a log on a page without scripts.
const LINES: u32 = 200;

/// What the tab holds.
pub(super) async fn logs(r: &Reader, environment: &EnvironmentView, service: Option<&str>) -> AnyView {
    let log = log(r, environment, service).await;
    view! { <div data-live="log">{log}</div><LogTail/> }.into_any()
}

/// The last lines of a service's log; scripts follow it live.
async fn log(r: &Reader, environment: &EnvironmentView, asked: Option<&str>) -> AnyView {
    let t = r.t;
    let names: Vec<&str> = environment.services.iter().map(|service| service.name.as_str()).collect();
    let tested = under_test(environment).map(|build| build.app.as_str());
    let default = names.iter().copied().find(|name| Some(*name) == tested).or_else(|| names.first().copied());
    let Some(service) = asked.filter(|name| names.contains(name)).or(default) else { return ().into_any() };
    let id = &environment.row.id;
    let lines = r.port().log_tail(&r.actor, id, service, LINES).await;
    let tabs = names
        .iter()
        .map(|name| {
            let href = format!(
                "{}#log",
                path_with(&format!("/environments/{id}"), &[("tab", Some(Tab::Logs.as_str())), ("service", Some(name))])
            );
            let word = (*name).to_owned();
            view! { <a href=href aria-current=(*name == service).then_some("true")>{word}</a> }
        })
        .collect_view();
    let (text, note) = match lines {
        Ok(lines) if lines.is_empty() => (String::new(), t.log_empty()),
        Ok(lines) => (lines.join("\n"), t.log_tail_note()),
        Err(_) => (String::new(), t.log_away()),
    };
    let follows =
        matches!(environment.row.state, EnvironmentState::Launching | EnvironmentState::Running | EnvironmentState::Failed);
    let source = follows.then(|| format!("/environments/{id}/logs/{service}?tail={LINES}"));
    let toggle = follows.then(|| {
        view! { <button type="button" class="btn small js" data-follow="" aria-pressed="true">{t.log_follow()}</button> }
    });
    view! {
        <section class="panel" id="log">
            <div class="panel-head"><h2>{t.log()}</h2><nav class="tabs small" aria-label=t.log()>{tabs}</nav>{toggle}</div>
            <pre
                class="log"
                tabindex="0"
                role="log"
                aria-label=t.log_of(service)
                data-log=source
                data-gap=t.log_gap()
                data-end=t.log_end()
                data-away=t.log_away()
            >{text}</pre>
            <p class="log-note quiet">{note}</p>
        </section>
    }
    .into_any()
}
