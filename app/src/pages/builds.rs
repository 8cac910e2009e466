//! The list of builds, filtered through the address.

use super::query;
use super::run::run_row;
use crate::parts::{
    Body, Icon, Reader, Section, Tone, age, build_link, chip, commit, digest, empty, icon, more_tags, pager, path_with,
    region_title, release_first, standing_chip, toolbar_search,
};
use crate::text::Text;
use crate::view::{AppView, BuildFilter, BuildRow, Page, Paging, RunRow};
use domain::{Action, Problem};
use leptos::prelude::*;

/// `GET /builds?app=&channel=&tag=&q=&cursor=`
#[component]
pub fn Builds() -> impl IntoView {
    let filter = BuildFilter { app: query("app"), channel: query("channel"), tag: query("tag"), q: query("q") };
    let cursor = query("cursor");
    crate::parts::page(move |r| async move {
        let port = r.port();
        let apps = port.apps(&r.actor).await?;
        let paging = Paging { cursor: cursor.clone(), limit: None };
        let builds = port.builds(&r.actor, filter.clone(), paging).await?;
        let runs = port.runs_beside(&r.actor, filter.clone(), cursor.clone(), builds.next.clone()).await?;
        let list = list(&r, &apps, &filter, cursor.as_deref(), &builds, &runs);
        let content = view! { {toolbar(r.t, &apps, &filter)}<div class="panel" data-live="builds">{list}</div> };
        let body = Body::new(Section::Builds, r.t.builds_title(), content);
        let body = body.topics("builds,environments,promotions,regions");
        Ok(if r.may(Action::ManageHooks) { body.act(connect(r.t)) } else { body })
    })
}

fn connect(t: Text) -> AnyView {
    view! { <a class="btn" href="/settings#hooks">{icon(Icon::Plus)}{t.connect_builder()}</a> }.into_any()
}

/// The filter as it stands in the address, with one part changed.
fn address(filter: &BuildFilter, change: impl FnOnce(&mut BuildFilter)) -> String {
    let mut filter = filter.clone();
    change(&mut filter);
    path_with("/builds", &pairs(&filter))
}

fn pairs(filter: &BuildFilter) -> [(&'static str, Option<&str>); 4] {
    [
        ("app", filter.app.as_deref()),
        ("channel", filter.channel.as_deref()),
        ("tag", filter.tag.as_deref()),
        ("q", filter.q.as_deref()),
    ]
}

fn toolbar(t: Text, apps: &[AppView], filter: &BuildFilter) -> AnyView {
    let one_tag = filter.tag.clone().map(|tag| {
        let href = address(filter, |filter| filter.tag = None);
        view! {
            <a class="token" href=href>
                <span>{t.tag_filter(&tag)}</span>
                {icon(Icon::Cross)}
                <span class="sr">{t.clear_filter()}</span>
            </a>
        }
    });
    let kept = [("channel", filter.channel.clone()), ("tag", filter.tag.clone())];
    let kept = kept
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| view! { <input type="hidden" name=name value=value/> }))
        .collect_view();
    view! {
        <div class="bar">
            {channel_tabs(t, apps, filter)}
            {one_tag}
            <form class="filters" method="get" action="/builds" role="search">
                {kept}
                {app_choice(t, apps, filter.app.as_deref())}
                {toolbar_search(t, t.search_builds(), t.search_hint(), filter.q.as_deref())}
            </form>
        </div>
    }
    .into_any()
}

/// The channels of the chosen app, or of all apps, each once.
fn channel_tabs(t: Text, apps: &[AppView], filter: &BuildFilter) -> AnyView {
    let mut names: Vec<&str> = Vec::new();
    for app in apps.iter().filter(|app| filter.app.as_ref().is_none_or(|name| *name == app.name)) {
        for channel in &app.channels {
            if !names.contains(&channel.name.as_str()) {
                names.push(&channel.name);
            }
        }
    }
    let tab = |name: Option<&str>, word: &str| {
        let here = filter.channel.as_deref() == name;
        let href = address(filter, |filter| filter.channel = name.map(ToOwned::to_owned));
        let word = word.to_owned();
        view! { <a href=href aria-current=here.then_some("true")>{word}</a> }
    };
    let all = tab(None, t.all());
    let tabs = names.iter().map(|name| tab(Some(name), name)).collect_view();
    view! { <nav class="tabs" aria-label=t.channels()>{all}{tabs}</nav> }.into_any()
}

fn app_choice(t: Text, apps: &[AppView], chosen: Option<&str>) -> AnyView {
    let options = apps
        .iter()
        .map(|app| {
            let selected = chosen == Some(app.name.as_str());
            let (value, word) = (app.name.clone(), app.name.clone());
            view! { <option value=value selected=selected>{word}</option> }
        })
        .collect_view();
    view! {
        <select name="app" aria-label=t.app() data-send="">
            <option value="">{t.all_apps()}</option>
            {options}
        </select>
    }
    .into_any()
}

