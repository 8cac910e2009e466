//! Checks: once a release set runs, its one-shot service is started, and what it ended with and
//! printed is kept as evidence of the build.

use super::plan::Plan;
use super::raise::last_lines;
use super::steps::Board;
use super::stop;
use crate::ctx::{Ctx, Entry};
use crate::engine::containers::{Host, Look, label};
use crate::hub::Topic;
use crate::store::environments::{self as rows, CheckRecord, EnvironmentRecord};
use crate::store::internal;
use app::view::CheckView;
use domain::check::{CheckState, MOST_REPORT, Report, outcome, read_report};
use domain::id::{BuildId, EnvironmentId};
use domain::lease::{EndReason, EnvironmentState};
use domain::{Action, Actor, Problem};
use std::time::Duration;

/// A check takes no longer.
const MOST_MINUTES: i64 = 60;
const LOOK: Duration = Duration::from_secs(1);
/// Checks that are shown with one build or environment.
const MOST_SHOWN: i64 = 20;
/// What one round looks at.
const BITE: i64 = 200;

/// The checks of a build, the newest first.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn checks_of_build(ctx: &Ctx, actor: &Actor, build: &BuildId) -> Result<Vec<CheckView>, Problem> {
    actor.require(Action::Read)?;
    ctx.store.checks_of_build(build, MOST_SHOWN).await
}

/// The checks in an environment, the newest first.
pub(super) async fn checks_in(ctx: &Ctx, environment: &EnvironmentId) -> Result<Vec<CheckView>, Problem> {
    ctx.store.checks_in(environment, MOST_SHOWN).await
}

/// The checks whose release set runs now. Those whose release set will never run (any more) are
/// ended as broken.
pub(super) async fn due(ctx: &Ctx) -> Result<Vec<(CheckRecord, EnvironmentRecord)>, Problem> {
    let mut due = Vec::new();
    for check in ctx.store.open_checks(BITE).await? {
        let Some(environment) = ctx.store.environment_record(&check.environment).await? else { continue };
        if environment.generation != check.generation {
            broken(ctx, &check, &environment, Problem::Stale).await?;
            continue;
        }
        match environment.state {
            EnvironmentState::Running => due.push((check, environment)),
            // It runs again in a moment, or when it is thawed.
            EnvironmentState::Queued
            | EnvironmentState::Launching
            | EnvironmentState::Restarting
            | EnvironmentState::Freezing
            | EnvironmentState::Frozen
            | EnvironmentState::Thawing => {}
            EnvironmentState::Failed => {
                let why = environment.failure.as_deref().map(serde_json::from_str).transpose().map_err(internal)?;
                broken(ctx, &check, &environment, why.unwrap_or(Problem::Stale)).await?;
            }
            state => {
                let why = Problem::Finished { state: state.as_str().to_owned() };
                broken(ctx, &check, &environment, why).await?;
            }
        }
    }
    Ok(due)
}

/// Carries a check out. Its container has a name of its own and says which release set it is for, so
/// that a second try finds what the first one began. An error means that it is tried again.
pub(super) async fn run(ctx: &Ctx, check: &CheckRecord, environment: &EnvironmentRecord) -> Result<(), Problem> {
    let mut tx = ctx.store.begin().await?;
    let began = check.started_at.unwrap_or_else(|| ctx.now());
    rows::begin_check(&mut tx, &check.id, began).await?;
    let board = Board::read(ctx, &environment.id).await?;
    board.begin("check", &check.service, ctx.now());
    board.write(&mut tx).await?;
    tx.commit().await.map_err(internal)?;
    super::tell_state(ctx, &environment.id);
    let host = ctx.host(&environment.engine).await?;
    match until_ended(ctx, &host, check, environment).await {
        Ok((container, exit_code)) => judged(ctx, &host, check, environment, &container, exit_code).await,
        // The engine may be back soon; the check goes on there meanwhile.
        Err(problem @ Problem::Unreachable { .. }) => Err(problem),
        Err(problem) => broken(ctx, check, environment, problem).await,
    }
}

