//! One region closely, and what can be done there beside promoting.

mod canary;
mod drift;
mod history;
mod log;
mod overview;
mod plan;
mod rules;
mod secrets;
mod variables;

pub use canary::Canary;
pub(in crate::pages) use canary::canary_chip;
pub use drift::Drift;
pub use log::ServiceLog;
pub use plan::Plan;

use super::{param, query};
use crate::parts::{Body, Form, Icon, Reader, Section, Tone, chip, icon, path_with, region_title};
use crate::text::Text;
use crate::view::{Paging, RegionColumn};
use domain::Problem;
use domain::problem::Noun;
use leptos::prelude::*;

/// A way to look at a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    Overview,
    History,
    Rules,
    Secrets,
    Variables,
}

impl Tab {
    const ALL: [Tab; 5] = [Tab::Overview, Tab::History, Tab::Rules, Tab::Secrets, Tab::Variables];

    /// The word in the address.
    const fn as_str(self) -> &'static str {
        match self {
            Tab::Overview => "overview",
            Tab::History => "history",
            Tab::Rules => "rules",
            Tab::Secrets => "secrets",
            Tab::Variables => "variables",
        }
    }

    fn of(word: Option<&str>) -> Self {
        Self::ALL.into_iter().find(|tab| Some(tab.as_str()) == word).unwrap_or(Tab::Overview)
    }

    const fn title(self, t: Text) -> &'static str {
        match self {
            Tab::Overview => t.tab_overview(),
            Tab::History => t.tab_history(),
            Tab::Rules => t.tab_rules(),
            Tab::Secrets => t.tab_secrets(),
            Tab::Variables => t.tab_variables(),
        }
    }
}

/// `GET /regions/{region}?tab={tab}`
#[component]
pub fn Region() -> impl IntoView {
    let name = param("region");
    let tab = Tab::of(query("tab").as_deref());
    let cursor = query("cursor");
    crate::parts::page(move |r| async move {
        let (column, inside) = match tab {
            Tab::Overview => {
                let region = r.port().region(&r.actor, &name).await?;
                let inside = overview::overview(&r, &region);
                (region.column, inside)
            }
            Tab::History => {
                let column = column_of(&r, &name).await?;
                let paging = Paging { cursor: cursor.clone(), limit: None };
                let past = r.port().region_history(&r.actor, &name, paging).await?;
                (column, history::history(&r, &name, cursor.as_deref(), &past))
            }
            Tab::Rules => {
                let column = column_of(&r, &name).await?;
                let rules = r.port().region_rules(&r.actor, &name).await?;
                (column, rules::rules(&r, &rules))
            }
            Tab::Secrets => {
                let column = column_of(&r, &name).await?;
                let secrets = r.port().region_secrets(&r.actor, &name).await?;
                (column, secrets::secrets(&r, &secrets))
            }
            Tab::Variables => {
                let column = column_of(&r, &name).await?;
                let variables = r.port().region_variables(&r.actor, &name).await?;
                (column, variables::variables(&r, &variables))
            }
        };
        Ok(body(&r, &column, tab, inside))
    })
}

async fn column_of(r: &Reader, name: &str) -> Result<RegionColumn, Problem> {
    let board = r.port().regions(&r.actor).await?;
    let column = board.columns.into_iter().find(|column| column.region.name == name);
    column.ok_or_else(|| Problem::not_found(Noun::Region, name))
}

fn body(r: &Reader, column: &RegionColumn, tab: Tab, inside: AnyView) -> Body {
    let t = r.t;
    let (zone, zone_data, zone_title) = (column.time_zone.clone(), column.time_zone.clone(), column.time_zone.clone());
    let state =
        if column.reachable { chip(Tone::Ok, Icon::Check, t.reachable()) } else { chip(Tone::Bad, Icon::Alert, t.unreachable()) };
    let content = view! {
        {tabs(t, &column.region.name, tab)}
        {inside}
    };
    Body::new(Section::Regions, region_title(t, &column.region), content)
        .crumb("/regions", t.regions_title())
        .beside(view! {
            <span data-live="state">{state}</span>
            <time class="zone quiet" data-t="clock" data-zone=zone_data title=zone_title>{zone}</time>
        })
        .topics("regions,promotions")
}

fn tabs(t: Text, region: &str, here: Tab) -> AnyView {
    let path = format!("/regions/{region}");
    let links = Tab::ALL
        .into_iter()
        .map(|tab| {
            let word = Some(tab.as_str()).filter(|_| tab != Tab::Overview);
            let href = path_with(&path, &[("tab", word)]);
            view! { <a href=href aria-current=(tab == here).then_some("page")>{tab.title(t)}</a> }
        })
        .collect_view();
    view! { <nav class="tabs page-tabs" aria-label=t.tabs_of_region()>{links}</nav> }.into_any()
}

/// What a guarded form sends beside the confirmation, and its words.
struct Guarded<'a> {
    action: &'static str,
    /// The hidden field that tells it from others of its kind on the page.
    subject: (&'a str, &'a str),
    /// More hidden fields.
    hidden: Vec<(&'static str, String)>,
    /// Fields before the reason.
    fields: AnyView,
    app: &'a str,
    password: bool,
    button: &'static str,
    hint: &'static str,
}

/// A form that asks for a reason and the app's name typed.
fn guarded(r: &Reader, form: &Form, of: Guarded<'_>) -> AnyView {
    let hidden = of.hidden.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value/> }).collect_view();
    view! {
        <form method="post" action=of.action class="stack confirm pad" aria-label=of.button>
            {form.alert()}
            <input type="hidden" name=of.subject.0.to_owned() value=of.subject.1.to_owned()/>
            {hidden}
            {of.fields}
            {form.area("reason", r.t.reason(), r.t.rollback_reason_hint(), true)}
            {form.guard("typed", of.app, of.password)}
            <div class="row"><button class="btn danger solid" data-guarded="">{icon(Icon::Play)}{of.button}</button></div>
            <p class="hint">{of.hint}</p>
        </form>
    }
    .into_any()
}
