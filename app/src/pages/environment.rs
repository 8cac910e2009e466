//! One test environment: who holds it, how its launch goes, and a tab for each way to look at it.

mod act;
mod inspect;
mod lease;
mod logs;
mod overview;
mod processes;
mod resources;
mod shell;
mod timeline;

pub use shell::Shell;

use super::environments::away;
use super::{param, query};
use crate::parts::{Body, Reader, Section, environment_chip, path_with};
use crate::text::Text;
use crate::view::{EnvironmentBuild, EnvironmentView};
use domain::Problem;
use domain::id::EnvironmentId;
use leptos::prelude::*;

/// A way to look at an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    Overview,
    Logs,
    Resources,
    Processes,
    Events,
    Inspect,
}

impl Tab {
    const ALL: [Tab; 6] = [Tab::Overview, Tab::Logs, Tab::Resources, Tab::Processes, Tab::Events, Tab::Inspect];

    /// The word in the address.
    const fn as_str(self) -> &'static str {
        match self {
            Tab::Overview => "overview",
            Tab::Logs => "logs",
            Tab::Resources => "resources",
            Tab::Processes => "processes",
            Tab::Events => "events",
            Tab::Inspect => "inspect",
        }
    }

    fn of(word: Option<&str>) -> Self {
        Self::ALL.into_iter().find(|tab| Some(tab.as_str()) == word).unwrap_or(Tab::Overview)
    }

    const fn title(self, t: Text) -> &'static str {
        match self {
            Tab::Overview => t.tab_overview(),
            Tab::Logs => t.tab_logs(),
            Tab::Resources => t.tab_resources(),
            Tab::Processes => t.tab_processes(),
            Tab::Events => t.tab_events(),
            Tab::Inspect => t.tab_inspect(),
        }
    }
}

/// `GET /environments/{id}?tab={tab}`
#[component]
pub fn Environment() -> impl IntoView {
    let id = EnvironmentId(param("id"));
    let tab = Tab::of(query("tab").as_deref());
    let wish = logs::Wish::asked();
    let service = inspect::asked();
    crate::parts::page(move |r| async move {
        let environment = r.port().environment(&r.actor, &id).await?;
        let inside = inside(&r, &environment, tab, wish, service.as_deref()).await?;
        Ok(body(&r, &environment, tab, inside))
    })
}

/// What stands under the tabs.
async fn inside(
    r: &Reader,
    environment: &EnvironmentView,
    tab: Tab,
    wish: logs::Wish,
    service: Option<&str>,
) -> Result<AnyView, Problem> {
    Ok(match tab {
        Tab::Overview => overview::overview(r, environment).await?,
        Tab::Logs => logs::logs(r, environment, wish).await,
        Tab::Resources => resources::resources(r, environment).await,
        Tab::Processes => processes::processes(r, environment).await,
        Tab::Events => timeline::timeline(r, environment).await?,
        Tab::Inspect => inspect::inspect(r, environment, service).await,
    })
}

/// The same on every tab: the title with its state and buttons, what one has to know, and the
/// launch while it goes on.
fn body(r: &Reader, environment: &EnvironmentView, tab: Tab, inside: AnyView) -> Body {
    let t = r.t;
    let row = &environment.row;
    let name = under_test(environment).map_or_else(
        || row.stack.clone(),
        |build| format!("{} {}", build.app, build.tag.clone().unwrap_or_else(|| build.digest.short().to_owned())),
    );
    let content = view! {
        <div data-live="notes">{lease::note(r, environment)}{overview::notes(r, environment)}</div>
        <div class="above" data-live="steps">{overview::launch(r, environment)}</div>
        {tabs(t, environment, tab)}
        {inside}
    };
    let title = format!("{} · {name}", t.env_number(row.number));
    Body::new(Section::Environments, title, content)
        .crumb("/environments", t.environments_title())
        .beside(view! { <span data-live="state">{environment_chip(t, row.state)}{away(r, row)}</span> })
        .act(view! { <span class="act-live" data-live="act">{act::act(r, environment)}</span> })
        .topics("environments,builds")
}

fn tabs(t: Text, environment: &EnvironmentView, here: Tab) -> AnyView {
    let path = format!("/environments/{}", environment.row.id);
    let links = Tab::ALL
        .into_iter()
        .map(|tab| {
            let word = Some(tab.as_str()).filter(|_| tab != Tab::Overview);
            let href = path_with(&path, &[("tab", word)]);
            view! { <a href=href aria-current=(tab == here).then_some("page")>{tab.title(t)}</a> }
        })
        .collect_view();
    view! { <nav class="tabs page-tabs" aria-label=t.tabs_of_environment()>{links}</nav> }.into_any()
}

fn under_test(environment: &EnvironmentView) -> Option<&EnvironmentBuild> {
    environment.row.builds.iter().find(|build| build.under_test).or_else(|| environment.row.builds.first())
}
