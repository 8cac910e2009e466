//! The overview: the services as they are now, facts, and the verdict.

use super::super::build::{build_chips, unless_away, verdict_form};
use super::super::checks::checks;
use super::super::environments::{links, place};
use super::super::launch::{chosen_word, panels};
use super::lease;
use super::under_test;
use crate::parts::{
    Icon, Reader, Tone, chip, encode, environment_builds, fact, icon, image_word, only, outside, panel, short_digest, steps,
    steps_done, when,
};
use crate::text::{Text, problem_text};
use crate::view::{EnvironmentView, ServiceStatus};
use domain::lease::EnvironmentState;
use domain::verdict::Standing;
use domain::{Action, Problem};
use leptos::prelude::*;

/// What the tab holds. Each panel is a part of its own, so that it can be drawn anew alone.
pub(super) async fn overview(r: &Reader, environment: &EnvironmentView) -> Result<AnyView, Problem> {
    let t = r.t;
    let verdict = verdict(r, environment).await?;
    Ok(view! {
        <div class="two">
            <div class="column">
                <div data-live="services">{services(r, environment)}</div>
                <div data-live="launched">{launched(r, environment)}</div>
                <div data-live="variables">{panels(t, &environment.variables)}</div>
            </div>
            <div class="column">
                <div data-live="facts">{facts(r, environment)}{checks(r, &environment.checks)}{sets(r, environment)}</div>
                <div data-live="lease">{lease::section(r, environment)}</div>
                {verdict}
            </div>
        </div>
    }
    .into_any())
}

/// What one has to know before reading on: it failed, it has ended, the engine is away.
pub(super) fn notes(r: &Reader, environment: &EnvironmentView) -> AnyView {
    let t = r.t;
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
    let still = match environment.row.state {
        EnvironmentState::Frozen => Some(t.frozen_note()),
        EnvironmentState::Queued => Some(t.queued_note()),
        _ => None,
    };
    let still = still.map(|said| {
        let place = environment.row.queue.as_ref().map(|queue| view! { <b>{place(r, queue)}</b> });
        view! { <div class="note">{icon(Icon::Clock)}<div>{place}<p>{said}</p></div></div> }
    });
    let word = if environment.row.engine_away_since.is_some() { t.engine_away_waits() } else { t.engine_away() };
    let gone = matches!(environment.row.state, EnvironmentState::Queued | EnvironmentState::Stopped);
    let away =
        (!environment.engine_reachable && !gone).then(|| view! { <div class="note wait">{icon(Icon::Alert)}<p>{word}</p></div> });
    view! { {failed}{ended}{still}{away} }.into_any()
}

/// The launch step by step, above all tabs, until it runs.
pub(super) fn launch(r: &Reader, environment: &EnvironmentView) -> AnyView {
    if is_history(environment) {
        return ().into_any();
    }
    panel(r.t.steps(), done(r.t, environment), step_list(r, environment))
}

/// Once it runs, the launch is history: folded, one click away.
fn launched(r: &Reader, environment: &EnvironmentView) -> AnyView {
    if !is_history(environment) {
        return ().into_any();
    }
    let (title, done, content) = (r.t.steps(), done(r.t, environment), step_list(r, environment));
    view! { <details class="panel fold-panel"><summary><h2>{title}</h2>{done}</summary>{content}</details> }.into_any()
}

fn is_history(environment: &EnvironmentView) -> bool {
    matches!(environment.row.state, EnvironmentState::Running | EnvironmentState::Frozen | EnvironmentState::Stopped)
}

fn done(t: Text, environment: &EnvironmentView) -> AnyView {
    view! { <span class="quiet">{steps_done(t, &environment.steps)}</span> }.into_any()
}

fn step_list(r: &Reader, environment: &EnvironmentView) -> AnyView {
    if environment.steps.is_empty() {
        return view! { <p class="quiet pad">{r.t.no_steps()}</p> }.into_any();
    }
    steps(r, &environment.steps)
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
                    <th scope="col"><span class="sr">{t.col_acts()}</span></th>
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
        exited
            if exited == "exited (0)" || (environment.row.state == EnvironmentState::Frozen && exited.starts_with("exited")) =>
        {
            chip(Tone::Idle, Icon::Stop, t.service_state(exited))
        }
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
        .map(|link| {
            let direct = link.direct.as_deref().map(|direct| outside(direct, t.link_direct()));
            view! { {outside(&link.url, link.container_port.to_string())}{direct} }
        })
        .collect_view();
    view! {
        <tr>
            <td class="c-name"><b>{service.name.clone()}</b></td>
            <td class="c-state">{state}</td>
            <td class="c-health">{health}</td>
            <td class="c-num num" data-label=t.col_restarts()>{service.restarts}</td>
            <td class="c-image mid">{image_word(&service.image)}</td>
            <td class="c-links"><span class="links">{links}</span></td>
            <td class="c-act"><span class="acts">{shell_link(t, environment, service)}{lease::restart(t, environment, &service.name)}</span></td>
        </tr>
    }
    .into_any()
}

