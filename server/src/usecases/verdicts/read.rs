//! Decisions about a build as pages and REST show them.

use crate::ctx::Ctx;
use crate::store::builds::BuildRecord;
use crate::store::decisions::send_backs::SendBackRow;
use crate::store::decisions::{SignOffRow, VerdictRow};
use crate::usecases::commits::host;
use app::view::{Overruled, SendBackView, SignOffView, VerdictView};
use domain::id::{BuildId, UserId};
use domain::{Action, Actor, Problem};

/// The verdicts on a build's digest, whichever app they were given under, and the build's own
/// sign-offs; newest first, at most 200 each.
///
/// # Errors
/// [`Problem::NotFound`].
pub async fn of_build(ctx: &Ctx, actor: &Actor, build: &BuildId) -> Result<(Vec<VerdictView>, Vec<SignOffView>), Problem> {
    actor.require(Action::Read)?;
    let subject = ctx.store.existing_build(build).await?;
    let sign_offs = ctx.store.sign_offs_of(build).await?;
    let verdicts = verdicts_on(ctx, actor, &subject).await?;
    Ok((verdicts, sign_offs.into_iter().map(|row| sign_off_view(actor, row)).collect()))
}

/// The verdicts on a build's digest, each with what stands beside it.
pub(in crate::usecases) async fn verdicts_on(
    ctx: &Ctx,
    actor: &Actor,
    subject: &BuildRecord,
) -> Result<Vec<VerdictView>, Problem> {
    let rows = ctx.store.verdicts_on(&subject.digest).await?;
    let mut sets = ctx.store.sets_of_verdicts(&subject.digest).await?;
    let mut evidence = ctx.store.evidence_on(&subject.digest).await?;
    let applied = ctx.config();
    let git = applied.config.app(&subject.app).and_then(|app| app.git.as_deref());
    let issues = git.and_then(|git| host::of(&applied.config, git)).and_then(|host| host.issues.clone());
    let view = |row: VerdictRow| {
        let (number, set) = sets.remove(&row.id).map_or((None, Vec::new()), |(number, set)| (Some(number), set));
        let evidence = evidence.remove(&row.id).unwrap_or_default();
        VerdictView { environment_number: number, set, evidence, issues: issues.clone(), ..verdict_view(actor, row) }
    };
    Ok(rows.into_iter().map(view).collect())
}

/// The times that product sent a build back, the newest first.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn send_backs_of(ctx: &Ctx, actor: &Actor, build: &BuildId) -> Result<Vec<SendBackView>, Problem> {
    actor.require(Action::Read)?;
    let sign_offs = ctx.store.sign_offs_of(build).await?;
    let view = |row: SendBackRow| SendBackView {
        stands: sign_offs.iter().all(|given| given.at < row.at || (given.at == row.at && given.withdrawn_at.is_some())),
        id: row.id,
        author_name: row.author_name,
        reason: row.reason,
        at: row.at,
    };
    Ok(ctx.store.send_backs_of(build).await?.into_iter().map(view).collect())
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
        issues: None,
        environment: row.environment,
        environment_number: None,
        generation: row.generation,
        set: Vec::new(),
        plan: row.plan,
        evidence: Vec::new(),
        at: row.at,
        withdrawn_at: row.withdrawn_at,
        superseded_by: row.superseded_by,
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
