//! The list of test environments.

mod capacity;

pub(super) use capacity::place;

use super::query;
use crate::parts::{
    Body, Icon, Reader, Section, Tone, chip, empty, environment_builds, environment_chip, icon, outside, pager, when,
};
use crate::text::Text;
use crate::view::{EnvironmentRow, Page, Paging, PortLink};
use domain::lease::EnvironmentState;
use leptos::prelude::*;

/// `GET /environments?all=1&cursor=`
#[component]
pub fn Environments() -> impl IntoView {
    let all = query("all").is_some();
    let cursor = query("cursor");
    crate::parts::page(move |r| async move {
        let paging = Paging { cursor: cursor.clone(), limit: None };
        let environments = r.port().environments(&r.actor, all, paging).await?;
        let room = r.port().capacity(&r.actor).await?;
        let content = view! {
            <div class="bar">{tabs(r.t, all)}</div>
            <div class="panel" data-live="environments">{list(&r, all, cursor.as_deref(), &environments)}</div>
            <div class="below" data-live="room">{capacity::section(&r, &room)}</div>
        };
        Ok(Body::new(Section::Environments, r.t.environments_title(), content).topics("environments"))
    })
}

fn tabs(t: Text, all: bool) -> AnyView {
    view! {
        <nav class="tabs" aria-label=t.state()>
            <a href="/environments" aria-current=(!all).then_some("true")>{t.show_running()}</a>
            <a href="/environments?all=1" aria-current=all.then_some("true")>{t.show_all()}</a>
        </nav>
    }
    .into_any()
}

fn list(r: &Reader, all: bool, cursor: Option<&str>, environments: &Page<EnvironmentRow>) -> AnyView {
    let t = r.t;
    if environments.items.is_empty() {
        let how = view! {
            <p>{t.no_environments_help()}</p>
            <p><a class="btn primary" href="/builds">{t.to_builds()}</a></p>
        };
        return empty(t.no_environments(), how);
    }
    let rows = environments.items.iter().map(|environment| row(r, environment)).collect_view();
    view! {
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{t.col_env()}</th>
                    <th scope="col">{t.state()}</th>
                    <th scope="col">{t.col_builds()}</th>
                    <th scope="col" class="mid">{t.stack()}</th>
                    <th scope="col">{t.col_holder()}</th>
                    <th scope="col">{t.col_lease()}</th>
                    <th scope="col">{t.col_links()}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
        {pager(t, "/environments", &[("all", all.then_some("1"))], cursor, environments.next.as_deref())}
    }
    .into_any()
}

fn row(r: &Reader, environment: &EnvironmentRow) -> AnyView {
    let t = r.t;
    let href = format!("/environments/{}", environment.id);
    let engine = (!environment.engine.is_empty()).then(|| t.on_engine(&environment.engine));
    view! {
        <tr id=format!("e-{}", environment.id)>
            <td class="c-name"><a class="name" href=href>{t.env_number(environment.number)}</a></td>
            <td class="c-state">{environment_chip(t, environment.state)}{away(r, environment)}</td>
            <td class="c-builds">{environment_builds(t, &environment.builds)}</td>
            <td class="c-stack mid"><span title=engine>{environment.stack.clone()}</span></td>
            <td class="c-who" data-label=t.col_holder()>{environment.holder_name.clone()}</td>
            <td class="c-when" data-label=t.col_lease()>{lease(r, environment)}</td>
            <td class="c-links"><span class="links">{links(t, environment)}</span></td>
        </tr>
    }
    .into_any()
}

/// That the engine is away, and since when.
pub(super) fn away(r: &Reader, environment: &EnvironmentRow) -> Option<AnyView> {
    let since = environment.engine_away_since?;
    Some(
        view! { <span class="chip wait">{icon(Icon::Alert)}<span>{r.t.engine_away_since()}" "{when(r, since)}</span></span> }
            .into_any(),
    )
}

/// When the lease ends, or when and why it ended.
pub(super) fn lease(r: &Reader, environment: &EnvironmentRow) -> AnyView {
    let t = r.t;
    match environment.ended_at {
        Some(at) => {
            let why = environment.end_reason.map(|reason| format!(" · {}", t.end_reason(reason)));
            view! { <span class="quiet">{t.lease_ended()}" "{when(r, at)}{why}</span> }.into_any()
        }
        None if environment.state == EnvironmentState::Queued => {
            view! { <span class="quiet">{t.lease_waits()}</span> }.into_any()
        }
        None => {
            let soon = environment.ends_soon.then(|| chip(Tone::Wait, Icon::Clock, t.soon()));
            view! { {t.lease_ends()}" "{when(r, environment.lease_ends_at)}" "{soon} }.into_any()
        }
    }
}

/// Links to the published ports, while something may answer there.
pub(super) fn links(t: Text, environment: &EnvironmentRow) -> AnyView {
    if matches!(environment.state, EnvironmentState::Stopping | EnvironmentState::Stopped) {
        return ().into_any();
    }
    environment.links.iter().map(|link| port_link(t, link)).collect_view().into_any()
}

fn port_link(t: Text, link: &PortLink) -> AnyView {
    outside(&link.url, t.open_service(&link.service))
}
