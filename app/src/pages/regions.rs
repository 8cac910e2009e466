//! The board: which build each region runs, and what is newer.

use super::region::canary_chip;
use crate::parts::{
    Body, Icon, Reader, Section, Tone, age, chip, empty, icon, outside, path_with, region_title, short_digest, when,
};
use crate::text::Text;
use crate::view::{AppRegions, RegionBoard, RegionCell, RegionColumn};
use domain::Action;
use leptos::prelude::*;

/// `GET /regions`
#[component]
pub fn Regions() -> impl IntoView {
    crate::parts::page(|r| async move {
        let board = r.port().regions(&r.actor).await?;
        let content = view! { <div class="panel" data-live="board">{table(&r, &board)}</div> };
        Ok(Body::new(Section::Regions, r.t.regions_title(), content).topics("regions,promotions,builds"))
    })
}

fn table(r: &Reader, board: &RegionBoard) -> AnyView {
    let t = r.t;
    if board.columns.is_empty() || board.rows.is_empty() {
        return empty(t.no_board(), view! { <p>{t.no_board_help()}</p><pre class="how">"slipway apply slipway.toml"</pre> });
    }
    let heads = board.columns.iter().map(|column| head(r, column)).collect_view();
    let rows = board.rows.iter().map(|row| app_row(r, board, row)).collect_view();
    view! {
        <table class="board">
            <thead><tr><th scope="col">{t.app()}</th>{heads}</tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

/// A region's title, the time there, and whether it answers.
fn head(r: &Reader, column: &RegionColumn) -> AnyView {
    let t = r.t;
    let (title, href) = (region_title(t, &column.region), format!("/regions/{}", column.region.name));
    let (zone, zone_data, zone_title) = (column.time_zone.clone(), column.time_zone.clone(), column.time_zone.clone());
    let state = if column.reachable {
        view! { <span class="sr">{t.reachable()}</span> }.into_any()
    } else {
        chip(Tone::Bad, Icon::Alert, t.unreachable())
    };
    let looked = column.checked_at.map(|at| view! { <span class="looked">{t.looked_at()}" "{when(r, at)}</span> });
    view! {
        <th scope="col">
            <span class="region-head">
                <b><a class="plain-link" href=href>{title}</a></b>
                <time class="zone" data-t="clock" data-zone=zone_data title=zone_title>{zone}</time>
                {state}
            </span>
            {looked}
        </th>
    }
    .into_any()
}

fn app_row(r: &Reader, board: &RegionBoard, row: &AppRegions) -> AnyView {
    let t = r.t;
    let port = match (row.port_label, row.port) {
        (Some(label), Some(port)) => t.port_label(label, port),
        (None, Some(port)) => t.on_port(port),
        _ => t.no_port().to_owned(),
    };
    let cells = board
        .columns
        .iter()
        .map(|column| {
            let cell = row.cells.iter().find(|cell| cell.region == column.region.name);
            let title = region_title(t, &column.region);
            view! { <td data-label=title>{cell.map(|cell| region_cell(r, board, row, column, cell))}</td> }
        })
        .collect_view();
    let by_app = path_with("/builds", &[("app", Some(&row.app))]);
    view! {
        <tr>
            <th scope="row" class="board-app"><a class="name" href=by_app>{row.app.clone()}</a><span class="about">{port}</span></th>
            {cells}
        </tr>
    }
    .into_any()
}

fn region_cell(r: &Reader, board: &RegionBoard, row: &AppRegions, column: &RegionColumn, cell: &RegionCell) -> AnyView {
    let t = r.t;
    let Some(digest) = &cell.digest else {
        let chips = (cell.rollout.is_some() || cell.drifted).then(|| state(r, &row.app, column, cell));
        return view! { <div class="cell"><span class="quiet">{t.not_deployed()}</span><span class="chips">{chips}</span></div> }
            .into_any();
    };
    let name = cell
        .tag
        .clone()
        .unwrap_or_else(|| if cell.build.is_some() { digest.short().to_owned() } else { t.unknown_build().to_owned() });
    let name = match &cell.build {
        Some(build) => view! { <a class="name" href=format!("/builds/{build}")><code>{name}</code></a> }.into_any(),
        None => view! { <span class="name">{name}</span> }.into_any(),
    };
    let since = cell.since.map(|at| {
        let by = cell.by.clone().map(|by| view! { " "{by} });
        view! { <span class="quiet">" · "{when(r, at)}{by}</span> }
    });
    let back = (cell.back_to.is_some() && cell.rollout.is_none() && board.may.contains(&Action::RollBack)).then(|| {
        let href = format!("/regions/{}/{}/rollback", cell.region, row.app);
        view! { <a class="cell-act" href=href>{icon(Icon::Back)}{t.roll_back()}</a> }
    });
    let open = cell.url.as_deref().map(|url| outside(url, t.open_app()));
    view! {
        <div class="cell">
            <span class="cell-name">{name}{newer(t, cell)}</span>
            <span class="about">{short_digest(digest)}{since}</span>
            <span class="chips">{quarantined(t, cell)}{state(r, &row.app, column, cell)}</span>
            <span class="cell-acts">{open}{back}</span>
        </div>
    }
    .into_any()
}

/// What runs here is quarantined: said first, whatever else there is to say.
fn quarantined(t: Text, cell: &RegionCell) -> Option<AnyView> {
    cell.quarantined.then(|| {
        view! { <span title=t.quarantine_help()>{chip(Tone::Bad, Icon::Alert, t.quarantined_running())}</span> }.into_any()
    })
}

/// How many newer releases this region does not run.
fn newer(t: Text, cell: &RegionCell) -> AnyView {
    if cell.newer == 0 {
        return ().into_any();
    }
    let title = cell.newest_tag.as_deref().map(|tag| t.newest_is(tag));
    view! { <span class="newer" title=title>{t.newer(cell.newer)}</span> }.into_any()
}

pub(super) fn state(r: &Reader, app: &str, column: &RegionColumn, cell: &RegionCell) -> AnyView {
    let t = r.t;
    if let Some(promotion) = &cell.rollout {
        let href = format!("/promotions/{promotion}");
        return view! { <a class="chip info" href=href>{icon(Icon::Turning)}<span>{t.rolling()}</span></a> }.into_any();
    }
    if !column.reachable {
        return chip(Tone::Idle, Icon::Clock, t.last_known());
    }
    let health = if cell.healthy {
        chip(Tone::Ok, Icon::Check, t.healthy(cell.running, cell.desired))
    } else {
        chip(Tone::Bad, Icon::Cross, t.unhealthy(cell.running, cell.desired))
    };
    let health = if cell.digest.is_none() { ().into_any() } else { health };
    let canary = cell.canary.as_ref().map(|canary| canary_chip(t, &cell.region, app, canary));
    view! { {health}{canary}{drifted(r, app, cell)}{plan(t, cell)} }.into_any()
}

/// That it is not what was put there, since when, and the way to what is different.
fn drifted(r: &Reader, app: &str, cell: &RegionCell) -> Option<AnyView> {
    let t = r.t;
    cell.drifted.then(|| {
        let href = format!("/regions/{}/{app}/drift", cell.region);
        let since = cell.drift_since.map(|at| view! { " "{age(r, at)} });
        view! { <a class="chip wait" href=href title=t.drift_help()>{icon(Icon::Alert)}<span>{t.drift()}{since}</span></a> }
            .into_any()
    })
}

/// The contingency plan under which it runs.
fn plan(t: Text, cell: &RegionCell) -> Option<AnyView> {
    cell.plan.as_ref().map(|run| {
        let href = format!("/plans/{}", run.plan);
        view! { <a class="chip info" href=href title=t.plan_runs_help()>{icon(Icon::Play)}<span>{run.title.clone()}</span></a> }
            .into_any()
    })
}
