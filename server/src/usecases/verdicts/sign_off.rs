//! What product says of a build: it is accepted, or sent back.

use super::record;
use crate::ctx::Ctx;
use crate::store::decisions::send_backs::{self, SendBackRow};
use crate::store::decisions::{self as rows, SignOffRow};
use crate::usecases::deciding::{self, words};
use crate::usecases::notifications::{self, Acted};
use domain::id::{BuildId, SendBackId, SignOffId};
use domain::{Action, Actor, Problem};

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

/// Does not accept a build, for a reason that everybody reads. The sign-offs that stand on it are
/// withdrawn, whoever gave them; a later one accepts it after all.
///
/// # Errors
/// [`Problem::Invalid`] without a reason; [`Problem::NotFound`].
pub async fn send_back(ctx: &Ctx, actor: &Actor, build: &BuildId, reason: String) -> Result<SendBackId, Problem> {
    actor.require(Action::SignOff)?;
    let reason = words("reason", &reason, true)?;
    let subject = ctx.store.existing_build(build).await?;
    let (mut tx, author) = deciding::begin(ctx, actor, Action::SignOff, &subject.app, &subject.digest).await?;
    let sent = SendBackRow {
        id: ctx.new_id(),
        build: subject.id.clone(),
        author: author.id,
        author_name: author.name,
        reason,
        at: ctx.now(),
    };
    let ended = send_backs::insert(&mut tx, &sent).await?;
    let detail = if ended == 0 { sent.reason.clone() } else { format!("{ended} sign-off(s) withdrawn: {}", sent.reason) };
    notifications::sign_off(ctx, &mut tx, &subject.id, Acted::SentBack, &sent.author_name, &sent.reason).await?;
    record(ctx, &mut tx, actor, "build.sent_back", &subject, &detail).await?;
    deciding::finish(ctx, tx, None).await?;
    Ok(sent.id)
}