/// The way into a running service, for those who may go in.
fn shell_link(t: Text, environment: &EnvironmentView, service: &ServiceStatus) -> AnyView {
    let open = service.state == "running" && environment.may.contains(&Action::OpenShell);
    open.then(|| {
        let href = format!("/environments/{}/services/{}/shell", environment.row.id, encode(&service.name));
        view! { <a class="btn small" href=href aria-label=t.shell_in(&service.name)>{icon(Icon::Shell)}{t.shell()}</a> }
    })
    .into_any()
}

fn facts(r: &Reader, environment: &EnvironmentView) -> AnyView {
    let t = r.t;
    let row = &environment.row;
    let engine = (!row.engine.is_empty()).then(|| t.on_engine(&row.engine));
    let content = view! {
        <dl class="facts">
            {fact(t.col_builds(), environment_builds(t, &row.builds))}
            {fact(t.stack(), view! { {row.stack.clone()}" "<span class="quiet">{engine}</span> })}
            {fact(t.col_started(), when(r, row.created_at))}
            {(!row.links.is_empty()).then(|| fact(t.col_links(), view! { <span class="links">{links(t, row)}</span> }))}
        </dl>
    };
    panel(t.facts(), (), content)
}

/// What ran together, and since when; the newest set first.
fn sets(r: &Reader, environment: &EnvironmentView) -> AnyView {
    let t = r.t;
    let items = environment
        .sets
        .iter()
        .map(|set| {
            let now = (set.generation == environment.row.generation).then(|| view! { <span class="origin">{t.set_now()}</span> });
            let builds = set
                .builds
                .iter()
                .map(|build| {
                    let href = format!("/builds/{}", build.build);
                    let name = build.tag.clone().unwrap_or_default();
                    let (app, chosen) = (build.app.clone(), chosen_word(t, &build.chosen));
                    view! {
                        <span class="set-build">
                            <b>{app}</b>" "<a href=href>{name}" "{short_digest(&build.digest)}</a>" "<span class="quiet">{chosen}</span>
                        </span>
                    }
                })
                .collect_view();
            view! {
                <li class="set-item">
                    <span class="set-head">
                        <b>{t.set_number(set.generation)}</b>{now}
                        <span class="quiet">{when(r, set.at)}" · "{t.set_by(&set.by_name)}</span>
                    </span>
                    {builds}
                </li>
            }
        })
        .collect_view();
    panel(t.release_sets(), (), view! { <ol class="sets">{items}</ol> })
}

/// The verdict on the build under test, from where it was looked at.
async fn verdict(r: &Reader, environment: &EnvironmentView) -> Result<AnyView, Problem> {
    let t = r.t;
    let Some(under_test) = under_test(environment) else { return Ok(().into_any()) };
    let build = unless_away(r.port().build(&r.actor, &under_test.build).await)?;
    let (standing, signed) =
        build.as_ref().map_or((Standing::default(), false), |build| (build.row.standing, build.row.signed_off));
    let form = if environment.may.contains(&Action::RecordVerdict) {
        view! { <div class="pad">{verdict_form(r, &under_test.build, Some(&environment.row.id), &environment.checklist)}</div> }
            .into_any()
    } else {
        only(t, Action::RecordVerdict)
    };
    let name = format!("{} {}", under_test.app, under_test.tag.clone().unwrap_or_else(|| under_test.digest.short().to_owned()));
    let href = format!("/builds/{}", under_test.build);
    let beside = view! { <span class="chips" data-live="standing">{build_chips(t, standing, signed)}</span> };
    let content = view! { <p class="pad-line quiet">{t.judged_build_word()}" "<a href=href>{name}</a></p>{form} };
    Ok(panel(t.verdict_here(), beside, content))
}
