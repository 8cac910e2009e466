//! What testers say of a digest, and how it ends: withdrawn, superseded or overruled.

use super::{evidence, record};
use crate::ctx::Ctx;
use crate::store::Tx;
use crate::store::decisions::{self as rows, VerdictRow};
use crate::usecases::deciding::{self, words};
use crate::usecases::notifications::{self, Acted};
use crate::usecases::{commits, environments};
use app::view::{Findings, VerdictInput};
use domain::checklist::{self, JudgedPlan};
use domain::id::{BuildId, EnvironmentId, VerdictId};
use domain::problem::{Fault, Noun};
use domain::verdict::VerdictKind;
use domain::{Action, Actor, Problem};

/// Records a tester's judgement without anything beside it.
///
/// # Errors
/// As [`record_verdict_with`].
pub async fn record_verdict(ctx: &Ctx, actor: &Actor, input: VerdictInput) -> Result<VerdictId, Problem> {
    record_verdict_with(ctx, actor, input, Findings::default()).await
}

/// Records a tester's judgement with what was found at the checklist and the files that show it. It
/// is never edited afterwards, and takes the place of what the same tester said of the digest before.
///
/// # Errors
/// [`Problem::Invalid`] for the note, the environment, the checklist or a file; [`Problem::Stale`]
/// when the checklist is no longer the one that the tester saw; [`Problem::NotFound`] for the build.
pub async fn record_verdict_with(
    ctx: &Ctx,
    actor: &Actor,
    input: VerdictInput,
    findings: Findings,
) -> Result<VerdictId, Problem> {
    actor.require(Action::RecordVerdict)?;
    let note = words("note", &input.note, input.kind != VerdictKind::Pass)?;
    let subject = ctx.store.existing_build(&input.build).await?;
    let plan = judged(ctx, &subject.app, &findings).await?;
    if let Some(plan) = &plan {
        plan.allows(input.kind, &note).map_err(|(field, why)| Problem::invalid(field, why))?;
    }
    let files = evidence::keep(ctx, findings.files).await?;
    let (mut tx, author) = deciding::begin(ctx, actor, Action::RecordVerdict, &subject.app, &subject.digest).await?;
    let generation = match &input.environment {
        Some(environment) => Some(require_ran(&mut tx, environment, &subject.id).await?),
        None => None,
    };
    let verdict = VerdictRow {
        id: ctx.new_id(),
        build: subject.id.clone(),
        kind: input.kind,
        note,
        author: author.id,
        author_name: author.name,
        environment: input.environment,
        generation,
        plan,
        at: ctx.now(),
        withdrawn_at: None,
        superseded_by: None,
        overruled: None,
    };
    rows::insert_verdict(&mut tx, &verdict).await?;
    evidence::insert(&mut tx, &verdict.id, &files).await?;
    let earlier = rows::supersede(&mut tx, &verdict, &subject.digest).await?;
    if let Some(environment) = &verdict.environment {
        environments::verdict_fell(ctx, &mut tx, &verdict.id, &verdict.build, environment).await?;
    }
    notifications::verdict(ctx, &mut tx, &verdict, Acted::Recorded, &verdict.author_name, &verdict.note).await?;
    record(ctx, &mut tx, actor, "verdict.recorded", &subject, &in_place_of(input.kind, &earlier)).await?;
    commits::verdict_fell(ctx, &mut tx, &subject).await?;
    deciding::finish(ctx, tx, None).await?;
    ctx.work.statuses.notify_one();
    ctx.work.snapshots.notify_one();
    Ok(verdict.id)
}

/// `pass`, or `pass in place of fail`.
fn in_place_of(kind: VerdictKind, earlier: &[VerdictKind]) -> String {
    let earlier: Vec<&str> = earlier.iter().map(|kind| kind.as_str()).collect();
    if earlier.is_empty() {
        return kind.as_str().to_owned();
    }
    format!("{} in place of {}", kind.as_str(), earlier.join(", "))
}

