//! One build: what it is, what was decided about it, where it runs, and what to do with it.

mod act;
mod commits;
mod logs;
mod verdicts;

pub(super) use act::{send_back_form, sign_off_form, waves};
pub(super) use commits::{content as commits_content, counts as range_words};
pub(super) use verdicts::{said, said_by, sent_back_chip, verdict_form};

use super::checks::checks;
use super::promotions::promotion_list;
use super::run::run_chip;
use super::{param, query};
use crate::parts::{
    Body, Icon, Reader, Section, Tone, chip, commit, digest, dot, environment_chip, fact, icon, megabytes, outside, panel,
    region_title, release_first, short_digest, standing_chip, tag_word, when,
};
use crate::text::{Text, problem_text};
use crate::view::{BuildCommits, BuildLogs, BuildView, RunRow, SignOffView, TagAlarm};
use domain::id::BuildId;
use domain::{Action, Problem};
use leptos::prelude::*;

/// `GET /builds/{id}`
#[component]
pub fn Build() -> impl IntoView {
    let id = BuildId(param("id"));
    let region = query("region");
    crate::parts::page(move |r| async move {
        let port = r.port();
        let build = port.build(&r.actor, &id).await?;
        let commits = port.commits_of_build(&r.actor, &id).await?;
        let logs = port.logs_of_build(&r.actor, &id).await?;
        let promote = if build.may.contains(&Action::RequestPromotion) {
            act::promote(&r, &build, region.as_deref()).await?
        } else {
            ().into_any()
        };
        Ok(body(&r, &build, (&commits, &logs), promote))
    })
}

fn body(r: &Reader, build: &BuildView, (news, kept): (&BuildCommits, &BuildLogs), promote: AnyView) -> Body {
    let t = r.t;
    let content = view! {
        <div data-live="course">{course(r, build)}{alarms(r, build)}{quarantine(t, build)}</div>
        <div class="two">
            <div class="column">
                {act::test(r, build)}
                <div data-live="commits">{commits::panel_of(r, news)}</div>
                <div data-live="checks">{checks(r, &build.checks)}</div>
                {verdicts::panel_of(r, build)}
                <div data-live="logs">{logs::panel_of(r, &build.row.id, kept)}</div>
                {act::sign_off(r, build)}
                {promote}
            </div>
            <div class="column" data-live="facts">
                {facts(r, build)}
                {tags(r, build)}
                {promotions(r, build)}
            </div>
        </div>
    };
    Body::new(Section::Builds, format!("{} · {}", build.row.app, release_first(&build.row)), content)
        .crumb("/builds", t.builds_title())
        .act(primary(t, build))
        .topics("builds,environments,promotions,regions")
}

/// The one next thing for this reader: a tester launches, a product manager signs off, a lead promotes.
fn primary(t: Text, build: &BuildView) -> AnyView {
    let may = |action| build.may.contains(&action);
    let (href, word) = if may(Action::RequestPromotion) && build.row.standing.passed() {
        ("#promote", t.request_promotion())
    } else if may(Action::SignOff) && signed(build).is_none() {
        ("#sign-off", t.give_sign_off())
    } else if may(Action::RecordVerdict) && build.row.environments > 0 {
        ("#verdict", t.record_verdict())
    } else if may(Action::LaunchEnvironment) && !build.row.standing.quarantined() {
        ("#launch", t.launch_button())
    } else {
        return ().into_any();
    };
    view! { <a class="btn primary" href=href>{word}</a> }.into_any()
}

/// The sign-off that stands, if one does.
fn signed(build: &BuildView) -> Option<&SignOffView> {
    build.sign_offs.iter().find(|sign_off| sign_off.withdrawn_at.is_none())
}

