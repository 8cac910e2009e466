//! What the engine says about a container, in its own words.

use super::super::query;
use super::{Tab, under_test};
use crate::parts::{Reader, path_with};
use crate::view::EnvironmentView;
use domain::Problem;
use leptos::prelude::*;

/// The service that the address names.
pub(super) fn asked() -> Option<String> {
    query("service")
}

/// What the tab holds.
pub(super) async fn inspect(r: &Reader, environment: &EnvironmentView, asked: Option<&str>) -> AnyView {
    let t = r.t;
    let names: Vec<&str> = environment.services.iter().map(|service| service.name.as_str()).collect();
    let tested = under_test(environment).map(|build| build.app.as_str());
    let default = names.iter().copied().find(|name| Some(*name) == tested).or_else(|| names.first().copied());
    let Some(service) = asked.filter(|name| names.contains(name)).or(default) else {
        return view! { <section class="panel"><p class="quiet pad">{t.no_services()}</p></section> }.into_any();
    };
    let tabs = names
        .iter()
        .map(|name| {
            let path = format!("/environments/{}", environment.row.id);
            let href = path_with(&path, &[("tab", Some(Tab::Inspect.as_str())), ("service", Some(name))]);
            view! { <a href=href aria-current=(*name == service).then_some("true")>{(*name).to_owned()}</a> }
        })
        .collect_view();
    let content = match r.port().inspect(&r.actor, &environment.row.id, service).await {
        Ok(told) => {
            let (copy, label) = (told.json.clone(), t.inspect_of(&told.service));
            let button =
                view! { <button type="button" class="btn small js" data-copy=copy data-copied=t.copied()>{t.copy()}</button> };
            view! {
                <p class="pad-line quiet">{t.inspect_note()}" "{button}</p>
                <pre class="file tall" tabindex="0" aria-label=label>{told.json}</pre>
            }
            .into_any()
        }
        Err(Problem::Unreachable { .. }) => view! { <p class="quiet pad">{t.engine_away()}</p> }.into_any(),
        Err(_) => view! { <p class="quiet pad">{t.no_container()}</p> }.into_any(),
    };
    view! {
        <section class="panel">
            <div class="panel-head"><h2>{t.tab_inspect()}</h2><nav class="tabs small" aria-label=t.services()>{tabs}</nav></div>
            {content}
        </section>
    }
    .into_any()
}
