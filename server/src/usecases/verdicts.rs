//! Verdicts and sign-offs: what people decide about a digest.

use crate::ctx::{Ctx, Entry};
use crate::store::Tx;
use crate::store::builds::BuildRecord;
use crate::store::decisions::{self as rows, SignOffRow, VerdictRow};
use crate::usecases::deciding::{self, words};
use crate::usecases::notifications::{self, Acted};
use crate::usecases::{commits, environments};
use app::view::{Overruled, SignOffView, VerdictInput, VerdictView};
use domain::id::{BuildId, EnvironmentId, SignOffId, UserId, VerdictId};
use domain::problem::{Fault, Noun};
use domain::verdict::VerdictKind;
use domain::{Action, Actor, Problem};

/// Records a tester's judgement. It is never edited afterwards.
///
/// # Errors
/// [`Problem::Invalid`] for the note or the environment; [`Problem::NotFound`] for the build.
pub async fn record_verdict(ctx: &Ctx, actor: &Actor, input: VerdictInput) -> Result<VerdictId, Problem> {
    actor.require(Action::RecordVerdict)?;
    let note = words("note", &input.note, input.kind != VerdictKind::Pass)?;
    let subject = ctx.store.existing_build(&input.build).await?;
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
        at: ctx.now(),
        withdrawn_at: None,
        overruled: None,
    };
    rows::insert_verdict(&mut tx, &verdict).await?;
    if let Some(environment) = &verdict.environment {
        environments::verdict_fell(ctx, &mut tx, &verdict.id, &verdict.build, environment).await?;
    }
    notifications::verdict(ctx, &mut tx, &verdict, Acted::Recorded, &verdict.author_name, &verdict.note).await?;
    record(ctx, &mut tx, actor, "verdict.recorded", &subject, input.kind.as_str()).await?;
    commits::verdict_fell(ctx, &mut tx, &subject).await?;
    deciding::finish(ctx, tx, None).await?;
    ctx.work.statuses.notify_one();
    ctx.work.snapshots.notify_one();
    Ok(verdict.id)
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

fn require_stands(verdict: &VerdictRow) -> Result<(), Problem> {
    verdict.ended().map_or(Ok(()), |state| Err(Problem::Finished { state: state.to_owned() }))
}

/// Accepts a build for production. Each person has one standing sign-off on a build.
///
/// # Errors
/// [`Problem::Quarantined`] while a fail stands; [`Problem::Exists`] when one's own stands
/// already; [`Problem::NotFound`], [`Problem::Invalid`].
pub async fn sign_off(ctx: &Ctx, actor: &Actor, build: &BuildId, note: String) -> Result<SignOffId, Problem> {
    actor.require(Action::SignOff)?;
    let note = words("note", &note, false)?;
    let subject = ctx.store.existing_build(build).await?;
    let (mut tx, author) = deciding::begin(ctx, actor, Action::SignOff, &subject.app, &subject.digest).await?;
    if rows::standing(&mut tx, &subject.digest).await?.quarantined() {
        return Err(Problem::Quarantined);
    }
    let given = SignOffRow {
        id: ctx.new_id(),
        build: subject.id.clone(),
        author: author.id,
        author_name: author.name,
        note,
        at: ctx.now(),
        withdrawn_at: None,
    };
    rows::insert_sign_off(&mut tx, &given).await?;
    notifications::sign_off(ctx, &mut tx, &subject.id, Acted::Recorded, &given.author_name, &given.note).await?;
    record(ctx, &mut tx, actor, "sign_off.given", &subject, "").await?;
    deciding::finish(ctx, tx, None).await?;
    Ok(given.id)
}

/// Takes one's own sign-off back.
///
/// # Errors
/// [`Problem::NotFound`], [`Problem::NotTheAuthor`], [`Problem::Finished`].
pub async fn withdraw_sign_off(ctx: &Ctx, actor: &Actor, id: &SignOffId) -> Result<(), Problem> {
    actor.require(Action::SignOff)?;
    let subject = ctx.store.existing_build(&ctx.store.sign_off(id).await?.build).await?;
    let (mut tx, person) = deciding::begin(ctx, actor, Action::SignOff, &subject.app, &subject.digest).await?;
    let given = rows::sign_off_in(&mut tx, id).await?;
    if given.author != person.id {
        return Err(Problem::NotTheAuthor);
    }
    if !rows::withdraw_sign_off(&mut tx, id, ctx.now()).await? {
        return Err(Problem::Finished { state: "withdrawn".to_owned() });
    }
    notifications::sign_off(ctx, &mut tx, &subject.id, Acted::Withdrawn, &person.name, "").await?;
    record(ctx, &mut tx, actor, "sign_off.withdrawn", &subject, "").await?;
    deciding::finish(ctx, tx, None).await
}

/// The verdicts on a build's digest, whichever app they were given under, and the build's own
/// sign-offs; newest first, at most 200 each.
///
/// # Errors
/// [`Problem::NotFound`].
pub async fn of_build(ctx: &Ctx, actor: &Actor, build: &BuildId) -> Result<(Vec<VerdictView>, Vec<SignOffView>), Problem> {
    actor.require(Action::Read)?;
    let subject = ctx.store.existing_build(build).await?;
    let verdicts = ctx.store.verdicts_on(&subject.digest).await?;
    let sign_offs = ctx.store.sign_offs_of(build).await?;
    let verdicts = verdicts.into_iter().map(|row| verdict_view(actor, row)).collect();
    Ok((verdicts, sign_offs.into_iter().map(|row| sign_off_view(actor, row)).collect()))
}

fn is_me(actor: &Actor, author: &UserId) -> bool {
    actor.person().is_some_and(|person| person.id == *author)
}

fn verdict_view(actor: &Actor, row: VerdictRow) -> VerdictView {
    let stands = row.ended().is_none();
    VerdictView {
        mine: stands && is_me(actor, &row.author) && actor.may(Action::WithdrawVerdict),
        id: row.id,
        kind: row.kind,
        note: row.note,
        author: row.author,
        author_name: row.author_name,
        environment: row.environment,
        generation: row.generation,
        at: row.at,
        withdrawn_at: row.withdrawn_at,
        overruled: row.overruled.map(|(by_name, reason, at)| Overruled { by_name, reason, at }),
        stands,
    }
}

fn sign_off_view(actor: &Actor, row: SignOffRow) -> SignOffView {
    SignOffView {
        mine: row.withdrawn_at.is_none() && is_me(actor, &row.author) && actor.may(Action::SignOff),
        id: row.id,
        author: row.author,
        author_name: row.author_name,
        note: row.note,
        at: row.at,
        withdrawn_at: row.withdrawn_at,
    }
}

/// The record names the build; the detail begins with the digest, which is what was judged.
async fn record(ctx: &Ctx, tx: &mut Tx, actor: &Actor, action: &str, subject: &BuildRecord, detail: &str) -> Result<(), Problem> {
    let entry = Entry {
        action,
        subject_kind: "build",
        subject: subject.id.as_str(),
        app: Some(&subject.app),
        detail: format!("{} {detail}", subject.digest.short()).trim_end().to_owned(),
    };
    ctx.audit(tx, actor, entry).await
}
