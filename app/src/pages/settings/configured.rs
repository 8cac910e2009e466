//! What the applied configuration says: apps, stacks, engines, regions. It is read here and
//! changed in the file.

use crate::parts::{Form, Icon, Reader, Tone, chip, cut, outside, panel, when};
use crate::text::{Lang, Text, problem_text};
use crate::view::{AppView, SettingsView, SweepView};
use domain::config::{EngineConfig, RegionConfig};
use domain::engine::EngineState;
use domain::{Action, ChannelKind};
use leptos::prelude::*;

fn section(t: Text, id: &'static str, title: &'static str, empty: bool, content: impl IntoView + 'static) -> AnyView {
    let content = if empty { view! { <p class="quiet pad">{t.nothing_configured()}</p> }.into_any() } else { content.into_any() };
    view! { <div id=id>{panel(title, (), content)}</div> }.into_any()
}

pub(super) fn apps(r: &Reader, settings: &SettingsView) -> AnyView {
    let t = r.t;
    let rows = settings.apps.iter().map(|app| app_row(r, app, settings)).collect_view();
    let acts = settings.may.contains(&Action::Configure);
    let table = view! {
        <p class="pad-line hint">{t.configured_by()}" "<code>"slipway apply slipway.toml"</code></p>
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{t.app()}</th>
                    <th scope="col">{t.image()}</th>
                    <th scope="col">{t.col_channels()}</th>
                    <th scope="col">{t.col_port()}</th>
                    <th scope="col">{t.col_git()}</th>
                    {acts.then(|| view! { <th scope="col" class="end"><span class="sr">{t.col_act()}</span></th> })}
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    section(t, "apps", t.apps(), settings.apps.is_empty(), table)
}

fn app_row(r: &Reader, app: &AppView, settings: &SettingsView) -> AnyView {
    let t = r.t;
    let acts = settings.may.contains(&Action::Configure);
    let sweep = settings.sweeps.iter().find(|sweep| sweep.app == app.name);
    let channels = app
        .channels
        .iter()
        .map(|channel| {
            let kind = if channel.kind == ChannelKind::Release { t.kind_release() } else { t.kind_branch() };
            let title = format!("{kind} · {}", channel.tags);
            let name = channel.name.clone();
            view! { <span class="tag" class:release=channel.kind == ChannelKind::Release title=title>{name}</span> }
        })
        .collect_view();
    let port = match (app.port_label, app.port) {
        (Some(label), Some(port)) => t.port_label(label, port),
        (None, Some(port)) => port.to_string(),
        _ => t.no_port().to_owned(),
    };
    let git = app.git.as_ref().map(|git| view! { <span class="cut">{outside(git, git.clone())}</span> });
    view! {
        <tr>
            <td class="c-name"><b>{app.name.clone()}</b></td>
            <td class="c-image">{cut(&app.image.to_string())}</td>
            <td class="c-tags"><span class="chips">{channels}</span></td>
            <td class="c-port">{port}</td>
            <td class="c-git">{git}</td>
            {acts.then(|| view! { <td class="c-act end">{sweep_of(r, &app.name, sweep)}</td> })}
        </tr>
    }
    .into_any()
}

/// How the reading of its registry stands, and the button that has it read.
fn sweep_of(r: &Reader, app: &str, sweep: Option<&SweepView>) -> AnyView {
    let t = r.t;
    let state = sweep.map(|sweep| match sweep.state.as_str() {
        "waiting" => view! { <span class="quiet">{t.sweep_waiting()}</span> }.into_any(),
        "running" if sweep.whole => {
            view! { <span class="quiet">{t.sweep_running(sweep.tags_done, sweep.tags_total)}</span> }.into_any()
        }
        "failed" => {
            let why = sweep.problem.as_ref().map(|problem| problem_text(t, problem).happened).unwrap_or_default();
            view! { <span title=why>{chip(Tone::Bad, Icon::Cross, t.sweep_failed())}</span> }.into_any()
        }
        "done" if sweep.whole => view! { <span class="quiet">{t.sweep_done(sweep.builds_found)}</span> }.into_any(),
        _ => ().into_any(),
    });
    let going = sweep.is_some_and(|sweep| sweep.whole && matches!(sweep.state.as_str(), "waiting" | "running"));
    let form = Form::of(r, "/do/apps/sweep", Some(("app", app)));
    let (name, label) = (app.to_owned(), t.sweep_of(app));
    let button = (!going).then(|| view! { <button class="btn small" aria-label=label>{t.sweep()}</button> });
    view! {
        <form method="post" action="/do/apps/sweep" class="row">
            {form.alert()}
            <input type="hidden" name="app" value=name/>
            {state}
            {button}
        </form>
    }
    .into_any()
}

/// What it is, what it holds at most, and whether it takes anything new.
fn labels(t: Text, engine: &EngineConfig) -> AnyView {
    let labels = engine.labels.iter().map(|label| view! { <code>{label.clone()}</code>" " }).collect_view();
    let capacity = &engine.capacity;
    let number = capacity.environments.map(|most| t.most_environments(most));
    let memory = capacity.memory_mib.map(|most| format!("{most} MiB"));
    let ports = engine.ports.map(|ports| t.port_range(&ports.to_string()));
    let held: Vec<String> = [number, memory, ports].into_iter().flatten().collect();
    let draining = engine.draining.then(|| chip(Tone::Wait, Icon::Minus, t.draining()));
    view! { {labels}<span class="quiet">{held.join(" · ")}</span>" "{draining} }.into_any()
}

pub(super) fn engines(r: &Reader, settings: &SettingsView) -> AnyView {
    let t = r.t;
    let row = |engine: &EngineConfig| {
        view! {
            <tr>
                <td class="c-name"><b>{engine.name.clone()}</b>" "{labels(t, engine)}</td>
                <td class="c-state">{engine_state(r, settings, &engine.name)}</td>
                <td class="c-image">{cut(&engine.url)}{clear_warning(t, engine.access().in_the_clear())}</td>
                <td class="c-port"><code>{engine.address.clone()}</code></td>
            </tr>
        }
    };
    let rows = settings.engines.iter().map(row).collect_view();
    let table = view! {
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{t.called()}</th>
                    <th scope="col">{t.col_engine_state()}</th>
                    <th scope="col">{t.col_engine_url()}</th>
                    <th scope="col">{t.col_address()}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    let live = view! { <div data-live="engines">{table}</div> };
    section(t, "engines", t.engines(), settings.engines.is_empty(), live)
}

/// Whether the engine is there, since when, and why not.
fn engine_state(r: &Reader, settings: &SettingsView, name: &str) -> AnyView {
    let t = r.t;
    let seen = settings.engines_seen.iter().find(|seen| seen.name == name);
    let state = seen.map(|seen| seen.state).unwrap_or_default();
    let (tone, which, word) = match state {
        EngineState::Here => (Tone::Ok, Icon::Check, t.engine_here()),
        EngineState::Away => (Tone::Bad, Icon::Cross, t.engine_gone()),
        EngineState::Unknown => (Tone::Idle, Icon::Minus, t.engine_unknown()),
    };
    let since = seen.and_then(|seen| seen.since).filter(|_| state == EngineState::Away);
    let since = since.map(|since| view! { <span class="quiet">{t.engine_since()}" "{when(r, since)}</span> });
    let version = seen.and_then(|seen| seen.version.clone()).filter(|_| state == EngineState::Here);
    let alive = seen.map(|seen| seen.environments).filter(|alive| *alive > 0).map(|alive| t.engine_alive(alive));
    let more: Vec<String> = version.into_iter().chain(alive).collect();
    let why = seen.and_then(|seen| seen.problem.as_ref()).map(|problem| problem_text(t, problem).happened);
    let why = why.map(|why| view! { <p class="hint">{why}</p> });
    view! { {chip(tone, which, word)}" "{since}<span class="quiet">{more.join(" · ")}</span>{why} }.into_any()
}

fn clear_warning(t: Text, in_the_clear: bool) -> Option<AnyView> {
    let warning = || view! { <span title=t.in_the_clear_help()>{chip(Tone::Wait, Icon::Alert, t.in_the_clear())}</span> };
    in_the_clear.then(|| warning().into_any())
}

pub(super) fn regions(r: &Reader, settings: &SettingsView) -> AnyView {
    let t = r.t;
    let rows = settings.regions.iter().map(|region| region_row(t, region)).collect_view();
    let table = view! {
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{t.region()}</th>
                    <th scope="col">{t.col_zone()}</th>
                    <th scope="col">{t.col_engine_url()}</th>
                    <th scope="col">{t.col_registry()}</th>
                    <th scope="col" class="num">{t.col_replicas()}</th>
                    <th scope="col">{t.col_variables()}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    section(t, "regions", t.regions_section(), settings.regions.is_empty(), table)
}

/// A region's variables are named, never shown: a value may be a secret.
fn region_row(t: Text, region: &RegionConfig) -> AnyView {
    let title = match t.0 {
        Lang::En => region.title_en.clone(),
        Lang::Zh => region.title_zh.clone(),
    };
    let name = region.name.clone();
    let title = title.filter(|title| *title != name);
    let registry = match &region.registry {
        Some(registry) => view! { <code>{registry.clone()}</code> }.into_any(),
        None => view! { <span class="quiet">{t.own_registry()}</span> }.into_any(),
    };
    let variables: Vec<&str> = region.env.keys().map(String::as_str).collect();
    view! {
        <tr>
            <td class="c-name"><b>{title.map(|title| format!("{title} "))}</b><code>{name}</code></td>
            <td class="c-zone">{region.time_zone.clone()}</td>
            <td class="c-image">{cut(&region.url)}{clear_warning(t, region.access().in_the_clear())}</td>
            <td class="c-registry" data-label=t.col_registry()>{registry}</td>
            <td class="c-num num" data-label=t.col_replicas()>{region.replicas.unwrap_or(1)}</td>
            <td class="c-variables">{cut(&variables.join(", "))}</td>
        </tr>
    }
    .into_any()
}
