//! One test environment: its launch step by step, its services, its log, and the verdict.

use super::build::{build_chips, unless_away, verdict_form};
use super::environments::{lease, links};
use super::{param, query};
use crate::islands::LogTail;
use crate::parts::{
    Body, Icon, Reader, Section, Tone, chip, environment_builds, environment_chip, fact, icon, image_word, only, outside, panel,
    path_with, steps, steps_done, when,
};
use crate::text::{Text, problem_text};
use crate::view::{EnvironmentBuild, EnvironmentView, ServiceStatus};
use domain::id::EnvironmentId;
use domain::lease::EnvironmentState;
use domain::verdict::Standing;
use domain::{Action, Problem};
use leptos::prelude::*;

/// Lines of a log on a page without scripts.
const LINES: u32 = 200;

/// `GET /environments/{id}?log={service}`
#[component]
pub fn Environment() -> impl IntoView {
    let id = EnvironmentId(param("id"));
    let service = query("log");
    crate::parts::page(move |r| async move {
        let environment = r.port().environment(&r.actor, &id).await?;
        let log = log(&r, &environment, service.as_deref()).await;
        let verdict = verdict(&r, &environment).await?;
        Ok(body(&r, &environment, log, verdict))
    })
}

fn body(r: &Reader, environment: &EnvironmentView, log: AnyView, verdict: AnyView) -> Body {
    let t = r.t;
    let row = &environment.row;
    let name = under_test(environment).map_or_else(
        || row.stack.clone(),
        |build| format!("{} {}", build.app, build.tag.clone().unwrap_or_else(|| build.digest.short().to_owned())),
    );
    let content = view! {
        <div data-live="notes">{notes(t, environment)}</div>
        <div class="two">
            <div class="column">
                <div data-live="steps">{launch(r, environment)}</div>
                <div data-live="services">{services(r, environment)}</div>
                <div data-live="log">{log}</div>
                <LogTail/>
            </div>
            <div class="column">
                <div data-live="facts">{facts(r, environment)}</div>
                {verdict}
            </div>
        </div>
    };
    let title = format!("{} · {name}", t.env_number(row.number));
    Body::new(Section::Environments, title, content)
        .crumb("/environments", t.environments_title())
        .beside(view! { <span data-live="state">{environment_chip(t, row.state)}</span> })
        .act(view! { <span class="act-live" data-live="act">{act(r, environment)}</span> })
        .topics("environments,builds")
}

fn under_test(environment: &EnvironmentView) -> Option<&EnvironmentBuild> {
    environment.row.builds.iter().find(|build| build.under_test).or_else(|| environment.row.builds.first())
}

/// Open what it publishes, and stop it.
fn act(r: &Reader, environment: &EnvironmentView) -> AnyView {
    let t = r.t;
    let row = &environment.row;
    let going = matches!(row.state, EnvironmentState::Launching | EnvironmentState::Running | EnvironmentState::Failed);
    let stop = (going && environment.may.contains(&Action::StopEnvironment)).then(|| {
        view! {
            <form method="post" action="/do/environments/stop">
                <input type="hidden" name="id" value=row.id.to_string()/>
                <button class="btn danger">{icon(Icon::Stop)}{t.stop_environment()}</button>
            </form>
        }
    });
    let open = (row.state == EnvironmentState::Running).then(|| row.links.first()).flatten().and_then(|link| {
        let url = crate::parts::web_address(&link.url)?;
        let word = t.open_service(&link.service);
        Some(view! { <a class="btn primary" href=url target="_blank" rel="noopener noreferrer">{word}{icon(Icon::Outside)}</a> })
    });
    view! { {stop}{open} }.into_any()
}

/// What one has to know before reading on: it failed, it has ended, the engine is away.
fn notes(t: Text, environment: &EnvironmentView) -> AnyView {
    let failed = (environment.row.state == EnvironmentState::Failed).then(|| {
        let told = environment.failure.as_ref().map(|problem| problem_text(t, problem));
        let why = told.map(|told| view! { <p>{told.happened}" "{told.to_do}</p> });
        view! {
            <div class="note bad" role="alert">
                {icon(Icon::Cross)}
                <div><b>{t.failed_title()}</b>{why}<p>{t.failed_help()}</p></div>
            </div>
        }
    });
    let ended = (environment.row.state == EnvironmentState::Stopped)
        .then(|| view! { <div class="note">{icon(Icon::Stop)}<p>{t.ended_note()}</p></div> });
    let away = (!environment.engine_reachable && environment.row.state != EnvironmentState::Stopped)
        .then(|| view! { <div class="note wait">{icon(Icon::Alert)}<p>{t.engine_away()}</p></div> });
    view! { {failed}{ended}{away} }.into_any()
}