/// How far the build has come, from its image to the regions.
fn course(r: &Reader, build: &BuildView) -> AnyView {
    let t = r.t;
    let row = &build.row;
    let image = match row.undescribed {
        _ if row.described => (Tone::Ok, Icon::Check),
        Some(Problem::ImageGone { .. }) => (Tone::Bad, Icon::Cross),
        _ => (Tone::Info, Icon::Turning),
    };
    let tested = match row.standing {
        standing if standing.quarantined() => (Tone::Bad, Icon::Cross),
        standing if standing.passed() => (Tone::Ok, Icon::Check),
        _ => (Tone::Wait, Icon::Clock),
    };
    let sign_off = signed(build);
    let sent_back = build.send_backs.first().filter(|sent| sent.stands);
    let signing = match (sign_off, sent_back) {
        (Some(_), _) => (Tone::Ok, Icon::Check),
        (None, Some(_)) => (Tone::Bad, Icon::Back),
        (None, None) => (Tone::Wait, Icon::Clock),
    };
    let regions: Vec<String> = row.runs_in.iter().map(|region| region_title(t, region)).collect();
    let running = if regions.is_empty() { (Tone::Idle, Icon::Minus) } else { (Tone::Ok, Icon::Check) };
    let stop = |(tone, which): (Tone, Icon), word: &'static str, about: AnyView| {
        view! { <li class="stop">{dot(tone, which, "")}<div><b>{word}</b><span class="about">{about}</span></div></li> }
    };
    let built = when(r, row.built_at.unwrap_or(row.seen_at));
    let by = match (sign_off, sent_back) {
        (Some(sign_off), _) => t.signed_by(&sign_off.author_name),
        (None, Some(sent_back)) => t.sent_back_by(&sent_back.author_name),
        (None, None) => t.not_yet().to_owned(),
    };
    let runs = if regions.is_empty() { t.nowhere_yet().to_owned() } else { regions.join(" · ") };
    view! {
        <ol class="course" aria-label=t.course()>
            {stop(image, t.image(), built)}
            {stop(tested, t.tested(), standing_words(t, build))}
            {stop(signing, t.sign_offs(), view! { {by} }.into_any())}
            {stop(running, t.course_production(), view! { {runs} }.into_any())}
        </ol>
    }
    .into_any()
}

/// A release tag that went elsewhere is said where nobody can miss it.
fn alarms(r: &Reader, build: &BuildView) -> AnyView {
    let t = r.t;
    let one = |alarm: &TagAlarm| {
        let href = format!("/builds/{}", alarm.other_build);
        let from: String = alarm.other.short().to_string();
        let words = if alarm.away { t.tag_moved_away().to_owned() } else { t.tag_moved_here(&from) };
        view! {
            <div class="note bad" role="alert">
                {icon(Icon::Alert)}
                <div>
                    <b>{t.tag_moved_alarm(&alarm.tag)}</b>
                    <p>{words}" "<a href=href><code>{from.clone()}</code></a>" · "{when(r, alarm.at)}</p>
                </div>
            </div>
        }
    };
    build.row.alarms.iter().take(3).map(one).collect_view().into_any()
}

fn standing_words(t: Text, build: &BuildView) -> AnyView {
    let standing = build.row.standing;
    let words = if standing.quarantined() {
        format!("{} · {}", t.verdict_fail(), t.quarantined())
    } else if standing.passed() {
        t.passes(standing.passes)
    } else if standing.blocked > 0 {
        t.verdict_blocked().to_owned()
    } else {
        t.untested().to_owned()
    };
    view! { {words} }.into_any()
}

fn quarantine(t: Text, build: &BuildView) -> AnyView {
    if !build.row.standing.quarantined() {
        return ().into_any();
    }
    let regions: Vec<String> = build.row.runs_in.iter().map(|region| region_title(t, region)).collect();
    let running = (!regions.is_empty()).then(|| {
        let words = t.quarantined_runs_in(&regions.join(" · "));
        view! { <p><a href="/regions"><b>{words}</b></a></p> }
    });
    view! {
        <div class="note bad" role="alert">
            {icon(Icon::Alert)}
            <div><b>{t.quarantine_title()}</b><p>{t.quarantine_help()}</p>{running}</div>
        </div>
    }
    .into_any()
}

fn facts(r: &Reader, build: &BuildView) -> AnyView {
    let t = r.t;
    let row = &build.row;
    let source = match &row.source {
        Some(source) => outside(source, source.clone()),
        None => view! { <span class="quiet">{t.not_said()}</span> }.into_any(),
    };
    let built = match row.built_at {
        Some(at) => when(r, at),
        None => view! { <span class="quiet">{t.not_said()}</span> }.into_any(),
    };
    let size = row.size.map_or_else(|| t.dash().to_owned(), |bytes| megabytes(t, bytes));
    let reading = match &row.undescribed {
        _ if row.described => None,
        Some(problem) => Some(problem_text(t, problem).happened),
        None => Some(t.reading_note().to_owned()),
    };
    let reading = reading.map(|why| view! { <p class="hint">{why}</p> });
    let reference = build.reference.clone();
    let copy = build.reference.clone();
    let content = view! {
        <dl class="facts">
            {fact(t.app(), row.app.clone())}
            {fact(t.digest(), digest(t, &row.digest))}
            {fact(t.commit(), commit(t, row))}
            {fact(t.source(), source)}
            {fact(t.built(), built)}
            {(!build.made_by.is_empty()).then(|| fact(t.made_by(), made_by(t, build)))}
            {fact(t.first_seen(), when(r, row.seen_at))}
            {fact(t.size(), size)}
            {fact(t.runs_where(), runs_in(t, build))}
        </dl>
        <div class="reference">
            <span class="label">{t.full_reference()}</span>
            <code class="whole">{reference}</code>
            <button type="button" class="btn small js" data-copy=copy data-copied=t.copied()>{t.copy()}</button>
        </div>
        {reading}
    };
    panel(t.facts(), (), content)
}