/// The container's id and its exit code, once it has ended.
async fn until_ended(
    ctx: &Ctx,
    host: &Host,
    check: &CheckRecord,
    environment: &EnvironmentRecord,
) -> Result<(String, i64), Problem> {
    let plan: Plan = serde_json::from_str(&ctx.store.environment_spec(&environment.id).await?).map_err(internal)?;
    let gone = || Problem::ServicesGone { services: check.service.clone() };
    let planned = plan.service(&check.service).ok_or_else(gone)?;
    let image = host.ensure_image(&ctx.registry(), &planned.image, &planned.digest, |_| {}).await?;
    let mut spec = planned.container(&plan.place(ctx.instance(), environment));
    spec.labels.insert(label::GENERATION.to_owned(), check.generation.to_string());
    host.retire(&spec).await?;
    let made = host.ensure_container(&spec, &image.id).await?;
    if made.is_new {
        host.start(&made.id).await?;
    }
    let began = check.started_at.unwrap_or_else(|| ctx.now());
    loop {
        let look: Look = host.look(&made.id).await?.ok_or_else(gone)?;
        if let Some(exit_code) = look.exit_code {
            return Ok((made.id, exit_code));
        }
        if ctx.now() - began > chrono::TimeDelta::minutes(MOST_MINUTES) {
            host.remove_container(&made.id).await?;
            return Err(Problem::CheckTooLong { service: check.service.clone(), minutes: MOST_MINUTES });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Reads what was printed and writes what the check amounts to.
async fn judged(
    ctx: &Ctx,
    host: &Host,
    check: &CheckRecord,
    environment: &EnvironmentRecord,
    container: &str,
    exit_code: i64,
) -> Result<(), Problem> {
    let printed = host.printed(container, MOST_REPORT).await?;
    let read = read_report(&String::from_utf8_lossy(&printed.bytes));
    let report = read.as_ref().ok().and_then(Option::as_ref);
    let problem = read.as_ref().err().map(|why| Problem::invalid("report", why.clone()));
    let state = outcome(exit_code, report);
    let tail = if state == CheckState::Failed { last_lines(host, container).await } else { None };
    let facts = Facts { state, exit_code: Some(exit_code), report, problem: problem.as_ref(), tail };
    end(ctx, check, environment, facts).await
}

async fn broken(ctx: &Ctx, check: &CheckRecord, environment: &EnvironmentRecord, why: Problem) -> Result<(), Problem> {
    let facts = Facts { state: CheckState::Broken, exit_code: None, report: None, problem: Some(&why), tail: None };
    end(ctx, check, environment, facts).await
}

struct Facts<'a> {
    state: CheckState,
    exit_code: Option<i64>,
    report: Option<&'a Report>,
    problem: Option<&'a Problem>,
    /// What it wrote last.
    tail: Option<String>,
}

async fn end(ctx: &Ctx, check: &CheckRecord, environment: &EnvironmentRecord, facts: Facts<'_>) -> Result<(), Problem> {
    let now = ctx.now();
    let board = Board::read(ctx, &environment.id).await?;
    let mut tx = ctx.store.begin().await?;
    let ended =
        rows::Ended { state: facts.state, exit_code: facts.exit_code, report: facts.report, problem: facts.problem, at: now };
    if !rows::end_check(&mut tx, &check.id, ended).await? {
        return Ok(());
    }
    if environment.generation == check.generation {
        match facts.state {
            CheckState::Passed => board.done("check", &check.service, now),
            _ => board.failed("check", &check.service, facts.tail.clone(), now),
        }
        board.write(&mut tx).await?;
    }
    let action = match facts.state {
        CheckState::Passed => "check.passed",
        CheckState::Failed => "check.failed",
        _ => "check.broken",
    };
    let detail = format!("E-{}: {}{}", environment.number, check.service, words(&facts));
    let (subject_kind, subject, app) = ("build", check.build.as_str(), Some(check.app.as_str()));
    ctx.audit(&mut tx, &Actor::Slipway, Entry { action, subject_kind, subject, app, detail }).await?;
    tx.commit().await.map_err(internal)?;
    super::tell_state(ctx, &environment.id);
    ctx.hub.tell(Topic::Activity, None);
    let alive = matches!(environment.state, EnvironmentState::Running | EnvironmentState::Failed);
    if check.stop_after && alive && environment.generation == check.generation {
        stop::end(ctx, &Actor::Slipway, environment, EndReason::CheckEnded).await?;
    }
    Ok(())
}

/// `, exit code 1, 2 of 40 cases failed`
fn words(facts: &Facts<'_>) -> String {
    let code = facts.exit_code.map(|code| format!(", exit code {code}")).unwrap_or_default();
    let cases = facts.report.map(|report| format!(", {} of {} cases failed", report.failures + report.errors, report.tests));
    let problem = facts.problem.map(|problem| format!(", {problem}")).unwrap_or_default();
    format!("{code}{}{problem}", cases.unwrap_or_default())
}