fn launch(r: &Reader, environment: &EnvironmentView) -> AnyView {
    let t = r.t;
    let content = if environment.steps.is_empty() {
        view! { <p class="quiet pad">{t.no_steps()}</p> }.into_any()
    } else {
        steps(r, &environment.steps)
    };
    let done = view! { <span class="quiet">{steps_done(t, &environment.steps)}</span> };
    // Once it runs, the launch is history: folded, one click away.
    if matches!(environment.row.state, EnvironmentState::Running | EnvironmentState::Stopped) {
        return view! { <details class="panel fold-panel"><summary><h2>{t.steps()}</h2>{done}</summary>{content}</details> }
            .into_any();
    }
    panel(t.steps(), done, content)
}

fn services(r: &Reader, environment: &EnvironmentView) -> AnyView {
    let t = r.t;
    if environment.services.is_empty() {
        return match environment.row.state {
            EnvironmentState::Stopped => ().into_any(),
            _ => panel(t.services(), (), view! { <p class="quiet pad">{t.no_services()}</p> }),
        };
    }
    let rows = environment.services.iter().map(|service| service_row(t, environment, service)).collect_view();
    let table = view! {
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{t.col_service()}</th>
                    <th scope="col">{t.state()}</th>
                    <th scope="col">{t.col_health()}</th>
                    <th scope="col" class="num">{t.col_restarts()}</th>
                    <th scope="col" class="mid">{t.image()}</th>
                    <th scope="col">{t.col_links()}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    panel(t.services(), (), table)
}

fn service_row(t: Text, environment: &EnvironmentView, service: &ServiceStatus) -> AnyView {
    let state = match service.state.as_str() {
        "running" => chip(Tone::Ok, Icon::Check, t.service_state("running")),
        "created" | "restarting" => chip(Tone::Wait, Icon::Turning, t.service_state(&service.state)),
        "exited (0)" => chip(Tone::Idle, Icon::Stop, t.service_state(&service.state)),
        other => chip(Tone::Bad, Icon::Cross, t.service_state(other)),
    };
    let health = match service.health.as_deref() {
        Some("healthy") => chip(Tone::Ok, Icon::Check, t.service_state("healthy")),
        Some("unhealthy") => chip(Tone::Bad, Icon::Cross, t.service_state("unhealthy")),
        Some("starting") => chip(Tone::Wait, Icon::Turning, t.service_state("starting")),
        _ => view! { <span class="quiet">{t.no_health()}</span> }.into_any(),
    };
    let links = environment
        .row
        .links
        .iter()
        .filter(|link| link.service == service.name)
        .map(|link| outside(&link.url, link.container_port.to_string()))
        .collect_view();
    view! {
        <tr>
            <td class="c-name"><b>{service.name.clone()}</b></td>
            <td class="c-state">{state}</td>
            <td class="c-health">{health}</td>
            <td class="c-num num" data-label=t.col_restarts()>{service.restarts}</td>
            <td class="c-image mid">{image_word(&service.image)}</td>
            <td class="c-links"><span class="links">{links}</span></td>
        </tr>
    }
    .into_any()
}

fn facts(r: &Reader, environment: &EnvironmentView) -> AnyView {
    let t = r.t;
    let row = &environment.row;
    let engine = t.on_engine(&row.engine);
    let content = view! {
        <dl class="facts">
            {fact(t.col_builds(), environment_builds(t, &row.builds))}
            {fact(t.stack(), view! { {row.stack.clone()}" "<span class="quiet">{engine}</span> })}
            {fact(t.col_holder(), row.holder_name.clone())}
            {fact(t.col_started(), when(r, row.created_at))}
            {fact(t.col_lease(), lease(r, row))}
            {(!row.links.is_empty()).then(|| fact(t.col_links(), view! { <span class="links">{links(t, row)}</span> }))}
        </dl>
    };
    panel(t.facts(), (), content)
}

/// The verdict on the build under test, from where it was looked at.
async fn verdict(r: &Reader, environment: &EnvironmentView) -> Result<AnyView, Problem> {
    let t = r.t;
    let Some(under_test) = under_test(environment) else { return Ok(().into_any()) };
    let build = unless_away(r.port().build(&r.actor, &under_test.build).await)?;
    let (standing, signed) =
        build.as_ref().map_or((Standing::default(), false), |build| (build.row.standing, build.row.signed_off));
    let form = if environment.may.contains(&Action::RecordVerdict) {
        view! { <div class="pad">{verdict_form(r, &under_test.build, Some(&environment.row.id))}</div> }.into_any()
    } else {
        only(t, Action::RecordVerdict)
    };
    let name = format!("{} {}", under_test.app, under_test.tag.clone().unwrap_or_else(|| under_test.digest.short().to_owned()));
    let href = format!("/builds/{}", under_test.build);
    let beside = view! { <span class="chips" data-live="standing">{build_chips(t, standing, signed)}</span> };
    let content = view! { <p class="pad-line quiet">{t.judged_build_word()}" "<a href=href>{name}</a></p>{form} };
    Ok(panel(t.verdict_here(), beside, content))
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
            let href = format!("{}#log", path_with(&format!("/environments/{id}"), &[("log", Some(name))]));
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
