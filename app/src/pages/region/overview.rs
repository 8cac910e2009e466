//! What a region is made of now: nodes, services with their tasks, and its contingency plans.

use super::super::regions::state;
use crate::parts::{Icon, Reader, Tone, alert, chip, empty, icon, outside, panel, path_with, short_digest, when};
use crate::text::Text;
use crate::view::{NodeView, PlanView, RegionService, RegionView, TaskView};
use domain::Action;
use leptos::prelude::*;

/// Tasks of a service that stand open; the ones before are folded.
const OPEN_TASKS: usize = 12;

/// What the tab holds.
pub(super) fn overview(r: &Reader, region: &RegionView) -> AnyView {
    let t = r.t;
    let away = region.problem.as_ref().map(|problem| alert(t, problem));
    let services = region.services.iter().map(|service| service_panel(r, region, service)).collect_view();
    view! {
        <div class="above" data-live="away">{away}</div>
        <div class="column" data-live="region">{services}{nodes(t, &region.nodes)}{plans(t, &region.plans)}</div>
    }
    .into_any()
}

fn nodes(t: Text, nodes: &[NodeView]) -> AnyView {
    if nodes.is_empty() {
        return ().into_any();
    }
    let rows = nodes
        .iter()
        .map(|node| {
            let (name, address, engine) = (node.name.clone(), node.address.clone(), node.engine.clone());
            let ready = node.state == "ready";
            let (tone, sign) = if ready { (Tone::Ok, Icon::Check) } else { (Tone::Bad, Icon::Cross) };
            let role = match (node.manager, node.leader) {
                (true, true) => t.node_leader(),
                (true, false) => t.node_manager(),
                (false, _) => t.node_worker(),
            };
            let open = node.availability == "active";
            let availability = if open {
                view! { <span>{t.swarm_word(&node.availability)}</span> }.into_any()
            } else {
                chip(Tone::Wait, Icon::Minus, t.swarm_word(&node.availability))
            };
            view! {
                <tr>
                    <td><b>{name}</b></td>
                    <td>{chip(tone, sign, t.swarm_word(&node.state))}</td>
                    <td data-label=t.col_availability()>{availability}</td>
                    <td data-label=t.role_word()>{role}</td>
                    <td data-label=t.col_address()><code>{address}</code></td>
                    <td data-label=t.col_engine_version()>{engine}</td>
                </tr>
            }
        })
        .collect_view();
    let table = view! {
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{t.col_node()}</th>
                    <th scope="col">{t.state()}</th>
                    <th scope="col">{t.col_availability()}</th>
                    <th scope="col">{t.role_word()}</th>
                    <th scope="col">{t.col_address()}</th>
                    <th scope="col">{t.col_engine_version()}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    panel(t.nodes(), view! { <span class="quiet">{nodes.len()}</span> }, table)
}

fn service_panel(r: &Reader, region: &RegionView, service: &RegionService) -> AnyView {
    let t = r.t;
    let cell = &service.cell;
    let name = region.column.region.name.clone();
    let build = match (&cell.digest, &cell.build) {
        (None, _) => view! { <span class="quiet">{t.not_deployed()}</span> }.into_any(),
        (Some(digest), Some(build)) => {
            let (href, word) = (format!("/builds/{build}"), cell.tag.clone().unwrap_or_else(|| digest.short().to_owned()));
            view! { <a href=href><code>{word}</code></a>" "{short_digest(digest)} }.into_any()
        }
        (Some(digest), None) => view! { {t.unknown_build()}" "{short_digest(digest)} }.into_any(),
    };
    let port = service.port.map_or_else(|| t.no_port().to_owned(), |port| t.on_port(port));
    let since = cell.since.map(|at| {
        let by = cell.by.clone().map(|by| view! { " "{by} });
        view! { " · "{t.since()}" "{when(r, at)}{by} }
    });
    let restarts = (service.restarts > 0).then(|| chip(Tone::Wait, Icon::Turning, t.restarts(service.restarts)));
    let acts = cell.digest.is_some().then(|| {
        let log = format!("/regions/{name}/{}/log", service.app);
        let open = cell.url.as_deref().map(|url| outside(url, t.open_app()));
        let back = (cell.back_to.is_some() && cell.rollout.is_none() && region.may.contains(&Action::RollBack)).then(|| {
            let href = path_with(&format!("/regions/{name}/{}/rollback", service.app), &[]);
            view! { <a class="btn small danger" href=href>{icon(Icon::Back)}{t.roll_back()}</a> }
        });
        view! { <span class="row">{open}<a class="btn small" href=log>{t.log()}</a>{back}</span> }
    });
    let canary = (!service.canary_tasks.is_empty())
        .then(|| view! { <p class="pad-line label">{t.canary()}</p>{tasks(r, &service.canary_tasks)} });
    let beside = view! { <span class="chips grow">{state(r, &service.app, &region.column, cell)}{restarts}</span>{acts} };
    let content = view! {
        <p class="pad-line">{build}<span class="quiet">" · "{port}{since}</span></p>
        {tasks(r, &service.tasks)}
        {canary}
    };
    panel(service.app.clone(), beside, content)
}

fn tasks(r: &Reader, tasks: &[TaskView]) -> AnyView {
    let t = r.t;
    if tasks.is_empty() {
        return ().into_any();
    }
    let open: Vec<&TaskView> = tasks.iter().filter(|task| task.wanted).take(OPEN_TASKS).collect();
    let rest: Vec<&TaskView> = tasks.iter().filter(|task| !open.iter().any(|shown| shown.id == task.id)).collect();
    let past = (!rest.is_empty()).then(|| {
        let word = t.more_tasks(rest.len());
        view! { <div class="folds"><details class="fold"><summary>{word}</summary>{table(r, &rest)}</details></div> }
    });
    let now = (!open.is_empty()).then(|| table(r, &open));
    view! { {now}{past} }.into_any()
}

fn table(r: &Reader, tasks: &[&TaskView]) -> AnyView {
    let t = r.t;
    let rows = tasks
        .iter()
        .map(|task| {
            let (tone, sign) = match task.state.as_str() {
                "running" => (Tone::Ok, Icon::Check),
                "failed" | "rejected" => (Tone::Bad, Icon::Cross),
                "shutdown" | "remove" | "orphaned" | "complete" => (Tone::Idle, Icon::Stop),
                _ => (Tone::Info, Icon::Turning),
            };
            let slot = task.slot.map_or_else(String::new, |slot| format!("#{slot}"));
            let (node, error) = (task.node.clone(), task.error.clone());
            let digest = task.digest.as_ref().map(short_digest);
            let since = task.since.map(|at| when(r, at));
            view! {
                <tr>
                    <td class="num">{slot}</td>
                    <td>{chip(tone, sign, t.swarm_word(&task.state))}</td>
                    <td data-label=t.col_node()>{node}</td>
                    <td data-label=t.digest()>{digest}</td>
                    <td data-label=t.col_since()><span class="quiet">{since}</span></td>
                    <td data-label=t.col_error()><span class="said">{error}</span></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{t.col_replica()}</th>
                    <th scope="col">{t.state()}</th>
                    <th scope="col">{t.col_node()}</th>
                    <th scope="col">{t.digest()}</th>
                    <th scope="col">{t.col_since()}</th>
                    <th scope="col">{t.col_error()}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn plans(t: Text, plans: &[PlanView]) -> AnyView {
    if plans.is_empty() {
        return panel(t.plans(), (), empty(t.no_plans(), view! { <p>{t.no_plans_help()}</p> }));
    }
    let items = plans
        .iter()
        .map(|plan| {
            let (href, title, app) = (format!("/plans/{}", plan.name), plan.title.clone(), plan.app.clone());
            let read = plan.reviews.iter().any(|review| review.counts);
            let state = if !plan.runs.is_empty() {
                chip(Tone::Info, Icon::Play, t.plan_runs())
            } else if read {
                chip(Tone::Ok, Icon::Check, t.plan_read())
            } else {
                chip(Tone::Wait, Icon::Clock, t.plan_unread())
            };
            view! {
                <li class="line-item">
                    <a class="name" href=href>{title}</a>
                    <span class="quiet grow">{app}" · "{super::plan::does(t, &plan.does)}</span>
                    {state}
                </li>
            }
        })
        .collect_view();
    panel(t.plans(), (), view! { <ul class="lines">{items}</ul> })
}