/// The app's checklist as it is now, with what was found.
async fn judged(ctx: &Ctx, app: &str, findings: &Findings) -> Result<Option<JudgedPlan>, Problem> {
    ctx.reload_config().await?;
    let applied = ctx.config();
    let items = applied.config.app(app).map(|app| app.checklist.as_slice()).unwrap_or_default();
    if findings.plan.as_ref().is_some_and(|seen| *seen != checklist::version(items)) {
        return Err(Problem::Stale);
    }
    checklist::judge(items, &findings.items).map_err(|why| Problem::invalid("items", why))
}

/// Evidence is only what ran the build: the release set that did.
async fn require_ran(tx: &mut Tx, environment: &EnvironmentId, build: &BuildId) -> Result<i64, Problem> {
    let why = match rows::environment_ran(tx, environment, build).await? {
        Some(Some(generation)) => return Ok(generation),
        Some(None) => Fault::Refused { reason: "it did not run this build".to_owned() },
        None => Fault::Unknown { what: Noun::Environment, name: environment.as_str().chars().take(64).collect() },
    };
    Err(Problem::invalid("environment", why))
}

/// Takes one's own verdict back.
///
/// # Errors
/// [`Problem::NotFound`], [`Problem::NotTheAuthor`], [`Problem::Finished`] when it no longer stands.
pub async fn withdraw_verdict(ctx: &Ctx, actor: &Actor, id: &VerdictId) -> Result<(), Problem> {
    actor.require(Action::WithdrawVerdict)?;
    let subject = ctx.store.existing_build(&ctx.store.verdict(id).await?.build).await?;
    let (mut tx, person) = deciding::begin(ctx, actor, Action::WithdrawVerdict, &subject.app, &subject.digest).await?;
    let verdict = rows::verdict_in(&mut tx, id).await?;
    if verdict.author != person.id {
        return Err(Problem::NotTheAuthor);
    }
    require_stands(&verdict)?;
    if !rows::withdraw_verdict(&mut tx, id, ctx.now()).await? {
        return Err(Problem::Stale);
    }
    notifications::verdict(ctx, &mut tx, &verdict, Acted::Withdrawn, &person.name, "").await?;
    record(ctx, &mut tx, actor, "verdict.withdrawn", &subject, verdict.kind.as_str()).await?;
    commits::verdict_fell(ctx, &mut tx, &subject).await?;
    deciding::finish(ctx, tx, None).await?;
    ctx.work.statuses.notify_one();
    Ok(())
}

/// Puts a standing fail aside, with a reason that stays with it.
///
/// # Errors
/// [`Problem::Invalid`] without a reason or for what is not a fail; [`Problem::NotFound`];
/// [`Problem::Finished`] when it no longer stands.
pub async fn overrule_verdict(ctx: &Ctx, actor: &Actor, id: &VerdictId, reason: String) -> Result<(), Problem> {
    actor.require(Action::OverruleVerdict)?;
    let reason = words("reason", &reason, true)?;
    let subject = ctx.store.existing_build(&ctx.store.verdict(id).await?.build).await?;
    let (mut tx, person) = deciding::begin(ctx, actor, Action::OverruleVerdict, &subject.app, &subject.digest).await?;
    let verdict = rows::verdict_in(&mut tx, id).await?;
    if verdict.kind != VerdictKind::Fail {
        return Err(Problem::invalid("kind", Fault::NotOneOf { choices: VerdictKind::Fail.as_str().to_owned() }));
    }
    require_stands(&verdict)?;
    if !rows::overrule_verdict(&mut tx, id, &person, &reason, ctx.now()).await? {
        return Err(Problem::Stale);
    }
    let detail = format!("{} by {}: {reason}", verdict.kind.as_str(), verdict.author_name);
    notifications::verdict(ctx, &mut tx, &verdict, Acted::Overruled, &person.name, &reason).await?;
    record(ctx, &mut tx, actor, "verdict.overruled", &subject, &detail).await?;
    commits::verdict_fell(ctx, &mut tx, &subject).await?;
    deciding::finish(ctx, tx, None).await?;
    ctx.work.statuses.notify_one();
    Ok(())
}

pub(super) fn require_stands(verdict: &VerdictRow) -> Result<(), Problem> {
    verdict.ended().map_or(Ok(()), |state| Err(Problem::Finished { state: state.to_owned() }))
}