fn list(
    r: &Reader,
    apps: &[AppView],
    filter: &BuildFilter,
    cursor: Option<&str>,
    builds: &Page<BuildRow>,
    runs: &[RunRow],
) -> AnyView {
    if builds.items.is_empty() && runs.is_empty() {
        return nothing(r, apps, filter, cursor);
    }
    let t = r.t;
    let rows = together(r, &builds.items, runs);
    view! {
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{t.app()}</th>
                    <th scope="col">{t.tag()}</th>
                    <th scope="col" class="mid">{t.commit()}</th>
                    <th scope="col" class="mid">{t.digest()}</th>
                    <th scope="col" class="num">{t.col_built()}</th>
                    <th scope="col">{t.col_verdict()}</th>
                    <th scope="col" class="num opt">{t.col_envs()}</th>
                    <th scope="col">{t.col_runs_in()}</th>
                    <th scope="col" class="end"><span class="sr">{t.col_act()}</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
        {pager(t, "/builds", &pairs(filter), cursor, builds.next.as_deref())}
    }
    .into_any()
}

/// Builds and the runs that have no image, by the time that Slipway first heard of each.
fn together(r: &Reader, builds: &[BuildRow], runs: &[RunRow]) -> Vec<AnyView> {
    let mut rows = Vec::with_capacity(builds.len() + runs.len());
    let mut runs = runs.iter().peekable();
    for build in builds {
        while let Some(run) = runs.next_if(|run| run.seen_at >= build.seen_at) {
            rows.push(run_row(r, run));
        }
        rows.push(row(r, build));
    }
    rows.extend(runs.map(|run| run_row(r, run)));
    rows
}

fn row(r: &Reader, build: &BuildRow) -> AnyView {
    let t = r.t;
    let moved = build.alarms.first().map(|alarm| {
        let title = t.tag_moved_alarm(&alarm.tag);
        view! { <span title=title>{chip(Tone::Bad, Icon::Alert, t.moved())}</span> }
    });
    let regions: Vec<String> = build.runs_in.iter().map(|region| region_title(t, region)).collect();
    let gone = lost(build).then(|| chip(Tone::Bad, Icon::Cross, t.state_gone()));
    let signed = build.signed_off.then(|| chip(Tone::Ok, Icon::Check, t.signed()));
    let by_app = path_with("/builds", &[("app", Some(&build.app))]);
    view! {
        <tr id=format!("b-{}", build.id)>
            <td class="c-app"><a class="plain-link" href=by_app>{build.app.clone()}</a></td>
            <td class="c-name">{build_link(build)}{more_tags(t, build)}</td>
            <td class="c-commit mid">{source(t, build)}</td>
            <td class="c-digest mid">{digest(t, &build.digest)}</td>
            <td class="c-age num">{age(r, build.built_at.unwrap_or(build.seen_at))}</td>
            <td class="c-verdict"><span class="chips">{gone}{moved}{standing_chip(t, build.standing)}{signed}</span></td>
            <td class="c-envs num opt" data-label=t.col_envs()>{(build.environments > 0).then_some(build.environments)}</td>
            <td class="c-runs" data-label=t.col_runs_in()>{(!regions.is_empty()).then(|| regions.join(" · "))}{running_quarantined(t, build)}</td>
            <td class="c-act end">{launch(r, build)}</td>
        </tr>
    }
    .into_any()
}

/// What nobody may miss: a region runs what a fail put out of the running.
fn running_quarantined(t: Text, build: &BuildRow) -> Option<AnyView> {
    let loud = build.standing.quarantined() && !build.runs_in.is_empty();
    loud.then(|| view! { " "{chip(Tone::Bad, Icon::Alert, t.quarantined_running())} }.into_any())
}

/// The commit, or that it is still being read.
fn source(t: Text, build: &BuildRow) -> AnyView {
    if build.described || lost(build) {
        return commit(t, build);
    }
    chip(Tone::Info, Icon::Turning, t.state_reading())
}

/// Whether the registry no longer has the image, so that nothing can be done with the build.
fn lost(build: &BuildRow) -> bool {
    matches!(build.undescribed, Some(Problem::ImageGone { .. }))
}

fn launch(r: &Reader, build: &BuildRow) -> AnyView {
    if !r.may(Action::LaunchEnvironment) || build.standing.quarantined() {
        return ().into_any();
    }
    let t = r.t;
    let label = t.launch_title(&format!("{} {}", build.app, release_first(build)));
    view! {
        <form method="post" action="/do/environments/launch">
            <input type="hidden" name="build" value=build.id.to_string()/>
            <button class="btn small" aria-label=label>{t.launch()}</button>
        </form>
    }
    .into_any()
}

/// An empty list says what to do next.
fn nothing(r: &Reader, apps: &[AppView], filter: &BuildFilter, cursor: Option<&str>) -> AnyView {
    let t = r.t;
    if apps.is_empty() {
        let how = view! { <p>{t.no_apps()}</p><pre class="how">"slipway apply slipway.toml"</pre> };
        return empty(t.no_builds(), how);
    }
    if *filter != BuildFilter::default() || cursor.is_some() {
        let clear = view! { <p>{t.no_match_help()}</p><p><a class="btn" href="/builds">{t.clear_filter()}</a></p> };
        return empty(t.no_match(), clear);
    }
    let pushes: Vec<String> = apps
        .iter()
        .take(3)
        .map(|app| {
            let tag = app.channels.first().map_or("latest".to_owned(), |channel| channel.tags.replace('*', "1.01.01.01"));
            format!("docker push {}:{tag}", app.image)
        })
        .collect();
    let hook = if r.may(Action::ManageHooks) { Some(connect(t)) } else { None };
    let how = view! {
        <p>{t.no_builds_push()}</p>
        <pre class="how">{pushes.join("\n")}</pre>
        <p>{t.no_builds_hook()}</p>
        {hook}
    };
    empty(t.no_builds(), how)
}