/// The CI runs that made it.
fn made_by(t: Text, build: &BuildView) -> AnyView {
    let one = |run: &RunRow| {
        let (href, word) = (format!("/runs/{}", run.id), run.name.clone().unwrap_or_else(|| run.source.clone()));
        view! { <a href=href>{word}</a>" "{run_chip(t, run)} }
    };
    build.made_by.iter().map(one).collect_view().into_any()
}

fn runs_in(t: Text, build: &BuildView) -> AnyView {
    let regions: Vec<String> = build.row.runs_in.iter().map(|region| region_title(t, region)).collect();
    if regions.is_empty() {
        return view! { <span class="quiet">{t.runs_nowhere()}</span> }.into_any();
    }
    view! { <a href="/regions">{regions.join(" · ")}</a> }.into_any()
}

/// The tags that point here, and each move of a tag to this digest.
fn tags(r: &Reader, build: &BuildView) -> AnyView {
    let t = r.t;
    let now = build
        .row
        .tags
        .iter()
        .map(|tag| {
            let state = if tag.current { t.tag_current() } else { t.tag_past() };
            let channel = tag.channel.clone().filter(|channel| *channel != tag.name);
            view! {
                <li class="line-item">
                    {tag_word(tag)}
                    <span class="quiet grow">{state}{channel.map(|channel| format!(" · {channel}"))}</span>
                    <span class="quiet">{when(r, tag.moved_at)}</span>
                </li>
            }
        })
        .collect_view();
    let moves = build
        .tag_moves
        .iter()
        .map(|step| {
            let from = match &step.previous {
                Some(previous) => view! { {t.moved_from_word()}" "{short_digest(previous)} }.into_any(),
                None => view! { {t.tag_new()} }.into_any(),
            };
            let tag = step.tag.clone();
            view! {
                <li class="line-item">
                    <code>{tag}</code>
                    <span class="quiet grow">{from}</span>
                    <span class="quiet">{when(r, step.at)}</span>
                </li>
            }
        })
        .collect_view();
    let history = (!build.tag_moves.is_empty()).then(|| {
        view! { <details class="fold"><summary>{t.tag_moves(build.tag_moves.len())}</summary><ul class="lines">{moves}</ul></details> }
    });
    panel(t.tag_history(), (), view! { <ul class="lines">{now}</ul>{history} })
}

fn promotions(r: &Reader, build: &BuildView) -> AnyView {
    if build.promotions.is_empty() {
        return ().into_any();
    }
    panel(r.t.promotions_here(), (), promotion_list(r, &build.promotions))
}

/// The environments that run this build, as lines.
pub(super) fn environments(r: &Reader, build: &BuildView) -> AnyView {
    let t = r.t;
    if build.environments.is_empty() {
        return view! { <p class="quiet pad">{t.no_environments_here()}</p> }.into_any();
    }
    let items = build
        .environments
        .iter()
        .map(|environment| {
            let href = format!("/environments/{}", environment.id);
            let holder = t.held_by(&environment.holder_name);
            let links = environment.links.iter().map(|link| outside(&link.url, t.open_service(&link.service))).collect_view();
            view! {
                <li class="line-item">
                    <a class="name" href=href>{t.env_number(environment.number)}</a>
                    {environment_chip(t, environment.state)}
                    <span class="quiet grow">{environment.stack.clone()}" · "{holder}</span>
                    <span class="links">{links}</span>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="lines" data-live="environments">{items}</ul> }.into_any()
}

/// The problem of a use case whose answer the page can do without.
pub(super) fn unless_away<T>(answer: Result<T, Problem>) -> Result<Option<T>, Problem> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(problem) if problem.kind() == domain::problem::Kind::Unavailable => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// The chips beside a build's name elsewhere.
pub(super) fn build_chips(t: Text, standing: domain::verdict::Standing, signed_off: bool) -> AnyView {
    let signed = signed_off.then(|| chip(Tone::Ok, Icon::Check, t.signed()));
    view! { {standing_chip(t, standing)}{signed} }.into_any()
}
