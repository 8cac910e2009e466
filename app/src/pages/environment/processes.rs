//! What runs in each container, as the engine's `ps` lists it.

use crate::parts::{Reader, panel};
use crate::view::{EnvironmentView, ServiceProcesses};
use domain::Problem;
use leptos::prelude::*;

/// What the tab holds.
pub(super) async fn processes(r: &Reader, environment: &EnvironmentView) -> AnyView {
    let t = r.t;
    let panels = match r.port().processes(&r.actor, &environment.row.id).await {
        Ok(all) => all.into_iter().map(|service| one(r, service)).collect_view().into_any(),
        Err(Problem::Unreachable { .. }) => panel(t.tab_processes(), (), view! { <p class="quiet pad">{t.engine_away()}</p> }),
        Err(_) => panel(t.tab_processes(), (), view! { <p class="quiet pad">{t.no_services()}</p> }),
    };
    view! { <div class="column" data-live="processes">{panels}</div> }.into_any()
}

fn one(r: &Reader, service: ServiceProcesses) -> AnyView {
    let t = r.t;
    if service.rows.is_empty() {
        return panel(service.service, (), view! { <p class="quiet pad">{t.not_running()}</p> });
    }
    let count = view! { <span class="quiet">{t.process_count(service.rows.len())}</span> };
    let last = service.titles.len().saturating_sub(1);
    let heads = service.titles.into_iter().map(|title| view! { <th scope="col">{title}</th> }).collect_view();
    let rows = service
        .rows
        .into_iter()
        .map(|cells| {
            let cells = cells
                .into_iter()
                .enumerate()
                .map(|(at, text)| view! { <td class:command=at == last><code>{text}</code></td> })
                .collect_view();
            view! { <tr>{cells}</tr> }
        })
        .collect_view();
    let table = view! {
        <div class="sideways" tabindex="0" role="region" aria-label=t.processes_of(&service.service)>
            <table class="dense"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>
        </div>
    };
    panel(service.service, count, table)
}
